from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from counterpoise.app.clock import ManualClock
from counterpoise.domain.errors import StoreError
from counterpoise.domain.events import Alert, Severity, alert
from counterpoise.domain.records import DEAD_AFTER, Changes, PortfolioRecord, TradingState
from counterpoise.notify.relay import FIRST_PAUSE, LONGEST_PAUSE, Relay
from counterpoise.record.memory import MemoryStore

NOW = datetime(2025, 4, 7, tzinfo=UTC)


class Inbox:
    """A sink that keeps what it takes, and refuses what it is told to."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.asked = 0
        self.down = False
        self.refuses: set[str] = set()
        self.hangs = False

    async def deliver(self, alert: Alert) -> None:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.down or alert.text in self.refuses:
            raise ConnectionError(f"no {alert.text}")
        self.taken.append(alert.text)


@pytest.fixture
async def store() -> MemoryStore:
    store = MemoryStore()
    record = PortfolioRecord(
        id="treasury", trading_state=TradingState.RUN, config_hash="c", started_at=NOW
    )
    await store.commit(Changes(portfolio="treasury", record=record))
    return store


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


async def say(store: MemoryStore, *texts: str | int) -> None:
    alerts = tuple(alert("treasury", "k", Severity.INFO, str(t), NOW) for t in texts)
    await store.commit(Changes(portfolio="treasury", alerts=alerts))


def names(count: int, first: int = 0) -> list[str]:
    return [str(n) for n in range(first, first + count)]


async def test_alerts_arrive_once_and_in_order(
    store: MemoryStore, clock: ManualClock, inbox: Inbox
) -> None:
    relay = Relay(store, {"inbox": inbox}, clock)
    assert (await relay.deliver_pending()).delivered == 0
    await say(store, "a", "b")
    done = await relay.deliver_pending()
    assert (done.delivered, done.failing, done.retry_at) == (2, {}, None)
    await say(store, "c")
    await relay.deliver_pending()
    assert inbox.taken == ["a", "b", "c"]
    assert await store.counts() == {"pending": 0, "dead": 0}


async def test_a_failing_sink_gets_everything_later_in_order_after_growing_pauses(
    store: MemoryStore, clock: ManualClock, inbox: Inbox
) -> None:
    relay = Relay(store, {"inbox": inbox}, clock)
    await say(store, "a", "b")
    inbox.down = True
    pauses = []
    for failures in range(1, 12):
        found = await relay.deliver_pending()
        assert found.failing == {"inbox": failures}
        assert found.retry_at is not None
        pauses.append(found.retry_at - clock.now())
        asked = inbox.asked
        clock.advance(Decimal(pauses[-1].total_seconds()) - Decimal("0.001"))
        await relay.deliver_pending()
        assert inbox.asked == asked
        clock.advance(Decimal("0.001"))
    assert pauses[:4] == [FIRST_PAUSE * factor for factor in (1, 2, 4, 8)]
    assert pauses[-1] == LONGEST_PAUSE
    row = (await store.pending(1))[0]
    assert row.last_error == "inbox: ConnectionError: no a"

    inbox.down = False
    done = await relay.deliver_pending()
    assert (done.delivered, done.failing, done.retry_at) == (2, {}, None)
    assert inbox.taken == ["a", "b"]


async def test_a_sink_that_is_down_for_days_loses_nothing(
    store: MemoryStore, clock: ManualClock, inbox: Inbox
) -> None:
    relay = Relay(store, {"inbox": inbox}, clock)
    inbox.down = True
    for hour in range(72):
        await say(store, hour)
        for _ in range(20):
            await relay.deliver_pending()
            clock.advance(Decimal(180))
    assert await store.counts() == {"pending": 72, "dead": 0}
    inbox.down = False
    clock.advance(Decimal(300))
    await relay.deliver_pending()
    assert inbox.taken == names(72)
    assert await store.counts() == {"pending": 0, "dead": 0}


async def test_an_alert_no_sink_can_take_is_given_up_and_the_rest_arrives(
    store: MemoryStore, clock: ManualClock, inbox: Inbox
) -> None:
    relay = Relay(store, {"inbox": inbox}, clock)
    await say(store, "a", "poison", "b", "c")
    inbox.refuses = {"poison"}
    for attempt in range(1, DEAD_AFTER):
        await relay.deliver_pending()
        assert inbox.taken == ["a"]
        assert (await store.pending(1))[0].attempts == attempt
        clock.advance(Decimal(300))
    await relay.deliver_pending()
    assert inbox.taken == ["a", "b", "c"]
    assert await store.counts() == {"pending": 0, "dead": 1}


async def test_one_failing_sink_does_not_hold_up_another(
    store: MemoryStore, clock: ManualClock, inbox: Inbox
) -> None:
    broken = Inbox()
    broken.down = True
    relay = Relay(store, {"broken": broken, "inbox": inbox}, clock, batch=3)
    # far more than one batch: what only one sink has must not fill the window
    for round_ in range(10):
        await say(store, *range(3 * round_, 3 * round_ + 3))
        done = await relay.deliver_pending()
        assert done.delivered == 0
    assert inbox.taken == names(30)
    assert (await store.counts())["pending"] == 30

    broken.down = False
    clock.advance(Decimal(300))
    done = await relay.deliver_pending()
    assert (done.delivered, broken.taken) == (30, names(30))
    assert inbox.taken == names(30)
    assert (await store.counts())["pending"] == 0


async def test_a_hanging_sink_is_given_up_on_after_its_timeout(
    store: MemoryStore, clock: ManualClock, inbox: Inbox
) -> None:
    hanging = Inbox()
    hanging.hangs = True
    relay = Relay(store, {"hanging": hanging, "inbox": inbox}, clock, timeout_s=Decimal("0.001"))
    await say(store, "a", "b")
    found = await relay.deliver_pending()
    assert inbox.taken == ["a", "b"]
    assert found.failing == {"hanging": 1}
    assert (await store.pending(1))[0].last_error == "hanging: no answer within 0.001 s"


async def test_after_a_crash_an_alert_arrives_again_rather_than_never(
    store: MemoryStore, clock: ManualClock, inbox: Inbox
) -> None:
    class Dying(MemoryStore):
        async def delivered(self, seqs: Iterable[int], at: datetime) -> None:
            raise StoreError("killed between delivery and its record")

    dying = Dying()
    dying.__dict__.update(store.__dict__)
    await say(store, "a", "b")
    with pytest.raises(StoreError):
        await Relay(dying, {"inbox": inbox}, clock).deliver_pending()
    assert inbox.taken == ["a"]
    await Relay(store, {"inbox": inbox}, clock).deliver_pending()
    assert inbox.taken == ["a", "a", "b"]


async def test_a_refusing_database_makes_no_duplicates_in_one_process(
    clock: ManualClock, store: MemoryStore, inbox: Inbox
) -> None:
    class Flaky(MemoryStore):
        refuses = True

        async def delivered(self, seqs: Iterable[int], at: datetime) -> None:
            if self.refuses:
                raise StoreError("database is locked")
            await super().delivered(seqs, at)

    flaky = Flaky()
    flaky.__dict__.update(store.__dict__)
    await say(flaky, "a", "b")
    relay = Relay(flaky, {"inbox": inbox}, clock)
    with pytest.raises(StoreError):
        await relay.deliver_pending()
    flaky.refuses = False
    done = await relay.deliver_pending()
    assert done.delivered == 2
    assert inbox.taken == ["a", "b"]
    assert (await flaky.counts())["pending"] == 0


async def test_passes_do_not_overlap(store: MemoryStore, clock: ManualClock) -> None:
    class Slow(Inbox):
        async def deliver(self, alert: Alert) -> None:
            await clock.sleep(Decimal(0))  # another pass could begin here
            await super().deliver(alert)

    slow = Slow()
    relay = Relay(store, {"slow": slow}, clock)
    await say(store, *range(5))
    await asyncio.gather(*(relay.deliver_pending() for _ in range(4)))
    assert slow.taken == names(5)


async def test_a_relay_forgets_what_has_left_the_outbox(
    store: MemoryStore, clock: ManualClock, inbox: Inbox
) -> None:
    relay = Relay(store, {"inbox": inbox}, clock)
    await say(store, *range(5))
    await relay.deliver_pending()
    await relay.deliver_pending()
    assert [lane.taken for lane in relay._lanes] == [set()]


async def test_a_cancelled_pass_is_taken_up_by_the_next(
    store: MemoryStore, clock: ManualClock, inbox: Inbox
) -> None:
    relay = Relay(store, {"inbox": inbox}, clock)
    await say(store, "a")
    inbox.hangs = True
    task = asyncio.create_task(relay.deliver_pending())
    while not inbox.asked:
        await clock.sleep(Decimal(0))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    inbox.hangs = False
    await relay.deliver_pending()
    assert inbox.taken == ["a"]


def test_a_relay_without_a_sink_would_lose_alerts(store: MemoryStore, clock: ManualClock) -> None:
    with pytest.raises(ValueError, match="expected at least one sink"):
        Relay(store, {}, clock)
