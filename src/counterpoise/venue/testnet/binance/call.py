"""What an endpoint is given, and how the endpoints of the dialect are listed.

An endpoint is a plain function from a :class:`Call` to JSON-ready data; it raises ``ApiError`` or lets a
``SimReject`` pass, which the dialect words. Who may call it and what it weighs stands beside it in the
route tables, so that the tables of the modules together are the list of what this exchange answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from counterpoise.venue.sim import MarketKind, SimExchange, SimReject, SymbolRules
from counterpoise.venue.testnet.binance.errors import UNKNOWN_SYMBOL, ApiError
from counterpoise.venue.testnet.binance.formatting import instant, ms
from counterpoise.venue.testnet.binance.params import Params
from counterpoise.venue.testnet.binance.weights import Limits, Pool, Weight
from counterpoise.venue.testnet.lens import Partly


class Security(StrEnum):
    """Who may call: anyone, anyone with a known key, or only with a signature."""

    NONE = "none"
    KEY = "key"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request on its way to an endpoint.

    ``account`` is the caller's API key ("" on public endpoints), ``signed_at`` the instant it claims to
    have signed at. ``headers`` collects what the reply must carry besides the weight. ``skew_ms`` is by how much the
    server's clock is ahead of the market's. ``partly`` is what a fault makes of a part of a batch.
    """

    exchange: SimExchange
    params: Params
    kind: MarketKind
    pool: Pool
    limits: Limits
    limit_ms: int
    account: str = ""
    signed_at: datetime | None = None
    headers: dict[str, str] = field(default_factory=dict)
    skew_ms: int = 0
    partly: Partly | None = None

    @property
    def now_ms(self) -> int:
        """The server's time in ms."""
        return ms(self.exchange.now) + self.skew_ms

    def rules(self) -> list[SymbolRules]:
        """Return the symbols of the market that is asked."""
        return [rule for rule in self.exchange.rules() if rule.kind is self.kind]

    def rule_of(self, symbol: str) -> SymbolRules:
        """Return the rules of ``symbol``; -1121 when it is not listed on this market."""
        try:
            return self.exchange.rule(self.kind, symbol)
        except SimReject:
            raise ApiError(*UNKNOWN_SYMBOL) from None

    def rule(self) -> SymbolRules:
        """Return the rules of the mandatory parameter ``symbol``."""
        return self.rule_of(self.params.need("symbol"))

    def opt_rule(self) -> SymbolRules | None:
        """Return the rules of the parameter ``symbol``, or None when it was not sent."""
        symbol = self.params.opt("symbol")
        return None if symbol is None else self.rule_of(symbol)

    def span(self) -> tuple[datetime | None, datetime | None]:
        """Return ``startTime`` and ``endTime`` as instants."""
        start, end = self.params.time("startTime"), self.params.time("endTime")
        if start is not None and end is not None and start > end:
            raise ApiError(-1023, "Start time is greater than end time.")
        return (
            None if start is None else instant(start),
            None if end is None else instant(end),
        )

    def count_orders(self, orders: int) -> None:
        """Count new orders against the account's limits; the reply tells the sums."""
        self.headers.update(
            self.limits.count_orders(self.pool, self.account, orders, self.limit_ms)
        )


Endpoint = Callable[[Call], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One endpoint with its weight and who may call it."""

    run: Endpoint
    weight: Weight
    security: Security = Security.NONE


Routes = Mapping[tuple[str, str], Route]


def public(run: Endpoint, weight: Weight) -> Route:
    """Return a route anyone may call."""
    return Route(run=run, weight=weight)


def signed(run: Endpoint, weight: Weight) -> Route:
    """Return a route that wants a signature."""
    return Route(run=run, weight=weight, security=Security.SIGNED)


def keyed(run: Endpoint, weight: Weight) -> Route:
    """Return a route that wants a known API key."""
    return Route(run=run, weight=weight, security=Security.KEY)
