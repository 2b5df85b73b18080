"""What others did, and what got lost: orders without a row, empty wallets, contracts and assets that went away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from counterpoise.app.build import App
from counterpoise.app.clock import ManualClock
from counterpoise.app.cycle import Cycle
from counterpoise.app.gate import pass_gate
from counterpoise.app.preview import preview_of
from counterpoise.config.settings import Settings
from counterpoise.domain.errors import SafetyRefusal
from counterpoise.domain.instrument import Instrument
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import Accepted, OrderState
from counterpoise.domain.order import Side as OrderSide
from counterpoise.domain.order import TimeInForce as OrderTimeInForce
from counterpoise.domain.policy import Band, ExecutionPolicy, LimitsPolicy, PortfolioPolicy, Sleeve
from counterpoise.domain.records import Changes
from counterpoise.domain.snapshot import Account
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.ports import Venue
from counterpoise.record.memory import MemoryStore
from counterpoise.venue.sim import MarketKind, OrderKind, PlaceRequest, Side, TimeInForce
from counterpoise.venue.sim.venue import SimVenue
from tests.build import make_order
from tests.scenario.test_main_job import DRIFT, HALF, policy_of
from tests.scenario.world import START, World, line, make_world
from tests.unit.app.desk import make_access

FULL = replace(HALF, ratio=dec(1))
PERP = "BTC/USDT:USDT"


def app_of(world: World, policy: PortfolioPolicy, config_hash: str = "replay") -> App:
    """The app of one portfolio on ``world``; replay records the hash ``replay``."""
    settings = Settings(
        path=Path("counterpoise.yaml"),
        store_url="sqlite:////nowhere",
        venues={world.venue.id: make_access(world.venue.id)},
        existing={},
        portfolios=(policy,),
        hashes={policy.id: config_hash},
    )
    return App(settings=settings, clock=world.clock, venues={world.venue.id: world.venue})


async def start_again(world: World, policy: PortfolioPolicy) -> None:
    """Start with another config, which a person has accepted."""
    await pass_gate(app_of(world, policy, "other"), world.store, "other")


def lowest(world: World, symbol: str = "BTCUSDT") -> Decimal:
    """The lowest position that the exchange's own log leads to."""
    held = least = ZERO
    for event in world.events("fill"):
        if event["symbol"] == symbol:
            held += dec(str(event["qty"])) * (1 if event["side"] == "buy" else -1)
            least = min(least, held)
    return least


# --- orders of an asset that left the config


@pytest.mark.parametrize(
    ("symbol", "price", "state"),
    [
        pytest.param("ETH/USDT", "3300", OrderState.CANCELED, id="coins, resting"),
        pytest.param("ETH/USDT", "2900", OrderState.FILLED, id="coins, filled meanwhile"),
        pytest.param("ETH/USDT:USDT", "3300", OrderState.CANCELED, id="a future, resting"),
    ],
)
async def test_orders_of_a_removed_asset_are_taken_down_by_the_next_run(
    symbol: str, price: str, state: OrderState
) -> None:
    world = make_world([80_000] * 100, [3_000] * 100, eth_qty="5")
    await world.run(policy_of(HALF), hours=1)
    now = world.clock.now()
    order = make_order(
        client_order_id="cpgone", portfolio="p", venue="sim", symbol=symbol, decision_id="older",
        side=OrderSide.SELL, qty=dec(1), price=dec(price), created_at=now, updated_at=now,
        time_in_force=OrderTimeInForce.GTC,
    )  # fmt: skip
    taken = await world.venue.place(order)
    assert isinstance(taken, Accepted)
    order = replace(order, state=OrderState.OPEN, venue_order_id=taken.order.venue_order_id)
    await world.store.commit(Changes(portfolio="p", orders=(order,)))
    await start_again(world, policy_of(HALF))
    await world.run(policy_of(HALF), hours=2)
    (row,) = (
        o
        for o in await world.store.orders("p", live_only=False, limit=99)
        if o.client_order_id == "cpgone"
    )
    assert (row.state, row.is_settled) == (state, True)
    assert await world.venue.open_orders([symbol]) == ()
    assert await world.store.flows("p", START) == (), "what it sold for is no deposit"
    assert world.position() == dec("-0.5"), "the rest goes on"
    await start_again(world, policy_of(HALF))


# --- orders of a lost database


async def _orders_of_a_lost_database() -> tuple[World, PortfolioPolicy]:
    """Three sells rest in a calm market, then the database is gone; later the market rallies through them."""
    world = make_world([80_000] * 2 + line(80_000, 84_000, 60) + [84_000] * 60, futures="200000")
    patient = ExecutionPolicy(rungs=3, spacing=dec("0.004"), patience=timedelta(hours=5))
    policy = policy_of(FULL, execution=patient)
    await world.run(policy, hours=0)
    assert len(await world.venue.open_orders([PERP])) == 3
    world.store = MemoryStore()
    return world, policy


async def test_orders_of_a_lost_database_never_double_the_hedge() -> None:
    world, policy = await _orders_of_a_lost_database()
    await world.run(policy, hours=0)
    (hold,) = world.last.plan.holds
    assert hold.reason.code == "orphan_order"
    assert len(await world.venue.open_orders([PERP])) == 3
    await world.run(policy, hours=8)
    assert lowest(world) == -1
    told = [a.text for report in world.reports for a in report.alerts if a.kind == "position"]
    assert "look like ours, but the database does not know them" in told[0]


async def test_a_start_beside_orders_of_a_lost_database_is_refused() -> None:
    world, policy = await _orders_of_a_lost_database()
    with pytest.raises(SafetyRefusal, match=r"sell 0\.3\d* BTC/USDT:USDT \(cp\w+\) at sim") as no:
        await pass_gate(app_of(world, policy), world.store, None)
    assert "Cancel them at the exchange, or restore the database" in str(no.value)
    assert await world.store.portfolio("p") is None


async def test_known_orders_and_orders_of_people_are_no_orphans() -> None:
    world = make_world([80_000] * 30, futures="200000")
    patient = ExecutionPolicy(rungs=3, spacing=dec("0.004"), patience=timedelta(hours=5))
    policy = policy_of(FULL, execution=patient)
    await world.run(policy, hours=0)
    world.exchange.place(
        world.api_key,
        PlaceRequest(
            kind=MarketKind.PERP,
            symbol="BTCUSDT",
            side=Side.SELL,
            order_kind=OrderKind.LIMIT,
            qty=dec("0.1"),
            price=dec(90_000),
            time_in_force=TimeInForce.GTC,
            client_order_id="by-hand",
        ),
    )
    await pass_gate(app_of(world, policy), world.store, None)
    report = await world.cycle(policy).run()
    assert report.plan.holds == ()
    assert len(report.plan.keep) == 3


async def test_an_orphan_cancelled_by_hand_lets_the_job_go_on() -> None:
    world, policy = await _orders_of_a_lost_database()
    await world.run(policy, hours=0)
    for order in world.exchange.orders(world.api_key, MarketKind.PERP, open_only=True):
        world.exchange.cancel(world.api_key, MarketKind.PERP, "BTCUSDT", order_id=order.order_id)
    await world.run(policy, hours=8)
    assert world.position() == -1
    assert lowest(world) == -1


# --- empty wallets


class EmptyVenue:
    """A venue that leaves a wallet out of so many account answers; ``left`` below zero means for good."""

    def __init__(self, inner: Venue, wallet: str, left: int) -> None:
        self._inner = inner
        self._wallet = wallet
        self.left = left

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    async def account(self) -> Account:
        account = await self._inner.account()
        if self.left == 0:
            return account
        self.left -= 1
        return replace(account, **{self._wallet: {}})


def empty(world: World, wallet: str, left: int) -> EmptyVenue:
    """Let the next ``left`` reads of the account lack ``wallet``."""
    venue = EmptyVenue(world.venue, wallet, left)
    world.venue = venue  # type: ignore[assignment]  # a Venue but for one read
    return venue


@pytest.mark.parametrize("wallet", ["spot", "futures"])
@pytest.mark.parametrize("restarted", [False, True])
async def test_one_empty_wallet_moves_nothing(wallet: str, restarted: bool) -> None:
    world = make_world([80_000] * 100)
    policy = policy_of(HALF, DRIFT)
    await world.run(policy, hours=3)
    placed = len(world.events("place"))
    venue = empty(world, wallet, left=0)
    cycle = world.cycle(policy)
    if not restarted:
        await cycle.run()
    venue.left = 2
    for _ in range(4):
        world.clock.advance(dec(40))
        world.reports.append(await cycle.run())
    held = [[r.code for r in report.held] for report in world.reports[-4:]]
    assert held == [["wallet_gone"], ["wallet_gone"], [], []]
    assert len(world.events("place")) == placed
    assert world.position() == dec("-0.5")


async def test_coins_that_are_gone_for_good_close_the_hedge_after_a_minute() -> None:
    world = make_world([80_000] * 100)
    await world.run(policy_of(HALF), hours=1)
    empty(world, "spot", left=-1)
    began = world.clock.now()
    await world.run(policy_of(HALF), hours=1)
    doubted = [r.as_of - began for r in world.reports if r.held]
    assert doubted == [timedelta(0), timedelta(seconds=30)]
    assert world.position() == 0


async def test_the_preview_doubts_an_empty_wallet_too() -> None:
    world = make_world([80_000] * 100)
    policy = policy_of(HALF)
    await world.run(policy, hours=1)
    empty(world, "spot", left=1)
    shown = await preview_of(app_of(world, policy), world.store, policy)
    assert "the spot wallet of BTC at sim shows nothing" in str(shown["summary"])
    assert shown["orders"] == []
    shown = await preview_of(app_of(world, policy), world.store, policy)
    assert shown["summary"] == "nothing to do"


# --- hedges handed over


async def test_keeping_a_clamped_hedge_trades_nothing() -> None:
    world = make_world([80_000] * 200)
    await world.run(policy_of(HedgePolicy(id="big", asset="BTC", qty=dec(2))), hours=3)
    assert world.position() == -1, "two were asked for, the clamp gave one"
    placed = len(world.events("place"))
    after = policy_of(replace(HALF, id="x", ratio=ZERO), retire={"big": "keep"})
    await start_again(world, after)
    await world.run(after, hours=3)
    assert world.position() == -1
    assert len(world.events("place")) == placed


@pytest.mark.parametrize("ratio", ["0", "0.4"])
async def test_a_half_open_hedge_is_not_kept_while_its_orders_may_fill(ratio: str) -> None:
    world = make_world([80_000, *line(80_000, 81_000, 80)])
    slow = ExecutionPolicy(rungs=5, spacing=dec("0.004"), patience=timedelta(hours=300))
    other = HedgePolicy(id="other", asset="BTC", ratio=dec(ratio))
    first = replace(FULL, ratio=dec(1) - other.ratio) if other.ratio is not None else FULL
    await world.run(policy_of(first, other, execution=slow), hours=6)
    held = world.position()
    assert -1 < held < dec("-0.4")
    after = policy_of(other, retire={"half": "keep"})
    with pytest.raises(SafetyRefusal, match="may have filled since the last look"):
        await start_again(world, after)
    recorded = await world.store.load("p", world.clock.now())
    for order in recorded.orders:
        if not order.is_settled:
            await world.venue.cancel(order)
    calm = replace(slow, rungs=1, spacing=dec("0.04"))
    await world.run(
        policy_of(replace(first, ratio=-held - (other.ratio or 0)), other, execution=calm), hours=1
    )
    await start_again(world, after)
    fills = len(world.events("fill"))
    await world.run(after, hours=6)
    assert world.position() == held
    assert len(world.events("fill")) == fills


# --- contracts and assets that went away


class Delisting:
    """A venue that stops listing a contract; an account there is as it was."""

    def __init__(self, inner: Venue) -> None:
        self._inner = inner
        self.gone = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def instruments(self) -> Mapping[str, Instrument]:
        listed = self._inner.instruments()
        return {k: v for k, v in listed.items() if not (self.gone and k == PERP)}


@pytest.mark.parametrize("why", ["delisted", "reordered"])
async def test_a_hedge_stays_where_it_is(why: str) -> None:
    a, b = make_world([80_000] * 100), make_world([80_000] * 100, btc_qty="0")
    clock = ManualClock(
        a.clock.now(), lambda span: (a.exchange.advance(span), b.exchange.advance(span))
    )
    first = Delisting(SimVenue("a", a.exchange, a.api_key))
    venues: dict[str, Venue] = {
        "a": first,  # type: ignore[dict-item]  # a Venue but for one read
        "b": SimVenue("b", b.exchange, b.api_key),
    }
    policy = policy_of(FULL, venues=("a", "b"))
    store = MemoryStore()
    for venue in venues.values():
        await venue.open()
    made = app_of(a, policy)
    settings = replace(made.settings, venues={name: make_access(name) for name in venues})
    app = replace(made, settings=settings, clock=clock, venues=venues)
    await pass_gate(app, store, None)
    cycle = Cycle(policy, venues, store, clock)
    for _ in range(40):
        await cycle.run()
        await clock.sleep(dec(30))
    assert (a.position(), b.position()) == (-1, 0)
    first.gone = why == "delisted"
    if why == "reordered":
        cycle = Cycle(replace(policy, venues=("b", "a")), venues, store, clock)
    for _ in range(20):
        report = await cycle.run()
        await clock.sleep(dec(30))
    assert (a.position(), b.position()) == (-1, 0)
    codes = [h.reason.code for h in report.plan.holds]
    assert codes == (["no_instrument"] if why == "delisted" else [])
    if why == "delisted":
        with pytest.raises(SafetyRefusal, match=f"-1 {PERP} at a"):
            await pass_gate(app, store, None)


def _two_coins(*, eth: bool) -> PortfolioPolicy:
    """Half of the portfolio BTC, a tenth ETH; without ETH that tenth is USDT."""
    band = Band(size=dec("0.02"))
    sleeves = [Sleeve(id="core", weight=dec("0.5"), assets={"BTC": dec(1)}, band=band)]
    if eth:
        sleeves.append(Sleeve(id="sat", weight=dec("0.1"), assets={"ETH": dec(1)}, band=band))
    rest = dec("0.4") if eth else dec("0.5")
    sleeves.append(Sleeve(id="buffer", weight=rest, assets={"USDT": dec(1)}, band=band))
    limits = LimitsPolicy(max_leverage=dec(3))
    return replace(policy_of(DRIFT), sleeves=tuple(sleeves), limits=limits)


async def _hedged_in_eth() -> World:
    world = make_world([80_000] * 150, [4_000] * 150, eth_qty="10", futures="40000")
    await world.run(_two_coins(eth=True), hours=3)
    assert world.position("ETHUSDT") < 0
    return world


async def test_an_asset_with_a_hedge_may_not_leave_the_sleeves_silently() -> None:
    world = await _hedged_in_eth()
    with pytest.raises(SafetyRefusal, match=r"-\d\S* ETH/USDT:USDT at sim: .*back into a sleeve"):
        await start_again(world, _two_coins(eth=False))


async def test_a_strategy_retired_with_its_asset_is_refused_as_well() -> None:
    world = await _hedged_in_eth()
    renamed = replace(
        _two_coins(eth=False),
        strategies=(replace(DRIFT, id="other"),),
        retire={"shape": "close"},
    )
    with pytest.raises(SafetyRefusal, match="ETH/USDT:USDT at sim"):
        await start_again(world, renamed)


async def test_a_kept_hedge_may_stay_behind() -> None:
    world = await _hedged_in_eth()
    held = world.position("ETHUSDT")
    renamed = replace(
        _two_coins(eth=False),
        strategies=(replace(DRIFT, id="other"),),
        retire={"shape": "keep"},
    )
    await start_again(world, renamed)
    await world.run(renamed, hours=3)
    assert world.position("ETHUSDT") == held


async def test_a_hedge_closed_by_hand_is_settled_at_the_next_start() -> None:
    world = await _hedged_in_eth()
    world.exchange.place(
        world.api_key,
        PlaceRequest(
            kind=MarketKind.PERP,
            symbol="ETHUSDT",
            side=Side.BUY,
            order_kind=OrderKind.MARKET,
            qty=-world.position("ETHUSDT"),
            price=None,
            time_in_force=TimeInForce.GTC,
            client_order_id=None,
        ),
    )
    await start_again(world, _two_coins(eth=False))
    recorded = await world.store.load("p", world.clock.now())
    assert recorded.positions["sim", "ETH/USDT:USDT"].own_qty == 0
