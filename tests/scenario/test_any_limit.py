"""Whatever prices do and strategies want, no limit is exceeded: judged by the exchange's own log and wallets."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterpoise.app.cycle_report import CycleReport
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.policy import DrawdownPolicy, LimitsPolicy
from counterpoise.domain.records import TradingState
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.domain.strategy.hedge import HedgeSide
from tests.scenario.stage import REAL_FEES, Stage, make_shape, make_stage
from tests.scenario.test_any_path import MOVES, SHAPE, STRATEGIES

#: Those of any path, and one that leans further.
POOL = (
    *STRATEGIES,
    HedgePolicy(id="more", asset="BTC", side=HedgeSide.LONG, ratio=dec("0.6")),
)
#: Fees and the spread move equity and values a little between a look and the judging.
SLACK = dec("1.005")
MINUTE_MS, DAY_MS = 60_000, 86_400_000


@dataclass
class Working:
    """An order that may still fill."""

    asset: str
    spot: bool
    sign: int
    qty: Decimal
    price: Decimal
    adds: bool


@dataclass
class Judge:
    """Reads the log as it grows; holds every look in which something was placed to ``limits``."""

    stage: Stage
    limits: LimitsPolicy
    seen: int = 0
    working: dict[str, Working] = field(default_factory=dict)
    placed: list[int] = field(default_factory=list)
    judged: Counter[str] = field(default_factory=Counter)

    def __call__(self, report: CycleReport) -> None:
        new: list[Working] = []
        for event in self.stage.exchange.log.after(self.seen):
            self.seen = int(str(event["seq"]))
            order = self._follow(event)
            if order is not None:
                new.append(order)
        if new:
            self._sizes(new)
            self._sums(new)
        if report.state is not TradingState.RUN:
            assert not [o for o in new if o.adds and not o.spot]

    def _follow(self, event: dict[str, Any]) -> Working | None:
        """Keep the working orders; return the order if it was placed by this event."""
        kind, key = str(event["event"]), str(event["order_id"])
        if kind in {"place", "reject"} and event["client_id"] is not None:
            self._rates(int(str(event["at"])))
        if kind == "place":
            made = Working(
                asset=str(event["symbol"]).removesuffix("USDT"),
                spot=event["market"] == "spot",
                sign=1 if event["side"] == "buy" else -1,
                qty=dec(str(event["qty"])),
                price=dec(str(event["price"])),
                adds=not event["reduce_only"],
            )
            self.working[key] = replace(made)
            return made
        if kind == "fill" and key in self.working:
            self.working[key].qty -= dec(str(event["qty"]))
        elif kind in {"cancel", "expire"}:
            self.working.pop(key, None)
        self.working = {k: o for k, o in self.working.items() if o.qty > 0}
        return None

    def _rates(self, at: int) -> None:
        self.placed.append(at)
        assert sum(t > at - MINUTE_MS for t in self.placed) <= self.limits.max_orders_per_minute
        assert sum(t > at - DAY_MS for t in self.placed) <= self.limits.max_orders_per_day

    def _mark(self, asset: str) -> Decimal:
        quotes = self.stage.reports[-1].snapshot.venues["sim"].quotes
        fair = quotes[f"{asset}/USDT:USDT"].fair
        assert fair is not None
        return fair

    def _sizes(self, new: list[Working]) -> None:
        assert len(self.working) <= self.limits.max_open_orders
        for order in new:
            value = order.qty * order.price
            most = self.limits.max_order_notional
            assert most is None or value <= most
            away = abs(order.price / self._mark(order.asset) - 1)
            assert away <= self.limits.price_collar * SLACK
            self.judged["order"] += 1

    def _open(self, asset: str, sign: int, *, spot: bool, adding: bool = False) -> Decimal:
        return sum(
            (
                o.qty
                for o in self.working.values()
                if (o.asset, o.sign, o.spot) == (asset, sign, spot) and (o.adds or not adding)
            ),
            ZERO,
        )

    def _sums(self, new: list[Working]) -> None:
        """Positions and exposures at their worst, where this look added to them."""
        equity, limits, assets = self.stage.equity * SLACK, self.limits, ("BTC", "ETH")
        held = {a: self.stage.position(a) for a in assets}
        gross = net = coins = ZERO
        lean = {1: ZERO, -1: ZERO}
        for asset in assets:
            mark, owned = self._mark(asset), self.stage.coins(asset)
            for sign in (1, -1):
                gross += self._open(asset, sign, spot=False, adding=True) * mark
                both = [self._open(asset, sign, spot=s) for s in (False, True)]
                lean[sign] += sum(both, ZERO) * mark
            gross += abs(held[asset]) * mark
            coins += (owned + self._open(asset, 1, spot=True)) * mark
            net += (owned + held[asset]) * mark
        if any(o.adds and not o.spot for o in new):
            self.judged["gross"] += 1
            assert gross <= limits.max_leverage * equity
            most = limits.max_gross_exposure
            assert most is None or gross + coins <= most * equity
        for sign in {o.sign for o in new}:
            self.judged["net"] += 1
            allowed = limits.max_net_exposure
            assert allowed is None or net * sign + lean[sign] <= allowed * equity
        for asset, largest in limits.max_position.items():
            for sign in {o.sign for o in new if o.asset == asset and o.adds and not o.spot}:
                self.judged["position"] += 1
                worst = held[asset] + sign * self._open(asset, sign, spot=False)
                assert abs(worst) <= largest


LIMITS = st.builds(
    LimitsPolicy,
    max_order_notional=st.none() | st.integers(300, 20_000).map(Decimal),
    max_position=st.fixed_dictionaries(
        {},
        optional={"BTC": st.integers(1, 30).map(Decimal), "ETH": st.integers(5, 200).map(Decimal)},
    ),
    max_turnover_24h=st.just(dec(100)),
    max_leverage=st.integers(1, 30).map(lambda n: Decimal(n) / 20),
    max_gross_exposure=st.none() | st.integers(8, 30).map(lambda n: Decimal(n) / 10),
    max_net_exposure=st.none() | st.integers(2, 12).map(lambda n: Decimal(n) / 10),
    max_orders_per_minute=st.integers(2, 60),
    max_orders_per_day=st.integers(5, 200),
    max_open_orders=st.integers(1, 20),
    price_collar=st.integers(1, 50).map(lambda n: n * dec("0.001")),
    drawdown=st.none()
    | st.builds(
        DrawdownPolicy,
        slow=st.just(dec("0.02")),
        reduce_only=st.sampled_from([dec("0.08"), dec("0.3")]),
    ),
)


async def played(
    limits: LimitsPolicy, held_to: LimitsPolicy, chosen: set[int], moves: list[tuple[int, int]]
) -> Judge:
    strategies = tuple(s for n, s in enumerate(POOL) if n in chosen)
    # what a guard closes is exempt: margin has tests of its own
    policy = make_shape(*strategies, shape=SHAPE, limits=limits, margin=None)
    stage = make_stage(
        {"BTC": 1000, "ETH": 100},
        {"BTC": 50, "ETH": 250, "USDT": 10_000},
        futures=15_000,
        fees=REAL_FEES,
        funding="0.0001",
    )
    judge = Judge(stage, held_to)
    stage.watch = judge
    await stage.run(policy, hours=1)
    for btc, eth in moves:
        stage.fall("BTC", btc)
        stage.fall("ETH", eth)
        await stage.run(policy, hours=2)
    await stage.run(policy, hours=3)
    assert stage.duplicates() == 0
    return judge


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    limits=LIMITS,
    chosen=st.sets(st.sampled_from(range(len(POOL))), min_size=1),
    moves=MOVES,
)
async def test_no_limit_is_ever_exceeded(
    limits: LimitsPolicy, chosen: set[int], moves: list[tuple[int, int]]
) -> None:
    await played(limits, limits, chosen, moves)


@pytest.mark.parametrize("most", ["0.8", "0.9", "1"])
async def test_a_ladder_leans_no_further_than_allowed(most: str) -> None:
    """One rung after the other fits alone; together they do not."""
    limits = LimitsPolicy(max_turnover_24h=dec(100), max_net_exposure=dec(most))
    judge = await played(limits, limits, {len(STRATEGIES)}, [(0, 0)])
    refused = {r.reason.code for report in judge.stage.reports for r in report.refused}
    assert refused == {"max_net_exposure"}


@pytest.mark.parametrize(
    "tighter",
    [
        {"max_order_notional": dec(2000)},
        {"max_position": {"BTC": dec(1)}},
        {"max_leverage": dec("0.01")},
        {"max_gross_exposure": dec("0.5")},
        {"max_net_exposure": dec("0.1")},
        {"max_orders_per_minute": 1},
        {"max_orders_per_day": 2},
        {"max_open_orders": 1},
        {"price_collar": dec("0.000001")},
    ],
    ids=lambda tighter: next(iter(tighter)),
)
async def test_the_judge_can_fail(tighter: dict[str, Any]) -> None:
    """Held to a limit that the policy does not have, the same looks break it."""
    limits = LimitsPolicy(max_turnover_24h=dec(100), max_leverage=dec(10))
    moves = [(8, -8), (6, 6), (-10, -10)]
    everything = set(range(len(STRATEGIES)))
    judge = await played(limits, limits, everything, moves)
    assert min(judge.judged[kind] for kind in ("order", "gross", "net")) > 0
    with pytest.raises(AssertionError):
        await played(limits, replace(limits, **tighter), everything, moves)
    await played(replace(limits, **tighter), replace(limits, **tighter), everything, moves)
