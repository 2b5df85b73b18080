"""The rest of the store suite: the hedge book, the venue's ledger, flows, bars, and what operators said."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from counterpoise.domain.bars import Bar
from counterpoise.domain.errors import StoreError
from counterpoise.domain.hedge_book import BookLine, ClosedHedge, Cross
from counterpoise.domain.ledger import EntryKind, LedgerEntry
from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import (
    Approval,
    ApprovalState,
    Command,
    CommandKind,
    CommandState,
    TargetOverride,
)
from counterpoise.domain.records import BarRow, Changes, Flow, WalletRecord
from tests.contract.stores import NOW, Kept, a_record, commit

PERP = "BTC/USDT:USDT"
SMALL = Decimal("0.123456789012345678")
LARGE = Decimal("12345678901.123456789012345678")
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def a_line(strategy: str = "btc-out", **changes: object) -> BookLine:
    line = BookLine(
        strategy=strategy,
        venue="main",
        symbol=PERP,
        wanted=-LARGE,
        qty=-SMALL,
        cost=-LARGE,
        opened_at=NOW,
        peak_qty=-LARGE,
        entry_value=LARGE,
        entry_qty=SMALL,
        exit_value=dec("1e-8"),
        exit_qty=dec("1e-18"),
        price_pnl=-SMALL,
        funding=SMALL,
        fees=dec("0.5"),
        hour=NOW - HOUR,
        hour_qty=-LARGE,
    )
    return replace(line, **changes)  # type: ignore[arg-type]  # a test names real fields


def a_closed(at: datetime = NOW, **changes: object) -> ClosedHedge:
    hedge = ClosedHedge(
        strategy="btc-out",
        venue="main",
        symbol=PERP,
        opened_at=NOW - HOUR,
        closed_at=at,
        qty=-SMALL,
        entry=LARGE,
        exit=SMALL,
        price_pnl=-LARGE,
        funding=SMALL,
        fees=dec("0.5"),
    )
    return replace(hedge, **changes)  # type: ignore[arg-type]  # a test names real fields


def an_entry(id_: str = "1", **changes: object) -> LedgerEntry:
    entry = LedgerEntry(
        venue="main", id=id_, kind=EntryKind.FUNDING, asset="USDT", qty=SMALL, at=NOW, symbol=PERP
    )
    return replace(entry, **changes)  # type: ignore[arg-type]  # a test names real fields


def a_flow(id_: str = "f1", **changes: object) -> Flow:
    flow = Flow(id=id_, venue="main", asset="BTC", qty=-SMALL, at=NOW, source="ledger", price=LARGE)
    return replace(flow, **changes)  # type: ignore[arg-type]  # a test names real fields


def a_command(id_: str = "c1", **changes: object) -> Command:
    command = Command(
        id=id_,
        portfolio="treasury",
        kind=CommandKind.PAUSE,
        who="ada",
        origin="cli@desk",
        asked_at=NOW,
    )
    return replace(command, **changes)  # type: ignore[arg-type]  # a test names real fields


def an_approval(id_: str = "a1", **changes: object) -> Approval:
    approval = Approval(
        id=id_,
        portfolio="treasury",
        strategy="btc-out",
        asset="BTC",
        cap=-SMALL,
        wanted=-LARGE,
        why="a deposit of 1 BTC",
        asked_at=NOW,
        deadline_at=NOW + HOUR,
    )
    return replace(approval, **changes)  # type: ignore[arg-type]  # a test names real fields


def a_bar(at: datetime = NOW, close: Decimal = LARGE, **changes: object) -> BarRow:
    bar = Bar(open_at=at, open=SMALL, high=LARGE, low=dec("1e-18"), close=close, volume=LARGE)
    row = BarRow(venue="main", symbol=PERP, interval=HOUR, bar=bar)
    return replace(row, **changes)  # type: ignore[arg-type]  # a test names real fields


async def test_all_of_it_comes_back_as_it_was_also_after_a_restart(started: Kept) -> None:
    flat = BookLine(strategy="drift", venue="main", symbol=PERP)
    wallet = WalletRecord(venue="main", asset="USDT", qty=LARGE, as_of=NOW)
    unpriced = a_flow("f2", price=None, source="looks")
    said = a_command(
        kind=CommandKind.TARGET, args={"core": "0.5", "until": "naïve"}, due_at=NOW + HOUR
    )
    override = TargetOverride(weights={"core": SMALL, "buffer": 1 - SMALL}, until_at=NOW)
    await commit(
        started,
        record=a_record(flattening=True, override=override),
        book=(a_line(), flat),
        closed=(a_closed(),),
        crosses=(
            Cross(venue="main", symbol=PERP, buyer="a", seller="b", qty=SMALL, price=LARGE, at=NOW),
        ),
        ledger=(an_entry(), an_entry("2", symbol=None)),
        wallets=(wallet,),
        flows=(a_flow(), unpriced),
        commands=(said,),
        approvals=(an_approval(),),
        bars=(a_bar(),),
    )
    for _ in ("at once", "after a restart"):
        found = await started.store.load("treasury", NOW)
        assert found.portfolio == a_record(flattening=True, override=override)
        assert found.book == {a_line().key: a_line(), flat.key: flat}
        assert found.wallets == {("main", "USDT"): wallet}
        assert found.ledger_at == {"main": NOW}
        assert found.commands == (said,)
        assert found.approvals == (an_approval(),)
        assert await started.store.closed_hedges("treasury", NOW) == (a_closed(),)
        assert await started.store.flows("treasury", NOW) == (a_flow(), unpriced)
        assert await started.store.commands("treasury", 9) == (said,)
        assert await started.store.approvals("treasury", 9) == (an_approval(),)
        assert await started.store.bars("main", PERP, HOUR, NOW) == (a_bar().bar,)
        await started.restart()
    await commit(started, record=a_record())
    assert (await started.store.load("treasury", NOW)).portfolio == a_record()


async def test_portfolios_do_not_see_each_others_books(started: Kept) -> None:
    await started.store.commit(Changes(portfolio="other", record=a_record(id="other")))
    await commit(
        started,
        book=(a_line(),),
        closed=(a_closed(),),
        ledger=(an_entry(),),
        wallets=(WalletRecord(venue="main", asset="USDT", qty=LARGE, as_of=NOW),),
        flows=(a_flow(),),
        commands=(a_command(),),
        approvals=(an_approval(),),
    )
    store = started.store
    found = await store.load("other", NOW)
    assert (found.book, found.wallets, found.ledger_at) == ({}, {}, {})
    assert (found.commands, found.approvals) == ((), ())
    for name in ("other", "nobody"):
        assert await store.closed_hedges(name, NOW - HOUR) == ()
        assert await store.flows(name, NOW - HOUR) == ()
        assert await store.commands(name, 9) == ()
        assert await store.approvals(name, 9) == ()


FAILING = {
    "command of another portfolio": {"commands": (a_command("c2", portfolio="other"),)},
    "approval of another portfolio": {"approvals": (an_approval("a2", portfolio="other"),)},
    "command with a number in it": {"commands": (a_command("c2", args={"core": SMALL}),)},
    "line with a NaN": {"book": (a_line(cost=Decimal("NaN")),)},
    "hedge without a time zone": {"closed": (a_closed(NOW.replace(tzinfo=None)),)},
    "entry with a NaN": {"ledger": (an_entry(qty=Decimal("NaN")),)},
    "flow with an infinity": {"flows": (a_flow(price=Decimal("Infinity")),)},
    "bar with a NaN": {"bars": (a_bar(close=Decimal("NaN")),)},
    "bar of half a second": {"bars": (a_bar(interval=SECOND / 2),)},
    "override with a NaN": {
        "record": a_record(override=TargetOverride(weights={"core": Decimal("NaN")}, until_at=NOW))
    },
    "override without a time zone": {
        "record": a_record(override=TargetOverride(weights={}, until_at=NOW.replace(tzinfo=None)))
    },
}


@pytest.mark.parametrize("failing", FAILING.values(), ids=FAILING.keys())
async def test_a_failing_part_leaves_nothing(started: Kept, failing: dict[str, object]) -> None:
    before = await started.store.load("treasury", NOW)
    parts: dict[str, object] = {
        "book": (a_line("drift"),),
        "closed": (a_closed(),),
        "ledger": (an_entry("9"),),
        "wallets": (WalletRecord(venue="main", asset="USDT", qty=LARGE, as_of=NOW),),
        "flows": (a_flow("f9"),),
        "commands": (a_command("c9"),),
        "approvals": (an_approval("a9"),),
        "bars": (a_bar(),),
    }
    with pytest.raises(StoreError):
        await commit(started, **(parts | failing))
    store = started.store
    assert await store.load("treasury", NOW) == before
    assert await store.unseen_entries([an_entry("9")]) == (an_entry("9"),)
    assert await store.closed_hedges("treasury", NOW) == ()
    assert await store.flows("treasury", NOW) == ()
    assert await store.commands("treasury", 9) == ()
    assert await store.bars("main", PERP, HOUR, NOW) == ()


# --- the hedge book


async def test_a_line_is_replaced_and_its_neighbours_stay(started: Kept) -> None:
    others = (a_line("drift"), a_line(venue="second"), a_line(symbol="ETH/USDT:USDT"))
    await commit(started, book=(a_line(), *others))
    flat = a_line(wanted=dec(0), qty=dec(0), opened_at=None)
    await commit(started, book=(flat,))
    found = (await started.store.load("treasury", NOW)).book
    assert found == {line.key: line for line in (flat, *others)}


async def test_closed_hedges_are_appended_once_and_listed_oldest_first(started: Kept) -> None:
    later, elsewhere = a_closed(NOW + SECOND), a_closed(strategy="drift")
    at_once = a_closed(opened_at=NOW)
    await commit(started, closed=(later, elsewhere, a_closed(), at_once))
    await commit(started, closed=(a_closed(funding=LARGE),))
    all_of_them = (a_closed(), at_once, elsewhere, later)
    assert await started.store.closed_hedges("treasury", NOW) == all_of_them
    assert await started.store.closed_hedges("treasury", NOW + SECOND) == (later,)
    assert await started.store.closed_hedges("treasury", NOW + 2 * SECOND) == ()


async def test_a_cross_committed_again_is_the_same_cross(started: Kept) -> None:
    cross = Cross(venue="main", symbol=PERP, buyer="a", seller="b", qty=SMALL, price=LARGE, at=NOW)
    await commit(started, crosses=(cross, replace(cross, buyer="c")))
    await commit(started, crosses=(cross,), book=(a_line(),))
    assert (await started.store.load("treasury", NOW)).book == {a_line().key: a_line()}


# --- the venue's ledger, wallets, flows


async def test_an_entry_is_stored_once_by_venue_kind_and_id(started: Kept) -> None:
    later = an_entry("2", at=NOW + HOUR)
    await commit(started, ledger=(later, an_entry("1")))
    # known ones are left alone, also when the venue tells another story
    await commit(started, ledger=(an_entry("2", at=NOW + 2 * HOUR), an_entry("0", at=NOW - HOUR)))
    assert (await started.store.load("treasury", NOW)).ledger_at == {"main": NOW + HOUR}
    elsewhere = an_entry("2", venue="second", at=NOW - HOUR)
    other_kind = an_entry("2", kind=EntryKind.COMMISSION)
    asked = [an_entry("3"), an_entry("1"), elsewhere, an_entry("3"), other_kind, later]
    unseen = await started.store.unseen_entries(iter(asked))
    assert unseen == (an_entry("3"), elsewhere, other_kind)
    await commit(started, ledger=unseen)
    await started.restart()
    assert await started.store.unseen_entries(asked) == ()
    assert await started.store.unseen_entries([]) == ()
    assert (await started.store.load("treasury", NOW)).ledger_at == {
        "main": NOW + HOUR,
        "second": NOW - HOUR,
    }


async def test_many_entries_at_once(started: Kept) -> None:
    entries = tuple(an_entry(f"{n}") for n in range(1203))
    await commit(started, ledger=entries[::2])
    assert await started.store.unseen_entries(entries) == entries[1::2]


async def test_a_wallet_is_replaced(started: Kept) -> None:
    first = WalletRecord(venue="main", asset="USDT", qty=LARGE, as_of=NOW)
    other = replace(first, venue="second")
    await commit(started, wallets=(first, other))
    second = replace(first, qty=SMALL, as_of=NOW + SECOND)
    await commit(started, wallets=(second,))
    found = (await started.store.load("treasury", NOW)).wallets
    assert found == {("main", "USDT"): second, ("second", "USDT"): other}


async def test_a_flow_is_stored_once_and_listed_oldest_first(started: Kept) -> None:
    early = a_flow("f0", at=NOW - SECOND)
    await commit(started, flows=(a_flow(), early, a_flow(qty=LARGE)))
    await commit(started, flows=(a_flow(at=NOW + HOUR),))
    assert await started.store.flows("treasury", NOW - SECOND) == (early, a_flow())
    assert await started.store.flows("treasury", NOW) == (a_flow(),)
    assert await started.store.flows("treasury", NOW + SECOND) == ()


# --- what operators say


async def test_commands_wait_oldest_first_until_they_are_handled(started: Kept) -> None:
    first, second = a_command("b"), a_command("a", asked_at=NOW + SECOND)
    await commit(started, commands=(second, first))
    assert (await started.store.load("treasury", NOW)).commands == (first, second)
    done = replace(first, state=CommandState.DONE, handled_at=NOW, answer="CANCEL_ONLY")
    await commit(started, commands=(done,))
    await started.restart()
    assert (await started.store.load("treasury", NOW)).commands == (second,)
    assert await started.store.commands("treasury", 9) == (second, done)
    assert await started.store.commands("treasury", 1) == (second,)


@pytest.mark.parametrize("state", [CommandState.DONE, CommandState.REFUSED])
async def test_a_command_that_was_handled_is_never_put_back(
    started: Kept, state: CommandState
) -> None:
    handled = a_command(state=state, handled_at=NOW, answer="so be it")
    await commit(started, commands=(a_command(), a_command()))
    await commit(started, commands=(handled,))
    # the same row sent twice is one command
    await commit(started, commands=(a_command(),))
    assert (await started.store.load("treasury", NOW)).commands == ()
    assert await started.store.commands("treasury", 9) == (handled,)


async def test_approvals_that_wait_or_cap_are_loaded_oldest_first(started: Kept) -> None:
    every = tuple(
        an_approval(f"a{n}", state=state, asked_at=NOW - n * SECOND)
        for n, state in enumerate(ApprovalState)
    )
    await commit(started, approvals=every)
    oldest_first = tuple(reversed(every))
    found = (await started.store.load("treasury", NOW)).approvals
    assert found == tuple(a for a in oldest_first if a.caps)
    assert {a.state for a in found} == {
        ApprovalState.WAITING,
        ApprovalState.DENIED,
        ApprovalState.EXPIRED,
    }
    assert await started.store.approvals("treasury", 9) == every
    assert await started.store.approvals("treasury", 2) == every[:2]
    answered = replace(every[0], state=ApprovalState.APPROVED, answered_at=NOW, answered_by="ada")
    await commit(started, approvals=(answered,))
    await started.restart()
    assert answered.id not in {a.id for a in (await started.store.load("treasury", NOW)).approvals}
    assert await started.store.approvals("treasury", 1) == (answered,)


async def test_what_was_said_to_another_portfolio_is_not_taken_over(started: Kept) -> None:
    await started.store.commit(Changes(portfolio="other", record=a_record(id="other")))
    await commit(started, commands=(a_command(),), approvals=(an_approval(),))
    for parts in (
        {"commands": (a_command(portfolio="other"),)},
        {"approvals": (an_approval(portfolio="other"),)},
    ):
        with pytest.raises(StoreError, match="expected portfolio treasury, was other"):
            await started.store.commit(
                Changes(portfolio="other", **parts)  # type: ignore[arg-type]  # real fields
            )
    assert await started.store.commands("treasury", 9) == (a_command(),)
    assert await started.store.approvals("treasury", 9) == (an_approval(),)


# --- bars


async def test_bars_are_kept_per_series_once_and_listed_oldest_first(started: Kept) -> None:
    series = [a_bar(NOW + n * HOUR) for n in range(4)]
    others = (
        a_bar(venue="second"),
        a_bar(symbol="ETH/USDT:USDT"),
        a_bar(interval=HOUR / 4),
    )
    await commit(started, bars=(*reversed(series), *others))
    await commit(started, bars=(a_bar(close=SMALL),))
    store = started.store
    assert await store.bars("main", PERP, HOUR, NOW) == tuple(row.bar for row in series)
    assert await store.bars("main", PERP, HOUR, NOW + SECOND) == tuple(r.bar for r in series[1:])
    assert await store.bars("main", PERP, HOUR / 4, NOW - HOUR) == (others[2].bar,)
    assert await store.bars("third", PERP, HOUR, NOW - HOUR) == ()


async def test_bars_of_more_than_400_days_ago_are_dropped_when_new_ones_come(
    started: Kept,
) -> None:
    day = timedelta(days=1)
    old = [a_bar(NOW - n * day) for n in (402, 401, 400, 399)]
    other = a_bar(NOW - 500 * day, interval=HOUR / 4)
    await commit(started, bars=(*old, other))
    await commit(started, bars=(a_bar(),))
    found = await started.store.bars("main", PERP, HOUR, datetime(2000, 1, 1, tzinfo=UTC))
    assert found == tuple(row.bar for row in (*old[2:], a_bar()))
    rest = await started.store.bars("main", PERP, HOUR / 4, datetime(2000, 1, 1, tzinfo=UTC))
    assert rest == (other.bar,)
