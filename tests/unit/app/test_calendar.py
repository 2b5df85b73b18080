from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.app.calendar import due_instants, newest, next_instant
from counterpoise.domain.strategy import DriftPolicy, HedgePolicy
from tests.build import make_policy


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("cron", "now", "found"),
    [
        pytest.param("0 8 * * mon", "2025-06-04 12:00", "2025-06-02 08:00", id="this Monday"),
        pytest.param("0 8 * * mon", "2025-06-02 08:00", "2025-06-02 08:00", id="at the instant"),
        pytest.param("0 8 * * mon", "2025-06-02 07:59", "2025-05-26 08:00", id="just before it"),
        pytest.param("0 0 1 1 *", "2025-12-31 23:59", "2025-01-01 00:00", id="once a year"),
        pytest.param("*/15 * * * *", "2025-06-02 07:59", "2025-06-02 07:45", id="every quarter"),
    ],
)
def test_the_newest_instant_that_has_come(cron: str, now: str, found: str) -> None:
    assert newest(cron, at(now)) == at(found)


def test_a_day_that_never_comes_is_none() -> None:
    assert newest("0 0 31 feb *", at("2025-06-02 00:00")) is None


@given(st.integers(0, 2 * 365 * 24 * 60).map(lambda m: at("2024-01-01") + timedelta(minutes=m)))
def test_between_the_newest_and_now_there_is_none(now: datetime) -> None:
    cron = "30 6 * * tue,fri"
    found = newest(cron, now)
    assert found is not None
    assert found <= now
    assert (found.hour, found.minute, found.weekday() in {1, 4}) == (6, 30, True)
    later = next_instant(make_policy(DriftPolicy(id="d", calendar=cron)), now)
    assert later is not None
    assert now < later <= found + timedelta(days=4)


def test_only_strategies_with_a_calendar_have_instants() -> None:
    hedge = HedgePolicy(id="h", asset="BTC", ratio=None)
    policy = make_policy(hedge, DriftPolicy(id="plain"), DriftPolicy(id="d", calendar="0 8 * * *"))
    assert due_instants(policy, at("2025-06-02 09:00")) == {"d": at("2025-06-02 08:00")}
    assert next_instant(make_policy(hedge), at("2025-06-02 09:00")) is None
