"""What the memory store keeps of one portfolio, indexed the way a cycle asks for it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Generic, TypeVar

from counterpoise.domain.events import Severity
from counterpoise.domain.hedge_book import BookLine, ClosedHedge, Cross, LineKey
from counterpoise.domain.ledger import LedgerEntry
from counterpoise.domain.operator import Approval, Command, CommandState
from counterpoise.domain.plan import Target
from counterpoise.domain.records import (
    Changes,
    Flow,
    GuardRecord,
    JournalRow,
    PortfolioRecord,
    PositionRecord,
    WalletRecord,
)
from counterpoise.domain.transfer import Transfer
from counterpoise.record.exact import document, instant_text
from counterpoise.record.rules import CAPPING, RECENT, transfer_age_key

T = TypeVar("T")


class Dated(Generic[T]):
    """Values by instant and key, each key once, oldest first."""

    def __init__(self) -> None:
        self._keys: list[tuple[datetime, tuple[str, ...]]] = []
        self._values: dict[tuple[datetime, tuple[str, ...]], T] = {}

    def add(self, at: datetime, key: tuple[str, ...], value: T) -> None:
        """Add ``value``; a key already known at that instant is left alone."""
        if (at, key) not in self._values:
            self._values[at, key] = value
            insort(self._keys, (at, key))

    def since(self, at: datetime) -> tuple[T, ...]:
        """Return the values at or after ``at``."""
        return tuple(self._values[key] for key in self._keys[bisect_left(self._keys, (at, ())) :])

    def drop_before(self, at: datetime) -> None:
        """Forget the values before ``at``."""
        old = self._keys[: bisect_left(self._keys, (at, ()))]
        for key in old:
            del self._values[key]
        del self._keys[: len(old)]


@dataclass(slots=True)
class PortfolioRows:
    """What is kept of one portfolio; strategies as (kind, JSON), ages as sorted (instant, key) pairs."""

    record: PortfolioRecord
    strategies: dict[str, tuple[str, str]] = field(default_factory=dict)
    targets: dict[tuple[str, str], Target] = field(default_factory=dict)
    positions: dict[tuple[str, str], PositionRecord] = field(default_factory=dict)
    live: set[str] = field(default_factory=set)
    by_decision: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    own: set[tuple[str, str, str]] = field(default_factory=set)
    placed: list[tuple[datetime, tuple[str, ...]]] = field(default_factory=list)
    filled: list[tuple[datetime, tuple[str, ...]]] = field(default_factory=list)
    raised: dict[str, Severity] = field(default_factory=dict)
    lines: dict[LineKey, BookLine] = field(default_factory=dict)
    closed: Dated[ClosedHedge] = field(default_factory=Dated[ClosedHedge])
    crosses: dict[tuple[object, ...], Cross] = field(default_factory=dict)
    ledger_at: dict[str, datetime] = field(default_factory=dict)
    wallets: dict[tuple[str, str], WalletRecord] = field(default_factory=dict)
    flows: Dated[Flow] = field(default_factory=Dated[Flow])
    said: dict[str, Command] = field(default_factory=dict)
    unheard: set[str] = field(default_factory=set)
    asked: dict[str, Approval] = field(default_factory=dict)
    capping: set[str] = field(default_factory=set)
    guards: dict[str, str] = field(default_factory=dict)
    transfers: dict[str, Transfer] = field(default_factory=dict)
    journal: dict[str, tuple[JournalRow, str]] = field(default_factory=dict)

    def put_books(
        self, changes: Changes, entries: Iterable[LedgerEntry], flows: Iterable[Flow]
    ) -> None:
        """Write the hedge book and the wallets of ``changes``, and those entries and flows that are new."""
        self.lines |= {line.key: line for line in changes.book}
        for hedge in changes.closed:
            key = (hedge.strategy, hedge.venue, hedge.symbol, instant_text(hedge.opened_at))
            self.closed.add(hedge.closed_at, key, hedge)
        for cross in changes.crosses:
            self.crosses.setdefault(
                (cross.at, cross.venue, cross.symbol, cross.buyer, cross.seller), cross
            )
        for entry in entries:
            newest = self.ledger_at.get(entry.venue, entry.at)
            self.ledger_at[entry.venue] = max(newest, entry.at)
        self.wallets |= {(w.venue, w.asset): w for w in changes.wallets}
        for flow in flows:
            self.flows.add(flow.at, (flow.id,), flow)

    def remembered_guards(self) -> dict[str, GuardRecord]:
        """Return guard id -> its document."""
        return {
            id_: GuardRecord(id=id_, document=document(written))
            for id_, written in self.guards.items()
        }

    def transfers_at(self, now: datetime) -> tuple[Transfer, ...]:
        """Return the transfers a cycle at ``now`` needs, oldest first."""
        # they are few: moving collateral is rare, so they need no index
        kept = (
            t
            for t in self.transfers.values()
            if not t.state.is_final or t.updated_at > now - RECENT
        )
        return tuple(sorted(kept, key=transfer_age_key))

    def put_said(self, changes: Changes) -> None:
        """Write commands and approvals; a command that was handled stays as it was answered."""
        for command in changes.commands:
            known = self.said.get(command.id)
            if known is not None and known.state is not CommandState.PENDING:
                continue
            self.said[command.id] = replace(command, args=dict(command.args))
            if command.state is CommandState.PENDING:
                self.unheard.add(command.id)
            else:
                self.unheard.discard(command.id)
        for approval in changes.approvals:
            self.asked[approval.id] = approval
            if approval.state in CAPPING:
                self.capping.add(approval.id)
            else:
                self.capping.discard(approval.id)


def asked_key(said: Command | Approval) -> tuple[datetime, str]:
    """Return the sort key of what was said, oldest first."""
    return (said.asked_at, said.id)
