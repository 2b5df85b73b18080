"""Twelve kinds of bad data on a hedged portfolio: nothing is sent on it, it is told once, and good data ends it.

A wrapper around the venue's port spoils what the cycle reads; what the exchange itself did is read from its truth
log. Afterwards the portfolio must still act: coins are deposited, and the hedge grows with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import cast

import pytest

from counterpoise.app.clock import ManualClock
from counterpoise.app.cycle import Cycle
from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.recorded import recorded_market
from counterpoise.domain.errors import VenueError
from counterpoise.domain.events import Alert
from counterpoise.domain.instrument import Instrument
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.policy import (
    MarginPolicy,
    OnChange,
    OnForeign,
    PlausibilityPolicy,
    PortfolioPolicy,
)
from counterpoise.domain.records import Changes, TradingState
from counterpoise.domain.snapshot import Account, MarginMode, Quote
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.ports import Exchange, Venue
from counterpoise.venue.sim import MarketKind, Side, SimExchange, Wallet
from counterpoise.venue.sim.rules import default_rules
from counterpoise.venue.sim.venue import SimVenue
from tests.scenario.stage import Stage, make_shape, make_stage

PERP = "BTC/USDT:USDT"
PAIR = "BTC/USDT"
HEDGE = HedgePolicy(id="half", asset="BTC", ratio=dec("0.5"))


@dataclass
class Spoiled:
    """A venue whose answers pass through ``account``, ``quotes`` and ``listed`` while ``on``."""

    inner: Venue
    account_as: Callable[[Account], Account] = lambda account: account
    quote_as: Callable[[Quote], Quote] = lambda quote: quote
    listed_as: Callable[[Instrument], Instrument] = lambda instrument: instrument
    silent: bool = False
    on: bool = False
    asked: int = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    async def account(self) -> Account:
        self.asked += 1
        if self.on and self.silent and self.asked > 1:  # a start without an account is refused
            raise VenueError("overloaded", retryable=True)
        account = await self.inner.account()
        return self.account_as(account) if self.on else account

    async def quotes(self, symbols: Iterable[str]) -> Mapping[str, Quote]:
        quotes = await self.inner.quotes(symbols)
        return {s: self.quote_as(q) for s, q in quotes.items()} if self.on else quotes

    def instruments(self) -> Mapping[str, Instrument]:
        listed = self.inner.instruments()
        return {s: self.listed_as(i) for s, i in listed.items()} if self.on else listed


def zero_balance(account: Account) -> Account:
    return replace(
        account, spot={a: replace(b, free=ZERO, locked=ZERO) for a, b in account.spot.items()}
    )


def missing_asset(account: Account) -> Account:
    return replace(account, spot={a: b for a, b in account.spot.items() if a != "BTC"})


def flipped(account: Account) -> Account:
    return replace(
        account, positions={s: replace(p, qty=-p.qty) for s, p in account.positions.items()}
    )


def leverage_changed(account: Account) -> Account:
    held = {s: replace(p, leverage=dec(20)) for s, p in account.positions.items()}
    return replace(account, positions=held, leverage={s: dec(20) for s in account.leverage})


def hedge_mode(account: Account) -> Account:
    return replace(account, hedged=True)


def account_ahead(account: Account) -> Account:
    return replace(account, as_of=account.as_of + timedelta(minutes=1))


def times_ten(quote: Quote) -> Quote:
    def more(price: Decimal | None) -> Decimal | None:
        return None if price is None else price * 10

    if quote.symbol != PERP:
        return quote
    return replace(
        quote,
        bid=more(quote.bid),
        ask=more(quote.ask),
        last=more(quote.last),
        mark=more(quote.mark),
    )


def stale_mark(quote: Quote) -> Quote:
    return (
        replace(quote, as_of=quote.as_of - timedelta(minutes=5)) if quote.symbol == PERP else quote
    )


def nothing_told(quote: Quote) -> Quote:
    return replace(quote, bid=None, ask=None, last=None, mark=None)


def delisted(instrument: Instrument) -> Instrument:
    return replace(instrument, active=False) if instrument.symbol == PERP else instrument


def policy_of(**changes: object) -> PortfolioPolicy:
    return make_shape(HEDGE, **changes)


async def hedged(policy: PortfolioPolicy) -> tuple[Stage, Spoiled]:
    """4 BTC at 50,000 with half of them hedged, looked at every half minute."""
    stage = make_stage(
        {"BTC": 50_000}, {"BTC": 4, "USDT": 50_000}, futures=150_000,
        every=timedelta(seconds=30),
    )  # fmt: skip
    made: list[Spoiled] = []

    def wrap(venue: Venue) -> Venue:
        again = made[0] if made else None
        spoiled = Spoiled(venue) if again is None else replace(again, inner=venue)
        made[:] = [spoiled]
        return cast("Venue", spoiled)

    stage.wrap = wrap
    await stage.run(policy, hours=0.5)
    assert stage.position() == -2
    return stage, made[0]


def raised(stage: Stage, since: int) -> list[Alert]:
    return [a for r in stage.reports[since:] for a in _told(r) if not a.cleared]


def cleared(stage: Stage, since: int) -> list[Alert]:
    return [a for r in stage.reports[since:] for a in _told(r) if a.cleared]


def _told(report: CycleReport) -> list[Alert]:
    """What people are told, but for the stage's lack of margin tables."""
    return [a for a in report.alerts if a.kind != "margin_table"]


async def goes_on(stage: Stage, policy: PortfolioPolicy) -> None:
    """A deposit of two coins makes the hedge grow by one."""
    stage.exchange.deposit(stage.api_key, Wallet.SPOT, "BTC", dec(2))
    await stage.run(policy, hours=0.5)
    assert stage.position() == -3
    assert stage.duplicates() == 0


class _Kind:
    """How one kind of bad data looks: what spoils it, and the key of its alert."""

    def __init__(self, key: str, **spoils: object) -> None:
        self.key, self.spoils = key, spoils


KINDS = {
    "zero balance": _Kind("hold:wallet_gone", account_as=zero_balance),
    "missing asset": _Kind("hold:wallet_gone", account_as=missing_asset),
    "price x10": _Kind("hold:price_apart", quote_as=times_ten),
    "stale mark": _Kind("hold:stale", quote_as=stale_mark),
    "position sign flipped": _Kind(f"position:sim:{PERP}", account_as=flipped),
    "None fields": _Kind("hold:not_valued", quote_as=nothing_told),
    "half-answered venue": _Kind("margin_unseen:sim", silent=True),
    "clock skew": _Kind("hold:ahead", account_as=account_ahead),
    "delisting": _Kind(f"inactive:{PERP}", listed_as=delisted),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_is_sent_on_bad_data_and_it_is_told_once(kind: str) -> None:
    policy, case = policy_of(), KINDS[kind]
    stage, _ = await hedged(policy)
    before, placed = len(stage.reports), len(stage.events("place"))
    # what is bad here would make a hedge want to move
    spoil = cast("Callable[[Venue], Spoiled]", lambda v: Spoiled(v, on=True, **case.spoils))  # type: ignore[arg-type]  # keyword table
    stage.wrap = lambda venue: cast("Venue", spoil(venue))
    if kind == "delisting":
        # something must be wanted there for it to matter
        stage.exchange.deposit(stage.api_key, Wallet.SPOT, "BTC", dec(2))
    if kind in {"zero balance", "missing asset"}:
        await stage.run(policy, hours=0.008)  # one bad answer, and the look after it
    else:
        await stage.run(policy, hours=0.1)
    assert len(stage.events("place")) == placed, "nothing was sent on it"
    told = [a for a in raised(stage, before) if a.kind != "flow"]
    assert [a.key for a in told] == [case.key]
    await recovers(stage, policy, case.key, before)
    if kind != "delisting":
        await goes_on(stage, policy)
    else:
        assert stage.position() == -3


async def recovers(stage: Stage, policy: PortfolioPolicy, key: str, before: int) -> None:
    stage.wrap = lambda venue: venue
    await stage.run(policy, hours=0.3)
    assert [a.key for a in cleared(stage, before)] == [key]
    assert stage.last.held == ()


# --- settings changed behind our back


@pytest.mark.parametrize(
    ("spoil", "key"),
    [
        pytest.param(leverage_changed, f"settings:sim:{PERP}", id="changed leverage"),
        pytest.param(hedge_mode, "settings:sim:position mode", id="changed mode"),
    ],
)
async def test_a_changed_setting_stops_everything_until_a_person_resumes(
    spoil: Callable[[Account], Account], key: str
) -> None:
    policy = policy_of()
    stage, _ = await hedged(policy)
    before, placed = len(stage.reports), len(stage.events("place"))
    stage.wrap = lambda venue: cast("Venue", Spoiled(venue, account_as=spoil, on=True))
    await stage.run(policy, hours=0.05)
    stage.exchange.deposit(stage.api_key, Wallet.SPOT, "BTC", dec(2))
    await stage.run(policy, hours=0.1)
    assert len(stage.events("place")) == placed
    told = [a for a in raised(stage, before) if not a.kind.startswith(("flow", "deposit"))]
    assert [a.key for a in told] == [key]
    assert "CANCEL_ONLY now" in told[0].text
    assert (await stage.recorded()).portfolio.trading_state is TradingState.CANCEL_ONLY
    stage.wrap = lambda venue: venue
    await stage.run(policy, hours=0.05)
    assert [a.key for a in cleared(stage, before)] == [key]
    assert stage.position() == -2, "only a person raises the state"
    await resume(stage)
    await stage.run(policy, hours=0.3)
    assert stage.position() == -3


async def resume(stage: Stage) -> None:
    record = (await stage.recorded()).portfolio
    await stage.say(Changes(portfolio="p", record=replace(record, trading_state=TradingState.RUN)))


async def test_who_resumes_takes_a_changed_leverage_as_it_is() -> None:
    policy = policy_of()
    stage, _ = await hedged(policy)
    before = len(stage.reports)
    stage.exchange.set_leverage(stage.api_key, "BTCUSDT", 4)
    await stage.run(policy, hours=0.05)
    await resume(stage)
    await stage.run(policy, hours=0.05)
    assert stage.last.state is TradingState.RUN
    assert [a.key for a in cleared(stage, before)] == [f"settings:sim:{PERP}"]
    await goes_on(stage, policy)


class Settable(Spoiled):
    """A venue that sees whether a change was told before it is set back, or refuses to set anything."""

    stage: Stage
    refuses: bool = False

    async def restore(self, symbol: str, leverage: Decimal | None, mode: MarginMode | None) -> None:
        told = (await self.stage.recorded()).raised
        assert f"settings:sim:{PERP}" in told, "told before anything is done"
        if self.refuses:
            raise VenueError("not offered", retryable=False)
        await cast("Exchange", self.inner).restore(symbol, leverage, mode)


def settable(stage: Stage, *, refuses: bool) -> None:
    def wrap(venue: Venue) -> Venue:
        made = Settable(venue)
        made.stage, made.refuses = stage, refuses
        return cast("Venue", made)

    stage.wrap = wrap


async def test_a_changed_leverage_is_set_back_where_asked_for() -> None:
    policy = policy_of(margin=MarginPolicy(on_change=OnChange.RESTORE))
    stage, _ = await hedged(policy)
    before = len(stage.reports)

    settable(stage, refuses=False)
    stage.exchange.set_leverage(stage.api_key, "BTCUSDT", 10)
    await stage.run(policy, hours=0.05)
    assert stage.exchange.account(stage.api_key).leverage["BTCUSDT"] == 5
    assert [a.key for a in raised(stage, before)] == [f"settings:sim:{PERP}"]
    assert [a.key for a in cleared(stage, before)] == [f"settings:sim:{PERP}"]
    assert stage.last.state is TradingState.RUN
    await goes_on(stage, policy)


async def test_what_cannot_be_set_back_is_told_once_and_tried_again() -> None:
    policy = policy_of(margin=MarginPolicy(on_change=OnChange.RESTORE))
    stage, _ = await hedged(policy)
    before = len(stage.reports)
    settable(stage, refuses=True)
    stage.exchange.set_leverage(stage.api_key, "BTCUSDT", 10)
    await stage.run(policy, hours=0.05)
    keys = {f"settings:sim:{PERP}", f"unrestored:sim:{PERP}"}
    assert {a.key for a in raised(stage, before)} == keys
    assert len(raised(stage, before)) == 2
    assert all(r.unrestored for r in stage.reports[before:])
    stage.exchange.set_leverage(stage.api_key, "BTCUSDT", 5)
    await stage.run(policy, hours=0.05)
    assert {a.key for a in cleared(stage, before)} == keys


async def test_a_margin_mode_that_is_told_for_the_first_time_is_no_change() -> None:
    policy = policy_of()
    stage, _ = await hedged(policy)
    before = len(stage.reports)

    def told(account: Account) -> Account:
        return replace(account, margin_modes={PERP: MarginMode.CROSS})

    stage.wrap = lambda venue: cast("Venue", Spoiled(venue, account_as=told, on=True))
    await stage.run(policy, hours=0.05)
    assert raised(stage, before) == []
    stage.wrap = lambda venue: venue
    await stage.run(policy, hours=0.05)
    assert raised(stage, before) == [], "what is not told any more is no change either"


# --- positions others changed


async def test_what_the_venue_takes_away_is_booked_at_its_price_and_hedged_anew() -> None:
    policy = policy_of()
    stage, _ = await hedged(policy)
    before, placed = len(stage.reports), len(stage.events("place"))
    trade = stage.exchange.deleverage(stage.api_key, "BTCUSDT", dec("0.5"))
    await stage.run(policy, hours=0)
    assert len(stage.events("place")) == placed, "nothing in the look that finds out"
    (told,) = raised(stage, before)
    assert "the venue itself bought 0.5 BTC with BTC/USDT:USDT at 50,000 on average" in told.text
    assert (await stage.recorded()).positions["sim", PERP].own_qty == dec("-1.5")
    (line,) = (await stage.lines()).values()
    assert line.qty == dec("-1.5")
    assert [(f.qty, f.price) for f in stage.last.fills] == [(dec("0.5"), trade.price)]
    await stage.run(policy, hours=0.3)
    assert stage.position() == -2, "the hedge is what it was"
    await goes_on(stage, policy)


async def test_a_hedge_closed_by_hand_is_held_until_it_is_as_it_was() -> None:
    policy = policy_of()
    stage, _ = await hedged(policy)
    before, placed = len(stage.reports), len(stage.events("place"))
    stage.by_hand(Side.BUY, "BTC", 1, MarketKind.PERP)
    await stage.run(policy, hours=0.3)
    assert len(stage.events("place")) == placed + 1, "theirs alone"
    assert [a.key for a in raised(stage, before)] == [f"position:sim:{PERP}"]
    stage.by_hand(Side.SELL, "BTC", 1, MarketKind.PERP)
    await stage.run(policy, hours=0.3)
    assert [a.key for a in cleared(stage, before)] == [f"position:sim:{PERP}"]
    await goes_on(stage, policy)


@pytest.mark.parametrize(
    ("side", "qty", "own", "baseline"),
    [
        pytest.param(Side.BUY, 1, "-1", "0", id="part of ours was closed"),
        pytest.param(Side.BUY, 3, "0", "1", id="more than ours was closed: the rest is not ours"),
        pytest.param(Side.SELL, 1, "-2", "-1", id="something was opened beside it"),
    ],
)
async def test_a_change_by_hand_is_accepted_where_asked_for(
    side: Side, qty: int, own: str, baseline: str
) -> None:
    policy = policy_of(plausibility=PlausibilityPolicy(on_foreign_change=OnForeign.ACCEPT))
    stage, _ = await hedged(policy)
    placed, began = len(stage.events("place")), stage.clock.now()
    stage.by_hand(side, "BTC", qty, MarketKind.PERP)
    cycle = Cycle(policy, {"sim": await opened(stage)}, stage.store, stage.clock)
    told: list[Alert] = []
    while stage.clock.now() - began < timedelta(minutes=5):
        report = await cycle.run()
        assert len(stage.events("place")) == placed + 1, "nothing before it is accepted"
        told += [a for a in report.alerts if not a.cleared]
        if told and told[-1].kind == "position_accepted":
            break
        await stage.clock.sleep(dec(25))
    record = (await stage.recorded()).positions["sim", PERP]
    assert (record.own_qty, record.baseline_qty) == (dec(own), dec(baseline))
    assert stage.clock.now() - began == timedelta(seconds=75), (
        "three looks within a minute are too few"
    )
    assert [a.kind for a in told] == ["position", "position_accepted"]
    stage.reports.clear()
    await stage.run(policy, hours=0.3)
    assert [a.key for a in cleared(stage, 0)] == [f"position:sim:{PERP}"]
    assert stage.position() == -2 + dec(baseline), (
        "ours is what the strategy wants, theirs is left alone"
    )
    lines = await stage.lines()
    assert sum(x.qty for x in lines.values()) == -2


async def opened(stage: Stage) -> SimVenue:
    venue = SimVenue("sim", stage.exchange, stage.api_key)
    await venue.open()
    return venue


# --- a spot market that halted, as it was recorded


async def test_nothing_is_decided_while_a_recorded_spot_market_is_halted(shared: Path) -> None:
    """2021-04-25: spot stood still for three hours while the perpetual went on; the hedge stays as it is."""
    policy = policy_of()
    halt = datetime(2021, 4, 25, 5, tzinfo=UTC), datetime(2021, 4, 25, 8, tzinfo=UTC)
    begin = halt[0] - timedelta(hours=12)
    market = recorded_market(shared / "market", policy, begin, halt[1] + timedelta(hours=12))
    exchange = SimExchange(
        rules=[default_rules("BTCUSDT", kind) for kind in MarketKind],
        series=market.series,
        now=begin,
    )
    keys = exchange.open_account(
        {(Wallet.SPOT, "BTC"): dec(4), (Wallet.FUTURES, "USDT"): dec(150_000)}
    )
    clock = ManualClock(begin, exchange.advance)
    stage = Stage(exchange=exchange, api_key=keys.api_key, clock=clock, every=timedelta(minutes=5))
    await stage.run(policy, hours=22)
    inside = [r for r in stage.reports if halt[0] <= r.as_of < halt[1]]
    assert {why.code for r in inside for why in r.held} == {"not_valued"}
    assert all(r.held for r in inside)
    assert all(r.approved == () for r in inside)
    assert stage.last.held == ()
    told = [(a.key, a.cleared) for r in stage.reports for a in _told(r) if a.key is not None]
    assert told == [("hold:not_valued", False), ("hold:not_valued", True)]
    assert stage.position() == -2
