"""``dip_buy``: buy a dip with futures, then take the profit or turn them into coins. Policy and state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from counterpoise.domain.bars import Lookback
from counterpoise.domain.strategy.conditions import PriceSource
from counterpoise.domain.strategy.conversion import ConversionState, ConvertPolicy, Level


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeProfit:
    """Close at ``level`` (above the entry); ``buy_spot``: spend the realised profit on coins afterwards."""

    level: Level
    buy_spot: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DipBuyPolicy:
    """On a fall of ``drop`` from the highest high of ``bars`` closed bars: long ``qty``, or up to exposure ``to``.

    Quantities are base units. ``stop``: close at this level below the entry. The long's notional never exceeds
    ``max_leverage`` x equity.
    """

    id: str
    asset: str
    drop: Decimal
    interval: timedelta
    bars: int
    qty: Decimal | None = None
    to: Decimal | None = None
    exit: TakeProfit | ConvertPolicy
    stop: Level | None = None
    max_leverage: Decimal = Decimal(1)
    source: PriceSource = PriceSource.MARK
    kind: str = "dip_buy"

    @property
    def assets(self) -> tuple[str, ...]:
        """The assets it may move."""
        return (self.asset,)

    @property
    def lookbacks(self) -> tuple[Lookback, ...]:
        """The closed bars it needs."""
        return (Lookback(asset=self.asset, interval=self.interval, bars=self.bars),)


class DipBuyPhase(StrEnum):
    """Where it is in its life."""

    WAITING = "waiting"  # for a dip
    LONG = "long"
    CONVERTING = "converting"
    SPENDING = "spending"  # the long is closed; its profit buys coins
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class DipBuyState:
    """``entry_price``: the price at which the dip was bought; levels are relative to it."""

    overlays: Mapping[str, Decimal] = field(default_factory=dict)
    phase: DipBuyPhase = DipBuyPhase.WAITING
    held: Mapping[str, datetime] = field(default_factory=dict)
    entry_price: Decimal | None = None
    earned_before: Decimal | None = None
    conversion: ConversionState | None = None
