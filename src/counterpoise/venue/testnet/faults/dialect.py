"""A dialect with faults in front: conditions bend what it sees, acts happen beside it, a reply replaces its own."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from counterpoise.venue.sim import MarketKind, SimExchange, SimReject
from counterpoise.venue.testnet.faults import bent
from counterpoise.venue.testnet.faults.armed import Armed, Faults
from counterpoise.venue.testnet.faults.kinds import Group, When
from counterpoise.venue.testnet.http import Request, Response
from counterpoise.venue.testnet.lens import CLEAR, Dialect, Lens, Partly


class FaultyDialect:
    """Answers like the dialect behind it, except where an armed fault strikes."""

    def __init__(self, dialect: Dialect, faults: Faults, exchange: SimExchange) -> None:
        self._dialect = dialect
        self._faults = faults
        self._exchange = exchange

    def handle(self, request: Request) -> Response:
        """Return the reply, or what a fault makes of it."""
        account = request.headers.get("x-mbx-apikey")
        striking = self._faults.striking(request.method, request.path, account)
        if not striking:
            return self._dialect.handle(request)
        acts = [one for one in striking if one.fault.kind.group is Group.ACT]
        for act in acts:
            if act.fault.when is When.BEFORE:
                self._do(act, account)
        with ExitStack() as stack:
            lens = self._lens(striking, request, stack)
            replies = [one for one in striking if one.fault.kind.group is Group.REPLY]
            response = (
                self._bent(replies[0], request, lens)
                if replies
                else self._dialect.handle(request, lens)
            )
        for act in acts:
            if act.fault.when is When.AFTER:
                self._do(act, account)
        return response

    def _bent(self, armed: Armed, request: Request, lens: Lens) -> Response:
        bends = armed.fault.name in bent.BENT
        if armed.fault.when is When.AFTER:
            full = self._dialect.handle(request, lens)
            return self._reply(armed, request, full)
        if bends:
            # what would have been said, without its effect
            rehearsed = replace(lens, rehearsal=self._exchange.replica())
            return self._reply(armed, request, self._dialect.handle(request, rehearsed))
        self._dialect.note(request, f"fault {armed.fault.name}")
        return self._reply(armed, request, None)

    def _reply(self, armed: Armed, request: Request, full: Response | None) -> Response:
        def whole() -> Response:
            return full if full is not None else Response(status=200, body="")

        return bent.reply(armed, request, whole, dialect=self._dialect, now=self._exchange.now)

    def _lens(self, striking: list[Armed], request: Request, stack: ExitStack) -> Lens:
        """Return what the dialect looks through, and let what lasts for one request hold until ``stack`` ends."""
        lens = CLEAR
        for armed in striking:
            args = armed.fault.args
            match armed.fault.name, args:
                case "lag", _:
                    lens = replace(lens, state=armed.state)
                case "skew", {"ms": int(ahead)}:
                    lens = replace(lens, skew_ms=lens.skew_ms + ahead)
                case "limits", {"weight": int(most)}:
                    lens = replace(lens, most_weight=most)
                case "async", {"seconds": Decimal() as seconds}:
                    delay = timedelta(milliseconds=int(seconds * 1_000))
                    stack.enter_context(self._exchange.acting_after(delay))
                case "partial", {"orders": list(orders)}:
                    lens = replace(lens, partly=self._partly(armed, orders, request))
                case "client_ids", {"unique": str(unique)}:
                    self._exchange.keep_client_ids(for_ever=unique == "ever")
        return lens

    def _partly(self, armed: Armed, orders: list[int], request: Request) -> Partly:
        if "batch" not in request.path.lower():
            armed.problem = "expected a request with several orders, was another"
        return Partly(
            places=frozenset(orders),
            refusal=bent.coded(armed, request, self._dialect),
            done=armed.fault.when is When.AFTER,
        )

    def _do(self, armed: Armed, account: str | None) -> None:
        """Do what the exchange does by itself; what cannot be done is noted with the fault."""
        args = armed.fault.args
        try:
            match armed.fault.name, args:
                case "delist", {"symbol": str(symbol)}:
                    market = args.get("market")
                    kind = None if market is None else MarketKind(str(market))
                    self._exchange.delist(symbol, kind)
                case "adl", {"symbol": str(symbol), "qty": Decimal() as qty}:
                    owner = armed.fault.match.account or account or ""
                    self._exchange.deleverage(owner, symbol, qty)
                case "price", {"symbol": str(symbol), "price": Decimal() as price}:
                    self._exchange.set_price(symbol, price)
        except SimReject as reject:
            armed.problem = reject.text
