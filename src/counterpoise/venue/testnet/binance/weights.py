"""How much a request weighs, how much an account or address has used, and when it is too much.

Weights and limits are those Binance publishes per endpoint (spot REST API documentation, "Weight" and
``rateLimits`` of ``exchangeInfo`` since 2023-08: 6,000 a minute, 100 orders in 10 s, 200,000 a day; USD-M:
2,400 a minute, 300 orders in 10 s, 1,200 a minute; ``/sapi``: 12,000 a minute). Weight counts by address,
orders by account. Minutes are market minutes, so a replay is throttled as the same requests would have
been on that day; where the market stands still, the caller's own elapsed time moves them on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from counterpoise.venue.testnet.binance.errors import ApiError
from counterpoise.venue.testnet.binance.params import Params

Weight = Callable[[Params], int]
MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderWindow:
    """One order limit: at most ``most`` orders in ``span_ms``; ``name`` ends the reply header."""

    name: str
    interval: str
    count: int
    span_ms: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """One family of paths that shares a weight limit: spot, ``/sapi`` or futures."""

    name: str
    header: str
    most: int
    message: str
    orders: tuple[OrderWindow, ...] = ()


SPOT = Pool(
    name="spot",
    header="X-MBX-USED-WEIGHT-1M",
    most=6_000,
    message=(
        "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."
        " Please use WebSocket Streams for live updates to avoid polling the API."
    ),
    orders=(
        OrderWindow(name="10S", interval="SECOND", count=10, span_ms=10_000, most=100),
        OrderWindow(name="1D", interval="DAY", count=1, span_ms=86_400_000, most=200_000),
    ),
)
SAPI = Pool(
    name="sapi",
    header="X-SAPI-USED-IP-WEIGHT-1M",
    most=12_000,
    message=(
        "Too much request weight used; current limit is 12000 request weight per 1 MINUTE."
        " Please use WebSocket Streams for live updates to avoid polling the API."
    ),
)
FUTURES = Pool(
    name="futures",
    header="x-mbx-used-weight-1m",
    most=2_400,
    message=(
        "Too many requests; current limit is 2400 requests per minute."
        " Please use the websocket for live updates to avoid polling the API."
    ),
    orders=(
        OrderWindow(name="10S", interval="SECOND", count=10, span_ms=10_000, most=300),
        OrderWindow(name="1M", interval="MINUTE", count=1, span_ms=MINUTE_MS, most=1_200),
    ),
)


def flat(weight: int) -> Weight:
    """Return a weight that no parameter changes."""
    return lambda _params: weight


def unless_symbol(weight: int, without: int) -> Weight:
    """Return ``weight`` where a symbol is named and ``without`` where all are asked for."""
    return lambda params: weight if params.has("symbol") else without


def by_limit(default: int, *steps: tuple[int, int]) -> Weight:
    """Return the weight of the first step ``(limit, weight)`` the asked ``limit`` fits in, else the last."""

    def weigh(params: Params) -> int:
        value = params.opt("limit")
        limit = int(value) if value is not None and value.isdecimal() else default
        return next((weight for most, weight in steps if limit <= most), steps[-1][1])

    return weigh


def ticker_24h(params: Params) -> int:
    """Return the weight of spot's 24 h ticker: 2 for up to 20 symbols, 40 up to 100, else 80."""
    if params.has("symbol"):
        return 2
    asked = params.opt("symbols")
    if asked is None:
        return 80
    count = asked.count(",") + 1
    return 2 if count <= 20 else 40 if count <= 100 else 80


class Limits:
    """Counts weight by address and orders by account, in windows of market time."""

    def __init__(self) -> None:
        self._weights: dict[tuple[str, str], tuple[int, int]] = {}
        self._orders: dict[tuple[str, str, str], tuple[int, int]] = {}

    def charge(self, pool: Pool, remote: str, weight: int, at_ms: int) -> dict[str, str]:
        """Count ``weight`` against ``remote`` and return the header that tells the sum.

        Raises ``ApiError`` 429 / -1003 with ``Retry-After`` (seconds to the next minute) above the limit.
        """
        window = at_ms // MINUTE_MS
        seen, used = self._weights.get((pool.name, remote), (window, 0))
        used = used + weight if seen == window else weight
        self._weights[pool.name, remote] = (window, used)
        headers = {pool.header: str(used)}
        if used > pool.most:
            wait = ((window + 1) * MINUTE_MS - at_ms + 999) // 1_000
            raise ApiError(-1003, pool.message, 429, {**headers, "Retry-After": str(wait)})
        return headers

    def count_orders(self, pool: Pool, account: str, orders: int, at_ms: int) -> dict[str, str]:
        """Count ``orders`` new orders of ``account`` and return the headers that tell the sums.

        Raises ``ApiError`` 429 / -1015 above a limit; nothing is counted then.
        """
        counts = {w: self._count(pool, w, account, at_ms) + orders for w in pool.orders}
        for window, count in counts.items():
            if count > window.most:
                raise ApiError(
                    -1015,
                    f"Too many new orders; current limit is {window.most} orders per"
                    f" {window.count} {window.interval}.",
                    429,
                )
        for window, count in counts.items():
            self._orders[pool.name, window.name, account] = (at_ms // window.span_ms, count)
        return {f"X-MBX-ORDER-COUNT-{w.name}": str(count) for w, count in counts.items()}

    def order_usage(self, pool: Pool, account: str, at_ms: int) -> list[dict[str, object]]:
        """Return Binance's list of order limits with what ``account`` has used of each."""
        return [
            {**row, "count": self._count(pool, window, account, at_ms)}
            for row, window in zip(order_rows(pool), pool.orders, strict=True)
        ]

    def _count(self, pool: Pool, window: OrderWindow, account: str, at_ms: int) -> int:
        seen, count = self._orders.get((pool.name, window.name, account), (-1, 0))
        return count if seen == at_ms // window.span_ms else 0


def order_rows(pool: Pool) -> list[dict[str, object]]:
    """Return the order limits of ``pool`` as ``exchangeInfo`` lists them."""
    return [
        {
            "rateLimitType": "ORDERS",
            "interval": window.interval,
            "intervalNum": window.count,
            "limit": window.most,
        }
        for window in pool.orders
    ]


def limit_rows(pool: Pool) -> list[dict[str, object]]:
    """Return all limits of ``pool`` as ``exchangeInfo`` lists them."""
    weight: dict[str, object] = {
        "rateLimitType": "REQUEST_WEIGHT",
        "interval": "MINUTE",
        "intervalNum": 1,
        "limit": pool.most,
    }
    return [weight, *order_rows(pool)]
