"""The kinds of faults there are, with their arguments: the list that the control door knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from counterpoise.venue.testnet.faults.arguments import (
    Argument,
    anything,
    headers,
    mapping,
    one_of,
    places,
    positive,
    seconds,
    whole,
    words,
)


class When(StrEnum):
    """Whether the exchange does what was asked: ``before``: never, ``after``: it has, only the reply is not right."""

    BEFORE = "before"
    AFTER = "after"


class Group(StrEnum):
    """What a kind does: it makes the reply, bends what is seen or how it is done, or does something itself."""

    REPLY = "reply"
    CONDITION = "condition"
    ACT = "act"


EITHER = (When.BEFORE, When.AFTER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of fault. ``times`` is how often it strikes unless told otherwise, None: until it is removed.

    ``one_of`` names arguments of which exactly one must be given, ``method`` the only one it is for.
    """

    group: Group = Group.REPLY
    when: tuple[When, ...] = EITHER
    times: int | None = 1
    args: Mapping[str, Argument] = field(default_factory=dict)
    one_of: tuple[str, ...] = ()
    method: str | None = None


_STATUS = Argument(whole(200, 599))
_BYTES = Argument(whole(0, 1_000_000))
_SECONDS = Argument(seconds, needed=True)
_SYMBOL = Argument(words, needed=True)
_NOT_YET = (When.BEFORE,)
_DONE = (When.AFTER,)

KINDS: Mapping[str, Kind] = {
    # what comes back, or does not
    "timeout": Kind(),
    "reset": Kind(),
    "delay": Kind(when=_DONE, args={"seconds": _SECONDS}),
    "truncate": Kind(args={"bytes": _BYTES}),
    "cut": Kind(args={"bytes": _BYTES}),
    "empty": Kind(args={"status": _STATUS}),
    "html": Kind(args={"status": _STATUS, "title": Argument(words)}),
    "reply": Kind(
        args={
            "status": _STATUS,
            "body": Argument(anything, needed=True),
            "headers": Argument(headers),
        }
    ),
    "alter": Kind(args={"set": Argument(mapping, needed=True)}),
    "code": Kind(
        args={
            "code": Argument(whole(-99_999, 999_999), needed=True),
            "status": _STATUS,
            "msg": Argument(words),
            "headers": Argument(headers),
        }
    ),
    # how fast one may be, and whether anybody is there
    "rate_limit": Kind(when=_NOT_YET, args={"retry_after": _SECONDS, "ban": Argument(seconds)}),
    "maintenance": Kind(when=_NOT_YET, times=None, args={"seconds": Argument(seconds)}),
    "limits": Kind(
        group=Group.CONDITION,
        when=_NOT_YET,
        times=None,
        args={"weight": Argument(whole(1, 100_000), needed=True)},
    ),
    # what is seen, and when it is done
    "lag": Kind(
        group=Group.CONDITION,
        when=_NOT_YET,
        times=None,
        args={"reads": Argument(whole(1, 100_000)), "seconds": Argument(seconds)},
        one_of=("reads", "seconds"),
        method="GET",
    ),
    "skew": Kind(
        group=Group.CONDITION,
        when=_NOT_YET,
        times=None,
        args={"ms": Argument(whole(-86_400_000, 86_400_000), needed=True)},
    ),
    "async": Kind(group=Group.CONDITION, when=_NOT_YET, times=None, args={"seconds": _SECONDS}),
    "client_ids": Kind(
        group=Group.CONDITION,
        when=_NOT_YET,
        times=None,
        args={"unique": Argument(one_of("open", "ever"), needed=True)},
    ),
    "partial": Kind(
        group=Group.CONDITION,
        args={
            "orders": Argument(places, needed=True),
            "code": Argument(whole(-99_999, 999_999)),
            "msg": Argument(words),
        },
    ),
    # what the exchange itself does
    "delist": Kind(
        group=Group.ACT, args={"symbol": _SYMBOL, "market": Argument(one_of("spot", "perp"))}
    ),
    "adl": Kind(group=Group.ACT, args={"symbol": _SYMBOL, "qty": Argument(positive, needed=True)}),
    "price": Kind(
        group=Group.ACT, args={"symbol": _SYMBOL, "price": Argument(positive, needed=True)}
    ),
}
