"""``drift``: keep every sleeve inside its band through futures, settled in coins later. Policy and state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from counterpoise.domain.bars import Lookback
from counterpoise.domain.strategy.conversion import ConversionState


class TradeTo(StrEnum):
    """How far drift trades back once it is outside its band."""

    TARGET = "target"
    INNER = "inner"
    HALF = "half"


class Legs(StrEnum):
    """Which side drift may correct."""

    OVERWEIGHT = "overweight"
    UNDERWEIGHT = "underweight"
    BOTH = "both"


class SettleMode(StrEnum):
    """Whether and how drift ends in coins."""

    NEVER = "never"
    FUTURES_FIRST = "futures_first"  # futures move the risk, coins follow
    SPOT = "spot"  # coins move the risk themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlePolicy:
    """Coins follow ``deadline`` after the futures were opened, earlier when carrying them costs more than trading.

    ``horizon``: over how long carry is reckoned; ``spot_fee``: what trading coins costs (fraction of notional).
    """

    mode: SettleMode = SettleMode.NEVER
    deadline: timedelta | None = None
    horizon: timedelta = timedelta(days=30)
    spot_fee: Decimal = Decimal("0.001")


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPolicy:
    """Keep every sleeve inside its band. ``calendar``: a cron expression (UTC, weekday names) that also triggers."""

    id: str
    trade_to: TradeTo = TradeTo.TARGET
    legs: Legs = Legs.BOTH
    calendar: str | None = None
    settle: SettlePolicy = SettlePolicy()
    kind: str = "drift"

    @property
    def assets(self) -> tuple[str, ...]:
        """Which assets it may move is the portfolio's shape: none of its own."""
        return ()

    @property
    def lookbacks(self) -> tuple[Lookback, ...]:
        """The closed bars it needs: none."""
        return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftState:
    """``opened_at``: since when futures are on; ``calendar_at``: the newest calendar instant acted upon.

    ``shape``: asset -> target weight that ``conversion`` brings coins to. ``stopped``: an operator released or
    cancelled it; it does nothing until it is started again.
    """

    overlays: Mapping[str, Decimal] = field(default_factory=dict)
    opened_at: datetime | None = None
    calendar_at: datetime | None = None
    conversion: ConversionState | None = None
    shape: Mapping[str, Decimal] = field(default_factory=dict)
    held: Mapping[str, datetime] = field(default_factory=dict)
    stopped: bool = False
