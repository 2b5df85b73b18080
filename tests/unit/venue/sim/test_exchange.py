"""Accounts, wallets and leverage; what an exchange can and cannot be made of; a long recording in one go."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import (
    MarketKind,
    RejectCode,
    Side,
    SimExchange,
    SimReject,
    Wallet,
    load_folder,
    rules_of,
)
from tests.unit.venue.sim.world import (
    BUY,
    HOUR,
    PERP,
    RICH,
    SELL,
    SPOT,
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


class TestAccounts:
    def test_keys_come_from_the_seed(self) -> None:
        first, same, other = world(seed=1), world(seed=1), world(seed=2)
        assert first.key == same.key != other.key
        assert first.exchange.secret_of(first.key) == same.exchange.secret_of(same.key)

    def test_keys_can_be_chosen_but_not_twice(self) -> None:
        here = world()
        keys = here.exchange.open_account({}, api_key="mine", secret="fake-secret")
        assert here.exchange.accounts() == (here.key, "mine")
        assert here.exchange.secret_of("mine") == "fake-secret"
        assert "fake-secret" not in repr(keys)
        with pytest.raises(ValueError, match="not in use"):
            here.exchange.open_account({}, api_key="mine")

    def test_a_key_nobody_has_is_refused(self) -> None:
        here = world()
        assert here.exchange.secret_of("nobody") is None
        with pytest.raises(SimReject, match="unknown_account"):
            here.exchange.account("nobody")

    def test_an_empty_account_still_has_its_empty_futures_wallet(self) -> None:
        here = world(balance={})
        view = here.account()
        assert view.spot == {}
        assert view.futures["USDT"].available == 0
        assert view.positions == ()

    @pytest.mark.parametrize("qty", ["-1", "0.000000001"])
    def test_a_balance_that_cannot_be_booked_is_refused(self, qty: str) -> None:
        with pytest.raises(ValueError, match="at most 8 places"):
            world(balance={(Wallet.SPOT, "BTC"): dec(qty)})

    def test_accounts_do_not_see_each_other(self) -> None:
        here = world()
        other = here.exchange.open_account(RICH).api_key
        here.place(BUY, "1")
        assert here.held(other) == 0
        assert here.exchange.trades(other, PERP, SYMBOL) == []
        assert here.account(other).futures["USDT"].wallet_balance == 10_000


class TestTransfer:
    def test_money_moves_between_the_wallets_and_is_written_down(self) -> None:
        here = world()
        made = here.exchange.transfer(here.key, "USDT", dec(2500), Wallet.SPOT, Wallet.FUTURES)
        assert (here.spot("USDT"), here.wallet()) == (7_500, 12_500)
        (entry,) = here.exchange.transfers(here.key)
        assert (entry.transfer_id, entry.qty, entry.target) == (made, dec(2500), Wallet.FUTURES)
        (income,) = here.exchange.income(here.key)
        assert (income.kind, income.qty, income.symbol) == ("transfer", dec(2500), None)
        here.exchange.transfer(here.key, "USDT", dec(500), Wallet.FUTURES, Wallet.SPOT)
        assert here.exchange.income(here.key)[-1].qty == -500

    def transfer(self, here: World, asset: str, qty: str, *route: Wallet) -> RejectCode:
        with pytest.raises(SimReject) as caught:
            here.exchange.transfer(here.key, asset, dec(qty), *route)
        assert here.exchange.transfers(here.key) == []
        return caught.value.code

    def test_what_can_never_be_is_refused(self) -> None:
        here = world()
        bad = RejectCode.BAD_TRANSFER
        assert self.transfer(here, "USDT", "0", Wallet.SPOT, Wallet.FUTURES) is bad
        assert self.transfer(here, "USDT", "-1", Wallet.SPOT, Wallet.FUTURES) is bad
        assert self.transfer(here, "USDT", "0.000000001", Wallet.SPOT, Wallet.FUTURES) is bad
        assert self.transfer(here, "USDT", "1", Wallet.SPOT, Wallet.SPOT) is bad
        assert self.transfer(here, "BTC", "1", Wallet.SPOT, Wallet.FUTURES) is bad

    def test_only_what_is_free_can_move(self) -> None:
        here = world()
        here.place(BUY, "50", 100, kind=SPOT)
        lacking = RejectCode.INSUFFICIENT_BALANCE
        assert self.transfer(here, "USDT", "5000.01", Wallet.SPOT, Wallet.FUTURES) is lacking
        here.place(SELL, "100", 100)  # holds 500 of margin
        assert self.transfer(here, "USDT", "9500.01", Wallet.FUTURES, Wallet.SPOT) is lacking

    def test_unrealised_profit_cannot_be_taken_out(self) -> None:
        here = world([flat(), bar(100, 150, 100, 150)])
        here.place(BUY, "1")
        here.pass_hours()
        assert here.account().futures["USDT"].unrealized_pnl == 49
        assert (
            self.transfer(here, "USDT", "10000.01", Wallet.FUTURES, Wallet.SPOT)
            is RejectCode.INSUFFICIENT_BALANCE
        )


class TestLeverage:
    def test_it_sets_what_margin_a_position_holds(self) -> None:
        here = world()
        here.place(SELL, "1")
        (position,) = here.account().positions
        assert (position.leverage, position.initial_margin) == (20, dec(5))
        here.exchange.set_leverage(here.key, SYMBOL, 2)
        (position,) = here.account().positions
        assert (position.leverage, position.initial_margin) == (2, dec(50))
        assert here.account().leverage == {SYMBOL: 2}

    def test_a_flat_symbol_with_leverage_set_is_shown(self) -> None:
        here = world()
        here.exchange.set_leverage(here.key, SYMBOL, 3)
        (position,) = here.account().positions
        assert (position.qty, position.entry_price, position.updated_at) == (0, None, None)

    @pytest.mark.parametrize("leverage", [0, -1, 126])
    def test_only_what_the_symbol_allows(self, leverage: int) -> None:
        here = world()
        with pytest.raises(SimReject, match="bad_leverage"):
            here.exchange.set_leverage(here.key, SYMBOL, leverage)

    def test_it_cannot_be_lowered_below_what_the_collateral_carries(self) -> None:
        here = world([flat(volume=10_000)] * 2, balance={(Wallet.FUTURES, "USDT"): dec(600)})
        here.place(SELL, "100", 99)
        with pytest.raises(SimReject, match="insufficient_margin"):
            here.exchange.set_leverage(here.key, SYMBOL, 10)
        here.exchange.set_leverage(here.key, SYMBOL, 25)

    def test_a_position_is_shown_signed_with_its_pnl_at_mark(self) -> None:
        here = world([flat(), bar(100, 104, 100, 104)])
        here.place(SELL, "2", 98)
        here.pass_hours()
        (position,) = here.account().positions
        assert (position.qty, position.mark_price, position.notional) == (-2, 104, -208)
        assert position.entry_price == dec("98.5")
        assert position.unrealized_pnl == -11
        assert position.updated_at == START + HOUR


class TestMadeOf:
    def test_a_rule_without_bars_is_refused(self) -> None:
        with pytest.raises(ValueError, match="expected bars for spot BTCUSDT, was none"):
            SimExchange(rules=[rules(SPOT)], series=[series("perp", [flat()])], now=START)

    def test_bars_without_a_rule_are_not_traded(self) -> None:
        data = [series("perp", [flat()]), series("spot", [flat()])]
        exchange = SimExchange(rules=[rules(PERP)], series=data, now=START)
        assert [rule.kind for rule in exchange.rules()] == [PERP]

    def test_two_rules_or_two_series_for_one_market_are_refused(self) -> None:
        perp = series("perp", [flat()])
        with pytest.raises(ValueError, match="expected one series for perp BTCUSDT"):
            SimExchange(rules=[rules(PERP)], series=[perp, perp], now=START)
        with pytest.raises(ValueError, match="expected one rule for perp BTCUSDT"):
            SimExchange(rules=[rules(PERP), rules(PERP)], series=[perp], now=START)

    def test_bars_out_of_order_or_overlapping_are_refused(self) -> None:
        first = series("perp", [flat(), flat()])
        for candles in (first.candles[::-1], ()):
            with pytest.raises(ValueError, match="perp BTCUSDT: expected"):
                SimExchange(
                    rules=[rules(PERP)], series=[replace(first, candles=candles)], now=START
                )
        with pytest.raises(ValueError, match="perp BTCUSDT: expected a bar at or after"):
            SimExchange(rules=[rules(PERP)], series=[replace(first, interval=2 * HOUR)], now=START)

    def test_funding_out_of_order_is_refused(self) -> None:
        funding = rates(["0.1", "0.2"])
        with pytest.raises(ValueError, match="funding BTCUSDT: expected an instant after"):
            world(funding=[replace(funding, rates=funding.rates[::-1])])

    @pytest.mark.parametrize("change", [{"tick_size": dec("1e-7")}, {"lot_size": dec(0)}])
    def test_steps_whose_product_cannot_be_booked_are_refused(
        self, change: dict[str, object]
    ) -> None:
        rule = replace(rules(PERP), **change)  # type: ignore[arg-type]  # a table of fields
        with pytest.raises(ValueError, match="perp BTCUSDT: expected"):
            SimExchange(rules=[rule], series=[series("perp", [flat()])], now=START)

    def test_nothing_listed_has_no_end(self) -> None:
        assert SimExchange(rules=[], series=[], now=START).end is None


def test_five_years_of_recorded_hours_trade_in_one_go(shared: Path) -> None:
    """Every bar of BTC since 2019 steps once, with a resting order on either side all the time."""
    recorded = load_folder(shared / "market", symbols=["BTCUSDT"])
    start = recorded.series[0].candles[0].open_at + timedelta(hours=12)
    exchange = SimExchange(
        rules=rules_of(recorded.series), series=recorded.series, funding=recorded.funding, now=start
    )
    key = exchange.open_account({(Wallet.FUTURES, "USDT"): dec(10_000_000)}).api_key
    here = World(exchange, key)
    here.place(Side.SELL, "1", kind=MarketKind.PERP)
    end = exchange.end
    assert end is not None
    while exchange.now < end:
        exchange.advance(dec(30 * 86_400))
        book = here.book()
        assert book.mark is not None
        assert abs(book.mark / book.last - 1) < dec("0.05")
    funding = [income for income in exchange.income(key) if income.kind == "funding"]
    assert len(funding) == len(recorded.funding[0].rates) - sum(
        rate.at <= start for rate in recorded.funding[0].rates
    )
    assert set(exchange.house()) == {"USDT"}
