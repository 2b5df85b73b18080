from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.instants import clock_at, in_zone, iso, shown_at

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2024, 11, 25, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("by 2024-11-25 15:00:00Z; no", "by 16:00 CET; no"),
        ("since 2024-11-25T15:00:07.250Z, and", "since 16:00:07 CET, and"),
        ("until 2024-11-26 07:00 UTC.", "until Tue 26 Nov 08:00 CET."),
        ("until 2024-11-25T23:30:00+00:00: x", "until Tue 26 Nov 00:30 CET: x"),
        ("(2025-07-04T08:00Z)", "(Fri 4 Jul 2025 10:00 CEST)"),
        ("2024-11-25 15:00:00Z and 2024-11-25 16:00:00Z", "16:00 CET and 17:00 CET"),
    ],
)
def test_every_instant_in_a_text_is_told_by_the_readers_clock(said: str, told: str) -> None:
    assert in_zone(said, BERLIN, NOW) == told


@pytest.mark.parametrize(
    "said",
    [
        "BTC/USDT:USDT", "12:00", "2024-11-25", "2024-11-25 15:00", "2024-11-25T15:00+02:00",
        "2024-13-45 15:00:00Z", "2024-11-25 25:00:00Z", "id 2024-11-25T15:00:00Zabc", "x2024-11-25T15:00:00Z",
        "https://example.org/2024-11-25T15:00:00Z", "BTC-2024-11-25 15:00:00Z", "0001-01-01 00:00:00Z",
        "-1021 Timestamp 1732546800000", "14:00 CET", "٢٠٢٤-11-25 15:00:00Z",
    ],
)  # fmt: skip
def test_nothing_else_is_touched(said: str) -> None:
    # west of Greenwich the first day of the calendar has no time
    assert in_zone(said, ZoneInfo("America/New_York"), NOW) == said


def test_the_hour_that_comes_twice_has_two_names() -> None:
    first = datetime(2024, 10, 27, 0, 30, tzinfo=UTC)
    told = [clock_at(at, BERLIN, first) for at in (first, first + timedelta(hours=1))]
    assert told == ["02:30 CEST", "02:30 CET"]


@pytest.mark.parametrize(
    ("zone", "told"),
    [("America/Sao_Paulo", "09:00 UTC-03"), ("Asia/Kathmandu", "17:45 UTC+0545"), ("UTC", "12:00 UTC")],
)  # fmt: skip
def test_a_zone_without_letters_tells_its_distance(zone: str, told: str) -> None:
    assert clock_at(NOW, ZoneInfo(zone), NOW) == told


@given(
    at=st.integers(100_000, 4_000_000_000_000).map(
        lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
    ),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC"]),
)
def test_both_written_forms_are_found_whatever_the_moment(at: datetime, zone: str) -> None:
    there = ZoneInfo(zone)
    told = clock_at(at.replace(microsecond=0), there, NOW)
    assert in_zone(f"a {shown_at(at)}, b", there, NOW) == f"a {told}, b"
    assert in_zone(f"a {iso(at)}, b", there, NOW) == f"a {told}, b"
    # what was converted is not converted again
    assert in_zone(told, there, NOW) == told
