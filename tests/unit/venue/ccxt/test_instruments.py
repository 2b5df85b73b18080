from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from counterpoise.domain.instrument import InstrumentKind
from counterpoise.domain.numbers import ONE, dec
from counterpoise.venue.ccxt.endpoints import Scope
from counterpoise.venue.ccxt.instruments import Catalogue, futures_instrument, spot_instrument

PRICE = {
    "filterType": "PRICE_FILTER",
    "minPrice": "0.01",
    "maxPrice": "1000000",
    "tickSize": "0.01",
}
LOT = {"filterType": "LOT_SIZE", "minQty": "0.00001", "maxQty": "9000", "stepSize": "0.00001"}
MARKET_LOT = {"filterType": "MARKET_LOT_SIZE", "minQty": "0", "maxQty": "90", "stepSize": "0"}
NOTIONAL = {"filterType": "NOTIONAL", "minNotional": "5.0", "applyMinToMarket": True}
SPOT = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "isSpotTradingAllowed": True,
    "filters": [PRICE, LOT, MARKET_LOT, NOTIONAL],
}
PERP = {
    "symbol": "BTCUSDT",
    "pair": "BTCUSDT",
    "contractType": "PERPETUAL",
    "deliveryDate": 4133404800000,
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "marginAsset": "USDT",
    "pricePrecision": 2,
    "quantityPrecision": 3,
    "filters": [
        PRICE | {"tickSize": "0.10"},
        LOT | {"minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
        {"filterType": "MIN_NOTIONAL", "notional": "100"},
    ],
}
DATED = PERP | {
    "symbol": "BTCUSDT_260327",
    "contractType": "CURRENT_QUARTER",
    "deliveryDate": 1774598400000,
}


def test_spot() -> None:
    made = spot_instrument(SPOT)
    assert (made.symbol, made.kind) == ("BTC/USDT", InstrumentKind.SPOT)
    assert (made.base, made.quote, made.settle) == ("BTC", "USDT", None)
    assert (made.tick_size, made.lot_size) == (dec("0.01"), dec("0.00001"))
    assert (made.min_qty, made.max_qty) == (dec("0.00001"), dec(9000))
    assert made.min_notional == 5
    assert made.active
    assert made.expiry_at is None


def test_perpetual() -> None:
    made = futures_instrument(PERP)
    assert (made.symbol, made.kind) == ("BTC/USDT:USDT", InstrumentKind.PERPETUAL)
    assert (made.settle, made.contract_size, made.inverse) == ("USDT", ONE, False)
    # the step is the filter's: precision fields are something else
    assert (made.tick_size, made.lot_size, made.min_qty) == (dec("0.1"), dec("0.001"), dec("0.001"))
    assert made.min_notional == 100
    assert made.expiry_at is None


def test_dated_future() -> None:
    made = futures_instrument(DATED)
    assert (made.symbol, made.kind) == ("BTC/USDT:USDT-260327", InstrumentKind.FUTURE)
    assert made.expiry_at == datetime(2026, 3, 27, 8, tzinfo=UTC)


@pytest.mark.parametrize("status", ["BREAK", "HALT", "SETTLING", "PENDING_TRADING", "CLOSE"])
def test_what_does_not_trade_is_listed_as_inactive(status: str) -> None:
    assert not spot_instrument(SPOT | {"status": status}).active
    assert not futures_instrument(PERP | {"status": status}).active


def test_spot_that_may_not_be_traded_as_spot_is_inactive() -> None:
    assert not spot_instrument(SPOT | {"isSpotTradingAllowed": False}).active


def test_a_least_quantity_of_zero_is_one_step() -> None:
    row = SPOT | {"filters": [PRICE, LOT | {"minQty": "0.00000000"}, NOTIONAL]}
    assert spot_instrument(row).min_qty == dec("0.00001")


REFUSED: dict[str, Any] = {
    "no price filter": SPOT | {"filters": [LOT, NOTIONAL]},
    "no lot size": SPOT | {"filters": [PRICE, MARKET_LOT, NOTIONAL]},
    "no least notional": SPOT | {"filters": [PRICE, LOT]},
    "tick 0": SPOT | {"filters": [PRICE | {"tickSize": "0.00000000"}, LOT, NOTIONAL]},
    "step 0": SPOT | {"filters": [PRICE, LOT | {"stepSize": "0"}, NOTIONAL]},
    "step as a float": SPOT | {"filters": [PRICE, LOT | {"stepSize": 0.001}, NOTIONAL]},
    "step no number": SPOT | {"filters": [PRICE, LOT | {"stepSize": "NaN"}, NOTIONAL]},
    "no base": SPOT | {"baseAsset": ""},
    "no filters": {k: v for k, v in SPOT.items() if k != "filters"},
}


@pytest.mark.parametrize("row", REFUSED.values(), ids=REFUSED.keys())
def test_an_unknown_filter_refuses_the_instrument(row: Any) -> None:
    catalogue = Catalogue({Scope.SPOT: {"symbols": [row]}})
    assert catalogue.instruments == {}
    assert list(catalogue.refused) == ["spot:BTCUSDT"]


def test_an_inverse_contract_and_one_without_delivery_are_refused() -> None:
    rows = [PERP | {"marginAsset": "BTC"}, PERP | {"deliveryDate": None}]
    assert Catalogue({Scope.FUTURES: {"symbols": rows}}).instruments == {}


def test_the_same_id_of_two_apis_is_told_apart() -> None:
    catalogue = Catalogue(
        {Scope.SPOT: {"symbols": [SPOT]}, Scope.FUTURES: {"symbols": [PERP, DATED]}}
    )
    assert set(catalogue.instruments) == {"BTC/USDT", "BTC/USDT:USDT", "BTC/USDT:USDT-260327"}
    assert catalogue.symbol(Scope.SPOT, "BTCUSDT") == "BTC/USDT"
    assert catalogue.symbol(Scope.FUTURES, "BTCUSDT") == "BTC/USDT:USDT"
    listing = catalogue.get("BTC/USDT:USDT-260327")
    assert listing is not None
    assert (listing.scope, listing.id) == (Scope.FUTURES, "BTCUSDT_260327")


def test_what_is_not_listed_keeps_the_venues_name() -> None:
    assert Catalogue({}).symbol(Scope.FUTURES, "NEWUSDT") == "NEWUSDT"
    assert Catalogue({}).get("NEW/USDT:USDT") is None


def test_a_dead_contract_does_not_hide_a_live_one_of_the_same_symbol() -> None:
    dead = PERP | {"symbol": "BTCUSDTOLD", "status": "SETTLING"}
    listing = Catalogue({Scope.FUTURES: {"symbols": [PERP, dead]}}).get("BTC/USDT:USDT")
    assert listing is not None
    assert listing.id == "BTCUSDT"


def test_a_future_that_has_ended_is_not_active_whatever_was_listed() -> None:
    catalogue = Catalogue({Scope.FUTURES: {"symbols": [PERP, DATED]}})
    dated, perp = "BTC/USDT:USDT-260327", "BTC/USDT:USDT"
    ends = catalogue.instruments[dated].expiry_at
    assert ends is not None
    before = catalogue.instruments
    assert not catalogue.expire(ends - timedelta(microseconds=1))
    assert catalogue.instruments is before
    assert catalogue.expire(ends)
    listing = catalogue.get(dated)
    assert listing is not None
    assert not listing.instrument.active
    assert not catalogue.instruments[dated].active
    assert catalogue.instruments[perp].active
    assert before[dated].active  # what was handed out stays as it was
    assert not catalogue.expire(ends)


def test_a_dated_future_that_is_gone_is_named_by_its_pair() -> None:
    catalogue = Catalogue({Scope.FUTURES: {"symbols": [PERP]}})
    assert catalogue.symbol(Scope.FUTURES, "BTCUSDT_250926") == "BTC/USDT:USDT-250926"
    assert catalogue.symbol(Scope.FUTURES, "ETHUSDT_250926") == "ETHUSDT_250926"


def test_a_dated_future_that_is_gone_stays_to_be_asked_about() -> None:
    before = Catalogue(
        {Scope.FUTURES: {"symbols": [PERP, DATED, PERP | {"symbol": "X", "baseAsset": "X"}]}}
    )
    after = Catalogue({Scope.FUTURES: {"symbols": [PERP]}})
    after.keep(before)
    dated = "BTC/USDT:USDT-260327"
    assert {s: i.active for s, i in after.instruments.items()} == {
        "BTC/USDT:USDT": True,
        dated: False,
    }
    assert after.symbol(Scope.FUTURES, "BTCUSDT_260327") == dated
    listed_again = Catalogue({Scope.FUTURES: {"symbols": [PERP, DATED]}})
    listed_again.keep(after)
    assert listed_again.instruments[dated].active
