from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.decide.guards.limits import review
from counterpoise.domain.guarding import UNGUARDED, MarginVerdict
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Order, OrderState, OrderType, Side, TimeInForce
from counterpoise.domain.plan import Approved, Refused
from counterpoise.domain.policy import FreshnessPolicy, LimitsPolicy, MarginPolicy
from counterpoise.domain.portfolio import PortfolioView
from counterpoise.domain.reasons import reason
from counterpoise.domain.records import Recorded, TradingState
from counterpoise.domain.snapshot import Snapshot
from tests.build import (
    BTC_PERP,
    NOW,
    SOL_PERP,
    VENUE,
    Number,
    make_account,
    make_fill,
    make_order,
    make_policy,
    make_position,
    make_recorded,
    make_snapshot,
    make_venue_snapshot,
    make_venues_snapshot,
    make_view,
    with_quote,
    with_venue,
)

BUY, SELL = Side.BUY, Side.SELL
#: Limits that stop nothing, so that each test lowers the one it is about.
OPEN = LimitsPolicy(max_turnover_24h=dec(1000), max_leverage=dec(1000))


def world(positions: dict[str, Number] | None = None, futures: Number = 1_000_000) -> Snapshot:
    """0.5 BTC at 100,000 and cash: an equity of 50,000 + ``futures``."""
    return make_snapshot(spot={"BTC": "0.5"}, futures={"USDT": futures}, positions=positions)


def small_world(positions: dict[str, Number] | None = None) -> Snapshot:
    """The same with an equity of 100,000."""
    return world(positions, 50_000)


def reviewed(
    orders: Iterable[Order],
    limits: LimitsPolicy = OPEN,
    snapshot: Snapshot | None = None,
    recorded: Recorded | None = None,
    view: PortfolioView | None = None,
    guard: MarginPolicy | None = None,
    margin: MarginVerdict = UNGUARDED,
) -> tuple[tuple[Approved, ...], tuple[Refused, ...]]:
    seen = snapshot or world()
    # margin is a guard of its own, with tests of its own
    policy = make_policy(
        limits=limits, freshness=FreshnessPolicy(approval=timedelta(seconds=30)), margin=guard
    )
    known = recorded or make_recorded()
    return review(orders, seen, known, policy, view or make_view(seen, policy), margin)


def verdict(order: Order, *args: Any, **kwargs: Any) -> str:
    """``ok``, or the code of the refusal."""
    approved, refused = reviewed([order], *args, **kwargs)
    assert len(approved) + len(refused) == 1
    return refused[0].reason.code if refused else "ok"


def live(side: Side = SELL, qty: Number = "0.1", price: Number = 100_000, **changes: Any) -> Order:
    """An order of ours that rests at the venue."""
    return make_order(side, qty, price, **{"state": OrderState.OPEN, **changes})


# --- what passes ---


def test_an_order_inside_every_limit_is_approved_for_half_a_minute() -> None:
    order = make_order()
    approved, refused = reviewed([order])
    valid_until = NOW + timedelta(seconds=30)
    assert approved == (Approved(order=order, valid_until=valid_until, together=3),)
    assert refused == ()


def test_orders_are_judged_and_kept_in_their_order() -> None:
    orders = [make_order(qty=q, client_order_id=q) for q in ("0.1", "5", "0.2", "6")]
    approved, refused = reviewed(orders, replace(OPEN, max_order_notional=dec(50_000)))
    assert [a.order for a in approved] == [orders[0], orders[2]]
    assert [r.order for r in refused] == [orders[1], orders[3]]
    assert {r.guard for r in refused} == {"limits"}


# --- one limit at a time: a case where it stops, and a near miss ---


@pytest.mark.parametrize(
    ("qty", "price", "code"),
    [
        pytest.param("0.25", 100_000, "ok", id="exactly the largest order"),
        pytest.param("0.251", 100_000, "max_order_notional", id="a lot above it"),
        pytest.param("0.25", 99_000, "ok", id="a cheap order counts at the mark"),
        pytest.param("0.251", 99_000, "max_order_notional", id="a cheap order is not smaller"),
        pytest.param("0.25", 100_100, "max_order_notional", id="a dear order counts at its price"),
    ],
)
def test_the_largest_order(qty: str, price: int, code: str) -> None:
    limits = replace(OPEN, max_order_notional=dec(25_000))
    assert verdict(make_order(qty=qty, price=price), limits) == code


@pytest.mark.parametrize(
    ("position", "others", "side", "qty", "code"),
    [
        pytest.param("0", [], SELL, "0.5", "ok", id="exactly the largest position"),
        pytest.param("0", [], SELL, "0.501", "max_position_notional", id="a lot above it"),
        pytest.param("-0.3", [], SELL, "0.2", "ok", id="what is there counts"),
        pytest.param("-0.3", [], SELL, "0.201", "max_position_notional", id="and leaves less"),
        pytest.param("0.3", [], SELL, "0.8", "ok", id="through zero to the other edge"),
        pytest.param("-0.3", [], BUY, "0.8", "ok", id="the same from below"),
        pytest.param("-0.3", [], BUY, "0.801", "max_position_notional", id="and not beyond"),
        pytest.param("-0.3", [live(SELL, "0.1")], SELL, "0.1", "ok", id="what rests counts"),
        pytest.param(
            "-0.3",
            [live(SELL, "0.1")],
            SELL,
            "0.101",
            "max_position_notional",
            id="what rests is counted as filled",
        ),
        pytest.param(
            "-0.3",
            [make_order(SELL, "0.15", state=OrderState.UNKNOWN)],
            SELL,
            "0.1",
            "max_position_notional",
            id="an unproven order counts at full size",
        ),
        pytest.param(
            "-0.3",
            [live(SELL, "0.3", filled_qty=dec("0.2"))],
            SELL,
            "0.1",
            "ok",
            id="what already filled is in the position",
        ),
        pytest.param(
            "-0.3",
            [live(BUY, "0.3")],
            SELL,
            "0.201",
            "max_position_notional",
            id="an order of the other side is no promise to fill",
        ),
        pytest.param(
            "-0.3",
            [live(SELL, "0.5", state=OrderState.CANCELED)],
            SELL,
            "0.2",
            "ok",
            id="a canceled order has nothing left to fill",
        ),
        pytest.param(
            "-0.3", [live(SELL, "0.5", symbol=SOL_PERP)], SELL, "0.2", "ok", id="another contract"
        ),
    ],
)
def test_the_largest_position(
    position: str, others: list[Order], side: Side, qty: str, code: str
) -> None:
    """Promise 4: fills + open + unproven, at their worst, never above the cap."""
    limits = replace(OPEN, max_position_notional=dec(50_000))
    snapshot = world({"BTC": position})
    assert verdict(make_order(side, qty), limits, snapshot, make_recorded(*others)) == code


def test_what_was_approved_before_counts_against_the_largest_position() -> None:
    limits = replace(OPEN, max_position_notional=dec(50_000))
    approved, refused = reviewed([make_order(qty="0.2") for _ in range(3)], limits)
    assert (len(approved), [r.reason.code for r in refused]) == (2, ["max_position_notional"])


def test_an_approved_buy_makes_no_room_for_a_sell() -> None:
    """The buy may never fill: the sell alone must stay under the cap."""
    limits = replace(OPEN, max_position_notional=dec(50_000))
    approved, refused = reviewed([make_order(BUY, "0.4"), make_order(SELL, "0.8")], limits)
    assert [a.order.side for a in approved] == [BUY]
    assert [r.reason.code for r in refused] == ["max_position_notional"]


@pytest.mark.parametrize(
    ("positions", "others", "qty", "code"),
    [
        pytest.param({}, [], "2", "ok", id="exactly twice the equity"),
        pytest.param({}, [], "2.001", "max_leverage", id="a lot above it"),
        pytest.param({"SOL": -500}, [], "1.5", "ok", id="every position counts, whatever its sign"),
        pytest.param({"SOL": 500}, [], "1.501", "max_leverage", id="and leaves less"),
        pytest.param({}, [live(qty="1")], "1", "ok", id="what rests counts"),
        pytest.param({}, [live(qty="1")], "1.001", "max_leverage", id="and leaves less, too"),
        pytest.param(
            {},
            [make_order(qty="1", state=OrderState.UNKNOWN)],
            "1.001",
            "max_leverage",
            id="an unproven order counts at full size",
        ),
        pytest.param(
            {}, [live(qty="1", reduce_only=True)], "2", "ok", id="a close that rests adds nothing"
        ),
        pytest.param(
            {"BTC": "-0.6"},
            [live(qty="1", filled_qty=dec("0.6"))],
            "1",
            "ok",
            id="what filled of an order is in the position, not in the order",
        ),
    ],
)
def test_the_largest_leverage(
    positions: dict[str, Number], others: list[Order], qty: str, code: str
) -> None:
    limits = replace(OPEN, max_leverage=dec(2))
    snapshot = with_leverage(small_world(positions), 100)
    assert verdict(make_order(qty=qty), limits, snapshot, make_recorded(*others)) == code


def with_leverage(snapshot: Snapshot, leverage: Number, symbol: str = BTC_PERP) -> Snapshot:
    account = snapshot.venues[VENUE].account
    assert account is not None
    return with_venue(snapshot, account=replace(account, leverage={symbol: dec(leverage)}))


@pytest.mark.parametrize(
    ("mark", "qty", "code"),
    [
        pytest.param(dec(3000), "0.5", "ok", id="a position elsewhere counts at its own mark"),
        pytest.param(dec(3000), "0.501", "max_leverage", id="and leaves less"),
        pytest.param(None, "0.001", "not_valued", id="one without any price stops what adds"),
    ],
)
def test_positions_without_a_quote_are_not_worth_nothing(
    mark: Decimal | None, qty: str, code: str
) -> None:
    """A contract nobody trades here is not quoted; counting it as zero would hide its risk."""
    snapshot = with_leverage(small_world(), 100)
    account = snapshot.venues[VENUE].account
    assert account is not None
    positions = {"ETH/USDT:USDT": make_position("ETH/USDT:USDT", -50, mark)}
    snapshot = with_venue(snapshot, account=replace(account, positions=positions))
    limits = replace(OPEN, max_leverage=dec(2))
    assert verdict(make_order(qty=qty), limits, snapshot) == code
    assert verdict(make_order(BUY, qty=qty, reduce_only=True), limits, snapshot) == "ok"


def test_a_position_of_nothing_needs_no_price() -> None:
    """Venues list contracts that were held once, with a quantity of 0."""
    assert verdict(make_order(), snapshot=world({"ETH/USDT:USDT": 0})) == "ok"


def test_leverage_of_another_venue_counts_and_an_unread_one_is_not_empty() -> None:
    mine = make_venue_snapshot(
        make_account({"BTC": "0.5"}, {"USDT": 50_000}, leverage={BTC_PERP: dec(100)}),
        {"BTC": 100_000, "SOL": 100},
    )
    other = make_venue_snapshot(
        make_account(positions={"BTC": "-1"}), {"BTC": 100_000}, venue="other"
    )
    limits = replace(OPEN, max_leverage=dec(2))
    view = make_view(make_venues_snapshot(mine), make_policy())
    both = make_venues_snapshot(mine, other)
    assert verdict(make_order(qty=1), limits, both, view=view) == "ok"
    assert verdict(make_order(qty="1.001"), limits, both, view=view) == "max_leverage"
    silent = make_venues_snapshot(mine, replace(other, account=None))
    assert verdict(make_order(qty="0.1"), limits, silent, view=view) == "not_valued"
    assert verdict(make_order(reduce_only=True), limits, silent, view=view) == "ok"


@pytest.mark.parametrize(
    ("fills", "others", "qty", "code"),
    [
        pytest.param([], [], "2", "ok", id="exactly twice the equity in a day"),
        pytest.param([], [], "2.001", "max_turnover_24h", id="a lot above it"),
        pytest.param(
            [make_fill(SELL, 1, 90_000), make_fill(BUY, "0.1")],
            [],
            "1",
            "ok",
            id="both sides of the day count, at the prices paid",
        ),
        pytest.param(
            [make_fill(SELL, 1, 90_000), make_fill(BUY, "0.1")],
            [],
            "1.001",
            "max_turnover_24h",
            id="and leave less",
        ),
        pytest.param([], [live(qty="1.5")], "0.5", "ok", id="what rests counts"),
        pytest.param([], [live(qty="1.5")], "0.501", "max_turnover_24h", id="and leaves less, too"),
        pytest.param(
            [], [live(qty="1.5", reduce_only=True)], "2", "ok", id="a close that rests does not"
        ),
        pytest.param(
            [make_fill(SELL, "0.6")],
            [live(qty="1", filled_qty=dec("0.6"))],
            "1",
            "ok",
            id="what filled of an order is in the fills, not in the order",
        ),
    ],
)
def test_the_largest_turnover(fills: list[Any], others: list[Order], qty: str, code: str) -> None:
    limits = replace(OPEN, max_turnover_24h=dec(2))
    snapshot = with_leverage(small_world(), 100)
    recorded = make_recorded(*others, recent_fills=tuple(fills))
    assert verdict(make_order(qty=qty), limits, snapshot, recorded) == code


def test_what_was_approved_before_counts_as_turnover_and_leverage() -> None:
    snapshot = with_leverage(small_world(), 100)
    for limits in (replace(OPEN, max_turnover_24h=dec(2)), replace(OPEN, max_leverage=dec(2))):
        approved, refused = reviewed([make_order(qty="0.9") for _ in range(3)], limits, snapshot)
        assert (len(approved), len(refused)) == (2, 1)


@pytest.mark.parametrize("reduce_only", [False, True], ids=["adding", "closing"])
def test_no_more_orders_a_minute_than_allowed(reduce_only: bool) -> None:
    limits = replace(OPEN, max_orders_per_minute=3)
    orders = [make_order(reduce_only=reduce_only) for _ in range(3)]
    approved, refused = reviewed(orders, limits, recorded=make_recorded(placed_at=(NOW,)))
    assert (len(approved), [r.reason.code for r in refused]) == (2, ["max_orders_per_minute"])


@pytest.mark.parametrize("reduce_only", [False, True], ids=["adding", "closing"])
def test_no_more_open_orders_than_allowed(reduce_only: bool) -> None:
    limits = replace(OPEN, max_open_orders=3)
    resting = [live(), live(state=OrderState.FILLED)]
    orders = [make_order(reduce_only=reduce_only) for _ in range(3)]
    approved, refused = reviewed(orders, limits, recorded=make_recorded(*resting))
    assert (len(approved), [r.reason.code for r in refused]) == (2, ["max_open_orders"])


@pytest.mark.parametrize("reduce_only", [False, True], ids=["adding", "closing"])
@pytest.mark.parametrize(
    ("price", "code"),
    [
        pytest.param("105000", "ok", id="exactly five percent above the mark"),
        pytest.param("105000.1", "price_collar", id="a tick further"),
        pytest.param("95000", "ok", id="exactly five percent below the mark"),
        pytest.param("94999.9", "price_collar", id="a tick further down"),
        pytest.param("0", "price_collar", id="for nothing"),
    ],
)
def test_no_price_far_from_the_mark(price: str, code: str, reduce_only: bool) -> None:
    limits = replace(OPEN, price_collar=dec("0.05"))
    order = make_order(price=price, reduce_only=reduce_only)
    assert verdict(order, limits) == code


def test_a_refused_price_says_how_far_away_it_was() -> None:
    _, (refused,) = reviewed([make_order(price=110_000)])
    assert refused.reason.text == "price 110000 is 10 % away from the mark 100000, more than 5 %"


@pytest.mark.parametrize(
    ("limits", "order", "told"),
    [
        pytest.param(
            replace(OPEN, max_turnover_24h=dec("0.5")),
            make_order(qty="0.4"),
            "turnover of the last 24 h would reach 60000, above the limit of 50000",
            id="turnover",
        ),
        pytest.param(
            replace(OPEN, max_leverage=dec("0.5")),
            make_order(qty="0.4"),
            "futures would reach 0.7 x equity, above the limit of 0.5",
            id="leverage",
        ),
        pytest.param(
            replace(OPEN, max_position_notional=dec(60_000)),
            make_order(qty="0.4"),
            "position would reach 70000, above the limit of 60000",
            id="position",
        ),
        pytest.param(
            replace(OPEN, max_order_notional=dec("25000.129")),
            make_order(qty="0.4"),
            "order of 40000 is above the limit of 25000.13",
            id="order",
        ),
        pytest.param(
            OPEN,
            make_order(price=90_000),
            "price 90000 is 10 % away from the mark 100000, more than 5 %",
            id="a price below the mark",
        ),
    ],
)
def test_a_refusal_says_what_would_be_reached_and_what_is_allowed(
    limits: LimitsPolicy, order: Order, told: str
) -> None:
    recorded = make_recorded(recent_fills=(make_fill(qty="0.2"),))
    _, (refused,) = reviewed([order], limits, small_world({"BTC": "-0.3"}), recorded)
    assert refused.reason.text == told


def test_a_market_order_is_judged_at_the_mark() -> None:
    market = make_order(qty="0.25", type=OrderType.MARKET)
    market = replace(market, price=None)
    assert verdict(market, replace(OPEN, max_order_notional=dec(25_000))) == "ok"
    assert verdict(market, replace(OPEN, max_order_notional=dec(24_999))) == "max_order_notional"


@pytest.mark.parametrize("reduce_only", [False, True], ids=["adding", "closing"])
def test_without_a_mark_nothing_is_sent(reduce_only: bool) -> None:
    snapshot = world()
    view = make_view(snapshot, make_policy())
    blind = with_quote(snapshot, BTC_PERP, mark=None, bid=None)
    order = make_order(reduce_only=reduce_only)
    assert verdict(order, snapshot=blind, view=view) == "not_valued"
    unquoted = with_venue(snapshot, quotes={})
    assert verdict(order, snapshot=unquoted, view=view) == "not_valued"


@pytest.mark.parametrize("reduce_only", [False, True], ids=["adding", "closing"])
def test_without_an_account_nothing_is_sent(reduce_only: bool) -> None:
    """An unread account is not an empty one: its position, wallet and leverage are unknown."""
    view = make_view(world(), make_policy())
    order = make_order(reduce_only=reduce_only)
    assert verdict(order, snapshot=with_venue(world(), account=None), view=view) == "not_valued"


# --- margin ---


@pytest.mark.parametrize(
    ("leverage", "qty", "code"),
    [
        pytest.param(5, "0.5", "ok", id="5x: 10,000 carries 50,000"),
        pytest.param(5, "0.501", "margin_short", id="5x: and no more"),
        pytest.param(1, "0.1", "ok", id="1x: 10,000 carries 10,000"),
        pytest.param(1, "0.101", "margin_short", id="1x: and no more"),
        pytest.param(0, "0.101", "margin_short", id="a leverage of nothing counts as 1x"),
        pytest.param(None, "0.101", "margin_short", id="a leverage nobody told counts as 1x"),
    ],
)
def test_the_futures_wallet_carries_the_initial_margin(
    leverage: int | None, qty: str, code: str
) -> None:
    snapshot = world(futures=10_000)
    if leverage is not None:
        snapshot = with_leverage(snapshot, leverage)
    assert verdict(make_order(qty=qty), snapshot=snapshot) == code


def test_a_positions_own_leverage_comes_first() -> None:
    snapshot = with_leverage(world({"BTC": "-0.1"}, 10_000), 1)
    account = snapshot.venues[VENUE].account
    assert account is not None
    position = replace(account.positions[BTC_PERP], leverage=dec(10))
    account = replace(account, positions={BTC_PERP: position})
    snapshot = with_venue(snapshot, account=account)
    assert verdict(make_order(qty="1"), snapshot=snapshot) == "ok"
    assert verdict(make_order(qty="1.001"), snapshot=snapshot) == "margin_short"


def test_what_was_approved_before_uses_the_wallet_up() -> None:
    snapshot = with_leverage(world(futures=10_000), 5)
    approved, (refused,) = reviewed([make_order(qty="0.2") for _ in range(3)], snapshot=snapshot)
    assert len(approved) == 2
    assert refused.margin_missing == 2000
    assert refused.reason.text == (
        "needs 12000 USDT of free futures margin, 10000 is there: bring 2000 USDT to the futures wallet of main (its"
        " spot wallet can spare 0), or hedge less"
    )


@pytest.mark.parametrize(
    ("spot", "advice"),
    [
        (3000, "move 2000 USDT from the spot wallet to the futures wallet"),
        (
            2999,
            (
                "bring 2000 USDT to the futures wallet of main (its spot wallet can spare 1999), or"
                " hedge less"
            ),
        ),
    ],
)
def test_what_the_spot_wallet_keeps_is_not_advised_to_be_moved(spot: int, advice: str) -> None:
    made = with_leverage(make_snapshot(spot={"BTC": 1, "USDT": spot}, futures={"USDT": 10_000}), 5)
    guard = MarginPolicy(keep_buffer=dec(1000), survive=dec("0.01"))
    _, (refused,) = reviewed([make_order(qty="0.6")], guard=guard, snapshot=made)
    assert refused.reason.text.endswith(f"10000 is there: {advice}")


def test_one_order_is_refused_once_by_the_guard_that_leaves_least() -> None:
    """Crossing, 5x: the wallet pays 0.49 of it, 30 % of adverse move leaves 0.3 or so."""
    made = with_leverage(make_snapshot(spot={"BTC": 1}, futures={"USDT": 10_000}), 5)
    order = make_order(qty="0.6", time_in_force=TimeInForce.IOC)
    (approved,), (refused,) = reviewed([order], guard=MarginPolicy(), snapshot=made)
    assert (refused.guard, refused.reason.code) == ("margin", "not_survivable")
    assert refused.order.qty + approved.order.qty == order.qty


def test_what_the_margin_guard_stops_is_told_as_its_own() -> None:
    made = with_leverage(make_snapshot(spot={"BTC": 1}, futures={"USDT": 10_000}), 5)
    stop = reason("margin_stops_adding", venue=VENUE, asset="USDT", distance="19 %", step="x")
    margin = MarginVerdict(stops={(VENUE, "USDT"): stop})
    _, (refused,) = reviewed([make_order(qty="0.1")], snapshot=made, margin=margin)
    assert (refused.guard, refused.reason) == ("margin", stop)


def test_a_wallet_that_is_not_there_carries_nothing() -> None:
    snapshot = make_snapshot(spot={"BTC": "0.5"})
    _, (refused,) = reviewed([make_order(qty="0.1")], snapshot=snapshot)
    assert refused.margin_missing == 10_000


def test_missing_margin_is_never_rounded_to_less_than_is_missing() -> None:
    """Told to move 0.00 where 0.004 is missing, the next cycle would refuse the same order again."""
    snapshot = world(futures="9999.996")
    _, (refused,) = reviewed([make_order(qty="0.1")], snapshot=snapshot)
    assert refused.margin_missing == dec("0.01")


def test_a_spot_order_needs_no_futures_margin() -> None:
    snapshot = make_snapshot(spot={"BTC": "0.5", "USDT": 50_000})
    assert verdict(make_order(BUY, "0.1", symbol="BTC/USDT"), snapshot=snapshot) == "ok"
    assert verdict(make_order(BUY, "0.1"), snapshot=snapshot) == "margin_short"


# --- reduce-only: risk may always be taken off ---


def test_a_close_is_exempt_from_what_limits_size() -> None:
    nothing = LimitsPolicy(
        max_position_notional=dec(1), max_turnover_24h=dec(0), max_leverage=dec(0)
    )
    snapshot = world({"BTC": "-1"}, 0)
    assert verdict(make_order(BUY, "1", reduce_only=True), nothing, snapshot) == "ok"
    assert verdict(make_order(BUY, "1"), nothing, snapshot) != "ok"


def test_a_close_uses_up_nothing_that_an_addition_needs() -> None:
    limits = replace(OPEN, max_turnover_24h=dec(1), max_leverage=dec(2))
    snapshot = with_leverage(small_world({"SOL": -500}), 1)
    orders = [
        make_order(BUY, "500", 100, symbol=SOL_PERP, reduce_only=True),
        make_order(SELL, "0.5"),
    ]
    approved, refused = reviewed(orders, limits, snapshot)
    assert (len(approved), refused) == (2, ())


# --- trading states (MEANING 19) ---


@pytest.mark.parametrize("reduce_only", [False, True], ids=["adding", "closing"])
@pytest.mark.parametrize("state", [TradingState.CANCEL_ONLY, TradingState.HALT])
def test_nothing_is_placed_while_only_cancels_may_be_sent(
    state: TradingState, reduce_only: bool
) -> None:
    order = make_order(reduce_only=reduce_only)
    _, (refused,) = reviewed([order], recorded=make_recorded(state=state))
    assert refused.reason.text == f"trading state is {state.value}"


@pytest.mark.parametrize(
    ("position", "side", "qty", "reduce_only", "code"),
    [
        pytest.param(
            "0",
            SELL,
            "0.1",
            False,
            "trading_state_reduce_only",
            id="a new short adds to |position|",
        ),
        pytest.param(
            "-0.5", BUY, "0.1", False, "trading_state_reduce_only", id="only what the venue caps"
        ),
        pytest.param("0.4", SELL, "0.1", True, "ok", id="a long beside coins may be sold"),
        pytest.param(
            "-0.5",
            BUY,
            "0.1",
            True,
            "trading_state_net_exposure",
            id="lifting a hedge adds exposure",
        ),
        pytest.param(
            "-0.2", BUY, "0.1", True, "trading_state_net_exposure", id="so does lifting half a one"
        ),
        pytest.param("-0.8", BUY, "0.3", True, "ok", id="net short 0.3 may be bought back to 0"),
        pytest.param("-0.8", BUY, "0.6", True, "ok", id="through 0 to net long 0.3 raises nothing"),
        pytest.param(
            "-0.8", BUY, "0.601", True, "trading_state_net_exposure", id="a lot further does"
        ),
    ],
)
def test_reduce_only_shrinks_positions_and_never_raises_net_exposure(
    position: str, side: Side, qty: str, reduce_only: bool, code: str
) -> None:
    """0.5 BTC is held. The naive reading lets every reduce-only order pass, and so opens the coin up."""
    order = make_order(side, qty, reduce_only=reduce_only)
    recorded = make_recorded(state=TradingState.REDUCE_ONLY)
    assert verdict(order, snapshot=world({"BTC": position}), recorded=recorded) == code
    if reduce_only:
        assert verdict(order, snapshot=world({"BTC": position})) == "ok"


def test_a_close_that_leaves_the_asset_more_net_short_is_stopped_too() -> None:
    """Long 0.4 here, short 1.5 in a dated contract, 0.5 held: selling the long goes from -0.6 to -0.7."""
    snapshot = world({"BTC": "0.4", "BTC/USDT:USDT-250627": "-1.5"})
    order = make_order(SELL, "0.1", reduce_only=True)
    recorded = make_recorded(state=TradingState.REDUCE_ONLY)
    assert verdict(order, snapshot=snapshot, recorded=recorded) == "trading_state_net_exposure"


def test_closes_that_together_raise_net_exposure_are_seen() -> None:
    """Net short 0.3: one close of 0.4 ends at +0.1, a second one would end at +0.5."""
    snapshot = world({"BTC": "-0.8"})
    state = TradingState.REDUCE_ONLY
    closes = [make_order(BUY, "0.4", reduce_only=True, client_order_id=i) for i in ("a", "b")]
    approved, refused = reviewed(closes, snapshot=snapshot, recorded=make_recorded(state=state))
    assert (len(approved), [r.reason.code for r in refused]) == (1, ["trading_state_net_exposure"])
    resting = make_recorded(live(BUY, "0.4", reduce_only=True), state=state)
    assert verdict(closes[0], snapshot=snapshot, recorded=resting) == "trading_state_net_exposure"
    selling = make_recorded(live(SELL, "0.4", reduce_only=True), state=state)
    larger = make_order(BUY, "0.601", reduce_only=True)
    assert verdict(larger, snapshot=snapshot, recorded=selling) == "trading_state_net_exposure"
    elsewhere = make_recorded(
        live(BUY, "400", 100, symbol=SOL_PERP, reduce_only=True),
        live(BUY, "0.4", symbol="BTC/USDT:USDT-250328", reduce_only=True, state=OrderState.FILLED),
        live(SELL, "0.4", reduce_only=True),
        state=state,
    )
    assert verdict(closes[0], snapshot=snapshot, recorded=elsewhere) == "ok"


# --- whatever is asked, what is approved stays inside ---


ORDERS = st.lists(
    st.builds(
        lambda side, lots, ticks, symbol, reduce_only: make_order(
            side,
            lots * dec("0.001") * (1 if symbol == BTC_PERP else 1000),
            (100_000 if symbol == BTC_PERP else 100) * (1 + ticks * dec("0.001")),
            symbol=symbol,
            reduce_only=reduce_only,
        ),
        st.sampled_from(Side),
        st.integers(1, 900),
        st.integers(-60, 60),
        st.sampled_from([BTC_PERP, SOL_PERP]),
        st.sampled_from([False, False, True]),
    ),
    max_size=10,
)
SIGNED = st.integers(-600, 600).map(lambda n: n * dec("0.001"))


@given(
    ORDERS,
    ORDERS,
    SIGNED,
    SIGNED.map(lambda q: q * 1000),
    st.builds(
        LimitsPolicy,
        max_order_notional=st.none() | st.integers(1_000, 80_000).map(Decimal),
        max_position_notional=st.none() | st.integers(1_000, 120_000).map(Decimal),
        max_turnover_24h=st.integers(0, 30).map(lambda n: Decimal(n) / 10),
        max_leverage=st.integers(0, 30).map(lambda n: Decimal(n) / 10),
        max_orders_per_minute=st.integers(0, 8),
        max_open_orders=st.integers(0, 12),
        price_collar=st.integers(1, 60).map(lambda n: n * dec("0.001")),
    ),
    st.integers(1, 20),
    st.integers(0, 3),
)
def test_what_is_approved_never_exceeds_a_limit(
    asked: list[Order],
    resting: list[Order],
    btc: Decimal,
    sol: Decimal,
    limits: LimitsPolicy,
    leverage: int,
    recent: int,
) -> None:
    marks = {BTC_PERP: Decimal(100_000), SOL_PERP: Decimal(100)}
    there = [replace(o, state=OrderState.UNKNOWN) for o in resting]
    snapshot = small_world({"BTC": btc, "SOL": sol})
    snapshot = with_leverage(snapshot, leverage)
    recorded = make_recorded(*there, placed_at=(NOW,) * recent)
    approved, refused = reviewed(asked, limits, snapshot, recorded)
    sent = [a.order for a in approved]
    assert len(sent) + len(refused) == len(asked)
    if sent:
        assert len(sent) + recent <= limits.max_orders_per_minute
        assert len(sent) + len(there) <= limits.max_open_orders

    def worth(order: Order) -> Decimal:
        return order.qty * max(order.price or Decimal(0), marks[order.symbol])

    for order in sent:
        assert order.price is not None
        assert abs(order.price / marks[order.symbol] - 1) <= limits.price_collar
        assert limits.max_order_notional is None or worth(order) <= limits.max_order_notional
    adding = [o for o in sent if not o.reduce_only]
    if not adding:
        return
    equity = 100_000
    risky = sum(worth(o) for o in (*there, *adding) if not o.reduce_only)
    assert risky <= limits.max_turnover_24h * equity
    gross = abs(btc) * marks[BTC_PERP] + abs(sol) * marks[SOL_PERP]
    assert gross + risky <= limits.max_leverage * equity
    per = {BTC_PERP: leverage, SOL_PERP: 1}
    assert sum(worth(o) / per[o.symbol] for o in adding) <= 50_000
    if limits.max_position_notional is None:
        return
    for last in adding:
        before = [*there, *sent[: sent.index(last) + 1]]
        qty = btc if last.symbol == BTC_PERP else sol
        for order in before:
            if (order.symbol, order.side) == (last.symbol, last.side):
                qty += order.qty * order.side.sign
        assert abs(qty) * marks[last.symbol] <= limits.max_position_notional


def test_the_contract_of_a_resting_order_may_be_gone() -> None:
    """A contract delisted while an order of ours is unproven there still moves its coin."""
    snapshot, state = world({"BTC": "-0.8"}), TradingState.REDUCE_ONLY
    gone = make_order(BUY, "0.4", symbol="BTC/USDT:USDT-250328", state=OrderState.UNKNOWN)
    close = make_order(BUY, "0.4", reduce_only=True)
    assert verdict(close, snapshot=snapshot, recorded=make_recorded(state=state)) == "ok"
    recorded = make_recorded(gone, state=state)
    assert verdict(close, snapshot=snapshot, recorded=recorded) == "trading_state_net_exposure"
