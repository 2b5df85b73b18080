"""What a plan says of collateral before there is a position."""

from __future__ import annotations

from dataclasses import replace

import pytest

from counterpoise.app.margin_view import foreseen_rows
from counterpoise.cli.margin_rows import print_margin_after
from counterpoise.decide.guards.foresight import after_orders
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Order, OrderState, Side
from counterpoise.domain.policy import MarginPolicy
from counterpoise.domain.snapshot import MarginMode, Snapshot
from tests.build import BTC_PERP, VENUE, make_order, make_policy, with_venue
from tests.unit.decide.guards.test_margin import TIERS, book, world

POLICY = make_policy(margin=MarginPolicy())


def flat(futures: int, spot: int) -> Snapshot:
    return with_venue(world(futures, spot=spot, qty=0), tiers=TIERS)


def short(qty: str) -> Order:
    return make_order(side=Side.SELL, qty=qty)


def test_what_is_opened_and_moved_is_told_before_the_first_order(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """1 BTC at 100,000 on 10,000: 10,000 - 400 = (1 + 0.4 %) x 100,000 x m."""
    snapshot = flat(10_000, spot=50_000)
    (found,) = after_orders(snapshot, book(0), POLICY, [short("0.6"), short("0.4")])
    rows = foreseen_rows([found], POLICY.margin)
    assert (rows[0]["distance"], rows[0]["then"]) == ("0.095618", "0.32")
    assert rows[0]["moved"] == "22528"
    print_margin_after(rows)
    assert capsys.readouterr().out == (
        "After these orders, filled at the mark: USDT at main would be 9.6 % from liquidation; then 22,528.00 USDT"
        " would be moved in from the spot wallet, giving 32.0 %\n"
    )


def test_what_is_out_of_reach_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    found = after_orders(flat(20_000, spot=0), book(0), POLICY, [short("1")])
    print_margin_after(foreseen_rows(found, POLICY.margin))
    told = capsys.readouterr().out.splitlines()
    assert "would be 19.5 % from liquidation (stop_adding: nothing is added)" in told[0]
    assert told[1] == "12,528.00 USDT are missing for a distance of 32.0 % and out of reach"


def test_a_position_keeps_its_profit_and_what_filled_counts_once() -> None:
    grown = world(25_000, price=110_000)
    order = replace(
        make_order(side=Side.SELL, qty="0.5"),
        filled_qty=dec("0.4"),
        state=OrderState.PARTIALLY_FILLED,
    )
    (found,) = after_orders(grown, book(), POLICY, [order])
    assert found.check.pool.holdings[0].qty == dec("-1.1")
    assert round(found.check.pool.balance, 9) == 15_000
    (closed,) = after_orders(grown, book(), POLICY, [make_order(side=Side.BUY, qty=1)])
    assert (closed.check.pool.balance, closed.check.distance.adverse) == (15_000, None)


def test_nothing_is_said_without_futures_or_on_margin_of_its_own() -> None:
    snapshot = flat(10_000, spot=50_000)
    assert after_orders(snapshot, book(0), POLICY, [make_order(symbol="BTC/USDT")]) == ()
    account = snapshot.venues[VENUE].account
    assert account is not None
    alone = replace(account, margin_modes={BTC_PERP: MarginMode.ISOLATED})
    assert after_orders(with_venue(snapshot, account=alone), book(0), POLICY, [short("1")]) == ()
