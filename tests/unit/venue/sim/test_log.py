"""The truth log: every field of the contract, in order, and nothing can edit it."""

from __future__ import annotations

from datetime import timedelta

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import OrderKind, PlaceRequest, TruthLog, Wallet
from counterpoise.venue.sim.log import FIELDS
from tests.unit.venue.sim.world import (
    BUY,
    HOUR,
    IOC,
    PERP,
    SELL,
    START,
    SYMBOL,
    bar,
    flat,
    rates,
    world,
)

CONTRACT = {
    "seq", "at", "account", "event", "symbol", "client_id", "order_id", "trade_id", "side", "qty", "price",
    "reduce_only", "fee", "fee_asset", "signed_at", "status", "code",
}  # fmt: skip


def test_every_entry_has_every_field_of_the_contract_and_absent_is_none() -> None:
    assert set(FIELDS) >= CONTRACT
    log = TruthLog()
    log.append("place", START, qty=dec("1.500"))
    (entry,) = log.after(0)
    assert set(entry) == set(FIELDS)
    assert (entry["seq"], entry["at"], entry["qty"]) == (1, 1735689600000, "1.5")
    assert entry["price"] is None


def test_after_continues_without_holes() -> None:
    log = TruthLog()
    for _ in range(5):
        log.record_request(START, account="k", status="GET /x", code="200")
    assert [entry["seq"] for entry in log.after(3)] == [4, 5]
    assert [entry["seq"] for entry in log.after(-1)] == [1, 2, 3, 4, 5]
    assert log.after(log.next_seq) == []
    assert len(log) == 5


def test_what_was_read_is_a_copy() -> None:
    log = TruthLog()
    log.append("place", START, qty=dec(1))
    log.after(0)[0]["qty"] = "2"
    assert log.after(0)[0]["qty"] == "1"


def test_an_orders_life_is_told_in_order() -> None:
    rows = [flat(), bar(100, 112, 100, 105), *[flat(105)] * 8]
    here = world(rows, funding=[rates(["0", "0.0001"])])
    here.exchange.place(
        here.key,
        PlaceRequest(
            kind=PERP,
            symbol=SYMBOL,
            side=SELL,
            order_kind=OrderKind.LIMIT,
            qty=dec("0.5"),
            price=dec(110),
            client_order_id="cp1",
        ),
        signed_at=START + timedelta(milliseconds=7),
    )
    here.place(BUY, "0.1", 90, time=IOC)
    here.exchange.transfer(here.key, "USDT", dec(5), Wallet.SPOT, Wallet.FUTURES)
    here.pass_hours(8)
    told = here.exchange.log.after(0)
    assert [entry["event"] for entry in told] == [
        "place",
        "place",
        "cancel",
        "transfer",
        "fill",
        "funding",
    ]
    place, _, expired, transfer, fill, funding = told
    assert place | {"seq": 0} == {
        **dict.fromkeys(FIELDS),
        "seq": 0,
        "at": 1735693200000,
        "account": here.key,
        "event": "place",
        "market": "perp",
        "symbol": SYMBOL,
        "client_id": "cp1",
        "order_id": "1",
        "side": "sell",
        "qty": "0.5",
        "price": "110",
        "reduce_only": False,
        "signed_at": 1735689600007,
        "status": "open",
    }
    assert (expired["status"], expired["qty"]) == ("expired", "0.1")
    assert (transfer["qty"], transfer["asset"], transfer["status"]) == ("5", "USDT", "spot>futures")
    assert (fill["trade_id"], fill["order_id"], fill["status"]) == ("1", "1", "filled")
    assert fill["at"] == int((START + 2 * HOUR).timestamp() * 1000)
    assert (funding["qty"], funding["price"]) == ("0.00525", "105")


def test_a_refusal_says_what_was_asked_and_why_not() -> None:
    here = world()
    here.refusal(BUY, "0.0001", 100, client_id="cp2")
    (entry,) = here.exchange.log.after(0)
    assert (entry["event"], entry["code"], entry["client_id"]) == ("reject", "below_min_qty", "cp2")
    assert (entry["qty"], entry["order_id"], entry["status"]) == ("0.0001", None, None)


def test_no_secret_is_in_it() -> None:
    here = world()
    here.place(BUY, "1", 90)
    secret = here.exchange.secret_of(here.key)
    assert secret
    assert secret not in str(here.exchange.log.after(0))
