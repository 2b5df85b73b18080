"""How much a request weighs, how much an account or address has used, and when it is too much.

Weights and limits are those Binance publishes per endpoint (spot REST API documentation, "Weight" and
``rateLimits`` of ``exchangeInfo`` since 2023-08: 6,000 a minute, 100 orders in 10 s, 200,000 a day; USD-M:
2,400 a minute, 300 orders in 10 s, 1,200 a minute; ``/sapi``: 12,000 a minute). Weight counts by address,
orders by account. Minutes are market minutes, so a replay is throttled as the same requests would have
been on that day; where the market stands still, the caller's own elapsed time moves them on. Who goes on asking
after a 429 is banned (418), for two minutes at first and for up to three days.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from counterpoise.venue.testnet.binance.errors import ApiError
from counterpoise.venue.testnet.binance.params import Params
from counterpoise.venue.testnet.lens import wait_s

Weight = Callable[[Params], int]
MINUTE_MS = 60_000
#: How many refusals within a minute a caller may ignore before it is banned. Binance does not tell its number.
STUBBORN = 10
#: Bans start here and double; Binance: "from 2 minutes to 3 days".
FIRST_BAN_MS = 2 * MINUTE_MS
LONGEST_BAN_MS = 3 * 24 * 60 * MINUTE_MS


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
        self._refused: dict[tuple[str, str], tuple[int, int]] = {}
        self._bans: dict[tuple[str, str], tuple[int, int]] = {}

    def charge(
        self, pool: Pool, remote: str, weight: int, at_ms: int, *, most: int | None = None
    ) -> dict[str, str]:
        """Count ``weight`` against ``remote`` and return the header that tells the sum.

        Raises ``ApiError`` 429 / -1003 with ``Retry-After`` (seconds to the next minute) above the limit (``most``,
        where it is lower than the pool's), and 418 with the end of the ban for one that does not heed it.
        """
        banned_until, bans = self._bans.get((pool.name, remote), (0, 0))
        if at_ms < banned_until:
            raise banned(banned_until, at_ms)
        window = at_ms // MINUTE_MS
        seen, used = self._weights.get((pool.name, remote), (window, 0))
        used = used + weight if seen == window else weight
        self._weights[pool.name, remote] = (window, used)
        headers = {pool.header: str(used)}
        if used > (pool.most if most is None else min(most, pool.most)):
            if self._ignored(pool, remote, window) > STUBBORN:
                until = at_ms + min(FIRST_BAN_MS << bans, LONGEST_BAN_MS)
                self._bans[pool.name, remote] = (until, min(bans + 1, 16))
                raise banned(until, at_ms)
            raise overdrawn(pool, (window + 1) * MINUTE_MS, at_ms, headers)
        return headers

    def _ignored(self, pool: Pool, remote: str, window: int) -> int:
        """Count one more refusal of ``remote`` in this minute and return their number."""
        seen, count = self._refused.get((pool.name, remote), (window, 0))
        count = count + 1 if seen == window else 1
        self._refused[pool.name, remote] = (window, count)
        return count

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


def overdrawn(pool: Pool, until_ms: int, at_ms: int, headers: dict[str, str]) -> ApiError:
    """Return the refusal of a caller whose weight is used up until ``until_ms``."""
    wait = str(wait_s(until_ms, at_ms))
    return ApiError(-1003, pool.message, 429, {**headers, "Retry-After": wait})


def banned(until_ms: int, at_ms: int) -> ApiError:
    """Return the refusal of a banned caller."""
    msg = (
        f"Way too many requests; IP(127.0.0.1) banned until {until_ms}."
        " Please use the websocket for live updates to avoid bans."
    )
    return ApiError(-1003, msg, 418, {"Retry-After": str(wait_s(until_ms, at_ms))})


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
