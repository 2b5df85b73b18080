"""The daemon whole but for the wire: simulated exchange, real database, a clock moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import structlog

from counterpoise.app.clock import ManualClock, WallClock
from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.gate import pass_gate
from counterpoise.app.troubles import key_refused
from counterpoise.domain.errors import SafetyRefusal, StoreError, VenueAuthError, VenueError
from counterpoise.domain.events import Severity
from counterpoise.domain.instrument import Instrument
from counterpoise.domain.message import Message
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import OrderState
from counterpoise.domain.policy import ExecutionPolicy, LimitsPolicy
from counterpoise.domain.records import OutboxRow
from counterpoise.domain.snapshot import Account
from counterpoise.record.sql.outbox import SqlOutbox
from counterpoise.venue.sim import MarketKind, Wallet
from counterpoise.venue.sim.model import KeyRights
from tests.scenario.world import EVERY, START, World, make_world
from tests.unit.app.desk import DaemonDesk, MoodyVenue, NewDesk, make_policy

S = OrderState
#: Falls without a pause, so that sells resting above the market stay there.
FALLING = [dec(80_000) - 20 * n for n in range(300)]


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[dict[str, object]]]:
    """What the daemon logs, kept instead of printed."""
    with structlog.testing.capture_logs() as lines:
        yield lines


def stop_once_working(desk: DaemonDesk, report: CycleReport) -> None:
    """Stop the daemon when it has orders resting at the exchange."""
    if desk.working():
        desk.daemon.stop()


def another_account(world: World, btc: str, collateral: str) -> MoodyVenue:
    """A second account at the same exchange."""
    keys = world.exchange.open_account(
        {(Wallet.SPOT, "BTC"): dec(btc), (Wallet.FUTURES, "USDT"): dec(collateral)}
    )
    venue = MoodyVenue(world, "side")
    venue._api_key = keys.api_key
    return venue


# --- running


async def test_a_day_brings_the_position_to_its_target_and_tells_it(new_desk: NewDesk) -> None:
    desk = await new_desk()
    await desk.run(hours=3)
    assert desk.world.position() == dec("-0.5")
    assert desk.world.duplicates() == 0
    assert desk.ear.kinds[0] == "started"
    assert desk.ear.kinds[-1] == "stopped"
    assert "hedge_opened" in desk.ear.kinds
    assert await desk.outbox.pending("ear", 0, 10) == ()


async def test_it_looks_at_the_regular_instants_of_its_venue(new_desk: NewDesk) -> None:
    desk = await new_desk()
    await desk.run(hours=3)
    looks = {r.as_of for r in desk.reports}
    regular = {START + EVERY * n for n in range(13)}
    assert regular <= looks
    assert min(looks) == START
    assert max(looks) == START + timedelta(hours=3), "not a look after until"


async def test_each_portfolio_is_looked_at_when_it_is_due(new_desk: NewDesk) -> None:
    world = make_world([80_000] * 300)
    side = another_account(world, "2", "40000")
    desk = await new_desk(make_policy(), make_policy("q", "side"), world=world, more={"side": side})
    await desk.run(hours=3)
    assert {r.portfolio for r in desk.reports} == {"p", "q"}
    instants = [r.as_of for r in desk.reports]
    assert instants == sorted(instants), "one after the other, whoever is due"
    for portfolio in ("p", "q"):
        mine = [r.as_of for r in desk.reports if r.portfolio == portfolio]
        assert len(mine) == len(set(mine))
    other = world.exchange.account(side._api_key).positions
    assert [p.qty for p in other] == [dec(-1)]
    assert world.position() == dec("-0.5")
    assert len(desk.ear.of("stopped")) == 2


async def test_the_same_refusal_is_logged_once(
    new_desk: NewDesk, logged: list[dict[str, object]]
) -> None:
    policy = make_policy(limits=LimitsPolicy(max_position_notional=dec(1)))
    desk = await new_desk(policy)
    await desk.run(hours=1)
    looks = [r for r in desk.reports if r.refused]
    assert len(looks) > 3
    said = [x for x in logged if x["event"] == "cycle" and "refused" in str(x["summary"])]
    assert [x["log_level"] for x in said] == ["info"] + ["debug"] * (len(looks) - 1)


async def test_a_start_says_how_the_run_before_it_ended(new_desk: NewDesk) -> None:
    """A run that stopped, then one that is gone without a word: nobody ran its stop."""
    desk = await new_desk()
    await desk.run(hours=1)
    assert desk.ear.of("stopped")[0].text.startswith("Stopped watching p after 1h; ")
    for pause in (7200, 60):
        await desk.world.clock.sleep(dec(pause))
        await pass_gate(desk.daemon._app, desk.store, None)
    again, crashed = (row.alert for row in await desk.outbox.pending("ear", 0, 10))
    assert (again.kind, again.severity) == ("started", Severity.INFO)
    assert again.text.endswith("(2h)")
    assert (crashed.kind, crashed.severity) == ("recovered", Severity.WARNING)
    assert crashed.text.endswith("nobody has looked since 2026-01-05 03:00:00Z (1m)")
    assert set(crashed.data) == {"host", "pid"}


# --- stopping


async def test_a_stop_takes_own_working_orders_down_and_tells(new_desk: NewDesk) -> None:
    world = make_world(FALLING)
    desk = await new_desk(world=world, on_cycle=stop_once_working)
    await desk.run(hours=3)
    assert desk.working() == 0
    states = await desk.states()
    assert set(states) == {S.CANCELED}
    (told,) = desk.ear.of("stopped")
    assert f"{len(states)} of {len(states)} working orders were taken down" in told.text
    assert "no hedge is on" in told.text
    assert told.severity is Severity.INFO
    assert len(desk.reports) == 1, "no look after the stop"


async def test_a_stop_may_leave_orders_working(new_desk: NewDesk) -> None:
    policy = make_policy(execution=ExecutionPolicy(rungs=3, cancel_on_stop=False))
    desk = await new_desk(policy, world=make_world(FALLING), on_cycle=stop_once_working)
    await desk.run(hours=3)
    assert desk.working() == 3
    assert set(await desk.states()) == {S.OPEN}
    assert "3 orders keep working, as the config says" in desk.ear.of("stopped")[0].text


async def test_a_stop_without_orders_says_so(new_desk: NewDesk) -> None:
    desk = await new_desk()
    desk.daemon.stop()
    await desk.run()
    assert desk.reports == []
    assert "no order was working" in desk.ear.of("stopped")[0].text


async def test_a_stop_in_the_middle_of_a_ladder_sends_no_further_rung(new_desk: NewDesk) -> None:
    desk = await new_desk(world=make_world(FALLING))
    desk.venue.on_place = desk.daemon.stop
    await desk.run(hours=3)
    # three went in the request that was on its way
    assert len(desk.world.events("place")) == 3
    assert desk.working() == 0
    assert (await desk.states()).count(S.REJECTED) == len(desk.reports[0].approved) - 3 > 0


async def test_orders_without_a_proven_outcome_are_left_for_the_next_start(
    new_desk: NewDesk,
) -> None:
    desk = await new_desk(world=make_world(FALLING), on_cycle=stop_once_working)
    desk.venue.deaf = {"place", "cancel", "order"}
    await desk.run(hours=3)
    assert S.UNKNOWN in await desk.states()
    (told,) = desk.ear.of("stopped")
    assert "0 of 3 working orders were taken down; 3 may still work" in told.text
    assert "looked up at the next start" in told.text


async def test_orders_without_a_proven_outcome_are_taken_down_at_a_stop(new_desk: NewDesk) -> None:
    desk = await new_desk(world=make_world(FALLING), on_cycle=stop_once_working)
    desk.venue.deaf = {"place"}
    await desk.run(hours=3)
    assert S.UNKNOWN not in await desk.states()
    (told,) = desk.ear.of("stopped")
    assert "3 of 3 working orders were taken down" in told.text


async def test_a_cancel_without_an_answer_is_not_told_as_done(new_desk: NewDesk) -> None:
    desk = await new_desk(world=make_world(FALLING), on_cycle=stop_once_working)
    desk.venue.deaf = {"cancel", "order"}
    await desk.run(hours=3)
    states = await desk.states()
    assert len(desk.daemon.left) == len(states)
    assert set(states) == {S.OPEN}, "as they were: the next start looks them up"
    (told,) = desk.ear.of("stopped")
    assert f"0 of {len(states)} working orders were taken down" in told.text
    assert f"{len(states)} may still work" in told.text


class StuckClock(ManualClock):
    """Its sleep never ends by itself."""

    def __init__(self, start: datetime) -> None:
        super().__init__(start)
        self.asleep = asyncio.Event()

    async def sleep(self, seconds: Decimal) -> None:
        self.asleep.set()
        await asyncio.Event().wait()


async def test_a_stop_wakes_a_sleeping_daemon(new_desk: NewDesk) -> None:
    clock = StuckClock(START)
    desk = await new_desk(clock=clock)
    running = asyncio.create_task(desk.daemon.run())
    await clock.asleep.wait()
    desk.daemon.stop()
    await running
    assert len(desk.reports) == 1
    assert desk.ear.kinds[-1] == "stopped"


# --- failures


async def test_a_key_that_is_not_accepted_is_told_once_and_asked_rarely(new_desk: NewDesk) -> None:
    desk = await new_desk()
    looks = desk.venue.looks
    desk.venue.moods = [VenueAuthError("API-key invalid")] * 5
    await desk.run(hours=0.25)
    told = desk.ear.of("key")
    assert [(a.cleared, a.severity) for a in told] == [
        (False, Severity.CRITICAL),
        (True, Severity.INFO),
    ]
    assert "API-key invalid" in told[0].text
    assert told[1].at - told[0].at == timedelta(minutes=5), "a minute between looks"
    assert desk.venue.looks - looks > 5, "and it goes on"
    assert desk.reports[0].as_of == START + timedelta(minutes=5)


def test_of_several_venues_none_is_watched_and_that_is_said() -> None:
    assert key_refused("main does not accept the key", ("main",)) == "main does not accept the key"
    told = key_refused("main does not accept the key", ("main", "side"))
    assert told.startswith("main does not accept the key. The portfolio is not looked at")
    assert "at none of main, side is anything sent, and no margin is watched" in told


async def test_a_key_that_stays_refused_is_asked_once_a_minute(new_desk: NewDesk) -> None:
    desk = await new_desk()
    looks = desk.venue.looks
    desk.venue.moods = [VenueAuthError("API-key invalid")] * 100
    await desk.run(hours=0.5)
    assert desk.venue.looks - looks == 31
    assert desk.ear.kinds == ["started", "key", "stopped"]
    assert not desk.world.events("place")


async def test_a_key_and_a_database_that_fail_together_do_not_end_it(new_desk: NewDesk) -> None:
    desk = await new_desk()

    class Spiteful(VenueAuthError):
        """Breaks the database as it is told."""

        def __str__(self) -> str:
            desk.store.broken = True
            return "API-key invalid"

    desk.venue.moods = [Spiteful("x")]
    desk.world.clock._on_advance = lambda _: setattr(desk.store, "broken", False)
    await desk.run(hours=0.25)
    assert desk.reports, "it looked again"


async def test_a_database_that_fails_sends_nothing_and_is_tried_again(new_desk: NewDesk) -> None:
    desk = await new_desk()
    desk.store.broken = True
    failures: list[int] = []

    def heal_after_a_while(seconds: Decimal) -> None:
        desk.world.exchange.advance(seconds)
        failures.append(len(desk.world.events("place")))
        desk.store.broken = len(failures) < 3

    desk.world.clock._on_advance = heal_after_a_while
    await desk.run(hours=3)
    assert failures[:3] == [0, 0, 0]
    assert desk.reports[0].as_of == START + timedelta(seconds=15), "every five seconds"
    assert desk.world.position() == dec("-0.5")


async def test_a_database_that_fails_at_the_stop_is_an_error_and_leaves_no_task(
    new_desk: NewDesk,
) -> None:
    desk = await new_desk()
    desk.store.broken = True
    before = asyncio.all_tasks()
    with pytest.raises(StoreError, match="disk I/O error"):
        await desk.run(hours=0)
    assert asyncio.all_tasks() == before


async def test_one_portfolio_that_cannot_be_left_does_not_keep_the_other(new_desk: NewDesk) -> None:
    world = make_world(FALLING)
    side = another_account(world, "2", "40000")
    desk = await new_desk(
        make_policy("q", "side"),
        make_policy(),
        world=world,
        more={"side": side},
        on_cycle=stop_once_working,
    )

    def fail_from_now_on() -> None:
        desk.store.broken, desk.store.only = True, "q"

    desk.venue.on_place = fail_from_now_on
    with pytest.raises(StoreError, match="disk I/O error"):
        await desk.run(hours=1)
    assert [a.portfolio for a in desk.ear.of("stopped")] == ["p"]
    assert desk.working() == 0


async def test_a_look_that_does_not_end_is_cut_short_by_a_stop(
    new_desk: NewDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("counterpoise.app.daemon.FINISH_S", 0)
    desk = await new_desk(world=make_world(FALLING), on_cycle=stop_once_working)

    async def never() -> object:
        desk.daemon.stop()
        return await asyncio.Event().wait()

    monkeypatch.setattr(desk.venue, "account", never)
    before = asyncio.all_tasks()
    await desk.run(hours=1)
    assert desk.reports == []
    assert len(desk.ear.of("stopped")) == 1
    assert asyncio.all_tasks() == before


async def test_a_bug_in_a_look_is_told_and_the_daemon_goes_on(
    new_desk: NewDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await new_desk()
    looks: list[int] = []
    shown = desk.venue.account

    async def once_broken() -> object:
        looks.append(1)
        if len(looks) == 1:
            raise RuntimeError("a bug")
        return await shown()

    monkeypatch.setattr(desk.venue, "account", once_broken)
    await desk.run(hours=1)
    told = desk.ear.of("look")
    assert [(a.cleared, a.severity) for a in told] == [
        (False, Severity.CRITICAL),
        (True, Severity.INFO),
    ]
    assert "RuntimeError: a bug" in told[0].text
    assert desk.world.position() == dec("-0.5")


async def test_a_look_that_takes_too_long_is_told_while_it_does(
    new_desk: NewDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("counterpoise.app.pace.LATE", timedelta(milliseconds=400))
    monkeypatch.setattr("counterpoise.app.pace.LATE_LOOKS", 0)
    desk = await new_desk()
    shown = desk.venue.account
    waits: list[int] = []

    async def once_slow() -> object:
        waits.append(1)
        while len(waits) == 1 and not (await desk.store.load("p", desk.world.clock.now())).raised:
            await WallClock().sleep(dec("0.01"))
        return await shown()

    monkeypatch.setattr(desk.venue, "account", once_slow)
    await desk.run(hours=1)
    told = desk.ear.of("look")
    assert [(a.cleared, a.severity) for a in told[:2]] == [
        (False, Severity.CRITICAL),
        (True, Severity.INFO),
    ]
    assert "A look has not come to its end for 0 s" in told[0].text
    assert desk.world.position() == dec("-0.5")


async def test_a_stop_that_takes_too_long_is_cut_short_and_logged(
    new_desk: NewDesk, monkeypatch: pytest.MonkeyPatch, logged: list[dict[str, object]]
) -> None:
    monkeypatch.setattr("counterpoise.app.daemon.LEAVE_S", 0)
    desk = await new_desk()
    before = asyncio.all_tasks()
    await desk.run(hours=0)
    assert [line["event"] for line in logged if line["log_level"] == "critical"] == [
        "stop_cut_short"
    ]
    assert desk.ear.of("stopped") == []
    assert asyncio.all_tasks() == before


async def test_a_sink_that_hangs_holds_up_neither_trading_nor_a_stop(
    new_desk: NewDesk, monkeypatch: pytest.MonkeyPatch, logged: list[dict[str, object]]
) -> None:
    monkeypatch.setattr("counterpoise.app.daemon.TELL_S", 0)
    desk = await new_desk()

    async def hang(message: Message) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(desk.ear, "deliver", hang)
    before = asyncio.all_tasks()
    await desk.run(hours=3)
    assert desk.world.position() == dec("-0.5")
    assert not desk.daemon.cut_short
    assert any(line["event"] == "alerts_left" for line in logged)
    assert asyncio.all_tasks() == before
    # nothing is lost by it
    told = [row.alert.kind for row in await desk.outbox.pending("ear", 0, 99)]
    assert (told[0], told[-1]) == ("started", "stopped")


class WordlessVenue(MoodyVenue):
    """Forgets for one look what can be traded."""

    silent = False

    def instruments(self) -> Mapping[str, Instrument]:
        if self.silent:
            self.silent = False
            raise VenueError("markets are not loaded")
        return super().instruments()


async def test_a_look_that_fails_as_a_whole_is_tried_again_soon(new_desk: NewDesk) -> None:
    world = make_world([80_000] * 300)
    venue = WordlessVenue(world)
    desk = await new_desk(world=world, venue=venue)
    venue.silent = True
    await desk.run(hours=1)
    assert desk.reports[0].as_of == START + timedelta(seconds=5)


class BrokenClock(ManualClock):
    """Cannot sleep: its testnet is gone."""

    async def sleep(self, seconds: Decimal) -> None:
        raise VenueError("the local testnet does not answer")


async def test_a_clock_that_fails_ends_the_run_after_a_clean_stop(new_desk: NewDesk) -> None:
    world = make_world(FALLING)
    desk = await new_desk(world=world, clock=BrokenClock(START))
    with pytest.raises(VenueError, match="does not answer"):
        await desk.run(hours=3)
    assert desk.working() == 0
    assert desk.ear.kinds[-1] == "stopped"


class LockedOutbox(SqlOutbox):
    """Cannot be read the first time."""

    reads = 0

    async def pending(self, sink: str, after: int, limit: int) -> tuple[OutboxRow, ...]:
        self.reads += 1
        if self.reads == 1:
            raise StoreError("database is locked")
        return await super().pending(sink, after, limit)


async def test_an_outbox_that_fails_once_loses_nothing(new_desk: NewDesk) -> None:
    desk = await new_desk()
    locked = LockedOutbox(desk.outbox._database)
    (lane,) = desk.daemon._relay._lanes
    lane.outbox = locked
    await desk.run(hours=3)
    assert locked.reads > 1
    assert desk.ear.kinds[0] == "started"
    assert desk.ear.kinds[-1] == "stopped"


# --- keys


async def test_a_key_that_can_withdraw_does_not_pass_the_gate(new_desk: NewDesk) -> None:
    world = make_world([80_000] * 300)
    world.exchange.set_rights(world.api_key, KeyRights(withdraw=True))
    with pytest.raises(SafetyRefusal, match="cannot withdraw"):
        await new_desk(world=world)
    assert world.exchange.orders(world.api_key, MarketKind.PERP, open_only=False) == []


async def test_a_key_that_ends_soon_is_told_of_at_the_start(new_desk: NewDesk) -> None:
    world = make_world([80_000] * 300)
    ends = START + timedelta(days=3)
    world.exchange.set_rights(world.api_key, KeyRights(expires_at=ends))
    desk = await new_desk(world=world)
    await desk.run(hours=0.5)
    (told,) = desk.ear.of("key")
    assert "ends in 3 days" in told.text


# --- looks that are late


@pytest.mark.parametrize("pause", [False, True])
async def test_looks_that_are_late_in_a_row_are_told_once_and_over_when_one_is_in_time(
    new_desk: NewDesk, monkeypatch: pytest.MonkeyPatch, pause: bool
) -> None:
    monkeypatch.setattr("counterpoise.app.pace.LATE", timedelta(milliseconds=400))
    monkeypatch.setattr("counterpoise.app.pace.LATE_LOOKS", 0)
    desk = await new_desk()
    if pause:
        until = datetime(2099, 1, 1, tzinfo=UTC)
        here = desk.daemon._app.settings.venues["sim"].environment
        await desk.store.keep_pauses("sim", {f"{here}/futures": until})
    answer = MoodyVenue.account

    async def slow(venue: MoodyVenue) -> Account:
        if len(desk.reports) in {1, 2, 3}:
            await WallClock().sleep(dec(1))
        return await answer(venue)

    monkeypatch.setattr(MoodyVenue, "account", slow)
    await desk.run(hours=3)
    assert len(desk.reports) > 6
    told = [a for a in desk.ear.heard if a.key == "look:late"]
    assert [a.severity for a in told] == [Severity.CRITICAL, Severity.INFO]
    why = "sim (futures) asked for a pause until Thu 1 Jan 2099 00:00 UTC" if pause else "slowly"
    assert (why in told[0].text, "asked for a pause" in told[0].text) == (True, pause)
