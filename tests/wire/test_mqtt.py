"""A real broker with passwords and TLS that is killed, hangs and comes back: what was committed is what is heard."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from counterpoise.app.clock import WallClock
from counterpoise.domain.access import BrokerAccess, Secret, TlsAccess
from counterpoise.domain.events import Alert, Severity, alert
from counterpoise.domain.records import Changes, PortfolioRecord, TradingState
from counterpoise.domain.routing import SinkPolicy
from counterpoise.notify import mqtt
from counterpoise.notify.composing import message_of
from counterpoise.notify.mqtt import MqttSink
from counterpoise.notify.relay import Relay
from counterpoise.record.memory import MemoryStore
from tests.broker import PASSWORD, Broker, Ear, wait_until

CLOCK = WallClock()
MINUTE = {"p": timedelta(minutes=1)}
#: (kind, key, severity, cleared)
SAID = (
    ("hedge_opened", None, Severity.INFO, False),
    ("venue", "venue:main", Severity.WARNING, False),
    ("venue", "venue:main", Severity.INFO, True),
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mqtt, "ANSWER_S", 0.4)
    monkeypatch.setattr(mqtt, "FIRST_PAUSE_S", mqtt.FIRST_PAUSE_S / 5)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("broker")) as made:
        yield made


@asynccontextmanager
async def connected(access: BrokerAccess, **options: object):
    sink = MqttSink(access, CLOCK, **({"patience": MINUTE, "announced": {}} | options))
    sink.start()
    try:
        yield sink
    finally:
        await sink.close()


async def heard(ear: Ear, topic: str, payload: str) -> None:
    await asyncio.to_thread(wait_until, lambda: ear.last(topic) == payload, f"{topic}: {payload}")


class Story:
    """Alerts that are committed, and the relay that brings them to the broker."""

    def __init__(self, store: MemoryStore, sink: MqttSink) -> None:
        self.store, self.committed = store, list[Alert]()
        self.relay = Relay(store, {"mqtt": sink}, CLOCK)

    async def begin(self) -> None:
        record = PortfolioRecord(
            id="p", trading_state=TradingState.RUN, config_hash="c", started_at=CLOCK.now()
        )
        await self.store.commit(Changes(portfolio="p", record=record))
        await self.relay.deliver_pending()

    async def goes_on(self) -> None:
        for kind, key, severity, cleared in SAID * 2:
            text = f"{len(self.committed)} ünïcode, and a line\nmore"
            made = alert("p", kind, severity, text, CLOCK.now(), key=key, cleared=cleared)
            await self.store.commit(Changes(portfolio="p", alerts=(made,)))
            self.committed.append(made)
        self.relay.wake()

    async def is_over(self) -> None:
        async with asyncio.timeout(30):
            while (await self.store.counts())["pending"]:
                await CLOCK.sleep(mqtt.FIRST_PAUSE_S / 4)
        assert (await self.store.counts())["dead"] == 0

    async def fails(self) -> None:
        async with asyncio.timeout(30):
            while not (await self.store.sinks())[0].failures:
                await CLOCK.sleep(mqtt.FIRST_PAUSE_S / 4)


async def test_a_broker_that_hangs_is_killed_and_comes_back_has_every_alert(
    tmp_path: Path,
) -> None:
    with Broker(tmp_path / "broker") as broker, Ear(broker, tmp_path, "cp/#") as ear:
        async with connected(broker.access()) as sink:
            story = Story(MemoryStore(), sink)
            await story.begin()
            relay = asyncio.create_task(story.relay.run())
            sink.looked("p", {"equity": "1"})
            await heard(ear, "cp/availability", "online")
            await story.goes_on()
            await story.is_over()
            broker.hang()
            await story.goes_on()
            await story.fails()
            sink.looked("p", {"equity": "2"})
            broker.go_on()
            await story.is_over()
            await heard(ear, "cp/p/state", '{"equity": "2"}')
            broker.kill()
            await story.goes_on()
            await story.fails()
            sink.looked("p", {"equity": "3"})
            broker.start()
            await story.is_over()
            await heard(ear, "cp/p/state", '{"equity": "3"}')
            relay.cancel()
            await asyncio.wait({relay})
        await heard(ear, "cp/availability", "offline")
        events = [h for h in ear.heard if "/event/" in h.topic]
    first = list(dict.fromkeys(id_ for h in events for id_ in h.document["ids"]))
    assert set(first) == {a.id for a in story.committed}
    for kind in ("hedge_opened", "venue"):
        wanted = [a.id for a in story.committed if a.kind == kind]
        assert [i for i in first if i in wanted] == wanted, f"{kind} keeps its order"
    assert {h.topic for h in events} == {"cp/p/event/hedge_opened", "cp/p/event/venue"}
    assert not any(h.retained for h in events), "an event is news, never retained"
    texts = {h.document["text"] for h in events}
    assert {a.text for a in story.committed} <= texts
    assert PASSWORD not in "".join(h.payload for h in ear.heard)


async def test_a_burst_to_a_broker_that_is_killed_is_whole(tmp_path: Path) -> None:
    made = tuple(
        alert("p", f"kind_{n % 7}", Severity.INFO, f"number {n}", CLOCK.now()) for n in range(5000)
    )
    with Broker(tmp_path / "broker") as broker, Ear(broker, tmp_path, "cp/#") as ear:
        async with connected(broker.access()) as sink:
            story = Story(MemoryStore(), sink)
            # as many as a minute takes: what is more goes together
            story.relay = Relay(
                story.store, {"mqtt": sink}, CLOCK, policies={"mqtt": SinkPolicy(rate=20)}
            )
            await story.begin()
            sink.looked("p", {"equity": "1"})
            await heard(ear, "cp/availability", "online")
            relay = asyncio.create_task(story.relay.run())
            await story.store.commit(Changes(portfolio="p", alerts=made[:2000]))
            story.relay.wake()
            broker.kill()
            await story.store.commit(Changes(portfolio="p", alerts=made[2000:]))
            await story.fails()
            broker.start()
            async with asyncio.timeout(150):  # the rest of a minute's rate
                while (await story.store.counts())["pending"]:
                    await CLOCK.sleep(mqtt.FIRST_PAUSE_S / 4)
            relay.cancel()
            await asyncio.wait({relay})
        await heard(ear, "cp/availability", "offline")
    told = [i for h in ear.heard if "/event/" in h.topic for i in h.document["ids"]]
    assert set(told) == {a.id for a in made}


async def test_what_is_retained_is_there_for_who_comes_later(
    broker: Broker, tmp_path: Path
) -> None:
    card = {"homeassistant/sensor/cp_p/equity/config": {"name": "Equity"}}
    async with connected(broker.access(prefix="later"), announced=card) as sink:
        sink.looked("p", {"equity": "7"})
        with Ear(broker, tmp_path, "later/#", "homeassistant/#") as first:
            await heard(first, "later/availability", "online")
        with Ear(broker, tmp_path, "later/#", "homeassistant/#") as late:
            await heard(late, "later/p/state", '{"equity": "7"}')
            await heard(late, "homeassistant/sensor/cp_p/equity/config", '{"name": "Equity"}')
            await heard(late, "later/availability", "online")


async def test_what_is_announced_no_more_is_taken_back(broker: Broker, tmp_path: Path) -> None:
    before = {
        "ha/x/sensor/gone_p/weight_A/config": {"name": "A"},
        "ha/x/sensor/gone_p/weight_B/config": {"name": "B"},
        "ha/x/sensor/gone_q/weight_B/config": {"name": "another portfolio's"},
    }
    after = dict([*before.items()][:1])
    with Ear(broker, tmp_path, "ha/#", "gone/#") as ear:
        async with connected(broker.access(prefix="gone"), announced=before):
            await heard(ear, "gone/availability", "offline")
        async with connected(broker.access(prefix="gone"), announced=after):
            await heard(ear, "ha/x/sensor/gone_p/weight_B/config", "")
        assert ear.last("ha/x/sensor/gone_p/weight_A/config") == '{"name": "A"}'
        assert ear.last("ha/x/sensor/gone_q/weight_B/config") != ""


async def test_online_are_completed_looks_of_every_portfolio_not_a_process(
    broker: Broker, tmp_path: Path
) -> None:
    patience = {"p": timedelta(milliseconds=600), "q": timedelta(minutes=1)}
    with Ear(broker, tmp_path, "looks/#") as ear:
        async with connected(broker.access(prefix="looks"), patience=patience) as sink:
            await heard(ear, "looks/availability", "offline")
            sink.looked("p", {})
            await heard(ear, "looks/p/state", "{}")
            assert ear.last("looks/availability") == "offline", "q has not looked yet"
            sink.looked("q", {})
            sink.looked("p", {})
            await heard(ear, "looks/availability", "online")
            await heard(ear, "looks/availability", "offline")
            sink.looked("p", {})
            await heard(ear, "looks/availability", "online")
        await heard(ear, "looks/availability", "offline")


# paho lets a socket go unclosed when the certificate does not fit
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket")
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"password": Secret("another")}, "Bad user name or password|Not authori[sz]ed"),
        ({"user": None, "password": None}, "Not authori[sz]ed"),
        ({"tls": TlsAccess()}, "certificate verify failed"),
        ({"host": "localhost"}, "certificate verify failed.*[Hh]ostname mismatch"),
        ({"port": 1}, "Connection refused"),
    ],
)
async def test_who_may_not_connect_is_told_why(
    broker: Broker, changes: dict[str, object], why: str
) -> None:
    async with connected(broker.access(**changes)) as sink:
        async with asyncio.timeout(10):
            while sink._why == "not tried yet":
                await CLOCK.sleep(mqtt.FIRST_PAUSE_S / 10)
        with pytest.raises(ConnectionError, match=why) as told:
            await sink.deliver(message_of([alert("p", "flow", Severity.INFO, "x", CLOCK.now())]))
    assert PASSWORD not in str(told.value)


async def test_a_stop_does_not_wait_for_a_broker_that_hangs(tmp_path: Path) -> None:
    with Broker(tmp_path / "broker") as broker:
        async with connected(broker.access()) as sink:
            async with asyncio.timeout(10):
                await sink._up.wait()
            broker.hang()
            began = asyncio.get_running_loop().time()
            await sink.close()
            assert asyncio.get_running_loop().time() - began < 2 * mqtt.LEAVE_S + 1
