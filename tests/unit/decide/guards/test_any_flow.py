"""Whatever happens to an account, in whatever order it is read: what is ours is no flow, what is not is one, once.

The account is simulated by its events alone. A look reads the spot wallet, the futures wallet, the fills and the
books at four different moments; books lag, commits fail, processes die.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.decide.guards.flows import FlowVerdict, FlowWatch
from counterpoise.domain.flows import movements_of
from counterpoise.domain.ledger import EntryKind, LedgerEntry
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import Fill, Side
from counterpoise.domain.records import Flow, PositionRecord, WalletRecord
from tests.build import (
    BTC_PERP,
    NOW,
    VENUE,
    make_account,
    make_fill,
    make_policy,
    make_recorded,
    make_venue_snapshot,
    make_venues_snapshot,
)

POLICY = make_policy()
#: A position of somebody else, for which funding is paid.
FOREIGN = dec(-5)
#: Nothing happens for so long before the first look, and after the last event.
QUIET_S = 400
LAG_S = 25.0

START = {("spot", "BTC"): dec(10), ("spot", "SOL"): dec(50), ("futures", "USDT"): dec(10_000_000)}
START |= {("spot", "USDT"): dec(1_000_000)}


@dataclass(frozen=True)
class Event:
    """Something that happened at ``at_s``; its ``records`` are shown from ``at_s`` (books: ``lag_s`` later) on."""

    at_s: float
    effects: tuple[tuple[tuple[str, str], Decimal], ...]
    records: tuple[Fill | LedgerEntry, ...]
    lag_s: float = 0
    position: Decimal = ZERO
    foreign: bool = False

    def shown(self, fills_s: float, books_s: float) -> list[Fill | LedgerEntry]:
        """The records that a look reads which asks for fills and books at these moments."""
        return [
            r
            for r in self.records
            if (self.at_s <= fills_s if isinstance(r, Fill) else self.at_s + self.lag_s <= books_s)
        ]


def spot_fill(n: int, at_s: float, side: Side, qty: Decimal, fee: Decimal) -> Event:
    paid_in = "BTC" if side is Side.BUY else "USDT"
    fill = make_fill(
        side, qty, 100_000, symbol="BTC/USDT", trade_id=f"s{n}", fee=fee, fee_asset=paid_in,
        filled_at=NOW + timedelta(seconds=at_s),
    )  # fmt: skip
    effects = tuple((("spot", m.asset), m.qty) for m in movements_of([fill]))
    return Event(at_s, effects, (fill,))


def futures_fill(
    n: int, at_s: float, side: Side, qty: Decimal, fee: Decimal, lag_s: float
) -> Event:
    at = NOW + timedelta(seconds=at_s)
    fill = make_fill(side, qty, 100_000, trade_id=f"f{n}", fee=fee, filled_at=at)
    earned = qty * 3_000 if side is Side.BUY else ZERO
    entries = [booking(f"c{n}", EntryKind.COMMISSION, -fee, at_s)]
    if earned:
        entries.append(booking(f"p{n}", EntryKind.REALIZED_PNL, earned, at_s))
    effects = ((("futures", "USDT"), earned - fee),)
    return Event(at_s, effects, (fill, *entries), lag_s, fill.signed_qty)


def funding(n: int, hour: int, qty: Decimal, lag_s: float) -> Event:
    at_s = hour * 3600.0
    return Event(
        at_s,
        ((("futures", "USDT"), qty),),
        (booking(f"n{n}", EntryKind.FUNDING, qty, at_s),),
        lag_s,
    )


def transfer(n: int, at_s: float, qty: Decimal, lag_s: float) -> Event:
    effects = ((("spot", "USDT"), -qty), (("futures", "USDT"), qty))
    return Event(at_s, effects, (booking(f"t{n}", EntryKind.TRANSFER, qty, at_s),), lag_s)


def border(n: int, at_s: float, asset: str, qty: Decimal, lag_s: float | None) -> Event:
    """A deposit or withdrawal; the books tell it after ``lag_s``, or never."""
    kind = EntryKind.DEPOSIT if qty > 0 else EntryKind.WITHDRAWAL
    entry = replace(booking(f"b{n}", kind, qty, at_s), asset=asset, symbol=None)
    effects = ((("spot", asset), qty),)
    return Event(at_s, effects, () if lag_s is None else (entry,), lag_s or 0, foreign=True)


def booking(id_: str, kind: EntryKind, qty: Decimal, at_s: float) -> LedgerEntry:
    return LedgerEntry(
        venue=VENUE, id=id_, kind=kind, asset="USDT", qty=qty, symbol=BTC_PERP,
        at=NOW + timedelta(seconds=at_s),
    )  # fmt: skip


@dataclass(frozen=True)
class Look:
    """When one look read what, in seconds after it began, and how it ended."""

    pause_s: float
    spot_s: float
    futures_s: float
    after_s: float
    commits: bool = True
    restarts: bool = False
    answered: bool = True


CALM = Look(30, 0, 0, 0)


class Run:
    """All looks at one history of events."""

    def __init__(self, events: Sequence[Event], looks: Sequence[Look]) -> None:
        self.events = events
        self.known: set[tuple[str, str, str]] = set()
        self.booked: list[Fill] = []
        self.wallets: dict[tuple[str, str], WalletRecord] = {}
        self.flows: list[Flow] = []
        self.doubted: list[bool] = []
        self.watch = FlowWatch(POLICY)
        self.now_s = -QUIET_S * 1.0
        end_s = max((e.at_s for e in events), default=0)
        for look in (CALM, *looks):
            self.look(look)
        quiet = int(
            (max(end_s + LAG_S, self.now_s) + 10 * CALM.pause_s - self.now_s) / CALM.pause_s
        )
        self.settled_from = len(self.doubted) + quiet - 3
        for _ in range(quiet):
            self.look(CALM)

    def look(self, look: Look) -> None:
        self.now_s += look.pause_s
        if look.restarts:
            self.watch = FlowWatch(POLICY)
        last_s = self.now_s + max(look.spot_s, look.futures_s) + look.after_s
        shown = {
            key: qty + sum((q for e in self.events if e.at_s <= self.now_s + self._s(look, key[0])
                            for k, q in e.effects if k == key), ZERO)
            for key, qty in START.items()
        }  # fmt: skip
        traded = (e.position for e in self.events if e.at_s <= self.now_s + look.futures_s)
        position = sum(traded, FOREIGN)
        news = [r for e in self.events for r in e.shown(last_s, last_s) if r.key not in self.known]
        verdict = self._judged(look, shown, position, news)
        if look.commits:
            self.known |= {r.key for r in news}
            self.booked += [r for r in news if isinstance(r, Fill)]
            self.flows += verdict.flows
            self.wallets |= {(w.venue, w.asset): w for w in verdict.wallets}
        self.doubted.append(bool(verdict.doubts))
        self.now_s = last_s

    @staticmethod
    def _s(look: Look, wallet: str) -> float:
        return look.spot_s if wallet == "spot" else look.futures_s

    def _judged(
        self,
        look: Look,
        shown: dict[tuple[str, str], Decimal],
        position: Decimal,
        news: list[Fill | LedgerEntry],
    ) -> FlowVerdict:
        at = NOW + timedelta(seconds=self.now_s)
        account = make_account(
            {a: q for (w, a), q in shown.items() if w == "spot"},
            {a: q for (w, a), q in shown.items() if w == "futures"},
            {"BTC": position} if position else {},
            as_of=at,
        )
        fills = [r for r in news if isinstance(r, Fill)]
        own = sum((f.signed_qty for f in (*self.booked, *fills) if f.symbol == BTC_PERP), ZERO)
        recorded = make_recorded(
            wallets=dict(self.wallets),
            positions=[
                PositionRecord(venue=VENUE, symbol=BTC_PERP, own_qty=own, baseline_qty=FOREIGN)
            ],
        )
        seen = make_venue_snapshot(account if look.answered else None, {"BTC": 100_000, "SOL": 100})
        return self.watch.look(
            make_venues_snapshot(seen, as_of=at),
            recorded,
            fills,
            [r for r in news if isinstance(r, LedgerEntry)],
        )

    def truth(self, asset: str) -> Decimal:
        """What the account really holds in the end."""
        effects = [x for e in self.events for x in e.effects]
        return sum((q for (_, a), q in START.items() if a == asset), ZERO) + sum(
            (q for (_, a), q in effects if a == asset), ZERO
        )


def quantities(low: int, high: int) -> st.SearchStrategy[Decimal]:
    return st.integers(low, high).map(lambda n: dec(n) / 1000)


TIMES = st.floats(0, 1500)
LAGS = st.floats(0, LAG_S)
SIDES = st.sampled_from(Side)
FEES = quantities(1, 90)
OURS = st.one_of(
    st.builds(spot_fill, st.just(0), TIMES, SIDES, quantities(100, 900), FEES),
    st.builds(futures_fill, st.just(0), TIMES, SIDES, quantities(1, 900), FEES, LAGS),
    st.builds(funding, st.just(0), st.just(0), quantities(-900, 900).filter(bool), LAGS),
    st.builds(transfer, st.just(0), TIMES, quantities(-900_000, 900_000).filter(bool), LAGS),
)
BORDERS = st.builds(
    border,
    st.just(0),
    TIMES,
    st.sampled_from(["BTC", "USDT", "SOL"]),
    st.one_of(quantities(2_000, 9_000), quantities(-9_000, -2_000)),
    st.one_of(st.none(), st.floats(0, 200)),
)
LOOKS = st.lists(
    st.builds(
        Look,
        st.floats(1, 45),
        st.floats(0, 2),
        st.floats(0, 2),
        st.floats(0, 2),
        st.integers(0, 9).map(bool),
        st.integers(0, 9).map(lambda n: not n),
        st.integers(0, 9).map(bool),
    ),
    min_size=10,
    max_size=60,
)


def numbered(events: Sequence[Event]) -> list[Event]:
    """``events`` with ids of their own; at an instant of funding a position is paid for once."""
    made: list[Event] = []
    paid = [e for e in events if _is_funding(e)][1:]
    kept = [e for e in events if not any(e is p for p in paid)]
    for n, event in enumerate(sorted(kept, key=lambda e: e.at_s)):
        records = tuple(
            replace(r, trade_id=f"{r.trade_id}-{n}")
            if isinstance(r, Fill)
            else replace(r, id=f"{r.id}-{n}")
            for r in event.records
        )
        made.append(replace(event, records=records))
    return made


def _is_funding(event: Event) -> bool:
    return any(isinstance(r, LedgerEntry) and r.kind is EntryKind.FUNDING for r in event.records)


@settings(max_examples=60)
@given(st.lists(OURS, max_size=12), LOOKS)
def test_what_is_ours_is_never_a_flow_and_holds_nobody_up_for_long(
    events: list[Event], looks: list[Look]
) -> None:
    run = Run(numbered(events), looks)
    assert run.flows == []
    assert not any(run.doubted[run.settled_from :])
    assert {a: run.wallets[VENUE, a].qty for a in ("BTC", "SOL", "USDT")} == {
        a: run.truth(a) for a in ("BTC", "SOL", "USDT")
    }


@settings(max_examples=60)
@given(st.lists(OURS, max_size=8), BORDERS, LOOKS)
def test_what_came_in_or_went_out_is_a_flow_exactly_once(
    events: list[Event], flow: Event, looks: list[Look]
) -> None:
    run = Run(numbered([*events, flow]), looks)
    ((_, asset), qty) = flow.effects[0]
    assert [(f.asset, f.qty) for f in run.flows] == [(asset, qty)]
    assert not any(run.doubted[run.settled_from :])
    assert run.wallets[VENUE, asset].qty == run.truth(asset)
