from __future__ import annotations

from counterpoise.domain.errors import (
    ConfigError,
    CounterpoiseError,
    StoreError,
    VenueAuthError,
    VenueError,
    WrongSchema,
)


def test_every_config_problem_is_a_line() -> None:
    error = ConfigError(["a.yaml:1:2 quote: expected text, was 5", "a.yaml:9:1 venues: missing"])
    assert str(error).splitlines() == error.problems


def test_a_failed_read_may_be_repeated_and_a_wrong_key_may_not() -> None:
    assert VenueError("timed out").retryable
    assert not VenueError("no such symbol", retryable=False).retryable
    assert not VenueAuthError("invalid key").retryable
    assert isinstance(VenueAuthError("invalid key"), VenueError)


def test_one_name_catches_everything_raised_on_purpose() -> None:
    assert issubclass(WrongSchema, StoreError)
    assert issubclass(StoreError, CounterpoiseError)
