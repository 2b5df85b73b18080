from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from counterpoise.app.clock import ManualClock
from counterpoise.app.sink_watch import SinkWatch
from counterpoise.app.storage import Storage
from counterpoise.domain.categories import Category
from counterpoise.domain.events import Severity, alert
from counterpoise.domain.message import Message
from counterpoise.domain.records import Changes
from counterpoise.domain.routing import SinkPolicy
from counterpoise.notify.relay import Relay
from counterpoise.record.sql.journal import SqlJournal
from tests.unit.app.desk import DaemonDesk, Ear, NewDesk
from tests.unit.notify.test_relay import NIGHT, Inbox

PHONE = "telegram:7"


class Post:
    """Two sinks on a real database, of which one may be down, and whoever watches over them."""

    def __init__(self, desk: DaemonDesk) -> None:
        self.desk = desk
        self.clock = ManualClock(desk.world.clock.now())
        self.ear, self.phone = Inbox(), Inbox()
        self.policy = SinkPolicy()
        self.begin_anew()

    def begin_anew(self, *names: str) -> None:
        """As a new process would."""
        sinks = {"ear": self.ear, PHONE: self.phone}
        store, outbox = self.desk.store, self.desk.outbox
        storage = Storage(store=store, journal=SqlJournal(store._database), outbox=outbox)
        self.watch = SinkWatch(storage, ["p"], clock=self.clock, wall=self.clock)
        self.relay = Relay(
            outbox,
            {n: sinks[n] for n in names or sinks},
            self.clock,
            policies={PHONE: self.policy},
        )

    async def say(self, said: str) -> None:
        told = alert("p", "flow", Severity.INFO, said, self.clock.now())
        await self.desk.store.commit(Changes(portfolio="p", alerts=(told,)))

    async def minutes(self, many: int) -> None:
        for _ in range(many):
            await self.relay.deliver_pending()
            await self.watch.look()
            self.clock.advance(Decimal(60))
        await self.relay.deliver_pending()

    def told(self, inbox: Inbox) -> list[Message]:
        return [m for m in inbox.messages if m.kind == "sink"]


@pytest.fixture
async def post(new_desk: NewDesk) -> Post:
    post = Post(await new_desk())
    await post.minutes(1)
    return post


async def test_a_dead_sink_is_told_once_by_the_others_and_over_when_it_takes_again(
    post: Post,
) -> None:
    post.phone.down = ConnectionError("401 Unauthorized")
    await post.say("a")
    await post.minutes(9)
    assert post.told(post.ear) == []
    await post.minutes(9)
    (told,) = post.told(post.ear)
    assert (told.key, told.severity) == (f"sink:{PHONE}", Severity.WARNING)
    assert told.category is Category.LIFECYCLE
    assert told.title == f"No alerts get to {PHONE}"
    assert "401 Unauthorized" in told.text
    # once, also over restarts, however long it lasts
    for _ in range(3):
        post.begin_anew()
        await post.minutes(20)
    assert len(post.told(post.ear)) == 1
    assert post.phone.messages[1:] == []
    post.phone.down = None
    await post.minutes(8)
    begun, over = post.told(post.ear)
    assert (over.cleared, over.text) == (True, f"{PHONE} takes alerts again")
    assert over.title == f"Silence of {PHONE} is over"
    # what it missed waited in its own lane, its own trouble too
    assert [m.ids for m in post.told(post.phone)] == [begun.ids, over.ids]
    await post.minutes(20)
    assert len(post.told(post.ear)) == 2


async def test_two_dead_sinks_are_told_of_once_each_and_of_nothing_else(post: Post) -> None:
    post.phone.down = post.ear.down = ConnectionError("no route")
    await post.say("a")
    await post.minutes(90)
    recorded = await post.desk.store.load("p", post.clock.now())
    assert {k for k in recorded.raised if k.startswith("sink:")} == {"sink:ear", f"sink:{PHONE}"}
    waiting = [r.alert for r in await post.desk.outbox.pending(PHONE, 0, 100)]
    assert sorted(a.key or "" for a in waiting) == ["", "sink:ear", f"sink:{PHONE}"]


async def test_what_failed_once_and_waits_for_the_morning_is_not_dead(post: Post) -> None:
    post.policy = SinkPolicy(quiet=NIGHT)
    post.begin_anew()
    evening = post.clock.now().replace(hour=21, minute=59)
    post.clock.advance(Decimal((evening - post.clock.now()) // timedelta(seconds=1)))
    post.phone.down = ConnectionError("no route")
    await post.say("a")
    await post.minutes(60)
    assert post.told(post.ear) == []


async def test_a_sink_that_the_config_names_no_more_is_told_to_be_gone(post: Post) -> None:
    post.phone.down = ConnectionError("no route")
    await post.say("a")
    await post.minutes(20)
    assert len(post.told(post.ear)) == 1
    post.begin_anew("ear")
    await post.minutes(2)
    assert [m.cleared for m in post.told(post.ear)] == [False, True]
    assert "the config does not name it" in post.told(post.ear)[-1].text


async def test_the_daemon_watches_and_no_look_says_that_it_is_over(
    new_desk: NewDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def deliver(ear: Ear, message: Message) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(Ear, "deliver", deliver)
    monkeypatch.setattr("counterpoise.app.sink_watch.EVERY_S", Decimal("0.01"))
    monkeypatch.setattr("counterpoise.app.sink_watch.DEAD_AFTER", timedelta(0))
    desk = await new_desk()
    await desk.run(hours=6)
    before = len(desk.reports)
    assert "sink:ear" in (await desk.store.load("p", desk.world.clock.now())).raised
    await desk.run(hours=6)
    assert len(desk.reports) > before
    assert "sink:ear" in (await desk.store.load("p", desk.world.clock.now())).raised
    told = [r.alert for r in await desk.outbox.pending("ear", 0, 500) if r.alert.kind == "sink"]
    assert [a.cleared for a in told] == [False]
