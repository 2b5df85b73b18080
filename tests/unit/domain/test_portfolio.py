from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from counterpoise.domain.instrument import Instrument, expiry_of
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import (
    ContractChoice,
    ExecutionPolicy,
    LimitsPolicy,
    PortfolioPolicy,
)
from counterpoise.domain.portfolio import (
    Broke,
    PortfolioView,
    Unvalued,
    universe_of,
    view_of,
)
from counterpoise.domain.snapshot import Snapshot
from tests.build import (
    BTC_PERP,
    NOW,
    make_account,
    make_instrument,
    make_policy,
    make_position,
    make_snapshot,
    make_universe,
    make_venue_snapshot,
    make_venues_snapshot,
    make_view,
    with_quote,
    with_venue,
)


def valued(snapshot: Snapshot, policy: PortfolioPolicy) -> PortfolioView | Unvalued | Broke:
    return view_of(snapshot, policy, make_universe(policy, snapshot))


# --- MEANING 1: equity ---


def test_equity_is_coins_and_outside_holdings_and_wallets_and_unrealised_profit() -> None:
    snapshot = make_snapshot(
        {"BTC": 100_000, "SOL": 100},
        spot={"BTC": "0.2", "SOL": 50, "USDT": 1000},
        futures={"USDT": 4000},
        positions={"BTC": "-0.1"},
        pnl={"USDT": -300},
    )
    policy = make_policy(holdings={"BTC": "0.05", "USDT": 700})
    # 0.25 x 100,000 + 50 x 100 + 1,000 + 4,000 - 300 + 700
    view = make_view(snapshot, policy)
    assert view.equity == 35_400
    assert view.assets["BTC"].held_qty == dec("0.25")
    assert view.assets["BTC"].spot_weight == dec(25_000) / 35_400


def test_coins_are_worth_their_spot_mid_and_weigh_by_the_mark() -> None:
    """The naive reading takes one price for both and calls a premium of 1 % a profit."""
    snapshot = make_snapshot({"BTC": 100_000, "SOL": 100}, spot={"BTC": 1, "USDT": 100_000})
    snapshot = with_quote(snapshot, BTC_PERP, mark=dec(101_000))
    view = make_view(snapshot, make_policy())
    assert view.equity == 200_000
    assert view.assets["BTC"].effective_weight == dec("0.505")
    assert view.assets["BTC"].spot_price == 100_000


def test_locked_coins_are_still_owned() -> None:
    snapshot = make_snapshot(spot={"BTC": 1})
    account = snapshot.venues["main"].account
    assert account is not None
    spot = {"BTC": replace(account.spot["BTC"], locked=dec("0.5"))}
    snapshot = with_venue(snapshot, account=replace(account, spot=spot))
    assert make_view(snapshot, make_policy()).assets["BTC"].spot_qty == dec("1.5")


def test_assets_in_no_sleeve_are_left_out_of_equity() -> None:
    """MEANING 5: BNB pays fees, DOGE is dust; neither is ours to weigh."""
    snapshot = make_snapshot(spot={"USDT": 1000, "BNB": 10, "DOGE": 5})
    policy = make_policy(holdings={"DOGE": 1_000_000})
    assert make_view(snapshot, policy).equity == 1000


@pytest.mark.parametrize(
    ("wallet", "floor", "broke"),
    [
        pytest.param("0", "0", True, id="nothing left"),
        pytest.param("-1", "0", True, id="less than nothing left"),
        pytest.param("0.01", "0", False, id="a cent left and no floor"),
        pytest.param("999.99", "1000", True, id="a cent below the floor"),
        pytest.param("1000", "1000", False, id="on the floor, which is not below it"),
        pytest.param("-1", "-10", True, id="a floor below zero does not make debt wealth"),
    ],
)
def test_no_weights_without_equity(wallet: str, floor: str, broke: bool) -> None:
    policy = make_policy(limits=LimitsPolicy(min_equity=dec(floor)))
    seen = valued(make_snapshot(spot={"USDT": wallet}), policy)
    if broke:
        assert isinstance(seen, Broke)
        assert (seen.equity, seen.floor) == (dec(wallet), max(dec(floor), 0))
    else:
        assert isinstance(seen, PortfolioView)
        assert seen.equity == dec(wallet)


# --- MEANING 2: exposure ---


@pytest.mark.parametrize("mark", [50_000, 80_000, 100_000, 150_000, 200_000])
def test_a_coin_margined_short_of_the_wallets_value_stays_neutral_at_any_price(mark: int) -> None:
    """Wallet 1 BTC, short 100,000 USD opened at 100,000: exposure 0, value 100,000, always.

    Without the unrealised profit *in coin* the exposure would read -1 BTC at 50,000 and +0.5 at 200,000.
    """
    inverse = make_instrument("BTC/USD:BTC", contract_size=dec(100))
    price, entry = dec(mark), dec(100_000)
    contracts = dec(-1000)
    profit_in_coin = contracts * inverse.contract_size * (1 / entry - 1 / price)
    snapshot = make_snapshot(
        {"BTC": mark, "SOL": 100},
        futures={"BTC": 1},
        positions={"BTC/USD:BTC": inverse.base_qty(contracts, price)},
        pnl={"BTC": profit_in_coin},
        instruments=[
            make_instrument("BTC/USDT"),
            make_instrument(BTC_PERP),
            make_instrument("SOL/USDT"),
            inverse,
        ],
    )
    view = make_view(snapshot, make_policy())
    assert view.assets["BTC"].exposure_qty == pytest.approx(Decimal(0), abs=Decimal("1e-50"))
    assert view.equity == pytest.approx(Decimal(100_000), abs=Decimal("1e-50"))


def test_exposure_adds_up_every_contract_on_the_asset_at_every_venue() -> None:
    here = make_venue_snapshot(
        make_account({"BTC": 1}, positions={"BTC": "-0.2", "BTC/USDT:USDT-250627": "-0.1"}),
        {"BTC": 100_000, "SOL": 100},
        [make_instrument(s) for s in ("BTC/USDT", BTC_PERP, "BTC/USDT:USDT-250627", "SOL/USDT")],
    )
    there = make_venue_snapshot(
        make_account({"BTC": "0.5"}, {"USDT": 100}, {"BTC": "0.05", "SOL": 3}),
        {"BTC": 100_000, "SOL": 100},
        venue="other",
    )
    snapshot = make_venues_snapshot(here, there)
    policy = make_policy(venues=("main", "other"), holdings={"BTC": 2})
    view = make_view(snapshot, policy)
    btc = view.assets["BTC"]
    assert (btc.spot_qty, btc.outside_qty, btc.futures_qty) == (dec("1.5"), 2, dec("-0.25"))
    assert btc.exposure_qty == dec("3.25")
    assert view.assets["SOL"].exposure_qty == 3
    assert view.equity == 350_100


def test_a_position_in_a_contract_that_is_no_longer_listed_still_counts() -> None:
    snapshot = make_snapshot(
        spot={"BTC": 1}, positions={"BTC/USDT:USDT-250328": "-0.4", "ETH/USDT:USDT": 7}
    )
    assert make_view(snapshot, make_policy()).assets["BTC"].exposure_qty == dec("0.6")


def test_a_venue_of_another_portfolio_is_not_counted() -> None:
    mine = make_venue_snapshot(make_account({"USDT": 10}), {"BTC": 100_000, "SOL": 100})
    theirs = replace(mine, venue="other", account=make_account({"USDT": 99}, {}, {"BTC": 1}))
    view = make_view(make_venues_snapshot(mine, theirs), make_policy())
    assert (view.equity, view.assets["BTC"].exposure_qty) == (10, 0)


# --- MEANING 3: effective weights ---


def test_a_short_of_ten_percent_reads_fifty_twenty_thirty() -> None:
    """S6: spot 50/30/20 with a satellite short of 10 % of equity."""
    snapshot = make_snapshot(
        {"BTC": 100_000, "SOL": 100},
        spot={"BTC": "0.5", "SOL": 300, "USDT": 15_000},
        futures={"USDT": 5000},
        positions={"SOL": -100},
    )
    view = make_view(snapshot, make_policy())
    assert view.equity == 100_000
    assert view.assets["BTC"].effective_weight == dec("0.5")
    assert view.assets["SOL"].effective_weight == dec("0.2")
    assert view.effective_quote_weight == dec("0.3")
    assert view.assets["SOL"].spot_weight == dec("0.3")
    assert view.spot_quote_weight == dec("0.2")


def test_both_legs_read_sixty_twenty_twenty() -> None:
    snapshot = make_snapshot(
        {"BTC": 100_000, "SOL": 100},
        spot={"BTC": "0.5", "SOL": 300, "USDT": 15_000},
        futures={"USDT": 5000},
        positions={"SOL": -100, "BTC": "0.1"},
    )
    view = make_view(snapshot, make_policy())
    weights = [view.assets[a].effective_weight for a in ("BTC", "SOL")]
    assert [*weights, view.effective_quote_weight] == [dec("0.6"), dec("0.2"), dec("0.2")]


def test_an_asset_without_a_future_weighs_by_its_spot_mid() -> None:
    snapshot = make_snapshot(
        spot={"BTC": "0.5", "USDT": 50_000},
        instruments=[make_instrument("BTC/USDT"), make_instrument("SOL/USDT")],
    )
    snapshot = with_quote(snapshot, "BTC/USDT", bid=dec(99_000), ask=dec(101_000))
    assert make_view(snapshot, make_policy()).assets["BTC"].effective_weight == dec("0.5")


def test_an_asset_without_a_spot_pair_is_worth_its_mark() -> None:
    snapshot = make_snapshot(
        spot={"BTC": 1}, instruments=[make_instrument(BTC_PERP), make_instrument("SOL/USDT")]
    )
    assert make_view(snapshot, make_policy()).equity == 100_000


def test_weights_and_quantities_are_inverse_to_each_other() -> None:
    btc = make_view(make_snapshot(spot={"BTC": 1, "USDT": 300_000}), make_policy()).assets["BTC"]
    assert btc.weight_of(dec(1)) == dec("0.25")
    assert btc.qty_of(dec("0.25")) == 1


# --- what is missing is never zero ---


@pytest.mark.parametrize(
    ("symbol", "prices", "missing"),
    [
        pytest.param(
            BTC_PERP,
            {"mark": None, "bid": None, "ask": None},
            "mark price of BTC/USDT:USDT at main",
            id="a contract without any price",
        ),
        pytest.param(
            BTC_PERP, {"mark": dec(0)}, "mark price of BTC/USDT:USDT at main", id="a mark of zero"
        ),
        pytest.param(
            "BTC/USDT", {"ask": None}, "bid and ask of BTC/USDT at main", id="half a spot book"
        ),
        pytest.param(
            "SOL/USDT",
            {"bid": dec(-1), "ask": dec(-1)},
            "bid and ask of SOL/USDT at main",
            id="an absurd price",
        ),
    ],
)
def test_a_missing_price_gives_no_value(
    symbol: str, prices: dict[str, Decimal | None], missing: str
) -> None:
    seen = valued(with_quote(make_snapshot(spot={"USDT": 9}), symbol, **prices), make_policy())
    assert seen == Unvalued(portfolio="treasury", as_of=NOW, missing=(missing,))


def test_a_coin_may_be_cheap() -> None:
    snapshot = make_snapshot({"BTC": "0.5", "SOL": 100}, spot={"BTC": 10})
    assert make_view(snapshot, make_policy()).equity == 5


def test_a_price_that_was_not_answered_gives_no_value() -> None:
    seen = valued(with_venue(make_snapshot(), quotes={}), make_policy())
    assert isinstance(seen, Unvalued)
    assert len(seen.missing) == 4


def test_an_account_that_was_not_read_gives_no_value() -> None:
    seen = valued(with_venue(make_snapshot(), account=None), make_policy())
    assert isinstance(seen, Unvalued)
    assert seen.missing == ("account of main",)


def test_a_venue_that_was_not_asked_gives_no_value() -> None:
    seen = valued(make_snapshot(), make_policy(venues=("main", "other")))
    assert isinstance(seen, Unvalued)
    assert seen.missing == ("account of other",)


def test_an_asset_that_nobody_lists_gives_no_value() -> None:
    seen = valued(make_snapshot({"BTC": 100_000}, spot={"SOL": 5}), make_policy())
    assert isinstance(seen, Unvalued)
    assert seen.missing == ("any listing of SOL",)


# --- what is traded where ---


def test_the_first_venue_of_the_config_that_lists_it_is_chosen() -> None:
    policy = make_policy(venues=("one", "two", "off"))
    spot, contract = make_instrument("BTC/USDT"), make_instrument(BTC_PERP)
    universe = universe_of(
        policy, {"two": {"a": spot, "b": contract}, "one": {"a": spot}, "x": {"b": contract}}
    )
    assert universe.spot["BTC"].venue == "one"
    assert universe.futures["BTC"].venue == "two"
    assert set(universe.spot) == set(universe.futures) == {"BTC"}


def test_only_the_spot_pair_in_the_quote_prices() -> None:
    pairs = {s: make_instrument(s) for s in ("BTC/USDC", "BTC/EUR", "ETH/USDT", "SOL/USDT")}
    assert set(universe_of(make_policy(), {"main": pairs}).spot) == {"SOL"}


@pytest.mark.parametrize(
    "symbol",
    [
        pytest.param("BTC/USD:BTC", id="an inverse contract"),
        pytest.param("BTC/USDC:USDC", id="a contract in another dollar"),
        pytest.param("BTC/USDT:USDT-250627", id="a dated contract"),
        pytest.param("ETH/USDT:USDT", id="a contract on an asset in no sleeve"),
        pytest.param("BTC/USDT:BTC", id="a contract settled in the coin"),
    ],
)
def test_only_the_linear_perpetual_in_the_quote_hedges(symbol: str) -> None:
    policy = make_policy(execution=ExecutionPolicy(contract=ContractChoice.PERPETUAL))
    universe = universe_of(policy, {"main": {symbol: make_instrument(symbol)}})
    assert universe.futures == {}


DATED, NEXT = "BTC/USDT:USDT-250627", "BTC/USDT:USDT-250926"


def dated(symbol: str = DATED, **changes: Any) -> Instrument:
    return make_instrument(symbol, expiry_at=expiry_of(symbol), **changes)


def test_dated_futures_are_candidates_perpetuals_first_then_by_expiry() -> None:
    listed = {i.symbol: i for i in (dated(NEXT), dated(), make_instrument(BTC_PERP))}
    universe = universe_of(make_policy(), {"main": listed})
    assert universe.futures["BTC"].instrument.symbol == BTC_PERP
    found = [x.instrument.symbol for x in universe.candidates["BTC"]]
    assert found == [BTC_PERP, DATED, NEXT]
    barred = universe.barred("BTC")
    assert barred is not None
    assert barred.instrument.symbol == BTC_PERP


def test_what_is_carried_in_a_dated_future_stays_there() -> None:
    listed = {i.symbol: i for i in (dated(), make_instrument(BTC_PERP))}
    universe = universe_of(make_policy(), {"main": listed}, {"BTC": [("main", DATED)]})
    assert universe.futures["BTC"].instrument.symbol == DATED
    assert not universe.leaving


def test_two_carried_contracts_are_a_roll_out_of_the_one_that_ends() -> None:
    listed = {i.symbol: i for i in (dated(), dated(NEXT), make_instrument(BTC_PERP))}
    carried = {"BTC": [("main", NEXT), ("main", DATED)]}
    universe = universe_of(make_policy(), {"main": listed}, carried)
    assert universe.futures["BTC"].instrument.symbol == NEXT
    assert universe.leaving["BTC"].instrument.symbol == DATED
    assert [x.instrument.symbol for _, x in universe.contracts] == [NEXT, DATED]
    carried = {"BTC": [("main", NEXT), ("main", DATED), ("main", BTC_PERP)]}
    assert universe_of(make_policy(), {"main": listed}, carried).futures == {}


def test_a_dated_future_that_stopped_trading_is_no_candidate() -> None:
    listed = {DATED: dated(active=False)}
    assert universe_of(make_policy(), {"main": listed}).futures == {}


def test_a_position_value_is_not_equity() -> None:
    """A futures position has no value beside its profit: a long of 1 BTC adds nothing at its entry."""
    snapshot = make_snapshot(spot={"USDT": 1000}, positions={"BTC": 1})
    account = snapshot.venues["main"].account
    assert account is not None
    assert account.positions[BTC_PERP] == make_position(qty=1)
    assert make_view(snapshot, make_policy()).equity == 1000
