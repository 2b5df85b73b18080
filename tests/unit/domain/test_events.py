from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from counterpoise.domain.events import Severity, alert
from tests.build import NOW

BASE: dict[str, Any] = {
    "portfolio": "treasury",
    "kind": "stale",
    "severity": Severity.WARNING,
    "message": "the account is old",
    "at": NOW,
    "key": "stale:main",
    "cleared": False,
}


def test_a_repeated_cycle_makes_the_same_alert() -> None:
    assert alert(**BASE) == alert(**BASE)
    assert alert(**BASE).id == alert(**{**BASE, "data": {"more": "1"}}).id


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("portfolio", "other"),
        ("kind", "venue"),
        ("message", "the account is very old"),
        ("at", NOW + timedelta(microseconds=1)),
        ("key", None),
        ("cleared", True),
    ],
)
def test_another_event_is_another_alert(name: str, value: object) -> None:
    assert alert(**{**BASE, name: value}).id != alert(**BASE).id


def test_parts_that_run_into_each_other_are_told_apart() -> None:
    one = alert("a", "bc", Severity.INFO, "x", NOW)
    assert one.id != alert("ab", "c", Severity.INFO, "x", NOW).id
    assert (one.key, one.cleared, one.data) == (None, False, {})
