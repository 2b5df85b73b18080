from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from counterpoise.app.clock import ManualClock
from counterpoise.domain.errors import VenueError
from counterpoise.domain.numbers import dec
from counterpoise.venue.ccxt.endpoints import Scope
from counterpoise.venue.ccxt.limiter import Limiter
from tests.build import NOW

SPOT, FUTURES = Scope.SPOT, Scope.FUTURES


def limiter(at: datetime = NOW, weight: int = 100, orders: int = 3) -> tuple[Limiter, ManualClock]:
    clock = ManualClock(at)
    made = Limiter(clock)
    for scope in Scope:
        made.adopt(
            scope,
            [
                limit("REQUEST_WEIGHT", "MINUTE", 1, weight),
                limit("ORDERS", "SECOND", 10, orders),
                limit("RAW_REQUESTS", "MINUTE", 5, 1),
            ],
        )
    return made, clock


def limit(kind: str, interval: str, number: int, value: int) -> dict[str, object]:
    return {
        "rateLimitType": kind,
        "interval": interval,
        "intervalNum": number,
        "limit": value,
    }


async def test_nothing_waits_while_half_of_the_budget_remains() -> None:
    made, clock = limiter()
    for _ in range(4):
        await made.wait(SPOT, 10)
    assert clock.now() == NOW


async def test_a_read_waits_for_the_next_minute_of_the_venue() -> None:
    made, clock = limiter(NOW + timedelta(seconds=20))
    await made.wait(SPOT, 90)
    await made.wait(SPOT, 1)
    assert clock.now() == NOW + timedelta(minutes=1)
    # the counts begin anew
    await made.wait(SPOT, 44)
    assert clock.now() == NOW + timedelta(minutes=1)


async def test_reads_are_spread_over_the_minute_once_half_is_used() -> None:
    """90 may be read in a minute of 100: 45 at once, the rest by the second, 10 of it every 13.3 s."""
    made, clock = limiter()
    for _ in range(4):
        await made.wait(SPOT, 10)
    assert clock.now() == NOW
    waited = []
    for _ in range(5):
        await made.wait(SPOT, 10)
        waited.append((clock.now() - NOW).total_seconds())
    # (50 / 90 - 0.5) x 120 s, then 10 / 90 x 120 s more each
    assert waited == pytest.approx([6.667, 20, 33.334, 46.667, 60], abs=0.01)


async def test_half_a_minute_is_never_blind_however_often_one_looks() -> None:
    """Looks of 90 that would come every second where 2400 are allowed: the longest gap is under 6 s."""
    made, clock = limiter(weight=2400)
    looks = []
    while clock.now() < NOW + timedelta(minutes=5):
        await made.wait(FUTURES, 90)
        looks.append(clock.now())
        await clock.sleep(dec(1))
    gaps = [after - before for before, after in pairwise(looks)]
    assert max(gaps) < timedelta(seconds=6)
    assert len(looks) > 5 * 23


async def test_reads_leave_the_last_tenth_to_orders_and_cancels() -> None:
    made, clock = limiter()
    await made.wait(FUTURES, 90)
    await made.wait(FUTURES, 5, urgent=True)
    assert made.order_delay_s(FUTURES, 5) == 0
    assert clock.now() == NOW
    await made.wait(FUTURES, 1)
    assert clock.now() == NOW + timedelta(minutes=1)


async def test_the_two_apis_have_budgets_of_their_own() -> None:
    made, clock = limiter()
    await made.wait(SPOT, 90)
    await made.wait(FUTURES, 90)
    assert clock.now() == NOW


async def test_what_never_fits_goes_alone() -> None:
    made, clock = limiter()
    await made.wait(SPOT, 1000)
    assert clock.now() == NOW
    await made.wait(SPOT, 1000)
    assert clock.now() == NOW + timedelta(minutes=1)


async def test_many_at_once_share_one_budget() -> None:
    made, clock = limiter()
    await asyncio.gather(*(made.wait(SPOT, 45) for _ in range(5)))
    assert clock.now() >= NOW + timedelta(minutes=2)


async def test_the_venues_count_is_believed_when_it_is_higher() -> None:
    began = NOW + timedelta(seconds=1)
    made, clock = limiter(began)
    await made.wait(SPOT, 1)
    for counted in ("40", "2", "many"):
        headers = {"x-mbx-used-weight-1m": counted}
        made.replied(SPOT, 200, headers, None, "", asked_at=began)
    await made.wait(SPOT, 5)
    assert clock.now() == began
    await made.wait(SPOT, 1)
    assert clock.now() == NOW + timedelta(seconds=1.334)  # (46 / 90 - 0.5) x 120 s
    made.replied(SPOT, 200, {"x-mbx-used-weight-1m": "90"}, None, "", asked_at=clock.now())
    await made.wait(SPOT, 1)
    assert clock.now() == NOW + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("ahead_ms", "asked_s", "replied_s", "blind"),
    [
        # of the minute that is over when the reply is here
        (0, 59.9, 60.1, False),
        (0, 30, 60, False),
        # by our clock the minute is new, by the venue's it is not
        (339, 60, 60.2, True),
        # and the other way about
        (-339, 59.6, 59.7, False),
        (-339, 59.6, 59.65, True),
        # so near the turn that the venue may have served it before
        (0, 60.05, 60.1, False),
        (0, 60.99, 61.2, False),
        (0, 61, 61.2, True),
        (0, 30, 30.2, True),
    ],
)
async def test_a_count_is_of_the_minute_of_the_venue_in_which_it_was_asked(
    ahead_ms: int, asked_s: float, replied_s: float, blind: bool
) -> None:
    """A count of 2300 that comes around the turn of a minute must not make the next one blind."""
    made, clock = limiter(NOW + timedelta(seconds=asked_s), weight=2400)
    made.ahead = timedelta(milliseconds=ahead_ms)
    asked_at = clock.now()
    await made.wait(FUTURES, 40)
    clock.advance(dec(str(replied_s)) - dec(str(asked_s)))
    headers = {"x-mbx-used-weight-1m": "2300"}
    made.replied(FUTURES, 200, headers, None, "", asked_at=asked_at)
    before = clock.now()
    await made.wait(FUTURES, 40)
    assert (clock.now() > before) is blind
    # whatever was waited for is over with the venue's minute
    assert not blind or (clock.now() - made.ahead).second == 0


async def test_reads_begin_anew_with_the_venues_minute_not_with_ours() -> None:
    made, clock = limiter(NOW + timedelta(seconds=20))
    made.ahead = timedelta(seconds=3)
    await made.wait(SPOT, 90)
    await made.wait(SPOT, 90)
    assert clock.now() == NOW + timedelta(seconds=63)
    assert [made.order_delay_s(FUTURES, 0) for _ in range(4)] == [0, 0, 0, 10]


def test_a_ban_until_an_instant_is_over_by_the_venues_clock() -> None:
    made, clock = limiter()
    made.ahead = timedelta(seconds=-2)
    assert made.replied(SPOT, 418, {}, None, "IP banned until 1748865605000.") == 3
    assert made.pauses["spot"] == clock.now() + timedelta(seconds=3)


def test_orders_are_counted_and_told_how_long_not_kept_waiting() -> None:
    made, clock = limiter(NOW + timedelta(seconds=4))
    assert [made.order_delay_s(FUTURES, 0) for _ in range(4)] == [0, 0, 0, 6]
    assert made.order_delay_s(SPOT, 1) == 0
    clock.advance(dec(6))
    assert made.order_delay_s(FUTURES, 0) == 0


def test_the_order_header_counts_too() -> None:
    made, clock = limiter(NOW + timedelta(seconds=1))
    headers = {"x-mbx-order-count-10s": "3"}
    made.replied(FUTURES, 200, headers, None, "", asked_at=clock.now())
    assert made.order_delay_s(FUTURES, 0) == 9


@pytest.mark.parametrize(
    ("status", "headers", "words", "pause_s"),
    [
        (429, {"retry-after": "7"}, "", 7),
        (418, {"retry-after": "120"}, "", 120),
        (418, {"retry-after": "259200"}, "", 259_200),
        # longer than any ban: garbled, and no reason to be blind for days
        (429, {"retry-after": "9" * 30}, "", 60),
        (418, {"retry-after": "1748865600"}, "", 120),
        (418, {"retry-after": "9" * 30}, "IP banned until 1748865605000.", 5),
        (418, {}, "IP banned until 99999999999999", 120),
        (429, {"retry-after": "soon"}, "", 60),
        (429, {"retry-after": "-7"}, "", 60),
        (429, {"retry-after": "7.5"}, "", 60),
        (429, {"retry-after": "Mon, 02 Jun 2025 12:00:07 GMT"}, "", 60),
        # by our clock it is over; the venue, which bans us now, has another
        (418, {}, "IP banned until 1748865595000.", 120),
        (429, {}, "", 60),
        (418, {}, "", 120),
        (403, {}, "", 300),
        (418, {}, "Way too many requests; IP banned until 1748865605000.", 5),
    ],
)
async def test_a_pause_is_kept(
    status: int, headers: dict[str, str], words: str, pause_s: int
) -> None:
    made, clock = limiter()
    assert made.replied(SPOT, status, headers, None, words) == pause_s
    assert made.order_delay_s(SPOT, 1) >= pause_s
    if pause_s > 60:
        with pytest.raises(VenueError, match="asked for a pause"):
            await made.wait(SPOT, 1)
    else:
        await made.wait(SPOT, 1)
        assert clock.now() - NOW == timedelta(seconds=pause_s)


async def test_only_the_scope_that_was_told_pauses_except_behind_a_firewall() -> None:
    made, clock = limiter()
    made.replied(SPOT, 429, {"retry-after": "30"}, -1003, "")
    await made.wait(FUTURES, 1)
    assert clock.now() == NOW
    made.replied(SPOT, 403, {}, None, "")
    with pytest.raises(VenueError):
        await made.wait(FUTURES, 1)


async def test_too_many_orders_stops_orders_not_reads() -> None:
    made, clock = limiter()
    made.replied(FUTURES, 429, {"retry-after": "5"}, -1015, "Too many new orders.")
    assert made.order_delay_s(FUTURES, 0) >= 5
    await made.wait(FUTURES, 1)
    assert clock.now() == NOW


def test_a_403_that_is_the_venues_own_word_is_no_firewall() -> None:
    made, _ = limiter()
    assert made.replied(SPOT, 403, {}, -2015, "") is None
    assert made.order_delay_s(SPOT, 1) == 0


def test_odd_limits_are_passed_over() -> None:
    made, _ = limiter()
    odd = [limit("ORDERS", "SECOND", 10, 0), limit("ORDERS", "MOON", 1, 1), {"limit": 1}]
    made.adopt(FUTURES, [*odd, limit("ORDERS", "MINUTE", 2, 1)])
    assert made.order_delay_s(FUTURES, 0) == 0
    assert made.order_delay_s(FUTURES, 0) == 120


async def test_a_ban_is_of_the_host_and_no_later_reply_shortens_it() -> None:
    made, clock = limiter()
    made.replied(SPOT, 418, {"retry-after": "120"}, -1003, "")
    # one that was under way is answered after the ban
    made.replied(SPOT, 429, {"retry-after": "5"}, -1003, "")
    assert made.order_delay_s(Scope.WALLET, 1) == 120
    assert made.order_delay_s(SPOT, 1) == 120
    assert made.order_delay_s(FUTURES, 0) == 0
    clock.advance(dec(120))
    assert made.order_delay_s(SPOT, 1) == made.order_delay_s(Scope.WALLET, 1) == 0


def test_several_orders_are_counted_together_or_not_at_all() -> None:
    made, _ = limiter(orders=5)
    assert made.order_delay_s(FUTURES, 5, 3) == 0
    assert made.order_delay_s(FUTURES, 5, 3) == 10
    assert made.order_delay_s(FUTURES, 5, 2) == 0
    assert made.order_delay_s(FUTURES, 0) == 10


async def test_pauses_can_be_handed_to_the_next_process() -> None:
    made, _ = limiter()
    made.replied(SPOT, 418, {"retry-after": "600"}, -1003, "")
    made.replied(FUTURES, 429, {"retry-after": "90"}, -1015, "")
    until = NOW + timedelta(minutes=10)
    assert made.pauses == {
        "spot": until,
        "wallet": until,
        "futures orders": NOW + timedelta(seconds=90),
    }
    following, clock = limiter(NOW + timedelta(seconds=30))
    following.heed({**made.pauses, "moon": until})
    with pytest.raises(VenueError, match="570 s more: nothing is asked before 2025-06-02 12:10:00"):
        await following.wait(SPOT, 1)
    await following.wait(FUTURES, 1)
    assert following.order_delay_s(FUTURES, 1) == 60
    clock.advance(dec(600))
    assert following.pauses == {}
    await following.wait(SPOT, 1)


def test_a_pause_that_was_told_since_is_not_shortened_and_garbled_ones_hold_nothing_up() -> None:
    made, _ = limiter()
    made.replied(SPOT, 429, {"retry-after": "100"}, -1003, "")
    made.heed({"spot": NOW + timedelta(seconds=5), "futures": NOW + timedelta(days=900)})
    assert made.pauses == {"spot": NOW + timedelta(seconds=100)}


async def test_a_clock_that_is_set_back_makes_no_pause_longer() -> None:
    made, clock = limiter()
    made.replied(SPOT, 418, {"retry-after": "50"}, -1003, "")
    made.replied(FUTURES, 429, {"retry-after": "90"}, -1015, "")
    clock.advance(dec(-8 * 3600))
    # how much of it had passed nobody knows now
    assert made.pauses["spot"] == clock.now() + timedelta(seconds=50)
    assert made.order_delay_s(FUTURES, 0) == 90
    await made.wait(SPOT, 1)
    assert clock.now() == NOW - timedelta(hours=8) + timedelta(seconds=50)


async def test_a_question_that_waits_is_told_of_once_with_until_when_and_why() -> None:
    clock, heard = ManualClock(NOW), []
    made = Limiter(clock, lambda *told: heard.append(told))
    made.replied(FUTURES, 429, {"retry-after": "40"}, -1003, "")
    await asyncio.gather(*(made.wait(FUTURES, 1) for _ in range(3)))
    assert heard == [("futures", NOW + timedelta(seconds=40), True)]
    heard.clear()
    made.replied(FUTURES, 429, {"retry-after": "1"}, -1003, "")
    await made.wait(FUTURES, 1)
    assert heard == [], "nobody wonders about a second"
    await made.wait(SPOT, 5400)
    await made.wait(SPOT, 5400)
    assert heard == [("spot", NOW + timedelta(minutes=1), False)]
