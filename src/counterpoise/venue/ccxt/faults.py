"""What an answer, or its absence, proves about a request that changes something: the tables. The default is UNKNOWN.

ccxt's exception classes are no outcomes: it returns an order for an empty reply, gives "rejected" classes to time-outs
and "network" classes to refusals. So the judgement is made on the raw reply: HTTP status, the venue's own code and
words. A row says NOT_PLACED only where the venue documents that answer as given before the matching engine, or as a
refusal by it; whatever no row names is UNKNOWN, and so is every row's code under another status.

Spot, futures and wallet have tables of their own, because they use the same numbers for different things (-2021, -2022
and -2026 above all). Sources: Binance "Error codes" of spot and USD-M, "General info" for HTTP statuses (503 of USD-M).
An answer of "too fast" (429, 418) is taken for not placed; Binance has no sentence that guarantees it, so it rests on
the next look, which reads open orders and fills before anything takes the order's place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from counterpoise.venue.ccxt.endpoints import Scope


class Proof(StrEnum):
    """What is proven of a request that changes something.

    NOT_PLACED: it had no effect (the order never existed, was not cancelled, no money moved). PLACED: it had, now or
    when it was sent before; of a cancel: the order has left the book, cancelled or filled. UNKNOWN: neither.
    """

    NOT_PLACED = "not_placed"
    UNKNOWN = "unknown"
    PLACED = "placed"


class Deed(StrEnum):
    """What was asked for."""

    ORDER = "order"
    CANCEL = "cancel"
    TRANSFER = "transfer"


@dataclass(frozen=True, slots=True, kw_only=True)
class RawReply:
    """A reply as it was on the wire. ``sent`` is False only where no byte of the request can have left.

    ``status`` is None without a whole reply; ``code`` and ``words`` are the venue's own, None and "" unless the body is
    its JSON error.
    """

    sent: bool
    status: int | None = None
    code: int | None = None
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One documented answer: ``code`` None is any code of the venue, ``words`` "" any words.

    ``words`` must occur in the venue's (in lower case); with ``exact`` they must be all of them.
    """

    proof: Proof
    statuses: range
    code: int | None
    words: str = ""
    exact: bool = False

    def fits(self, reply: RawReply) -> bool:
        """Whether it is the answer that was given."""
        said = reply.words.lower()
        return (
            reply.status in self.statuses
            and self.code in {None, reply.code}
            and (said == self.words if self.exact else self.words in said)
        )


Table = tuple[Row, ...]

_REFUSALS = range(400, 429)  # up to, not with, "too many requests"
_DOWN = range(503, 504)

#: The venue's own clock says that ours is off: nothing was done, and ours has to be measured anew.
CLOCK_CODES = frozenset({-1021, 10002})

#: Documented as "execution status unknown", or as an error inside the venue: nothing new to report.
UNPROVEN_CODES = frozenset({-1000, -1001, -1006, -1007, -1008})


def _refused(*codes: int) -> Table:
    return tuple(Row(proof=Proof.NOT_PLACED, statuses=_REFUSALS, code=code) for code in codes)


def _worded(proof: Proof, code: int, phrases: Iterable[str]) -> Table:
    return tuple(
        Row(proof=proof, statuses=_REFUSALS, code=code, words=phrase) for phrase in phrases
    )


# too fast; banned. -1015 counts orders, and is given before one is taken
_TOO_FAST = tuple(
    Row(proof=Proof.NOT_PLACED, statuses=range(status, status + 1), code=code)
    for status in (418, 429)
    for code in (-1003, -1015)
)
# malformed, wrongly signed, out of the receive window, or not allowed: refused before anything is looked at
_REQUEST = _refused(
    *(-1013, -1021, -1022, -1111, -1115, -1116, -1117, -1121, -1122, -1128, -1130),
    *range(-1106, -1099),
    *(-2014, -2015),
)
# of 503 three sentences are documented as a failure, each other 5xx as unknown
_OVERLOAD: Table = (
    Row(proof=Proof.NOT_PLACED, statuses=_DOWN, code=-1008),
    Row(
        proof=Proof.NOT_PLACED,
        statuses=_DOWN,
        code=-1001,
        words="internal error; unable to process your request. please try again.",
        exact=True,
    ),
    Row(
        proof=Proof.NOT_PLACED,
        statuses=_DOWN,
        code=None,
        words="service unavailable.",
        exact=True,
    ),
)
_REJECTED = -2010
_REJECTED_PHRASES = (
    "insufficient balance",
    "would immediately match and take",
    "market is closed",
    "rest api trading is not enabled",
    "this account may not place or cancel orders",
    "this action is disabled on this account",
    "this symbol is not permitted for this account",
    "this symbol is restricted for this account",
    "market orders are not supported for this symbol",
    "unsupported order combination",
    "price * qty is zero or less",
)
_REJECTS = (
    *_worded(Proof.NOT_PLACED, _REJECTED, _REJECTED_PHRASES),
    *_worded(Proof.PLACED, _REJECTED, ["duplicate order sent"]),
)
# overflow, empty book, parameters that do not go together, empty ids
_SPOT_RULES = _refused(-1014, -1108, -1112, -1114, -1118)
_FUTURES_RULES = (
    # balance, margin, trigger, reduce-only, liquidation, open orders, position at leverage
    *_refused(-2018, -2019, -2021, -2022, -2023, -2025, -2027, -2028),
    # quantity, price, steps, bounds, notional
    *_refused(-4001, -4002, -4003, -4004, -4005, -4014, -4015, -4016, -4023, -4024, -4131, -4164),
    # position side, permissions, reduce-only, other endpoint, closed symbol, cooling off, rules
    *_refused(
        -4061, -4067, -4068, -4087, -4088, -4089, -4090, -4112, -4118, -4120, -4140, -4141, -4188
    ),
    *_refused(-4192, -4400),
    # fill or kill, post-only, price match
    *_refused(-5021, -5022, -5028),
    Row(proof=Proof.PLACED, statuses=_REFUSALS, code=-4116),
)
# tiny amounts, not enough, no such asset, no futures account; -5012 says that one is under way
_WALLET_RULES = _refused(-5001, -5002, -5003, -5004, -5011, -5013)

_ANY = (*_REQUEST, *_TOO_FAST)
_ORDER = (*_ANY, *_OVERLOAD, *_REJECTS)
#: "Unknown order sent.": it is not in the book any more, cancelled or filled. -2013 tells of a replica: no proof.
_CANCEL = (*_ANY, *_OVERLOAD, *_worded(Proof.PLACED, -2011, ["unknown order sent"]))

BINANCE: Mapping[tuple[Scope, Deed], Table] = MappingProxyType(
    {
        (Scope.SPOT, Deed.ORDER): (*_ORDER, *_SPOT_RULES),
        (Scope.FUTURES, Deed.ORDER): (*_ORDER, *_FUTURES_RULES),
        (Scope.SPOT, Deed.CANCEL): _CANCEL,
        (Scope.FUTURES, Deed.CANCEL): _CANCEL,
        # the wallet's 5xx are documented as unknown without exception
        (Scope.WALLET, Deed.TRANSFER): (*_ANY, *_WALLET_RULES),
    }
)
#: Venues without a table of their own: too little money, and a key or signature that is not accepted. Nothing else is
#: the same everywhere, and "timed out" hides behind many numbers.
GENERAL: Table = tuple(
    Row(proof=Proof.NOT_PLACED, statuses=_REFUSALS, code=None, words=phrase)
    for phrase in (
        "insufficient balance",
        "insufficient funds",
        "insufficient margin",
        "invalid api key",
        "invalid api-key",
        "invalid signature",
    )
)


def table_of(exchange: str, scope: Scope, deed: Deed) -> Table:
    """Return the table for ``deed`` at a ccxt id; the general one where the venue has none."""
    if exchange != "binance":
        return GENERAL
    return BINANCE.get((scope, deed), ())


def proof_of(table: Table, reply: RawReply) -> Proof:
    """Return what ``reply`` proves. Anything but a listed answer is UNKNOWN, also a success: its body tells more."""
    if not reply.sent:
        return Proof.NOT_PLACED
    if reply.status is None or reply.code is None:
        return Proof.UNKNOWN
    return next((row.proof for row in table if row.fits(reply)), Proof.UNKNOWN)


#: "Order does not exist." On spot -2026: it ended long ago without a fill; on futures that number means something else.
_NOT_FOUND: Mapping[Scope, frozenset[int]] = MappingProxyType(
    {Scope.SPOT: frozenset({-2013, -2026}), Scope.FUTURES: frozenset({-2013})}
)


def is_not_found(scope: Scope, reply: RawReply) -> bool:
    """Whether a look-up was answered that there is no such order; that is no proof of absence, replicas lag."""
    return reply.status in _REFUSALS and reply.code in _NOT_FOUND.get(scope, frozenset())
