"""Whatever prices do, with every strategy at once: what must hold after every look, judged by the exchange."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.strategy import (
    DeriskPolicy,
    DipBuyPolicy,
    DriftPolicy,
    HedgePolicy,
    ProfitLadderPolicy,
    ScaleInPolicy,
    StrategyPolicy,
)
from counterpoise.domain.strategy.conversion import ConvertPolicy, Level
from counterpoise.domain.strategy.drift import Legs, SettleMode, SettlePolicy
from counterpoise.domain.strategy.profit_ladder import LadderEnd, LadderTarget
from counterpoise.domain.strategy.scale_in import Confirm, Entry, OnInvalid
from tests.scenario.stage import REAL_FEES, Stage, make_shape, make_stage
from tests.scenario.test_worked_tactics import told

QUARTER = timedelta(minutes=15)
SHAPE = {"core": (50, ["BTC"]), "satellite": (25, ["ETH"]), "buffer": (25, ["USDT"])}

STRATEGIES: tuple[StrategyPolicy, ...] = (
    HedgePolicy(id="half", asset="BTC", ratio=dec("0.3")),
    ProfitLadderPolicy(
        id="out",
        asset="BTC",
        targets=(
            LadderTarget(price=dec(1050), add=dec("0.25")),
            LadderTarget(price=dec(1150), add=dec("0.15")),
        ),
        end=LadderEnd(trail=dec("0.1")),
        rearm=dec(1000),
    ),
    ScaleInPolicy(
        id="in",
        asset="ETH",
        entry=Entry(qty=dec(20), below=dec(98)),
        confirm=Confirm(qty=dec(20), support=dec(95), bounce=dec("0.02"), resistance=dec(101)),
        invalidate=dec(88),
        on_invalid=OnInvalid.HEDGE,
    ),
    DipBuyPolicy(
        id="dip",
        asset="ETH",
        drop=dec("0.08"),
        interval=QUARTER,
        bars=6,
        qty=dec(30),
        exit=ConvertPolicy(above=Level(value=dec("0.03"), relative=True)),
        stop=Level(value=dec("0.12"), relative=True),
    ),
    DriftPolicy(
        id="shape",
        legs=Legs.BOTH,
        settle=SettlePolicy(mode=SettleMode.FUTURES_FIRST, deadline=timedelta(hours=5)),
    ),
    DeriskPolicy(
        id="less",
        target=dec("0.7"),
        assets=("BTC", "ETH"),
        convert=ConvertPolicy(below=Level(value=dec("0.1"), relative=True)),
    ),
)

MOVES = st.lists(st.tuples(st.integers(-12, 12), st.integers(-12, 12)), min_size=3, max_size=6)


async def always_holds(stage: Stage, policy: PortfolioPolicy) -> None:
    """Records equal the exchange, the book adds up, nothing is net short, nothing was sent twice."""
    recorded = await stage.recorded()
    working = {o.symbol for o in recorded.orders if not o.is_settled}
    for asset in ("BTC", "ETH"):
        lines = await stage.lines(asset)
        symbol = f"{asset}/USDT:USDT"
        own = recorded.positions.get(("sim", symbol))
        qty = own.own_qty if own is not None else ZERO
        assert sum((x.qty for x in lines.values()), ZERO) == qty
        if symbol in working:
            continue
        assert stage.position(asset) == qty
        # a rung of coins may have been sold while its futures are still being released
        rung = stage.coins(asset) / policy.execution.rungs
        assert stage.coins(asset) + qty >= -rung
    assert stage.duplicates() == 0
    rejected = {str(e["code"]) for e in stage.events("reject")}
    assert rejected <= {"would_take", "reduce_only"}, rejected


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    moves=MOVES,
    chosen=st.sets(st.sampled_from(range(len(STRATEGIES))), min_size=1),
    asked=st.sampled_from([None, "less", "dip", "shape"]),
)
async def test_any_strategies_on_any_path(
    moves: list[tuple[int, int]], chosen: set[int], asked: str | None
) -> None:
    strategies = tuple(s for n, s in enumerate(STRATEGIES) if n in chosen)
    policy = make_shape(*strategies, shape=SHAPE)
    stage = make_stage(
        {"BTC": 1000, "ETH": 100},
        {"BTC": 50, "ETH": 250, "USDT": 10_000},
        futures=15_000,
        fees=REAL_FEES,
        funding="0.0001",
    )
    await stage.run(policy, hours=1)
    for btc, eth in moves:
        stage.fall("BTC", btc)
        stage.fall("ETH", eth)
        if asked is not None and asked in {s.id for s in strategies}:
            await told(stage, CommandKind.CONVERT, asked)
        await stage.run(policy, hours=2)
        await always_holds(stage, policy)
    await stage.run(policy, hours=8)
    await always_holds(stage, policy)
    before = len(stage.events("place"))
    await stage.run(policy, hours=2)
    quiet = len(stage.events("place")) - before
    held = stage.last.decisions
    assert held is not None
    assert quiet == 0, [d.reason.text for d in held.decisions]


async def test_the_checks_can_fail() -> None:
    """A line that is not there is seen."""
    policy = make_shape(STRATEGIES[0], shape=SHAPE)
    stage = make_stage({"BTC": 1000, "ETH": 100}, {"BTC": 50}, futures=15_000)
    await stage.run(policy, hours=1)
    await always_holds(stage, policy)
    exact = stage.lines

    async def doctored(asset: str = "BTC", *, coins: bool = False) -> dict[str, object]:
        return {} if asset == "BTC" else dict(await exact(asset, coins=coins))

    class Doctored(Stage):
        lines = staticmethod(doctored)  # type: ignore[assignment]  # the wrong answer is the point

    wrong = Doctored(stage.exchange, stage.api_key, stage.clock, stage.every, stage.store)
    try:
        await always_holds(wrong, policy)
    except AssertionError:
        return
    raise AssertionError("a missing line went unseen")
