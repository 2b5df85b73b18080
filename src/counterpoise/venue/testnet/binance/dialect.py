"""Binance's face of the simulated exchange: from a request to a reply, without sockets and without a clock.

The order of the checks is Binance's: path, weight, key, time, signature, parameters, and only then the
exchange itself. Every request leaves a ``request`` entry in the truth log, refused ones too, so that what
a client really sent can be counted. State that is not the exchange's own is only the use of the limits.
Faults look through it with a ``Lens``, and word their refusals with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from counterpoise.venue.sim import MarketKind, SimExchange, SimReject
from counterpoise.venue.testnet.binance import (
    documented,
    futures_account,
    futures_margin,
    futures_orders,
    futures_positions,
    futures_public,
    futures_settings,
    sapi,
    signing,
    spot_account,
    spot_orders,
    spot_public,
    weights,
)
from counterpoise.venue.testnet.binance.call import Call, Route, Routes, Security
from counterpoise.venue.testnet.binance.errors import About, ApiError, from_reject
from counterpoise.venue.testnet.binance.formatting import instant, ms
from counterpoise.venue.testnet.binance.params import Params
from counterpoise.venue.testnet.http import Request, Response, json_response
from counterpoise.venue.testnet.lens import CLEAR, Lens, Refusal

ROUTES: Routes = {
    **spot_public.ROUTES,
    **spot_orders.ROUTES,
    **spot_account.ROUTES,
    **sapi.ROUTES,
    **futures_public.ROUTES,
    **futures_orders.ROUTES,
    **futures_positions.ROUTES,
    **futures_account.ROUTES,
    **futures_settings.ROUTES,
    **futures_margin.ROUTES,
}

#: The production hosts whose paths this dialect answers.
HOSTS = ("api.binance.com", "fapi.binance.com", "dapi.binance.com")

_FAMILIES: Mapping[str, tuple[weights.Pool, MarketKind]] = {
    "/api/": (weights.SPOT, MarketKind.SPOT),
    "/sapi/": (weights.SAPI, MarketKind.SPOT),
    "/fapi/": (weights.FUTURES, MarketKind.PERP),
    "/dapi/": (weights.FUTURES, MarketKind.PERP),
    "/futures/": (weights.FUTURES, MarketKind.PERP),
}
_NO_PAGE = "<html><body><h2>404 Not found</h2></body></html>"


class BinanceDialect:
    """Answers Binance's spot, ``/sapi`` and USD-M requests from one :class:`SimExchange`.

    ``window_scale`` multiplies the receive window where market time runs faster than the caller's clock.
    """

    def __init__(self, exchange: SimExchange, *, window_scale: int = 1) -> None:
        self._exchange = exchange
        self._scale = window_scale
        self._limits = weights.Limits()

    @property
    def doors(self) -> Collection[tuple[str, str]]:
        """Every (method, path) that is answered."""
        return ROUTES.keys()

    def handle(self, request: Request, lens: Lens = CLEAR) -> Response:
        """Return Binance's reply to ``request``, seen through ``lens``."""
        family = _family(request.path)
        route = ROUTES.get((request.method, request.path))
        if family is None or route is None:
            response = _unknown_path(request)
            self._record(request, Params({}), None, str(response.status))
            return response
        return self._answer(request, route, *family, lens)

    def note(self, request: Request, code: str) -> None:
        """Write into the truth log that ``request`` came and had the answer ``code``, without any effect."""
        self._record(request, Params.of(request.query, request.body), None, code)

    def refuse(self, refusal: Refusal) -> Response:
        """Return ``refusal`` as a reply."""
        payload = {"code": refusal.code, "msg": refusal.msg}
        return json_response(payload, status=refusal.status, headers=refusal.headers)

    def documented(self, path: str, code: int) -> Refusal | None:
        """Return how Binance words ``code`` on the API of ``path``, None for a number it does not document there."""
        family = _family(path)
        return None if family is None else documented.refusal(family[0].name, code)

    def too_fast(self, path: str, *, until_ms: int, now_ms: int, banned: bool) -> Refusal:
        """Return 429 / -1003 until an instant, or 418 / -1003 while banned till then."""
        family = _family(path)
        pool = weights.FUTURES if family is None else family[0]
        error = (
            weights.banned(until_ms, now_ms)
            if banned
            else weights.overdrawn(pool, until_ms, now_ms, {})
        )
        return Refusal(status=error.status, code=error.code, msg=error.msg, headers=error.headers)

    def down(self, request: Request) -> Refusal:
        """Return the refusal under maintenance: of spot's trading in its words, else 503 "Service Unavailable."."""
        trades = request.method != "GET" and request.path.startswith("/api/")
        return documented.TRADING_OFF if trades else documented.UNAVAILABLE

    def _answer(
        self, request: Request, route: Route, pool: weights.Pool, kind: MarketKind, lens: Lens
    ) -> Response:
        params = Params.of(request.query, request.body)
        limit_ms = ms(self._exchange.now) + request.elapsed_ms
        headers: dict[str, str] = {}
        signed_at: datetime | None = None
        try:
            headers |= self._limits.charge(
                pool, request.remote, route.weight(params), limit_ms, most=lens.most_weight
            )
            account, signed_at = self._caller(request, route, params, lens.skew_ms)
            call = Call(
                exchange=self._seen(request, route, lens),
                params=params,
                kind=kind,
                pool=pool,
                limits=self._limits,
                limit_ms=limit_ms,
                account=account,
                signed_at=signed_at,
                headers=headers,
                skew_ms=lens.skew_ms,
                partly=lens.partly,
            )
            payload = _run(route, call)
        except ApiError as error:
            self._record(request, params, signed_at, str(error.code))
            return json_response(
                error.payload, status=error.status, headers={**headers, **error.headers}
            )
        self._record(request, params, signed_at, "200")
        return json_response(payload, headers=headers)

    def _seen(self, request: Request, route: Route, lens: Lens) -> SimExchange:
        """Return the exchange that answers: a replica lags for an account's reads, prices are not its own."""
        lags = request.method == "GET" and route.security is Security.SIGNED
        return lens.rehearsal or (lens.state if lags else None) or self._exchange

    def _caller(
        self, request: Request, route: Route, params: Params, skew_ms: int
    ) -> tuple[str, datetime | None]:
        if route.security is Security.NONE:
            return "", None
        if route.security is Security.KEY:
            return signing.check_key(request, self._exchange.secret_of)[0], None
        proven = signing.check(
            request,
            params,
            now_ms=ms(self._exchange.now) + skew_ms,
            scale=self._scale,
            secret_of=self._exchange.secret_of,
        )
        return proven.api_key, instant(proven.signed_at_ms)

    def _record(
        self, request: Request, params: Params, signed_at: datetime | None, code: str
    ) -> None:
        side = params.opt("side")
        self._exchange.log.record_request(
            self._exchange.now,
            account=signing.api_key_of(request),
            signed_at=signed_at,
            status=f"{request.method} {request.path}",
            code=code,
            symbol=params.opt("symbol"),
            client_id=params.opt("newClientOrderId") or params.opt("origClientOrderId"),
            side=None if side is None else side.lower(),
        )


def _run(route: Route, call: Call) -> object:
    """Run an endpoint; a reject it did not word itself (a query of an unknown order) is worded here."""
    try:
        return route.run(call)
    except SimReject as reject:
        raise from_reject(reject, About(kind=call.kind)) from None


def _family(path: str) -> tuple[weights.Pool, MarketKind] | None:
    return next((family for prefix, family in _FAMILIES.items() if path.startswith(prefix)), None)


def _unknown_path(request: Request) -> Response:
    """Return what Binance answers to a path or method it does not have; each host has its own form."""
    if request.path.startswith(("/fapi/", "/dapi/", "/futures/")):
        msg = f"Path {request.path}, Method {request.method} is invalid"
        return json_response({"code": -5000, "msg": msg}, status=404)
    if request.path.startswith("/sapi/"):
        missing = {"status": 404, "error": "Not Found", "path": request.path}
        return json_response(missing, status=404)
    return Response(status=404, body=_NO_PAGE, headers={"Content-Type": "text/html"})
