"""Converting futures into coins: when it starts, how fast, and how far it has come. Policy and state.

Shared by ``derisk``, ``dip_buy`` and ``drift``. Matched quantities (coins and futures that offset each other) move
together, rung by rung; what is left over moves in the ladder of its one leg (MEANING 14).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from counterpoise.domain.numbers import ZERO
from counterpoise.domain.strategy.conditions import PriceSource


class ConvertMode(StrEnum):
    """How fast a conversion goes."""

    AT_ONCE = "at_once"  # rung after rung
    GRADUAL = "gradual"  # a tranche every so often


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A price level: absolute (quote), or ``relative`` to where the strategy entered (0.2 = 20 % away)."""

    value: Decimal
    relative: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertPolicy:
    """When coins take over from futures: at an instant, at a price, or by an operator's word.

    With none of ``at``, ``above`` and ``below``, ``derisk`` waits for the operator; ``dip_buy`` converts as soon as
    its long is on, unless ``on_command``. An operator's ``convert`` starts it at any time. ``spot_fee`` is what
    trading coins costs (fraction of notional): so much may be missing of what was bought, taken in the coin.
    """

    mode: ConvertMode = ConvertMode.AT_ONCE
    at: datetime | None = None
    above: Level | None = None
    below: Level | None = None
    tranches: int = 5
    every: timedelta = timedelta(hours=1)
    on_command: bool = False
    source: PriceSource = PriceSource.MARK
    spot_fee: Decimal = Decimal("0.001")


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetConversion:
    """One asset's way from futures to coins, all base units, frozen when it starts.

    ``futures``: the overlay it starts from. ``spot``: the coins to buy (> 0) or sell (< 0). ``spot_from``: what the
    hedge book says the strategy had traded in coins before; its wish in coins is counted from there. ``wish``: the
    coins wanted up to now, within ``spot``, before ``fees``: what fees in the coin took of them (>= 0), which is not
    bought again. ``unfilled``: orders for its futures from before the start may still bring fills; until they cannot,
    ``futures`` follows what is held and no coins are wished for.
    """

    futures: Decimal
    spot: Decimal
    spot_from: Decimal
    wish: Decimal = ZERO
    fees: Decimal = ZERO
    unfilled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionState:
    """A conversion under way; ``next_at`` is when a gradual one may take its next tranche."""

    started_at: datetime
    assets: Mapping[str, AssetConversion] = field(default_factory=dict)
    tranches_done: int = 0
    next_at: datetime | None = None
