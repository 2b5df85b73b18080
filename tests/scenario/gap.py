"""One BTC hedged in full at a venue leverage, then a gap upwards: whether the hedge lives."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import LimitsPolicy, MarginPolicy
from counterpoise.domain.strategy import HedgePolicy
from tests.scenario.stage import make_shape, make_stage

LEVERAGES = (2, 3, 5, 10)
GAPS = (10, 20, 28, 40, 60)
PRICE = 100_000


async def survives(leverage: int, gap: int, *, guarded: bool, room: Decimal | None = None) -> bool:
    """Return whether a short of 1 BTC lives through a gap of ``gap`` percent.

    1/``leverage`` of it begins in the futures wallet, the same as it is worth lies in the spot wallet. ``room``: other
    levels for the guard, so that it keeps at least so much.
    """
    wallet = dec(PRICE) / leverage + 200
    stage = make_stage(
        {"BTC": PRICE},
        {"BTC": 1, "USDT": PRICE},
        futures=wallet.quantize(dec(1)),
        leverage=leverage,
        every=timedelta(minutes=1),
    )
    margin: MarginPolicy | None = None
    if guarded:
        margin = MarginPolicy()
        if room is not None:
            margin = MarginPolicy(survive=room, warn=room, top_up=room - dec("0.01"))
    policy = make_shape(
        HedgePolicy(id="full", asset="BTC", ratio=dec(1)),
        shape={"core": (50, ["BTC"]), "buffer": (50, ["USDT"])},
        limits=LimitsPolicy(max_turnover_24h=dec(100), max_leverage=dec(10)),
        margin=margin,
    )
    await stage.run(policy, hours=1)
    assert abs(stage.position() + 1) < dec("0.001"), "the hedge is open"
    stage.price(BTC=PRICE * (100 + gap) // 100)
    return not any(e["event"] == "liquidation" for e in stage.exchange.log.after(0))
