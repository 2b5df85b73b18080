"""Raw replies, written out as Binance documents them, and what they must become."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from counterpoise.domain.errors import VenueError
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import OrderState, Side
from counterpoise.domain.snapshot import MarginMode
from counterpoise.venue.ccxt import mapping
from counterpoise.venue.ccxt.endpoints import Scope
from counterpoise.venue.ccxt.instruments import Catalogue
from tests.wire.scripted import FUTURES_ROW, SPOT_ROW

CATALOGUE = Catalogue(
    {Scope.SPOT: {"symbols": [SPOT_ROW]}, Scope.FUTURES: {"symbols": [FUTURES_ROW]}}
)
AT = datetime(2025, 6, 2, 12, tzinfo=UTC)
AT_MS = 1_748_865_600_000
PERP = "BTC/USDT:USDT"

POSITION = {
    "symbol": "BTCUSDT",
    "positionSide": "BOTH",
    "positionAmt": "-0.250",
    "entryPrice": "100000.5",
    "breakEvenPrice": "100000.7",
    "markPrice": "101000.00000000",
    "unRealizedProfit": "-249.87500000",
    "liquidationPrice": "180000",
    "notional": "-25250.0",
    "marginAsset": "USDT",
    "updateTime": AT_MS,
}


def test_spot_balances_are_free_and_locked_and_only_what_is_held() -> None:
    reply = {
        "balances": [
            {"asset": "BTC", "free": "0.50000000", "locked": "0.25000000"},
            {"asset": "ETH", "free": "0.00000000", "locked": "0.00000000"},
            {"asset": "SOL", "free": "0.00000000", "locked": "3"},
        ]
    }
    held = mapping.spot_balances(reply)
    assert set(held) == {"BTC", "SOL"}
    assert (held["BTC"].free, held["BTC"].locked) == (dec("0.5"), dec("0.25"))
    assert held["SOL"].total == 3


def test_futures_wallets_keep_an_empty_one() -> None:
    row = {"walletBalance": "72.5", "unrealizedProfit": "-11.25", "availableBalance": "11.5"}
    empty = {"walletBalance": "0.0", "unrealizedProfit": "0.0", "availableBalance": "0.0"}
    reply = {"assets": [{"asset": "USDT", **row}, {"asset": "USDC", **empty}]}
    wallets = mapping.futures_wallets(reply)
    assert wallets["USDT"].wallet_balance == dec("72.5")
    assert wallets["USDT"].unrealized_pnl == dec("-11.25")
    assert wallets["USDT"].available == dec("11.5")
    assert wallets["USDC"].wallet_balance == 0


def test_a_position_is_signed() -> None:
    found = mapping.positions([POSITION], CATALOGUE, {PERP: dec(20)}, {})[PERP]
    assert found.qty == dec("-0.25")
    assert (found.entry_price, found.mark_price) == (dec("100000.5"), dec(101_000))
    assert found.unrealized_pnl == dec("-249.875")
    assert found.leverage == 20


def test_a_flat_position_is_none_and_an_unlisted_one_does_not_vanish() -> None:
    flat = POSITION | {"positionAmt": "0.000", "positionSide": "LONG"}
    foreign = POSITION | {"symbol": "NEWUSDT", "positionAmt": "7"}
    found = mapping.positions([flat, foreign], CATALOGUE, {}, {})
    assert set(found) == {"NEWUSDT"}
    assert found["NEWUSDT"].qty == 7
    assert found["NEWUSDT"].leverage is None


def test_a_long_and_a_short_of_one_contract_are_no_one_number() -> None:
    short = POSITION | {"positionSide": "SHORT"}
    assert mapping.positions([short], CATALOGUE, {}, {})[PERP].qty == dec("-0.25")
    with (
        pytest.raises(VenueError, match="was a long and a short"),
        mapping.understood("account"),
    ):
        mapping.positions(
            [short, short | {"positionSide": "LONG", "positionAmt": "1"}], CATALOGUE, {}, {}
        )


@pytest.mark.parametrize(
    ("told", "side", "hedged"),
    [(False, "BOTH", False), (True, "BOTH", True), (False, "SHORT", True)],
)
def test_the_mode_is_what_the_account_says_or_a_position_shows(
    told: bool, side: str, hedged: bool
) -> None:
    held = [POSITION | {"positionSide": side}]
    assert mapping.hedged({"dualSidePosition": told}, held) is hedged


@pytest.mark.parametrize("config", [{}, {"dualSidePosition": None}, {"dualSidePosition": "false"}])
def test_a_mode_that_is_not_told_is_no_one_way_mode(config: object) -> None:
    with pytest.raises(VenueError), mapping.understood("account"):
        mapping.hedged(config, [])


def test_a_position_without_prices_has_none() -> None:
    bare = POSITION | {"entryPrice": "0.0", "markPrice": "", "unRealizedProfit": ""}
    found = mapping.positions([bare], CATALOGUE, {}, {})[PERP]
    assert (found.entry_price, found.mark_price, found.unrealized_pnl) == (None, None, None)


@pytest.mark.parametrize(
    ("told", "setting", "mode", "wallet"),
    [
        ({}, None, None, None),
        ({"isolatedWallet": "0"}, None, None, None),
        ({"isolatedWallet": "0"}, MarginMode.CROSS, MarginMode.CROSS, None),
        ({"isolatedWallet": "12.5"}, MarginMode.ISOLATED, MarginMode.ISOLATED, "12.5"),
        ({"isolatedWallet": "12.5"}, None, MarginMode.ISOLATED, "12.5"),
        ({}, MarginMode.ISOLATED, MarginMode.ISOLATED, None),
        ({"marginType": "isolated"}, MarginMode.CROSS, MarginMode.ISOLATED, None),
        ({"marginType": "cross", "isolatedWallet": "0"}, None, MarginMode.CROSS, None),
        ({"marginType": "new", "isolatedWallet": "0"}, None, None, None),
    ],
)
def test_a_positions_margin_is_what_is_told_of_it(
    told: dict[str, str], setting: MarginMode | None, mode: MarginMode | None, wallet: str | None
) -> None:
    modes = {} if setting is None else {PERP: setting}
    found = mapping.positions([POSITION | told], CATALOGUE, {}, modes)[PERP]
    assert found.margin_mode is mode
    assert found.isolated_wallet == (None if wallet is None else dec(wallet))


def test_the_venues_own_margin_figures_are_kept_and_none_where_it_gives_none() -> None:
    found = mapping.positions([POSITION | {"maintMargin": "101.5"}], CATALOGUE, {}, {})[PERP]
    assert (found.liquidation_price, found.maintenance_margin) == (180_000, dec("101.5"))
    never = POSITION | {"liquidationPrice": "0"}
    bare = mapping.positions([never], CATALOGUE, {}, {})[PERP]
    assert (bare.liquidation_price, bare.maintenance_margin) == (None, None)
    row = {"asset": "USDT", "walletBalance": "1", "unrealizedProfit": "0", "availableBalance": "1"}
    wallets = mapping.futures_wallets(
        {"assets": [row, row | {"asset": "USDC", "maintMargin": "0"}]}
    )
    assert wallets["USDT"].maintenance_margin is None
    assert wallets["USDC"].maintenance_margin == 0


def test_margin_modes_are_known_only_where_they_were_told() -> None:
    rows = [
        {"symbol": "BTCUSDT", "marginType": "CROSSED"},
        {"symbol": "NEWUSDT", "marginType": "isolated"},
        {"symbol": "OLDUSDT", "marginType": "SOMETHING"},
        {"symbol": "BAREUSDT"},
    ]
    assert mapping.margin_modes(rows, CATALOGUE) == {
        PERP: MarginMode.CROSS,
        "NEWUSDT": MarginMode.ISOLATED,
    }


def test_leverage_is_known_only_where_it_was_told() -> None:
    reply = [{"symbol": "BTCUSDT", "marginType": "CROSSED", "leverage": 21}]
    assert mapping.leverages(reply, CATALOGUE) == {PERP: dec(21)}
    assert mapping.leverages([], CATALOGUE) == {}


PREMIUM = {
    "symbol": "BTCUSDT",
    "markPrice": "100000.50000000",
    "indexPrice": "100001.00000000",
    "lastFundingRate": "0.00000000",
    "nextFundingTime": AT_MS + 14_400_000,
    "time": AT_MS,
}
BOOK = {"symbol": "BTCUSDT", "bidPrice": "99999.9", "bidQty": "1", "askPrice": "100000.1"}


def test_a_contracts_quote_joins_book_and_premium_and_is_as_old_as_the_older() -> None:
    later = datetime(2025, 6, 2, 13, tzinfo=UTC)
    quote = mapping.quote(PERP, BOOK | {"time": AT_MS + 500}, PREMIUM, later)
    assert (quote.bid, quote.ask, quote.mark) == (dec("99999.9"), dec("100000.1"), dec("100000.5"))
    assert quote.as_of == AT
    assert quote.last is None
    assert quote.index == dec("100001")
    assert quote.funding_rate == 0  # a rate of zero is a rate
    assert quote.next_funding_at == datetime(2025, 6, 2, 16, tzinfo=UTC)


def test_spots_book_has_no_time_and_counts_from_when_it_was_asked() -> None:
    quote = mapping.quote("BTC/USDT", BOOK, None, AT)
    assert (quote.as_of, quote.mark, quote.funding_rate) == (AT, None, None)
    assert quote.index is None
    assert quote.fair == 100_000


@pytest.mark.parametrize("nothing", ["0", "0.00000000", "", None])
def test_no_price_is_none_never_zero(nothing: Any) -> None:
    quote = mapping.quote(
        PERP,
        {"bidPrice": nothing, "askPrice": nothing},
        {"markPrice": nothing, "lastFundingRate": "", "nextFundingTime": 0, "time": AT_MS},
        AT,
    )
    assert (quote.bid, quote.ask, quote.mark) == (None, None, None)
    assert (quote.funding_rate, quote.next_funding_at) == (None, None)


def test_an_unanswered_symbol_is_there_without_prices() -> None:
    quote = mapping.quote("X/Y", None, None, AT)
    assert (quote.bid, quote.ask, quote.mark, quote.as_of) == (None, None, None, AT)


FUTURES_ORDER = {
    "orderId": 3697213934,
    "symbol": "BTCUSDT",
    "status": "PARTIALLY_FILLED",
    "clientOrderId": "cp-abc",
    "price": "33000.00",
    "avgPrice": "32999.50000",
    "origQty": "0.010",
    "executedQty": "0.004",
    "cumQuote": "131.998",
    "timeInForce": "GTX",
    "type": "LIMIT",
    "reduceOnly": True,
    "side": "SELL",
    "positionSide": "BOTH",
    "time": AT_MS,
    "updateTime": AT_MS + 9000,
}
SPOT_ORDER = {
    "symbol": "BTCUSDT",
    "orderId": 5403233939,
    "orderListId": -1,
    "clientOrderId": "cp-def",
    "transactTime": AT_MS,
    "price": "0.00000000",
    "origQty": "0.00050000",
    "executedQty": "0.00050000",
    "cummulativeQuoteQty": "29.47081500",
    "status": "FILLED",
    "timeInForce": "GTC",
    "type": "MARKET",
    "side": "BUY",
    "fills": [{"price": "58941.63", "qty": "0.0005", "commission": "0.00007050"}],
}


def test_a_futures_order() -> None:
    order = mapping.venue_order(PERP, FUTURES_ORDER)
    assert (order.venue_order_id, order.client_order_id) == ("3697213934", "cp-abc")
    assert (order.side, order.qty, order.filled_qty) == (Side.SELL, dec("0.01"), dec("0.004"))
    assert (order.price, order.avg_fill_price) == (dec(33_000), dec("32999.5"))
    assert (order.state, order.reduce_only) == (OrderState.PARTIALLY_FILLED, True)
    assert order.created_at == AT


def test_a_spot_order() -> None:
    order = mapping.venue_order("BTC/USDT", SPOT_ORDER)
    assert (order.state, order.price) == (OrderState.FILLED, None)
    assert order.avg_fill_price == dec("58941.63")
    assert (order.reduce_only, order.created_at) == (False, AT)
    unknown = mapping.venue_order("BTC/USDT", SPOT_ORDER | {"cummulativeQuoteQty": "-1.0"})
    assert unknown.avg_fill_price is None


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("NEW", OrderState.OPEN),
        ("PENDING_NEW", OrderState.OPEN),
        ("PARTIALLY_FILLED", OrderState.PARTIALLY_FILLED),
        ("FILLED", OrderState.FILLED),
        ("CANCELED", OrderState.CANCELED),
        ("PENDING_CANCEL", OrderState.PENDING_CANCEL),
        ("REJECTED", OrderState.REJECTED),
        ("EXPIRED", OrderState.EXPIRED),
        ("EXPIRED_IN_MATCH", OrderState.EXPIRED),
        ("SOMETHING_NEW", OrderState.UNKNOWN),
    ],
)
def test_order_states(status: str, state: OrderState) -> None:
    assert mapping.venue_order(PERP, FUTURES_ORDER | {"status": status}).state is state


def test_a_foreign_order_may_have_no_client_id() -> None:
    assert mapping.venue_order(PERP, FUTURES_ORDER | {"clientOrderId": ""}).client_order_id is None


FUTURES_TRADE = {
    "symbol": "BTCUSDT",
    "id": 4575108247,
    "orderId": 261942655610,
    "side": "SELL",
    "price": "47263.40",
    "qty": "0.010",
    "realizedPnl": "27.38400000",
    "quoteQty": "472.63",
    "commission": "0.18905360",
    "commissionAsset": "USDT",
    "time": AT_MS,
    "buyer": False,
    "maker": True,
    "positionSide": "BOTH",
}
SPOT_TRADE = {
    "symbol": "BTCUSDT",
    "id": 28457,
    "orderId": 100234,
    "price": "58941.63000000",
    "qty": "0.00050000",
    "quoteQty": "29.470815",
    "commission": "0.00000050",
    "commissionAsset": "BTC",
    "time": AT_MS,
    "isBuyer": True,
    "isMaker": False,
    "isBestMatch": True,
}


def test_a_futures_fill() -> None:
    fill = mapping.fill("main", PERP, FUTURES_TRADE)
    assert fill.key == ("main", PERP, "4575108247")
    assert (fill.venue_order_id, fill.side) == ("261942655610", Side.SELL)
    assert (fill.qty, fill.price) == (dec("0.01"), dec("47263.4"))
    assert (fill.fee, fill.fee_asset, fill.maker) == (dec("0.1890536"), "USDT", True)
    assert fill.filled_at == AT


def test_a_spot_fills_fee_is_in_the_coin_that_was_charged() -> None:
    fill = mapping.fill("main", "BTC/USDT", SPOT_TRADE)
    assert (fill.fee, fill.fee_asset) == (dec("0.0000005"), "BTC")
    assert (fill.side, fill.maker) == (Side.BUY, False)


def test_a_makers_rebate_stays_negative() -> None:
    assert mapping.fill("main", PERP, FUTURES_TRADE | {"commission": "-0.0007"}).fee < 0


@pytest.mark.parametrize("gone", ["id", "orderId", "qty", "price", "commission", "time", "buyer"])
def test_a_fill_without_its_figures_is_not_understood(gone: str) -> None:
    row = {key: value for key, value in FUTURES_TRADE.items() if key != gone}
    with (
        pytest.raises(VenueError, match="fills: the reply was not understood"),
        mapping.understood("fills"),
    ):
        mapping.fill("main", PERP, row)


@pytest.mark.parametrize(
    "garbled",
    [
        {"qty": "-0.010"},
        {"qty": "0"},
        {"price": "-1"},
        {"buyer": True},
        {"side": "BUY"},
        {"id": None},
        {"id": "x"},
    ],
)
def test_a_fill_with_figures_that_cannot_be_is_not_understood(garbled: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        mapping.fill("main", PERP, FUTURES_TRADE | garbled)


@pytest.mark.parametrize("written", [261942655610, "261942655610", " 0261942655610"])
def test_an_id_is_one_however_it_is_written(written: object) -> None:
    fill = mapping.fill("main", PERP, FUTURES_TRADE | {"orderId": written, "id": str(written)})
    assert (fill.venue_order_id, fill.trade_id) == ("261942655610", "261942655610")
    assert mapping.venue_order_id({"orderId": written}) == "261942655610"


def test_one_row_or_many() -> None:
    assert set(mapping.rows_by_id([{"symbol": "A"}, {"symbol": "B"}])) == {"A", "B"}
    assert set(mapping.rows_by_id({"symbol": "A"})) == {"A"}
