"""What goes with what: an all-clear the way of its alarm, a request as if it were critical."""

from __future__ import annotations

from datetime import time, timedelta
from decimal import Decimal

import pytest

from counterpoise.domain.categories import Category
from counterpoise.domain.events import Severity
from counterpoise.domain.numbers import ONE, ZERO
from counterpoise.domain.operator import Approval
from counterpoise.domain.records import Changes, PortfolioRecord, TradingState
from counterpoise.domain.routing import QuietHours, Route
from counterpoise.notify.operator_messages import approval_asked, approval_expired
from counterpoise.record.memory import MemoryStore
from tests.unit.notify.test_relay import NOW, Box

NIGHT = QuietHours(start=time(22), end=time(7))
REQUEST = Approval(
    id="a1",
    portfolio="treasury",
    strategy="out",
    asset="BTC",
    cap=ZERO,
    wanted=-ONE,
    why="because",
    asked_at=NOW,
    deadline_at=NOW + timedelta(minutes=2),
)


@pytest.fixture
async def box() -> Box:
    store = MemoryStore()
    record = PortfolioRecord(
        id="treasury", trading_state=TradingState.RUN, config_hash="c", started_at=NOW
    )
    await store.commit(Changes(portfolio="treasury", record=record))
    return Box(store)


async def told(box: Box, severity: Severity) -> None:
    """A condition begins and, ten minutes later, ends; each is delivered when it may."""
    await box.say("begins", kind="venue", severity=severity, key="venue:main")
    await box.later(1)
    box.anew()
    await box.later(600)
    await box.say("ends", kind="venue", key="venue:main", cleared=True)
    await box.later(1)


@pytest.mark.parametrize(
    ("severity", "taken"),
    [
        (Severity.INFO, []),
        (Severity.WARNING, ["begins", "ends"]),
        (Severity.CRITICAL, ["begins", "ends"]),
    ],
)
async def test_who_is_told_the_beginning_is_told_the_end_and_nobody_else(
    box: Box, severity: Severity, taken: list[str]
) -> None:
    box.anew(severities={Severity.INFO: Route.OFF})
    await told(box, severity)
    assert box.inbox.taken == taken


async def test_the_end_of_what_goes_nowhere_goes_nowhere(box: Box) -> None:
    box.anew(severities={Severity.WARNING: Route.OFF})
    await told(box, Severity.WARNING)
    assert box.inbox.taken == []


async def test_quiet_hours_hold_back_an_end_only_with_its_beginning(box: Box) -> None:
    box.anew(quiet=NIGHT)
    box.clock.advance(Decimal(11 * 3600))
    await told(box, Severity.CRITICAL)
    assert box.inbox.taken == ["begins", "ends"]
    begins, ends = box.inbox.messages
    assert not begins.silent
    assert ends.silent  # it wakes nobody
    assert ends.severity is Severity.INFO
    await box.say("later", kind="venue", severity=Severity.WARNING, key="venue:side")
    await box.say("over", kind="venue", key="venue:side", cleared=True)
    await box.later(60)
    assert box.inbox.taken == ["begins", "ends"]
    await box.later(8 * 3600)
    assert box.inbox.taken == ["begins", "ends", "later", "over"]
    assert not box.inbox.messages[-1].silent


async def ask(box: Box) -> None:
    asked = approval_asked(REQUEST, box.clock.now())
    await box.store.commit(Changes(portfolio="treasury", alerts=(asked,)))


def states(box: Box) -> list[str]:
    return [m.data["state"] for m in box.inbox.messages if m.kind == "approval"]


async def test_quiet_hours_let_a_request_through_but_not_that_nobody_answered(box: Box) -> None:
    box.anew(quiet=NIGHT)
    box.clock.advance(Decimal(11 * 3600))
    await ask(box)
    await box.later(1)
    assert states(box) == ["asks"]
    expired = approval_expired(REQUEST, box.clock.now())
    await box.store.commit(Changes(portfolio="treasury", alerts=(expired,)))
    await box.later(180)
    assert states(box) == ["asks"]
    await box.later(8 * 3600)
    assert states(box) == ["asks", "expired"]


async def test_neither_a_mute_nor_the_rate_holds_back_a_request(box: Box) -> None:
    box.anew(rate=4)
    for n in range(3):
        await box.say(n)
        await box.later(1)
    await box.relay.deliver_pending()
    box.relay.mute("inbox", box.clock.now() + timedelta(hours=1))
    await box.say("held back")
    await ask(box)
    await box.later(1)
    assert states(box) == ["asks"]
    assert "held back" not in box.inbox.taken


async def test_where_requests_are_off_they_are_not_told(box: Box) -> None:
    box.anew(categories={Category.OPERATOR: Route.OFF})
    await ask(box)
    await box.later(1)
    assert box.inbox.taken == []
