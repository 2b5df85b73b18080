from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from counterpoise.domain.order import OrderType, Side, TimeInForce
from counterpoise.venue.ccxt.endpoints import Scope
from counterpoise.venue.ccxt.instruments import Listing
from counterpoise.venue.ccxt.orders import order_params
from tests.build import BTC_PERP, make_instrument, make_order

PERP = Listing(instrument=make_instrument(BTC_PERP), scope=Scope.FUTURES, id="BTCUSDT")
SPOT = Listing(instrument=make_instrument("BTC/USDT"), scope=Scope.SPOT, id="BTCUSDT")


def test_a_post_only_order_of_either_api() -> None:
    order = make_order(Side.SELL, "0.100", "100000.50")
    common = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "newClientOrderId": "cp-test-order",
        "quantity": "0.1",
        "price": "100000.5",
    }
    assert order_params(order, PERP) == common | {
        "type": "LIMIT",
        "timeInForce": "GTX",
        "newOrderRespType": "RESULT",
    }
    assert order_params(order, SPOT) == common | {
        "type": "LIMIT_MAKER",
        "newOrderRespType": "FULL",
    }


@pytest.mark.parametrize("lifetime", [TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK])
@pytest.mark.parametrize("listing", [PERP, SPOT])
def test_other_lifetimes_are_limits(lifetime: TimeInForce, listing: Listing) -> None:
    params = order_params(make_order(time_in_force=lifetime), listing)
    assert (params["type"], params["timeInForce"]) == ("LIMIT", lifetime.value)


def test_a_market_order_has_neither_price_nor_lifetime() -> None:
    order = make_order(Side.BUY, type=OrderType.MARKET, time_in_force=TimeInForce.GTC)
    params = order_params(replace(order, price=None), PERP)
    assert params["type"] == "MARKET"
    assert not {"price", "timeInForce"} & set(params)


def test_reduce_only_is_a_matter_of_futures() -> None:
    order = make_order(reduce_only=True)
    assert order_params(order, PERP)["reduceOnly"] == "true"
    assert "reduceOnly" not in order_params(order, SPOT)
    assert "reduceOnly" not in order_params(make_order(), PERP)


def test_a_tiny_quantity_is_written_without_an_exponent() -> None:
    assert order_params(make_order(qty="1E-8"), SPOT)["quantity"] == "0.00000001"


@pytest.mark.parametrize(
    "changes",
    [
        {"price": None},
        {"client_order_id": ""},
        {"client_order_id": "c" * 37},
        {"type": OrderType.MARKET},
    ],
)
def test_what_the_venue_cannot_express_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected"):
        order_params(replace(make_order(), **changes), PERP)


@pytest.mark.parametrize("qty", ["0", "-1"])
def test_an_order_of_nothing_is_refused(qty: str) -> None:
    with pytest.raises(ValueError, match="expected a quantity above 0"):
        order_params(make_order(qty=qty), PERP)
