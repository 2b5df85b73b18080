"""The store suite for margin: what guards remember, transfers between wallets, and orders of guards."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from counterpoise.domain.errors import IllegalMove, StoreError
from counterpoise.domain.records import Changes, GuardRecord
from counterpoise.domain.transfer import TRANSFER_MOVES, Purse, Transfer, TransferState
from tests.build import make_order, make_transfer
from tests.contract.stores import NOW, Kept, a_record, commit

SMALL = Decimal("0.123456789012345678")
LARGE = Decimal("12345678901.123456789012345678")
DAY = timedelta(hours=24)
MICROSECOND = timedelta(microseconds=1)


def a_transfer(id_: str = "tr1", **changes: object) -> Transfer:
    at: dict[str, object] = {"created_at": NOW, "updated_at": NOW}
    return make_transfer(**(at | {"id": id_} | changes))


async def loaded(kept: Kept, now: datetime = NOW) -> tuple[Transfer, ...]:
    return (await kept.store.load("treasury", now)).transfers


async def test_all_of_it_comes_back_as_it_was_also_after_a_restart(started: Kept) -> None:
    guard = GuardRecord(id="margin", document={"step": "top_up", "since": "naïve ≤ 3"})
    full = a_transfer(
        qty=SMALL,
        source=Purse.FUTURES,
        target=Purse.POSITION,
        symbol="BTC/USDT:USDT",
        state=TransferState.UNKNOWN,
        updated_at=NOW + MICROSECOND,
        source_before=LARGE,
        target_before=-SMALL,
        venue_id="v7",
        reason="timed out",
    )
    plain = a_transfer("tr2")
    order = make_order(created_at=NOW, updated_at=NOW, guard="margin")
    await commit(started, guards=(guard,), transfers=(full, plain), orders=(order,))
    for _ in ("at once", "after a restart"):
        found = await started.store.load("treasury", NOW)
        assert found.guards == {"margin": guard}
        assert found.transfers == (full, plain)
        assert found.orders == (order,)
        await started.restart()


async def test_what_a_guard_remembers_is_replaced(started: Kept) -> None:
    await commit(started, guards=(GuardRecord(id="margin", document={"step": "warn"}),))
    second = GuardRecord(id="margin", document={"step": "none"})
    await commit(started, guards=(second, GuardRecord(id="venue", document={})))
    assert (await started.store.load("treasury", NOW)).guards == {
        "margin": second,
        "venue": GuardRecord(id="venue", document={}),
    }


async def test_a_guards_document_is_kept_as_json_and_not_as_the_object(started: Kept) -> None:
    document: dict[str, object] = {"step": "warn"}
    await commit(started, guards=(GuardRecord(id="margin", document=document),))
    document["step"] = "changed afterwards"
    found = (await started.store.load("treasury", NOW)).guards["margin"]
    assert found.document == {"step": "warn"}
    with pytest.raises(StoreError, match="guard margin"):
        await commit(started, guards=(GuardRecord(id="margin", document={"qty": SMALL}),))


@pytest.mark.parametrize("state", TransferState)
async def test_unproven_transfers_are_loaded_however_old_and_others_for_a_day(
    started: Kept, state: TransferState
) -> None:
    old = a_transfer(state=state, updated_at=NOW - DAY)
    recent = a_transfer("tr2", state=state, updated_at=NOW - DAY + MICROSECOND)
    await commit(started, transfers=(recent, old))
    assert await loaded(started) == ((recent,) if state.is_final else (old, recent))


async def test_transfers_come_oldest_first(started: Kept) -> None:
    newer = a_transfer("a", created_at=NOW + MICROSECOND)
    older, twin = a_transfer("c"), a_transfer("b")
    await commit(started, transfers=(newer, older, twin))
    assert await loaded(started) == (twin, older, newer)


async def test_every_legal_move_is_stored_and_every_other_one_refused(started: Kept) -> None:
    for old in TransferState:
        for new in TransferState:
            first = a_transfer(f"{old}-{new}", state=old)
            await commit(started, transfers=(first,))
            then = replace(first, state=new)
            if new is old or new in TRANSFER_MOVES[old]:
                await commit(started, transfers=(then,))
                assert then in await loaded(started)
            else:
                with pytest.raises(IllegalMove, match=f"stored as {old}, may not become {new}"):
                    await commit(started, transfers=(then,))
                assert first in await loaded(started)


async def test_moves_inside_one_change_are_checked_one_after_the_other(started: Kept) -> None:
    done = a_transfer(state=TransferState.DONE)
    with pytest.raises(IllegalMove):
        await commit(started, transfers=(done, replace(done, state=TransferState.UNKNOWN)))
    assert await loaded(started) == ()


FAILING = {
    "transfer of another portfolio": {"transfers": (a_transfer("tr2", portfolio="other"),)},
    "transfer that is no number": {"transfers": (a_transfer("tr2", qty=Decimal("NaN")),)},
    "transfer without a zone": {"transfers": (a_transfer("tr2", updated_at=datetime(2025, 1, 1)),)},  # noqa: DTZ001 - that it has no zone is the point
    "guard with a Decimal in it": {"guards": (GuardRecord(id="g", document={"x": SMALL}),)},
}


@pytest.mark.parametrize("failing", FAILING.values(), ids=FAILING.keys())
async def test_a_failing_part_leaves_nothing(started: Kept, failing: dict[str, object]) -> None:
    before = await started.store.load("treasury", NOW)
    parts: dict[str, object] = {
        "guards": (GuardRecord(id="margin", document={}),),
        "transfers": (a_transfer(),),
    }
    with pytest.raises(StoreError):
        await commit(started, **(parts | failing))
    for _ in ("at once", "after a restart"):
        assert await started.store.load("treasury", NOW) == before
        await started.restart()


async def test_a_transfer_of_another_portfolio_is_neither_seen_nor_taken_over(
    started: Kept,
) -> None:
    await commit(
        started, transfers=(a_transfer(),), guards=(GuardRecord(id="margin", document={}),)
    )
    await started.store.commit(Changes(portfolio="other", record=a_record(id="other")))
    with pytest.raises(StoreError, match="transfer tr1: expected portfolio treasury, was other"):
        await started.store.commit(
            Changes(portfolio="other", transfers=(a_transfer(portfolio="other"),))
        )
    found = await started.store.load("other", NOW)
    assert (found.transfers, found.guards) == ((), {})
    assert await loaded(started) == (a_transfer(),)
