"""What a config says about how a position is moved, as it is written."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from counterpoise.config.fields import Amount, Cost, Duration, PriceDistance, Rungs
from counterpoise.config.shape import Shape
from counterpoise.domain.policy import ContractChoice, LadderKind


class ExecutionModel(Shape):
    """How a position is moved."""

    ladder: LadderKind | None = Field(
        default=None,
        description=(
            "resting (default): orders at staggered prices; timed: equal parts, one after the other; chase: one order"
            " that follows the best price"
        ),
    )
    rungs: Rungs | None = Field(
        default=None, description="orders of a resting ladder, parts of a timed one; default 5"
    )
    spacing: PriceDistance | None = Field(
        default=None, description="resting: between rungs; default 5bps"
    )
    patience: Duration | None = Field(
        default=None, description="how long to rest before crossing the book; default 2m"
    )
    every: Duration | None = Field(
        default=None,
        description=(
            "timed: how long one part has; default: patience / rungs. chase: how long an order stands before it is"
            " priced anew; default: 5s"
        ),
    )
    follow: PriceDistance | None = Field(
        default=None,
        description="chase: how far the best price may leave the order; default 2bps",
    )
    max_slippage: PriceDistance | None = Field(
        default=None, description="how far from the mark crossing may go; default 20bps"
    )
    contract: ContractChoice | None = Field(
        default=None,
        description="what a hedge is opened in: perpetual, dated, or cheapest (default), by carry",
    )
    horizon: Duration | None = Field(
        default=None, description="over how long carry is reckoned; default 30d"
    )
    fee: Cost | None = Field(
        default=None, description="what trading a future costs, for that reckoning; default 5bps"
    )
    roll: Duration | None = Field(
        default=None, description="roll a dated future so long before it expires; default 5d"
    )
    min_volume_24h: Amount | None = Field(
        default=None,
        description="contracts that trade less a day are left alone; default 1000000 of the quote",
    )
    on_stop: Literal["cancel", "keep"] = Field(
        default="cancel", description="own working orders when the daemon stops: cancel or keep"
    )
