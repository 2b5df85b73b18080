"""Timed and chasing ladders, residues and small changes of mind, judged by the exchange's log."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.policy import ExecutionPolicy, LadderKind, PortfolioPolicy
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.venue.sim import Wallet
from tests.scenario.stage import Stage, make_shape, make_stage

MINUTE = 1 / 60


def stage_of(coins: object = 100) -> Stage:
    """SOL at 100: the smallest order is 0.5 USDT, so 0.005 SOL, in lots of 0.001."""
    return make_stage({"SOL": 100}, {"SOL": coins, "USDT": 5_000}, futures=20_000)


def half(band: str = "0.05", **execution: Any) -> PortfolioPolicy:
    shape = {"core": (80, ["SOL"]), "buffer": (20, ["USDT"])}
    hedge = HedgePolicy(id="half", asset="SOL", ratio=dec("0.5"))
    return make_shape(hedge, shape=shape, band=band, execution=ExecutionPolicy(**execution))


def sent(stage: Stage) -> list[tuple[Decimal, Decimal, float]]:
    """Quantity, price and second of every placement."""
    begun = stage.events("place")[0]["at"]
    return [
        (dec(str(e["qty"])), dec(str(e["price"])), (int(str(e["at"])) - int(str(begun))) / 1000)
        for e in stage.events("place")
    ]


async def test_a_timed_ladder_moves_in_equal_parts_through_its_time() -> None:
    """Nobody comes to the resting parts: each crosses as the next one begins, at its own time."""
    stage = stage_of()
    policy = half(ladder=LadderKind.TIMED, rungs=5, patience=timedelta(minutes=5))
    await stage.run(policy, hours=0.2)
    resting, crossing = sent(stage)[0::2], sent(stage)[1::2]
    assert [q for q, _, _ in resting] == [10] * 5
    assert [q for q, _, _ in crossing] == [10] * 5
    assert [at for _, _, at in resting] == [0, 61, 121, 181, 241]
    assert [at for _, _, at in crossing] == [61, 121, 181, 241, 301]
    assert stage.position("SOL") == -50
    assert stage.duplicates() == 0


async def test_a_chase_has_one_order_that_follows_and_crosses_in_the_end() -> None:
    stage = stage_of()
    policy = half(ladder=LadderKind.CHASE, patience=timedelta(minutes=2))
    for _ in range(6):
        await stage.run(policy, hours=MINUTE / 4)
        stage.fall("SOL", "-0.1")
    await stage.run(policy, hours=0.2)
    *chasing, crossing = sent(stage)
    assert len(chasing) >= 5
    assert all(q == 50 for q, _, _ in chasing)
    assert all(later < earlier for (_, earlier, _), (_, later, _) in pairwise(chasing))
    assert crossing[0] == 50
    assert 120 <= crossing[2] <= 125
    open_now = worst = 0
    for event in stage.exchange.log.after(0):
        open_now += {"place": 1, "cancel": -1, "fill": -1}.get(str(event["event"]), 0)
        worst = max(worst, open_now)
    assert worst == 1, "never two at a time"
    assert stage.position("SOL") == -50


@pytest.mark.parametrize("kind", LadderKind)
async def test_a_close_is_reduce_only_whatever_the_ladder(kind: LadderKind) -> None:
    stage = stage_of()
    await stage.run(half(ladder=kind, patience=timedelta(minutes=1)), hours=0.5)
    assert stage.position("SOL") == -50
    stage.exchange.withdraw(stage.api_key, Wallet.SPOT, "SOL", dec(60))
    opened = len(stage.events("place"))
    await stage.run(half(ladder=kind, patience=timedelta(minutes=1)), hours=1)
    assert stage.position("SOL") == -20
    closing = stage.events("place")[opened:]
    assert closing
    assert all(e["reduce_only"] for e in closing)


@pytest.mark.parametrize(
    ("withdrawn", "acts"),
    [("0.008", False), ("0.012", True)],
    ids=["0.004 less: below the smallest order", "0.006 less: an order's worth"],
)
async def test_a_change_supersedes_a_working_ladder_only_if_it_can_be_traded(
    withdrawn: str, *, acts: bool
) -> None:
    stage = stage_of()
    policy = half(rungs=3, patience=timedelta(minutes=10))
    await stage.run(policy, hours=MINUTE)
    stage.exchange.withdraw(stage.api_key, Wallet.SPOT, "SOL", dec(withdrawn))
    await stage.run(policy, hours=5 * MINUTE)
    assert (len(stage.events("cancel")) > 0) is acts
    waits = {h.reason.code for r in stage.reports for h in r.plan.holds}
    assert ("change_unworthy" in waits) is not acts
    await stage.run(policy, hours=1)
    assert stage.position("SOL") == (dec("-49.994") if acts else -50)


async def test_a_residue_is_left_told_once_and_is_no_breach_of_the_band() -> None:
    """0.004 SOL are to be hedged, and the smallest order is 0.005."""
    stage = stage_of("0.008")
    for _ in range(3):
        await stage.run(half(band="0.000001"), hours=1)
    assert stage.events("place") == []
    told = [a.text for r in stage.reports for a in r.alerts if a.kind == "residue"]
    (text,) = told
    assert text.endswith(
        "the missing 0.004 SOL is less than the venue trades: at least 0.5 USDT in value"
    )
    assert stage.position("SOL") == ZERO
    assert all(r.within_band for r in stage.reports)
