"""From a config file to a running daemon in this process: wiring, database, start-up gate, signals, over HTTP."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
import structlog

from counterpoise.app.build import App, open_app
from counterpoise.app.clock import VenueClock, WallClock
from counterpoise.app.daemon import run_daemon
from counterpoise.app.diagnosis import Result
from counterpoise.app.doctor import examine
from counterpoise.app.gate import pass_gate
from counterpoise.app.preview import preview
from counterpoise.app.sinks import open_sinks
from counterpoise.app.storage import open_storage, open_storage_if_any
from counterpoise.app.waiting import WaitingRoom
from counterpoise.cli.waiting import say_waiting
from counterpoise.config import Settings, load
from counterpoise.domain.errors import (
    ConfigError,
    SafetyRefusal,
    VenueAuthError,
    VenueError,
    WrongSchema,
)
from counterpoise.domain.numbers import dec
from counterpoise.record.sql import connect
from counterpoise.record.sql.migrate import downgrade
from counterpoise.venue.sim import MarketKind, PlaceRequest, SimExchange, SimOrder
from counterpoise.venue.testnet.launch import Served, serving
from tests.scenario.world import World, make_world

CONFIG = """\
store: sqlite:///run.db
venues:
  main:
    exchange: binance
    environment: local
    url: {url}
    clock: venue
    api_key: {api_key}
    secret: {secret}
    poll: 15m
portfolios:
  book:
    venues: [main]
    quote: USDT
    sleeves:
      core:   {{weight: 80%, assets: {{BTC: 100%}}, band: 5pp}}
      buffer: {{weight: 20%, assets: {{USDT: 100%}}, band: 5pp}}
    strategies:
      - {{kind: hedge, id: half, asset: BTC, ratio: 50%}}
"""

Configure = Callable[..., Settings]
#: Sells that rest above a market which only falls stay where they are.
FALLING = [80_000 - 20 * n for n in range(100)]


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[dict[str, object]]]:
    """What is logged, kept instead of printed."""
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture
def world() -> World:
    return make_world(FALLING)


@pytest.fixture
async def served(world: World) -> AsyncIterator[Served]:
    async with serving(world.exchange) as made:
        yield made


@pytest.fixture
def configure(served: Served, tmp_path: Path) -> Configure:
    """Write a config for the served exchange, with textual changes, and load it."""

    def write(*changes: tuple[str, str]) -> Settings:
        content = CONFIG.format(url=served.url, api_key=served.api_key, secret=served.secret)
        for old, new in changes:
            assert old in content
            content = content.replace(old, new)
        path = tmp_path / "counterpoise.yaml"
        path.write_text(content, encoding="utf-8")
        return load(path)

    return write


def signal_at_placement(exchange: SimExchange, number: int, what: signal.Signals) -> None:
    """Have the exchange interrupt this process as it accepts its ``number``-th placement."""
    place, accepted = exchange.place, []

    def placing(api_key: str, request: PlaceRequest, **options: object) -> SimOrder:
        made = place(api_key, request, **options)  # type: ignore[arg-type]  # passed on as it came
        accepted.append(made)
        if len(accepted) == number:
            os.kill(os.getpid(), what)
        return made

    exchange.place = placing  # type: ignore[method-assign]  # the real one, and a signal


async def cancels_fail(served: Served, fault: dict[str, object] | None) -> None:
    """Let every cancel meet ``fault``; None: no longer."""
    url = f"{served.url}/_control/fault"
    async with aiohttp.ClientSession() as session:
        if fault is None:
            await session.delete(f"{url}/1")
            return
        async with session.post(url, json={"match": {"method": "DELETE"}, **fault}) as reply:
            assert reply.status == 200, await reply.text()


@pytest.fixture(autouse=True)
async def _give_signals_back() -> AsyncIterator[None]:
    yield
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)


def working(world: World) -> int:
    return len(world.exchange.orders(world.api_key, MarketKind.PERP, open_only=True))


# --- run


@pytest.mark.parametrize("what", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_in_the_middle_of_a_ladder_ends_the_run_cleanly(
    configure: Configure, world: World, what: signal.Signals, logged: list[dict[str, object]]
) -> None:
    settings = configure()
    signal_at_placement(world.exchange, 2, what)
    assert await run_daemon(settings, migrate=False, accept_config=None) == 0
    assert 2 <= len(world.events("place")) <= 3, "one more may have been on its way"
    assert working(world) == 0
    assert logged[-1]["event"] == "stopped"
    assert any("Stopped watching book" in str(line) for line in logged), "alerts go to the log"


@pytest.mark.parametrize(
    "fault",
    [
        {"when": "before", "kind": "html", "times": 1},
        {"when": "after", "kind": "html", "times": 2},
        {"when": "before", "kind": "code", "args": {"code": -1001}, "times": 3},
    ],
)
async def test_a_cancel_that_fails_at_a_stop_is_sent_again(
    configure: Configure, served: Served, world: World, fault: dict[str, object]
) -> None:
    settings = configure()
    await cancels_fail(served, fault)
    signal_at_placement(world.exchange, 2, signal.SIGTERM)
    assert await run_daemon(settings, migrate=False, accept_config=None) == 0
    assert working(world) == 0


async def test_a_stop_that_leaves_an_order_working_says_so_and_exits_1(
    configure: Configure, served: Served, world: World, logged: list[dict[str, object]]
) -> None:
    settings = configure()
    await cancels_fail(served, {"when": "before", "kind": "html", "times": 1_000})
    signal_at_placement(world.exchange, 2, signal.SIGTERM)
    assert await run_daemon(settings, migrate=False, accept_config=None) == 1
    left = working(world)
    assert left >= 2
    (told,) = (line for line in logged if line["event"] == "left_working")
    assert f"Stopped with {left} orders that may still work, watched by nobody: sell" in str(told)
    # and the next start takes care of them
    await cancels_fail(served, None)
    signal_at_placement(world.exchange, 3, signal.SIGTERM)
    assert await run_daemon(settings, migrate=False, accept_config=None) == 0
    assert working(world) == 0
    assert any("What was left at the stop is watched again" in str(line) for line in logged)


async def test_what_the_config_routes_off_is_not_logged_and_waits_for_nobody(
    configure: Configure, world: World, logged: list[dict[str, object]]
) -> None:
    quiet = "alerts: {log: {routing: {lifecycle: off}}}\nstore: "
    settings = configure(("store: ", quiet))
    signal_at_placement(world.exchange, 2, signal.SIGTERM)
    assert await run_daemon(settings, migrate=False, accept_config=None) == 0
    assert not [
        line for line in logged if "kind" in line and line["kind"] in {"started", "stopped"}
    ]
    record = connect(settings.store_url)
    await record.store.open()
    (log,) = await record.outbox.sinks()
    counts = await record.outbox.counts()
    await record.store.close()
    assert (log.name, log.pending, log.dead) == ("log", 0, 0)
    assert counts == {"pending": 0, "dead": 0}


async def test_a_second_run_goes_on_from_the_same_database(
    configure: Configure, world: World
) -> None:
    settings = configure()
    place = world.exchange.place
    signal_at_placement(world.exchange, 1, signal.SIGTERM)
    await run_daemon(settings, migrate=False, accept_config=None)
    world.exchange.place = place  # type: ignore[method-assign]  # as it was
    world.exchange.advance(dec(60))
    signal_at_placement(world.exchange, 3, signal.SIGTERM)
    await run_daemon(settings, migrate=False, accept_config=None)
    assert world.duplicates() == 0
    record = connect(settings.store_url)
    await record.store.open()
    told = [row.summary for row in await record.journal.last("book", 10)]
    known = await record.store.portfolio("book")
    await record.store.close()
    assert len(told) >= 2
    assert known is not None
    assert known.config_hash == settings.hashes["book"]


async def test_a_start_asks_nothing_before_a_pause_is_over_that_an_earlier_one_was_told_of(
    configure: Configure, world: World
) -> None:
    settings = configure()
    until = world.exchange.now + timedelta(minutes=30)
    async with AsyncExitStack() as stack:
        storage = await open_storage(settings, stack, migrate_to_head=True)
        await storage.store.keep_pauses("main", {"local/futures": until})
    with pytest.raises(VenueError, match="nothing is asked before"):
        await preview(settings)
    diagnosis = await examine(settings)
    (venue,) = (c for c in diagnosis.checks if c.name == "venue")
    assert (venue.result, "nothing is asked before" in venue.text) == (Result.FAIL, True)
    assert world.events("request") == []
    signal_at_placement(world.exchange, 1, signal.SIGTERM)
    await run_daemon(settings, migrate=False, accept_config=None)
    first, *_ = world.events("request")
    assert datetime.fromtimestamp(first["at"] / 1000, UTC) >= until


@pytest.mark.parametrize("command", ["plan", "doctor"])
async def test_a_command_that_waits_for_a_short_pause_says_so(
    command: str, configure: Configure, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = configure()
    until = world.exchange.now + timedelta(seconds=40)
    async with AsyncExitStack() as stack:
        storage = await open_storage(settings, stack, migrate_to_head=True)
        await storage.store.keep_pauses("main", {"local/futures": until})
    if command == "plan":
        await preview(settings, say_waiting)
    else:
        await examine(settings, waits=say_waiting)
    said = f"main (futures) asked for a pause until {until:%Y-%m-%d %H:%M:%S} UTC: waiting\n"
    assert capsys.readouterr().err == said
    assert until <= world.exchange.now < until + timedelta(seconds=10), "no longer than needed"


async def test_a_start_that_waits_long_is_told_while_it_waits_and_once(
    configure: Configure, world: World, logged: list[dict[str, object]]
) -> None:
    def waits() -> list[str]:
        return [str(line) for line in logged if line.get("kind") == "start_waits"]

    settings, place = configure(), world.exchange.place
    signal_at_placement(world.exchange, 1, signal.SIGTERM)
    await run_daemon(settings, migrate=False, accept_config=None)
    now, clock, sinks = world.exchange.now, WallClock(), open_sinks(settings)
    until = now + timedelta(minutes=30)
    async with AsyncExitStack() as stack:
        storage = await open_storage(settings, stack, migrate_to_head=True)
        await storage.store.keep_pauses("main", {"local/futures": until})
        room = await stack.enter_async_context(WaitingRoom(settings, storage, sinks))
        await room.tell("main", until, now)
        async with asyncio.timeout(10):
            while not waits():
                await clock.sleep(dec("0.01"))
    # killed while it waited; the next start waits on, and says only that it is over
    world.exchange.place = place  # type: ignore[method-assign]  # as it was
    signal_at_placement(world.exchange, 1, signal.SIGTERM)
    await run_daemon(settings, migrate=False, accept_config=None)
    raised, cleared = waits()
    assert "main asked for a pause. Until then nothing is asked, sent or watched" in raised
    assert "main may be asked again, and is watched" in cleared


async def test_a_first_start_that_waits_has_nobody_to_tell_it_of(
    configure: Configure, world: World, logged: list[dict[str, object]]
) -> None:
    settings = configure()
    async with AsyncExitStack() as stack:
        storage = await open_storage(settings, stack, migrate_to_head=True)
        until = world.exchange.now + timedelta(minutes=30)
        await storage.store.keep_pauses("main", {"local/futures": until})
    signal_at_placement(world.exchange, 1, signal.SIGTERM)
    assert await run_daemon(settings, migrate=False, accept_config=None) == 0
    assert not [line for line in logged if line.get("kind") == "start_waits"]
    assert [line for line in logged if line["event"] == "venue_wants_a_pause"]


async def test_a_wrong_key_ends_the_start_before_anything_is_sent(
    configure: Configure, served: Served, world: World
) -> None:
    settings = configure((served.api_key, served.api_key[::-1]))
    with pytest.raises(VenueAuthError):
        await run_daemon(settings, migrate=False, accept_config=None)
    assert not world.events("place")


async def test_an_asset_that_no_venue_lists_is_a_config_error(configure: Configure) -> None:
    settings = configure(
        ("{BTC: 100%}", "{BTC: 50%, DOGE: 50%}"),
    )
    with pytest.raises(ConfigError) as error:
        await run_daemon(settings, migrate=False, accept_config=None)
    assert error.value.problems == [
        (
            f"{settings.path}:16:48 portfolios.book.sleeves.core.assets.DOGE:"
            " expected an asset listed against USDT at main, was 'DOGE'"
        )
    ]


# --- wiring


async def test_a_local_venue_may_lend_its_clock(configure: Configure, world: World) -> None:
    async with AsyncExitStack() as stack:
        app = await open_app(configure(), stack)
        assert isinstance(app.clock, VenueClock)
        assert app.clock.now() == world.exchange.now
        assert set(app.venues) == {"main"}
        assert app.poll(("main",)) == timedelta(minutes=15)


async def test_without_a_lent_clock_time_is_the_walls(configure: Configure) -> None:
    async with AsyncExitStack() as stack:
        app = await open_app(configure(("    clock: venue\n", "")), stack)
        assert isinstance(app.clock, WallClock)


async def test_a_portfolio_polls_as_often_as_its_quickest_venue(configure: Configure) -> None:
    settings = configure()
    quick = replace(settings.venues["main"], id="side", poll=timedelta(seconds=30))
    settings = replace(settings, venues={**settings.venues, "side": quick})
    app = App(settings=settings, clock=WallClock(), venues={})
    assert app.poll(("main", "side")) == timedelta(seconds=30)
    assert app.poll(("main",)) == timedelta(minutes=15)


@pytest.mark.parametrize(
    "other",
    [{"venue_clock": False}, {"url": "http://127.0.0.1:9"}, {"url": None}],
    ids=["the wall beside it", "another market", "no market"],
)
async def test_two_clocks_are_one_too_many(configure: Configure, other: dict[str, object]) -> None:
    settings = configure()
    side = replace(settings.venues["main"], id="side", **other)  # type: ignore[arg-type]  # a table
    settings = replace(settings, venues={**settings.venues, "side": side})
    async with AsyncExitStack() as stack:
        with pytest.raises(ConfigError, match="expected one clock for all venues"):
            await open_app(settings, stack)


# --- the database


async def test_a_database_that_is_not_there_is_made(configure: Configure, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        storage = await open_storage(configure(), stack, migrate_to_head=False)
        assert await storage.store.portfolio("book") is None
        assert dict(await storage.outbox.counts()) == {"pending": 0, "dead": 0}
        assert await storage.journal.last("book", 1) == ()
    assert (tmp_path / "run.db").exists()


async def test_a_second_writer_is_refused_and_told_who_writes(configure: Configure) -> None:
    settings = configure()
    async with AsyncExitStack() as first, AsyncExitStack() as second:
        await open_storage(settings, first, migrate_to_head=False)
        with pytest.raises(SafetyRefusal, match=rf"process {os.getpid()}\) is running"):
            await open_storage(settings, second, migrate_to_head=False)
    async with AsyncExitStack() as later:
        await open_storage(settings, later, migrate_to_head=False)


async def test_an_older_schema_is_brought_up_only_when_asked(configure: Configure) -> None:
    settings = configure()
    async with AsyncExitStack() as stack:
        await open_storage(settings, stack, migrate_to_head=False)
    await asyncio.to_thread(downgrade, settings.store_url, "base")
    async with AsyncExitStack() as stack:
        with pytest.raises(WrongSchema):
            await open_storage(settings, stack, migrate_to_head=False)
    async with AsyncExitStack() as stack:
        storage = await open_storage(settings, stack, migrate_to_head=True)
        assert await storage.store.portfolio("book") is None


async def test_reading_beside_the_writer_creates_nothing(
    configure: Configure, tmp_path: Path, migrated: Path
) -> None:
    settings = configure()
    async with AsyncExitStack() as stack:
        assert await open_storage_if_any(settings, stack) is None
    assert not (tmp_path / "run.db").exists()
    shutil.copy(migrated, tmp_path / "run.db")
    async with AsyncExitStack() as writer, AsyncExitStack() as reader:
        await open_storage(settings, writer, migrate_to_head=False)
        store = await open_storage_if_any(settings, reader)
        assert store is not None
        assert await store.portfolio("book") is None


# --- preview


async def test_a_preview_writes_and_sends_nothing_and_shows_what_would_be_sent(
    configure: Configure, world: World, tmp_path: Path
) -> None:
    settings = configure()
    (document,) = await preview(settings)
    assert document["orders"]
    assert document["config_hash"] == settings.hashes["book"]
    assert document["config_changed"] is False
    assert not (tmp_path / "run.db").exists()
    assert not world.events("place")


async def test_a_preview_beside_a_database_goes_on_from_it(
    configure: Configure, world: World
) -> None:
    settings = configure()
    async with AsyncExitStack() as stack:
        storage = await open_storage(settings, stack, migrate_to_head=False)
        await pass_gate(await open_app(settings, stack), storage.store, None)
    changed = configure(("ratio: 50%", "ratio: 25%"))
    (document,) = await preview(changed)
    assert document["config_changed"] is True
    assert document["hedges"] == [{"strategy": "half", "asset": "BTC", "overlay": "-0.25"}]
    assert dec(str(document["equity"])) > 0
    assert not world.events("place")
