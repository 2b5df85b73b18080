from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from counterpoise.domain.instrument import InstrumentKind
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import LimitsPolicy
from counterpoise.report.digest import Digest, plain

AT = datetime(2024, 1, 1, tzinfo=UTC)


def digest(*values: object) -> str:
    made = Digest()
    for value in values:
        made.add("x", value)
    return made.hex()


def test_equal_values_in_another_dress_are_equal() -> None:
    assert plain(dec("1.50")) == plain(dec("1.5")) == "1.5"
    assert plain({"b": 1, "a": 2}) == plain({"a": 2, "b": 1})
    zone = timezone(timedelta(hours=2))
    assert plain(AT.astimezone(zone)) == plain(AT)
    assert plain(InstrumentKind.SPOT) == plain("spot")
    assert plain(LimitsPolicy()) == plain(LimitsPolicy())


def test_what_differs_differs() -> None:
    several = ["", "1", 1, dec("1.1"), True, None, [1], {"1": 1}, ["1"], AT, timedelta(seconds=1)]
    assert len({digest(each) for each in several}) == len(several)
    assert digest(1, 2) != digest(2, 1)
    assert digest("a", "b") != digest("a\nx='b'")


def test_what_has_no_fixed_text_is_refused() -> None:
    for value in (0.1, {1, 2}, object()):
        with pytest.raises(TypeError, match="expected a value with a fixed text"):
            plain(value)
