"""The main job on a scripted market: hedges open, follow and close; the exchange's own log is the judge."""

from __future__ import annotations

from decimal import Decimal

import pytest

from counterpoise.domain.errors import SafetyRefusal
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Order, PlaceOutcome, Unknown
from counterpoise.domain.policy import Band, ExecutionPolicy, LimitsPolicy, PortfolioPolicy, Sleeve
from counterpoise.domain.strategy import DriftPolicy, HedgePolicy, StrategyPolicy
from counterpoise.plan.case import CROSSING
from counterpoise.venue.sim import MarketKind, OrderKind, PlaceRequest, Side, TimeInForce
from tests.batched import Batched
from tests.scenario.world import World, line, make_world


def policy_of(*strategies: StrategyPolicy, **changes: object) -> PortfolioPolicy:
    """BTC 80, USDT 20, band 5 points."""
    sleeves = (
        Sleeve(id="core", weight=dec("0.8"), assets={"BTC": dec(1)}, band=Band(size=dec("0.05"))),
        Sleeve(
            id="buffer", weight=dec("0.2"), assets={"USDT": dec(1)}, band=Band(size=dec("0.05"))
        ),
    )
    made = {
        "id": "p",
        "venues": ("sim",),
        "quote": "USDT",
        "sleeves": sleeves,
        "strategies": strategies,
        # these are about orders: collateral has tests of its own
        "margin": None,
        "execution": ExecutionPolicy(rungs=3),
        **changes,
    }
    return PortfolioPolicy(**made)  # type: ignore[arg-type]  # keyword table of one dataclass


HALF = HedgePolicy(id="half", asset="BTC", ratio=dec("0.5"))
DRIFT = DriftPolicy(id="shape")


async def test_a_hedge_opens_to_its_ratio_and_then_rests() -> None:
    world = make_world([80_000] * 100)
    await world.run(policy_of(HALF), hours=3)
    assert world.position() == dec("-0.5")
    assert world.duplicates() == 0
    orders = len(world.events("place"))
    await world.run(policy_of(HALF), hours=3)
    assert len(world.events("place")) == orders, "nothing changed, so nothing may be placed"


async def test_drift_opens_a_short_in_a_rally_and_closes_it_in_the_fall() -> None:
    closes = [80_000] * 6 + line(80_000, 120_000, 60) + line(120_000, 66_000, 80) + [66_000] * 40
    world = make_world(closes)
    shorts: list[Decimal] = []
    for _ in range(15):
        await world.run(policy_of(DRIFT), hours=1)
        shorts.append(world.position())
    assert min(shorts) < dec("-0.05"), "the rally makes BTC overweight: a short must open"
    assert shorts[-1] > min(shorts), "the fall makes it underweight: the short must shrink or flip"
    assert world.last.within_band
    assert world.duplicates() == 0


async def test_drift_does_not_buy_back_a_hedge_beside_it() -> None:
    world = make_world([80_000] * 100)
    await world.run(policy_of(HALF, DRIFT), hours=4)
    assert world.position() == dec("-0.5")
    assert world.last.within_band


async def test_every_order_meets_the_minima_and_the_records_equal_the_exchange() -> None:
    closes = line(80_000, 110_000, 80) + line(110_000, 70_000, 80)
    world = make_world(closes)
    await world.run(policy_of(HALF, DRIFT), hours=13)
    rule = world.exchange.rule(MarketKind.PERP, "BTCUSDT")
    for event in world.events("place"):
        qty, price = dec(str(event["qty"])), dec(str(event["price"]))
        assert qty >= rule.min_qty
        assert qty * price >= rule.min_notional
    recorded = await world.store.load("p", world.clock.now())
    assert recorded.positions[("sim", "BTC/USDT:USDT")].own_qty == world.position()
    assert not world.events("reject")


class _Lossy(Exception):
    """The process died here."""


class FlakyVenue(Batched):
    """A venue whose answers to placements get lost: before they arrive, after, or with the process."""

    def __init__(self, inner: object, plan: list[str]) -> None:
        self._inner = inner
        self._plan = plan

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def place(self, order: Order) -> PlaceOutcome:
        mode = self._plan.pop(0) if self._plan else "fine"
        if mode == "die before":
            raise _Lossy
        if mode == "lost before":
            return Unknown(text="time-out before it arrived")
        outcome: PlaceOutcome = await self._inner.place(order)  # type: ignore[attr-defined]  # any Venue
        if mode == "die after":
            raise _Lossy
        return Unknown(text="time-out after it arrived") if mode == "lost after" else outcome


@pytest.mark.parametrize("mode", ["lost before", "lost after", "die before", "die after"])
@pytest.mark.parametrize("rung", [0, 1, 2])
async def test_a_lost_answer_ends_where_an_undisturbed_run_ends(mode: str, rung: int) -> None:
    world = make_world([80_000] * 200)
    world.venue = FlakyVenue(world.venue, ["fine"] * rung + [mode])  # type: ignore[assignment]  # a Venue by __getattr__
    policy = policy_of(HALF)
    try:
        await world.run(policy, hours=6)
    except _Lossy:
        await world.run(policy, hours=6)  # a new Cycle on the same records: a restart
    assert world.position() == dec("-0.5")
    assert world.duplicates() == 0
    recorded = await world.store.load("p", world.clock.now())
    assert recorded.positions[("sim", "BTC/USDT:USDT")].own_qty == dec("-0.5")
    assert not [o for o in recorded.orders if not o.state.is_final]


async def test_a_position_changed_by_hand_stops_trading_on_that_contract_and_is_told() -> None:
    world = make_world([80_000] * 200)
    await world.run(policy_of(HALF), hours=2)
    world.exchange.place(
        world.api_key,
        PlaceRequest(
            kind=MarketKind.PERP,
            symbol="BTCUSDT",
            side=Side.SELL,
            order_kind=OrderKind.MARKET,
            qty=dec("0.1"),
            price=None,
            time_in_force=TimeInForce.GTC,
            client_order_id="by-hand",
        ),
    )
    before = len(world.events("place"))
    await world.run(policy_of(HALF), hours=2)
    assert len(world.events("place")) == before
    raised = [a for r in world.reports for a in r.alerts if a.kind == "position"]
    assert len(raised) == 1, "told once"


async def test_a_first_start_refuses_a_foreign_position_by_default() -> None:
    world = make_world([80_000] * 50)
    _short(world, "0.2")
    with pytest.raises(SafetyRefusal, match=r"-0\.2 BTC/USDT:USDT.*existing"):
        await world.run(policy_of(HALF), hours=1)
    assert len(world.events("place")) == 1


async def test_a_kept_foreign_position_counts_and_is_never_traded() -> None:
    world = make_world([80_000] * 100)
    _short(world, "0.2")
    await world.run(policy_of(HALF, existing={"sim": "keep"}), hours=3)
    assert world.position() == dec("-0.7"), "foreign -0.2 and our -0.5"


async def test_an_adopted_position_becomes_the_strategys_own() -> None:
    world = make_world([80_000] * 100)
    _short(world, "0.2")
    await world.run(policy_of(HALF, existing={"sim": "adopt:half"}), hours=3)
    assert world.position() == dec("-0.5"), "the adopted 0.2 is part of the half"


async def test_too_little_margin_is_refused_with_what_is_missing() -> None:
    world = make_world([80_000] * 50, futures="100")
    await world.run(policy_of(HALF), hours=1)
    assert world.position() > dec("-0.5")
    refusals = [r for report in world.reports for r in report.refused]
    assert refusals
    assert refusals[0].reason.code == "margin_short"
    assert refusals[0].margin_missing is not None
    assert refusals[0].margin_missing > 0
    assert not world.events("reject"), "refused by us, not by the exchange"


async def test_orders_stay_under_the_largest_order_allowed() -> None:
    world = make_world([80_000] * 300)
    limits = LimitsPolicy(max_order_notional=dec(5_000))
    await world.run(policy_of(HALF, limits=limits), hours=12)
    assert world.position() == dec("-0.5")
    sizes = [dec(str(e["qty"])) * dec(str(e["price"])) for e in world.events("place")]
    assert max(sizes) <= 5_000


async def test_what_rests_too_long_crosses_under_the_price_cap() -> None:
    # a market that only falls: sells above it never fill
    world = make_world([80_000, *line(80_000, 76_000, 100)])
    await world.run(policy_of(HALF), hours=2)
    assert world.position() == dec("-0.5")
    recorded = await world.store.load("p", world.clock.now())
    crossing = [o for o in recorded.orders if o.rung == CROSSING]
    assert crossing
    assert all(o.price is not None and o.price >= dec("75000") for o in crossing), "under the cap"


async def test_an_account_that_was_not_answered_holds_everything() -> None:
    world = make_world([80_000] * 50)

    class Deaf(FlakyVenue):
        async def account(self) -> object:
            from counterpoise.domain.errors import VenueError

            raise VenueError("time-out")

    await world.run(policy_of(HALF), hours=1)
    placed = len(world.events("place"))
    world.venue = Deaf(world.venue, [])  # type: ignore[assignment]  # a Venue but for one read
    cycle = world.cycle(policy_of(HALF))
    report = await cycle.run()
    assert report.held
    assert not report.approved
    assert len(world.events("place")) == placed


def _short(world: World, qty: str) -> None:
    """Open a short by hand, as a person would before Counterpoise came."""
    world.exchange.place(
        world.api_key,
        PlaceRequest(
            kind=MarketKind.PERP,
            symbol="BTCUSDT",
            side=Side.SELL,
            order_kind=OrderKind.MARKET,
            qty=dec(qty),
            price=None,
            time_in_force=TimeInForce.GTC,
            client_order_id=None,
        ),
    )


async def test_what_every_guard_refuses_is_not_looked_at_again_before_it_is_time() -> None:
    world = make_world([80_000] * 50, futures="100")
    looks = await world.run(policy_of(HALF, execution=ExecutionPolicy(rungs=1)), hours=2)
    assert all(report.refused and not report.results for report in world.reports)
    assert looks == 9, "one every quarter of an hour, and one at the start"
