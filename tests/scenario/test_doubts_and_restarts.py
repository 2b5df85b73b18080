"""A process that starts anew in the middle of a doubt goes on where the last one was."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from counterpoise.domain.doubting import PLAUSIBILITY
from counterpoise.domain.numbers import dec
from counterpoise.domain.snapshot import Quote
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.ports import Venue
from counterpoise.venue.sim import Wallet
from tests.scenario.stage import Stage, make_shape, make_stage
from tests.scenario.test_bad_data import Spoiled

HEDGE = HedgePolicy(id="half", asset="BTC", ratio=dec("0.5"))
LOOK = 0.5 / 60


def times_ten(quote: Quote) -> Quote:
    prices = {name: getattr(quote, name) for name in ("bid", "ask", "last", "mark", "index")}
    return replace(quote, **{n: None if p is None else p * 10 for n, p in prices.items()})


async def hedged() -> Stage:
    stage = make_stage(
        {"BTC": 50_000}, {"BTC": 4, "USDT": 50_000}, futures=150_000,
        every=timedelta(seconds=30),
    )  # fmt: skip
    await stage.run(make_shape(HEDGE), hours=0.3)
    assert stage.position() == -2
    return stage


def held(stage: Stage, since: int) -> list[bool]:
    return [any(why.code == "price_jumped" for why in r.held) for r in stage.reports[since:]]


@pytest.mark.parametrize("restarting", [False, True], ids=["one process", "a crash loop"])
async def test_a_jump_is_believed_no_earlier_by_a_process_that_starts_anew(
    restarting: bool,
) -> None:
    policy, stage = make_shape(HEDGE), await hedged()
    before, placed = len(stage.reports), len(stage.events("place"))
    # everything the venue shows is ten times as high, and coins that came in would be hedged on it
    bad = Spoiled(cast("Venue", None), quote_as=times_ten, on=True)
    stage.wrap = lambda venue: cast("Venue", replace(bad, inner=venue))
    stage.exchange.deposit(stage.api_key, Wallet.SPOT, "BTC", dec(2))
    if restarting:
        for _ in range(2):
            await stage.run(policy, hours=0)
            await stage.clock.sleep(dec(1))
    else:
        await stage.run(policy, hours=LOOK)
    assert held(stage, before) == [True, True]
    assert len(stage.events("place")) == placed, "nothing on a price that came out of nowhere"
    # back where it was: the old price is still the base
    stage.wrap = lambda venue: venue
    await stage.run(policy, hours=0.3)
    assert held(stage, before)[2] is False
    assert stage.position() == -3


async def test_what_calm_looks_leave_is_small_and_kept_with_the_cycle() -> None:
    stage = await hedged()
    document = (await stage.recorded()).guards[PLAUSIBILITY].document
    prices = document["prices"]
    assert isinstance(prices, dict)
    assert set(prices["good"]) == {"sim/BTC/USDT", "sim/BTC/USDT:USDT"}
    assert "jumps" not in prices
    assert len(str(document)) < 1500
