from __future__ import annotations

import traceback
from dataclasses import asdict

import pytest

from counterpoise.domain.access import Environment, Secret, VenueAccess

KEY = "fake-key-7f3a"


def access() -> VenueAccess:
    return VenueAccess(
        id="main",
        exchange="binance",
        environment=Environment.LOCAL,
        api_key=Secret(KEY),
        secret=Secret(KEY),
        password=Secret(KEY),
    )


def test_a_secret_never_prints_itself() -> None:
    secret = Secret(KEY)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>10}", "%s" % secret]  # noqa: UP031 - old code formats so
    shown += [repr(access()), str(asdict(access())), repr({"key": secret}), repr([secret])]
    assert not [text for text in shown if KEY in text]
    assert all("***" in text for text in shown)


def test_a_secret_is_not_in_the_traceback_of_what_failed_with_it() -> None:
    with pytest.raises(ValueError, match="binance") as caught:
        raise ValueError(access())
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_a_secret_can_be_revealed_and_compared() -> None:
    assert Secret(KEY).reveal() == KEY
    assert Secret(KEY) == Secret(KEY)
    assert Secret(KEY) != Secret("other")
    assert Secret(KEY) != KEY
    assert len({Secret(KEY), Secret(KEY), Secret("other")}) == 2
