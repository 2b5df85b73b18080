"""Words that wait for a yes: each has a code that holds for a while, once, for the person and the chat that asked.

A person has one at a time in a chat: a new word takes the place of the older one. They live as long as the process;
after a restart an old code is not known any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from counterpoise.domain.control import Weighed

#: Wrong codes after which what waits is dropped.
_TRIES = 3


@dataclass(slots=True, kw_only=True)
class _Waiting:
    weighed: Weighed
    code: str
    asked_at: datetime
    until: datetime
    tries: int = 0


class Confirmations:
    """``fresh`` makes a code of six digits; ``within``: how long one holds."""

    def __init__(self, within: timedelta, fresh: Callable[[], str]) -> None:
        self._within = within
        self._fresh = fresh
        self._waiting: dict[tuple[int, int], _Waiting] = {}

    def ask(self, chat: int, user: int, weighed: Weighed, now: datetime) -> str:
        """Return the code by which ``user`` says in ``chat`` that what was ``weighed`` is meant."""
        code = self._fresh()
        self._waiting[chat, user] = _Waiting(
            weighed=weighed, code=code, asked_at=now, until=now + self._within
        )
        return code

    def waits(self, chat: int, user: int) -> bool:
        """Return whether something of ``user`` waits in ``chat`` for its code, be it in time or not."""
        return (chat, user) in self._waiting

    def take(self, chat: int, user: int, code: str, now: datetime) -> Weighed | str:
        """Return what ``code`` confirms, which it then no longer does; else why it confirms nothing."""
        waiting = self._waiting.get((chat, user))
        if waiting is None:
            return "nothing of yours waits for a code here: it was used, replaced, or is another's"
        if not waiting.asked_at <= now < waiting.until:
            # also where the clock was set back: how long ago it was nobody knows
            del self._waiting[chat, user]
            return "the code has expired; nothing was done. Say it again"
        if code != waiting.code:
            waiting.tries += 1
            if waiting.tries >= _TRIES:
                del self._waiting[chat, user]
                return "not the code, and it was the third try: say it again"
            return "not the code that waits here; nothing was done"
        del self._waiting[chat, user]
        return waiting.weighed
