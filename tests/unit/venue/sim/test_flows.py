"""Money from and to outside: in the books, in the truth log, with the house on the other side."""

from __future__ import annotations

from decimal import Decimal

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import RejectCode, SimReject, Wallet
from tests.unit.venue.sim.world import BUY, HOUR, PERP, SELL, SPOT, START, World, flat, world

SPOTS, FUTURES = Wallet.SPOT, Wallet.FUTURES


def refusal(here: World, act: str, wallet: Wallet, asset: str, qty: str) -> RejectCode:
    with pytest.raises(SimReject) as caught:
        getattr(here.exchange, act)(here.key, wallet, asset, dec(qty))
    return caught.value.code


def test_money_arrives_and_leaves_and_is_told() -> None:
    here = world()
    first = here.exchange.deposit(here.key, SPOTS, "BTC", dec("0.5"))
    here.pass_hours()
    second = here.exchange.withdraw(here.key, FUTURES, "USDT", dec(100))
    assert (here.spot("BTC"), here.wallet()) == (dec("10.5"), 9_900)
    assert first != second
    told = [(f.wallet, f.asset, f.qty, f.at) for f in here.exchange.flows(here.key)]
    assert told == [
        (SPOTS, "BTC", dec("0.5"), START + HOUR),
        (FUTURES, "USDT", dec(-100), START + 2 * HOUR),
    ]
    assert len(here.exchange.flows(here.key, START + 2 * HOUR)) == 1
    arrived, left = here.events("deposit", "withdrawal")
    assert (arrived["event"], arrived["qty"], arrived["asset"], arrived["status"]) == (
        "deposit",
        "0.5",
        "BTC",
        "spot",
    )
    assert (left["event"], left["qty"], left["status"], left["account"]) == (
        "withdrawal",
        "100",
        "futures",
        here.key,
    )


def test_the_house_is_on_the_other_side() -> None:
    here = world()
    before = here.exchange.house()
    here.exchange.deposit(here.key, SPOTS, "USDT", dec("7.00000001"))
    assert here.exchange.house()["USDT"] == before["USDT"] - dec("7.00000001")


def test_what_an_account_opens_with_is_no_flow() -> None:
    here = world()
    assert here.exchange.flows(here.key) == []
    assert here.events("deposit") == []


@pytest.mark.parametrize("qty", ["0", "-1", "0.000000001"])
def test_a_quantity_that_cannot_be_booked_is_refused(qty: str) -> None:
    here = world()
    for act in ("deposit", "withdraw"):
        assert refusal(here, act, SPOTS, "USDT", qty) is RejectCode.BAD_TRANSFER


def test_an_asset_the_wallet_does_not_take_is_refused() -> None:
    here = world()
    assert refusal(here, "deposit", FUTURES, "BTC", "1") is RejectCode.BAD_TRANSFER
    assert refusal(here, "deposit", SPOTS, "NOPE", "1") is RejectCode.BAD_TRANSFER
    assert here.exchange.flows(here.key) == []


def test_what_is_locked_or_margin_cannot_leave() -> None:
    here = world([flat()] * 5)
    here.place(SELL, "4", 120, kind=SPOT)
    assert refusal(here, "withdraw", SPOTS, "BTC", "6.00000001") is RejectCode.INSUFFICIENT_BALANCE
    here.exchange.withdraw(here.key, SPOTS, "BTC", dec(6))
    here.place(BUY, "1", kind=PERP)
    free: Decimal = here.account().futures["USDT"].available
    assert refusal(here, "withdraw", FUTURES, "USDT", str(free + 1)) is (
        RejectCode.INSUFFICIENT_BALANCE
    )


def test_an_account_nobody_opened_is_refused() -> None:
    with pytest.raises(SimReject) as caught:
        world().exchange.deposit("nobody", SPOTS, "BTC", dec(1))
    assert caught.value.code is RejectCode.UNKNOWN_ACCOUNT
