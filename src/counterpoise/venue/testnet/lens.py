"""Through what a dialect sees the exchange while a fault bends its sight; :data:`CLEAR` bends nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from counterpoise.venue.sim import SimExchange
from counterpoise.venue.testnet.http import Request, Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A refusal in the words of a venue; ``code`` is its own number."""

    status: int
    code: int
    msg: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Partly:
    """Of a request with several orders those at ``places`` (from 0) are answered with ``refusal``.

    ``done``: they were done all the same.
    """

    places: frozenset[int]
    refusal: Refusal
    done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """What is not as it is.

    ``state`` answers signed reads in the exchange's place (a replica that lags); ``rehearsal`` answers everything, so
    that a reply is made without its effect. ``skew_ms`` is how far the server's clock is ahead of the market's.
    ``most_weight`` is a lower weight limit a minute. ``partly`` is what becomes of a part of a batch.
    """

    state: SimExchange | None = None
    rehearsal: SimExchange | None = None
    skew_ms: int = 0
    most_weight: int | None = None
    partly: Partly | None = None


CLEAR = Lens()


class Dialect(Protocol):
    """What a fault needs of a dialect beside its answers."""

    @property
    def doors(self) -> Collection[tuple[str, str]]:
        """Every (method, path) it answers."""
        ...

    def handle(self, request: Request, lens: Lens = CLEAR) -> Response:
        """Return the reply to ``request``, seen through ``lens``."""
        ...

    def note(self, request: Request, code: str) -> None:
        """Write into the truth log that ``request`` came and had the answer ``code``, without any effect."""
        ...

    def refuse(self, refusal: Refusal) -> Response:
        """Return ``refusal`` as a reply."""
        ...

    def documented(self, path: str, code: int) -> Refusal | None:
        """Return how the venue words ``code`` where ``path`` lies, None for a number it does not document."""
        ...

    def too_fast(self, path: str, *, until_ms: int, now_ms: int, banned: bool) -> Refusal:
        """Return the refusal of a caller that is too fast until an instant, or that is banned till then."""
        ...

    def down(self, request: Request) -> Refusal:
        """Return the refusal of ``request`` while the venue is under maintenance."""
        ...


def wait_s(until_ms: int, now_ms: int) -> int:
    """Return the whole seconds from ``now_ms`` to ``until_ms``, rounded up, at least 1: a ``Retry-After``."""
    return max(1, -(-(until_ms - now_ms) // 1_000))


def seconds_ms(seconds: Decimal) -> int:
    """Return ``seconds`` in whole ms."""
    return int(seconds * 1_000)
