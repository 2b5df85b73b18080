"""The scenarios whose every point is died at. A market of minutes around 100,000, one BTC, one portfolio.

Each function gives a fresh stage; nothing is shared between two calls, so that a run can be repeated exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import cache, partial
from typing import Any

from counterpoise.app.start import first_start
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import Order, OrderState, OrderType, Side, TimeInForce
from counterpoise.domain.policy import (
    Band,
    ExecutionPolicy,
    LadderKind,
    LimitsPolicy,
    PortfolioPolicy,
    Sleeve,
)
from counterpoise.domain.portfolio import universe_of
from counterpoise.domain.records import Changes
from counterpoise.domain.strategy import DriftPolicy, HedgePolicy, StrategyPolicy
from counterpoise.domain.strategy.conditions import Above, Below
from counterpoise.domain.strategy.drift import Legs, SettleMode, SettlePolicy
from counterpoise.domain.strategy.hedge import HedgeSide
from counterpoise.plan.ids import client_order_id, decision_id
from counterpoise.venue.sim import (
    Candle,
    FundingRate,
    FundingSeries,
    MarketKind,
    OrderKind,
    PlaceRequest,
    Series,
    SimExchange,
    Wallet,
)
from counterpoise.venue.sim import Side as SimSide
from counterpoise.venue.sim.venue import SimVenue
from tests.prove.life import VENUE, Play, ScriptedClock
from tests.prove.trouble import (
    LOST,
    PARTIAL,
    UNANSWERED,
    Faults,
    TroubledSink,
    TroubledStore,
    TroubledVenue,
)
from tests.scenario.stage import NO_FEES, REAL_FEES, START, rules

MINUTE = timedelta(minutes=1)
PERP = "BTC/USDT:USDT"
HALF = HedgePolicy(id="half", asset="BTC", ratio=dec("0.5"))


@cache
def _bars(wiggle: str, volume: str, bars: int = 240) -> tuple[Candle, ...]:
    """Flat minutes that reach ``wiggle`` (fraction) beyond their price to both sides, of ``volume`` coins."""
    price = dec(100_000)
    high, low = price * (1 + dec(wiggle)), price * (1 - dec(wiggle))
    return tuple(
        Candle(START + n * MINUTE, price, high, low, price, dec(volume)) for n in range(bars)
    )


def stage(
    *strategies: StrategyPolicy,
    wiggle: str = "0.0008",
    volume: str = "20",
    held: str = "1",
    collateral: int = 60_000,
    minutes: float = 8,
    faults: Faults | None = None,
    fees: bool = False,
    funding: str | None = None,
    **changes: Any,
) -> Play:
    """A stage; by default all five rungs fill a part each minute, and what is left crosses after two."""
    candles = _bars(wiggle, volume)
    kinds = tuple(MarketKind)
    # funding is charged on the hour; with it the play begins shortly before one
    hour = timedelta(hours=1)
    rates = [
        FundingSeries(symbol="BTCUSDT", rates=(FundingRate(START + hour, dec(rate)),))
        for rate in ([funding] if funding is not None else [])
    ]
    exchange = SimExchange(
        rules=[
            replace(rules(k, "BTCUSDT"), tick_size=dec("0.1"), min_notional=dec(5)) for k in kinds
        ],
        series=[
            Series(kind=k.value, symbol="BTCUSDT", interval=MINUTE, candles=candles) for k in kinds
        ],
        funding=rates,
        now=START + hour - 3 * MINUTE if rates else START,
        fees=REAL_FEES if fees else NO_FEES,
    )
    keys = exchange.open_account(
        {
            (Wallet.SPOT, "BTC"): dec(held),
            (Wallet.SPOT, "USDT"): dec(40_000),
            (Wallet.FUTURES, "USDT"): dec(collateral),
        }
    )
    exchange.set_leverage(keys.api_key, "BTCUSDT", 5)
    made: dict[str, Any] = {
        "id": "p",
        "venues": (VENUE,),
        "quote": "USDT",
        "sleeves": (
            Sleeve(
                id="core", weight=dec("0.5"), assets={"BTC": dec(1)}, band=Band(size=dec("0.05"))
            ),
            Sleeve(
                id="buffer", weight=dec("0.5"), assets={"USDT": dec(1)}, band=Band(size=dec("0.05"))
            ),
        ),
        "strategies": strategies or (HALF,),
        "execution": ExecutionPolicy(patience=2 * MINUTE),
        "limits": LimitsPolicy(max_turnover_24h=dec(100), max_leverage=dec(10)),
    }
    play_changes = {
        k: changes.pop(k)
        for k in ("cap", "expect", "prepare", "stops_at", "allowed_rejects", "reaches", "coins")
        if k in changes
    }
    troubles = faults or Faults()
    return Play(
        exchange=exchange,
        api_key=keys.api_key,
        clock=ScriptedClock(exchange),
        policy=PortfolioPolicy(**{**made, **changes}),
        until=timedelta(minutes=minutes),
        wrap=lambda venue: TroubledVenue(venue, troubles),
        store_wrap=lambda store: TroubledStore(store, troubles),
        sink_wrap=lambda sink: TroubledSink(sink, troubles),
        **{"cap": dec("0.5"), **play_changes},
    )


def at(play: Play, minutes: float, act: Callable[[], Any]) -> None:
    """Let the script do ``act`` so many minutes after the start."""

    def done() -> None:
        act()

    play.clock.at(play.exchange_start + timedelta(minutes=minutes), done)


def position(play: Play) -> Decimal:
    """The exchange's word on the position."""
    held = [p.qty for p in play.exchange.account(play.api_key).positions]
    return held[0] if held else ZERO


def _ends_at(qty: str, near: str = "0.0011") -> Callable[[Play], list[str]]:
    def check(play: Play) -> list[str]:
        have = position(play)
        return [] if abs(have - dec(qty)) <= dec(near) else [f"I4: ends at {have} instead of {qty}"]

    return check


def _by_hand(play: Play, side: SimSide, qty: str, price: Decimal | None, name: str) -> None:
    kind = OrderKind.MARKET if price is None else OrderKind.LIMIT
    play.exchange.place(
        play.api_key,
        PlaceRequest(
            kind=MarketKind.PERP,
            symbol="BTCUSDT",
            side=side,
            order_kind=kind,
            qty=dec(qty),
            price=price,
            client_order_id=name,
        ),
    )


# the scenarios


def cold_start_flat() -> Play:
    """Nothing is wanted and nothing is there."""
    idle = replace(HALF, when=Below(price=dec(50_000)), release=Above(price=dec(60_000)))
    return stage(idle, minutes=3, expect=_ends_at("0"))


def ladder_of_five() -> Play:
    """Five rungs, filled minute by minute."""
    return stage(expect=_ends_at("-0.5"))


def timed_ladder() -> Play:
    """Five parts of half a minute in a market too thin for them; what each leaves crosses."""
    kind = ExecutionPolicy(ladder=LadderKind.TIMED, patience=5 * MINUTE / 2)
    return stage(execution=kind, volume="1", minutes=9, expect=_ends_at("-0.5"))


def chasing_ladder() -> Play:
    """One order follows a market that leaves it three times; patience takes the rest across."""
    kind = ExecutionPolicy(ladder=LadderKind.CHASE, patience=2 * MINUTE)
    play = stage(execution=kind, volume="1", wiggle="0.0004", minutes=9, expect=_ends_at("-0.5"))
    for minutes, price in ((0.3, 99_900), (0.6, 99_800), (1.3, 99_700)):
        at(play, minutes, partial(play.exchange.set_price, "BTCUSDT", dec(price)))
    return play


async def _with_rows(
    play: Play, store: Any, state: OrderState, *, placed: bool, filled: str = "0"
) -> None:
    """Leave what an earlier process left: a target, and one order of it in ``state``."""
    venue = SimVenue(VENUE, play.exchange, play.api_key)
    await venue.open()
    universe = universe_of(play.policy, {VENUE: venue.instruments()})
    now = play.clock.now()
    accounts = {VENUE: await venue.account()}
    await store.commit(first_start(play.policy, "hash", accounts, universe, now))
    decision = decision_id("p", VENUE, PERP, dec("-0.5"), now)
    order = Order(
        client_order_id=client_order_id(f"p/{VENUE}", decision, 0, 0),
        portfolio="p",
        venue=VENUE,
        symbol=PERP,
        side=Side.SELL,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTX,
        qty=dec("0.1"),
        price=dec("100100"),
        reduce_only=False,
        decision_id=decision,
        rung=0,
        attempt=0,
        state=OrderState.PENDING,
        created_at=now,
        updated_at=now,
    )
    await store.commit(Changes(portfolio="p", orders=(order,)))
    if placed:
        outcome = await venue.place(order)
        assert outcome is not None
    if state is not OrderState.PENDING:
        await store.commit(
            Changes(portfolio="p", orders=(order.moved(state, at=now, reason="time-out"),))
        )
    assert filled == "0"


def start_with_own_order() -> Play:
    """An order of ours is open and was never confirmed to us."""

    async def prepare(play: Play, store: Any) -> None:
        await _with_rows(play, store, OrderState.PENDING, placed=True)

    return stage(prepare=prepare, expect=_ends_at("-0.5"))


def start_with_unknown_placed() -> Play:
    """The row says UNKNOWN, and the exchange has the order."""

    async def prepare(play: Play, store: Any) -> None:
        await _with_rows(play, store, OrderState.UNKNOWN, placed=True)

    return stage(prepare=prepare, expect=_ends_at("-0.5"))


def start_with_unknown_absent() -> Play:
    """The row says UNKNOWN, and the exchange never heard of it."""

    async def prepare(play: Play, store: Any) -> None:
        await _with_rows(play, store, OrderState.UNKNOWN, placed=False)

    return stage(prepare=prepare, minutes=9, expect=_ends_at("-0.5"))


def start_with_foreign_order() -> Play:
    """Somebody else's order rests far away."""

    async def prepare(play: Play, _store: Any) -> None:
        _by_hand(play, SimSide.BUY, "0.2", dec(80_000), "by-hand-1")

    def check(play: Play) -> list[str]:
        resting = play.exchange.orders(play.api_key, MarketKind.PERP, open_only=True)
        left = [o.client_order_id for o in resting]
        return _ends_at("-0.5")(play) + (
            [] if "by-hand-1" in left else ["I14: the foreign order is gone"]
        )

    return stage(prepare=prepare, expect=check)


def partial_fill_then_reprice() -> Play:
    """A thin market fills a little of it, then moves away; patience takes the rest across."""
    play = stage(wiggle="0.0006", volume="0.6", minutes=9, expect=_ends_at("-0.5"))
    at(play, 1.2, lambda: play.exchange.set_price("BTCUSDT", dec(99_800)))
    return play


def cancel_and_replace() -> Play:
    """What is held changes while a ladder works: its orders are superseded."""
    play = stage(volume="1", minutes=9, expect=_ends_at("-0.3"))
    at(play, 0.7, lambda: play.exchange.withdraw(play.api_key, Wallet.SPOT, "BTC", dec("0.4")))
    return play


def fill_during_cancel() -> Play:
    """Each cancel comes a moment too late: the market has just gone through the order."""
    faults = Faults()
    play = stage(volume="1", minutes=9, faults=faults, expect=_ends_at("-0.5"))

    def jump() -> None:
        play.exchange.set_price("BTCUSDT", dec(100_400))

    faults.before_cancel = {0: jump}
    return play


def cancel_unanswered() -> Play:
    """The answers to the first cancels are lost, and one never arrives."""
    faults = Faults(cancels={0: UNANSWERED, 1: LOST, 2: UNANSWERED})
    return stage(volume="1", minutes=9, faults=faults, expect=_ends_at("-0.5"))


def post_only_reject() -> Play:
    """The market has jumped through the rungs before they arrive."""
    faults = Faults()
    play = stage(minutes=9, faults=faults, expect=_ends_at("-0.5"))
    faults.before_place = {1: lambda: play.exchange.set_price("BTCUSDT", dec(100_300))}
    return play


def residue_below_minimum() -> Play:
    """What is held leaves less than a lot to trade."""
    return stage(held="0.9011", minutes=8, cap=dec("0.4506"), expect=_ends_at("-0.45"))


def reduce_only_close() -> Play:
    """The hedge is released: all of it is closed, reduce-only."""
    hedge = replace(HALF, when=Below(price=dec(101_000)), release=Above(price=dec(102_000)))
    play = stage(hedge, volume="60", minutes=12, expect=_ends_at("0"))
    at(play, 5, lambda: play.exchange.set_price("BTCUSDT", dec(103_000)))
    return play


def sign_flip() -> Play:
    """A long above, a short below: the price falls through both."""
    short = replace(
        HALF, id="short", when=Below(price=dec(98_000)), release=Above(price=dec(99_000))
    )
    long = replace(
        HALF,
        id="long",
        side=HedgeSide.LONG,
        when=Above(price=dec(99_500)),
        release=Below(price=dec(98_500)),
    )
    play = stage(short, long, volume="60", minutes=13, expect=_ends_at("-0.5"))
    at(play, 5, lambda: play.exchange.set_price("BTCUSDT", dec(97_000)))
    return play


def fee_in_coin() -> Play:
    """Coins are bought for futures, and the fee is taken from them."""
    drift = DriftPolicy(
        id="shape",
        legs=Legs.BOTH,
        settle=SettlePolicy(mode=SettleMode.FUTURES_FIRST, deadline=timedelta(minutes=3)),
    )
    return stage(drift, held="0.3", volume="60", minutes=16, fees=True, cap=dec("0.8"), coins=True)


def funding_ticks() -> Play:
    """Funding is charged in the middle of a ladder."""
    return stage(funding="0.0001", volume="2", minutes=9, expect=_ends_at("-0.5"))


def too_many_requests() -> Play:
    """The exchange refuses two rungs for coming too fast."""
    return stage(faults=Faults(places={2: "-1015", 3: "-1015"}), minutes=9, expect=_ends_at("-0.5"))


def unknown_but_placed() -> Play:
    """The third rung is placed, and its answer is lost."""
    return stage(faults=Faults(places={2: UNANSWERED}), minutes=9, expect=_ends_at("-0.5"))


def unknown_and_slow_to_show() -> Play:
    """The third rung is placed, its answer is lost, and the exchange does not show it for a while."""
    faults = Faults(places={2: UNANSWERED}, hides=timedelta(seconds=25))
    return stage(wiggle="0.0002", faults=faults, minutes=9, expect=_ends_at("-0.5"))


def nobody_listens() -> Play:
    """The sink takes nothing for two minutes."""
    faults = Faults()
    play = stage(volume="2", minutes=9, faults=faults, expect=_ends_at("-0.5"))
    at(play, 0.4, lambda: setattr(faults, "deaf_sink", True))
    at(play, 2.4, lambda: setattr(faults, "deaf_sink", False))
    return play


def unknown_and_lost() -> Play:
    """The third rung never arrives, and nobody says so."""
    return stage(faults=Faults(places={2: LOST}), minutes=10, expect=_ends_at("-0.5"))


def part_of_a_batch_done() -> Play:
    """Of three rungs in one request the first is placed, the others never arrive, and nobody says which."""
    return stage(faults=Faults(places={1: PARTIAL}), minutes=10, expect=_ends_at("-0.5"))


def one_of_a_batch_refused() -> Play:
    """Of three rungs in one request the first is refused, and the others are placed."""
    return stage(faults=Faults(places={0: "-2019"}), minutes=9, expect=_ends_at("-0.5"))


def blind_for_a_while() -> Play:
    """Reads fail for a minute in mid-ladder."""
    faults = Faults()
    play = stage(volume="2", minutes=9, faults=faults, expect=_ends_at("-0.5"))
    at(play, 0.6, lambda: setattr(faults, "blind", True))
    at(play, 1.6, lambda: setattr(faults, "blind", False))
    return play


def clock_two_seconds_ahead() -> Play:
    """Our clock steps two seconds ahead in mid-ladder, and back again."""
    play = stage(volume="2", minutes=9, expect=_ends_at("-0.5"))
    at(play, 0.6, lambda: setattr(play.clock, "offset", timedelta(seconds=2)))
    at(play, 2.6, lambda: setattr(play.clock, "offset", timedelta(0)))
    return play


def database_locked() -> Play:
    """Nothing can be written for a minute in mid-ladder."""
    faults = Faults()
    play = stage(volume="2", minutes=9, faults=faults, expect=_ends_at("-0.5"))
    at(play, 1.8, lambda: setattr(faults, "locked", True))
    at(play, 2.9, lambda: setattr(faults, "locked", False))
    return play


def stopped_in_mid_ladder() -> Play:
    """A clean stop, and a start twenty seconds later."""
    return stage(volume="2", minutes=9, stops_at=timedelta(seconds=45), expect=_ends_at("-0.5"))


def deleveraged_before_sending() -> Play:
    """The exchange takes a part of the position between the plan and the next order."""
    faults = Faults()
    play = stage(volume="6", minutes=10, faults=faults, cap=dec("0.5"), expect=_ends_at("-0.5"))

    def taken() -> None:
        if position(play) <= dec("-0.1"):
            play.exchange.deleverage(play.api_key, "BTCUSDT", dec("0.1"))

    at(play, 1.55, taken)
    return play


def delisted_in_mid_ladder() -> Play:
    """The contract stops trading: orders expire, and the position is closed at its mark."""
    play = stage(volume="2", minutes=6, allowed_rejects=frozenset({"market_closed"}), reaches=False)
    at(play, 0.7, lambda: play.exchange.delist("BTCUSDT", MarketKind.PERP))
    return play


SCENARIOS: Mapping[str, Callable[[], Play]] = {
    made.__name__.replace("_", " "): made
    for made in (
        cold_start_flat,
        start_with_own_order,
        start_with_unknown_placed,
        start_with_unknown_absent,
        start_with_foreign_order,
        ladder_of_five,
        timed_ladder,
        chasing_ladder,
        partial_fill_then_reprice,
        cancel_and_replace,
        fill_during_cancel,
        cancel_unanswered,
        post_only_reject,
        residue_below_minimum,
        reduce_only_close,
        sign_flip,
        fee_in_coin,
        funding_ticks,
        too_many_requests,
        unknown_but_placed,
        unknown_and_slow_to_show,
        unknown_and_lost,
        part_of_a_batch_done,
        one_of_a_batch_refused,
        nobody_listens,
        blind_for_a_while,
        clock_two_seconds_ahead,
        database_locked,
        stopped_in_mid_ladder,
        deleveraged_before_sending,
        delisted_in_mid_ladder,
    )
}
