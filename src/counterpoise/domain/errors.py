"""Every error this product raises on purpose.

CounterpoiseError
+-- ConfigError          bad usage or config: exit 2, nothing was sent
+-- SafetyRefusal        a safety check said no: exit 3, nothing was sent
+-- IllegalMove          an order state that the table does not allow: a bug, stop
+-- StoreError           the database cannot be used: nothing may be placed
|   +-- WrongSchema      the database is of another version: exit 3
+-- VenueError           a read from a venue failed; ``retryable`` says whether to look again
|   +-- VenueAuthError   the key is wrong or lacks rights: retrying only makes it worse
+-- SinkError            a sink did not take a message: it is tried again, after growing pauses
    +-- SinkBusy         it said how long to leave it alone: nothing is sent to it before
    +-- SinkRefusal      it will never take this one: given up, the others go on
"""

from __future__ import annotations

from datetime import timedelta


class CounterpoiseError(Exception):
    """Something Counterpoise itself found wrong."""


class ConfigError(CounterpoiseError):
    """Bad usage or configuration; each problem is one line ``file:line:col path: expected X, was Y``."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class SafetyRefusal(CounterpoiseError):
    """A safety check refused to go on (live consent, foreign positions, held lock, ...)."""


class IllegalMove(CounterpoiseError):
    """An order state change that the table of legal moves does not contain."""


class StoreError(CounterpoiseError):
    """The database cannot be read or written."""


class WrongSchema(StoreError):
    """The database schema is not the one this version needs."""


class VenueError(CounterpoiseError):
    """A read from a venue failed."""

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        self.retryable = retryable
        super().__init__(message)


class VenueRefusal(VenueError):
    """An account is set up so that nothing can be traded in it; a person has to change that at the venue."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


class VenueAuthError(VenueError):
    """The venue does not accept the key, or the key may not do this."""

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=False)


class SinkError(CounterpoiseError):
    """A sink did not take a message, or may not have; whatever else a sink raises counts as this."""


class SinkBusy(SinkError):
    """A sink wants to be left alone for ``retry_after`` (a 429); the message is sent again then."""

    def __init__(self, message: str, *, retry_after: timedelta) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class SinkRefusal(SinkError):
    """A sink will not take this message however often it is sent (a 400); others it may."""
