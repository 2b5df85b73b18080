"""Positions that changed without a fill of ours: held, or taken as they are once several looks agree.

A person who closes a hedge by hand, or opens something beside it, is told first; what ``on_foreign_change: accept``
takes in is what the position shows, never what it was expected to be. What shrinks our part is ours, what is left
over is not. A settlement at expiry is expected and never comes here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from counterpoise.decide.guards.wallets import Row
from counterpoise.domain.numbers import ZERO, text
from counterpoise.domain.order import Order, OrderState
from counterpoise.domain.policy import OnForeign, PortfolioPolicy
from counterpoise.domain.portfolio import Contract
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.records import PositionRecord, Recorded
from counterpoise.domain.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """``positions`` as they are taken from now on, and ``why`` per contract, for people."""

    positions: tuple[PositionRecord, ...] = ()
    why: Mapping[Contract, Reason] = field(default_factory=dict)


class ForeignWatch:
    """Changes that nothing explains, of one portfolio. Lives as long as the process."""

    def __init__(self, policy: PortfolioPolicy) -> None:
        self._policy = policy
        self._rows: dict[Contract, tuple[Decimal, Decimal, Row]] = {}

    def look(
        self, snapshot: Snapshot, recorded: Recorded, unexplained: Mapping[Contract, Reason]
    ) -> Acceptance:
        """Return what is accepted in this look; nothing where people are asked instead. Once per look.

        ``recorded`` are the records as the look leaves them. A contract with an order whose outcome is open is not
        judged: that order may be what explains it. One that works and is seen to may rest for ever, and is no reason.
        """
        if self._policy.plausibility.on_foreign_change is not OnForeign.ACCEPT:
            return Acceptance()
        before, self._rows = self._rows, {}
        accepted: list[PositionRecord] = []
        why: dict[Contract, Reason] = {}
        open_ones = {(o.venue, o.symbol) for o in recorded.orders if _in_doubt(o)}
        for contract, doubt in unexplained.items():
            seen = snapshot.venues[contract[0]]
            if (
                doubt.code != "position_unexplained"
                or contract in open_ones
                or seen.account is None
            ):
                continue
            held = seen.account.positions.get(contract[1])
            shown = held.qty if held is not None else ZERO
            known = recorded.positions.get(
                contract, PositionRecord(venue=contract[0], symbol=contract[1])
            )
            read_at, row = seen.account.as_of, before.get(contract)
            if row is None or row[:2] != (shown, known.expected_qty):
                self._rows[contract] = (shown, known.expected_qty, Row(since=read_at, last=read_at))
                continue
            counted = row[2].counted(read_at)
            if not counted.settled:
                self._rows[contract] = (shown, known.expected_qty, counted)
                continue
            after = _taken(known, shown)
            accepted.append(after)
            why[contract] = reason(
                "foreign_accepted",
                symbol=contract[1],
                change=text(shown - known.expected_qty),
                own=text(after.own_qty),
                baseline=text(after.baseline_qty),
            )
        return Acceptance(positions=tuple(accepted), why=why)


def _in_doubt(order: Order) -> bool:
    """Whether nobody knows yet what an order did, or will have done: sent, being cancelled, or its fills unread."""
    moving = order.state.is_unproven or order.state is OrderState.PENDING_CANCEL
    return moving or order.awaits_fills


def _taken(known: PositionRecord, shown: Decimal) -> PositionRecord:
    """The record that explains ``shown``: what goes against our part shrinks it, to zero at most."""
    change, own = shown - known.expected_qty, known.own_qty
    if own * change < 0:
        part = min(max(change, -abs(own)), abs(own))
        return replace(known, own_qty=own + part, baseline_qty=known.baseline_qty + (change - part))
    return replace(known, baseline_qty=known.baseline_qty + change)
