"""Worked examples S1, S8, S9 and S11: hedges, their book, and how strategies live together.

Figures are those of the paper, to within the cents that crossing a spread of two ticks costs.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from counterpoise.domain.errors import SafetyRefusal
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.strategy import DriftPolicy, HedgePolicy, ProfitLadderPolicy
from counterpoise.domain.strategy.drift import Legs
from counterpoise.domain.strategy.profit_ladder import LadderTarget
from counterpoise.venue.sim import MarketKind, Side
from tests.scenario.stage import REAL_FEES, START, make_shape, make_stage

FULL = HedgePolicy(id="full", asset="BTC", ratio=dec(1))


def near(found: Decimal, expected: object, by: object = "0.1") -> bool:
    return abs(found - dec(str(expected))) <= dec(str(by))


async def test_s1_a_full_hedge_loses_nothing_when_its_coin_falls() -> None:
    stage = make_stage({"BTC": 100_000}, {"BTC": 1}, futures=50_000)
    await stage.run(make_shape(FULL), hours=2)
    assert stage.position() == -1
    before = stage.equity
    stage.fall("BTC", -10)
    await stage.run(make_shape(FULL), hours=1)
    (line,) = (await stage.lines()).values()
    assert near(line.unrealized(dec(90_000)), 10_000)
    assert stage.coins("BTC") == 1
    assert stage.coins("BTC") * (dec(90_000) - dec(100_000)) == -10_000
    assert stage.equity == before, "net 0"
    assert stage.duplicates() == 0


async def test_s1_with_fees_and_funding_costs_just_those() -> None:
    """The same with 2/5 bps and +0.01 % funding: the difference is the fee and what funding paid."""
    stage = make_stage(
        {"BTC": 100_000}, {"BTC": 1}, futures=50_000, fees=REAL_FEES, funding="0.0001"
    )
    start = stage.equity
    await stage.run(make_shape(FULL), hours=2)
    stage.fall("BTC", -10)
    await stage.run(make_shape(FULL), hours=24)
    (line,) = (await stage.lines()).values()
    assert near(line.fees, 50, 1), "1 BTC of 100,000 taken at 5 bps"
    assert line.funding == 27, "three instants at +0.01 % of 90,000, received"
    assert near(stage.equity - start, line.funding - line.fees)
    assert stage.equity - start == line.unrealized(dec(90_000)) + line.earned - 10_000


@pytest.mark.parametrize(
    ("rate", "hours", "received"),
    [
        pytest.param("0.0001", 8, "900", id="90 payments of 0.01 % received"),
        pytest.param("-0.0001", 8, "-900", id="a negative rate is paid"),
        pytest.param("0.0001", 4, "1800", id="every four hours: 180"),
        pytest.param("0.0001", 1, "7200", id="every hour: 720"),
    ],
)
async def test_s8_funding_of_a_hedge_held_thirty_days(rate: str, hours: int, received: str) -> None:
    stage = make_stage(
        {"BTC": 100_000},
        {"BTC": 1},
        futures=50_000,
        funding=rate,
        funding_hours=hours,
        days=31,
        bar=timedelta(hours=1),
        every=timedelta(hours=3),
    )
    await stage.run(make_shape(FULL), hours=0.5)
    assert stage.position() == -1, "opened between instants"
    await stage.run(make_shape(FULL), hours=30 * 24)
    (line,) = (await stage.lines()).values()
    assert line.funding == dec(received)


async def test_s9_strategies_share_one_position_and_the_book_tells_them_apart() -> None:
    """Ladder, drift with a satellite and a half hedge on one portfolio."""
    shape = {"core": (60, ["BTC"]), "satellite": (20, ["ETH"]), "buffer": (20, ["USDT"])}
    half = HedgePolicy(id="half", asset="BTC", ratio=dec("0.5"))
    ladder = ProfitLadderPolicy(
        id="out",
        asset="BTC",
        targets=(
            LadderTarget(price=dec(100_000), add=dec("0.25")),
            LadderTarget(price=dec(110_000), add=dec("0.15")),
        ),
    )
    drift = DriftPolicy(id="shape", legs=Legs.OVERWEIGHT)
    # 40,000 carry 0.9 BTC short at 112,000, but not a rise of 30 % from there
    policy = make_shape(half, ladder, drift, shape=shape, margin=None)
    stage = make_stage({"BTC": 90_000, "ETH": 3000}, {"BTC": 1, "ETH": 15}, futures=40_000)
    await stage.run(policy, hours=2)
    assert near(stage.position(), "-0.5", 0), "drift does not buy the hedge back"
    stage.price(BTC=101_000)
    await stage.run(policy, hours=2)
    stage.price(BTC=112_000)
    await stage.run(policy, hours=3)
    lines = await stage.lines()
    assert lines["half"].qty == dec("-0.5")
    assert lines["out"].qty == dec("-0.4"), "25 % and 15 % of the live spot"
    assert sum((x.qty for x in lines.values()), ZERO) == stage.position()
    assert len([p for p in stage.exchange.account(stage.api_key).positions if p.qty]) <= 2
    for line in (await stage.recorded()).book.values():
        assert line.qty == line.wanted, "fills and crosses are the overlay, exactly"
    assert stage.duplicates() == 0


async def test_s9_hedge_and_ladder_together_end_at_net_zero() -> None:
    full = HedgePolicy(id="full", asset="BTC", ratio=dec(1))
    ladder = ProfitLadderPolicy(
        id="out", asset="BTC", targets=(LadderTarget(price=dec(90_000), add=dec("0.4")),)
    )
    stage = make_stage({"BTC": 100_000}, {"BTC": 1}, futures=60_000)
    await stage.run(make_shape(full, ladder), hours=3)
    assert stage.position() == -1
    lines = await stage.lines()
    assert {s: x.qty for s, x in lines.items()} == {"full": dec(-1), "out": dec(0)}
    assert any(n.code == "net_short_clamp" for n in stage.last.decisions.notes)  # type: ignore[union-attr]  # it decided


@pytest.mark.parametrize("existing", ["keep", "adopt:full", "refuse"])
async def test_s11_a_foreign_short_at_the_first_start(existing: str) -> None:
    stage = make_stage({"BTC": 100_000}, {"BTC": 1}, futures=50_000)
    stage.by_hand(Side.SELL, "BTC", "0.2", MarketKind.PERP)
    half = HedgePolicy(id="full", asset="BTC", ratio=dec("0.5"))
    policy = make_shape(half, existing={"sim": existing})
    if existing == "refuse":
        with pytest.raises(SafetyRefusal, match=r"-0\.2 BTC/USDT:USDT"):
            await stage.run(policy, hours=1)
        assert len(stage.events("place")) == 1, "nothing was sent"
        return
    await stage.run(policy, hours=2)
    lines = await stage.lines()
    assert lines["full"].qty == dec("-0.5")
    assert stage.position() == (dec("-0.7") if existing == "keep" else dec("-0.5"))
    assert stage.last.as_of > START
