"""Deposits and withdrawals: a balance that nothing of ours explains is confirmed before a strategy acts on it.

Expected is what was on record, plus our own spot fills, plus what the venue booked for futures (MEANING 11). A
difference is a flow once the venue's own books show a deposit or withdrawal of that size, or once several equal
healthy looks over a minute have shown it; until then no strategy trades. A bad read, an answer that is older than
another and a booking that is on its way pass by themselves. Dust makes nobody wait; it is booked all the same, so
that the record is exact.

What is on record moves only in the transaction that books what explains it: a crash in between changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256

from counterpoise.decide.guards.outstanding import outstanding
from counterpoise.decide.guards.wallets import (
    LOOKS,
    SPAN_TEXT,
    Row,
    WalletWatch,
    futures_wallet,
    gone,
    spot_wallet,
)
from counterpoise.domain.flows import (
    NOISE,
    Movement,
    confirming,
    is_border,
    is_dust,
    moved,
    movements_of,
    price_of,
    total_of,
    unseen_yet,
)
from counterpoise.domain.instrument import settle_of
from counterpoise.domain.ledger import LedgerEntry
from counterpoise.domain.numbers import ZERO, text
from counterpoise.domain.order import Fill
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.records import Flow, Recorded, WalletRecord
from counterpoise.domain.snapshot import Account, Snapshot, VenueSnapshot

#: What happened from this long before an account was read on may be in the answer or not: clocks differ.
MARGIN = timedelta(seconds=5)
#: How long a difference may be waiting for a fill or a booking of ours that is on its way.
GRACE = timedelta(seconds=60)
#: So many equal looks make dust a flow: one may have been read while something moved. Nothing waits for it.
DUST_LOOKS = 2
#: How long fills and entries are remembered.
_RECENT = timedelta(minutes=3)
#: How long a deposit or withdrawal in the venue's books waits for the balance to show it.
_UNCLAIMED = timedelta(hours=1)

_Key = tuple[str, str]  # venue and asset
_Events = Iterable[Fill | LedgerEntry]
_NOTHING = frozenset({ZERO})


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowVerdict:
    """``doubts``: why no strategy may trade. ``flows`` and ``wallets`` are to be committed with the look's bookings."""

    doubts: tuple[Reason, ...] = ()
    flows: tuple[Flow, ...] = ()
    wallets: tuple[WalletRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unexplained:
    """A difference that is watched, the row of looks that show it, and when the balance began to be unexplained.

    ``expected`` is what the same look puts on record: while it is there, nothing was booked for the difference.
    There is no row while something of ours may be on its way, or while the venue's books were not answered.
    """

    change: Decimal
    expected: Decimal
    began: datetime
    row: Row | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Balance:
    """One balance on record in one look.

    ``late`` are the sums by which it may differ from ``expected`` because something happened while it was read.
    """

    record: WalletRecord
    account: Account
    shown: Decimal
    expected: Decimal
    late: frozenset[Decimal] = _NOTHING

    @property
    def key(self) -> _Key:
        return (self.record.venue, self.record.asset)

    @property
    def change(self) -> Decimal:
        """What nothing explains."""
        return self.shown - self.expected

    @property
    def explained(self) -> bool:
        return self.change == 0 or any(
            lacking != 0 and abs(self.change - lacking) <= NOISE for lacking in self.late
        )

    def shows(self, change: Decimal) -> bool:
        """Whether it may have changed by ``change``, as far as what is late allows to say."""
        return any(abs(self.change - lacking - change) <= NOISE for lacking in self.late)


class FlowWatch:
    """Explains the balances of one portfolio. Lives as long as the process; what it remembers only saves time."""

    def __init__(self, policy: PortfolioPolicy) -> None:
        self._policy = policy
        self._assets = tuple(dict.fromkeys((*policy.assets, policy.quote)))
        self._empty = WalletWatch(policy)
        self._recent: dict[str, dict[tuple[str, ...], Fill | LedgerEntry]] = {}
        self._border: dict[str, dict[tuple[str, ...], tuple[datetime, LedgerEntry]]] = {}
        self._watched: dict[_Key, _Unexplained] = {}

    def look(
        self,
        snapshot: Snapshot,
        recorded: Recorded,
        fills: Iterable[Fill] = (),
        entries: Iterable[LedgerEntry] = (),
    ) -> FlowVerdict:
        """Return what this look says of the balances. To be asked once per look.

        ``recorded`` are the records as the look leaves them (its balances as they were before), ``fills`` our own
        and ``entries`` the venues', both booked by this very look.
        """
        doubts = self._empty.doubts(snapshot, recorded)
        news: dict[str, list[Fill | LedgerEntry]] = {}
        events: list[Fill | LedgerEntry] = [*fills, *entries]
        for event in events:
            news.setdefault(event.venue, []).append(event)
        verdicts = [FlowVerdict(doubts=doubts)]
        for venue in self._policy.venues:
            seen, mine = snapshot.venues.get(venue), news.get(venue, ())
            account = seen.account if seen is not None else None
            self._remember(venue, mine, snapshot.as_of if account is None else account.as_of)
            if seen is None or account is None:
                verdicts.append(self._unanswered(venue, recorded, mine))
                continue
            verdicts.append(self._known(venue, seen, snapshot, recorded, mine))
            if not doubts:
                verdicts.append(self._first_records(venue, account, recorded, mine))
        return FlowVerdict(
            doubts=tuple(d for v in verdicts for d in v.doubts),
            flows=tuple(f for v in verdicts for f in v.flows),
            wallets=tuple(w for v in verdicts for w in v.wallets),
        )

    def _remember(self, venue: str, news: _Events, now: datetime) -> None:
        recent = self._recent.setdefault(venue, {})
        border = self._border.setdefault(venue, {})
        for event in news:
            if isinstance(event, LedgerEntry) and is_border(event):
                border[event.key] = (now, event)
            else:
                recent[event.key] = event
        for key in [k for k, e in recent.items() if now - _at(e) > _RECENT]:
            del recent[key]
        for key in [k for k, (since, _) in border.items() if now - since > _UNCLAIMED]:
            del border[key]

    def _unanswered(self, venue: str, recorded: Recorded, news: _Events) -> FlowVerdict:
        """Conclude nothing; what was booked is expected from now on."""
        self._forget(venue)
        booked = tuple(movements_of(news))
        return FlowVerdict(
            wallets=tuple(
                replace(record, qty=record.qty + qty)
                for (where, asset), record in recorded.wallets.items()
                if where == venue and (qty := moved(booked, asset)) != 0
            )
        )

    def _forget(self, venue: str) -> None:
        """Let every row of ``venue`` end."""
        if self._watched:
            self._watched = {k: w for k, w in self._watched.items() if k[0] != venue}

    def _first_records(
        self, venue: str, account: Account, recorded: Recorded, news: _Events
    ) -> FlowVerdict:
        """Take balances that are not on record as they are shown, unless something is happening to them."""
        seen = (m.asset for m in movements_of(news))
        new = {a for a in (*self._assets, *seen) if (venue, a) not in recorded.wallets}
        if not new:
            return FlowVerdict()
        recent = movements_of(self._recent[venue].values())
        busy = {m.asset for m in recent if m.at >= account.as_of - MARGIN}
        return FlowVerdict(
            wallets=tuple(
                WalletRecord(venue=venue, asset=a, qty=total_of(account, a), as_of=account.as_of)
                for a in sorted(new - busy)
            )
        )

    def _known(
        self, venue: str, seen: VenueSnapshot, snapshot: Snapshot, recorded: Recorded, news: _Events
    ) -> FlowVerdict:
        """Judge the balances on record of an account that was answered."""
        account = seen.account
        if account is None:
            return FlowVerdict()
        booked = tuple(movements_of(news))
        records = [r for (v, _), r in recorded.wallets.items() if v == venue]
        if not booked and all(total_of(account, r.asset) == r.qty for r in records):
            self._forget(venue)
            return FlowVerdict()  # as nearly every look
        balances = [self._balance(r, account, booked) for r in records]
        strange = {b.key: b for b in balances if not b.explained}
        # a wallet that has just vanished is likely a bad answer: the others of this look are in no row with it
        broken = any(b.shown == 0 and k not in self._watched for k, b in strange.items())
        self._watched = {
            k: w for k, w in self._watched.items() if k[0] != venue or (k in strange and not broken)
        }
        found = [self._judged(b, seen, snapshot, recorded) for b in strange.values()]
        flows = {(f.venue, f.asset): f for f, _ in found if f is not None}
        return FlowVerdict(
            doubts=tuple(doubt for _, doubt in found if doubt is not None),
            flows=tuple(flows.values()),
            wallets=tuple(
                replace(b.record, qty=qty, as_of=account.as_of)
                for b in balances
                if (qty := b.expected + (flows[b.key].qty if b.key in flows else ZERO))
                != b.record.qty
            ),
        )

    def _balance(
        self, record: WalletRecord, account: Account, booked: Sequence[Movement]
    ) -> _Balance:
        shown = total_of(account, record.asset)
        mine = [m for m in booked if m.asset == record.asset and not m.between]
        expected = record.qty + moved(mine, record.asset)
        balance = _Balance(record=record, account=account, shown=shown, expected=expected)
        if balance.explained:
            return balance
        recent = movements_of(self._recent[record.venue].values())
        balance = replace(balance, late=unseen_yet(recent, record.asset, account.as_of - MARGIN))
        if balance.explained:
            return balance
        # published late, it was in the balance already when that went on record
        old = [m for m in mine if m.at < record.as_of - MARGIN]
        without = replace(balance, expected=expected - moved(old, record.asset))
        return without if without.explained else balance

    def _judged(
        self, balance: _Balance, seen: VenueSnapshot, snapshot: Snapshot, recorded: Recorded
    ) -> tuple[Flow | None, Reason | None]:
        """Return the flow that is confirmed by now, or why it is not; neither while ours may be on its way."""
        (venue, asset), change = balance.key, balance.change
        now = balance.account.as_of
        sound = seen.ledger_is_sound(snapshot.as_of)
        # what was told by an earlier look stands; old books may lack what has taken it back since
        confirmed = self._confirmed(balance) if sound or seen.ledger is None else None
        if confirmed is not None:
            return self._flow(balance, confirmed, "ledger", snapshot), None
        watched = self._watched.get(balance.key)
        if watched is not None and watched.expected != balance.record.qty:
            watched = None
        began = watched.began if watched is not None else now
        recent = tuple(self._recent[venue].values())
        low, high = outstanding(
            venue, asset, balance.account, snapshot, recorded, recent, self._policy.quote
        )
        patient = low <= change <= high and now - began <= GRACE
        healthy = sound or asset not in _collateral(balance.account)
        row = None if patient or not healthy else Row(since=now, last=now)
        if row and watched is not None and watched.row and balance.shows(watched.change):
            change, row = watched.change, watched.row.counted(now)
        self._watched[balance.key] = _Unexplained(
            change=change, expected=balance.expected, began=began, row=row
        )
        dust = is_dust(change, price_of(asset, self._policy.quote, snapshot))
        small = dust and balance.shown != 0 and len(balance.late) == 1
        if row and (row.settled or (small and row.looks >= DUST_LOOKS)):
            return self._flow(balance, change, "looks", snapshot), None
        if patient or dust or asset not in self._assets:
            return None, None
        return None, self._doubt(balance)

    def _confirmed(self, balance: _Balance) -> Decimal | None:
        """The change that the venue's books show as deposited or withdrawn; None when they do not."""
        border = self._border[balance.record.venue]
        told = [e for _, e in border.values() if e.asset == balance.record.asset]
        told.sort(key=lambda e: e.at)
        for lacking in sorted(balance.late, key=abs):
            entries = confirming(balance.change - lacking, told)
            for entry in entries:
                del border[entry.key]
            if entries:
                return balance.change - lacking
        return None

    def _flow(self, balance: _Balance, qty: Decimal, source: str, snapshot: Snapshot) -> Flow:
        venue, asset = balance.key
        at = balance.account.as_of
        parts = (
            self._policy.id, venue, asset, at.isoformat(), text(balance.record.qty), text(qty)
        )  # fmt: skip
        return Flow(
            id=sha256("\x1f".join(parts).encode()).hexdigest()[:20],
            venue=venue,
            asset=asset,
            qty=qty,
            at=at,
            source=source,
            price=price_of(asset, self._policy.quote, snapshot),
        )

    def _doubt(self, balance: _Balance) -> Reason:
        venue, asset = balance.key
        collateral = asset == self._policy.quote and asset not in balance.account.futures
        if balance.shown == 0 or (collateral and balance.change < 0):
            return gone(futures_wallet(asset) if collateral else spot_wallet(asset), venue)
        return reason(
            "flow_unconfirmed",
            asset=asset,
            venue=venue,
            change=f"{text(abs(balance.change))} {'more' if balance.change > 0 else 'less'}",
            shown=text(balance.shown),
            expected=text(balance.expected),
            looks=LOOKS,
            span=SPAN_TEXT,
        )


def _at(event: Fill | LedgerEntry) -> datetime:
    return event.at if isinstance(event, LedgerEntry) else event.filled_at


def _collateral(account: Account) -> set[str | None]:
    """Assets whose balance the venue's books for futures explain."""
    return {*account.futures, *(settle_of(s) for s in account.positions)}
