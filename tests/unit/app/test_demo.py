"""The demo's own work on a short market: real daemon, real socket, and a summary that believes only the exchange."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
import structlog

from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.demo import DemoSummary, run_demo, weigh
from counterpoise.domain.message import Message
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.venue.sim import (
    MarketKind,
    OrderKind,
    PlaceRequest,
    Side,
    SimExchange,
    TimeInForce,
    Wallet,
)
from counterpoise.venue.testnet.launch import TestnetOptions
from tests.build import make_sleeve
from tests.scenario.world import World, line, make_world


@pytest.fixture(autouse=True)
def _keep_the_log_quiet() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


def short_market() -> World:
    """Four hours in which BTC rises by a tenth; 1 BTC, 12 ETH, 1,000 USDT and 19,000 of collateral."""
    world = make_world(
        line(60_000, 66_000, 48), line(1_600, 1_700, 48), eth_qty="12", futures="20000"
    )
    world.exchange.transfer(world.api_key, "USDT", dec(1_000), Wallet.FUTURES, Wallet.SPOT)
    return world


def meddle(exchange: SimExchange, client_order_id: str | None) -> None:
    """Trade by hand on the demo's account, with an id of choice."""
    (key,) = exchange.accounts()
    exchange.place(
        key,
        PlaceRequest(
            kind=MarketKind.PERP,
            symbol="ETHUSDT",
            side=Side.SELL,
            order_kind=OrderKind.MARKET,
            qty=dec(5),
            price=None,
            time_in_force=TimeInForce.GTC,
            client_order_id=client_order_id,
        ),
    )


class Watcher:
    """Runs the demo on a short market and keeps what it was told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = short_market()
        self.cycles: list[tuple[CycleReport, datetime, datetime]] = []
        self.alerts: list[Message] = []
        self.asked: list[TestnetOptions] = []

        def build(options: TestnetOptions) -> SimExchange:
            self.asked.append(options)
            return self.world.exchange

        monkeypatch.setattr("counterpoise.app.demo.build_exchange", build)

    async def run(self) -> DemoSummary:
        return await run_demo(
            seed=11, on_cycle=lambda *told: self.cycles.append(told), on_alert=self.alerts.append
        )


@pytest.fixture
def watcher(monkeypatch: pytest.MonkeyPatch) -> Watcher:
    return Watcher(monkeypatch)


async def test_a_demo_runs_its_market_to_the_end_and_counts_the_exchanges_events(
    watcher: Watcher,
) -> None:
    start, exchange = watcher.world.exchange.now, watcher.world.exchange
    summary = await watcher.run()
    (options,) = watcher.asked
    assert (options.synthetic, options.seed) == (True, 11)
    assert summary.market_from == start
    assert summary.market_to == exchange.now == exchange.end
    assert summary.cycles == len(watcher.cycles)
    assert summary.orders == len(watcher.world.events("place")) > 0
    assert summary.fills == len(watcher.world.events("fill")) > 0
    assert summary.alerts == len(watcher.alerts) > 0
    assert (summary.duplicates, summary.liquidations) == (0, 0)
    assert {told[1:] for told in watcher.cycles} == {(start, exchange.end)}
    assert watcher.alerts[-1].kind == "stopped"
    assert summary.wall_s > 0


async def test_a_demos_weights_are_the_exchanges_and_add_up_to_one(watcher: Watcher) -> None:
    summary = await watcher.run()
    for weights in (summary.weights_start, summary.weights_end, summary.targets):
        assert set(weights) == {"BTC", "ETH", "USDT"}
        assert sum(weights.values()) == 1
    # the hedge takes half of the BTC out of the effective weight
    assert summary.weights_end["BTC"] < summary.weights_start["BTC"]
    assert abs(summary.weights_end["BTC"] - summary.targets["BTC"]) <= dec("0.02")
    assert summary.within_band


async def test_what_is_out_of_shape_or_sent_twice_shows_in_the_summary(watcher: Watcher) -> None:
    exchange, advance = watcher.world.exchange, watcher.world.exchange.advance
    assert exchange.end is not None
    before_the_end = exchange.end

    def meddling(seconds: Decimal) -> None:
        advance(seconds)
        if exchange.now >= before_the_end:
            ids = [str(e["client_id"]) for e in watcher.world.events("place")]
            if "meddled" not in ids:
                meddle(exchange, "meddled")
                meddle(exchange, ids[0])

    exchange.advance = meddling  # type: ignore[method-assign]  # the real one, and a hand
    summary = await watcher.run()
    assert summary.duplicates == 1
    assert not summary.within_band, "10 ETH short on 12 is far from its 20 %"


async def test_a_market_without_bars_is_an_error(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = SimExchange(rules=[], series=[], now=watcher.world.exchange.now)
    empty.open_account({(Wallet.SPOT, "BTC"): dec(1)})
    watcher.world = replace(watcher.world, exchange=empty)
    with pytest.raises(ValueError, match="no bars"):
        await watcher.run()


def test_weights_count_spot_futures_and_both_wallets() -> None:
    world = short_market()
    sleeves = (make_sleeve("core", 1, {"BTC": 1}), make_sleeve("more", 0, {"ETH": 1}))
    policy = PortfolioPolicy(id="p", venues=("demo",), quote="USDT", sleeves=sleeves, strategies=())
    equity, weights = weigh(world.exchange, world.api_key, policy)
    btc, eth = (world.exchange.book(MarketKind.SPOT, f"{a}USDT").last for a in ("BTC", "ETH"))
    assert equity == btc + 12 * eth + 20_000
    assert weights["BTC"] == (btc / equity).quantize(dec("1e-8"))
    assert weights["ETH"] == (12 * eth / equity).quantize(dec("1e-8"))
    meddle_on_btc(world)
    _, after = weigh(world.exchange, world.api_key, policy)
    assert abs(after["BTC"] - weights["BTC"] / 2) < dec("0.001")
    assert sum(after.values()) == 1


def meddle_on_btc(world: World) -> None:
    world.exchange.place(
        world.api_key,
        PlaceRequest(
            kind=MarketKind.PERP,
            symbol="BTCUSDT",
            side=Side.SELL,
            order_kind=OrderKind.MARKET,
            qty=dec("0.5"),
            price=None,
            time_in_force=TimeInForce.GTC,
            client_order_id=None,
        ),
    )


def test_a_summary_is_plain_data() -> None:
    keys: dict[str, Any] = dict.fromkeys(DemoSummary.__dataclass_fields__)
    assert set(asdict(DemoSummary(**keys))) >= {
        "cycles", "orders", "fills", "alerts", "weights_start", "weights_end", "targets",
        "within_band", "duplicates", "liquidations", "wall_s",
    }  # fmt: skip
