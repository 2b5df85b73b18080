"""Worlds by chance: two coins, a random market, a random account, random strategies and limits; a seed is a world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from functools import cache
from random import Random  # noqa: TID251 - seeded: the same world for the same seed

from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import Command, CommandKind
from counterpoise.domain.policy import (
    Band,
    ExecutionPolicy,
    LimitsPolicy,
    MarginPolicy,
    OnChange,
    OnForeign,
    PlausibilityPolicy,
    PortfolioPolicy,
    Sleeve,
)
from counterpoise.domain.strategy import DriftPolicy, HedgePolicy, StrategyPolicy
from counterpoise.domain.strategy.conditions import Above, Below
from counterpoise.domain.strategy.drift import Legs, SettleMode, SettlePolicy
from counterpoise.domain.strategy.profit_ladder import LadderEnd, LadderTarget, ProfitLadderPolicy
from counterpoise.venue.sim import (
    Candle,
    FundingRate,
    FundingSeries,
    MarketKind,
    Series,
    SimExchange,
    Wallet,
)
from tests.prove.life import VENUE, Play, ScriptedClock
from tests.scenario.stage import NO_FEES, REAL_FEES, START, rules

MINUTE = timedelta(minutes=1)
PRICES = {"BTC": dec(100_000), "ETH": dec(4_000)}
#: What position and work in a contract may reach, base units.
MOST = {"BTC": dec("0.9"), "ETH": dec(11)}


@cache
def _bars(price: Decimal, wiggle: str, worth: int, bars: int = 60) -> tuple[Candle, ...]:
    """Flat minutes that reach ``wiggle`` beyond ``price`` to both sides and trade ``worth`` quote each."""
    high, low = price * (1 + dec(wiggle)), price * (1 - dec(wiggle))
    volume = dec(worth) / price
    return tuple(
        Candle(START + n * MINUTE, price, high, low, price, volume) for n in range(-1, bars)
    )


def exchange_of(random: Random) -> tuple[SimExchange, str]:
    """An exchange with BTC and ETH, and the key of an account on it."""
    wiggle = random.choice(["0.0004", "0.0008", "0.002"])
    worth = random.choice([150_000, 600_000, 4_000_000])
    kinds = tuple(MarketKind)
    funding = random.choice([None, "0.0001", "-0.0003"])
    exchange = SimExchange(
        rules=[
            replace(rules(kind, f"{asset}USDT"), tick_size=dec("0.1"), min_notional=dec(5))
            for asset in PRICES
            for kind in kinds
        ],
        series=[
            Series(
                kind=kind.value,
                symbol=f"{asset}USDT",
                interval=MINUTE,
                candles=_bars(price, wiggle, worth),
            )
            for asset, price in PRICES.items()
            for kind in kinds
        ],
        funding=[
            FundingSeries(
                symbol=f"{asset}USDT",
                rates=tuple(
                    FundingRate(START + n * 2 * MINUTE, dec(funding)) for n in range(1, 20)
                ),
            )
            for asset in PRICES
            if funding is not None
        ],
        now=START,
        fees=REAL_FEES if random.random() < 0.5 else NO_FEES,
        participation=dec("0.1"),
    )
    keys = exchange.open_account(
        {
            (Wallet.SPOT, "BTC"): dec(random.choice(["0.4", "0.9011", "1"])),
            (Wallet.SPOT, "ETH"): dec(random.choice(["5", "12.5"])),
            (Wallet.SPOT, "USDT"): dec(60_000),
            (Wallet.FUTURES, "USDT"): dec(120_000),
        }
    )
    for asset in PRICES:
        exchange.set_leverage(keys.api_key, f"{asset}USDT", 5)
    return exchange, keys.api_key


def _hedge(random: Random, asset: str) -> HedgePolicy:
    return HedgePolicy(
        id=f"half-{asset}", asset=asset, ratio=dec(random.choice(["0.3", "0.5", "0.8"]))
    )


def _conditional(random: Random) -> tuple[StrategyPolicy, ...]:
    at = random.choice([99_900, 100_500, 101_000])
    return (
        replace(
            _hedge(random, "BTC"), when=Below(price=dec(at)), release=Above(price=dec(at + 400))
        ),
    )


def _ladder(random: Random) -> tuple[StrategyPolicy, ...]:
    first = random.choice([99_500, 100_200, 101_000])
    return (
        ProfitLadderPolicy(
            id="out",
            asset="BTC",
            targets=tuple(
                LadderTarget(price=dec(first + 600 * n), add=dec("0.25")) for n in range(3)
            ),
            end=LadderEnd(below=dec(first - 1500)),
            rearm=dec(first - 2500),
        ),
    )


def _drift(random: Random) -> tuple[StrategyPolicy, ...]:
    settle = SettlePolicy()
    if random.random() < 0.4:
        settle = SettlePolicy(mode=SettleMode.FUTURES_FIRST, deadline=2 * MINUTE)
    return (DriftPolicy(id="shape", legs=Legs.BOTH, settle=settle),)


_MIXES: tuple[Callable[[Random], tuple[StrategyPolicy, ...]], ...] = (
    lambda r: (_hedge(r, "BTC"),),
    lambda r: (_hedge(r, "BTC"), _hedge(r, "ETH")),
    _conditional,
    _ladder,
    _drift,
    lambda r: (*_conditional(r), *_ladder(r)),
    lambda r: (_hedge(r, "ETH"), *_ladder(r)),
    lambda r: (_hedge(r, "BTC"), *_drift(r)),
)


def policy_of(random: Random) -> PortfolioPolicy:
    """A portfolio by chance. Its limits are within reach, so that they are put to the test."""
    execution = ExecutionPolicy(
        rungs=random.choice([1, 3, 5]),
        spacing=dec(random.choice(["0.0002", "0.0005", "0.001"])),
        patience=timedelta(seconds=random.choice([10, 20, 40])),
    )
    limits = LimitsPolicy(
        max_order_notional=random.choice([None, dec(30_000)]),
        max_turnover_24h=dec(random.choice(["0.3", "2", "20"])),
        max_leverage=dec(10),
        max_orders_per_minute=random.choice([8, 20, 60]),
        max_open_orders=random.choice([8, 50]),
        max_position=MOST,
    )
    return PortfolioPolicy(
        id="p",
        venues=(VENUE,),
        existing={VENUE: "keep"},
        quote="USDT",
        sleeves=(
            Sleeve(
                id="core",
                weight=dec("0.5"),
                assets={"BTC": dec("0.7"), "ETH": dec("0.3")},
                band=Band(size=dec("0.05")),
            ),
            Sleeve(
                id="buffer", weight=dec("0.5"), assets={"USDT": dec(1)}, band=Band(size=dec("0.05"))
            ),
        ),
        strategies=random.choice(_MIXES)(random),
        execution=execution,
        limits=limits,
        margin=MarginPolicy(on_change=random.choice(tuple(OnChange))),
        plausibility=PlausibilityPolicy(
            on_foreign_change=OnForeign.ACCEPT if random.random() < 0.8 else OnForeign.HOLD
        ),
    )


def world_of(random: Random, until: timedelta) -> Play:
    """A world by chance, in good weather."""
    exchange, key = exchange_of(random)
    return Play(
        exchange=exchange,
        api_key=key,
        clock=ScriptedClock(exchange),
        policy=policy_of(random),
        until=until,
        every=timedelta(seconds=random.choice([15, 30])),
    )


@dataclass(slots=True)
class Operator:
    """Somebody at a terminal. ``said`` waits to be written into the database by the rough disk."""

    said: list[Command]
    words: int = 0

    def say(self, scene: Play, kind: CommandKind) -> None:
        """Write a command beside the daemon."""
        self.words += 1
        self.said.append(
            Command(
                id=f"word-{self.words:03}",
                portfolio=scene.policy.id,
                kind=kind,
                who="ann",
                origin="cli",
                asked_at=scene.clock.now(),
            )
        )
