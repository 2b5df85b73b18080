"""A command that waits for an exchange says so on stderr: nobody should take it for one that hangs."""

from __future__ import annotations

import sys
from datetime import datetime

from counterpoise.app.pauses import waiting_said


def say_waiting(venue: str, api: str, until: datetime, asked: bool) -> None:
    """Print where a question waits and until when; ``asked``: the venue asked for it."""
    print(waiting_said(venue, api, until, asked=asked), file=sys.stderr, flush=True)
