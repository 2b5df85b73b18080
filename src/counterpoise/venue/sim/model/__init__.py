"""The nouns of the simulated exchange: rules, recorded data, orders, trades, money views, refusals.

Everything that goes into or comes out of :class:`~counterpoise.venue.sim.exchange.SimExchange` is one of
these. They are venue-neutral: symbols are venue ids (``BTCUSDT``) beside a :class:`MarketKind`, quantities are
base units, positive for orders and trades (with a :class:`Side`) and signed for positions (short < 0). Nothing
here knows a dialect, and a rejected order never exists: it is a :class:`SimReject` instead.
"""

from __future__ import annotations

from counterpoise.venue.sim.model.market import (
    Book,
    Candle,
    Delivery,
    Fees,
    FundingRate,
    FundingSeries,
    MarginTier,
    MarketKind,
    Series,
    SeriesKind,
    SymbolRules,
    Ticker24h,
    tiers_of,
)
from counterpoise.venue.sim.model.money import (
    AccountKeys,
    AccountView,
    Balance,
    Flow,
    FuturesWallet,
    Income,
    IncomeKind,
    KeyRights,
    MarginMove,
    MarginType,
    PerpPosition,
    Transfer,
    Wallet,
)
from counterpoise.venue.sim.model.orders import (
    OrderKind,
    OrderStatus,
    PlaceRequest,
    RejectCode,
    Side,
    SimOrder,
    SimReject,
    SimTrade,
    TimeInForce,
)

__all__ = [
    "AccountKeys",
    "AccountView",
    "Balance",
    "Book",
    "Candle",
    "Delivery",
    "Fees",
    "Flow",
    "FundingRate",
    "FundingSeries",
    "FuturesWallet",
    "Income",
    "IncomeKind",
    "KeyRights",
    "MarginMove",
    "MarginTier",
    "MarginType",
    "MarketKind",
    "OrderKind",
    "OrderStatus",
    "PerpPosition",
    "PlaceRequest",
    "RejectCode",
    "Series",
    "SeriesKind",
    "Side",
    "SimOrder",
    "SimReject",
    "SimTrade",
    "SymbolRules",
    "Ticker24h",
    "TimeInForce",
    "Transfer",
    "Wallet",
    "tiers_of",
]
