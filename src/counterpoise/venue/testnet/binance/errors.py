"""Binance's refusals: codes, messages and HTTP states, and how the simulated exchange's rejects map to them.

One table per market, because the same number means different things on spot and futures (-2022 is a
reduce-only reject on futures and a failed cancel-replace on spot). Codes and wording follow Binance's
published error lists (spot ``errors.md``; USD-M "Error Code"); clients match on both, so both are kept to
the letter. A reject that is missing here would break the dialect: a test walks all reject codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from counterpoise.domain.numbers import ceil_step, floor_step, text
from counterpoise.venue.sim import MarketKind, RejectCode, Side, SimReject, SymbolRules


@dataclass(frozen=True, slots=True)
class ApiError(Exception):
    """A refusal as Binance words it; ``status`` is the HTTP state."""

    code: int
    msg: str
    status: int = 400
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def payload(self) -> dict[str, object]:
        """The JSON body of the refusal."""
        return {"code": self.code, "msg": self.msg}


UNKNOWN_SYMBOL = (-1121, "Invalid symbol.")

#: What only contracts can be refused for; a spot table without them would have holes.
MARGIN_REJECTS: Mapping[RejectCode, tuple[int, str]] = {
    RejectCode.ABOVE_MAX_POSITION: (
        -2027,
        "Exceeded the maximum allowable position at current leverage.",
    ),
    RejectCode.ORDERS_OPEN: (-4047, "Margin type cannot be changed if there exists open orders."),
    RejectCode.POSITION_OPEN: (-4048, "Margin type cannot be changed if there exists position."),
    RejectCode.NOT_ISOLATED: (-4049, "Add margin only support for isolated position."),
    RejectCode.NO_POSITION: (-4054, "Cannot add position margin: position is 0."),
    RejectCode.LEVERAGE_REDUCTION: (
        -4161,
        "Leverage reduction is not supported in Isolated Margin Mode with open positions.",
    ),
}

SPOT_REJECTS: Mapping[RejectCode, tuple[int, str]] = {
    RejectCode.UNKNOWN_SYMBOL: UNKNOWN_SYMBOL,
    RejectCode.BAD_QTY_STEP: (-1013, "Filter failure: LOT_SIZE"),
    RejectCode.BAD_PRICE_TICK: (-1013, "Filter failure: PRICE_FILTER"),
    RejectCode.BAD_PRICE: (-1013, "Filter failure: PRICE_FILTER"),
    RejectCode.BELOW_MIN_QTY: (-1013, "Filter failure: LOT_SIZE"),
    RejectCode.ABOVE_MAX_QTY: (-1013, "Filter failure: LOT_SIZE"),
    RejectCode.BELOW_MIN_NOTIONAL: (-1013, "Filter failure: NOTIONAL"),
    RejectCode.PERCENT_PRICE: (-1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
    RejectCode.INSUFFICIENT_BALANCE: (
        -2010,
        "Account has insufficient balance for requested action.",
    ),
    RejectCode.DUPLICATE_CLIENT_ID: (-2010, "Duplicate order sent."),
    RejectCode.WOULD_TAKE: (-2010, "Order would immediately match and take."),
    RejectCode.MARKET_CLOSED: (-2010, "Market is closed."),
    # Binance takes such an order and expires it at once; here a rejected order never exists
    RejectCode.FOK_NOT_FILLED: (-2010, "Order could not be filled at once."),
    RejectCode.REDUCE_ONLY: (-1106, "Parameter 'reduceOnly' sent when not required."),
    RejectCode.UNKNOWN_ORDER: (-2013, "Order does not exist."),
    RejectCode.UNKNOWN_ACCOUNT: (-2015, "Invalid API-key, IP, or permissions for action."),
    RejectCode.INSUFFICIENT_MARGIN: (-2019, "Margin is insufficient."),
    RejectCode.BAD_LEVERAGE: (-4028, "Leverage is not valid"),
    **MARGIN_REJECTS,
    RejectCode.BAD_TRANSFER: (-1130, "Invalid data sent for a parameter."),
}

FUTURES_REJECTS: Mapping[RejectCode, tuple[int, str]] = {
    RejectCode.UNKNOWN_SYMBOL: UNKNOWN_SYMBOL,
    RejectCode.BAD_QTY_STEP: (-4023, "Qty not increased by step size."),
    RejectCode.BAD_PRICE_TICK: (-4014, "Price not increased by tick size."),
    RejectCode.BAD_PRICE: (-4001, "Price less than 0."),
    RejectCode.BELOW_MIN_QTY: (-4004, "Quantity less than min quantity."),
    RejectCode.ABOVE_MAX_QTY: (-4005, "Quantity greater than max quantity."),
    RejectCode.BELOW_MIN_NOTIONAL: (-4164, ""),
    RejectCode.PERCENT_PRICE: (-4016, ""),
    RejectCode.INSUFFICIENT_MARGIN: (-2019, "Margin is insufficient."),
    RejectCode.INSUFFICIENT_BALANCE: (-2018, "Balance is insufficient."),
    RejectCode.DUPLICATE_CLIENT_ID: (-4116, "ClientOrderId is duplicated."),
    RejectCode.WOULD_TAKE: (
        -5022,
        (
            "Due to the order could not be executed as maker, the Post Only order will be rejected."
            " The order will not be recorded in the order history"
        ),
    ),
    RejectCode.FOK_NOT_FILLED: (
        -5021,
        (
            "Due to the order could not be filled immediately, the FOK order has been rejected."
            " The order will not be recorded in the order history"
        ),
    ),
    RejectCode.REDUCE_ONLY: (-2022, "ReduceOnly Order is rejected."),
    RejectCode.UNKNOWN_ORDER: (-2013, "Order does not exist."),
    RejectCode.UNKNOWN_ACCOUNT: (-2015, "Invalid API-key, IP, or permissions for action."),
    RejectCode.MARKET_CLOSED: (-4141, "Symbol is closed."),
    RejectCode.BAD_LEVERAGE: (-4028, "Leverage is not valid"),
    **MARGIN_REJECTS,
    RejectCode.BAD_TRANSFER: (-1130, "Invalid data sent for a parameter."),
}

UNKNOWN_CANCEL = (-2011, "Unknown order sent.")


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a reject was about, for the messages that say it: the symbol's rules, side and price bound."""

    kind: MarketKind
    rule: SymbolRules | None = None
    side: Side | None = None
    mark: Decimal | None = None
    cancelling: bool = False


def from_reject(reject: SimReject, about: About) -> ApiError:
    """Return the refusal Binance gives for ``reject``.

    A cancel and a query of an order that is not known are answered with different codes.
    """
    if reject.code is RejectCode.UNKNOWN_ORDER and about.cancelling:
        return ApiError(*UNKNOWN_CANCEL)
    table = SPOT_REJECTS if about.kind is MarketKind.SPOT else FUTURES_REJECTS
    code, msg = table[reject.code]
    if code == -4164 and about.rule is not None:
        least = text(about.rule.min_notional)
        msg = f"Order's notional must be no smaller than {least} (unless you choose reduce only)."
    if code == -4016:
        code, msg = _price_bound(about)
    return ApiError(code, msg, 401 if code == -2015 else 400)


def _price_bound(about: About) -> tuple[int, str]:
    selling = about.side is Side.SELL
    code, word = (-4024, "lower") if selling else (-4016, "higher")
    bound = "the limit"
    if about.rule is not None and about.mark is not None:
        rule = about.rule
        if selling:
            bound = text(ceil_step(about.mark * rule.price_band_down, rule.tick_size))
        else:
            bound = text(floor_step(about.mark * rule.price_band_up, rule.tick_size))
    return code, f"Limit price can't be {word} than {bound}."


def missing(name: str) -> ApiError:
    """Return the refusal for a mandatory parameter that was not sent or is malformed."""
    return ApiError(
        -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
    )


def not_required(name: str) -> ApiError:
    """Return the refusal for a parameter that does not fit the others."""
    return ApiError(-1106, f"Parameter '{name}' sent when not required.")


def illegal(name: str, legal: str) -> ApiError:
    """Return the refusal for a parameter with characters outside the pattern ``legal``."""
    return ApiError(
        -1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'."
    )


def unsupported() -> ApiError:
    """Return the refusal for something Binance offers and this exchange does not."""
    return ApiError(-1020, "This operation is not supported.")
