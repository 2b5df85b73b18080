"""A coin without futures of its own, hedged with those of another: sized by beta, watched while open.

LDO has a spot pair alone; BTC has both, and none of it is held. Hourly bars whose returns are made so that LDO moves
1.5 times as much as BTC while they are related, and by itself where they are not.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random  # noqa: TID251 - seeded: the same market at every run
from typing import Any

import pytest

from counterpoise.app.clock import ManualClock
from counterpoise.app.cycle_report import document_of
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.policy import ApprovePolicy, BasisPolicy, PortfolioPolicy
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.domain.strategy.hedge import Cross
from counterpoise.venue.sim import Candle, MarketKind, Series, SimExchange, Wallet
from tests.scenario.stage import NO_FEES, START, Stage, make_shape, rules

HOUR = timedelta(hours=1)
BETA = 1.5
CROSS = Cross(by="BTC", window=timedelta(hours=30), interval=HOUR)
HEDGE = HedgePolicy(id="ldo", asset="LDO", ratio=dec(1), cross=CROSS)
ALLOWED = BasisPolicy(allow_cross=True)
TICKS = {"BTC": "0.01", "LDO": "0.0001"}
SHAPE = {"core": (80, ["LDO"]), "other": (0, ["BTC"]), "buffer": (20, ["USDT"])}


def policy(hedge: HedgePolicy = HEDGE, **changes: Any) -> PortfolioPolicy:
    return make_shape(hedge, shape=SHAPE, basis=ALLOWED, **changes)


def candles(start: float, returns: list[float], tick: str) -> tuple[Candle, ...]:
    found, price = [], start
    for n, each in enumerate(returns):
        before, price = price, price * math.exp(each)
        opens, closes = (dec(str(p)).quantize(dec(tick)) for p in (before, price))
        high, low = max(opens, closes), min(opens, closes)
        found.append(Candle(START + n * HOUR, opens, high, low, closes, dec(1_000_000)))
    return tuple(found)


def staged(*phases: tuple[int, bool], noise: float = 0.0005, seed: int = 3) -> Stage:
    """A market of ``phases`` (hours, whether they are related); 10,000 LDO at about 10, 60,000 USDT of collateral."""
    random = Random(seed)  # noqa: S311 - no secret, a market
    related = [r for hours, r in phases for _ in range(hours)]
    btc = [random.gauss(0, 0.004) for _ in related]
    ldo = [
        BETA * b + random.gauss(0, noise) if r else random.gauss(0, 0.006)
        for b, r in zip(btc, related, strict=True)
    ]
    bars = {"BTC": candles(100_000, btc, TICKS["BTC"]), "LDO": candles(10, ldo, TICKS["LDO"])}
    kinds = [(MarketKind.SPOT, "BTC"), (MarketKind.PERP, "BTC"), (MarketKind.SPOT, "LDO")]
    exchange = SimExchange(
        rules=[
            replace(rules(k, f"{a}USDT"), tick_size=dec(TICKS[a]), lot_size=dec("0.001"))
            for k, a in kinds
        ],
        series=[
            Series(kind=k.value, symbol=f"{a}USDT", interval=HOUR, candles=bars[a])
            for k, a in kinds
        ],
        funding=[],
        now=START,
        fees=NO_FEES,
    )
    keys = exchange.open_account(
        {(Wallet.SPOT, "LDO"): dec(10_000), (Wallet.FUTURES, "USDT"): dec(60_000)}
    )
    exchange.set_leverage(keys.api_key, "BTCUSDT", 5)
    clock = ManualClock(START, exchange.advance)
    return Stage(exchange=exchange, api_key=keys.api_key, clock=clock, every=HOUR / 2)


def needed(stage: Stage, beta: object = BETA) -> Decimal:
    """What a perfect hedge would hold now, positive."""
    ldo, btc = (stage.exchange.book(MarketKind.SPOT, f"{a}USDT").last for a in ("LDO", "BTC"))
    return 10_000 * ldo * dec(str(beta)) / btc


def row(stage: Stage, shape: PortfolioPolicy) -> dict[str, Any]:
    document: dict[str, Any] = document_of(stage.last, shape)
    (found,) = document["cross"]
    return found  # type: ignore[no-any-return]  # a JSON row


def told(stage: Stage, kind: str = "cross") -> list[str]:
    return [a.text for r in stage.reports for a in r.alerts if a.key and a.key.startswith(kind)]


async def test_it_is_measured_before_it_is_opened_and_moves_with_what_it_hedges() -> None:
    stage = staged((120, True))
    await stage.run(policy(), hours=28)
    assert stage.position() == ZERO
    (decision,) = stage.last.decisions.decisions if stage.last.decisions else ()
    assert decision.reason.code == "relation_unmeasured"
    assert "31 closed bars of 1h are needed" in decision.reason.text
    await stage.run(policy(), hours=8)
    assert -stage.position() == pytest.approx(needed(stage), rel=dec("0.15"))
    found = row(stage, policy())
    assert abs(float(found["beta"]) - BETA) < 4 * float(found["error"])
    assert float(found["correlation"]) > 0.95
    assert not told(stage)
    # the coin and its hedge together move less than a third of what the coin does
    before = stage.equity
    worth = 10_000 * stage.exchange.book(MarketKind.SPOT, "LDOUSDT").last
    largest = coins = ZERO
    for _ in range(12):
        await stage.run(policy(), hours=6)
        now = 10_000 * stage.exchange.book(MarketKind.SPOT, "LDOUSDT").last
        largest = max(largest, abs(stage.equity - before))
        coins = max(coins, abs(now - worth))
    assert largest < coins / 3
    # within its band nothing is traded: prices alone would move it at every look
    assert len(stage.events("place")) < 60
    assert stage.duplicates() == 0


async def test_a_relation_that_breaks_halves_it_then_ends_it_and_it_comes_back_with_it() -> None:
    stage = staged((40, True), (48, False), (60, True))
    await stage.run(policy(), hours=40)
    full = -stage.position()
    assert full == pytest.approx(needed(stage), rel=dec("0.15"))
    for _ in range(48):
        await stage.run(policy(), hours=1)
        if told(stage):
            break
    (alert,) = told(stage)
    assert "The cross hedge ldo: LDO and BTC correlate by" in alert
    assert "half of it stays until" in alert
    await stage.run(policy(), hours=0.5)
    half = needed(stage, row(stage, policy())["beta"]) / 2
    assert -stage.position() == pytest.approx(half, rel=dec("0.15"))
    document: dict[str, Any] = document_of(stage.last, policy())
    assert any("ldo holds" in note and "it wants" in note for note in document["notes"])
    await stage.run(policy(), hours=4)
    assert stage.position() == ZERO
    assert row(stage, policy())["share"] == "0"
    await stage.run(policy(), hours=148 - (stage.clock.now() - START) / HOUR - 1)
    assert -stage.position() == pytest.approx(needed(stage), rel=dec("0.15"))
    assert told(stage)[-1] == "The cross hedge ldo stands on a good relation again, or is over"
    assert stage.duplicates() == 0


async def test_a_loose_relation_above_its_least_stands() -> None:
    """Noise as large as what is shared leaves a correlation near 0.8."""
    stage = staged((80, True), noise=0.004)
    await stage.run(policy(), hours=79)
    assert 0.70 < float(row(stage, policy())["correlation"]) < 0.93
    assert stage.position() < 0
    assert not told(stage)


async def test_what_is_not_related_is_never_opened() -> None:
    stage = staged((60, False))
    await stage.run(policy(), hours=50)
    assert not stage.events("place")
    (alert,) = told(stage)
    assert alert.endswith("it is not opened")


async def test_what_it_leaves_may_be_too_much() -> None:
    """A fixed beta of 4 on a coin that moves 1.5 times as much leaves more than the coin alone."""
    shape = policy(replace(HEDGE, cross=replace(CROSS, beta=dec(4))))
    stage = staged((60, True))
    await stage.run(shape, hours=50)
    assert not stage.events("place")
    (alert,) = told(stage)
    assert "hedging LDO with BTC leaves moves of" in alert


async def test_coins_that_leave_take_their_hedge_along_at_once() -> None:
    stage = staged((120, True))
    await stage.run(policy(), hours=36)
    full = -stage.position()
    stage.exchange.withdraw(stage.api_key, Wallet.SPOT, "LDO", dec(5_000))
    await stage.run(policy(), hours=2)
    assert -stage.position() == pytest.approx(full / 2, rel=dec("0.2"))


async def test_a_deposit_of_what_it_hedges_asks_and_one_of_what_it_holds_does_not() -> None:
    shape = policy(approve=ApprovePolicy(deposits=True))
    stage = staged((120, True))
    await stage.run(shape, hours=36)
    full = -stage.position()
    stage.exchange.deposit(stage.api_key, Wallet.SPOT, "BTC", dec("0.01"))
    await stage.run(shape, hours=2)
    assert not (await stage.recorded()).approvals
    stage.exchange.deposit(stage.api_key, Wallet.SPOT, "LDO", dec(5_000))
    await stage.run(shape, hours=2)
    (asked,) = (await stage.recorded()).approvals
    assert (asked.strategy, asked.asset) == ("ldo", "BTC")
    assert -stage.position() <= full
