"""Nothing is made or lost by margin either: large positions, isolated wallets, liquidations, deleveraging.

As :mod:`tests.unit.venue.sim.test_conservation`, with positions that prices destroy.
"""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from functools import partial
from itertools import chain

from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.venue.sim import MarginType, MarketKind, Side, SimExchange, SimReject, TimeInForce
from tests.unit.venue.sim.test_conservation import (
    SYMBOLS,
    Step,
    accounts,
    books_add_up,
    equity_is_explained,
    jump,
    matching_kept_its_rules,
    meddling,
    new_exchange,
    place,
    symbols,
    waiting,
    worth,
)


def set_margin(
    who: int, symbol: str, leverage: int, kind: MarginType, exchange: SimExchange
) -> None:
    """Set both, each as far as it is allowed now."""
    key = exchange.accounts()[who]
    with suppress(SimReject):
        exchange.set_leverage(key, symbol, leverage)
    exchange.set_margin_type(key, symbol, kind)


def change_margin(who: int, symbol: str, cents: int, exchange: SimExchange) -> None:
    exchange.change_margin(exchange.accounts()[who], symbol, Decimal(cents) / 100)


def deleverage(who: int, symbol: str, lots: int, exchange: SimExchange) -> None:
    exchange.deleverage(exchange.accounts()[who], symbol, Decimal(lots) / 1000)


boldly = st.builds(
    partial,
    st.just(place),
    accounts,
    st.sampled_from([(MarketKind.PERP, symbol) for symbol in SYMBOLS]),
    st.sampled_from(Side),
    st.integers(100_000, 600_000),
    st.one_of(st.none(), st.integers(1, 15)),
    st.just(TimeInForce.GTC),
    st.just(False),
)
settling = st.one_of(
    st.builds(
        partial,
        st.just(set_margin),
        accounts,
        symbols,
        st.sampled_from((20, 50, 125)),
        st.sampled_from(MarginType),
    ),
    st.builds(partial, st.just(change_margin), accounts, symbols, st.integers(-500_000, 500_000)),
    st.builds(partial, st.just(deleverage), accounts, symbols, st.integers(1, 500)),
)
plunging = st.builds(partial, st.just(jump), symbols, st.integers(-1_500, 1_500))
bold_rounds = st.tuples(settling, boldly, boldly, meddling, plunging, waiting)
bold_histories = st.lists(bold_rounds, min_size=4, max_size=10).map(
    lambda found: list(chain(*found))
)


def nobody_stays_under_water(exchange: SimExchange) -> None:
    """After a look at the marks that stand, every pool with a position is worth more than it must keep."""
    for key in exchange.accounts():
        view = exchange.account(key)
        cross = {p.symbol for p in view.positions if p.qty and p.margin_type is MarginType.CROSS}
        for wallet in view.futures.values():
            balance = wallet.cross_balance + wallet.cross_unrealized_pnl
            assert not cross or balance > wallet.maintenance_margin
            assert cross or wallet.cross_balance >= 0
        for held in view.positions:
            if held.margin_type is MarginType.ISOLATED and held.qty:
                assert held.isolated_wallet + held.unrealized_pnl > held.maintenance_margin
            if not held.qty:
                assert held.isolated_wallet == 0


@settings(max_examples=60)
@given(bold_histories)
def test_random_histories_of_the_bold(history: list[Step]) -> None:
    exchange = new_exchange()
    at_start = {asset: worth(exchange, asset) for asset in ("BTC", "ETH", "USDT")}
    for step in history:
        with suppress(SimReject):
            step(exchange)
        books_add_up(exchange)
        for key in exchange.accounts():
            equity_is_explained(exchange, key, at_start)
        if getattr(step, "func", None) is jump:
            nobody_stays_under_water(exchange)
    matching_kept_its_rules(exchange)


def test_the_bold_are_really_liquidated() -> None:
    """A guard on the test itself: a history as above loses a cross pool and an isolated position, and the fund pays."""
    exchange = new_exchange()
    for symbol, kind in zip(SYMBOLS, MarginType, strict=True):
        set_margin(0, symbol, 50, kind, exchange)
        place(
            0, (MarketKind.PERP, symbol), Side.BUY, 400_000, None, TimeInForce.GTC, False, exchange
        )
    for symbol in SYMBOLS:
        jump(symbol, -1_500, exchange)
    events = [e for e in exchange.log.after(0) if e["event"] == "liquidation"]
    assert {e["status"] for e in events} == {"cross", "isolated"}
    assert any(i.kind == "insurance_clear" for i in exchange.income(exchange.accounts()[0]))
    books_add_up(exchange)
    nobody_stays_under_water(exchange)
