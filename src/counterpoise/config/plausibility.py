"""The shape of ``guards.plausibility`` in a config file."""

from __future__ import annotations

from pydantic import Field

from counterpoise.config.fields import Duration, Part
from counterpoise.config.shape import Shape
from counterpoise.domain.policy import OnForeign


class PlausibilityModel(Shape):
    """What is not believed: nothing is decided or sent on it until it looks right again."""

    max_disagreement: Part | None = Field(
        default=None,
        description="between mark, last and book of a contract, or index and spot; default 3%",
    )
    max_jump: Part | None = Field(
        default=None,
        description="a larger move within 10 minutes must be seen in two further looks; default 30%",
    )
    stuck_after: Duration | None = Field(
        default=None,
        description="a price that stands still so long while others move; default 30m",
    )
    max_depeg: Part | None = Field(
        default=None, description="how far a stable coin may lie off its peers; default 2%"
    )
    on_foreign_change: OnForeign | None = Field(
        default=None,
        description="a position changed without our fills: hold (default) until it is as it was, or accept it",
    )
