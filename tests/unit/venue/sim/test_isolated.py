"""Isolated positions: what goes into their wallets, what comes back, and what never touches the others."""

from __future__ import annotations

from decimal import Decimal

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import MarginType, PerpPosition, RejectCode, SimReject, Wallet
from tests.unit.venue.sim.world import BUY, PERP, SELL, SYMBOL, World, flat, rates, world

DEEP = flat(volume=1000)


def isolated(**more: object) -> World:
    """A deep market at 100 and an account whose contract is isolated at a leverage of 10."""
    here = world(
        [DEEP] * 12,
        balance={(Wallet.FUTURES, "USDT"): dec(1000)},
        **more,  # type: ignore[arg-type]  # the keywords of world
    )
    here.exchange.set_leverage(here.key, SYMBOL, 10)
    here.exchange.set_margin_type(here.key, SYMBOL, MarginType.ISOLATED)
    return here


def position(here: World) -> PerpPosition:
    (found,) = here.account().positions
    return found


def wallets(here: World) -> tuple[Decimal, Decimal]:
    """The cross wallet and the isolated one."""
    return here.account().futures["USDT"].cross_balance, position(here).isolated_wallet


def refusal(here: World, qty: str) -> RejectCode:
    with pytest.raises(SimReject) as caught:
        here.exchange.change_margin(here.key, SYMBOL, dec(qty))
    return caught.value.code


def test_opening_moves_the_initial_margin() -> None:
    here = isolated()
    here.place(BUY, "10")
    assert wallets(here) == (dec(899), dec(101))
    wallet = here.account().futures["USDT"]
    assert (wallet.wallet_balance, wallet.unrealized_pnl, wallet.available) == (1000, -10, 899)
    assert (wallet.maintenance_margin, wallet.margin_ratio) == (0, None)  # nothing is cross


def test_the_position_stands_on_its_own() -> None:
    here = isolated()
    here.place(BUY, "10")
    held = position(here)
    assert held.margin_type is MarginType.ISOLATED
    assert here.account().margin_types == {SYMBOL: MarginType.ISOLATED}
    # 101 + 10 p - 1010 = 0.04 p
    assert held.liquidation_price == dec("91.26506024")
    assert (held.maintenance_margin, held.margin_ratio) == (4, dec("0.04395605"))  # of 91


def test_resting_orders_take_from_the_futures_wallet() -> None:
    here = isolated()
    here.place(BUY, "10")
    here.place(BUY, "10", 90)
    wallet = here.account().futures["USDT"]
    assert (wallet.open_order_initial_margin, wallet.available) == (90, 809)


def test_closing_a_part_returns_its_share_with_what_it_realised() -> None:
    here = isolated()
    here.place(BUY, "10")
    here.exchange.set_price(SYMBOL, dec(111))
    here.place(SELL, "4")
    assert wallets(here) == (899 + dec("40.4") + 36, dec("60.6"))


def test_a_loss_beyond_the_share_stays_with_the_rest() -> None:
    here = isolated(mark_rows=[flat(volume=0)] * 12)
    here.place(BUY, "10")
    here.exchange.set_price(SYMBOL, dec(85), PERP)
    here.place(SELL, "4")  # at 84: a loss of 68, a share of 40.4
    assert wallets(here) == (dec(899), dec(33))


def test_closing_all_returns_all() -> None:
    here = isolated()
    here.place(BUY, "10")
    here.place(SELL, "10")
    assert wallets(here) == (dec(980), 0)


def test_a_flip_returns_one_and_pays_the_other() -> None:
    here = isolated()
    here.place(BUY, "10")
    here.place(SELL, "15")
    assert here.held() == -5
    assert wallets(here) == (980 - dec("49.5"), dec("49.5"))


def test_fees_are_paid_by_the_futures_wallet_and_funding_by_the_position() -> None:
    here = isolated(funding=[rates(["0", "0.01"])])
    here.place(BUY, "10")
    here.pass_hours(7)
    assert wallets(here) == (dec(899), dec(91))


def test_margin_by_hand() -> None:
    here = isolated()
    here.place(BUY, "10")
    here.exchange.change_margin(here.key, SYMBOL, dec(50))
    assert wallets(here) == (dec(849), dec(151))
    # 100 at mark must stay, and the loss of 10
    assert refusal(here, "-41.01") is RejectCode.INSUFFICIENT_MARGIN
    here.exchange.change_margin(here.key, SYMBOL, dec(-41))
    assert wallets(here) == (dec(890), dec(110))
    assert refusal(here, "890.01") is RejectCode.INSUFFICIENT_BALANCE
    assert refusal(here, "0") is RejectCode.BAD_TRANSFER
    moves = [(m.qty, m.by_hand) for m in here.exchange.margin_moves(here.key)]
    assert moves == [(101, False), (50, True), (-41, True)]


def test_margin_needs_an_isolated_position() -> None:
    here = isolated()
    assert refusal(here, "1") is RejectCode.NO_POSITION
    here.exchange.set_margin_type(here.key, SYMBOL, MarginType.CROSS)
    assert refusal(here, "1") is RejectCode.NOT_ISOLATED


def test_the_margin_type_stays_while_anything_is_open() -> None:
    here = isolated()
    resting = here.place(BUY, "1", 90)
    with pytest.raises(SimReject) as caught:
        here.exchange.set_margin_type(here.key, SYMBOL, MarginType.CROSS)
    assert caught.value.code is RejectCode.ORDERS_OPEN
    here.exchange.set_margin_type(here.key, SYMBOL, MarginType.ISOLATED)  # it is so already
    here.exchange.cancel(here.key, PERP, SYMBOL, order_id=resting.order_id)
    here.place(BUY, "1")
    with pytest.raises(SimReject) as caught:
        here.exchange.set_margin_type(here.key, SYMBOL, MarginType.CROSS)
    assert caught.value.code is RejectCode.POSITION_OPEN


def test_an_isolated_position_never_gets_less_leverage() -> None:
    here = isolated()
    here.place(BUY, "10")
    with pytest.raises(SimReject) as caught:
        here.exchange.set_leverage(here.key, SYMBOL, 9)
    assert caught.value.code is RejectCode.LEVERAGE_REDUCTION
    here.exchange.set_leverage(here.key, SYMBOL, 20)
    assert position(here).leverage == 20


def test_what_is_isolated_cannot_be_transferred() -> None:
    here = isolated()
    here.place(BUY, "10")
    with pytest.raises(SimReject):
        here.exchange.transfer(here.key, "USDT", dec("899.01"), Wallet.FUTURES, Wallet.SPOT)
    here.exchange.transfer(here.key, "USDT", dec(899), Wallet.FUTURES, Wallet.SPOT)
    assert wallets(here) == (0, dec(101))


def test_its_liquidation_costs_its_wallet_and_no_more() -> None:
    here = isolated(mark_rows=[flat(volume=0)] * 12)
    here.place(BUY, "10")
    resting = here.place(BUY, "1", 80)
    here.exchange.set_price(SYMBOL, dec(50), "mark")
    assert here.held() == 0
    assert wallets(here) == (dec(899), 0)
    assert not here.now_of(resting).status.is_open
    _, trade = here.exchange.trades(here.key, PERP, SYMBOL)
    assert trade.price == 90  # bankrupt at 90.9, on the tick against the account
    booked = [(i.kind, i.qty) for i in here.exchange.income(here.key)]
    assert booked == [("realized_pnl", -110), ("insurance_clear", 9)]
