"""What futures cost to carry, against what coins in their place cost to trade."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.decide.triggers import Reading, span
from counterpoise.domain.decision import Wakeups
from counterpoise.domain.numbers import ZERO, dec, quantize, text
from counterpoise.domain.reasons import reason
from counterpoise.domain.scene import Scene
from counterpoise.domain.strategy.drift import SettlePolicy

#: The funding interval of a venue that does not tell it.
_EIGHT_HOURS = timedelta(hours=8)
_CENT = dec("0.01")


def read_carry(
    policy: SettlePolicy, scene: Scene, overlays: Mapping[str, Decimal], until: datetime | None
) -> Reading:
    """Return whether carrying ``overlays`` costs more than trading coins in their place.

    Funding over ``horizon`` (or up to ``until``, if that is nearer) at the present rate, signed: a rate above 0 is
    paid by longs and received by shorts (MEANING 20). A rate that is not known makes the whole unknown.
    """
    horizon = policy.horizon if until is None else min(policy.horizon, until - scene.now)
    carry = cost = ZERO
    for asset, overlay in overlays.items():
        if overlay == 0:
            continue
        quote = scene.quotes.get(asset)
        if quote is None or quote.funding_rate is None:
            return Reading(holds=None, says=reason("settle_carry_unknown", asset=asset))
        payments = Decimal(horizon // timedelta(seconds=1)) / Decimal(
            (quote.funding_interval or _EIGHT_HOURS) // timedelta(seconds=1)
        )
        value = overlay * scene.view.assets[asset].price
        carry += value * quote.funding_rate * payments
        cost += abs(value) * policy.spot_fee
    says = reason(
        "settle_waits_carry",
        carry=text(quantize(carry, _CENT)),
        cost=text(quantize(cost, _CENT)),
        quote=scene.view.quote,
        span=span(horizon),
    )
    return Reading(holds=carry > cost, says=says, wakeups=Wakeups())
