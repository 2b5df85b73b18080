"""From futures to coins in the file: the keys that ``derisk.convert`` and ``dip_buy.exit`` share."""

from __future__ import annotations

from pydantic import Field

from counterpoise.config import units
from counterpoise.config.fields import (
    Duration,
    Instant,
    LevelAbove,
    LevelBelow,
    PriceDistance,
    Tranches,
)
from counterpoise.config.section import Section
from counterpoise.config.shape import Shape, given
from counterpoise.domain.strategy.conditions import PriceSource
from counterpoise.domain.strategy.conversion import ConvertMode, ConvertPolicy, Level


class ConvertShape(Shape):
    """When coins take over from futures."""

    at: Instant | None = Field(default=None, description="at this instant: 2026-03-01T08:00:00Z")
    above: LevelAbove | None = Field(
        default=None, description="at or above this price, or so far above the entry: 20%"
    )
    below: LevelBelow | None = Field(
        default=None, description="at or below this price, or so far below the entry: 20%"
    )
    on_command: bool = Field(
        default=False,
        strict=True,
        description="true: wait for `counterpoise strategy convert` (which always works)",
    )
    tranches: Tranches | None = Field(
        default=None, description="how many parts a gradual conversion has; default 5"
    )
    every: Duration | None = Field(
        default=None, description="the time between two parts of a gradual one; default 1h"
    )
    spot_fee: PriceDistance | None = Field(
        default=None, description="what trading coins costs; default 10bps"
    )


def check(convert: Section, pace: str, *, one_asset: bool) -> None:
    """Complain of what cannot be meant; ``pace`` is the key that says how fast it goes."""
    if convert.word(pace) != ConvertMode.GRADUAL:
        for key in convert.written("tranches", "every"):
            convert.complain_of_key(key, f"no {key} without {pace}: gradual")
    above, below = (
        convert.read(units.level_above, "above"),
        convert.read(units.level_below, "below"),
    )
    for key, level in (("above", above), ("below", below)):
        if level is not None and not level.relative and not one_asset:
            expected = "a percentage of the entry, such as 20%, where several assets are meant"
            convert.complain((key,), expected)
    if above is not None and below is not None and _crossed(above, below):
        convert.complain(("above",), "a price above that of below")


def _crossed(above: Level, below: Level) -> bool:
    return not above.relative and not below.relative and above.value <= below.value


def policy(
    model: ConvertShape, mode: ConvertMode, source: PriceSource | None = None
) -> ConvertPolicy:
    """Return when and how fast coins take over; ``source`` is the price its levels mean."""
    return ConvertPolicy(
        mode=mode,
        at=model.at,
        above=model.above,
        below=model.below,
        on_command=model.on_command,
        **given(tranches=model.tranches, every=model.every, source=source, spot_fee=model.spot_fee),
    )
