"""What can be traded, and by which steps.

An :class:`Instrument` carries the venue's filters in *base units*: quantities inside Counterpoise are never
contracts. Only ``venue/`` turns base units into a venue's contracts, with :meth:`Instrument.contracts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from counterpoise.domain.numbers import ONE, ZERO, ceil_step, floor_step, shrink_step

#: Coins that mean to be worth one dollar: each other's peers.
STABLE_COINS = frozenset(
    {
        "BUSD",
        "DAI",
        "FDUSD",
        "PYUSD",
        "RLUSD",
        "TUSD",
        "USD1",
        "USDC",
        "USDD",
        "USDE",
        "USDP",
        "USDT",
    }
)


class InstrumentKind(StrEnum):
    """Spot, perpetual or dated future."""

    SPOT = "spot"
    PERPETUAL = "perpetual"
    FUTURE = "future"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One tradable thing of one venue.

    ``symbol`` is the unified text id (``BTC/USDT``, ``BTC/USDT:USDT``). ``lot_size``, ``min_qty`` and ``max_qty``
    are base units for spot and linear contracts, and *quote* units (contracts x contract_size) for inverse ones,
    whose size in base units depends on the price. ``min_notional`` is in quote.
    """

    symbol: str
    kind: InstrumentKind
    base: str
    quote: str
    settle: str | None
    tick_size: Decimal
    lot_size: Decimal
    min_qty: Decimal
    min_notional: Decimal
    max_qty: Decimal | None = None
    contract_size: Decimal = ONE
    inverse: bool = False
    expiry_at: datetime | None = None
    active: bool = True

    @property
    def is_future(self) -> bool:
        """Whether holding it is a position (perpetual or dated), not a coin."""
        return self.kind is not InstrumentKind.SPOT

    def contracts(self, qty: Decimal, mark_price: Decimal) -> Decimal:
        """Return ``qty`` base units as the venue's contracts."""
        if self.inverse:
            return qty * mark_price / self.contract_size
        return qty / self.contract_size

    def base_qty(self, contracts: Decimal, mark_price: Decimal) -> Decimal:
        """Return the exposure in base units of ``contracts`` at ``mark_price`` (MEANING 2)."""
        if self.inverse:
            return contracts * self.contract_size / mark_price
        return contracts * self.contract_size

    def shrink_qty(self, qty: Decimal) -> Decimal:
        """Return ``qty`` cut towards zero to a tradable step."""
        return shrink_step(qty, self.lot_size)

    def price_down(self, price: Decimal) -> Decimal:
        """Return ``price`` rounded down to a tick."""
        return floor_step(price, self.tick_size)

    def price_up(self, price: Decimal) -> Decimal:
        """Return ``price`` rounded up to a tick."""
        return ceil_step(price, self.tick_size)

    def tradable(self, qty: Decimal, price: Decimal, *, closing: bool = False) -> bool:
        """Whether an order of ``qty`` (unsigned) at ``price`` meets the venue's minima.

        ``closing``: a reduce-only order that ends a position. Venues exempt it from ``min_notional``, or a position
        that became small could never be left.
        """
        enough = closing or qty * price >= self.min_notional
        return qty > ZERO and qty >= self.min_qty and enough


def base_of(symbol: str) -> str:
    """Return the base asset of a unified symbol; also of one that is listed no more."""
    return symbol.partition("/")[0]


def quote_of(symbol: str) -> str:
    """Return the quote asset of a unified symbol."""
    return symbol.partition("/")[2].partition(":")[0]


def settle_of(symbol: str) -> str | None:
    """Return the asset in which the contract of a unified symbol is settled; None for a spot pair."""
    return symbol.partition(":")[2].partition("-")[0] or None


def is_spot(symbol: str) -> bool:
    """Whether a unified symbol names a spot pair: only contracts carry the asset they settle in."""
    return ":" not in symbol


def expiry_of(symbol: str) -> datetime | None:
    """Return the start of the day on which the dated future ``symbol`` (``...-YYMMDD``) ends; None for others.

    The name tells only the day; the exact hour is the listing's, while there is one.
    """
    date = symbol.partition("-")[2]
    if len(date) != 6 or not date.isdigit():
        return None
    try:
        return datetime.strptime(date, "%y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return None
