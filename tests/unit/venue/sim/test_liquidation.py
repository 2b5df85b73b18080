"""Liquidation: when it comes, in which order, at which price, who pays, and what is left."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from counterpoise.domain.numbers import ZERO, dec
from counterpoise.venue.sim import (
    AccountView,
    Candle,
    Fees,
    MarginType,
    MarketKind,
    OrderKind,
    OrderStatus,
    PlaceRequest,
    Series,
    Side,
    SimExchange,
    Wallet,
)
from counterpoise.venue.sim.model import tiers_of
from tests.unit.venue.sim.world import (
    BUY,
    HOUR,
    NO_FEES,
    PERP,
    SELL,
    START,
    SYMBOL,
    World,
    bar,
    flat,
    rates,
    rules,
    series,
    world,
)

DEEP = flat(volume=1000)
POOR = {(Wallet.FUTURES, "USDT"): dec(100)}
FREE = replace(NO_FEES, liquidation=dec(0))


def moving(*marks: tuple[int, int, int, int], fees: Fees = NO_FEES, **more: object) -> World:
    """A deep contract that stands at 100 and a mark of its own that moves."""
    rows = [DEEP] * (len(marks) + 1)
    mark_rows = [flat(volume=0), *(bar(*row, volume=0) for row in marks)]
    return world(rows, mark_rows=mark_rows, balance=POOR, fees=fees, **more)  # type: ignore[arg-type]  # keyword table


def house_and_all(here: World) -> Decimal:
    total = here.exchange.house()["USDT"]
    for key in here.exchange.accounts():
        view = here.exchange.account(key)
        total += sum((w.wallet_balance for w in view.futures.values()), ZERO)
        total += view.spot["USDT"].total if "USDT" in view.spot else ZERO
    return total


class TestWhen:
    # 10 long at 101 with 100 behind: 100 + 10 p - 1010 = 0.04 p, p = 91.3654...
    def test_a_mark_above_the_price_leaves_it(self) -> None:
        here = moving((100, 100, 92, 100))
        here.place(BUY, "10")
        here.pass_hours()
        assert here.held() == 10
        assert here.events("liquidation") == []

    def test_the_low_of_a_mark_bar_takes_a_long(self) -> None:
        here = moving((100, 100, 91, 100))
        here.place(BUY, "10")
        here.pass_hours()
        assert here.held() == 0

    def test_the_high_is_no_harm_to_a_long(self) -> None:
        here = moving((100, 200, 100, 100))
        here.place(BUY, "10")
        here.pass_hours()
        assert here.held() == 10

    def test_the_high_takes_a_short(self) -> None:
        # 10 short at 99: 100 - 10 p + 990 = 0.04 p, p = 108.56...
        here = moving((100, 109, 100, 100))
        here.place(SELL, "10")
        here.pass_hours()
        assert here.held() == 0

    def test_a_close_takes_it_too(self) -> None:
        here = moving((100, 100, 91, 91))
        here.place(BUY, "10")
        here.pass_hours()
        assert here.held() == 0

    def test_the_price_shown_is_the_price_at_which_it_happens(self) -> None:
        here = moving()
        here.place(BUY, "10")
        (position,) = here.account().positions
        assert position.liquidation_price is not None
        above = position.liquidation_price.__ceil__()
        here.exchange.set_price(SYMBOL, dec(above), "mark")
        assert here.held() == 10
        here.exchange.set_price(SYMBOL, dec(above - 1), "mark")
        assert here.held() == 0

    def test_a_contract_without_a_mark_of_its_own_is_judged_by_its_own_bars(self) -> None:
        here = world([DEEP, bar(100, 100, 91, 100, 1000)], balance=POOR)
        here.place(BUY, "10")
        here.pass_hours()
        assert here.held() == 0

    def test_a_mark_recorded_coarsely_moves_with_the_contract(self) -> None:
        """The low of the hour is over when the hour ends: who came later does not feel it."""
        quarter = HOUR / 4
        rows = [DEEP] * 4 + [bar(100, 100, 80, 100, 1000)] + [DEEP] * 3
        exchange = SimExchange(
            rules=[rules(PERP)],
            series=[
                series("perp", rows, interval=quarter),
                series("mark", [flat(volume=0), bar(100, 100, 80, 100, 0)]),
            ],
            now=START + HOUR,
            fees=NO_FEES,
        )
        here = World(exchange, exchange.open_account(POOR).api_key)
        late = exchange.open_account(POOR).api_key
        here.place(BUY, "10")
        here.pass_hours("0.25")
        assert here.held() == 0
        here.place(BUY, "10", key=late)
        here.pass_hours("0.75")
        assert here.held(late) == 10

    def test_a_jump_of_the_whole_market(self) -> None:
        here = world([DEEP] * 2, balance=POOR)
        here.place(BUY, "10")
        here.exchange.set_price(SYMBOL, dec(91))
        assert here.held() == 0

    def test_funding_that_empties_the_wallet(self) -> None:
        # a rate of 9.5 % of 1,000 on a margin of 90
        funding = [rates(["0", "0.095"])]
        here = world([DEEP] * 12, balance=POOR, funding=funding)
        here.place(BUY, "10")
        here.pass_hours(6)
        assert here.held() == 10
        here.pass_hours(1)
        assert here.held() == 0


class TestWhatItLeaves:
    def test_a_trade_an_order_bookings_and_an_event(self) -> None:
        here = moving((100, 100, 91, 100), fees=replace(NO_FEES, liquidation=dec("0.0001")))
        here.place(BUY, "10")
        here.pass_hours()
        _, trade = here.exchange.trades(here.key, PERP, SYMBOL)
        assert (trade.side, trade.qty, trade.price) == (SELL, 10, 91)
        assert (trade.client_order_id, trade.fee, trade.realized_pnl) == ("autoclose-1", 0, -100)
        order = here.exchange.order(here.key, PERP, SYMBOL, client_order_id="autoclose-1")
        assert (order.status, order.order_kind) == (OrderStatus.FILLED, OrderKind.MARKET)
        income = [(i.kind, i.qty) for i in here.exchange.income(here.key)]
        assert income == [("realized_pnl", -100)]  # all is gone: nothing is left for the fee
        (event,) = here.events("liquidation")
        assert {k: event[k] for k in ("account", "symbol", "side", "qty", "price", "fee")} == {
            "account": here.key,
            "symbol": SYMBOL,
            "side": "sell",
            "qty": "10",
            "price": "91",
            "fee": "0",
        }
        assert (event["status"], event["client_id"]) == ("cross", "autoclose-1")
        assert [e["client_id"] for e in here.events("place")] == ["sim-1"]

    def test_the_fee_is_taken_as_far_as_there_is_margin(self) -> None:
        # at 97: 100 - 40 = 60 are left, 50 must be kept at 6.5 %; 1.25 % of 970 are 12.125
        strict = replace(rules(PERP), tiers=tiers_of(((dec(10_000), dec("0.065"), 125),)))
        fees = replace(NO_FEES, liquidation=dec("0.0125"))
        exchange = SimExchange(
            rules=[strict],
            series=[series("perp", [DEEP] * 2)],
            now=START + HOUR,
            fees=fees,
        )
        here = World(exchange, exchange.open_account(POOR).api_key)
        here.place(BUY, "10")
        exchange.set_price(SYMBOL, dec(97))
        assert [(i.kind, i.qty) for i in exchange.income(here.key)] == [
            ("realized_pnl", -40),
            ("insurance_clear", dec("-12.125")),
        ]
        assert here.wallet() == dec("47.875")
        assert here.events("liquidation")[0]["fee"] == "12.125"

    def test_beyond_bankruptcy_it_is_closed_where_nothing_was_left(self) -> None:
        here = moving((100, 100, 50, 50))
        here.place(BUY, "10")
        here.pass_hours()
        _, trade = here.exchange.trades(here.key, PERP, SYMBOL)
        assert (trade.price, here.wallet()) == (91, 0)
        assert house_and_all(here) == 0

    def test_what_the_tick_takes_beyond_that_the_fund_bears(self) -> None:
        here = moving((100, 100, 50, 50))
        here.place(BUY, "9.7")  # bankrupt at 101 - 100 / 9.7 = 90.69...
        here.pass_hours()
        _, trade = here.exchange.trades(here.key, PERP, SYMBOL)
        assert (trade.price, here.wallet()) == (90, 0)
        booked = [(i.kind, i.qty) for i in here.exchange.income(here.key)]
        assert booked == [("realized_pnl", dec("-106.7")), ("insurance_clear", dec("6.7"))]
        (event,) = here.events("insurance")
        assert (event["qty"], event["asset"]) == ("6.7", "USDT")
        assert house_and_all(here) == 0

    def test_open_orders_go_first(self) -> None:
        here = moving((100, 100, 91, 100))
        resting = here.place(BUY, "1", 60)
        here.place(BUY, "9.9")
        here.pass_hours()
        assert here.now_of(resting).status is OrderStatus.CANCELED
        kinds = [e["event"] for e in here.exchange.log.after(0)]
        assert kinds.index("cancel") < kinds.index("liquidation")

    def test_spot_orders_stay(self) -> None:
        here = world(
            [DEEP] * 2,
            balance={**POOR, (Wallet.SPOT, "USDT"): dec(100)},
        )
        resting = here.place(BUY, "1", 60, kind=MarketKind.SPOT)
        here.place(BUY, "10")
        here.exchange.set_price(SYMBOL, dec(91), PERP)
        assert here.held() == 0
        assert here.now_of(resting).status is OrderStatus.OPEN

    def test_other_accounts_are_left_alone(self) -> None:
        here = moving((100, 100, 91, 100))
        rich = here.exchange.open_account({(Wallet.FUTURES, "USDT"): dec(5000)}).api_key
        here.place(BUY, "10", key=rich)
        here.place(BUY, "10")
        here.pass_hours()
        assert (here.held(), here.held(rich)) == (0, 10)


def two_contracts(eth: Decimal) -> World:
    """BTC and ETH contracts at 100, both deep; ``eth`` is what the ETH mark closes at in the second bar."""
    at = dec(100)
    made = SimExchange(
        rules=[rules(PERP), rules(PERP, "ETHUSDT")],
        series=[
            series("perp", [DEEP] * 3),
            series("perp", [DEEP] * 3, symbol="ETHUSDT"),
            Series(
                kind="mark",
                symbol="ETHUSDT",
                interval=HOUR,
                candles=(
                    Candle(START, at, at, at, at),
                    Candle(START + HOUR, at, max(at, eth), min(at, eth), eth),
                ),
            ),
        ],
        now=START + HOUR,
        fees=FREE,
    )
    return World(made, made.open_account(POOR).api_key)


def buy(here: World, symbol: str, qty: str, side: Side = BUY) -> None:
    here.exchange.place(
        here.key,
        PlaceRequest(
            kind=PERP, symbol=symbol, side=side, order_kind=OrderKind.MARKET, qty=dec(qty)
        ),
    )


def held(view: AccountView) -> dict[str, Decimal]:
    return {p.symbol: p.qty for p in view.positions if p.qty}


class TestPool:
    def test_the_worst_loss_goes_first_and_no_more_than_needed(self) -> None:
        here = two_contracts(dec(90))
        buy(here, "BTCUSDT", "1")
        buy(here, "ETHUSDT", "8.9")  # 100 - 1 - 8.9 x 11 = 1.1; 0.4 and 3.204 must be kept
        here.pass_hours()
        assert held(here.account()) == {"BTCUSDT": dec(1)}
        assert here.account().futures["USDT"].margin_balance == dec("1.1")

    def test_a_gain_elsewhere_stands_behind_a_loss(self) -> None:
        here = two_contracts(dec(90))
        buy(here, "ETHUSDT", "8.9")
        buy(here, "BTCUSDT", "9", SELL)
        here.exchange.set_price("BTCUSDT", dec(98))
        here.pass_hours()
        assert held(here.account()) == {"BTCUSDT": dec(-9), "ETHUSDT": dec("8.9")}

    def test_when_all_is_lost_all_goes_and_the_wallet_ends_at_zero(self) -> None:
        here = two_contracts(dec(60))
        buy(here, "BTCUSDT", "1")
        buy(here, "ETHUSDT", "8.9")
        here.pass_hours()
        assert held(here.account()) == {}
        assert here.wallet() == 0
        first, second = here.events("liquidation")
        assert (first["symbol"], second["symbol"]) == ("ETHUSDT", "BTCUSDT")
        assert house_and_all(here) == 0

    def test_an_isolated_position_falls_alone(self) -> None:
        here = two_contracts(dec(90))
        here.exchange.set_margin_type(here.key, "ETHUSDT", MarginType.ISOLATED)
        buy(here, "ETHUSDT", "4")
        buy(here, "BTCUSDT", "4")
        cross = here.account().futures["USDT"].cross_balance
        here.pass_hours()
        assert held(here.account()) == {"BTCUSDT": dec(4)}
        wallet = here.account().futures["USDT"]
        assert (wallet.cross_balance, wallet.wallet_balance) == (cross, cross)
        assert cross == 100 - dec("20.2")  # 4 x 101 / 20
        assert here.events("liquidation")[0]["status"] == "isolated"
        assert house_and_all(here) == 0

    def test_a_pool_that_falls_leaves_the_isolated_position(self) -> None:
        here = two_contracts(dec(100))
        here.exchange.set_margin_type(here.key, "ETHUSDT", MarginType.ISOLATED)
        buy(here, "ETHUSDT", "4")
        buy(here, "BTCUSDT", "9")
        here.exchange.set_price("BTCUSDT", dec(90))
        assert held(here.account()) == {"ETHUSDT": dec(4)}
        wallet = here.account().futures["USDT"]
        assert (wallet.cross_balance, wallet.wallet_balance) == (0, dec("20.2"))


def test_the_figures_of_a_pool() -> None:
    here = world([DEEP] * 2, balance=POOR)
    here.place(BUY, "5")
    (position,) = here.account().positions
    wallet = here.account().futures["USDT"]
    assert (position.maintenance_margin, wallet.maintenance_margin) == (2, 2)
    assert position.margin_ratio == wallet.margin_ratio == dec("0.02105264")  # 2 of 95
    assert (position.margin_type, position.isolated_wallet) == (MarginType.CROSS, 0)
    # 100 + 5 p - 505 = 0.02 p
    assert position.liquidation_price == dec("81.32530120")


@pytest.mark.parametrize("side", [BUY, SELL])
def test_the_same_market_liquidates_in_the_same_way(side: Side) -> None:
    logs = []
    for _ in range(2):
        here = moving((100, 109, 91, 100))
        here.place(side, "10")
        here.pass_hours()
        logs.append(here.exchange.log.after(0))
    assert logs[0] == logs[1]
    assert any(event["event"] == "liquidation" for event in logs[0])
