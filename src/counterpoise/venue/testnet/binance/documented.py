"""The error codes Binance documents, with HTTP status and words: what a fault of kind ``code`` answers.

One code can have several wordings (-2010, -1003, -1013), and clients judge by the words; the first is the default.
``api`` is where the number means this: ``spot``, ``futures``, ``sapi`` or all of them (""). Sources: "Error codes"
and "General info" of the spot and the USD-M REST documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from counterpoise.venue.testnet.lens import Refusal

SPOT, FUTURES, SAPI, ALL = "spot", "futures", "sapi", ""


@dataclass(frozen=True, slots=True)
class Documented:
    """One documented answer."""

    code: int
    msg: str
    status: int = 400
    api: str = ALL
    retry_after: int | None = None

    def refusal(self) -> Refusal:
        """Return it as a refusal."""
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return Refusal(status=self.status, code=self.code, msg=self.msg, headers=headers)


_GENERAL = (
    Documented(-1000, "An unknown error occurred while processing the request."),
    Documented(-1000, "Unknown error, please check your request or try again later.", 503, FUTURES),
    Documented(-1001, "Internal error; unable to process your request. Please try again.", 503),
    Documented(
        -1003,
        (
            "Too many requests; current limit is 2400 requests per minute."
            " Please use the websocket for live updates to avoid polling the API."
        ),
        429,
        retry_after=30,
    ),
    Documented(
        -1006,
        "An unexpected response was received from the message bus. Execution status unknown.",
    ),
    Documented(
        -1007,
        (
            "Timeout waiting for response from backend server."
            " Send status unknown; execution status unknown."
        ),
        408,
    ),
    Documented(
        -1008,
        ("Server is currently overloaded with other requests. Please try again in a few minutes."),
        503,
        SPOT,
    ),
    Documented(
        -1008,
        (
            "Request throttled by system-level protection."
            " Reduce-only/close-position orders are exempt. Please try again."
        ),
        503,
        FUTURES,
    ),
    Documented(-1013, "Filter failure: LOT_SIZE"),
    Documented(
        -1015,
        "Too many new orders; current limit is 300 orders per 10 SECOND.",
        429,
        retry_after=10,
    ),
    Documented(-1016, "This service is no longer available.", 503),
    Documented(-1020, "This operation is not supported."),
    Documented(-1021, "Timestamp for this request is outside of the recvWindow."),
    Documented(-1021, "Timestamp for this request was 1000ms ahead of the server's time."),
    Documented(-1022, "Signature for this request is not valid."),
    Documented(-1100, "Illegal characters found in a parameter."),
    Documented(-1101, "Too many parameters sent for this endpoint."),
    Documented(-1102, "A mandatory parameter was not sent, was empty/null, or malformed."),
    Documented(-1103, "An unknown parameter was sent."),
    Documented(-1104, "Not all sent parameters were read."),
    Documented(-1105, "A parameter was empty."),
    Documented(-1106, "A parameter was sent when not required."),
    Documented(-1111, "Precision is over the maximum defined for this asset."),
    Documented(-1121, "Invalid symbol."),
    Documented(-1122, "Invalid symbolstatus."),
    Documented(-2010, "Account has insufficient balance for requested action."),
    Documented(-2011, "Unknown order sent."),
    Documented(-2013, "Order does not exist."),
    Documented(-2014, "API-key format invalid.", 401),
    Documented(-2015, "Invalid API-key, IP, or permissions for action.", 401),
)
_SPOT = tuple(
    Documented(code, msg, status, SPOT)
    for code, msg, status in (
        (-2010, "Duplicate order sent.", 400),
        (-2010, "Order would immediately match and take.", 400),
        (-2010, "Market is closed.", 400),
        (-2010, "Rest API trading is not enabled.", 400),
        (-2010, "This account may not place or cancel orders.", 400),
        (
            -2021,
            "Order cancel-replace is partially failed.",
            409,
        ),
        (-2022, "Order cancel-replace failed.", 400),
        (
            -2026,
            "Order was canceled or expired with no executed qty over 90 days ago and has been archived.",
            400,
        ),
    )
)
_FUTURES = tuple(
    Documented(code, msg, 400, FUTURES)
    for code, msg in (
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
        (-4112, "ReduceOnly Order is rejected."),
        (-4116, "ClientOrderId is duplicated."),
        (-4118, "ReduceOnly Order Failed. Please check your existing position and open orders."),
        (
            -4120,
            "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
        ),
        (-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit."),
        (-4164, "Order's notional must be no smaller than 5 (unless you choose reduce only)."),
        (-4192, "Trade forbidden due to Cooling-off Period."),
        (-4400, "Futures Trading Quantitative Rules violated, only reduceOnly order is allowed."),
        (
            -5021,
            (
                "Due to the order could not be filled immediately, the FOK order has been rejected."
                " The order will not be recorded in the order history"
            ),
        ),
        (
            -5022,
            (
                "Due to the order could not be executed as maker, the Post Only order will be rejected."
                " The order will not be recorded in the order history"
            ),
        ),
    )
)
_SAPI = tuple(
    Documented(code, msg, 400, SAPI)
    for code, msg in (
        (-5001, "Don't allow transfer to micro assets."),
        (-5002, "You have insufficient balance."),
        (-5003, "You don't have this asset."),
        (-5004, "The residual balances exceed 0.001BTC, please re-choose."),
        (-5011, "Futures account does not exist."),
        (-5012, "Asset transfer is in progress. Please wait."),
        (-5013, "Asset transfer failed: insufficient balance."),
    )
)
DOCUMENTED = _GENERAL + _SPOT + _FUTURES + _SAPI

TRADING_OFF = Documented(-2010, "Rest API trading is not enabled.").refusal()
UNAVAILABLE = Documented(-1000, "Service Unavailable.", 503).refusal()


def of(api: str) -> Iterator[Documented]:
    """Yield what is documented for one API, its own wording first."""
    yield from (one for one in DOCUMENTED if one.api == api)
    yield from (one for one in DOCUMENTED if one.api == ALL)


def refusal(api: str, code: int) -> Refusal | None:
    """Return the first wording of ``code`` on ``api``, None where the number is not documented."""
    return next((one.refusal() for one in of(api) if one.code == code), None)
