"""What the venue does to positions by itself, from end to end: the app, stock ccxt, Binance's dialect in process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial

from counterpoise.domain.events import Alert, Severity
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.records import Changes, PositionRecord
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.notify.titles import title_of
from counterpoise.venue.sim import MarketKind, Side, Wallet
from tests.scenario.stage import Stage, make_shape, make_stage
from tests.scenario.test_dated_over_ccxt import through_ccxt, trouble

PERP = "BTC/USDT:USDT"
HEDGE = HedgePolicy(id="half", asset="BTC", ratio=dec("0.5"))


def at_half_minutes(coins: int = 4, futures: int = 150_000) -> Stage:
    return make_stage(
        {"BTC": 50_000}, {"BTC": coins, "USDT": 50_000}, futures=futures,
        every=timedelta(seconds=30),
    )  # fmt: skip


def raised(stage: Stage, since: int) -> list[Alert]:
    return [a for r in stage.reports[since:] for a in r.alerts if not a.cleared]


def price(event: dict[str, object]) -> Decimal:
    return dec(str(event["price"]))


def deleverage(stage: Stage, qty: str) -> None:
    stage.exchange.deleverage(stage.api_key, "BTCUSDT", dec(qty))


async def taken_away(
    stage: Stage, policy: PortfolioPolicy, act: Callable[[], None], kind: str
) -> None:
    """Let the venue act: it is told once, by the look that finds out, and nothing is sent in it."""
    before, placed = len(stage.reports), len(stage.events("place"))
    act()
    await stage.run(policy, hours=0)
    # a price that jumped as far as this is doubted, and told beside it
    (told,) = (a for a in raised(stage, before) if a.key != "hold:price_jumped")
    assert kind in told.text
    assert told.severity is Severity.CRITICAL
    assert len(stage.events("place")) == placed, "nothing in the look that finds out"


async def test_a_deleveraged_hedge_is_booked_at_its_price_and_opened_anew() -> None:
    policy, stage = make_shape(HEDGE), at_half_minutes()
    async with through_ccxt(stage):
        await stage.run(policy, hours=0.5)
        assert stage.position() == -2
        stage.price(BTC=51_000)
        before = len(stage.reports)
        await taken_away(
            stage,
            policy,
            partial(deleverage, stage, "0.5"),
            "Auto-deleveraged: the venue itself bought 0.5 BTC with ",
        )
        (trade,) = stage.events("deleverage")
        assert [(f.qty, f.price) for f in stage.last.fills] == [(dec("0.5"), price(trade))]
        assert (await stage.recorded()).positions["sim", PERP].own_qty == dec("-1.5")
        (line,) = (await stage.lines()).values()
        assert line.qty == dec("-1.5")
        await stage.run(policy, hours=0.3)
        assert stage.position() == -2, "the hedge is what it was"
        assert [a.key for a in raised(stage, before) if a.key is not None] == []
    assert trouble(stage) == []
    assert stage.duplicates() == 0


async def test_a_liquidated_hedge_is_booked_told_and_does_not_hold_the_contract() -> None:
    # all collateral is in the futures wallet, and nobody looks while the price doubles
    policy, stage = make_shape(HEDGE, margin=None), at_half_minutes(futures=60_000)
    async with through_ccxt(stage):
        await stage.run(policy, hours=0.5)
        assert stage.position() == -2
        before = len(stage.reports)
        await taken_away(
            stage,
            policy,
            lambda: stage.price(BTC=81_000),
            "Liquidated: the venue itself bought 2 BTC with ",
        )
        (event,) = stage.events("liquidation")
        (fill,) = stage.last.fills
        assert (fill.price, fill.qty) == (price(event), 2)
        (told,) = [a for a in stage.last.alerts if a.kind == "taken_by_venue"]
        assert told.severity is Severity.CRITICAL
        assert title_of(told) == "LIQUIDATED: BTC hedge"
        assert told.text.startswith(
            "Liquidated: the venue itself bought 2 BTC with BTC/USDT:USDT at "
        )
        assert "nothing of it is left" in told.text
        assert "In all it cost " in told.text
        assert (await stage.recorded()).positions["sim", PERP].own_qty == 0
        (closed,) = await stage.closed()
        assert closed.exit == price(event)
        # money comes, and the contract is traded again without anyone's help
        stage.exchange.deposit(stage.api_key, Wallet.FUTURES, "USDT", dec(150_000))
        await stage.run(policy, hours=0.3)
        assert stage.position() == -2
        assert [a for a in raised(stage, before) if a.kind == "position"] == []
    assert trouble(stage) == []


async def test_a_foreign_position_the_venue_took_explains_itself() -> None:
    policy, stage = make_shape(HEDGE), at_half_minutes()
    async with through_ccxt(stage):
        await stage.run(policy, hours=0.5)
        record = (await stage.recorded()).positions["sim", PERP]
        stage.by_hand(Side.SELL, "BTC", 1, MarketKind.PERP)
        foreign = replace(record, baseline_qty=dec(-1))
        await stage.say(Changes(portfolio="p", positions=(foreign,)))
        await stage.run(policy, hours=0)
        before = len(stage.reports)
        stage.exchange.deleverage(stage.api_key, "BTCUSDT", dec("2.5"))
        await stage.run(policy, hours=0)
        assert len(raised(stage, before)) == 1
        after = (await stage.recorded()).positions["sim", PERP]
        assert (after.own_qty, after.baseline_qty) == (ZERO, dec("-0.5"))
        assert "It took 2.5 in all: the rest was not ours." in raised(stage, before)[0].text
        await stage.run(policy, hours=0.3)
        assert stage.position() == dec("-2.5"), "ours is opened anew, theirs is theirs"
    assert trouble(stage) == []


async def test_what_was_never_ours_is_taken_by_the_venue_without_holding_us() -> None:
    policy, stage = make_shape(HEDGE), at_half_minutes(coins=0)
    async with through_ccxt(stage):
        await stage.run(policy, hours=0)
        stage.by_hand(Side.SELL, "BTC", 1, MarketKind.PERP)
        theirs = PositionRecord(venue="sim", symbol=PERP, baseline_qty=dec(-1))
        await stage.say(Changes(portfolio="p", positions=(theirs,)))
        await stage.run(policy, hours=0.05)
        before = len(stage.reports)
        deleverage(stage, "0.4")
        await stage.run(policy, hours=0.05)
        assert [a.kind for a in raised(stage, before)] == ["position_accepted"]
        assert stage.reports[before].fills == ()
        deleverage(stage, "0.4")
        stage.exchange.deposit(stage.api_key, Wallet.SPOT, "BTC", dec(4))
        await stage.run(policy, hours=0.3)
        after = (await stage.recorded()).positions["sim", PERP]
        assert (after.own_qty, after.baseline_qty) == (-2, dec("-0.2")), "none counts twice"
        assert stage.position() == dec("-2.2")
    assert trouble(stage) == []


async def test_looks_at_which_nothing_is_odd_ask_nothing_more() -> None:
    policy, stage = make_shape(HEDGE), at_half_minutes()
    lookups = {"GET /fapi/v1/order", "GET /fapi/v1/forceOrders"}
    async with through_ccxt(stage) as asked:
        await stage.run(policy, hours=0.5)
        assert stage.position() == -2
        assert "GET /fapi/v1/userTrades" in asked
        assert lookups & set(asked) == set()
        stage.by_hand(Side.BUY, "BTC", 1, MarketKind.PERP)
        await stage.run(policy, hours=0.3)
        # in 36 looks one for the stranger's order and one for ours, which this process has not sent
        assert [asked.count(each) for each in sorted(lookups)] == [0, 2]
