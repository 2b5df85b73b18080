from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal

import pytest

from counterpoise.app.clock import ManualClock
from counterpoise.domain.categories import Category
from counterpoise.domain.errors import SinkBusy, SinkRefusal, StoreError
from counterpoise.domain.events import Severity, alert
from counterpoise.domain.message import Message
from counterpoise.domain.records import Changes, Handed, PortfolioRecord, SinkRecord, TradingState
from counterpoise.domain.routing import QuietHours, Route, SinkPolicy
from counterpoise.notify import lane
from counterpoise.notify.lane import DEAD_AFTER, FIRST_PAUSE, LONGEST_PAUSE
from counterpoise.notify.relay import Relay
from counterpoise.record.memory import MemoryStore

NOW = datetime(2025, 4, 7, 12, tzinfo=UTC)
NIGHT = QuietHours(start=time(22), end=time(7))
TWO_HOURS = Decimal(7200)


class Inbox:
    """A sink that keeps what it takes, and refuses what it is told to."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.asked = 0
        self.down: Exception | None = None
        self.refuses: dict[str, Exception] = {}
        self.hangs = False

    async def deliver(self, message: Message) -> None:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.down is not None:
            raise self.down
        for word, error in self.refuses.items():
            if word in message.ids:
                raise error
        self.messages.append(message)

    @property
    def taken(self) -> list[str]:
        """The ids of all alerts taken, in order."""
        return [id_ for message in self.messages for id_ in message.ids]


class Box:
    """An outbox, a clock, and a relay of one sink or several that can be begun anew."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.clock = ManualClock(NOW)
        self.policy = SinkPolicy()
        self.inbox = Inbox()
        self.relay = self.anew()

    def anew(self, **policy: object) -> Relay:
        if policy:
            self.policy = SinkPolicy(**policy)  # type: ignore[arg-type]  # a test names real fields
        self.relay = Relay(
            self.store, {"inbox": self.inbox}, self.clock, policies={"inbox": self.policy}
        )
        return self.relay

    async def say(
        self,
        *ids: str | int,
        kind: str = "flow",
        severity: Severity = Severity.INFO,
        key: str | None = None,
        cleared: bool = False,
    ) -> None:
        """Commit alerts whose ids are their texts."""
        made = [
            alert("treasury", kind, severity, str(t), self.clock.now(), key=key, cleared=cleared)
            for t in ids
        ]
        for one in made:
            object.__setattr__(one, "id", one.text)
        await self.store.commit(Changes(portfolio="treasury", alerts=tuple(made)))

    async def later(self, seconds: float) -> None:
        self.clock.advance(Decimal(str(seconds)))
        await self.relay.deliver_pending()

    async def counts(self) -> tuple[int, int]:
        found = await self.store.counts()
        return found["pending"], found["dead"]

    async def stand(self) -> SinkRecord:
        (found,) = await self.store.sinks()
        return found


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    record = PortfolioRecord(
        id="treasury", trading_state=TradingState.RUN, config_hash="c", started_at=NOW
    )
    await store.commit(Changes(portfolio="treasury", record=record))
    return store


@pytest.fixture
async def box(store: MemoryStore) -> Box:
    return Box(store)


def names(count: int, first: int = 0) -> list[str]:
    return [str(n) for n in range(first, first + count)]


# --- at least once, in order


async def test_alerts_arrive_once_and_in_order(box: Box) -> None:
    assert (await box.relay.deliver_pending()).taken == 0
    await box.say("a", "b")
    done = await box.relay.deliver_pending()
    assert (done.taken, done.failing, done.retry_at) == (2, {}, None)
    await box.say("c")
    await box.relay.deliver_pending()
    assert box.inbox.taken == ["a", "b", "c"]
    assert await box.counts() == (0, 0)


async def test_a_restart_repeats_nothing_to_who_has_it(store: MemoryStore) -> None:
    clock, one, two = ManualClock(NOW), Inbox(), Inbox()
    box = Box(store)
    two.down = ConnectionError("no route")
    await Relay(store, {"one": one, "two": two}, clock).deliver_pending()
    await box.say("a", "b")
    await Relay(store, {"one": one, "two": two}, clock).deliver_pending()
    assert (one.taken, two.taken) == (["a", "b"], [])
    two.down = None
    await Relay(store, {"one": one, "two": two}, clock).deliver_pending()
    assert (one.taken, two.taken) == (["a", "b"], ["a", "b"])
    assert await box.counts() == (0, 0)


async def test_a_failing_sink_gets_everything_later_in_order_after_growing_pauses(
    box: Box,
) -> None:
    await box.say("a", "b")
    box.inbox.down = ConnectionError("no route")
    pauses = []
    # two in the outbox: from the tenth failure on the second one is asked with as well
    for failures in range(1, DEAD_AFTER):
        found = await box.relay.deliver_pending()
        assert found.failing == {"inbox": failures}
        assert found.retry_at is not None
        pauses.append(found.retry_at - box.clock.now())
        asked = box.inbox.asked
        await box.later(pauses[-1].total_seconds() - 0.001)
        assert box.inbox.asked == asked
        box.clock.advance(Decimal("0.001"))
    assert pauses[:4] == [FIRST_PAUSE * factor for factor in (1, 2, 4, 8)]
    await box.later(0)
    assert (await box.stand()).last_error == "ConnectionError: no route"
    assert (await box.stand()).failing_since == NOW

    box.inbox.down = None
    await box.later(LONGEST_PAUSE.total_seconds())
    assert box.inbox.taken == ["a", "b"]
    assert ((await box.stand()).failures, (await box.stand()).failing_since) == (0, None)


async def test_a_sink_that_is_down_for_days_loses_nothing(box: Box) -> None:
    box.inbox.down = ConnectionError("no route")
    for hour in range(72):
        await box.say(hour)
        for _ in range(20):
            await box.later(180)
    assert await box.counts() == (72, 0)
    box.inbox.down = None
    await box.later(300)
    assert box.inbox.taken == names(72)
    assert await box.counts() == (0, 0)


async def test_what_was_delivered_while_the_database_refused_is_not_delivered_again(
    store: MemoryStore,
) -> None:
    class Flaky(MemoryStore):
        refuses = True

        async def settled(
            self,
            sink: str,
            seqs: Iterable[int],
            how: Handed,
            at: datetime,
            error: str | None = None,
        ) -> None:
            if self.refuses:
                raise StoreError("database is locked")
            await super().settled(sink, seqs, how, at, error)

    flaky = Flaky()
    flaky.__dict__.update(store.__dict__)
    box = Box(flaky)
    await box.say("a", "b")
    with pytest.raises(StoreError):
        await box.relay.deliver_pending()
    with pytest.raises(StoreError):
        await box.relay.deliver_pending()
    flaky.refuses = False
    await box.relay.deliver_pending()
    assert box.inbox.taken == ["a", "b"]
    assert await box.counts() == (0, 0)


async def test_passes_do_not_overlap(box: Box) -> None:
    class Slow(Inbox):
        async def deliver(self, message: Message) -> None:
            await box.clock.sleep(Decimal(0))  # another pass could begin here
            await super().deliver(message)

    box.inbox = Slow()
    box.anew()
    await box.say(*range(5))
    await asyncio.gather(*(box.relay.deliver_pending() for _ in range(4)))
    assert box.inbox.taken == names(5)


async def test_a_cancelled_pass_is_taken_up_by_the_next(box: Box) -> None:
    await box.say("a")
    box.inbox.hangs = True
    task = asyncio.create_task(box.relay.deliver_pending())
    while not box.inbox.asked:
        await box.clock.sleep(Decimal(0))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    box.inbox.hangs = False
    await box.relay.deliver_pending()
    assert box.inbox.taken == ["a"]


def test_a_relay_without_a_sink_would_lose_alerts(store: MemoryStore) -> None:
    with pytest.raises(ValueError, match="expected at least one sink"):
        Relay(store, {}, ManualClock(NOW))


# --- several sinks


async def test_one_failing_sink_does_not_hold_up_another(box: Box) -> None:
    broken = Inbox()
    broken.down = ConnectionError("no route")
    relay = Relay(box.store, {"broken": broken, "inbox": box.inbox}, box.clock)
    for round_ in range(10):
        await box.say(*range(3 * round_, 3 * round_ + 3))
        await relay.deliver_pending()
    assert box.inbox.taken == names(30)
    assert (await box.counts())[0] == 30

    broken.down = None
    box.clock.advance(Decimal(300))
    await relay.deliver_pending()
    assert broken.taken == names(30)
    assert box.inbox.taken == names(30)
    assert (await box.counts())[0] == 0


async def test_a_hanging_sink_is_given_up_on_after_its_timeout(box: Box) -> None:
    hanging = Inbox()
    hanging.hangs = True
    sinks = {"hanging": hanging, "inbox": box.inbox}
    relay = Relay(box.store, sinks, box.clock, timeout_s=Decimal("0.001"))
    await box.say("a", "b")
    found = await relay.deliver_pending()
    assert box.inbox.taken == ["a", "b"]
    assert found.failing == {"hanging": 1}
    told = {s.name: s.last_error for s in await box.store.sinks()}
    assert told == {"hanging": "TimeoutError: no answer within 0.001 s", "inbox": None}


async def test_tasks_serve_each_sink_at_its_own_pace(box: Box) -> None:
    """With tasks running a sink that hangs keeps nothing from the other, however many alerts come."""
    hanging = Inbox()
    hanging.hangs = True
    relay = Relay(box.store, {"hanging": hanging, "inbox": box.inbox}, box.clock)
    task = asyncio.create_task(relay.run())
    try:
        async with asyncio.timeout(5):
            for n in range(3):
                await box.say(n)
                relay.wake()
                while len(box.inbox.taken) <= n:
                    await box.clock.sleep(Decimal(0))
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert box.inbox.taken == names(3)
    assert hanging.asked == 1


async def test_a_lane_that_breaks_does_not_silence_the_others(box: Box) -> None:
    class Broken(MemoryStore):
        async def pending(self, sink: str, after: int, limit: int) -> tuple:  # type: ignore[type-arg]  # raises
            if sink == "broken":
                raise RuntimeError("a bug")
            return await super().pending(sink, after, limit)

    broken = Broken()
    broken.__dict__.update(box.store.__dict__)
    relay = Relay(broken, {"broken": Inbox(), "inbox": box.inbox}, box.clock)
    await box.say("a")
    task = asyncio.create_task(relay.run())
    try:
        async with asyncio.timeout(5):
            while not box.inbox.taken:
                await box.clock.sleep(Decimal(0))
    finally:
        task.cancel()
        await asyncio.wait([task])
    assert box.inbox.taken == ["a"]


async def test_what_an_error_says_is_kept_in_one_line_without_secrets(box: Box) -> None:
    box.inbox.down = ConnectionError("https://api/bot123:sentinel/sendMessage\x1b[2J\nno")
    relay = Relay(
        box.store, {"inbox": box.inbox}, box.clock, redact=lambda t: t.replace("sentinel", "***")
    )
    await box.say("a")
    await relay.deliver_pending()
    told = "ConnectionError: https://api/bot123:***/sendMessage [2J no"
    assert (await box.stand()).last_error == told


# --- what a sink says


async def test_a_wait_that_a_sink_asks_for_is_obeyed(box: Box) -> None:
    await box.say("a", "b")
    box.inbox.down = SinkBusy("Too Many Requests", retry_after=timedelta(seconds=73))
    found = await box.relay.deliver_pending()
    assert found.retry_at == NOW + timedelta(seconds=73)
    box.inbox.down = None
    await box.later(72.9)
    assert (box.inbox.asked, box.inbox.taken) == (1, [])
    await box.later(0.1)
    assert box.inbox.taken == ["a", "b"]


async def test_a_message_refused_for_good_is_given_up_at_once_and_the_rest_arrives(
    box: Box,
) -> None:
    await box.say("a", "poison", "b", kind="hedge_opened")
    box.inbox.refuses = {"poison": SinkRefusal("400: can't parse entities")}
    await box.relay.deliver_pending()
    await box.relay.deliver_pending()
    assert box.inbox.taken == ["a", "b"]
    assert await box.counts() == (0, 1)
    stand = await box.stand()
    assert (stand.pending, stand.dead) == (0, 1)
    assert stand.last_error == "SinkRefusal: 400: can't parse entities"


async def test_a_message_that_fails_while_others_arrive_is_given_up_in_the_end(box: Box) -> None:
    await box.say("a", "poison", "b", "c")
    box.inbox.refuses = {"poison": ConnectionError("reset")}
    for _ in range(DEAD_AFTER - 1):
        await box.relay.deliver_pending()
        assert box.inbox.taken == ["a"]
        box.clock.advance(Decimal(300))
    await box.relay.deliver_pending()
    assert box.inbox.taken == ["a", "b", "c"]
    assert await box.counts() == (0, 1)


async def test_other_topics_go_past_one_that_fails(box: Box) -> None:
    await box.say("poison", "after", kind="hedge_opened")
    box.inbox.refuses = {"poison": ConnectionError("reset")}
    await box.relay.deliver_pending()
    for n in range(3):
        await box.say(n, kind="flow")
        await box.later(300)
        assert box.inbox.taken == names(n + 1)
    box.inbox.refuses = {}
    await box.later(300)
    assert box.inbox.taken == ["0", "1", "2", "poison", "after"]


async def test_of_many_put_together_only_the_refused_one_is_lost(box: Box) -> None:
    box.anew(rate=8)
    await box.say(*range(40))
    box.inbox.refuses = {"23": SinkRefusal("400")}
    for _ in range(10):
        await box.later(60)
    assert sorted(box.inbox.taken, key=int) == [n for n in names(40) if n != "23"]
    assert await box.counts() == (0, 1)


# --- rate


async def test_no_minute_has_more_messages_than_the_rate_and_all_alerts_arrive(box: Box) -> None:
    box.anew(rate=20)
    sent: list[datetime] = []
    for n in range(600):
        await box.say(n, kind=("flow", "hedge_opened", "operator")[n % 3])
        before = box.inbox.asked
        await box.later(0.5)
        sent += [box.clock.now()] * (box.inbox.asked - before)
    await box.later(60)
    assert sorted(map(int, box.inbox.taken)) == list(range(600))
    for at in sent:
        within = [s for s in sent if at <= s < at + timedelta(minutes=1)]
        assert len(within) <= 20
    # and the rate is used, not hoarded: as little as possible is put together
    assert len(sent) > 50


async def test_under_the_rate_every_alert_is_a_message_of_its_own(box: Box) -> None:
    box.anew(rate=20)
    await box.say(*range(15))
    await box.relay.deliver_pending()
    assert [m.count for m in box.inbox.messages] == [1] * 15


async def test_a_burst_of_5000_is_told_in_a_few_messages(box: Box) -> None:
    box.anew(rate=20)
    for n in range(50):
        await box.say(*range(100 * n, 100 * n + 100), kind="refused", key=f"refused:A{n}:why")
    await box.say("c", kind="margin", severity=Severity.CRITICAL)
    await box.relay.deliver_pending()
    assert sorted(box.inbox.taken) == sorted([*names(5000), "c"])
    assert box.inbox.messages[0].ids == ("c",), "what is critical goes first"
    assert len(box.inbox.messages) == 2
    assert box.inbox.messages[1].title == "Orders refused (x5000 in 1 s)"
    assert await box.counts() == (0, 0)


async def test_a_part_of_the_rate_is_kept_for_what_is_critical(box: Box) -> None:
    box.anew(rate=8)
    for n in range(30):
        await box.say(n, kind=("flow", "hedge_opened")[n % 2])
        await box.later(0.1)
    quiet = box.inbox.asked
    assert quiet == 6
    await box.say("c", kind="margin", severity=Severity.CRITICAL)
    await box.later(0.1)
    assert box.inbox.taken[-1] == "c"
    assert box.inbox.asked == quiet + 1


async def test_a_topic_never_overtakes_itself(box: Box) -> None:
    """A condition that comes and goes is told in the order in which it did, whatever is put together."""
    box.anew(rate=4)
    box.inbox.down = ConnectionError("no route")
    for n in range(40):
        key = f"venue:{n % 3}"
        loud = Severity.CRITICAL if n % 7 == 0 else Severity.INFO
        await box.say(n, kind="venue", key=key, severity=loud)
        if n == 20:
            box.inbox.down = None
        await box.later(7)
    await box.later(60)
    await box.later(60)
    taken = [int(t) for t in box.inbox.taken]
    assert sorted(taken) == list(range(40))
    for rest in range(3):
        topic = [n for n in taken if n % 3 == rest]
        assert topic == sorted(topic)


# --- routing


async def test_what_is_routed_off_is_done_with_and_the_rest_is_as_loud_as_it_shall_be(
    box: Box,
) -> None:
    box.anew(
        severities={Severity.INFO: Route.SILENT, Severity.WARNING: Route.OFF},
        categories={Category.HEDGE: Route.ON, Category.ORDERS: Route.OFF},
    )
    await box.say("info")
    await box.say("warning", severity=Severity.WARNING)
    await box.say("critical", severity=Severity.CRITICAL)
    await box.say("hedge", kind="hedge_opened")
    await box.say("order", kind="frozen", severity=Severity.CRITICAL)
    await box.relay.deliver_pending()
    assert {m.ids: m.silent for m in box.inbox.messages} == {
        ("critical",): False,
        ("info",): True,
        ("hedge",): False,
    }
    assert await box.counts() == (0, 0)


async def test_what_is_committed_before_a_sink_is_added_does_not_reach_it(box: Box) -> None:
    await box.relay.deliver_pending()
    await box.say("old")
    late = Inbox()
    relay = Relay(box.store, {"inbox": box.inbox, "late": late}, box.clock)
    await relay.deliver_pending()
    await box.say("new")
    await relay.deliver_pending()
    assert (box.inbox.taken, late.taken) == (["old", "new"], ["new"])


# --- quiet hours


async def test_a_night_holds_back_what_is_not_critical_and_tells_it_in_the_morning(
    box: Box,
) -> None:
    box.anew(quiet=NIGHT, rate=20)
    box.clock.advance(Decimal(10 * 3600))  # 22:00
    for n in range(5):
        await box.say(n)
        await box.later(60)
    await box.say("c", kind="margin", severity=Severity.CRITICAL)
    await box.later(60)
    assert box.inbox.taken == ["c"]
    await box.later(8 * 3600)  # 06:06
    assert box.inbox.taken == ["c"]
    await box.later(3600)
    assert box.inbox.taken == ["c", *names(5)]
    assert box.inbox.messages[-1].title == "Flow (x5 in 4 min)"


async def test_what_is_critical_takes_along_what_its_topic_held_back(box: Box) -> None:
    box.anew(quiet=NIGHT)
    box.clock.advance(Decimal(11 * 3600))
    await box.say("near", kind="margin", key="margin:main/USDT:near", severity=Severity.WARNING)
    await box.say("other", kind="margin", key="margin:side/USDT:near", severity=Severity.WARNING)
    await box.later(1)
    assert box.inbox.taken == []
    await box.say("worse", kind="margin", key="margin:main/USDT:near", severity=Severity.CRITICAL)
    await box.say("over", kind="margin", key="margin:main/USDT:near", cleared=True)
    await box.later(1)
    assert [m.ids for m in box.inbox.messages] == [("near", "worse", "over")]
    await box.later(9 * 3600)
    assert box.inbox.taken[3:] == ["other"]


async def test_a_restart_at_night_keeps_what_is_held_back(box: Box) -> None:
    box.anew(quiet=NIGHT)
    box.clock.advance(Decimal(11 * 3600))
    await box.say(*range(4))
    await box.later(1)
    box.anew()
    await box.later(1)
    assert box.inbox.taken == []
    box.anew()
    await box.later(9 * 3600)
    assert [m.ids for m in box.inbox.messages] == [("0", "1", "2", "3")]


# --- muted by a person


async def test_muted_only_what_is_critical_comes_and_the_rest_when_it_is_over(box: Box) -> None:
    assert box.relay.mute("inbox", NOW + timedelta(hours=2))
    for n in range(5):
        await box.say(n)
        await box.later(60)
    await box.say("c", kind="margin", severity=Severity.CRITICAL)
    await box.later(60)
    assert box.inbox.taken == ["c"]
    await box.later(2 * 3600)
    assert box.inbox.messages[-1].title == "Flow (x5 in 4 min)"
    await box.say("x")
    await box.say("y")
    await box.later(1)
    assert [m.ids for m in box.inbox.messages[-2:]] == [("x",), ("y",)], "as ever again"


async def test_a_mute_that_is_taken_back_tells_at_once(box: Box) -> None:
    box.relay.mute("inbox", NOW + timedelta(hours=2))
    await box.say("a")
    await box.later(1)
    assert box.inbox.taken == []
    assert box.relay.mute("inbox", None)
    await box.later(1)
    assert box.inbox.taken == ["a"]
    assert not box.relay.mute("another", None)


async def test_quiet_hours_go_on_when_a_mute_is_over(box: Box) -> None:
    box.anew(quiet=NIGHT)
    box.clock.advance(Decimal(11 * 3600))
    box.relay.mute("inbox", box.clock.now() + timedelta(hours=1))
    await box.say("a")
    await box.later(2 * 3600)
    assert box.inbox.taken == []
    await box.later(7 * 3600)
    assert box.inbox.taken == ["a"]


# --- clocks that are set back, outages that end at any instant, nights that are too full


async def test_a_clock_that_is_set_back_lengthens_no_pause(box: Box) -> None:
    """A machine that boots two hours ahead fails (no network yet), and is set right when the network comes."""
    box.inbox.down = ConnectionError("no route")
    await box.say("a")
    await box.relay.deliver_pending()
    box.clock.advance(-TWO_HOURS)
    box.inbox.down = None
    for _ in range(2):
        await box.later(5)
    assert box.inbox.taken == ["a"]


async def test_a_clock_that_is_set_back_uses_up_no_rate(box: Box) -> None:
    box.anew(rate=4)
    for n in range(4):
        await box.say(n, severity=Severity.CRITICAL)
        await box.later(1)
    box.clock.advance(-TWO_HOURS)
    await box.say("c", severity=Severity.CRITICAL)
    for _ in range(2):
        await box.later(60)
    assert box.inbox.taken == ["0", "1", "2", "3", "c"]


async def test_a_clock_that_is_set_back_ends_no_mute(box: Box) -> None:
    box.relay.mute("inbox", NOW + timedelta(hours=1))
    await box.relay.deliver_pending()
    box.clock.advance(-TWO_HOURS)
    await box.say("a")
    await box.later(5)
    assert box.inbox.taken == []


async def test_what_fails_last_in_an_outage_is_not_given_up_with_its_end(box: Box) -> None:
    """Ten failures of a sink that took nothing, and the next message finds it well again."""
    box.inbox.down = ConnectionError("no route")
    await box.say("a")
    for _ in range(DEAD_AFTER - 1):
        await box.relay.deliver_pending()
        box.clock.advance(Decimal(300))
    await box.say("b")
    deliver = box.inbox.deliver

    async def ends_after_one(message: Message) -> None:
        try:
            await deliver(message)
        finally:
            box.inbox.down = None

    box.inbox.deliver = ends_after_one  # type: ignore[method-assign]  # the outage ends within a pass
    await box.relay.deliver_pending()
    assert sorted(box.inbox.taken) == ["a", "b"]
    assert await box.counts() == (0, 0)


async def test_one_failure_after_an_outage_gives_nothing_up(box: Box) -> None:
    box.inbox.down = ConnectionError("no route")
    await box.say("a", kind="hedge_opened")
    for _ in range(DEAD_AFTER + 3):
        await box.relay.deliver_pending()
        box.clock.advance(Decimal(300))
    box.inbox.down, box.inbox.refuses = None, {"a": TimeoutError("slow at first")}
    await box.say("b", kind="flow")
    await box.relay.deliver_pending()
    assert box.inbox.taken == ["b"]
    box.inbox.refuses = {}
    await box.later(300)
    assert box.inbox.taken == ["b", "a"]
    assert await box.counts() == (0, 0)


async def test_a_night_that_is_too_full_holds_back_nothing_critical(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lane, "_HELD", 60)
    monkeypatch.setattr(lane, "_READ", 20)
    box.anew(quiet=NIGHT, rate=20)
    box.clock.advance(Decimal(11 * 3600))
    await box.say(*range(70))
    await box.say("c", kind="margin", severity=Severity.CRITICAL)
    for _ in range(5):
        await box.later(5)
    assert "c" in box.inbox.taken
    assert len(box.inbox.messages) <= 3, "and nobody is woken by each of the others"
    box.clock.advance(Decimal(8 * 3600))
    await box.later(5)
    assert sorted(box.inbox.taken) == sorted([*names(70), "c"])


async def test_what_is_critical_does_not_wait_for_a_pause_of_its_sink_to_end(box: Box) -> None:
    box.inbox.down = ConnectionError("no route")
    await box.say("a")
    for _ in range(DEAD_AFTER + 2):
        await box.relay.deliver_pending()
        box.clock.advance(Decimal(300))
    await box.relay.deliver_pending()
    box.inbox.down = None
    await box.say("b")
    await box.later(1)
    assert box.inbox.taken == [], "the rest waits for the pause to end"
    await box.say("c", kind="margin", severity=Severity.CRITICAL)
    await box.later(1)
    assert sorted(box.inbox.taken) == ["a", "b", "c"]


async def test_a_sink_that_is_down_is_tried_once_for_each_that_is_critical(box: Box) -> None:
    box.inbox.down = ConnectionError("no route")
    await box.say("c", severity=Severity.CRITICAL)
    for _ in range(8):
        await box.later(300)
    asked = box.inbox.asked
    for _ in range(20):
        await box.later(1)
    assert box.inbox.asked == asked
    await box.say("d", severity=Severity.CRITICAL)
    for _ in range(20):
        await box.later(1)
    assert box.inbox.asked == asked + 1


async def test_a_wait_that_was_asked_for_holds_for_what_is_critical_too(box: Box) -> None:
    box.inbox.down = SinkBusy("429", retry_after=timedelta(seconds=60))
    await box.say("a")
    await box.relay.deliver_pending()
    box.inbox.down = None
    await box.say("c", severity=Severity.CRITICAL)
    await box.later(59)
    assert box.inbox.taken == []
    await box.later(1)
    assert box.inbox.taken == ["a", "c"]
