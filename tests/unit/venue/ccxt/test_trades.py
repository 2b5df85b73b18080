"""Paging: every trade once, whatever end of a full window the venue answers with, in bounded requests."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.venue.ccxt import trades
from counterpoise.venue.ccxt.endpoints import Endpoint, Scope
from counterpoise.venue.ccxt.instants import to_ms
from counterpoise.venue.ccxt.wire import Wire
from tests.build import NOW

START_MS = to_ms(NOW)
DAY_MS = 86_400_000
SPAN_MS = {Scope.SPOT: DAY_MS, Scope.FUTURES: 7 * DAY_MS}
TRADED = (Scope.SPOT, Scope.FUTURES)


class Venue:
    """Answers like Binance: one window at most, at most ``LIMIT`` rows, from either end."""

    def __init__(self, scope: Scope, times_ms: list[int], *, newest: bool = False) -> None:
        self.rows = [{"id": n + 1, "time": at} for n, at in enumerate(sorted(times_ms))]
        self.newest = newest
        self.asked: list[Mapping[str, str]] = []
        self._span_ms = SPAN_MS[scope]

    async def read(self, endpoint: Endpoint, params: Mapping[str, str]) -> Any:
        assert endpoint.method in {"privateGetMyTrades", "fapiPrivateGetUserTrades"}
        self.asked.append(params)
        limit = int(params["limit"])
        if "fromId" in params:
            assert "startTime" not in params
            return [r for r in self.rows if r["id"] >= int(params["fromId"])][:limit]
        start, end = int(params["startTime"]), int(params["endTime"])
        assert 0 <= end - start < self._span_ms
        found = [r for r in self.rows if start <= r["time"] <= end]
        return found[-limit:] if self.newest else found[:limit]


async def everything(scope: Scope, venue: Venue, days: int = 0) -> list[int]:
    rows = await trades.trades_since(
        cast("Wire", venue), scope, "BTCUSDT", NOW, NOW + timedelta(days=days)
    )
    return [row["id"] for row in rows]


@pytest.mark.parametrize("scope", TRADED)
async def test_a_quiet_account_costs_one_question(scope: Scope) -> None:
    venue = Venue(scope, [START_MS - 1, START_MS, START_MS + 60_000])
    assert await everything(scope, venue) == [2, 3]
    assert len(venue.asked) == 1


async def test_a_long_time_is_read_in_the_windows_of_each_api() -> None:
    times = [START_MS + n * DAY_MS for n in range(15)]
    for scope, windows in ((Scope.SPOT, 15), (Scope.FUTURES, 3)):
        venue = Venue(scope, times)
        assert await everything(scope, venue, days=14) == list(range(1, 16))
        assert len(venue.asked) == windows


@pytest.mark.parametrize("newest", [False, True])
@pytest.mark.parametrize("scope", TRADED)
async def test_full_windows_are_read_whole(scope: Scope, newest: bool) -> None:
    times = [START_MS + n * 7_001 for n in range(4_321)]
    venue = Venue(scope, times, newest=newest)
    assert await everything(scope, venue) == list(range(1, 4_322))
    assert len(venue.asked) < 40


async def test_futures_reach_back_six_months_and_not_further() -> None:
    venue = Venue(Scope.FUTURES, [START_MS + DAY_MS, START_MS + 300 * DAY_MS])
    assert await everything(Scope.FUTURES, venue, days=301) == [2]
    assert len(venue.asked) == 26


async def test_exactly_the_limit_is_not_taken_for_everything() -> None:
    venue = Venue(Scope.FUTURES, [START_MS + n for n in range(trades.LIMIT)])
    assert len(await everything(Scope.FUTURES, venue)) == trades.LIMIT


async def test_a_millisecond_with_more_than_one_answer_of_trades() -> None:
    times = [START_MS + 5] * 2_500 + [START_MS + 6] * 3
    venue = Venue(Scope.SPOT, times)
    assert await everything(Scope.SPOT, venue) == list(range(1, 2_504))


@given(
    st.lists(st.integers(START_MS - 10, START_MS + 3 * DAY_MS), max_size=40, unique=True),
    st.booleans(),
    st.sampled_from(TRADED),
)
async def test_any_history_is_read_once_and_whole(
    times: list[int], newest: bool, scope: Scope
) -> None:
    venue = Venue(scope, times, newest=newest)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trades, "LIMIT", 3)
        found = await everything(scope, venue, days=3)
    assert found == [row["id"] for row in venue.rows if row["time"] >= START_MS]
