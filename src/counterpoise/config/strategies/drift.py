"""``drift`` in the file: shape, what must fit, policy."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from counterpoise.config.fields import Calendar, Duration, Identifier, PriceDistance
from counterpoise.config.section import Section
from counterpoise.config.shape import Shape, given
from counterpoise.domain.strategy import DriftPolicy
from counterpoise.domain.strategy.drift import Legs, SettleMode, SettlePolicy, TradeTo


class SettleModel(Shape):
    """Whether and when coins follow the futures."""

    mode: SettleMode = Field(
        description="never: futures stay futures; futures_first: coins follow; spot: coins only"
    )
    deadline: Duration | None = Field(
        default=None,
        description="coins follow so long after the futures: 7d; default: when carry says so",
    )
    horizon: Duration | None = Field(
        default=None, description="over how long carrying the futures is reckoned; default 30d"
    )
    spot_fee: PriceDistance | None = Field(
        default=None, description="what trading coins costs; default 10bps"
    )


class DriftModel(Shape):
    """Keep every sleeve inside its band, through futures."""

    kind: Literal["drift"]
    id: Identifier = Field(description="a name of your choice, unique in the portfolio")
    trade_to: TradeTo = Field(
        default=TradeTo.TARGET,
        description="how far to trade back, in futures and in coins: target (default), inner (band) or half",
    )
    legs: Legs = Field(
        default=Legs.BOTH,
        description="which side to correct: overweight, underweight or both (default)",
    )
    calendar: Calendar | None = Field(
        default=None,
        description="when to trade back even inside the band: '0 8 * * mon' (minute hour day month"
        " weekday, UTC)",
    )
    settle: SettleModel | None = Field(
        default=None,
        description="{mode: never} (default), {mode: futures_first, deadline: 7d} or {mode: spot}",
    )


def check(drift: Section) -> None:
    """Complain of what cannot be meant."""
    mode, settle = drift.word("settle", "mode"), drift.at("settle")
    if mode == SettleMode.NEVER:
        for key in settle.written("deadline", "horizon", "spot_fee"):
            settle.complain_of_key(key, f"no {key} with mode: never, where nothing is settled")
    elif mode == SettleMode.SPOT:
        for key in settle.written("deadline", "horizon"):
            settle.complain_of_key(
                key, f"no {key} with mode: spot, where no futures wait for coins"
            )


def policy(model: DriftModel) -> DriftPolicy:
    """Return what the strategy is asked for."""
    return DriftPolicy(
        id=model.id,
        trade_to=model.trade_to,
        legs=model.legs,
        calendar=model.calendar,
        settle=_settle(model.settle),
    )


def _settle(model: SettleModel | None) -> SettlePolicy:
    if model is None:
        return SettlePolicy()
    return SettlePolicy(
        mode=model.mode,
        deadline=model.deadline,
        **given(horizon=model.horizon, spot_fee=model.spot_fee),
    )
