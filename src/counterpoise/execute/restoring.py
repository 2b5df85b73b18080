"""Setting back what somebody else changed at a venue.

The alert is durable before; the next look tells whether it worked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from counterpoise.domain.errors import VenueAuthError, VenueError
from counterpoise.domain.guarding import SettingChange
from counterpoise.domain.snapshot import MarginMode
from counterpoise.ports import Treasury


async def restore(
    venues: Mapping[str, Treasury],
    changes: Iterable[SettingChange],
    may_send: Callable[[], bool],
) -> dict[str, str]:
    """Set back what ``changes`` name, each once, and return the key of what could not be -> the venue's words.

    Raises VenueAuthError.
    """
    failed: dict[str, str] = {}
    for change in changes:
        if change.restore is None or not may_send():
            continue
        mode = MarginMode(change.restore.mode) if change.restore.mode is not None else None
        try:
            await venues[change.venue].restore(change.symbol, change.restore.leverage, mode)
        except VenueAuthError:
            raise
        except VenueError as error:
            failed[change.key] = str(error)
    return failed
