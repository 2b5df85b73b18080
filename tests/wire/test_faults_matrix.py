"""Binance's wire faults x operation x before and after their effect, through stock ccxt, judged by the truth log.

``make test`` runs a share of the cases; ``pytest tests/wire/test_faults_matrix.py`` runs all of them.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Accepted, NotPlaced, Order, OrderState, Unknown
from counterpoise.execute.reconcile import bound
from counterpoise.venue.ccxt import endpoints as ask
from counterpoise.venue.ccxt import faults, mapping, outcome
from counterpoise.venue.ccxt.call import Call, CallFailed
from counterpoise.venue.ccxt.endpoints import Scope
from counterpoise.venue.ccxt.faults import Deed, Proof, RawReply, Row, Table
from counterpoise.venue.ccxt.limiter import Limiter
from counterpoise.venue.ccxt.wire import Wire
from tests.build import make_venue_order
from tests.wire import fault_reference as ref
from tests.wire.fault_cases import (
    CASES,
    CID,
    Case,
    FreezeCase,
    ReadCase,
    counted,
    order_of,
    share,
)
from tests.wire.world import world


def marked() -> list[object]:
    always = share()
    return [
        pytest.param(case, id=case.name, marks=() if case.name in always else pytest.mark.prove)
        for case in CASES
    ]


@pytest.mark.parametrize("case", marked())
async def test_case(case: Case | ReadCase | FreezeCase) -> None:
    await case.run()


def test_there_are_enough_and_each_has_its_own_name() -> None:
    kinds = Counter(type(case).__name__ for case in CASES)
    told = counted()
    assert len({case.name for case in CASES}) == len(CASES), told
    assert kinds["Case"] >= 1_000, told
    effects = Counter(case.when for case in CASES if isinstance(case, Case))
    assert min(effects["before"], effects["after"]) >= 300, told
    said = Counter(c.row.truth(c.deed) for c in CASES if isinstance(c, Case))
    assert min(said["N"], said["U"]) >= 150, told
    assert said["P"] >= 4, told


# --- the cases can fail: what they find when a table, or a judge, is wrong


def case_of(deed: str, name: str, when: str = "after") -> Case:
    return next(
        c
        for c in CASES
        if isinstance(c, Case) and (c.deed, c.when) == (deed, when) and c.row.name.startswith(name)
    )


def believing(*rows: Row) -> dict[tuple[Scope, Deed], Table]:
    """Every table with ``rows`` on top."""
    return {key: (*rows, *table) for key, table in faults.BINANCE.items()}


def without(code: int) -> dict[tuple[Scope, Deed], Table]:
    """Every table without what it says of ``code``."""
    return {
        key: tuple(row for row in table if row.code != code)
        for key, table in faults.BINANCE.items()
    }


def refusing(code: int | None, low: int = 400, high: int = 600) -> Row:
    return Row(proof=Proof.NOT_PLACED, statuses=range(low, high), code=code)


WRONG_TABLES = {
    "a time-out of the backend is a refusal": (believing(refusing(-1007)), "408 -1007"),
    "the message bus is a refusal": (believing(refusing(-1006)), "400 -1006"),
    "an unknown error is a refusal": (believing(refusing(-1000)), "503 -1000 Unknown error"),
    "every error with a code is a refusal": (believing(refusing(None)), "400 -9999"),
    "every 4xx with a code is a refusal": (believing(refusing(None, high=500)), "400 -1001"),
    "a refusal counts under any status": (believing(refusing(-2019)), "503 -2019"),
}


@pytest.mark.parametrize("deed", ref.DEEDS)
@pytest.mark.parametrize("wrong", WRONG_TABLES)
async def test_a_table_that_is_too_sure_is_caught_by_the_log(
    monkeypatch: pytest.MonkeyPatch, wrong: str, deed: str
) -> None:
    tables, name = WRONG_TABLES[wrong]
    monkeypatch.setattr(faults, "BINANCE", tables)
    with pytest.raises(AssertionError, match="refused, says it, and it happened"):
        await case_of(deed, name).run()


@pytest.mark.parametrize(
    ("code", "deed", "name"),
    [
        (-1021, ref.PLACE_SPOT, "400 -1021"),
        (-2019, ref.PLACE_FUTURES, "400 -2019"),
        (-1003, ref.CANCEL_SPOT, "418 -1003"),
        (-1008, ref.CANCEL_FUTURES, "503 -1008"),
        (-5013, ref.TRANSFER, "400 -5013"),
        (-2011, ref.CANCEL_SPOT, "400 -2011 Unknown"),
        (-4116, ref.PLACE_FUTURES, "400 -4116"),
        (-2010, ref.PLACE_SPOT, "400 -2010 Duplicate"),
    ],
)
async def test_a_row_that_is_missing_is_caught(
    monkeypatch: pytest.MonkeyPatch, code: int, deed: str, name: str
) -> None:
    monkeypatch.setattr(faults, "BINANCE", without(code))
    with pytest.raises(AssertionError, match=r"expected [NP], was U"):
        await case_of(deed, name, "before").run()


async def test_one_map_for_spot_and_futures_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = faults.BINANCE[Scope.FUTURES, Deed.ORDER]
    monkeypatch.setattr(faults, "BINANCE", dict.fromkeys(faults.BINANCE, shared))
    with pytest.raises(AssertionError, match="refused, says it, and it happened"):
        await case_of(ref.PLACE_SPOT, "409 -2021").run()


@pytest.mark.parametrize("name", ["200 empty", "200 {}", "another client id", "no order id"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_reply_that_is_believed_unseen_is_caught(
    monkeypatch: pytest.MonkeyPatch, name: str, when: str
) -> None:
    def believed(order: Order, *_seen: object) -> Accepted:
        return Accepted(order=make_venue_order(order))

    monkeypatch.setattr(outcome, "judge_reply", believed)
    with pytest.raises(AssertionError, match="expected U, was P"):
        await case_of(ref.PLACE_FUTURES, name, when).run()


async def test_an_order_that_is_sent_again_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    once = Wire.send

    async def twice(self: Wire, call: Call) -> object:
        try:
            return await once(self, call)
        except CallFailed:
            return await once(self, replace(call, sent=False))

    monkeypatch.setattr(Wire, "send", twice)
    with pytest.raises(AssertionError, match="expected one request, was 2"):
        await case_of(ref.PLACE_FUTURES, "time-out", "before").run()


async def test_a_pause_that_is_not_kept_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Limiter, "replied", lambda *_args, **_more: None)
    case = next(c for c in CASES if isinstance(c, FreezeCase) and c.deed == ref.PLACE_FUTURES)
    with pytest.raises(AssertionError, match="expected no order"):
        await case.run()


async def test_a_failed_read_that_looks_empty_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapping, "rows", lambda reply: reply)
    case = next(
        c
        for c in CASES
        if isinstance(c, ReadCase) and (c.read, c.row.name) == ("positions", "200 {}")
    )
    with pytest.raises(AssertionError, match="expected an error"):
        await case.run()


# --- what no row can say


async def test_the_raw_reply_reaches_the_judge_through_stock_ccxt() -> None:
    async with world() as here:
        venue = here.venue()
        await venue.open()
        msg = "Timeout waiting for response from backend server."
        args = {"code": -1007, "status": 408, "msg": msg, "headers": {"X-A": "b"}}
        here.arm("code", "/fapi/v1/order", args=args)
        params = {"symbol": "BTCUSDT", "origClientOrderId": CID}
        call = Call(endpoint=ask.CANCEL[Scope.FUTURES], params=params)
        with pytest.raises(CallFailed) as failed:
            await venue._wire.send(call)
        assert failed.value.raw == RawReply(sent=True, status=408, code=-1007, words=msg)
        assert (call.headers["x-a"], json.loads(call.body)["code"]) == ("b", -1007)
        await venue.close()


@pytest.mark.parametrize("status", [418, 429])
async def test_a_placement_refused_as_too_fast_and_made_all_the_same_is_found_by_the_next_look(
    status: int,
) -> None:
    """No document guarantees that 429 never follows the effect: the next look reads before it acts."""
    async with world() as here:
        venue = here.venue()
        await venue.open()
        order = order_of(ref.PLACE_FUTURES)
        here.arm("code", "/fapi/v1/order", when="after", args={"code": -1003, "status": status})
        refused = await venue.place(order)
        assert isinstance(refused, NotPlaced)
        assert refused.retry_after_s == 30
        assert isinstance(await venue.place(order), NotPlaced), "nothing takes its place meanwhile"
        await here.clock.sleep(dec(30))
        (found,) = await venue.open_orders([order.symbol])
        assert found.client_order_id == CID
        rejected = order.moved(OrderState.REJECTED, at=here.clock.now(), reason=refused.text)
        assert bound(rejected, found, here.clock.now()).state is OrderState.OPEN
        await venue.close()


async def test_a_clock_that_ran_away_is_measured_anew_after_an_order_was_refused_for_it() -> None:
    async with world() as here:
        venue = here.venue()
        await venue.open()
        here.arm("skew", "/*", args={"ms": 9_000})
        order = order_of(ref.PLACE_FUTURES)
        refused = await venue.place(order)
        assert isinstance(refused, NotPlaced)
        assert refused.code == "-1021"
        await venue.account()  # the next look: it asks for the time first
        assert isinstance(await venue.place(order), Accepted)
        assert len(here.log("place")) == 1
        await venue.close()


async def test_a_ban_is_waited_out_and_not_made_longer() -> None:
    async with world() as here:
        venue = here.venue()
        await venue.open()
        ban = here.arm("rate_limit", "/fapi/*", args={"retry_after": 20, "ban": 600})
        for _ in range(3):
            refused = await venue.place(order_of(ref.PLACE_FUTURES))
            assert isinstance(refused, NotPlaced)
            assert refused.retry_after_s == 20
        await venue.account()  # waits for the pause, then goes through
        assert here.fault(ban)["struck"] == 1
        assert isinstance(await venue.place(order_of(ref.PLACE_FUTURES)), Accepted)
        await venue.close()


async def test_a_lost_reply_with_a_late_effect_is_unknown_until_it_shows() -> None:
    async with world() as here:
        venue = here.venue()
        await venue.open()
        order = order_of(ref.PLACE_FUTURES)
        here.arm("async", "/fapi/v1/order", method="POST", args={"seconds": 14})
        here.arm("timeout", "/fapi/v1/order", method="POST", when="after")
        assert isinstance(await venue.place(order), Unknown)
        # ten seconds went by; "not found" is true, and no proof
        assert await venue.order(order.symbol, CID) is None
        await here.clock.sleep(dec(4))
        assert await venue.order(order.symbol, CID) is not None
        await venue.close()
