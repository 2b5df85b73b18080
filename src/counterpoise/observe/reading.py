"""Asking a venue for one part of a look: a failure becomes a named problem, and the part is missing."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from counterpoise.domain.errors import VenueAuthError, VenueError

T = TypeVar("T")


async def read(what: str, reading: Awaitable[T], problems: list[str]) -> T | None:
    """Return the answer; None when there was none, with ``what`` and the venue's words added to ``problems``.

    Raises VenueAuthError: with a key that is not accepted, going on would only lead to a ban.
    """
    try:
        return await reading
    except VenueAuthError:
        raise
    except VenueError as error:
        problems.append(f"{what}: {error}")
        return None
