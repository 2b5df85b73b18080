"""Two margin models that share no code say the same: the guard's, and the simulated exchange's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterpoise.decide.guards.pools import pools_of
from counterpoise.domain.health import Pool, distance_of, liquidation_prices
from counterpoise.domain.numbers import dec
from counterpoise.domain.snapshot import MarginMode, VenueSnapshot
from counterpoise.venue.sim import MarketKind, Series, SimExchange, default_rules
from counterpoise.venue.sim.model import (
    MarginType,
    OrderKind,
    PlaceRequest,
    Side,
    SimReject,
    Wallet,
)
from counterpoise.venue.sim.venue import SimVenue
from tests.scenario.stage import NO_FEES, START, flat

SYMBOLS = ("BTC/USDT:USDT", "ETH/USDT:USDT")
PRICES = {"BTC": dec(40_000), "ETH": dec(2_500)}
# published figures are never better than this (see the note of bnc-coinm-01), ours are
CLOSE = dec("0.0001")


@dataclass(frozen=True, slots=True)
class World:
    """An exchange with one account, and the venue over it."""

    exchange: SimExchange
    key: str
    venue: SimVenue


def made(wallet: int) -> World:
    exchange = SimExchange(
        rules=[
            default_rules(f"{a}USDT", kind)
            for a in PRICES
            for kind in (MarketKind.SPOT, MarketKind.PERP)
        ],
        series=[
            Series(
                kind=kind.value,
                symbol=f"{asset}USDT",
                interval=timedelta(hours=1),
                candles=flat(price, 24, timedelta(hours=1)),
            )
            for asset, price in PRICES.items()
            for kind in (MarketKind.SPOT, MarketKind.PERP)
        ],
        now=START,
        fees=NO_FEES,
    )
    key = exchange.open_account({(Wallet.FUTURES, "USDT"): dec(wallet)}).api_key
    for asset in PRICES:
        exchange.set_leverage(key, f"{asset}USDT", 5)
    return World(exchange, key, SimVenue("main", exchange, key))


async def look(venue: SimVenue) -> VenueSnapshot:
    await venue.open()
    return VenueSnapshot(
        venue="main",
        account=await venue.account(),
        quotes=await venue.quotes(SYMBOLS),
        open_orders=(),
        fills=(),
        instruments=venue.instruments(),
        tiers=await venue.margin_tiers(SYMBOLS),
    )


def trade(world: World, asset: str, qty: Decimal) -> None:
    world.exchange.place(
        world.key,
        PlaceRequest(
            kind=MarketKind.PERP,
            symbol=f"{asset}USDT",
            side=Side.BUY if qty > 0 else Side.SELL,
            order_kind=OrderKind.MARKET,
            qty=abs(qty),
        ),
    )


def agrees(ours: Decimal | None, theirs: Decimal | None) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    # what is shown is rounded to eight places
    return abs(ours - theirs) <= max(abs(theirs) * CLOSE, dec("1e-8"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    wallet=st.integers(1_000, 2_000_000),
    btc=st.integers(-150, 150),
    eth=st.integers(-2000, 2000),
    move=st.integers(-15, 15),
)
async def test_the_shared_wallet(wallet: int, btc: int, eth: int, move: int) -> None:
    world = made(wallet)
    for asset, qty in (("BTC", dec(btc) / 10), ("ETH", dec(eth) / 10)):
        if qty:
            try:
                trade(world, asset, qty)
            except SimReject:
                continue
    world.exchange.set_price("BTCUSDT", PRICES["BTC"] * (100 + move) / 100)
    seen = await look(world.venue)
    assert seen.account is not None
    (pool,) = pools_of(seen).pools
    shown = world.exchange.account(world.key).futures["USDT"]
    assert pool.balance == shown.margin_balance
    assert agrees(pool.maintenance, shown.maintenance_margin)
    assert agrees(pool.ratio or Decimal(0), shown.margin_ratio or Decimal(0))
    prices = liquidation_prices(pool)
    for position in seen.account.positions.values():
        assert agrees(prices[position.symbol], position.liquidation_price)


@pytest.mark.parametrize("qty", ["-1.5", "-0.2", "0.4", "3"])
async def test_an_isolated_position(qty: str) -> None:
    world = made(100_000)
    world.exchange.set_margin_type(world.key, "BTCUSDT", MarginType.ISOLATED)
    trade(world, "BTC", dec(qty))
    world.exchange.change_margin(world.key, "BTCUSDT", dec(100))
    seen = await look(world.venue)
    assert seen.account is not None
    position = seen.account.positions["BTC/USDT:USDT"]
    assert position.margin_mode is MarginMode.ISOLATED
    pool = next(p for p in pools_of(seen).pools if p.isolated)
    assert abs(pool.wallet - abs(dec(qty)) * 40_000 / 5 - 100) < 1, "a fifth, and what was added"
    assert agrees(liquidation_prices(pool)["BTC/USDT:USDT"], position.liquidation_price)
    shared = next(p for p in pools_of(seen).pools if not p.isolated)
    assert shared.wallet == 100_000 - pool.wallet


@pytest.mark.parametrize("qty", ["-2", "2"])
async def test_the_exchange_liquidates_where_the_distance_says(qty: str) -> None:
    for sure in (False, True):
        world = made(30_000)
        trade(world, "BTC", dec(qty))
        trade(world, "ETH", dec(qty) * 8)
        (pool,) = pools_of(await look(world.venue)).pools
        _move_all(world.exchange, pool, dec("1.001") if sure else dec("0.999"))
        gone = any(e["event"] == "liquidation" for e in world.exchange.log.after(0))
        assert gone is sure


def _move_all(exchange: SimExchange, pool: Pool, share: Decimal) -> None:
    """Move both marks by ``share`` of the adverse distance: the one that hurts less first."""
    found = distance_of(pool)
    adverse = found.up if found.up is not None else found.down
    assert adverse is not None
    for asset, price in PRICES.items():
        exchange.set_price(f"{asset}USDT", price * (1 + adverse * share))
