"""What the user asked for, as values: the configuration after every unit, default and cross-check is settled.

``config/`` builds these from YAML; everything else reads them. Weights and bands are fractions of equity (0.05 is
five percentage points), slippage and spacing are fractions of price, quantities are base units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum

from counterpoise.domain.numbers import ZERO, dec


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """How far a weight may stray: ``5pp`` is absolute, ``25%`` is relative to the target weight."""

    size: Decimal
    relative: bool = False

    def width(self, target_weight: Decimal) -> Decimal:
        """Return the half-width as a fraction of equity."""
        return self.size * abs(target_weight) if self.relative else self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleeve:
    """A named part of the portfolio: ``weight`` of equity, split over ``assets`` (shares that add up to 1)."""

    id: str
    weight: Decimal
    assets: Mapping[str, Decimal]
    band: Band
    inner: Band | None = None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPolicy:
    """Keep every sleeve inside its band through futures."""

    id: str
    trade_to: TradeTo = TradeTo.TARGET
    legs: Legs = Legs.BOTH
    kind: str = "drift"


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgePolicy:
    """Hold a short against ``asset``: ``ratio`` of spot + outside holdings, or a fixed ``qty`` in base units."""

    id: str
    asset: str
    ratio: Decimal | None = None
    qty: Decimal | None = None
    kind: str = "hedge"


StrategyPolicy = DriftPolicy | HedgePolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionPolicy:
    """How a position is moved: ``rungs`` orders ``spacing`` apart, then crossing under ``max_slippage``.

    Crossing begins when ``patience`` has run out.
    """

    rungs: int = 5
    spacing: Decimal = dec("0.0005")
    patience: timedelta = timedelta(minutes=2)
    max_slippage: Decimal = dec("0.002")
    cancel_on_stop: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsPolicy:
    """Hard limits on what may be sent. Notionals are in the portfolio's quote, turnover and leverage in equities."""

    max_order_notional: Decimal | None = None
    max_position_notional: Decimal | None = None
    max_turnover_24h: Decimal = dec("4")
    max_leverage: Decimal = dec("3")
    max_orders_per_minute: int = 60
    max_open_orders: int = 50
    price_collar: Decimal = dec("0.05")
    min_equity: Decimal = ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessPolicy:
    """How old data may be when a decision rests on it, and how long an approval stays good."""

    max_quote_age: timedelta = timedelta(minutes=2)
    max_account_age: timedelta = timedelta(minutes=1)
    approval: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioPolicy:
    """One portfolio: where it lives, its shape, its strategies in order of priority, and its limits.

    ``existing`` says per venue what to do with positions found at the first start: ``refuse``, ``keep`` or
    ``adopt:<strategy id>``.
    """

    id: str
    venues: tuple[str, ...]
    quote: str
    sleeves: tuple[Sleeve, ...]
    strategies: tuple[StrategyPolicy, ...]
    holdings: Mapping[str, Decimal] = field(default_factory=dict)
    execution: ExecutionPolicy = ExecutionPolicy()
    limits: LimitsPolicy = LimitsPolicy()
    freshness: FreshnessPolicy = FreshnessPolicy()
    allow_net_short: bool = False
    existing: Mapping[str, str] = field(default_factory=dict)
    retire: Mapping[str, str] = field(default_factory=dict)

    @property
    def assets(self) -> tuple[str, ...]:
        """Every asset of every sleeve but the quote, in the order of the config."""
        return tuple(a for s in self.sleeves for a in s.assets if a != self.quote)

    def target_weight(self, asset: str) -> Decimal:
        """Return the shape's weight of ``asset`` (0 for an asset in no sleeve)."""
        return sum((s.weight * s.assets[asset] for s in self.sleeves if asset in s.assets), ZERO)
