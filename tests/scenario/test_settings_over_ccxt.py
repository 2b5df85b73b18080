"""Settings changed behind our back, from end to end: the app, stock ccxt, Binance's dialect in process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import MarginPolicy, OnChange
from counterpoise.domain.records import Changes, TradingState
from counterpoise.venue.sim import MarginType, Wallet
from tests.scenario.stage import Stage, make_shape
from tests.scenario.test_dated_over_ccxt import through_ccxt, trouble
from tests.scenario.test_forced_over_ccxt import HEDGE, PERP, at_half_minutes, raised

MODE = "settings:sim:position mode"
CONTRACT = f"settings:sim:{PERP}"


async def resume(stage: Stage) -> None:
    record = (await stage.recorded()).portfolio
    await stage.say(Changes(portfolio="p", record=replace(record, trading_state=TradingState.RUN)))


def hedge_mode(stage: Stage, *, on: bool) -> None:
    stage.exchange.set_position_mode(stage.api_key, two_sided=on, by_force=True)


def leverage(stage: Stage, *, on: bool) -> None:
    stage.exchange.set_leverage(stage.api_key, "BTCUSDT", 20 if on else 5)


@pytest.mark.parametrize(
    ("change", "key"), [pytest.param(hedge_mode, MODE), pytest.param(leverage, CONTRACT)]
)
async def test_a_change_is_found_with_the_next_look_and_stops_until_a_person_resumes(
    change: Callable[..., None], key: str
) -> None:
    policy, stage = make_shape(HEDGE), at_half_minutes()
    async with through_ccxt(stage) as asked:
        await stage.run(policy, hours=0.5)
        assert stage.position() == -2
        # one process all along: what it knew when it connected is not what it goes by
        placed, before = len(stage.events("place")), len(stage.reports)

        def behind_our_back(_: object) -> None:
            if len(stage.reports) == before + 3:
                change(stage, on=True)
                stage.exchange.deposit(stage.api_key, Wallet.SPOT, "BTC", dec(2))
            if len(stage.reports) == before + 20:
                change(stage, on=False)

        stage.watch = behind_our_back
        asked.clear()
        await stage.run(policy, hours=0.3)
        stage.watch = lambda _: None
        assert [a.key for a in stage.reports[before + 3].alerts if a.kind == "settings"] == [key]
        told = [a for a in raised(stage, before) if a.kind == "settings"]
        assert len(told) == 1
        assert "CANCEL_ONLY now" in told[0].text
        assert len(stage.events("place")) == placed
        cleared = [(n, a.key) for n, r in enumerate(stage.reports) for a in r.alerts if a.cleared]
        assert (before + 20, key) in cleared
        assert stage.last.state is TradingState.CANCEL_ONLY, "only a person raises it"
        # with every account, and once to connect; never by the question that weighs six times as much
        accounts = asked.count("GET /fapi/v3/account")
        assert asked.count("GET /fapi/v1/accountConfig") == accounts + 1
        assert asked.count("GET /fapi/v1/symbolConfig") == accounts
        assert asked.count("GET /fapi/v1/positionSide/dual") == 0
        await resume(stage)
        await stage.run(policy, hours=0.3)
        assert stage.position() == -3
    assert trouble(stage) == []


async def test_leverage_is_set_back_over_the_wire_where_asked_for() -> None:
    policy = make_shape(HEDGE, margin=MarginPolicy(on_change=OnChange.RESTORE))
    stage = at_half_minutes()
    async with through_ccxt(stage):
        await stage.run(policy, hours=0.5)
        before = len(stage.reports)
        stage.exchange.set_leverage(stage.api_key, "BTCUSDT", 10)
        await stage.run(policy, hours=0.05)
        assert stage.exchange.account(stage.api_key).leverage["BTCUSDT"] == 5
        assert [a.key for a in raised(stage, before)] == [CONTRACT]
        assert stage.last.state is TradingState.RUN
    assert trouble(stage) == []


async def test_a_margin_mode_changed_while_flat_is_set_back_before_it_matters() -> None:
    policy = make_shape(HEDGE, margin=MarginPolicy(on_change=OnChange.RESTORE))
    stage = at_half_minutes(coins=0)
    async with through_ccxt(stage):
        await stage.run(policy, hours=0.1)
        before = len(stage.reports)
        stage.exchange.set_margin_type(stage.api_key, "BTCUSDT", MarginType.ISOLATED)
        await stage.run(policy, hours=0.05)
        types = stage.exchange.account(stage.api_key).margin_types
        assert types["BTCUSDT"] is MarginType.CROSS
        assert [a.key for a in raised(stage, before)] == [CONTRACT]
