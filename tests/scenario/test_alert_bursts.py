"""A burst of alerts goes to a bot API over real sockets, which holds to its limits and is in trouble now and then.

What it took is compared with what was committed, minus what is routed off: each message tells its first id and how
many more, and what the relay says it delivered is what the server has.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from aiohttp import web

from counterpoise.app.clock import ManualClock
from counterpoise.domain.access import Secret
from counterpoise.domain.categories import Category
from counterpoise.domain.events import Alert, Severity, alert
from counterpoise.domain.leaks import Leaks
from counterpoise.domain.message import Message
from counterpoise.domain.records import Changes, PortfolioRecord, TradingState
from counterpoise.domain.routing import Route, SinkPolicy
from counterpoise.notify.apprise import AppriseSink
from counterpoise.notify.relay import Relay
from counterpoise.notify.telegram import TelegramSink
from counterpoise.notify.webhook import WebhookSink
from counterpoise.ports import Sink
from counterpoise.record.memory import MemoryStore
from tests.inboxes import CHAT, CUT, HANG, LOSE, TOKEN, BotServer, HookServer, busy, page, said

NOW = datetime(2025, 4, 7, 12, tzinfo=UTC)
KINDS = ("hedge_adjusted", "order", "venue", "flow", "margin", "residue", "rejected")
POLICY = SinkPolicy(categories={Category.LADDER: Route.OFF}, rate=20)


class Watched:
    """A sink that remembers which ids it was given, and which of them it delivered."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.tried: list[tuple[str, ...]] = []
        self.delivered: list[tuple[str, ...]] = []

    async def deliver(self, message: Message) -> None:
        self.tried.append(message.ids)
        await self._sink.deliver(message)
        self.delivered.append(message.ids)


def burst(count: int, step: int = 0) -> tuple[Alert, ...]:
    return tuple(
        alert(
            "treasury",
            KINDS[n % len(KINDS)],
            Severity.CRITICAL if n % 97 == 0 else list(Severity)[n % 2],
            f"{step}: number {n} of <b>{count}</b> & more",
            NOW + timedelta(seconds=step, milliseconds=n),
            key=f"venue:v{n % 5}" if KINDS[n % len(KINDS)] == "venue" else None,
        )
        for n in range(count)
    )


async def opened() -> MemoryStore:
    store = MemoryStore()
    record = PortfolioRecord(
        id="treasury", trading_state=TradingState.RUN, config_hash="c", started_at=NOW
    )
    await store.commit(Changes(portfolio="treasury", record=record))
    return store


async def run(server: BotServer, sizes: list[int]) -> tuple[Watched, list[Alert], MemoryStore]:
    """Commit a burst of each size, a minute between them, and deliver until nothing waits."""
    clock, store = ManualClock(NOW), await opened()
    server.now = lambda: clock.now().timestamp()
    sink = Watched(
        TelegramSink(base_url=server.url, token=Secret(TOKEN), chat=CHAT, zone=UTC, leaks=Leaks([]))
    )
    relay = Relay(store, {"t": sink}, clock, policies={"t": POLICY}, timeout_s=Decimal("0.3"))
    await relay.deliver_pending()
    committed: list[Alert] = []
    for step in range(2400):
        if step % 12 == 0 and sizes:
            made = burst(sizes.pop(0), step)
            await store.commit(Changes(portfolio="treasury", alerts=made))
            committed += made
        await relay.deliver_pending()
        clock.advance(Decimal(5))
        if not sizes and (await store.counts())["pending"] == 0:
            return sink, committed, store
    raise AssertionError(f"{await store.counts()} still wait")


def compare(server: BotServer, sink: Watched, committed: list[Alert]) -> None:
    wanted = {a.id for a in committed if POLICY.route(a) is Route.ON}
    delivered = [id_ for ids in sink.delivered for id_ in ids]
    assert set(delivered) == wanted
    assert len(delivered) == len(wanted)
    shown = [
        (found[1], int(found[2] or 0) + 1)
        for _, text, _ in server.taken
        if (found := re.search(r"id (\w+)(?:, and (\d+) more)?$", text))
    ]
    assert len(shown) == len(server.taken)
    assert {(ids[0], len(ids)) for ids in sink.delivered} <= set(shown)
    # what the server has, it was given; more of it only where its answer was lost
    assert set(shown) <= {(ids[0], len(ids)) for ids in sink.tried}
    assert not server.broken
    for at in server.sent_at:
        assert sum(at - 60 < t <= at for t in server.sent_at) <= 20
    loud = [a.id for a in committed if a.severity is Severity.CRITICAL and a.id in wanted]
    assert loud


@pytest.mark.parametrize("count", [1, 20, 21, 5000])
async def test_a_burst_arrives_whole_and_under_the_rate(count: int) -> None:
    async with BotServer().serving() as server:
        sink, committed, store = await run(server, [count])
        compare(server, sink, committed)
        assert (server.refused, server.asked) == (0, len(server.taken))
        assert len(server.taken) <= 20
        assert dict(await store.counts()) == {"pending": 0, "dead": 0}


async def test_a_burst_arrives_whole_through_every_trouble() -> None:
    async with BotServer().serving() as server:
        server.troubles.extend(
            [
                busy(40), page(502), said(401, "Unauthorized"), HANG, CUT, LOSE, page(200),
                said(403, "Forbidden: bot was blocked by the user"), said(500, "Internal"),
                said(429, "Too Many Requests", retry_after=3), web.Response(status=302), LOSE,
            ]
        )  # fmt: skip
        sink, committed, store = await run(server, [5000, 300, 40])
        compare(server, sink, committed)
        assert not server.troubles
        assert dict(await store.counts()) == {"pending": 0, "dead": 0}
        times = Counter(text for _, text, _ in server.taken)
        # only the two whose receipts were lost came twice; they may have grown meanwhile
        assert sum(times.values()) - len(times) <= 2


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(20))
async def test_bursts_arrive_whole_through_troubles_in_any_order(seed: int) -> None:
    kinds = [
        lambda: busy(seed), lambda: page(502), lambda: said(401, "Unauthorized"), lambda: HANG,
        lambda: CUT, lambda: LOSE, lambda: page(200), lambda: said(500, "Internal"),
    ]  # fmt: skip
    async with BotServer().serving() as server:
        server.troubles.extend(kinds[(seed * 7 + n * (2 * seed + 1)) % 8]() for n in range(24))
        sink, committed, store = await run(server, [5000, 700, 40, 1, 900])
        compare(server, sink, committed)
        assert dict(await store.counts()) == {"pending": 0, "dead": 0}


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # Apprise asks
@pytest.mark.parametrize("name", ["webhook", "notify:json"])
async def test_a_burst_arrives_whole_at_a_server_in_trouble(name: str) -> None:
    clock, store = ManualClock(NOW), await opened()
    async with HookServer().serving() as hook:
        made: Sink = WebhookSink(
            url=Secret(hook.url), secret=Secret("fake-secret"), now=clock.now, leaks=Leaks([])
        )
        if name == "notify:json":
            url = Secret(f"{hook.url.replace('http:', 'json:')}/topic?rto=1&cto=1")
            made = AppriseSink(url=url, zone=UTC, leaks=Leaks([]))
        hook.answers.extend([page(502), HANG, page(500), page(429), page(503)])
        sink = Watched(made)
        relay = Relay(store, {name: sink}, clock, policies={name: POLICY}, timeout_s=Decimal(1))
        await relay.deliver_pending()
        committed = burst(5000)
        await store.commit(Changes(portfolio="treasury", alerts=committed))
        for _ in range(400):
            await relay.deliver_pending()
            clock.advance(Decimal(20))
    assert dict(await store.counts()) == {"pending": 0, "dead": 0}
    assert not hook.answers
    wanted = {a.id for a in committed if POLICY.route(a) is Route.ON}
    delivered = Counter(id_ for ids in sink.delivered for id_ in ids)
    assert delivered == dict.fromkeys(wanted, 1)
    assert len(hook.documents) == len(sink.delivered) < 200
    if name == "webhook":
        assert {i for d in hook.documents for i in d["ids"]} == wanted


async def test_a_chat_that_threw_the_bot_out_holds_up_neither_the_other_nor_the_webhook() -> None:
    clock, store = ManualClock(NOW), await opened()
    async with BotServer(chats=("1", "2")).serving() as server, HookServer().serving() as hook:
        sinks: dict[str, Sink] = {
            f"telegram:{chat}": TelegramSink(
                base_url=server.url, token=Secret(TOKEN), chat=chat, zone=UTC, leaks=Leaks([])
            )
            for chat in ("1", "2")
        }
        sinks["webhook"] = WebhookSink(
            url=Secret(hook.url),
            secret=Secret("secret-of-a-webhook"),
            now=clock.now,
            leaks=Leaks([]),
        )
        relay = Relay(store, sinks, clock)
        await relay.deliver_pending()
        server.chats = ("1",)
        made = burst(30)
        await store.commit(Changes(portfolio="treasury", alerts=made))
        for _ in range(40):
            await relay.deliver_pending()
            clock.advance(Decimal(20))
        assert [chat for chat, _, _ in server.taken] == ["1"] * 30
        assert Counter(i for d in hook.documents for i in d["ids"]) == dict.fromkeys(
            (a.id for a in made), 1
        )
        stand = {s.name: s for s in await store.sinks()}
        assert "check alerts.telegram.chats" in (stand["telegram:2"].last_error or "")
        assert stand["telegram:2"].dead == 0
        # the bot is let in again: what waited comes, and the other gets nothing twice
        server.chats = ("1", "2")
        clock.advance(Decimal(600))
        await relay.deliver_pending()
        assert Counter(chat for chat, _, _ in server.taken) == {"1": 30, "2": 30}
        assert dict(await store.counts()) == {"pending": 0, "dead": 0}
