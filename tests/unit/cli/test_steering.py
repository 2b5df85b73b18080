"""pause, halt, reduce-only, resume, flatten, strategy, target, approve, deny: rows written, and what is told."""

from __future__ import annotations

import asyncio
import getpass
import platform
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from counterpoise.app.clock import WallClock
from counterpoise.app.operator import heeded
from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import (
    Approval,
    ApprovalState,
    Command,
    CommandKind,
    CommandState,
)
from counterpoise.domain.records import (
    Changes,
    JournalRow,
    PositionRecord,
    StrategyRecord,
    TradingState,
)
from counterpoise.domain.strategy import (
    DriftPolicy,
    HedgePolicy,
    initial_state,
    to_document,
    with_overlays,
)
from counterpoise.record.sql import SqlRecord, connect
from counterpoise.record.sql.lock import FileLease
from tests.build import make_policy, make_sleeve
from tests.unit.cli.conftest import AT, DOCUMENT, Cli

#: What the daemon of the good config runs by.
POLICY = make_policy(
    DriftPolicy(id="keep-shape"),
    HedgePolicy(id="half", asset="BTC", ratio=dec("0.5")),
    sleeves=(
        make_sleeve("core", "0.6", {"BTC": "0.7", "ETH": "0.3"}),
        make_sleeve("sat", "0.2", {"SOL": 1}),
        make_sleeve("cash", "0.2", {"USDT": 1}),
    ),
)
WORDS = ["pause", "halt", "reduce-only", "resume", "flatten"]
FAR = "2999-01-01T00:00:00Z"


@pytest.fixture
def store(
    ran: Path, tmp_path: Path
) -> Callable[[Callable[[SqlRecord], Coroutine[Any, Any, Any]]], Any]:
    """Run something on the database of ``ran``."""
    del ran

    def use(work: Callable[[SqlRecord], Coroutine[Any, Any, Any]]) -> Any:
        async def whole() -> Any:
            record = connect(f"sqlite:///{tmp_path}/here.db")
            await record.store.open()
            try:
                return await work(record)
            finally:
                await record.store.close()

        return asyncio.run(whole())

    return use


def put(store: Any, **parts: Any) -> None:
    store(lambda r: r.store.commit(Changes(portfolio="treasury", **parts)))


def said(store: Any) -> tuple[Command, ...]:
    """Every command, oldest first."""
    return tuple(reversed(store(lambda r: r.store.commands("treasury", 99))))


def cycle(store: Any) -> None:
    """What the daemon's next cycle does about commands; asks are left to strategies."""

    async def heed(record: SqlRecord) -> None:
        now = WallClock().now()
        told = heeded(await record.store.load("treasury", now), POLICY, now)
        await record.store.commit(
            Changes(
                portfolio="treasury",
                record=told.record,
                commands=told.commands,
                approvals=told.approvals,
            )
        )

    store(heed)


def state(store: Any, trading_state: TradingState, **changes: Any) -> None:
    known = store(lambda r: r.store.portfolio("treasury"))
    put(store, record=replace(known, trading_state=trading_state, **changes))


def request(state: ApprovalState = ApprovalState.WAITING, id_: str = "a1b2") -> Approval:
    return Approval(
        id=id_, portfolio="treasury", strategy="half", asset="BTC", cap=dec("-0.5"),
        wanted=dec(-1), why="a deposit of 1 BTC", asked_at=AT,
        deadline_at=datetime(2999, 1, 1, tzinfo=UTC), state=state,
    )  # fmt: skip


# --- states


@pytest.mark.parametrize(
    ("word", "after"),
    [
        ("pause", TradingState.CANCEL_ONLY),
        ("halt", TradingState.HALT),
        ("reduce-only", TradingState.REDUCE_ONLY),
        ("flatten", TradingState.REDUCE_ONLY),
    ],
)
def test_a_word_is_one_audited_row_that_the_next_cycle_heeds(
    cli: Cli, ran: Path, store: Any, word: str, after: TradingState
) -> None:
    before = WallClock().now()
    told = cli(word, ran)
    assert (told.code, told.err) == (0, "")
    (row,) = said(store)
    assert row.kind is CommandKind(word)
    assert (row.portfolio, row.state) == ("treasury", CommandState.PENDING)
    assert (row.who, row.origin) == (getpass.getuser(), f"cli@{platform.node()}")
    assert before <= row.asked_at <= WallClock().now()
    assert f"{word}, asked by {row.who} ({row.origin}) as {row.id}" in told.out
    assert after.value in told.out or word == "flatten"
    cycle(store)
    assert store(lambda r: r.store.portfolio("treasury")).trading_state is after
    assert said(store)[0].state is CommandState.DONE


def test_a_word_as_json(cli: Cli, ran: Path, store: Any) -> None:
    document = cli("pause", ran, "--json").json
    (row,) = said(store)
    assert document["schema"] == 1
    assert (document["portfolio"], document["written"], document["owner"]) == (
        "treasury",
        True,
        None,
    )
    assert document["command"]["id"] == row.id
    assert document["command"]["kind"] == "pause"
    assert "taken down" in document["effect"]
    assert float(document["last_cycle_age_s"]) > 0


@pytest.mark.parametrize("word", ["pause", "halt", "reduce-only", "flatten"])
def test_the_same_word_twice_is_said_to_be_so_and_written_once(
    cli: Cli, ran: Path, store: Any, word: str
) -> None:
    first = cli(word, ran)
    (row,) = said(store)
    waiting = cli(word, ran)
    assert (waiting.code, len(said(store))) == (0, 1)
    assert f"already asked for: {row.id} waits for the daemon" in waiting.out
    cycle(store)
    again = cli(word, ran)
    assert (again.code, len(said(store))) == (0, 1)
    assert "already" in again.out
    assert "nothing changed" in again.out
    assert first.out != again.out
    assert cli(word, ran, "--json").json["written"] is False


def test_a_resume_of_what_runs_is_already_so(cli: Cli, ran: Path, store: Any) -> None:
    assert "already RUN: nothing changed" in cli("resume", ran).out
    assert said(store) == ()


def test_words_keep_their_order_also_within_one_instant_of_market_time(
    cli: Cli, ran: Path, store: Any
) -> None:
    local = "environment: local\n    url: http://127.0.0.1:9000\n    clock: venue"
    ran.write_text(ran.read_text().replace("environment: demo", local))
    for word in ("pause", "resume", "pause", "halt", "reduce-only"):
        assert cli(word, ran, "--json").json["written"], word
    rows = said(store)
    assert [row.kind.value for row in rows] == ["pause", "resume", "pause", "halt", "reduce-only"]
    assert len({row.id for row in rows}) == 5
    # the market's time is the newest cycle's, not the wall's
    assert all(AT <= row.asked_at < AT + timedelta(seconds=1) for row in rows)
    assert cli("reduce-only", ran, "--json").json["last_cycle_age_s"] is None
    cycle(store)
    known = store(lambda r: r.store.portfolio("treasury"))
    assert known.trading_state is TradingState.REDUCE_ONLY


def test_flatten_tells_what_is_closed_and_what_stays_shut(cli: Cli, ran: Path, store: Any) -> None:
    put(
        store,
        positions=(
            PositionRecord(venue="main", symbol="BTC/USDT:USDT", own_qty=dec("-0.35")),
            PositionRecord(venue="main", symbol="ETH/USDT:USDT", baseline_qty=dec(3)),
        ),
    )
    told = cli("flatten", ran).out
    assert "reduce-only orders (-0.35 BTC/USDT:USDT), then CANCEL_ONLY" in told
    assert "opening again only after resume: keep-shape, half" in told
    assert "ETH" not in told


def test_flatten_in_halt_is_refused_as_unsafe(cli: Cli, ran: Path, store: Any) -> None:
    state(store, TradingState.HALT)
    told = cli("flatten", ran)
    assert (told.code, told.out) == (3, "")
    assert "HALT sends nothing: resume or pause first" in told.err
    assert said(store) == ()


def test_a_pending_halt_counts(cli: Cli, ran: Path, store: Any) -> None:
    cli("halt", ran)
    assert cli("flatten", ran).code == 3
    assert len(said(store)) == 1


@pytest.mark.parametrize("word", WORDS)
def test_what_was_never_run_cannot_be_steered(cli: Cli, config: Any, word: str) -> None:
    config()
    told = cli(word)
    assert (told.code, told.out) == (2, "")
    assert "expected a portfolio that was run, was treasury: start it with" in told.err


def test_several_portfolios_need_a_name(cli: Cli, ran: Path, store: Any) -> None:
    second = "\n  second:\n    venues: [other]\n    quote: USDT\n"
    ran.write_text(ran.read_text().rstrip() + second)
    told = cli("pause", ran)
    assert told.code == 2
    assert "several portfolios: name one with --portfolio (treasury, second)" in told.err
    assert said(store) == ()
    assert cli("pause", ran, "--portfolio", "treasury").code == 0
    assert cli("pause", ran, "--portfolio", "secnd").code == 2
    assert "was never run" not in cli("halt", ran, "--portfolio", "second").out
    assert len(said(store)) == 1


def test_a_database_of_another_version_is_3(cli: Cli, ran: Path) -> None:
    assert cli("db", "downgrade", ran, "--to", "0001", "--yes").code == 0
    told = cli("pause", ran)
    assert (told.code, told.out) == (3, "")
    assert "counterpoise db upgrade" in told.err


# --- whether anyone reads it


def test_it_says_when_no_daemon_seems_to_run(cli: Cli, ran: Path) -> None:
    assert "No daemon seems to be running (last cycle " in cli("pause", ran).out


def test_it_says_who_will_read_it(cli: Cli, ran: Path, store: Any, tmp_path: Path) -> None:
    lease = FileLease(f"sqlite:///{tmp_path}/here.db")
    assert asyncio.run(lease.acquire())
    stuck = cli("pause", ran).out
    assert f"holds the database (process {lease.holder}), but its last cycle" in stuck
    row = JournalRow(
        portfolio="treasury", cycle_id="c3", at=WallClock().now(), summary="", document=DOCUMENT
    )
    put(store, journal=row)
    alive = cli("halt", ran).out
    assert f"The daemon (process {lease.holder}, last cycle 0s ago) picks it up" in alive
    asyncio.run(lease.release())


# --- strategies


def test_a_word_to_a_strategy(cli: Cli, ran: Path, store: Any) -> None:
    told = cli("strategy", "release", "half", ran)
    assert (told.code, told.err) == (0, "")
    (row,) = said(store)
    assert (row.kind, row.args, row.due_at) == (CommandKind.RELEASE, {"strategy": "half"}, None)
    assert "half closes its futures" in told.out
    again = cli("strategy", "release", "half", ran)
    assert f"already asked for: {row.id} waits" in again.out
    assert len(said(store)) == 1


def test_a_word_to_a_strategy_for_later(cli: Cli, ran: Path, store: Any) -> None:
    assert cli("strategy", "cancel", "half", "--at", "2999-01-01T02:00+02:00", ran).code == 0
    before = WallClock().now()
    assert cli("strategy", "cancel", "half", "--at", "4h", ran).code == 0
    exact, relative = said(store)
    assert exact.due_at == datetime(2999, 1, 1, tzinfo=UTC)
    assert relative.due_at is not None
    assert before < relative.due_at - timedelta(hours=4) < WallClock().now()


def test_a_word_for_later_is_taken_back(cli: Cli, ran: Path, store: Any) -> None:
    said_first = cli("strategy", "cancel", "half", "--at", FAR, ran)
    assert "`strategy withdraw half` takes it back" in said_first.out
    (later,) = said(store)
    told = cli("strategy", "withdraw", "half", ran)
    assert (told.code, told.err) == (0, "")
    assert f"half is not told any more: cancel at 2999-01-01 00:00:00Z ({later.id})" in told.out
    assert cli("strategy", "withdraw", "half", ran).code == 2, "it is taken back already"
    assert "already asked for" not in cli("strategy", "cancel", "half", "--at", FAR, ran).out
    cycle(store)
    first, back, second = said(store)
    assert (first.state, back.state) == (CommandState.REFUSED, CommandState.DONE)
    assert f"taken back by {back.who} ({back.id})" in first.answer
    assert second.state is CommandState.PENDING, "said after it was taken back"


def test_one_of_several_words_is_taken_back(cli: Cli, ran: Path, store: Any) -> None:
    for at in ("4h", "8h"):
        assert cli("strategy", "release", "half", "--at", at, ran).code == 0
    early, late = said(store)
    wrong = cli("strategy", "withdraw", "half", "--word", "nope", ran)
    assert (wrong.code, wrong.out) == (2, "")
    assert f"expected one of {early.id}, {late.id}, was 'nope'" in wrong.err
    assert cli("strategy", "withdraw", "half", "--word", late.id, ran).code == 0
    cycle(store)
    states = {c.id: c.state for c in said(store)}
    assert (states[early.id], states[late.id]) == (CommandState.PENDING, CommandState.REFUSED)


@pytest.mark.parametrize(
    ("overlay", "shown"),
    [
        ({"BTC": "-0.123456789012"}, "turns its futures into coins: sells 0.12345679 BTC"),
        ({"BTC": "0.5"}, "turns its futures into coins: buys 0.5 BTC"),
        ({"BTC": "0"}, "turns its futures into coins: it has none on now"),
        (None, "turns its futures into coins (how much is not known yet"),
    ],
)
def test_a_conversion_tells_what_it_would_trade(
    cli: Cli, ran: Path, store: Any, overlay: dict[str, str] | None, shown: str
) -> None:
    if overlay is not None:
        state = with_overlays(initial_state("drift"), {a: dec(q) for a, q in overlay.items()})
        put(
            store,
            strategies=[StrategyRecord(id="keep-shape", kind="drift", document=to_document(state))],
        )
    assert shown in cli("strategy", "convert", "keep-shape", ran).out


@pytest.mark.parametrize(
    ("word", "phase", "shown"),
    [
        ("start", "on", "half has not ended: start changes nothing as long as it is on"),
        ("start", "released", "half begins anew"),
        ("start", "ended", "half begins anew"),
        ("release", "on", "is opened only by `counterpoise strategy start half`"),
    ],
)
def test_what_a_word_means_depends_on_where_a_strategy_is(
    cli: Cli, ran: Path, store: Any, word: str, phase: str, shown: str
) -> None:
    document = {**to_document(initial_state("hedge")), "phase": phase}
    put(store, strategies=[StrategyRecord(id="half", kind="hedge", document=document)])
    assert shown in " ".join(cli("strategy", word, "half", ran).out.split())


@pytest.mark.parametrize(("overlay", "phase"), [("0", "waiting"), ("-0.5", "active")])
def test_a_strategy_without_phases_is_told_by_what_it_does(
    cli: Cli, ran: Path, store: Any, overlay: str, phase: str
) -> None:
    state = with_overlays(initial_state("drift"), {"BTC": dec(overlay)})
    put(
        store,
        strategies=[StrategyRecord(id="keep-shape", kind="drift", document=to_document(state))],
    )
    listed = cli("strategy", "list", "-c", ran, "--json").json["strategies"]
    assert {s["id"]: s["phase"] for s in listed}["keep-shape"] == phase


def test_a_paused_portfolio_is_told_of(cli: Cli, ran: Path, store: Any) -> None:
    state(store, TradingState.CANCEL_ONLY)
    told = cli("strategy", "start", "half", ran).out
    assert "(the portfolio is CANCEL_ONLY: resume lets it trade)" in told


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("start", "haft"), 2, "strategy: expected keep-shape or half, was 'haft'; did you mean"),
        (("convert", "half"), 2, "convert: expected a strategy of kind derisk, dip_buy or drift"),
        (("start", "half", "--at", "2020-01-01T00:00Z"), 2, "--at: expected an instant to come"),
        (("start", "half", "--at", "2999-01-01T00:00"), 2, "write Z for UTC, or an offset"),
        (("start", "half", "--at", "soon"), 2, "was 'soon'"),
        (("start",), 2, "Missing argument"),
    ],
)
def test_a_word_that_makes_no_sense_writes_nothing(
    cli: Cli, ran: Path, store: Any, arguments: tuple[str, ...], code: int, why: str
) -> None:
    told = cli("strategy", *arguments, "-c", ran)
    assert (told.code, told.out) == (code, "")
    assert why in " ".join(told.err.replace("│", " ").split())
    assert said(store) == ()


@pytest.mark.parametrize("word", ["start", "convert"])
def test_nothing_begins_while_futures_are_being_closed(
    cli: Cli, ran: Path, store: Any, word: str
) -> None:
    cli("flatten", ran)
    told = cli("strategy", word, "keep-shape", ran)
    assert (told.code, told.out) == (3, "")
    assert "own futures are being closed: resume first" in told.err
    assert len(said(store)) == 1


def test_strategies_are_listed(cli: Cli, ran: Path, store: Any) -> None:
    decided = {
        **DOCUMENT,
        "decisions": [
            {"strategy": "half", "text": "hedge 50 % of 0.7 BTC"},
            {"strategy": "keep-shape", "text": "core weighs 60 %"},
            {"strategy": "keep-shape", "text": "core weighs 60 %"},
        ],
    }
    put(
        store,
        strategies=(
            StrategyRecord(
                id="half", kind="hedge", document={"phase": "on", "overlays": {"BTC": "-0.35"}}
            ),
        ),
        journal=JournalRow(
            portfolio="treasury", cycle_id="c3", at=AT + timedelta(minutes=1), summary="",
            document=decided,
        ),
    )  # fmt: skip
    cli("strategy", "cancel", "half", "--at", FAR, ran)
    shape, half = cli("strategy", "list", ran, "--json").json["strategies"]
    assert (shape["id"], shape["kind"], shape["phase"], shape["overlays"]) == (
        "keep-shape",
        "drift",
        None,
        {},
    )
    assert shape["reasons"] == ["core weighs 60 %"]
    assert (half["phase"], half["overlays"]) == ("on", {"BTC": "-0.35"})
    assert half["reasons"] == ["hedge 50 % of 0.7 BTC"]
    assert [c["kind"] for c in half["commands"]] == ["cancel"]
    told = cli("strategy", "list", ran).out
    (line,) = [line for line in told.splitlines() if line.startswith("treasury   half")]
    assert line.split()[:5] == ["treasury", "half", "hedge", "on", "-0.35"]
    assert "not asked yet" in told
    assert "Waiting: cancel half, at 2999-01-01 00:00:00Z, asked by" in told


def test_strategies_of_what_was_never_run_are_listed(cli: Cli, config: Any) -> None:
    config()
    found = cli("strategy", "list", "--json").json["strategies"]
    assert [(s["id"], s["phase"]) for s in found] == [("keep-shape", None), ("half", None)]


# --- other weights


def test_other_weights_and_who_shares_the_rest(cli: Cli, ran: Path, store: Any) -> None:
    told = cli("target", "sat=40%", "--until", FAR, "-c", ran)
    assert (told.code, told.err) == (0, "")
    assert "sleeves weigh core 45 %, sat 40 %, cash 15 %" in told.out
    assert "sharing the rest as the config shares it: core 45 %, cash 15 %" in told.out
    cycle(store)
    override = store(lambda r: r.store.portfolio("treasury")).override
    assert override.weights == {"core": dec("0.45"), "sat": dec("0.4"), "cash": dec("0.15")}
    assert override.until_at == datetime(2999, 1, 1, tzinfo=UTC)
    again = cli("target", "sat=40%", "--until", FAR, "-c", ran)
    assert "already so" in again.out
    assert len(said(store)) == 1


def test_other_weights_are_replaced_and_taken_back(cli: Cli, ran: Path, store: Any) -> None:
    assert "the config's weights hold" in cli("target", "--clear", "-c", ran).out
    assert said(store) == ()
    cli("target", "sat=40%", "--until", FAR, "-c", ran)
    second = cli("target", "sat=30%", "--until", FAR, "-c", ran)
    old = "(instead of core 45 %, sat 40 %, cash 15 % until 2999-01-01 00:00:00Z)"
    assert old in " ".join(second.out.split())
    told = cli("target", "--clear", "--portfolio", "treasury", "-c", ran)
    assert (told.code, told.err) == (0, "")
    assert "the config's weights hold again" in told.out
    cycle(store)
    assert store(lambda r: r.store.portfolio("treasury")).override is None
    assert [c.state for c in said(store)] == [CommandState.DONE] * 3


@pytest.mark.parametrize(
    "arguments",
    [(), ("sat=40%",), ("--until", FAR), ("sat=40%", "--clear"), ("--clear", "--until", FAR)],
)
def test_a_target_is_weights_with_an_end_or_clear(
    cli: Cli, ran: Path, store: Any, arguments: tuple[str, ...]
) -> None:
    told = cli("target", *arguments, "-c", ran)
    assert (told.code, told.out) == (2, "")
    assert "--clear" in told.err
    assert said(store) == ()


def test_what_does_not_divide_goes_to_the_largest(cli: Cli, ran: Path, store: Any) -> None:
    assert cli("target", "core=0%", "--until", "4h", "-c", ran).code == 0
    assert cli("target", "cash=33.3333%", "--until", "4h", "-c", ran).code == 0
    cycle(store)
    weights = store(lambda r: r.store.portfolio("treasury")).override.weights
    assert sum(weights.values()) == 1
    assert weights["cash"] == dec("0.333333")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("sat=40", "--until", FAR), "target sat: expected a percentage from 0% to 100%"),
        (("sat=-5%", "--until", FAR), "target sat: expected a percentage"),
        (("sat", "--until", FAR), "expected SLEEVE=WEIGHT such as core=50%, was 'sat'"),
        (("satt=40%", "--until", FAR), "expected core, sat or cash, was 'satt'; did you mean"),
        (("sat=1%", "sat=2%", "--until", FAR), "expected each sleeve once, was sat twice"),
        (("sat=60%", "core=60%", "--until", FAR), "add up to at most 100 %, was 120 %"),
        (
            ("sat=10%", "core=10%", "cash=10%", "--until", FAR),
            "add up to 100 %, as nothing else takes the rest, was 30 %",
        ),
        (("sat=40%", "--until", "2020-01-01T00:00Z"), "--until: expected an instant to come"),
        (("sat=40%",), "expected SLEEVE=WEIGHT... with --until T, or --clear"),
        (("--until", FAR), "expected SLEEVE=WEIGHT... with --until T, or --clear"),
    ],
)
def test_weights_that_do_not_fit_write_nothing(
    cli: Cli, ran: Path, store: Any, arguments: tuple[str, ...], why: str
) -> None:
    told = cli("target", *arguments, "-c", ran)
    assert (told.code, told.out) == (2, "")
    assert why in " ".join(told.err.replace("│", " ").split())
    assert said(store) == ()


def test_weights_that_cannot_be_read_here_cannot_be_shared(cli: Cli, ran: Path, store: Any) -> None:
    ran.write_text(ran.read_text().replace("weight: 60%", 'weight: "${CORE}"'))
    told = cli("target", "sat=40%", "--until", FAR, "-c", ran)
    assert (told.code, told.out) == (2, "")
    assert "plain percentages" in told.err
    assert said(store) == ()


# --- requests


@pytest.mark.parametrize(
    ("word", "after", "told"),
    [
        ("approve", ApprovalState.APPROVED, "half may take its futures to -1 BTC"),
        ("deny", ApprovalState.DENIED, "half stays at -0.5 BTC"),
    ],
)
def test_a_request_is_answered(
    cli: Cli, ran: Path, store: Any, word: str, after: ApprovalState, told: str
) -> None:
    put(store, approvals=(request(),))
    answer = cli(word, "a1b2", ran)
    assert (answer.code, answer.err) == (0, "")
    assert told in answer.out
    (row,) = said(store)
    assert (row.kind.value, row.args) == (word, {"approval": "a1b2"})
    assert f"already answered: {word} ({row.id}) waits" in cli(word, "a1b2", ran).out
    cycle(store)
    (found,) = store(lambda r: r.store.approvals("treasury", 9))
    assert (found.state, found.answered_by) == (after, row.who)
    settled = cli(word, "a1b2", ran)
    assert settled.code == 2
    assert f"request a1b2 is {after.value} already" in settled.err


def test_a_yes_that_waits_is_taken_back_with_a_no(cli: Cli, ran: Path, store: Any) -> None:
    put(store, approvals=(request(),))
    cli("approve", "a1b2", ran)
    assert "half stays at -0.5 BTC" in cli("deny", "a1b2", ran).out
    assert "already answered: deny" in cli("approve", "a1b2", ran).out
    cycle(store)
    (found,) = store(lambda r: r.store.approvals("treasury", 9))
    assert found.state is ApprovalState.DENIED
    yes, no = said(store)
    assert (yes.state, no.state) == (CommandState.REFUSED, CommandState.DONE)
    assert yes.answer == "a no to request a1b2 came as well, which counts"


@pytest.mark.parametrize(
    ("approval", "why"),
    [
        (None, "expected the id of a request, none: no request waits, was 'a1b2'"),
        (request(id_="cafe"), "expected the id of a request, one that waits (cafe), was 'a1b2'"),
        (request(ApprovalState.EXPIRED), "expired at 2999-01-01 00:00:00Z and counts as denied"),
        (replace(request(), deadline_at=AT), "expired at 2025-06-02 12:00:00Z"),
        (
            request(ApprovalState.MOOT),
            "request a1b2 no longer stands: it is not wanted any more, or a newer one",
        ),
    ],
    ids=["none", "another", "expired", "not noticed yet", "moot"],
)
def test_a_request_that_does_not_wait_writes_nothing(
    cli: Cli, ran: Path, store: Any, approval: Approval | None, why: str
) -> None:
    if approval is not None:
        put(store, approvals=(approval,))
    told = cli("approve", "a1b2", ran)
    assert (told.code, told.out) == (2, "")
    assert why in told.err
    assert said(store) == ()


# --- status


def test_status_tells_what_people_said_and_what_waits(cli: Cli, ran: Path, store: Any) -> None:
    put(store, approvals=(request(), request(ApprovalState.EXPIRED, "c3d4")))
    cli("target", "sat=40%", "--until", FAR, "-c", ran)
    cli("flatten", ran)
    cycle(store)
    cli("strategy", "cancel", "half", "--at", FAR, ran)
    (one,) = cli("status", ran, "--json").json["portfolios"]
    assert (one["state"], one["flattening"]) == ("REDUCE_ONLY", True)
    assert one["override"] == {
        "weights": {"core": "0.45", "sat": "0.4", "cash": "0.15"},
        "until": "2999-01-01T00:00:00.000Z",
    }
    assert [c["kind"] for c in one["commands"]] == ["cancel"]
    assert [(a["id"], a["state"]) for a in one["approvals"]] == [
        ("a1b2", "waiting"),
        ("c3d4", "expired"),
    ]
    told = cli("status", ran).out
    assert "Own futures are being closed; then CANCEL_ONLY." in told
    assert "Sleeve weights until 2999-01-01 00:00:00Z: core 45.0 %, sat 40.0 %, cash 15.0 %" in told
    assert "Waiting: cancel half, at 2999-01-01" in told
    assert "half wants -1 BTC in futures and is held to -0.5: a deposit of 1 BTC" in told
    assert "counterpoise approve|deny a1b2, by 2999-01-01" in told
    assert "expired; counterpoise strategy start half lifts that" in told


def test_nothing_said_is_not_told(cli: Cli, ran: Path) -> None:
    (one,) = cli("status", ran, "--json").json["portfolios"]
    assert (one["flattening"], one["override"]) == (False, None)
    assert (one["commands"], one["approvals"]) == ([], [])
    told = cli("status", ran).out
    assert "Waiting" not in told
    assert "Sleeve weights until" not in told
