"""What holds whatever happens: a small, honest market plays the planner's orders forward.

The market fills, rejects, loses and cancels orders as hypothesis says; records follow as reconciliation would keep
them (final rows stay, the position is what filled). After every look the promises are checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.decide.engine import decide
from counterpoise.decide.guards.limits import review
from counterpoise.domain.decision import Decisions, Want
from counterpoise.domain.instrument import Instrument
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import MOVES, Order, OrderState, Side, TimeInForce
from counterpoise.domain.plan import Plan
from counterpoise.domain.policy import ExecutionPolicy, LadderKind, LimitsPolicy, PortfolioPolicy
from counterpoise.domain.records import Recorded
from counterpoise.domain.snapshot import Snapshot
from counterpoise.domain.strategy import DriftPolicy, HedgePolicy, StrategyState
from counterpoise.plan.claims import claims_of, wants_of
from counterpoise.plan.planner import plan
from tests.build import (
    BTC_PERP,
    NOW,
    VENUE,
    Number,
    make_instrument,
    make_policy,
    make_recorded,
    make_scene,
    make_snapshot,
    make_view,
    make_want,
)

S = OrderState
LOT = dec("0.001")
SIGNED = st.integers(-2000, 2000).map(lambda n: n * LOT)
PRICES = st.integers(50_000, 150_000).map(Decimal)

POLICIES = st.builds(
    lambda kind, rungs, patience, spacing, largest: make_policy(
        execution=ExecutionPolicy(
            ladder=kind,
            rungs=rungs,
            patience=timedelta(seconds=patience),
            spacing=spacing * dec("0.0001"),
        ),
        limits=LimitsPolicy(
            max_order_notional=largest,
            max_turnover_24h=dec(1000),
            max_leverage=dec(1000),
        ),
    ),
    st.sampled_from(LadderKind),
    st.integers(1, 6),
    st.integers(1, 300),
    st.integers(0, 50),
    st.none() | st.integers(100, 100_000).map(Decimal),
)
INSTRUMENTS = st.builds(
    lambda lots, notional, tick, largest: make_instrument(
        lot_size=LOT,
        min_qty=lots * LOT,
        min_notional=notional,
        tick_size=tick,
        max_qty=largest,
    ),
    st.integers(1, 20),
    st.sampled_from([dec(5), dec(100), dec(500)]),
    st.sampled_from([dec("0.1"), dec("0.5"), dec(10)]),
    st.none() | st.integers(1, 3).map(Decimal),
)


class Market:
    """One contract, our orders on it, and what a look at it shows."""

    def __init__(self, policy: PortfolioPolicy, instrument: Instrument, position: Decimal) -> None:
        self.policy = policy
        self.instrument = instrument
        self.position = position
        self.price = Decimal(100_000)
        self.now = NOW
        self.orders: dict[str, Order] = {}
        self.recorded = make_recorded()

    @property
    def live(self) -> list[Order]:
        return [o for o in self.orders.values() if not o.state.is_final]

    def snapshot(self) -> Snapshot:
        others = [make_instrument(s) for s in ("BTC/USDT", "SOL/USDT")]
        return make_snapshot(
            {"BTC": self.price, "SOL": 100},
            spot={"BTC": 10},
            futures={"USDT": 10_000_000},
            positions={"BTC": self.position},
            instruments=[self.instrument, *others],
            as_of=self.now,
        )

    def known(self) -> Recorded:
        return replace(self.recorded, orders=tuple(self.orders.values()))

    def look(self, want: Decimal) -> Plan:
        return plan((make_want(want),), self.snapshot(), self.known(), self.policy, {})

    def commit(self, made: Plan, outcomes: Callable[[Order], OrderState]) -> None:
        """Write targets and orders as the executor would, with the venue's answers."""
        self.recorded = replace(
            self.recorded,
            targets={**self.recorded.targets, **{(t.venue, t.symbol): t for t in made.targets}},
        )
        for cancel in made.cancel:
            self._set(cancel.order, S.PENDING_CANCEL)
        for order in made.place:
            assert order.client_order_id not in self.orders, "one id, two placements"
            self._set(order, outcomes(order))

    def fill(self, order: Order, share: Decimal) -> None:
        qty = self.instrument.shrink_qty(order.remaining_qty * share)
        if qty == 0:
            return
        self.position += qty * order.side.sign
        filled = order.filled_qty + qty
        state = S.FILLED if filled == order.qty else S.PARTIALLY_FILLED
        self._set(replace(order, filled_qty=filled), state)

    def settle(self, order: Order, state: OrderState) -> None:
        if state is order.state or state in MOVES[order.state]:
            self._set(order, state)

    def _set(self, order: Order, state: OrderState) -> None:
        self.orders[order.client_order_id] = order.moved(state, at=self.now)


def check(market: Market, want: Decimal, made: Plan) -> None:
    """Everything a plan promises, whatever came before."""
    if "change_unworthy" in {h.reason.code for h in made.holds}:
        # a change that is not worth new orders: the working ladder goes on to where it was going
        (target,) = made.targets
        instrument, left = market.instrument, abs(target.qty - market.position)
        least = max(instrument.min_qty, instrument.min_notional / market.price + LOT)
        assert abs(target.qty - want) < max(least, market.policy.execution.fee * left)
        want = target.qty
    missing = abs(want - market.position)
    canceled = {c.order.client_order_id for c in made.cancel}
    if made.place:
        staying = [o for o in market.live if o.client_order_id not in canceled]
        assert not canceled, "placed beside a cancel that is not acknowledged"
        assert not [o for o in market.live if o.state.is_unproven], "placed beside an unproven one"
        worst = sum(o.remaining_qty for o in staying) + sum(o.qty for o in made.place)
        assert worst <= missing
        toward = Side.BUY if want > market.position else Side.SELL
        assert {o.side for o in (*staying, *made.place)} == {toward}
    for order in made.place:
        instrument = market.instrument
        assert order.price is not None
        closes = order.reduce_only and order.qty == abs(market.position)
        assert instrument.tradable(order.qty, order.price, closing=closes)
        assert order.qty % instrument.lot_size == order.price % instrument.tick_size == 0
        assert instrument.max_qty is None or order.qty <= instrument.max_qty
        reduces = market.position != 0 and (order.side.sign > 0) != (market.position > 0)
        assert order.reduce_only is reduces
        if reduces:
            assert order.qty <= abs(market.position)
        if order.time_in_force is TimeInForce.IOC:
            cap = market.price * (1 + market.policy.execution.max_slippage * order.side.sign)
            assert (order.price - cap) * order.side.sign <= 0
    kept = {o.client_order_id for o in made.keep}
    assert kept.isdisjoint(canceled)
    assert kept | canceled <= {o.client_order_id for o in market.live}
    assert made.wake_at is None or made.wake_at > market.now
    if made.place or made.cancel:
        assert made.wake_at is not None


ACCEPTED = st.sampled_from([S.OPEN, S.OPEN, S.OPEN, S.REJECTED, S.UNKNOWN])
SETTLED = st.sampled_from([S.OPEN, S.CANCELED, S.CANCELED, S.REJECTED, S.UNKNOWN])
STEPS = st.lists(
    st.tuples(
        st.integers(1, 150),  # seconds
        st.integers(-50, 50),  # price moves by basis points
        st.sampled_from(["fill", "part", "settle", "wait", "new target"]),
    ),
    max_size=14,
)


@settings(max_examples=150)
@given(POLICIES, INSTRUMENTS, SIGNED, SIGNED, STEPS, st.data())
def test_whatever_the_market_does_no_more_is_open_than_missing(
    policy: PortfolioPolicy,
    instrument: Instrument,
    position: Decimal,
    want: Decimal,
    steps: list[tuple[int, int, str]],
    data: st.DataObject,
) -> None:
    market = Market(policy, instrument, position)
    for seconds, bps, event in [(0, 0, "wait"), *steps]:
        market.now += timedelta(seconds=seconds)
        market.price = (market.price * (10_000 + bps) / 10_000).quantize(dec("0.1"))
        if event == "new target":
            near = st.integers(-15, 15).map(lambda n: want + n * LOT)  # noqa: B023 - drawn at once
            want = data.draw(SIGNED | near, label="want")
        live = market.live
        if live and event in {"fill", "part"}:
            order = data.draw(st.sampled_from(live), label="order")
            market.fill(order, dec(1) if event == "fill" else dec("0.5"))
        elif event == "settle":
            for order in live:
                market.settle(order, data.draw(SETTLED, label="state"))
        made = market.look(want)
        check(market, want, made)
        assert market.look(want) == made
        market.commit(made, lambda _: data.draw(ACCEPTED, label="answer"))
        again = market.look(want)
        if S.REJECTED not in {market.orders[o.client_order_id].state for o in made.place}:
            assert again.place == (), "a second look placed again"
        assert again.targets == made.targets


@given(POLICIES, INSTRUMENTS, SIGNED, SIGNED, PRICES)
def test_what_is_planned_passes_the_guard_it_was_sized_for(
    policy: PortfolioPolicy,
    instrument: Instrument,
    position: Decimal,
    want: Decimal,
    price: Decimal,
) -> None:
    """The planner sizes rungs so that the largest order is never the reason to refuse one."""
    market = Market(policy, instrument, position)
    market.price = price
    made = market.look(want)
    snapshot = market.snapshot()
    approved, refused = review(
        made.place, snapshot, market.known(), policy, make_view(snapshot, policy)
    )
    assert len(approved) == len(made.place)
    assert refused == ()


@given(POLICIES, INSTRUMENTS, SIGNED, SIGNED)
def test_a_kind_market_brings_every_position_to_its_target(
    policy: PortfolioPolicy, instrument: Instrument, position: Decimal, want: Decimal
) -> None:
    """Every order fills at once: within a bounded number of looks what is missing cannot be traded."""
    largest = policy.limits.max_order_notional
    if largest is not None:  # a tiny limit needs as many looks as it makes orders
        limits = replace(policy.limits, max_order_notional=max(largest, dec(10_000)))
        policy = replace(policy, limits=limits)
    market = Market(policy, instrument, position)
    for _ in range(400):
        made = market.look(want)
        check(market, want, made)
        market.commit(made, lambda _: S.OPEN)
        for order in market.live:
            market.fill(order, dec(1))
        if not market.live and not made.place and made.wake_at is None:
            break
        market.now = max(made.wake_at or market.now, market.now + timedelta(seconds=1))
    else:
        pytest.fail(f"still moving: {market.position} on the way to {want}")
    left = abs(want - market.position) if want * market.position >= 0 else abs(market.position)
    assert not instrument.tradable(left, market.price * dec("0.9"))
    assert not market.live


@given(
    st.integers(0, 100),
    st.integers(0, 100),
    st.sampled_from([None, "0.5", "1"]),
    st.booleans(),
)
def test_from_weights_to_orders_and_back_nothing_new_is_wanted(
    btc: int, sol: int, ratio: str | None, short_allowed: bool
) -> None:
    """Decide, plan, fill everything, look again: nothing is placed, nothing is wanted, nothing is left open."""
    strategies = [HedgePolicy(id="h", asset="BTC", ratio=dec(ratio))] if ratio else []
    policy = make_policy(*strategies, DriftPolicy(id="keep"), allow_net_short=short_allowed)
    prices = {"BTC": 100_000, "SOL": 100}
    spot: dict[str, Number] = {
        "BTC": btc * dec("0.01"),
        "SOL": dec(10) * sol,
        "USDT": 100_000,
    }
    snapshot = make_snapshot(prices, spot=spot)
    asked, wants = asked_of(policy, snapshot, {})
    made = plan(wants, snapshot, make_recorded(), policy, {})
    positions: dict[str, Decimal] = {}
    for order in made.place:
        positions[order.symbol] = positions.get(order.symbol, dec(0)) + order.qty * order.side.sign
    done = make_recorded(
        *(replace(o, state=S.FILLED, filled_qty=o.qty) for o in made.place),
        targets=made.targets,
    )
    later = make_snapshot(prices, spot=spot, positions=positions)
    view = make_view(later, policy)
    _, again = asked_of(policy, later, asked.states)
    assert again == wants
    repeated = plan(again, later, done, policy, {})
    assert (repeated.place, repeated.cancel) == ((), ())
    assert repeated.targets == made.targets
    for want in again:
        exposure = view.assets[want.asset].exposure_qty
        assert short_allowed or exposure >= 0
        left = abs(want.qty - positions.get(want.symbol, dec(0)))
        assert left == 0 or [h.symbol for h in repeated.holds].count(want.symbol) == 1


def asked_of(
    policy: PortfolioPolicy, snapshot: Snapshot, states: Mapping[str, StrategyState]
) -> tuple[Decisions, tuple[Want, ...]]:
    """What the engine decides in ``snapshot``, and the positions that follow."""
    scene = make_scene(snapshot, policy)
    asked = decide(scene, states, {})
    claims = claims_of(asked.decisions, scene.universe)
    return asked, wants_of(asked.decisions, claims, policy.assets, scene.universe, {})


def test_the_market_above_can_tell_a_planner_that_places_twice() -> None:
    """The checks bite: a plan that ignores what rests is caught."""
    market = Market(make_policy(), make_instrument(), dec(0))
    first = market.look(dec("-0.3"))
    market.commit(first, lambda _: S.OPEN)
    twice = replace(first, place=tuple(replace(o, client_order_id="x") for o in first.place))
    with pytest.raises(AssertionError):
        check(market, dec("-0.3"), twice)
    with pytest.raises(AssertionError, match="one id, two placements"):
        market.commit(first, lambda _: S.OPEN)
    assert (VENUE, BTC_PERP) in market.recorded.targets
