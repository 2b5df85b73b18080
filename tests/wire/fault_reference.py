"""What each fault of the wire means at Binance, written down from its documentation and from measurements.

This is the judge of the product's own tables (``venue/ccxt/faults``) and shares nothing with them. ``N``: proven
without effect. ``P``: it had its effect, now or before. ``U``: nobody knows. A row says for which operations it is a
proof; for every other it is ``U``. An answer that proves ``N`` is never given after the effect, so it is tried before
it only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PLACE_SPOT, PLACE_FUTURES = "place spot", "place futures"
CANCEL_SPOT, CANCEL_FUTURES = "cancel spot", "cancel futures"
#: Several orders of a contract in one request: an answer without a list is one to all of them.
PLACE_BATCH, CANCEL_BATCH = "place batch", "cancel batch"
TRANSFER = "transfer"
BATCHES = frozenset({PLACE_BATCH, CANCEL_BATCH})
FUTURES = frozenset({PLACE_FUTURES, PLACE_BATCH})
PLACES = frozenset({PLACE_SPOT, *FUTURES})
CANCELS = frozenset({CANCEL_SPOT, CANCEL_FUTURES, CANCEL_BATCH})
DEEDS = (
    *(PLACE_SPOT, PLACE_FUTURES, PLACE_BATCH),
    *(CANCEL_SPOT, CANCEL_FUTURES, CANCEL_BATCH),
    TRANSFER,
)
ALL = frozenset(DEEDS)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One fault: how the test exchange makes it (``kind``, ``args``), and of what it is proof.

    ``whens`` are the times at which it can come; ``tried`` are the operations it makes sense for.
    """

    name: str
    kind: str
    args: dict[str, Any] = field(default_factory=dict)
    proves: frozenset[str] = frozenset()
    letter: str = "N"
    whens: tuple[str, ...] = ("before", "after")
    tried: frozenset[str] = ALL
    of_reads: bool = True

    def truth(self, deed: str) -> str:
        """Return the outcome that is proven of ``deed``."""
        return self.letter if deed in self.proves else "U"

    def times(self, deed: str) -> tuple[str, ...]:
        """Return when it can come: what proves something comes instead of the effect."""
        return ("before",) if deed in self.proves else self.whens


def html(status: int, title: str) -> Row:
    return Row(name=f"{status} page", kind="html", args={"status": status, "title": title})


def body(name: str, payload: Any, status: int = 200) -> Row:
    return Row(name=name, kind="reply", args={"status": status, "body": payload})


def altered(name: str, tried: frozenset[str], **fields: Any) -> Row:
    return Row(name=name, kind="alter", args={"set": fields}, tried=tried, of_reads=False)


def code(
    number: int,
    msg: str,
    status: int = 400,
    *,
    proves: frozenset[str] = frozenset(),
    letter: str = "N",
    **headers: str,
) -> Row:
    args: dict[str, Any] = {"code": number, "msg": msg, "status": status}
    if headers:
        args["headers"] = {"Retry-After": headers["retry_after"]}
    name = f"{status} {number} {msg[:40].strip()}"
    return Row(name=name, kind="code", args=args, proves=proves, letter=letter)


_ALONE = (PLACES | CANCELS) - BATCHES
#: Transport: none of it proves anything.
TRANSPORT = (
    Row(name="time-out", kind="timeout"),
    Row(name="reply after the time-out", kind="delay", args={"seconds": 11}, whens=("after",)),
    Row(name="reset", kind="reset"),
    Row(name="torn body", kind="truncate"),
    Row(name="torn at once", kind="truncate", args={"bytes": 0}),
    Row(name="torn at the last byte", kind="truncate", args={"bytes": 1_000_000}),
    Row(name="half a JSON", kind="cut"),
    Row(
        name="all but the last byte",
        kind="cut",
        args={"bytes": 150},
        tried=PLACES | CANCELS,
        of_reads=False,
    ),
    Row(name="200 empty", kind="empty"),
    Row(name="202 empty", kind="empty", args={"status": 202}),
    html(200, "Welcome"),
    body("200 {}", {}),
    body("200 null", None),
    body("200 number", 7),
    body("200 text", "OK"),
    body("200 with an error", {"code": -2019, "msg": "Margin is insufficient."}),
    Row(
        name="200 []",
        kind="reply",
        args={"body": []},
        of_reads=False,  # of a list it is a true answer
    ),
    *(
        html(status, title)
        for status, title in (
            (400, "Bad Request"),
            (401, "Unauthorized"),
            (403, "Request blocked"),
            (404, "Not Found"),
            (408, "Request Timeout"),
            (409, "Conflict"),
            (418, "I'm a teapot"),
            (429, "Too Many Requests"),
            (500, "Internal Server Error"),
            (502, "Bad Gateway"),
            (503, "Service Unavailable"),
            (504, "Gateway Timeout"),
            (520, "Unknown Error"),
            (521, "Web Server Is Down"),
            (522, "Connection Timed Out"),
            (524, "A Timeout Occurred"),
        )
    ),
    Row(name="500 empty", kind="empty", args={"status": 500}),
    Row(name="503 empty", kind="empty", args={"status": 503}),
    body("503 text", "Service Unavailable.", 503),
    altered(
        "another client id",
        _ALONE,
        clientOrderId="cp-another",
        origClientOrderId="cp-another",
    ),
    altered("no client id", _ALONE, clientOrderId=None, origClientOrderId=None),
    altered("another quantity", PLACES - BATCHES, origQty="0.2"),
    altered("another symbol", PLACES - BATCHES, symbol="ETHUSDT"),
    altered("another side", PLACES - BATCHES, side="BUY"),
    altered("no order id", _ALONE, orderId=None),
    altered("order id 0", _ALONE, orderId=0),
    altered("no transfer id", frozenset({TRANSFER}), tranId=None),
)

INTERNAL = "Internal error; unable to process your request. Please try again."
#: Documented as "execution status unknown", or not documented at all.
OPEN = (
    code(-1000, "Unknown error, please check your request or try again later.", 503),
    code(-1000, "An unknown error occurred while processing the request."),
    code(-1000, "An unknown error occurred while processing the request.", 500),
    code(-1001, INTERNAL),
    code(-1001, INTERNAL, 500),
    code(-1001, "Disconnected.", 503),
    code(-1006, "An unexpected response was received from the message bus."),
    code(-1007, "Timeout waiting for response from backend server.", 408),
    code(-1007, "Timeout waiting for response from backend server."),
    code(-1008, "Server is currently overloaded.", 500),
    code(-1016, "This service is no longer available.", 503),
    code(-1003, "Too many requests.", 400),
    code(-1013, "Filter failure: LOT_SIZE", 500),
    code(-1021, "Timestamp for this request is outside of the recvWindow.", 502),
    code(-2010, "Something new."),
    code(-2011, "Order was not canceled due to cancel restrictions."),
    code(-2013, "Order does not exist."),
    code(-2019, "Margin is insufficient.", 503),
    code(-9999, "A code nobody has seen."),
    code(-9999, "A code nobody has seen.", 503),
    code(0, "Nothing.", 400),
)
_TRADES = PLACES | CANCELS
#: Refused before anything was looked at.
REQUEST = (
    code(-1013, "Filter failure: LOT_SIZE", proves=ALL),
    code(-1013, "Filter failure: PRICE_FILTER", proves=ALL),
    code(-1013, "Filter failure: NOTIONAL", proves=ALL),
    code(-1013, "Filter failure: PERCENT_PRICE_BY_SIDE", proves=ALL),
    code(-1013, "Filter failure: MAX_NUM_ORDERS", proves=ALL),
    code(-1013, "Filter failure: MARKET_LOT_SIZE", proves=ALL),
    code(-1021, "Timestamp for this request is outside of the recvWindow.", proves=ALL),
    code(-1021, "Timestamp for this request was 1000ms ahead of the server's time.", proves=ALL),
    code(-1022, "Signature for this request is not valid.", proves=ALL),
    *(code(number, "A parameter is wrong.", proves=ALL) for number in range(-1106, -1099)),
    code(-1111, "Precision is over the maximum defined for this asset.", proves=ALL),
    code(-1121, "Invalid symbol.", proves=ALL),
    code(-1122, "Invalid symbolStatus.", proves=ALL),
    code(-2014, "API-key format invalid.", 401, proves=ALL),
    code(-2015, "Invalid API-key, IP, or permissions for action.", 401, proves=ALL),
)
#: Too fast, banned: not accepted, with a pause.
RATE = (
    code(-1003, "Too many requests; current limit is 2400.", 429, proves=ALL, retry_after="7"),
    # a header that says nothing: the pause is our own
    code(-1003, "Too many requests; which header?", 429, proves=ALL, retry_after="soon"),
    code(-1003, "Way too many requests; IP banned.", 418, proves=ALL, retry_after="130"),
    code(-1015, "Too many new orders; current limit is 300.", 429, proves=ALL, retry_after="9"),
)
#: The 503 that are documented as failures; the wallet documents none.
OVERLOAD = (
    code(-1000, "Service Unavailable.", 503, proves=_TRADES),
    code(-1001, INTERNAL, 503, proves=_TRADES),
    code(-1008, "Server is currently overloaded with other requests.", 503, proves=_TRADES),
    code(-1008, "Request throttled by system-level protection.", 503, proves=_TRADES),
)
#: Refused by rule, each on its own API.
RULES = (
    *(
        code(-2010, words, proves=PLACES)
        for words in (
            "Account has insufficient balance for requested action.",
            "Order would immediately match and take.",
            "Market is closed.",
            "Rest API trading is not enabled.",
            "This account may not place or cancel orders.",
        )
    ),
    *(
        code(number, words, proves=FUTURES)
        for number, words in (
            (-2018, "Balance is insufficient."),
            (-2019, "Margin is insufficient."),
            (-2021, "Order would immediately trigger."),
            (-2022, "ReduceOnly Order is rejected."),
            (-2023, "User in liquidation mode now."),
            (-2025, "Reach max open order limit."),
            (-2027, "Exceeded the maximum allowable position at current leverage."),
            (-2028, "Leverage is smaller than permitted: insufficient margin balance."),
            (-4003, "Quantity less than or equal to zero."),
            (-4004, "Quantity less than min quantity."),
            (-4005, "Quantity greater than max quantity."),
            (-4014, "Price not increased by tick size."),
            (-4016, "Limit price can't be higher than 115000."),
            (-4023, "Qty not increased by step size."),
            (-4024, "Limit price can't be lower than 85000."),
            (-4061, "Order's position side does not match user's setting."),
            (-4067, "Position side cannot be changed if there exists open orders."),
            (-4068, "Position side cannot be changed if there exists position."),
            (-4089, "Only reduce-only orders are allowed."),
            (-4090, "No order is allowed."),
            (-4112, "ReduceOnly Order Failed."),
            (-4118, "ReduceOnly Order Failed. Check your existing position and open orders."),
            (-4120, "Please use the Algo Order API endpoints instead."),
            (-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit."),
            (-4164, "Order's notional must be no smaller than 5 (unless you choose reduce only)."),
            (-4192, "Trade forbidden due to Cooling-off Period."),
            (-4400, "Futures Trading Quantitative Rules violated."),
            (-5021, "The FOK order has been rejected."),
            (-5022, "The Post Only order will be rejected."),
        )
    ),
    *(
        code(number, words, proves=frozenset({TRANSFER}))
        for number, words in (
            (-5002, "You have insufficient balance."),
            (-5011, "Futures account does not exist."),
            (-5013, "Asset transfer failed: insufficient balance."),
        )
    ),
    # spot: a replacement of which one leg landed; one is under way
    code(-2021, "Order cancel-replace is partially failed.", 409, proves=FUTURES),
    code(-5012, "Asset transfer is in progress. Please wait."),
)
#: The order exists, the book has lost it: proof of an effect, tried where it had one.
DONE = (
    code(-2010, "Duplicate order sent.", proves=PLACES, letter="P"),
    code(-4116, "ClientOrderId is duplicated.", proves=FUTURES, letter="P"),
    code(-2011, "Unknown order sent.", proves=CANCELS, letter="P"),
)
ROWS = (*TRANSPORT, *OPEN, *REQUEST, *RATE, *OVERLOAD, *RULES, *DONE)
