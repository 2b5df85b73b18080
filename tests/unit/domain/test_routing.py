from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from counterpoise.domain.categories import Category
from counterpoise.domain.events import Severity, alert
from counterpoise.domain.routing import QuietHours, Route, SinkPolicy

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = QuietHours(start=time(22), end=time(7), zone=BERLIN)
LUNCH = QuietHours(start=time(12), end=time(13, 30))


@pytest.mark.parametrize(
    ("hours", "at", "quiet"),
    [
        (NIGHT, "2025-01-07T20:59:59+00:00", False),  # 21:59:59 in Berlin
        (NIGHT, "2025-01-07T21:00:00+00:00", True),
        (NIGHT, "2025-01-08T05:59:59+00:00", True),
        (NIGHT, "2025-01-08T06:00:00+00:00", False),
        (NIGHT, "2025-07-07T20:00:00+00:00", True),  # summer: 22:00 comes an hour earlier
        (NIGHT, "2025-07-08T05:00:00+00:00", False),
        (LUNCH, "2025-07-08T12:00:00+00:00", True),
        (LUNCH, "2025-07-08T13:30:00+00:00", False),
        (LUNCH, "2025-07-08T00:00:00+00:00", False),
    ],
)
def test_it_is_quiet_by_the_clock_of_the_zone(hours: QuietHours, at: str, quiet: bool) -> None:
    assert hours.covers(datetime.fromisoformat(at)) is quiet


@pytest.mark.parametrize("day", ["2025-03-29", "2025-03-30", "2025-10-25", "2025-10-26"])
def test_a_night_in_which_clocks_change_has_one_beginning_and_one_end(day: str) -> None:
    start = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    told = [NIGHT.covers(start + timedelta(minutes=15 * n)) for n in range(96)]
    assert sum(a != b for a, b in pairwise(told)) == 2


@pytest.mark.parametrize(
    ("hours", "at", "over"),
    [
        (NIGHT, "2025-01-07T20:59:59+00:00", None),
        (NIGHT, "2025-01-07T21:00:00+00:00", "2025-01-08T06:00:00+00:00"),
        (NIGHT, "2025-01-08T05:59:59+00:00", "2025-01-08T06:00:00+00:00"),
        (NIGHT, "2025-03-29T22:00:00+00:00", "2025-03-30T05:00:00+00:00"),  # summer begins
        (LUNCH, "2025-07-08T12:00:00+00:00", "2025-07-08T13:30:00+00:00"),
        (LUNCH, "2025-07-08T13:30:00+00:00", None),
    ],
)
def test_when_it_is_over(hours: QuietHours, at: str, over: str | None) -> None:
    told = hours.over(datetime.fromisoformat(at))
    assert told == (datetime.fromisoformat(over) if over else None)


def test_an_end_that_the_clock_shows_twice_is_over_twice() -> None:
    hours = QuietHours(start=time(1), end=time(2, 30), zone=BERLIN)
    first, second = (datetime(2025, 10, 26, h, 30, tzinfo=UTC) for h in (0, 1))
    assert hours.over(first - timedelta(minutes=1)) == first
    assert hours.over(second - timedelta(minutes=1)) == second


def test_the_category_goes_before_the_severity_and_on_is_usual() -> None:
    policy = SinkPolicy(
        severities={Severity.INFO: Route.OFF}, categories={Category.HEDGE: Route.SILENT}
    )
    now = datetime(2025, 4, 7, tzinfo=UTC)
    told = {
        (kind, severity): policy.route(alert("p", kind, severity, "", now))
        for kind in ("hedge_opened", "margin")
        for severity in (Severity.INFO, Severity.CRITICAL)
    }
    assert told == {
        ("hedge_opened", Severity.INFO): Route.SILENT,
        ("hedge_opened", Severity.CRITICAL): Route.SILENT,
        ("margin", Severity.INFO): Route.OFF,
        ("margin", Severity.CRITICAL): Route.ON,
    }
