"""Limits on exposure, on positions in coins, on orders a day, on prices off the mid, and on orders not taken."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Order, OrderState
from counterpoise.domain.policy import LimitsPolicy
from counterpoise.domain.records import Recorded, Tried
from counterpoise.domain.snapshot import Snapshot
from tests.build import (
    BTC_PERP,
    NOW,
    Number,
    make_order,
    make_policy,
    make_recorded,
    make_view,
    with_quote,
)
from tests.unit.decide.guards.test_limits import (
    BUY,
    OPEN,
    SELL,
    live,
    reviewed,
    small_world,
    verdict,
    with_leverage,
)

BTC = "BTC/USDT"
MINUTE = timedelta(minutes=1)


def rich(positions: dict[str, Number] | None = None) -> Snapshot:
    """0.5 BTC at 100,000 and 50,000 USDT: an equity of 100,000, with leverage to spare."""
    return with_leverage(small_world(positions), 100)


def tried(*, rejected: int, taken: int = 0, ago: timedelta = MINUTE) -> tuple[Tried, ...]:
    at = NOW - ago
    return (*[Tried(at=at, rejected=False)] * taken, *[Tried(at=at, rejected=True)] * rejected)


# --- net and gross exposure ---


@pytest.mark.parametrize(
    ("positions", "others", "order", "code"),
    [
        pytest.param({}, [], make_order(BUY, "0.5"), "ok", id="exactly the equity"),
        pytest.param({}, [], make_order(BUY, "0.501"), "max_net_exposure", id="a lot above it"),
        pytest.param({}, [], make_order(SELL, "1.5"), "ok", id="as far on the other side"),
        pytest.param({}, [], make_order(SELL, "1.501"), "max_net_exposure", id="and no further"),
        pytest.param(
            {}, [live(BUY, "0.3")], make_order(BUY, "0.201"), "max_net_exposure", id="rests"
        ),
        pytest.param(
            {}, [live(SELL, "1")], make_order(BUY, "0.501"), "max_net_exposure", id="other"
        ),
        pytest.param(
            {"BTC": "-0.5"}, [], make_order(BUY, "0.5", reduce_only=True), "ok", id="a close inside"
        ),
        pytest.param(
            {"BTC": "-0.5"},
            [live(BUY, "0.6")],
            make_order(BUY, "0.5", reduce_only=True),
            "max_net_exposure",
            id="a close may lean too far as well",
        ),
        pytest.param(
            {"BTC": "-0.5"},
            [live(BUY, "0.6")],
            make_order(BUY, "0.5", reduce_only=True, guard="margin"),
            "ok",
            id="what a guard closes goes first",
        ),
        pytest.param(
            {"BTC": 2},
            [],
            make_order(SELL, "0.1", reduce_only=True),
            "ok",
            id="the way back is free",
        ),
    ],
)
def test_the_largest_net_exposure(
    positions: dict[str, Number], others: list[Order], order: Order, code: str
) -> None:
    limits = replace(OPEN, max_net_exposure=dec(1))
    assert verdict(order, limits, rich(positions), make_recorded(*others)) == code


def test_an_operators_closing_may_lean() -> None:
    limits = replace(OPEN, max_net_exposure=dec("0.2"))
    close = make_order(BUY, "0.4", reduce_only=True)
    recorded = make_recorded()
    assert verdict(close, limits, rich({"BTC": "-0.4"}), recorded) == "max_net_exposure"
    flat = replace(recorded, portfolio=replace(recorded.portfolio, flattening=True))
    assert verdict(close, limits, rich({"BTC": "-0.4"}), flat) == "ok"


@pytest.mark.parametrize(
    ("positions", "order", "code"),
    [
        pytest.param({}, make_order(SELL, "1"), "ok", id="coins 0.5 and futures 1"),
        pytest.param({}, make_order(SELL, "1.001"), "max_gross_exposure", id="a lot above it"),
        pytest.param({"BTC": "-0.5"}, make_order(SELL, "0.501"), "max_gross_exposure", id="held"),
        pytest.param({"BTC": "-2"}, make_order(SELL, "0.1", symbol=BTC), "ok", id="selling coins"),
        pytest.param(
            {"BTC": "-2"},
            make_order(BUY, "0.1", symbol=BTC),
            "max_gross_exposure",
            id="buying them",
        ),
        pytest.param({"BTC": "-2"}, make_order(BUY, "0.1", reduce_only=True), "ok", id="a close"),
    ],
)
def test_the_largest_gross_exposure(positions: dict[str, Number], order: Order, code: str) -> None:
    limits = replace(OPEN, max_gross_exposure=dec("1.5"))
    assert verdict(order, limits, rich(positions)) == code


def test_what_was_approved_before_counts_as_exposure() -> None:
    for limits in (
        replace(OPEN, max_net_exposure=dec(1)),
        replace(OPEN, max_gross_exposure=dec(1)),
    ):
        orders = [make_order(BUY, "0.3", client_order_id=str(n)) for n in range(2)]
        approved, refused = reviewed(orders, limits, rich())
        assert (len(approved), len(refused)) == (1, 1)


# --- positions in coins ---


@pytest.mark.parametrize(
    ("qty", "code"), [pytest.param("1.5", "ok"), pytest.param("1.501", "max_position")]
)
def test_the_largest_position_in_coins(qty: str, code: str) -> None:
    limits = replace(OPEN, max_position={"BTC": dec(2)})
    recorded = make_recorded(live(SELL, "0.2"))
    assert verdict(make_order(SELL, qty), limits, rich({"BTC": "-0.3"}), recorded) == code
    other = replace(OPEN, max_position={"ETH": dec(1)})
    assert verdict(make_order(SELL, "1.501"), other, rich()) == "ok"


# --- orders a day ---


@pytest.mark.parametrize("reduce_only", [False, True], ids=["adding", "closing"])
def test_no_more_orders_a_day_than_allowed(reduce_only: bool) -> None:
    limits = replace(OPEN, max_orders_per_day=100)
    orders = [make_order(reduce_only=reduce_only) for _ in range(3)]
    approved, refused = reviewed(orders, limits, recorded=make_recorded(placed_24h=98))
    assert (len(approved), [r.reason.code for r in refused]) == (2, ["max_orders_per_day"])


# --- the price collar: mark and mid ---


@pytest.mark.parametrize(
    ("bid", "age", "order", "code"),
    [
        pytest.param(99_900, 0, make_order(price=104_000), "ok", id="near both"),
        pytest.param(97_900, 0, make_order(price=104_000), "price_collar", id="too far from mid"),
        pytest.param(None, 0, make_order(price=104_000), "ok", id="no mid: by the mark alone"),
        pytest.param(99_900, 3, make_order(), "not_valued", id="prices too old to tell"),
        pytest.param(
            97_900,
            3,
            make_order(BUY, price=104_000, reduce_only=True, guard="margin"),
            "ok",
            id="a guard goes by the mark",
        ),
    ],
)
def test_no_price_far_from_the_mid(bid: Number | None, age: int, order: Order, code: str) -> None:
    snapshot = with_quote(
        rich({"BTC": "-0.5"}),
        BTC_PERP,
        mark=dec(100_000),
        bid=None if bid is None else dec(bid),
        ask=dec(100_100),
        as_of=NOW - age * MINUTE,
    )
    assert verdict(order, OPEN, snapshot) == code


def test_a_mark_of_nothing_is_no_mark() -> None:
    view = make_view(rich(), make_policy())
    snapshot = with_quote(rich(), BTC_PERP, mark=dec(0))
    assert verdict(make_order(), OPEN, snapshot, view=view) == "not_valued"


# --- orders the venue does not take ---


@pytest.mark.parametrize(
    ("orders", "code"),
    [
        pytest.param(tried(rejected=10, taken=10), "max_rejects", id="ten of twenty"),
        pytest.param(tried(rejected=9, taken=0), "ok", id="nine"),
        pytest.param(tried(rejected=10, taken=11), "ok", id="less than half of them"),
        pytest.param(tried(rejected=10, ago=10 * MINUTE), "ok", id="ten minutes have passed"),
        pytest.param(
            tried(rejected=10, ago=10 * MINUTE - timedelta(seconds=1)), "max_rejects", id="not yet"
        ),
        pytest.param(
            (*tried(rejected=10, ago=15 * MINUTE), *tried(rejected=1, ago=6 * MINUTE)),
            "max_rejects",
            id="one more prolongs it",
        ),
        pytest.param(
            (*tried(rejected=10, ago=17 * MINUTE), *tried(rejected=1, ago=6 * MINUTE)),
            "ok",
            id="one after it has passed does not begin it anew",
        ),
    ],
)
def test_nothing_is_added_while_the_venue_refuses(orders: tuple[Tried, ...], code: str) -> None:
    limits = replace(OPEN, max_rejects=10)
    recorded = make_recorded(tried=orders)
    assert verdict(make_order(), limits, rich(), recorded) == code
    close = make_order(BUY, "0.1", reduce_only=True)
    assert verdict(close, limits, rich({"BTC": "-0.5"}), recorded) == "ok"


def test_what_belongs_to_the_game_is_no_refusal() -> None:
    for why, refused in (("-2019: Margin is insufficient.", True), ("-5022: would take", False)):
        assert live(state=OrderState.REJECTED, reason=why).is_refusal is refused
    assert live(state=OrderState.REJECTED).is_refusal
    assert not live(state=OrderState.CANCELED, reason="-2019").is_refusal


# --- what refusals say ---


@pytest.mark.parametrize(
    ("limits", "recorded", "order", "told"),
    [
        (
            replace(OPEN, max_net_exposure=dec(1)),
            make_recorded(),
            make_order(BUY, "0.6"),
            "net exposure would reach 1.1 x equity, beyond the limit of 1",
        ),
        (
            replace(OPEN, max_gross_exposure=dec(1)),
            make_recorded(),
            make_order(SELL, "0.6"),
            "coins and futures together would reach 1.1 x equity, above the limit of 1",
        ),
        (
            replace(OPEN, max_position={"BTC": dec("0.5")}),
            make_recorded(),
            make_order(SELL, "0.6"),
            "position would reach 0.6 BTC, above the limit of 0.5",
        ),
        (
            replace(OPEN, max_orders_per_day=7),
            make_recorded(placed_24h=7),
            make_order(),
            "more than 7 orders within 24 h",
        ),
        (
            OPEN,
            make_recorded(tried=tried(rejected=25, taken=5)),
            make_order(),
            "the venue did not take 25 of 30 orders within 10m: nothing is added before 10m pass without that",
        ),
    ],
)
def test_a_refusal_says_what_is_allowed(
    limits: LimitsPolicy, recorded: Recorded, order: Order, told: str
) -> None:
    _, (refused,) = reviewed([order], limits, rich(), recorded)
    assert refused.reason.text == told
    assert refused.guard == "limits"
