"""Everything observed in one look: the only input, beside persisted state, from which anything is decided.

A value that could not be read is ``None`` or absent and named in ``problems``; it is never zero. Position
quantities are signed (short < 0); every other quantity is unsigned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from counterpoise.domain.bars import Bar
from counterpoise.domain.instrument import Instrument, settle_of
from counterpoise.domain.ledger import LedgerEntry, Settlement
from counterpoise.domain.margin import Tiers
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.order import Fill, VenueOrder
from counterpoise.domain.transfer import Purse, VenueTransfer
from counterpoise.domain.untimely import Untimely

#: Margin tables are read every six hours; after four that failed they are old. Venues announce changes days ahead.
TIERS_GOOD_FOR = timedelta(hours=24)
#: What a venue booked or moved says nothing of a balance that is this much newer.
HISTORY_GOOD_FOR = timedelta(minutes=1)


class MarginMode(StrEnum):
    """What a position may lose: the wallet it shares, or one of its own."""

    CROSS = "cross"
    ISOLATED = "isolated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """A coin in the spot wallet, in the coin's units."""

    asset: str
    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        """Free and locked together."""
        return self.free + self.locked


@dataclass(frozen=True, slots=True, kw_only=True)
class FuturesWallet:
    """The collateral of one settle asset, in that asset; ``available`` is what new orders may use.

    ``wallet_balance`` and ``unrealized_pnl`` are of the whole account, isolated positions included.
    ``maintenance_margin`` is the venue's own figure for it, None where it gives none.
    """

    asset: str
    wallet_balance: Decimal
    unrealized_pnl: Decimal
    available: Decimal
    maintenance_margin: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A futures holding; ``qty`` in base units, signed.

    ``isolated_wallet`` is what an isolated position may lose, without its unrealised PnL (None: cross, or not told).
    ``liquidation_price`` and ``maintenance_margin`` are the venue's own figures, None where it gives none.
    """

    symbol: str
    qty: Decimal
    entry_price: Decimal | None
    mark_price: Decimal | None
    unrealized_pnl: Decimal | None
    leverage: Decimal | None = None
    margin_mode: MarginMode | None = None
    isolated_wallet: Decimal | None = None
    liquidation_price: Decimal | None = None
    maintenance_margin: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Prices of one instrument; ``as_of`` is the venue's instant where it gives one, else that of the read.

    ``volume_24h`` is in quote. What the venue does not tell is None.
    """

    symbol: str
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal | None
    mark: Decimal | None
    as_of: datetime
    funding_rate: Decimal | None = None
    next_funding_at: datetime | None = None
    funding_interval: timedelta | None = None
    volume_24h: Decimal | None = None
    index: Decimal | None = None

    @property
    def mid(self) -> Decimal | None:
        """(bid + ask) / 2, or None unless both are known."""
        if self.bid is None or self.ask is None:
            return None
        return (self.bid + self.ask) / 2

    @property
    def fair(self) -> Decimal | None:
        """The price a holding is valued at: mark for a contract, mid for spot; None when unknown."""
        return self.mark if self.mark is not None else self.mid


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What one venue account holds, from one healthy read.

    ``leverage`` and ``margin_modes`` carry the venue's settings per futures symbol where they are known; a
    position's own come first. ``hedged``: whether longs and shorts of a contract are kept apart (None: not told).
    """

    spot: Mapping[str, Balance]
    futures: Mapping[str, FuturesWallet]
    positions: Mapping[str, Position]
    as_of: datetime
    leverage: Mapping[str, Decimal] = field(default_factory=dict)
    margin_modes: Mapping[str, MarginMode] = field(default_factory=dict)
    hedged: bool | None = None

    def purse(self, which: Purse, asset: str, symbol: str | None = None) -> Decimal | None:
        """Return what a purse holds of ``asset``, without unrealised PnL; None when it is not told.

        FUTURES is what lies outside isolated positions; ``symbol`` names the position of a POSITION purse.
        """
        if which is Purse.SPOT:
            balance = self.spot.get(asset)
            return balance.total if balance is not None else ZERO
        if which is Purse.POSITION:
            position = self.positions.get(symbol or "")
            return position.isolated_wallet if position is not None else None
        wallet = self.futures.get(asset)
        outside = wallet.wallet_balance if wallet is not None else ZERO
        for position in self.positions.values():
            if (
                settle_of(position.symbol) != asset
                or position.margin_mode is not MarginMode.ISOLATED
            ):
                continue
            if position.isolated_wallet is None:
                return None
            outside -= position.isolated_wallet
        return outside


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueSnapshot:
    """One venue in one look. A part that failed is None and has its text in ``problems``.

    ``bars`` is (symbol, interval) -> closed bars, oldest first, as far as they could be read. ``ledger`` is what the
    venue booked since the newest entry we know. ``settlements``: symbol -> how a dated future of ours ended.
    ``tiers``: symbol -> the venue's margin table, as far as it is known. ``transfers``: its history of moves between
    wallets since the oldest of ours that is not proven; None when it could not be read. ``tiers_at``, ``ledger_at``
    and ``transfers_at`` tell how old these may be: when they were asked for (None: in this very look). ``untimely``:
    requests that the venue refuses for their time.
    """

    venue: str
    account: Account | None
    quotes: Mapping[str, Quote]
    open_orders: tuple[VenueOrder, ...] | None
    fills: tuple[Fill, ...] | None
    instruments: Mapping[str, Instrument]
    problems: tuple[str, ...] = ()
    bars: Mapping[tuple[str, timedelta], tuple[Bar, ...]] = field(default_factory=dict)
    ledger: tuple[LedgerEntry, ...] | None = ()
    settlements: Mapping[str, Settlement] = field(default_factory=dict)
    tiers: Mapping[str, Tiers] = field(default_factory=dict)
    transfers: tuple[VenueTransfer, ...] | None = ()
    tiers_at: datetime | None = None
    ledger_at: datetime | None = None
    transfers_at: datetime | None = None
    untimely: Untimely | None = None

    @property
    def tiers_are_old(self) -> bool:
        """Whether the margin tables were told so long before the account that they may have changed."""
        if self.tiers_at is None or self.account is None:
            return False
        return self.account.as_of - self.tiers_at > TIERS_GOOD_FOR

    def ledger_is_sound(self, now: datetime) -> bool:
        """Whether the venue's books were read, and are new enough at ``now`` to confirm or deny anything."""
        return self.ledger is not None and _is_new(self.ledger_at, now)

    def transfers_are_sound(self, now: datetime) -> bool:
        """Whether the history of transfers was read, and is new enough at ``now`` to deny anything."""
        return self.transfers is not None and _is_new(self.transfers_at, now)


def _is_new(at: datetime | None, now: datetime) -> bool:
    return at is None or now - at <= HISTORY_GOOD_FOR


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All venues of one portfolio and the holdings kept elsewhere, at ``as_of``."""

    portfolio: str
    as_of: datetime
    venues: Mapping[str, VenueSnapshot]
    holdings: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def problems(self) -> tuple[str, ...]:
        """Every problem of every venue, venue first."""
        return tuple(f"{name}: {p}" for name, v in self.venues.items() for p in v.problems)

    @property
    def marks(self) -> dict[tuple[str, str], Decimal]:
        """The mark price of every contract that has one, by venue and symbol."""
        return {
            (name, symbol): quote.mark
            for name, seen in self.venues.items()
            for symbol, quote in seen.quotes.items()
            if quote.mark is not None
        }
