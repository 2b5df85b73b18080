"""One suite for every store: what passes here may stand behind the Store, Journal and Outbox ports."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import cycle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.domain.errors import IllegalMove, StoreError
from counterpoise.domain.events import Alert, Severity, alert
from counterpoise.domain.order import (
    MOVES,
    Fill,
    Order,
    OrderState,
    OrderType,
    Side,
    TimeInForce,
)
from counterpoise.domain.plan import Target
from counterpoise.domain.records import (
    Changes,
    JournalRow,
    PositionRecord,
    StrategyRecord,
    TradingState,
)
from counterpoise.ports import Store
from counterpoise.record.memory import MemoryStore
from counterpoise.record.sql import connect
from tests.contract.stores import NOW, Kept, a_record, commit

SMALL = Decimal("0.123456789012345678")
LARGE = Decimal("12345678901.123456789012345678")
PERP = "BTC/USDT:USDT"


def an_order(id_: str = "cp1", **changes: object) -> Order:
    order = Order(
        client_order_id=id_,
        portfolio="treasury",
        venue="main",
        symbol=PERP,
        side=Side.SELL,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTX,
        qty=SMALL,
        price=LARGE,
        reduce_only=False,
        decision_id="d1",
        rung=0,
        attempt=1,
        state=OrderState.PENDING,
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(order, **changes)  # type: ignore[arg-type]  # a test names real fields


def a_fill(trade_id: str = "t1", **changes: object) -> Fill:
    fill = Fill(
        venue="main",
        symbol=PERP,
        trade_id=trade_id,
        venue_order_id="v1",
        side=Side.SELL,
        qty=SMALL,
        price=LARGE,
        fee=Decimal("0.000000000000000001"),
        fee_asset="USDT",
        maker=True,
        filled_at=NOW,
    )
    return replace(fill, **changes)  # type: ignore[arg-type]  # a test names real fields


def an_alert(message: str = "hedge opened", **changes: object) -> Alert:
    return replace(
        alert("treasury", "hedge_opened", Severity.INFO, message, NOW),
        **changes,  # type: ignore[arg-type]  # a test names real fields
    )


def a_condition(key: str, *, cleared: bool = False, at: datetime = NOW) -> Alert:
    severity = Severity.INFO if cleared else Severity.CRITICAL
    return alert("treasury", "venue", severity, f"{key}", at, key=key, cleared=cleared)


def a_row(cycle_id: str = "c1", **changes: object) -> JournalRow:
    row = JournalRow(
        portfolio="treasury",
        cycle_id=cycle_id,
        at=NOW,
        summary="2 orders placed",
        document={"equity": "100000.5", "orders": [{"qty": "0.1"}], "note": "naïve ≤ 3"},
    )
    return replace(row, **changes)  # type: ignore[arg-type]  # a test names real fields


def a_target(decision_id: str = "d1", **changes: object) -> Target:
    target = Target(
        venue="main",
        symbol=PERP,
        asset="BTC",
        qty=-SMALL,
        decision_id=decision_id,
        decided_at=NOW,
    )
    return replace(target, **changes)  # type: ignore[arg-type]  # a test names real fields


# --- what goes in comes out


async def test_a_portfolio_is_none_before_its_first_start(kept: Kept) -> None:
    assert await kept.store.portfolio("treasury") is None
    with pytest.raises(StoreError, match="treasury was never recorded"):
        await kept.store.load("treasury", NOW)
    with pytest.raises(StoreError, match="treasury was never recorded"):
        await commit(kept, orders=(an_order(),))
    assert await kept.store.orders("treasury", live_only=False, limit=9) == ()


async def test_a_portfolio_record_is_replaced(started: Kept) -> None:
    assert await started.store.portfolio("treasury") == a_record()
    halted = a_record(trading_state=TradingState.HALT, config_hash="beef")
    await commit(started, record=halted)
    assert await started.store.portfolio("treasury") == halted


async def test_everything_comes_back_as_it_was_also_after_a_restart(started: Kept) -> None:
    strategy = StrategyRecord(
        id="btc-out", kind="hedge", document={"overlays": {"BTC": "-0.123456789012345678"}}
    )
    position = PositionRecord(
        venue="main", symbol=PERP, baseline_qty=LARGE, own_qty=-SMALL, last_fill_at=NOW
    )
    unfilled = PositionRecord(venue="main", symbol="ETH/USDT:USDT")
    order = an_order(
        state=OrderState.PARTIALLY_FILLED, venue_order_id="v1", filled_qty=SMALL / 2, reason="why"
    )
    market = an_order(
        "cp2",
        type=OrderType.MARKET,
        price=None,
        reduce_only=True,
        rung=1,
        leaving_since=NOW + timedelta(seconds=3),
    )
    fill = a_fill()
    bare = a_fill("t2", fee_asset=None, maker=None)
    await commit(
        started,
        strategies=(strategy,),
        targets=(a_target(),),
        positions=(position, unfilled),
        orders=(order, market),
        fills=(fill, bare),
        alerts=(an_alert(data={"qty": "0.1"}), a_condition("venue:main")),
        journal=a_row(),
    )

    for _ in ("at once", "after a restart"):
        found = await started.store.load("treasury", NOW)
        assert found.portfolio == a_record()
        assert found.strategies == {"btc-out": strategy}
        assert found.targets == {("main", PERP): a_target()}
        assert found.positions == {("main", PERP): position, ("main", unfilled.symbol): unfilled}
        assert found.orders == (order, market)
        assert found.recent_fills == (fill, bare)
        assert found.placed_at == (NOW, NOW)
        assert found.raised == {"venue:main"}
        assert await started.journal.row("c1") == a_row()
        await started.outbox.enrol(["ear"], NOW)
        assert [row.alert for row in await started.outbox.pending("ear", 0, 9)] == [
            an_alert(data={"qty": "0.1"}),
            a_condition("venue:main"),
        ]
        await started.restart()


@pytest.mark.parametrize(
    "number",
    [
        SMALL,
        LARGE,
        -LARGE,
        Decimal(0),
        Decimal("1e-30"),
        Decimal("1E+25"),
        Decimal(100),
        Decimal("9" * 60),
    ],
)
async def test_a_decimal_comes_back_exactly(started: Kept, number: Decimal) -> None:
    await commit(started, positions=(PositionRecord(venue="main", symbol=PERP, own_qty=number),))
    await started.restart()
    found = (await started.store.load("treasury", NOW)).positions["main", PERP].own_qty
    assert isinstance(found, Decimal)
    assert found == number


async def test_an_instant_comes_back_aware_and_to_the_microsecond(started: Kept) -> None:
    berlin = timezone(timedelta(hours=2))
    local = datetime(2025, 4, 7, 8, 30, 0, 1, tzinfo=berlin)
    await commit(started, orders=(an_order(created_at=local, updated_at=local),))
    await started.restart()
    (found,) = await started.store.orders("treasury", live_only=False, limit=1)
    assert found.created_at == datetime(2025, 4, 7, 6, 30, 0, 1, tzinfo=UTC)
    assert found.created_at.utcoffset() is not None


@pytest.mark.parametrize("kind", ["memory", "sql"])
def test_any_number_and_any_instant_come_back_exactly(
    kind: str, tmp_path_factory: pytest.TempPathFactory, empty_database: Path
) -> None:
    path = tmp_path_factory.mktemp("hypothesis") / "store.db"
    shutil.copy(empty_database, path)

    @settings(max_examples=40)
    @given(
        numbers=st.lists(
            st.decimals(allow_nan=False, allow_infinity=False).filter(_keeps_its_digits),
            min_size=1,
        ),
        instants=st.lists(st.datetimes(timezones=st.just(UTC)), min_size=1),
    )
    def round_trip(numbers: list[Decimal], instants: list[datetime]) -> None:
        positions = tuple(
            PositionRecord(venue="main", symbol=str(n), own_qty=number, last_fill_at=instant)
            for n, (number, instant) in enumerate(zip(numbers, cycle(instants), strict=False))
        )
        found = asyncio.run(_written_and_read(kind, path, positions))
        assert {found["main", p.symbol] for p in positions} == set(positions)

    round_trip()


def _keeps_its_digits(number: Decimal) -> bool:
    return len(number.as_tuple().digits) <= 60 and abs(number.adjusted()) < 1000


async def _written_and_read(
    kind: str, path: Path, positions: tuple[PositionRecord, ...]
) -> Mapping[tuple[str, str], PositionRecord]:
    store: Store = MemoryStore() if kind == "memory" else connect(f"sqlite:///{path}").store
    await store.open()
    try:
        await store.commit(Changes(portfolio="treasury", record=a_record(), positions=positions))
        return (await store.load("treasury", NOW)).positions
    finally:
        await store.close()


@pytest.mark.parametrize(
    "order",
    [
        an_order(qty=Decimal("NaN")),
        an_order(price=Decimal("Infinity")),
        an_order(qty=Decimal("1." + "1" * 60)),
        an_order(created_at=NOW.replace(tzinfo=None)),
    ],
    ids=["nan", "infinity", "more digits than kept", "no time zone"],
)
async def test_a_value_without_exact_form_is_refused(started: Kept, order: Order) -> None:
    with pytest.raises(StoreError, match=r"Order\.(qty|price|created_at): expected"):
        await commit(started, orders=(an_order("cp0"), order))
    assert await started.store.orders("treasury", live_only=False, limit=9) == ()


async def test_a_document_is_kept_as_json_and_not_as_the_object(started: Kept) -> None:
    document: dict[str, object] = {"steps": ("a", "b")}
    await commit(started, journal=a_row(document=document))
    document["steps"] = "changed afterwards"
    row = await started.journal.row("c1")
    assert row is not None
    assert row.document == {"steps": ["a", "b"]}


# --- all or nothing


FAILING = {
    "illegal move": {"orders": (an_order("cp2"), an_order(state=OrderState.OPEN))},
    "order of another portfolio": {"orders": (an_order("cp2", portfolio="other"),)},
    "alert of another portfolio": {"alerts": (an_alert(portfolio="other"),)},
    "journal of another portfolio": {"journal": a_row("c2", portfolio="other")},
    "record of another portfolio": {"record": a_record(id="other")},
    "journal with a Decimal in it": {"journal": a_row("c2", document={"equity": SMALL})},
    "journal with a NaN in it": {"journal": a_row("c2", document={"equity": float("nan")})},
    "strategy with a datetime in it": {
        "strategies": (StrategyRecord(id="s2", kind="hedge", document={"at": NOW}),)
    },
}


@pytest.mark.parametrize("failing", FAILING.values(), ids=FAILING.keys())
async def test_a_failing_part_leaves_nothing(started: Kept, failing: dict[str, object]) -> None:
    first = an_order(state=OrderState.FILLED)
    await commit(started, orders=(first,))
    before = await started.store.load("treasury", NOW)
    parts: dict[str, object] = {
        "record": a_record(trading_state=TradingState.HALT),
        "strategies": (StrategyRecord(id="s", kind="hedge", document={}),),
        "targets": (a_target(),),
        "positions": (PositionRecord(venue="main", symbol=PERP, own_qty=SMALL),),
        "orders": (an_order("cp9"),),
        "fills": (a_fill(),),
        "alerts": (an_alert(), a_condition("k")),
        "journal": a_row(),
    }
    with pytest.raises((StoreError, IllegalMove)):
        await commit(started, **(parts | failing))
    for _ in ("at once", "after a restart"):
        assert await started.store.load("treasury", NOW) == before
        assert await started.store.orders("treasury", live_only=False, limit=9) == (first,)
        assert await started.store.unseen_fills([a_fill()]) == (a_fill(),)
        assert await started.outbox.counts() == {"pending": 0, "dead": 0}
        assert await started.journal.last("treasury", 9) == ()
        await started.restart()


async def test_a_store_works_on_after_a_refused_commit(started: Kept) -> None:
    with pytest.raises(StoreError):
        await commit(started, orders=(an_order(portfolio="other"),))
    await commit(started, orders=(an_order(),))
    assert (await started.store.load("treasury", NOW)).orders == (an_order(),)


async def test_an_id_of_another_portfolio_is_not_taken_over(started: Kept) -> None:
    other = a_record(id="other")
    await started.store.commit(Changes(portfolio="other", record=other))
    await commit(started, orders=(an_order(),), journal=a_row())
    for parts in (
        {"orders": (an_order(portfolio="other"),)},
        {"journal": a_row(portfolio="other")},
    ):
        with pytest.raises(StoreError):
            await started.store.commit(
                Changes(portfolio="other", **parts)  # type: ignore[arg-type]  # real fields
            )
    assert (await started.store.load("treasury", NOW)).orders == (an_order(),)
    assert await started.journal.last("other", 9) == ()


async def test_portfolios_do_not_see_each_other(started: Kept) -> None:
    other = a_record(id="other")
    await commit(
        started,
        targets=(a_target(),),
        positions=(PositionRecord(venue="main", symbol=PERP),),
        strategies=(StrategyRecord(id="s", kind="hedge", document={}),),
        orders=(an_order(venue_order_id="v1"),),
        fills=(a_fill(),),
        alerts=(a_condition("k"),),
        journal=a_row(),
    )
    await started.store.commit(Changes(portfolio="other", record=other))
    found = await started.store.load("other", NOW)
    assert found.portfolio == other
    assert (found.strategies, found.targets, found.positions) == ({}, {}, {})
    assert (found.orders, found.recent_fills, found.placed_at) == ((), (), ())
    assert found.raised == frozenset()
    assert await started.journal.last("other", 9) == ()


async def test_changes_without_anything_need_no_portfolio(kept: Kept) -> None:
    await commit(kept)
    assert await kept.store.portfolio("treasury") is None


# --- orders


LEGAL = [(old, new) for old in OrderState for new in OrderState if old is new or new in MOVES[old]]
ILLEGAL = [(old, new) for old in OrderState for new in OrderState if (old, new) not in LEGAL]


async def test_every_legal_move_is_stored_and_every_other_one_refused(started: Kept) -> None:
    legal = [(an_order(f"legal{n}"), *move) for n, move in enumerate(LEGAL)]
    await commit(started, orders=tuple(replace(order, state=old) for order, old, _ in legal))
    await commit(started, orders=tuple(replace(order, state=new) for order, _, new in legal))
    odd = [(an_order(f"odd{n}"), *move) for n, move in enumerate(ILLEGAL)]
    await commit(started, orders=tuple(replace(order, state=old) for order, old, _ in odd))
    for order, old, new in odd:
        with pytest.raises(IllegalMove, match=f"stored as {old}, may not become {new}"):
            await commit(started, orders=(replace(order, state=new),))
    states = {
        order.client_order_id: order.state
        for order in await started.store.orders("treasury", live_only=False, limit=1000)
    }
    assert states == {
        **{f"legal{n}": new for n, (_, new) in enumerate(LEGAL)},
        **{f"odd{n}": old for n, (old, _) in enumerate(ILLEGAL)},
    }


async def test_moves_inside_one_change_are_checked_one_after_the_other(started: Kept) -> None:
    steps = (OrderState.PENDING, OrderState.SUBMITTED, OrderState.OPEN)
    await commit(started, orders=tuple(an_order(state=state) for state in steps))
    (found,) = (await started.store.load("treasury", NOW)).orders
    assert found.state is OrderState.OPEN
    with pytest.raises(IllegalMove):
        await commit(
            started,
            orders=(an_order(state=OrderState.FILLED), an_order(state=OrderState.OPEN)),
        )


async def test_a_load_has_live_orders_and_those_of_current_decisions(started: Kept) -> None:
    later = NOW + timedelta(microseconds=1)
    live_old = an_order("live-old", decision_id="d0", state=OrderState.UNKNOWN)
    gone_old = an_order("gone-old", decision_id="d0", state=OrderState.CANCELED)
    second = an_order("second", rung=1, state=OrderState.FILLED)
    first = an_order("first", rung=0, state=OrderState.REJECTED)
    newest = an_order("a-newest", created_at=later, updated_at=later)
    await commit(
        started, targets=(a_target("d1"),), orders=(newest, gone_old, second, first, live_old)
    )
    found = await started.store.load("treasury", NOW)
    assert [o.client_order_id for o in found.orders] == ["first", "live-old", "second", "a-newest"]

    await commit(started, targets=(a_target("d0"),))
    found = await started.store.load("treasury", NOW)
    assert [o.client_order_id for o in found.orders] == ["gone-old", "live-old", "a-newest"]


async def test_orders_are_listed_newest_first(started: Kept) -> None:
    orders = tuple(
        an_order(
            f"cp{n}",
            created_at=NOW + timedelta(seconds=n),
            state=OrderState.FILLED if n % 2 else OrderState.OPEN,
        )
        for n in range(6)
    )
    await commit(started, orders=orders)

    async def listed(*, live_only: bool, limit: int) -> list[str]:
        found = await started.store.orders("treasury", live_only=live_only, limit=limit)
        return [order.client_order_id for order in found]

    assert await listed(live_only=False, limit=4) == ["cp5", "cp4", "cp3", "cp2"]
    assert await listed(live_only=True, limit=9) == ["cp4", "cp2", "cp0"]


async def test_placed_at_reaches_back_one_minute(started: Kept) -> None:
    ages = [timedelta(0), timedelta(seconds=59, microseconds=999999), timedelta(minutes=1)]
    await commit(
        started,
        orders=tuple(an_order(f"cp{n}", created_at=NOW - age) for n, age in enumerate(ages)),
    )
    found = await started.store.load("treasury", NOW)
    assert found.placed_at == (NOW - ages[1], NOW)
    # a state change is no new placement
    await commit(started, orders=(an_order("cp0", state=OrderState.REJECTED),))
    assert (await started.store.load("treasury", NOW)).placed_at == (NOW - ages[1], NOW)
    # an order is what was written last, in every part of it
    await commit(started, orders=(an_order("cp1", created_at=NOW - ages[2]),))
    assert (await started.store.load("treasury", NOW)).placed_at == (NOW,)


async def test_what_became_of_the_orders_of_a_day(started: Kept) -> None:
    """All of the last 24 h are counted; those of 20 minutes tell whether the venue took them."""
    minutes = {"old": 24 * 60, "day": 24 * 60 - 1, "ago": 20, "sound": 19, "made": 9, "poor": 1}
    states = {"made": ("would_take", OrderState.REJECTED), "poor": ("-2019", OrderState.REJECTED)}
    orders = []
    for name, age in minutes.items():
        why, state = states.get(name, (None, OrderState.OPEN))
        at = NOW - timedelta(minutes=age)
        orders.append(an_order(name, created_at=at, state=state, reason=why))
    await commit(started, orders=tuple(orders))
    found = await started.store.load("treasury", NOW)
    assert found.placed_24h == 5
    assert [(NOW - t.at, t.rejected) for t in found.tried] == [
        (timedelta(minutes=19), False),
        (timedelta(minutes=9), False),
        (timedelta(minutes=1), True),
    ]
    assert [(NOW - r.at, r.code, r.symbol, r.side, r.reduce_only) for r in found.refusals] == [
        (timedelta(minutes=1), "-2019", orders[0].symbol, orders[0].side, False)
    ]
    # those of an hour
    later = await started.store.load("treasury", NOW + timedelta(minutes=59))
    assert later.refusals == ()


# --- fills


async def test_a_fill_is_stored_once_and_never_changed(started: Kept) -> None:
    await commit(started, orders=(an_order(venue_order_id="v1"),))
    await commit(started, fills=(a_fill(), a_fill()))
    await commit(started, fills=(a_fill(qty=LARGE), a_fill("t2")))
    assert (await started.store.load("treasury", NOW)).recent_fills == (a_fill(), a_fill("t2"))


async def test_the_same_trade_id_elsewhere_is_another_fill(started: Kept) -> None:
    await commit(started, fills=(a_fill(),))
    elsewhere = (a_fill(venue="second"), a_fill(symbol="ETH/USDT:USDT"))
    assert await started.store.unseen_fills(elsewhere) == elsewhere


async def test_unseen_fills_keep_their_order_and_come_once(started: Kept) -> None:
    await commit(started, fills=(a_fill("b"),))
    asked = [a_fill("c"), a_fill("b"), a_fill("a"), a_fill("c"), a_fill("d", venue="second")]
    unseen = await started.store.unseen_fills(iter(asked))
    assert [fill.trade_id for fill in unseen] == ["c", "a", "d"]
    assert await started.store.unseen_fills([]) == ()


async def test_many_fills_at_once(started: Kept) -> None:
    fills = tuple(a_fill(f"t{n}") for n in range(1203))
    await commit(started, fills=fills[::2])
    assert await started.store.unseen_fills(fills) == fills[1::2]


async def test_owners_are_the_orders_behind_a_venues_order_ids(started: Kept) -> None:
    later = NOW + timedelta(seconds=1)
    first = an_order("b", venue_order_id="v1", state=OrderState.FILLED)
    second = an_order("a", venue_order_id="v2", created_at=later)
    elsewhere = an_order("c", venue="second", venue_order_id="v1")
    await commit(started, orders=(second, elsewhere, first, an_order("d")))
    asked = ["v2", "v1", "v2", "foreign"]
    assert await started.store.owners("main", iter(asked)) == (first, second)
    assert await started.store.owners("main", []) == ()


async def test_recent_fills_are_our_own_of_one_day_oldest_first(started: Kept) -> None:
    day = timedelta(days=1)
    mine = a_fill("mine", filled_at=NOW)
    older = a_fill("older", filled_at=NOW - day + timedelta(microseconds=1))
    too_old = a_fill("too-old", filled_at=NOW - day)
    foreign = a_fill("foreign", venue_order_id="not-ours")
    elsewhere = a_fill("elsewhere", symbol="ETH/USDT:USDT")
    await commit(started, fills=(mine, older, too_old, foreign, elsewhere))
    assert (await started.store.load("treasury", NOW)).recent_fills == ()
    # the order learns its venue id after its fills were read
    await commit(started, orders=(an_order(state=OrderState.FILLED, venue_order_id="v1"),))
    assert (await started.store.load("treasury", NOW)).recent_fills == (older, mine)


# --- alerts


async def test_a_condition_is_raised_until_it_is_cleared(started: Kept) -> None:
    later = NOW + timedelta(minutes=1)
    await commit(started, alerts=(a_condition("a"), a_condition("b"), an_alert()))
    assert (await started.store.load("treasury", NOW)).raised == {"a", "b"}
    await commit(started, alerts=(a_condition("a", cleared=True, at=later),))
    await started.restart()
    assert (await started.store.load("treasury", NOW)).raised == {"b"}
    # a repeated commit of the alert that raised it is no new alert
    await commit(started, alerts=(a_condition("a"),))
    assert (await started.store.load("treasury", NOW)).raised == {"b"}
    both = (a_condition("b", cleared=True, at=later), a_condition("b", at=later))
    await commit(started, alerts=both)
    assert (await started.store.load("treasury", NOW)).raised == {"b"}


async def test_an_all_clear_is_kept_with_how_loud_its_alarm_was(started: Kept) -> None:
    await started.outbox.enrol({"log"}, NOW)

    def said(minute: int, key: str, severity: Severity, *, cleared: bool = False) -> Alert:
        at = NOW + timedelta(minutes=minute)
        return alert("treasury", "venue", severity, f"{minute}", at, key=key, cleared=cleared)

    await commit(started, alerts=(said(0, "a", Severity.CRITICAL), said(1, "b", Severity.INFO)))
    # told again, less loud: who heard the loudest is told the end
    await commit(started, alerts=(said(2, "a", Severity.WARNING),))
    await started.restart()
    over = [said(3, key, Severity.INFO, cleared=True) for key in ("a", "b", "never")]
    await commit(started, alerts=tuple(over))
    ends = [r.alert for r in await started.outbox.pending("log", 0, 10) if r.alert.cleared]
    assert [dict(a.data) for a in ends] == [{"was": "critical"}, {"was": "info"}, {}]
    assert [a.urgency for a in ends] == [Severity.CRITICAL, Severity.INFO, Severity.INFO]
    assert {a.severity for a in ends} == {Severity.INFO}
    # and it is raised no more: what comes next is judged by itself
    await commit(started, alerts=(said(4, "a", Severity.WARNING),))
    await commit(started, alerts=(said(5, "a", Severity.INFO, cleared=True),))
    (*_, last) = await started.outbox.pending("log", 0, 10)
    assert last.alert.data["was"] == "warning"


# --- journal


async def test_the_journal_is_newest_first(started: Kept) -> None:
    for number in range(5):
        # even if a clock went back
        await commit(started, journal=a_row(f"c{number}", at=NOW - timedelta(hours=number)))
    await started.restart()
    found = await started.journal.last("treasury", 3)
    assert [row.cycle_id for row in found] == ["c4", "c3", "c2"]
    assert await started.journal.last("nobody", 3) == ()
    assert await started.journal.row("c9") is None


async def test_a_journal_row_committed_again_is_replaced_in_place(started: Kept) -> None:
    await commit(started, journal=a_row("c1"))
    await commit(started, journal=a_row("c2"))
    again = a_row("c1", summary="again", document={})
    await commit(started, journal=again)
    assert await started.journal.row("c1") == again
    assert await started.journal.last("treasury", 9) == (a_row("c2"), again)
