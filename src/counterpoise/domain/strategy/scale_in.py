"""``scale_in``: build a long in tranches that each need a stronger reason. Policy and state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from counterpoise.domain.bars import Lookback
from counterpoise.domain.strategy.conditions import PriceSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The first tranche: ``qty`` base units, at once or when the price is ``above`` / ``below``."""

    qty: Decimal
    above: Decimal | None = None
    below: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """The second: a bounce of ``bounce`` (fraction) off ``support`` and a break of ``resistance`` (quote)."""

    qty: Decimal
    support: Decimal
    bounce: Decimal
    resistance: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """The rest, up to the position ``to``: a close above the highest high of ``high_bars``, or a rising average.

    ``average_bars``: the moving average of so many closes must be above its value one bar earlier and the price
    above it. Exactly one of the two is given. Judged on a bar that closed after the tranche before.
    """

    to: Decimal
    interval: timedelta
    high_bars: int | None = None
    average_bars: int | None = None


class OnInvalid(StrEnum):
    """What an invalidated position becomes."""

    CLOSE = "close"
    HEDGE = "hedge"  # a short of the same size against the spot held


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleInPolicy:
    """Tranches in order; at or below ``invalidate`` (quote) it is wrong. Never adds to a loser unless asked."""

    id: str
    asset: str
    entry: Entry
    confirm: Confirm | None = None
    commit: Commit | None = None
    invalidate: Decimal
    on_invalid: OnInvalid = OnInvalid.CLOSE
    add_to_loser: bool = False
    source: PriceSource = PriceSource.MARK
    kind: str = "scale_in"

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets it may move."""
        return (self.asset,)

    @property
    def lookbacks(self) -> tuple[Lookback, ...]:
        """The closed bars it needs."""
        if self.commit is None:
            return ()
        bars = self.commit.high_bars or (self.commit.average_bars or 0)
        return (Lookback(asset=self.asset, interval=self.commit.interval, bars=bars + 1),)


class ScaleInPhase(StrEnum):
    """Where it is in its life."""

    WAITING = "waiting"
    ENTERED = "entered"
    CONFIRMED = "confirmed"
    COMMITTED = "committed"
    HEDGING = "hedging"  # invalidated, turned into a hedge
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaleInState:
    """``entry_price``: the mark when it was decided to enter. ``hedged``: the size it had when it became a hedge.

    ``stepped_at``: when the newest tranche was decided.
    """

    overlays: Mapping[str, Decimal] = field(default_factory=dict)
    phase: ScaleInPhase = ScaleInPhase.WAITING
    held: Mapping[str, datetime] = field(default_factory=dict)
    entry_price: Decimal | None = None
    hedged: Decimal | None = None
    stepped_at: datetime | None = None
