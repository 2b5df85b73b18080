from __future__ import annotations

import pytest

from counterpoise.domain.instrument import InstrumentKind
from counterpoise.domain.numbers import dec
from tests.build import make_instrument


@pytest.mark.parametrize(
    ("symbol", "kind", "is_future"),
    [
        ("BTC/USDT", InstrumentKind.SPOT, False),
        ("BTC/USDT:USDT", InstrumentKind.PERPETUAL, True),
        ("BTC/USDT:USDT-250627", InstrumentKind.FUTURE, True),
    ],
)
def test_a_coin_is_no_position_and_a_contract_is(
    symbol: str, kind: InstrumentKind, is_future: bool
) -> None:
    instrument = make_instrument(symbol)
    assert (instrument.kind, instrument.is_future) == (kind, is_future)


def test_linear_contracts_are_base_units_by_contract_size() -> None:
    linear = make_instrument(contract_size=dec("0.01"))
    assert linear.contracts(dec("0.5"), dec(100_000)) == dec(50)
    assert linear.base_qty(dec(-50), dec(100_000)) == dec("-0.5")


def test_inverse_contracts_are_quote_units_so_their_base_size_depends_on_the_mark() -> None:
    """MEANING 2: 1,000 contracts of 100 USD are 1 BTC at 100,000 and 2 BTC at 50,000."""
    inverse = make_instrument("BTC/USD:BTC", contract_size=dec(100))
    assert inverse.inverse
    assert inverse.base_qty(dec(-1000), dec(100_000)) == -1
    assert inverse.base_qty(dec(-1000), dec(50_000)) == -2
    assert inverse.contracts(dec(-2), dec(50_000)) == -1000


@pytest.mark.parametrize(
    ("qty", "price", "tradable"),
    [
        pytest.param("0.001", "100000", True, id="on the smallest quantity"),
        pytest.param("0.0009", "100000", False, id="below the smallest quantity"),
        pytest.param("0.001", "5000", True, id="on the smallest notional"),
        pytest.param("0.001", "4999.9", False, id="below the smallest notional"),
        pytest.param("0", "100000", False, id="nothing is never an order"),
        pytest.param("-1", "100000", False, id="an order's quantity has no sign"),
    ],
)
def test_the_minima_of_a_venue(qty: str, price: str, tradable: bool) -> None:
    assert make_instrument().tradable(dec(qty), dec(price)) is tradable


@pytest.mark.parametrize(
    ("qty", "tradable"),
    [
        pytest.param("0.001", True, id="below the smallest notional a position may be ended"),
        pytest.param("0.0009", False, id="below the smallest quantity it may not"),
        pytest.param("0", False, id="nothing ends nothing"),
    ],
)
def test_what_ends_a_position_needs_no_notional(qty: str, tradable: bool) -> None:
    assert make_instrument().tradable(dec(qty), dec(4999), closing=True) is tradable


def test_nothing_is_tradable_even_where_the_venue_has_no_minima() -> None:
    free = make_instrument(min_qty=dec(0), min_notional=dec(0))
    assert not free.tradable(dec(0), dec(1))


def test_quantities_shrink_to_lots_and_prices_go_where_they_are_sent() -> None:
    instrument = make_instrument(tick_size=dec("0.5"))
    assert instrument.shrink_qty(dec("0.0019")) == dec("0.001")
    assert instrument.shrink_qty(dec("-0.0019")) == dec("-0.001")
    assert instrument.price_down(dec("10.7")) == dec("10.5")
    assert instrument.price_up(dec("10.7")) == dec("11.0")
