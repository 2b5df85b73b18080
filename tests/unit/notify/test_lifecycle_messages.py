"""The sentences of starts and stops, and what they rest on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from counterpoise.domain.doubting import PLAUSIBILITY, PlausibilityState, PriceMemory
from counterpoise.domain.events import Severity
from counterpoise.domain.guard_documents import kept
from counterpoise.domain.order import OrderState
from counterpoise.domain.running import RUN, Run, last_run, last_sign
from counterpoise.notify.lifecycle_messages import (
    first_watched,
    owner_moved,
    stopped,
    watched_again,
)
from tests.build import make_order, make_recorded

AT = datetime(2025, 4, 7, 12, tzinfo=UTC)
NOW = Run(host="b", pid=7, started_at=AT)
CRASHED = Run(host="a", pid=3, started_at=AT - timedelta(days=1))
CLEAN = replace(CRASHED, stopped_at=AT - timedelta(hours=2, minutes=5))
LOST = make_order(state=OrderState.UNKNOWN)
OPEN = make_order(state=OrderState.OPEN)
#: What is said of two orders on their way and one that works.
TWO_AND_ONE = (
    ". 2 orders were on their way when it ended; each is looked up before anything new is sent. 1 order may have gone"
    " on working, and what filled meanwhile is read now"
)


def test_the_first_start_names_who_watches_in_its_data_alone() -> None:
    told = first_watched("treasury", NOW, AT)
    assert told.text == "Watching treasury for the first time"
    assert told.data == {"host": "b", "pid": "7"}


def test_a_start_after_a_stop_says_for_how_long_nobody_looked() -> None:
    told = watched_again("treasury", NOW, CLEAN, AT - timedelta(hours=3), (OPEN,), AT)
    assert (told.kind, told.severity) == ("started", Severity.INFO)
    assert told.text == ("Watching treasury again, stopped since 2025-04-07 09:55:00Z (2h 5m)")


def test_a_start_without_a_record_of_the_last_run_claims_nothing() -> None:
    told = watched_again("treasury", NOW, None, None, (), AT)
    assert (told.kind, told.text) == ("started", "Watching treasury again")


@pytest.mark.parametrize(
    ("orders", "rest"),
    [
        ((), ""),
        (
            (LOST,),
            ". 1 order was on its way when it ended; each is looked up before anything new is sent",
        ),
        ((LOST, LOST, OPEN), TWO_AND_ONE),
    ],
)
def test_after_a_crash_the_start_says_so_since_when_and_what_is_looked_up(
    orders: tuple[object, ...], rest: str
) -> None:
    told = watched_again("treasury", NOW, CRASHED, AT - timedelta(hours=3), orders, AT)  # type: ignore[arg-type]  # orders
    assert (told.kind, told.severity) == ("recovered", Severity.WARNING)
    assert told.text == (
        "The last run of treasury ended without a stop (a crash, a kill or the machine): nobody has looked since"
        f" 2025-04-07 09:00:00Z (3h){rest}"
    )


def test_another_machine_is_told_loudly_only_where_the_one_before_was_not_stopped() -> None:
    calm, loud = owner_moved("treasury", NOW, CLEAN, AT), owner_moved("treasury", NOW, CRASHED, AT)
    assert (calm.severity, loud.severity) == (Severity.INFO, Severity.WARNING)
    assert "Only one may trade an account" in loud.text
    assert "Only one" not in calm.text
    assert calm.data["host_before"] == "a"
    assert all("host" not in told.text and " b " not in told.text for told in (calm, loud))


def test_a_stop_says_how_long_it_watched() -> None:
    told = stopped("treasury", NOW, "no hedge is on", AT + timedelta(hours=3, minutes=20))
    assert told.text == "Stopped watching treasury after 3h 20m; no hedge is on"
    assert stopped("treasury", None, "x", AT).text == "Stopped watching treasury; x"


def test_the_last_sign_of_a_run_is_its_newest_prices_order_or_start() -> None:
    assert last_run(make_recorded()) is None
    prices = PlausibilityState(prices=PriceMemory(good_at=AT - timedelta(minutes=4)))
    order = make_order(updated_at=AT - timedelta(minutes=9))
    kept_now = (kept(RUN, CRASHED), kept(PLAUSIBILITY, prices))
    recorded = replace(make_recorded(order), guards={g.id: g for g in kept_now})
    assert last_run(recorded) == CRASHED
    assert last_sign(recorded, CRASHED) == AT - timedelta(minutes=4)
    recorded = replace(recorded, guards={RUN: kept(RUN, CRASHED)})
    assert last_sign(recorded, CRASHED) == AT - timedelta(minutes=9)
    assert last_sign(replace(recorded, orders=()), CRASHED) == CRASHED.started_at
