"""Windows of closed bars: too few tell nothing, too many are never there."""

from __future__ import annotations

from datetime import timedelta

from counterpoise.config import times, units
from counterpoise.config.section import Section

#: How many closed bars a window may have.
LEAST_BARS, MOST_BARS = 24, 2000


def check_window(section: Section, window: timedelta, interval: timedelta) -> None:
    """Complain where the window of ``section`` has too few or many bars; ``window``, ``interval``: what is usual."""
    written = section.read(units.duration, "window")
    each = section.read(times.interval, "interval")
    if (section.has("window") and written is None) or (section.has("interval") and each is None):
        return
    bars = (written or window) // (each or interval)
    if not LEAST_BARS <= bars <= MOST_BARS:
        where = "window" if section.has("window") else "interval"
        expected = f"a window of {LEAST_BARS} to {MOST_BARS} closed bars"
        section.complain((where,), expected, was=f"{bars}")
