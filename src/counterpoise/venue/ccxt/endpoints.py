"""What is asked of Binance, and what each question weighs.

Each :class:`Endpoint` names ccxt's implicit method and the request weight of Binance's API documentation
("IP weight" of the spot and USD-M REST pages): ccxt's own table counts some of them wrong (premiumIndex
of all symbols weighs 10, not 1). A ``*_ALL`` endpoint is the same question without a symbol.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Scope(StrEnum):
    """An API of its own: own host, own request budget, own error codes."""

    SPOT = "spot"
    FUTURES = "futures"
    WALLET = "wallet"  # /sapi: deposits, withdrawals, transfers, rights; not there on demo accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One question: ccxt's implicit method, whose budget it takes from, and how much."""

    method: str
    scope: Scope
    weight: int
    signed: bool = False


def _both(
    spot: tuple[str, int], futures: tuple[str, int], *, signed: bool
) -> Mapping[Scope, Endpoint]:
    return MappingProxyType(
        {
            scope: Endpoint(method=method, scope=scope, weight=weight, signed=signed)
            for scope, (method, weight) in ((Scope.SPOT, spot), (Scope.FUTURES, futures))
        }
    )


TIME = Endpoint(method="fapiPublicGetTime", scope=Scope.FUTURES, weight=1)
EXCHANGE_INFO = _both(("publicGetExchangeInfo", 20), ("fapiPublicGetExchangeInfo", 1), signed=False)
BOOK_ONE = _both(
    ("publicGetTickerBookTicker", 2), ("fapiPublicGetTickerBookTicker", 2), signed=False
)
BOOK_ALL = _both(
    ("publicGetTickerBookTicker", 4), ("fapiPublicGetTickerBookTicker", 5), signed=False
)
LAST_ONE = _both(("publicGetTickerPrice", 2), ("fapiPublicGetTickerPrice", 1), signed=False)
LAST_ALL = _both(("publicGetTickerPrice", 4), ("fapiPublicGetTickerPrice", 2), signed=False)
PREMIUM_ONE = Endpoint(method="fapiPublicGetPremiumIndex", scope=Scope.FUTURES, weight=1)
PREMIUM_ALL = Endpoint(method="fapiPublicGetPremiumIndex", scope=Scope.FUTURES, weight=10)
FUNDING_INFO = Endpoint(method="fapiPublicGetFundingInfo", scope=Scope.FUTURES, weight=1)
# spot: of up to 20 symbols
TICKER = _both(("publicGetTicker24hr", 2), ("fapiPublicGetTicker24hr", 1), signed=False)
TICKERS = Endpoint(method="fapiPublicGetTicker24hr", scope=Scope.FUTURES, weight=40)

# tells the position mode as positionSide/dual does, for a sixth of its weight
ACCOUNT_CONFIG = Endpoint(
    method="fapiPrivateGetAccountConfig", scope=Scope.FUTURES, weight=5, signed=True
)
ACCOUNT = _both(("privateGetAccount", 20), ("fapiPrivateV3GetAccount", 5), signed=True)
POSITIONS = Endpoint(
    method="fapiPrivateV3GetPositionRisk", scope=Scope.FUTURES, weight=5, signed=True
)
SYMBOL_CONFIG = Endpoint(
    method="fapiPrivateGetSymbolConfig", scope=Scope.FUTURES, weight=5, signed=True
)
OPEN_ORDERS_ONE = _both(("privateGetOpenOrders", 6), ("fapiPrivateGetOpenOrders", 1), signed=True)
OPEN_ORDERS_ALL = _both(("privateGetOpenOrders", 80), ("fapiPrivateGetOpenOrders", 40), signed=True)
TRADES = _both(("privateGetMyTrades", 20), ("fapiPrivateGetUserTrades", 5), signed=True)
FORCE_ORDERS = Endpoint(
    method="fapiPrivateGetForceOrders", scope=Scope.FUTURES, weight=20, signed=True
)
ORDER = _both(("privateGetOrder", 4), ("fapiPrivateGetOrder", 1), signed=True)
# a futures order weighs nothing by address: it counts against the account's orders instead
PLACE = _both(("privatePostOrder", 1), ("fapiPrivatePostOrder", 0), signed=True)
CANCEL = _both(("privateDeleteOrder", 1), ("fapiPrivateDeleteOrder", 1), signed=True)

#: The most orders in one request, and the most cancels; spot has no such requests.
MOST_PLACED, MOST_CANCELED = 5, 10
PLACE_BATCH = Endpoint(
    method="fapiPrivatePostBatchOrders", scope=Scope.FUTURES, weight=5, signed=True
)
CANCEL_BATCH = Endpoint(
    method="fapiPrivateDeleteBatchOrders", scope=Scope.FUTURES, weight=1, signed=True
)

INCOME = Endpoint(method="fapiPrivateGetIncome", scope=Scope.FUTURES, weight=30, signed=True)
DEPOSITS = Endpoint(method="sapiGetCapitalDepositHisrec", scope=Scope.WALLET, weight=1, signed=True)
# weighs 18,000 of an account's 180,000 in a minute: the same share of what an address may use
WITHDRAWALS = Endpoint(
    method="sapiGetCapitalWithdrawHistory", scope=Scope.WALLET, weight=1200, signed=True
)
# weighs 900 of an account's 180,000 in a minute
TRANSFER = Endpoint(method="sapiPostAssetTransfer", scope=Scope.WALLET, weight=60, signed=True)
TRANSFERS = Endpoint(method="sapiGetAssetTransfer", scope=Scope.WALLET, weight=1, signed=True)
KEY_RIGHTS = Endpoint(
    method="sapiGetAccountApiRestrictions", scope=Scope.WALLET, weight=1, signed=True
)
#: The smallest signed question of each API.
KEY_TRIAL: Mapping[Scope, Endpoint] = MappingProxyType(
    {
        Scope.SPOT: ACCOUNT[Scope.SPOT],
        Scope.FUTURES: ACCOUNT_CONFIG,
        Scope.WALLET: KEY_RIGHTS,
    }
)
LEVERAGE_BRACKETS = Endpoint(
    method="fapiPrivateGetLeverageBracket", scope=Scope.FUTURES, weight=1, signed=True
)
SET_LEVERAGE = Endpoint(
    method="fapiPrivatePostLeverage", scope=Scope.FUTURES, weight=1, signed=True
)
SET_MARGIN_MODE = Endpoint(
    method="fapiPrivatePostMarginType", scope=Scope.FUTURES, weight=1, signed=True
)
COUNTDOWN = Endpoint(
    method="fapiPrivatePostCountdownCancelAll", scope=Scope.FUTURES, weight=10, signed=True
)
DELIVERY_PRICES = Endpoint(method="fapiDataGetDeliveryPrice", scope=Scope.FUTURES, weight=1)


def klines(scope: Scope, limit: int) -> Endpoint:
    """Return the question for up to ``limit`` bars; on futures its weight grows with the limit."""
    if scope is Scope.SPOT:
        return Endpoint(method="publicGetKlines", scope=scope, weight=2)
    weight = next((w for most, w in ((99, 1), (499, 2), (1000, 5)) if limit <= most), 10)
    return Endpoint(method="fapiPublicGetKlines", scope=scope, weight=weight)
