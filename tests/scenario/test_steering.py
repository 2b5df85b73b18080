"""An operator's words on a running portfolio; the exchange's own log says what they did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import (
    Approval,
    ApprovalState,
    Command,
    CommandKind,
    CommandState,
    TargetOverride,
)
from counterpoise.domain.order import Order, Unknown
from counterpoise.domain.policy import ExecutionPolicy, PortfolioPolicy
from counterpoise.domain.records import Changes, PortfolioRecord, TradingState
from counterpoise.domain.steering import override_args
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.venue.sim import MarketKind, OrderKind, PlaceRequest, Side, TimeInForce
from tests.scenario.test_main_job import DRIFT, HALF, FlakyVenue, policy_of
from tests.scenario.world import World, line, make_world

PAUSE, HALT, RESUME = CommandKind.PAUSE, CommandKind.HALT, CommandKind.RESUME
REDUCE_ONLY, FLATTEN = CommandKind.REDUCE_ONLY, CommandKind.FLATTEN
#: Resting orders stay for good: patience does not turn them into takers.
PATIENT = ExecutionPolicy(rungs=3, patience=timedelta(days=1))


async def say(
    world: World,
    kind: CommandKind,
    args: Mapping[str, str] | None = None,
    due_in: timedelta | None = None,
) -> Command:
    """Write the command as the command line would."""
    now = world.clock.now()
    command = Command(
        id=f"{kind.value}-{now.isoformat()}",
        portfolio="p",
        kind=kind,
        who="ada",
        origin="cli@desk",
        asked_at=now,
        args=args or {},
        due_at=now + due_in if due_in is not None else None,
    )
    await world.store.commit(Changes(portfolio="p", commands=(command,)))
    return command


async def record(world: World) -> PortfolioRecord:
    known = await world.store.portfolio("p")
    assert known is not None
    return known


async def answer(world: World, command: Command) -> Command:
    (found,) = (c for c in await world.store.commands("p", 99) if c.id == command.id)
    return found


def working(world: World) -> int:
    """The exchange's own word on open orders."""
    perps = world.exchange.orders(world.api_key, MarketKind.PERP, open_only=True)
    spots = world.exchange.orders(world.api_key, MarketKind.SPOT, open_only=True)
    return len(perps) + len(spots)


def placed(world: World) -> int:
    return len(world.events("place"))


def told(world: World) -> list[str]:
    return [a.text for r in world.reports for a in r.alerts if a.kind == "operator"]


def by_hand(world: World, side: Side, qty: str) -> None:
    world.exchange.place(
        world.api_key,
        PlaceRequest(
            kind=MarketKind.PERP,
            symbol="BTCUSDT",
            side=side,
            order_kind=OrderKind.MARKET,
            qty=dec(qty),
            price=None,
            time_in_force=TimeInForce.GTC,
            client_order_id=None,
        ),
    )


async def with_resting_orders(*, falling: bool = True) -> tuple[World, PortfolioPolicy]:
    """A hedge whose sells rest above a market that falls away from them."""
    world = make_world([80_000, *line(80_000, 76_000, 150)] if falling else [80_000] * 200)
    policy = policy_of(HALF, execution=PATIENT)
    await world.run(policy, hours=0.5)
    assert working(world) > 0
    return world, policy


# --- pause, halt, reduce-only, resume


async def test_pause_takes_working_orders_down_and_keeps_the_hedge() -> None:
    world, policy = await with_resting_orders()
    held = world.position()
    command = await say(world, PAUSE)
    await world.run(policy, hours=1)
    assert working(world) == 0
    after = placed(world)
    await world.run(policy, hours=2)
    assert placed(world) == after
    assert world.position() == held
    assert (await record(world)).trading_state is TradingState.CANCEL_ONLY
    done = await answer(world, command)
    assert (done.state, done.answer) == (CommandState.DONE, "trading state RUN -> CANCEL_ONLY")
    assert told(world) == ["ada (cli@desk): pause: trading state RUN -> CANCEL_ONLY"]
    assert world.last.state is TradingState.CANCEL_ONLY
    assert not [a for r in world.reports for a in r.alerts if a.kind == "refused"]


@pytest.mark.parametrize("part", ["judge", "align"])
@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (HALT, TradingState.HALT),
        (PAUSE, TradingState.CANCEL_ONLY),
        (FLATTEN, TradingState.REDUCE_ONLY),
    ],
)
async def test_a_word_is_heeded_by_a_look_that_breaks(
    kind: CommandKind,
    state: TradingState,
    part: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, policy = await with_resting_orders()
    before = working(world)
    command = await say(world, kind)

    def broken(*_: object) -> None:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patch:
        patch.setattr(f"counterpoise.app.cycle.{part}", broken)
        for _ in range(2):
            world.clock.advance(dec(60))
            with pytest.raises(RuntimeError, match="a bug"):
                await world.cycle(policy).run()
    known = await record(world)
    assert (known.trading_state, known.flattening) == (state, kind is FLATTEN)
    assert (await answer(world, command)).state is CommandState.DONE
    assert working(world) == (before if kind is HALT else 0)
    await world.store.enrol(["ear"], world.clock.now())
    said = [r for r in await world.store.pending("ear", 0, 99) if r.alert.kind == "operator"]
    assert len(said) == 1, "told once, however often the look breaks"


async def test_a_pause_over_a_broken_look_goes_on_once_it_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, policy = await with_resting_orders()
    await say(world, PAUSE)
    with monkeypatch.context() as patch:
        patch.setattr("counterpoise.app.cycle.judge", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await world.cycle(policy).run()
    held = world.position()
    await world.run(policy, hours=1)
    assert world.position() == held
    assert world.last.held == ()
    assert (working(world), world.duplicates()) == (0, 0)


async def test_resume_goes_on_where_pause_stopped() -> None:
    world, policy = await with_resting_orders()
    await say(world, PAUSE)
    await world.run(policy, hours=2)
    assert world.position() > dec("-0.5")
    await say(world, RESUME)
    await world.run(policy_of(HALF), hours=2)
    assert world.position() == dec("-0.5")
    assert world.duplicates() == 0


async def test_halt_sends_nothing_not_even_a_cancel() -> None:
    world, policy = await with_resting_orders()
    resting, sent, canceled = working(world), placed(world), len(world.events("cancel"))
    await say(world, HALT)
    await world.run(policy, hours=2)
    assert (working(world), placed(world)) == (resting, sent)
    assert len(world.events("cancel")) == canceled
    # from HALT a pause still takes them down
    await say(world, PAUSE)
    await world.run(policy, hours=1)
    assert working(world) == 0


async def test_reduce_only_takes_down_what_adds_and_opens_nothing() -> None:
    world, policy = await with_resting_orders()
    sent, held = placed(world), world.position()
    await say(world, REDUCE_ONLY)
    await world.run(policy, hours=2)
    assert (working(world), placed(world)) == (0, sent)
    assert world.position() == held


async def test_reduce_only_lets_a_short_shrink_that_is_larger_than_what_is_held() -> None:
    world = make_world([80_000] * 200)
    fixed = HedgePolicy(id="half", asset="BTC", qty=dec("0.5"))
    await world.run(policy_of(fixed, allow_net_short=True), hours=2)
    _sell_spot(world, "0.7")
    await say(world, REDUCE_ONLY)
    # 0.3 held against a short of 0.5: net short 0.2, and less of it is less exposure
    smaller = replace(fixed, qty=dec("0.3"))
    await world.run(policy_of(smaller, allow_net_short=True), hours=2)
    assert world.position() == dec("-0.3")
    # from here on closing leaves more exposed: that needs a person
    none = replace(fixed, qty=dec("0.1"))
    await world.run(policy_of(none, allow_net_short=True), hours=2)
    assert world.position() == dec("-0.3")
    refused = {r.reason.code for r in world.last.refused}
    assert refused == {"trading_state_net_exposure"}


async def test_pause_works_where_nothing_can_be_decided() -> None:
    world, policy = await with_resting_orders()

    class Deaf(FlakyVenue):
        async def account(self) -> object:
            from counterpoise.domain.errors import VenueError

            raise VenueError("time-out")

    world.venue = Deaf(world.venue, [])  # type: ignore[assignment]  # a Venue but for one read
    await say(world, PAUSE)
    for _ in range(3):
        report = await world.cycle(policy).run()
        world.clock.advance(dec(2))
    assert report.held
    assert working(world) == 0


async def test_words_count_in_the_order_they_were_said() -> None:
    world, policy = await with_resting_orders()
    await say(world, HALT)
    world.clock.advance(dec(1))
    await say(world, PAUSE)
    world.clock.advance(dec(1))
    await say(world, REDUCE_ONLY)
    await world.run(policy, hours=1)
    assert (await record(world)).trading_state is TradingState.REDUCE_ONLY
    assert [c.answer for c in await world.store.commands("p", 9)] == [
        "trading state CANCEL_ONLY -> REDUCE_ONLY",
        "trading state HALT -> CANCEL_ONLY",
        "trading state RUN -> HALT",
    ]


async def test_a_word_said_twice_is_said_to_be_so_already() -> None:
    world, policy = await with_resting_orders()
    await say(world, PAUSE)
    await world.run(policy, hours=1)
    again = await say(world, PAUSE)
    await world.run(policy, hours=1)
    assert (await answer(world, again)).answer == "already CANCEL_ONLY: nothing changed"


@pytest.mark.parametrize("hours", [0.25, 5])
async def test_a_word_with_a_time_waits_for_it(hours: float) -> None:
    world, policy = await with_resting_orders(falling=False)
    command = await say(world, PAUSE, due_in=timedelta(hours=3))
    await world.run(policy, hours=hours)
    due = hours > 3
    assert ((await record(world)).trading_state is TradingState.CANCEL_ONLY) is due
    assert (await answer(world, command)).state is (
        CommandState.DONE if due else CommandState.PENDING
    )


# --- strategies


async def test_a_released_hedge_is_closed_and_the_answer_says_so() -> None:
    world = make_world([80_000] * 200)
    await world.run(policy_of(HALF), hours=2)
    command = await say(world, CommandKind.RELEASE, {"strategy": "half"})
    await world.run(policy_of(HALF), hours=2)
    assert world.position() == 0
    done = await answer(world, command)
    assert done.state is CommandState.DONE
    assert done.answer in {d.reason.text for r in world.reports for d in r.decisions.decisions}
    start = await say(world, CommandKind.START, {"strategy": "half"})
    await world.run(policy_of(HALF), hours=2)
    assert world.position() == dec("-0.5")
    assert (await answer(world, start)).state is CommandState.DONE


async def test_a_word_to_a_strategy_waits_for_a_cycle_that_decides() -> None:
    world = make_world([80_000] * 200)
    await world.run(policy_of(HALF), hours=2)
    command = await say(world, CommandKind.RELEASE, {"strategy": "half"})

    class Deaf(FlakyVenue):
        async def account(self) -> object:
            from counterpoise.domain.errors import VenueError

            raise VenueError("time-out")

    hearing = world.venue
    world.venue = Deaf(hearing, [])  # type: ignore[assignment]  # a Venue but for one read
    assert (await world.cycle(policy_of(HALF)).run()).held
    assert (await answer(world, command)).state is CommandState.PENDING
    world.venue = hearing
    await world.run(policy_of(HALF), hours=2)
    assert (await answer(world, command)).state is CommandState.DONE
    assert world.position() == 0


async def test_a_word_to_nobody_is_refused_and_told() -> None:
    world = make_world([80_000] * 200)
    await world.run(policy_of(HALF), hours=1)
    nobody = await say(world, CommandKind.RELEASE, {"strategy": "haft"})
    coins = await say(world, CommandKind.CONVERT, {"strategy": "half"})
    await world.run(policy_of(HALF), hours=1)
    assert (await answer(world, nobody)).state is CommandState.REFUSED
    assert (await answer(world, coins)).answer == "a hedge has no coins to convert into"
    assert (
        "ada (cli@desk): release haft refused: there is no strategy haft in the config that runs"
        in told(world)
    )


# --- flatten


@pytest.mark.parametrize("before", [None, REDUCE_ONLY, PAUSE])
async def test_flatten_closes_our_futures_and_leaves_a_foreign_position(
    before: CommandKind | None,
) -> None:
    world = make_world([80_000] * 400)
    by_hand(world, Side.SELL, "0.2")
    policy = policy_of(HALF, DRIFT, existing={"sim": "keep"})
    await world.run(policy, hours=3)
    assert world.position() == dec("-0.7")
    if before is not None:
        await say(world, before)
        await world.run(policy, hours=1)
    since = world.exchange.log.after(0)[-1]["seq"]
    command = await say(world, FLATTEN)
    await world.run(policy, hours=3)
    assert world.position() == dec("-0.2"), "what others hold stays"
    known = await record(world)
    assert (known.trading_state, known.flattening) == (TradingState.CANCEL_ONLY, False)
    assert (await answer(world, command)).answer == "closing own futures, then CANCEL_ONLY"
    assert working(world) == 0
    sent = [e for e in world.events("place") if int(str(e["seq"])) > int(str(since))]
    assert sent
    assert all(e["reduce_only"] for e in sent)
    assert "Own futures are closed and no order of ours works" in told(world)[-1]
    # nothing opens before a person says so
    orders = placed(world)
    await world.run(policy, hours=2)
    assert placed(world) == orders
    await say(world, RESUME)
    await world.run(policy, hours=3)
    assert world.position() == dec("-0.7"), "a standing hedge opens again"


async def test_flatten_takes_openings_down_first() -> None:
    world, policy = await with_resting_orders()
    await say(world, FLATTEN)
    await world.run(replace(policy, execution=ExecutionPolicy(rungs=3)), hours=2)
    assert (world.position(), working(world)) == (0, 0)
    assert (await record(world)).trading_state is TradingState.CANCEL_ONLY


async def test_flatten_with_nothing_on_is_over_at_once() -> None:
    world = make_world([80_000] * 100)
    await world.run(policy_of(), hours=1)
    await say(world, FLATTEN)
    await world.run(policy_of(), hours=1)
    known = await record(world)
    assert (known.trading_state, known.flattening) == (TradingState.CANCEL_ONLY, False)


async def test_flatten_in_halt_is_refused() -> None:
    world = make_world([80_000] * 100)
    await world.run(policy_of(HALF), hours=2)
    await say(world, HALT)
    world.clock.advance(dec(1))
    command = await say(world, FLATTEN)
    await world.run(policy_of(HALF), hours=2)
    done = await answer(world, command)
    assert (done.state, done.answer) == (
        CommandState.REFUSED,
        "HALT sends nothing: resume or pause first",
    )
    assert world.position() == dec("-0.5")
    assert (await record(world)).trading_state is TradingState.HALT


async def test_a_pause_ends_flattening() -> None:
    world = make_world([80_000, *line(80_000, 84_000, 150)])
    await world.run(policy_of(HALF), hours=2)
    held = world.position()
    await say(world, FLATTEN)
    await world.run(policy_of(HALF, execution=PATIENT), hours=0.25)
    assert (await record(world)).flattening
    await say(world, PAUSE)
    await world.run(policy_of(HALF), hours=2)
    known = await record(world)
    assert (known.trading_state, known.flattening) == (TradingState.CANCEL_ONLY, False)
    assert working(world) == 0
    assert held <= world.position() < 0


async def test_what_others_hold_on_the_other_side_cannot_be_closed_against() -> None:
    world = make_world([80_000] * 300)
    by_hand(world, Side.BUY, "1")
    policy = policy_of(HALF, existing={"sim": "keep"})
    await world.run(policy, hours=3)
    assert world.position() == dec("0.5")
    await say(world, FLATTEN)
    await world.run(policy, hours=3)
    # buying our 0.5 back would add to a long of 0.5 that is not ours
    assert world.position() == dec("0.5")
    assert (await record(world)).flattening
    assert {r.reason.code for r in world.last.refused} == {"flattening_foreign"}
    raised = [a for r in world.reports for a in r.alerts if a.kind == "refused"]
    assert len(raised) == 1


async def test_flatten_goes_on_after_a_crash_with_a_lost_answer() -> None:
    world = make_world([80_000] * 300)
    await world.run(policy_of(HALF), hours=2)
    await say(world, FLATTEN)

    class Dying(FlakyVenue):
        async def place(self, order: Order) -> Unknown:  # type: ignore[override]  # it never answers
            await self._inner.place(order)  # type: ignore[attr-defined]  # any Venue
            raise ConnectionError("the process died here")

    hearing = world.venue
    world.venue = Dying(hearing, [])  # type: ignore[assignment]  # a Venue by __getattr__
    with pytest.raises(ConnectionError):
        await world.run(policy_of(HALF), hours=1)
    world.venue = hearing
    await world.run(policy_of(HALF), hours=3)
    assert world.position() == 0
    assert world.duplicates() == 0
    assert (await record(world)).trading_state is TradingState.CANCEL_ONLY


# --- other weights for a while


async def test_an_override_holds_until_its_end_and_then_the_config_again() -> None:
    world = make_world([80_000] * 600)
    policy = policy_of(DRIFT)
    await world.run(policy, hours=3)
    start = world.position()
    until = world.clock.now() + timedelta(hours=6)
    override = TargetOverride(weights={"core": dec("0.5"), "buffer": dec("0.5")}, until_at=until)
    command = await say(world, CommandKind.TARGET, override_args(override))
    await world.run(policy, hours=4)
    assert (await record(world)).override == override
    assert (await answer(world, command)).answer == (
        f"until {until:%Y-%m-%d %H:%M:%S}Z sleeves weigh core 50 %, buffer 50 %"
    )
    assert _weight(world) == pytest.approx(0.5, abs=0.01)
    await world.run(policy, hours=6)
    assert (await record(world)).override is None
    assert _weight(world) == pytest.approx(0.8, abs=0.051)
    assert world.position() > start - dec("0.2")
    assert "the config's weights hold again" in told(world)[-1]


@pytest.mark.parametrize(
    ("weights", "hours", "why"),
    [
        ({"core": dec("0.5"), "rest": dec("0.5")}, 1, "expected weights of buffer, core"),
        ({"core": dec("0.5"), "buffer": dec("0.6")}, 1, "add up to 100 %"),
        ({"core": dec("0.5"), "buffer": dec("0.5")}, -1, "which is over"),
    ],
)
async def test_an_override_that_does_not_fit_is_refused(
    weights: dict[str, Decimal], hours: int, why: str
) -> None:
    world = make_world([80_000] * 100)
    await world.run(policy_of(DRIFT), hours=1)
    until = world.clock.now() + timedelta(hours=hours)
    args = override_args(TargetOverride(weights=weights, until_at=until))
    command = await say(world, CommandKind.TARGET, args)
    await world.run(policy_of(DRIFT), hours=1)
    done = await answer(world, command)
    assert done.state is CommandState.REFUSED
    assert why in done.answer
    assert (await record(world)).override is None


def _weight(world: World) -> float:
    view = world.last.view
    return float(view.assets["BTC"].effective_weight)  # type: ignore[union-attr]  # a healthy look


def _sell_spot(world: World, qty: str) -> None:
    world.exchange.place(
        world.api_key,
        PlaceRequest(
            kind=MarketKind.SPOT,
            symbol="BTCUSDT",
            side=Side.SELL,
            order_kind=OrderKind.MARKET,
            qty=dec(qty),
            price=None,
            time_in_force=TimeInForce.GTC,
            client_order_id=None,
        ),
    )


# --- requests


async def test_a_request_caps_until_it_is_approved() -> None:
    world = make_world([80_000] * 400)
    await world.run(policy_of(HALF), hours=2)
    now = world.clock.now()
    request = Approval(
        id="a1", portfolio="p", strategy="half", asset="BTC", cap=dec("-0.5"), wanted=dec("-0.9"),
        why="0.8 BTC came in at sim", asked_at=now, deadline_at=now + timedelta(hours=8),
    )  # fmt: skip
    await world.store.commit(Changes(portfolio="p", approvals=(request,)))
    more = policy_of(replace(HALF, ratio=dec("0.9")))
    await world.run(more, hours=2)
    assert world.position() == dec("-0.5")
    denied = await say(world, CommandKind.DENY, {"approval": "a1"})
    await world.run(more, hours=2)
    assert world.position() == dec("-0.5")
    assert (await answer(world, denied)).state is CommandState.DONE
    # a person may change their mind: starting the strategy lifts what was denied
    await say(world, CommandKind.START, {"strategy": "half"})
    await world.run(more, hours=2)
    assert world.position() == dec("-0.9")
    (known,) = await world.store.approvals("p", 9)
    assert known.state is ApprovalState.MOOT


async def test_an_approved_request_moves_and_one_without_an_answer_is_told_once() -> None:
    world = make_world([80_000] * 400)
    await world.run(policy_of(HALF), hours=2)
    now = world.clock.now()
    request = Approval(
        id="a1", portfolio="p", strategy="half", asset="BTC", cap=dec("-0.5"), wanted=dec("-0.9"),
        why="0.8 BTC came in at sim", asked_at=now, deadline_at=now + timedelta(hours=1),
    )  # fmt: skip
    await world.store.commit(Changes(portfolio="p", approvals=(request,)))
    more = policy_of(replace(HALF, ratio=dec("0.9")))
    await world.run(more, hours=3)
    assert world.position() == dec("-0.5")
    (late,) = [a for r in world.reports for a in r.alerts if a.kind == "approval"]
    assert "Nobody answered request a1" in late.text
    another = replace(request, id="a2", deadline_at=world.clock.now() + timedelta(hours=9))
    gone = replace(request, state=ApprovalState.MOOT)
    await world.store.commit(Changes(portfolio="p", approvals=(gone, another)))
    await say(world, CommandKind.APPROVE, {"approval": "a2"})
    await world.run(more, hours=2)
    assert world.position() == dec("-0.9")
