"""What ``doctor`` finds, on the simulated exchange: what stands in the way of a run, and that it only looks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from counterpoise.app.build import App
from counterpoise.app.diagnosis import Check, Result
from counterpoise.app.doctor import Diagnosis, database_checked, portfolio_checked
from counterpoise.app.venue_checks import clock_check, key_checks
from counterpoise.config.settings import Settings
from counterpoise.domain.access import Environment
from counterpoise.domain.errors import VenueError
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import LimitsPolicy, MarginPolicy, PortfolioPolicy
from counterpoise.domain.records import TradingState
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.record.sql.lock import FileLease
from counterpoise.record.sql.migrate import downgrade
from counterpoise.venue.sim import (
    MarketKind,
    OrderKind,
    PlaceRequest,
    Side,
    TimeInForce,
)
from counterpoise.venue.sim.model import KeyRights, MarginType
from counterpoise.venue.sim.venue import SimVenue
from tests.scenario.stage import Stage, make_shape, make_stage
from tests.scenario.world import START
from tests.unit.app.desk import make_access, make_app

HALF = HedgePolicy(id="half", asset="BTC", ratio=dec("0.5"))
FULL = HedgePolicy(id="half", asset="BTC", ratio=dec(1))
EASY = LimitsPolicy(max_turnover_24h=dec(100), max_leverage=dec(3))


def shape(hedge: HedgePolicy = HALF, **changes: object) -> PortfolioPolicy:
    return make_shape(hedge, **{"limits": EASY, **changes})


def stood(futures: object = 100_000, coins: object = 1, **spot: object) -> Stage:
    return make_stage({"BTC": 100_000}, {"BTC": coins, **spot}, futures=futures, leverage=20)


async def app_of(stage: Stage, policy: PortfolioPolicy, venue: SimVenue | None = None) -> App:
    opened = venue or SimVenue("sim", stage.exchange, stage.api_key)
    await opened.open()
    return make_app(stage.clock, {"sim": opened}, policy)


async def checks_of(
    stage: Stage, policy: PortfolioPolicy, *, known: bool = False
) -> dict[str, list[Check]]:
    """The checks by name; nothing was sent for them. ``known``: the portfolio has run before."""
    sent = len(stage.exchange.log.after(0))
    app = await app_of(stage, policy)
    if known:
        app = replace(app, settings=replace(app.settings, hashes={"p": "replay"}))
    found = await portfolio_checked(app, stage.store if known else None, policy)
    assert len(stage.exchange.log.after(0)) == sent
    named: dict[str, list[Check]] = {}
    for check in found:
        named.setdefault(check.name, []).append(check)
    return named


def bad(named: dict[str, list[Check]]) -> list[str]:
    return [c.name for checks in named.values() for c in checks if c.result is not Result.OK]


async def test_all_is_well_before_a_first_start() -> None:
    named = await checks_of(stood(), shape())
    assert bad(named) == []
    assert list(named) == ["market", "start", "state", "data", "settings", "foreign", "survival"]
    (market,) = named["market"]
    assert market.text == "BTC: coins BTC/USDT at sim, futures BTC/USDT:USDT at sim"
    (survival,) = named["survival"]
    # 100,000 carry a short of 0.5: 50,000 m + 200 (1 + m) = 100,000 at m = 1.988
    assert "it carries a move of 198.8 %, 30 % is asked for" in survival.text
    (data,) = named["data"]
    assert data.text == "everything is read and fresh; equity 200000 USDT"


async def test_a_hedge_that_would_not_survive_names_what_is_missing() -> None:
    """80 hedged on 20: dies near +24.5 % (MEANING 17)."""
    stage = make_stage({"BTC": 80_000}, {"BTC": 1}, futures=20_000, leverage=20)
    named = await checks_of(stage, shape(FULL))
    (survival,) = named["survival"]
    assert survival.result is Result.WARN
    # (20,000 - 320) / 80,320 = 24.5 %; a move of 30 % takes 24,000 and leaves 416 of maintenance
    assert "it carries a move of 24.5 %, 30 % is asked for: 4416 USDT are missing" in survival.text
    assert survival.advice is not None
    assert "bring 4416 USDT to sim" in survival.advice


async def test_collateral_in_the_spot_wallet_counts_only_where_it_may_be_moved() -> None:
    stage = make_stage({"BTC": 80_000}, {"BTC": 1, "USDT": 10_000}, futures=20_000, leverage=20)
    (near,) = (await checks_of(stage, shape(FULL)))["survival"]
    assert (near.result, "with 10000 USDT in reach" in near.text) == (Result.OK, True)
    apart = shape(FULL, margin=MarginPolicy(transfers=False))
    (far,) = (await checks_of(stage, apart))["survival"]
    assert (far.result, "with nothing more in reach" in far.text) == (Result.WARN, True)


async def test_a_hedge_that_is_on_shows_how_far_it_is_from_liquidation() -> None:
    stage, policy = stood(), shape()
    await stage.run(policy, hours=2)
    named = await checks_of(stage, policy, known=True)
    (margin,) = named["margin"]
    assert margin.result is Result.OK
    assert "USDT collateral: liquidation after an adverse move of 198.8 %" in margin.text
    assert "survival" not in named, "what is wanted is what is there"


@pytest.mark.parametrize(
    ("rise", "result"), [(60, Result.OK), (66, Result.WARN), (95, Result.FAIL)]
)
async def test_the_nearer_to_liquidation_the_worse(rise: int, result: Result) -> None:
    """A short of 1 on 110,000: after +60 % it is 30.6 % away, after +66 % 26.0 %, after +95 % 7.3 %."""
    stage = make_stage({"BTC": 100_000}, {"BTC": 1}, futures=110_000, leverage=20)
    policy = shape(FULL, margin=MarginPolicy(survive=dec("0.05")))
    await stage.run(policy, hours=2)
    stage.price(BTC=100_000 * (100 + rise) // 100)
    named = await checks_of(stage, policy, known=True)
    (margin,) = named["margin"]
    assert margin.result is result, margin.text


async def test_a_foreign_position_refuses_a_first_start_and_the_rest_is_still_looked_at() -> None:
    stage = stood()
    stage.by_hand(Side.SELL, "BTC", "0.1", MarketKind.PERP)
    named = await checks_of(stage, shape())
    (start,) = named["start"]
    assert (start.result, start.refuses) == (Result.FAIL, True)
    assert "found positions that Counterpoise did not open: -0.1 BTC/USDT:USDT at sim" in start.text
    assert start.advice is not None
    assert "venues.<id>.existing: keep" in start.advice
    assert named["margin"]
    kept = await checks_of(stage, shape(existing={"sim": "keep"}))
    assert not kept["start"][0].refuses
    assert [c.text for c in kept["foreign"]] == [
        "-0.1 BTC/USDT:USDT is not ours: it counts, and is never traded"
    ]


async def test_an_order_of_our_form_without_a_row_refuses_a_start() -> None:
    stage = stood()
    ours = "cp" + "a" * 26
    for name in (ours, "by-hand"):
        stage.exchange.place(
            stage.api_key,
            PlaceRequest(
                kind=MarketKind.PERP, symbol="BTCUSDT", side=Side.SELL, order_kind=OrderKind.LIMIT,
                qty=dec("0.1"), price=dec(110_000), time_in_force=TimeInForce.GTC, client_order_id=name,
            ),
        )  # fmt: skip
    named = await checks_of(stage, shape())
    (start,) = named["start"]
    assert start.refuses
    assert ours in start.text
    assert any("1 open order is not ours" in c.text for c in named["foreign"])


async def test_a_position_that_nothing_explains_is_told_with_what_waits_for_it() -> None:
    stage, policy = stood(), shape()
    await stage.run(policy, hours=2)
    stage.by_hand(Side.BUY, "BTC", "0.2", MarketKind.PERP)
    named = await checks_of(stage, policy, known=True)
    assert any(c.result is Result.FAIL and "-0.3" in c.text for c in named["foreign"])
    assert not any(c.refuses for checks in named.values() for c in checks)


async def test_a_config_that_changed_under_a_hedge_is_refused_with_the_line_that_settles_it() -> (
    None
):
    stage, policy = stood(), shape()
    await stage.run(policy, hours=2)
    app = await app_of(stage, policy)
    found = await portfolio_checked(app, stage.store, policy)
    (start,) = [c for c in found if c.name == "start"]
    assert start.refuses
    assert start.advice is not None
    assert "--accept-config hash" in start.advice


async def test_settings_of_the_account() -> None:
    stage = stood()
    stage.exchange.set_leverage(stage.api_key, "BTCUSDT", 2)
    (low,) = (await checks_of(stage, shape()))["settings"]
    assert (low.result, "leverage 2, less than limits.max_leverage (3)" in low.text) == (
        Result.WARN,
        True,
    )
    stage.exchange.set_leverage(stage.api_key, "BTCUSDT", 3)
    stage.exchange.set_margin_type(stage.api_key, "BTCUSDT", MarginType.ISOLATED)
    (alone,) = (await checks_of(stage, shape()))["settings"]
    assert (alone.result, "margin mode isolated, leverage 3:" in alone.text) == (Result.WARN, True)
    stage.exchange.set_margin_type(stage.api_key, "BTCUSDT", MarginType.CROSS)
    stage.exchange.set_position_mode(stage.api_key, two_sided=True, by_force=True)
    named = await checks_of(stage, shape())
    assert any("hedge mode" in c.text and c.result is Result.FAIL for c in named["settings"])


async def test_a_setting_somebody_changed_is_told() -> None:
    stage, policy = stood(), shape()
    await stage.run(policy, hours=2)
    stage.exchange.set_leverage(stage.api_key, "BTCUSDT", 7)
    named = await checks_of(stage, policy, known=True)
    (changed,) = named["settings"]
    assert "changed from 20 to 7" in changed.text
    assert changed.result is Result.FAIL


async def test_an_asset_without_a_market() -> None:
    weights = {"core": (80, ["BTC", "NONE"]), "buffer": (20, ["USDT"])}
    named = await checks_of(stood(), shape(shape=weights))
    assert [c.result for c in named["market"]] == [Result.OK, Result.WARN, Result.FAIL]
    assert named["market"][2].misconfigured
    assert any(c.result is Result.FAIL and "NONE" in c.text for c in named["data"])


async def test_a_lowered_state_is_told() -> None:
    stage, policy = stood(), shape()
    await stage.run(policy, hours=2)
    record = (await stage.recorded()).portfolio
    from counterpoise.domain.records import Changes

    lowered = replace(record, trading_state=TradingState.CANCEL_ONLY)
    await stage.store.commit(Changes(portfolio="p", record=lowered))
    (state,) = (await checks_of(stage, policy, known=True))["state"]
    assert (state.result, "CANCEL_ONLY" in state.text) == (Result.WARN, True)


class Told(SimVenue):
    """The simulated venue, whose clock is said to be ``behind`` ours."""

    behind: timedelta | VenueError | None = None

    async def clock_ahead(self) -> timedelta | None:
        if isinstance(self.behind, VenueError):
            raise self.behind
        return self.behind


@pytest.mark.parametrize(
    ("seconds", "result"),
    [
        ("0.2", Result.OK),
        ("-0.9", Result.OK),
        ("1.5", Result.WARN),
        ("-4.9", Result.WARN),
        ("-5.1", Result.FAIL),
        ("29", Result.WARN),
        ("3600", Result.FAIL),
    ],
)
async def test_clocks_that_disagree(seconds: str, result: Result) -> None:
    """Behind the venue by more than max_skew (5 s), or ahead by more than a price may be old: nothing is decided."""
    stage = stood()
    venue = Told("sim", stage.exchange, stage.api_key)
    venue.behind = timedelta(milliseconds=int(dec(seconds) * 1000))
    check = await clock_check(venue, [shape()])
    assert check.result is result
    assert (" ahead of " in check.text) is not seconds.startswith("-")


async def test_a_clock_that_cannot_be_compared() -> None:
    stage = stood()
    venue = Told("sim", stage.exchange, stage.api_key)
    assert (await clock_check(venue, [shape()])).text == "its time is the venue's"
    venue.behind = VenueError("no answer")
    assert (await clock_check(venue, [shape()])).result is Result.WARN


async def test_keys() -> None:
    stage = stood()
    venue, access = SimVenue("sim", stage.exchange, stage.api_key), make_access("sim")
    (fine,) = await key_checks(venue, access, START)
    assert fine.text.startswith(
        "the key can: trade futures (not told), move collateral (not told),"
    )
    stage.exchange.set_rights(stage.api_key, KeyRights(expires_at=START + timedelta(days=3)))
    live = replace(access, environment=Environment.LIVE)
    told = await key_checks(venue, live, START)
    assert [c.result for c in told] == [Result.WARN, Result.WARN, Result.OK]
    assert told[0].advice == "bind it to yours at the exchange"
    assert "ends in 3 days" in told[1].text
    stage.exchange.set_rights(stage.api_key, KeyRights(withdraw=True))
    (refused,) = await key_checks(venue, access, START)
    assert refused.refuses
    assert refused.text == "venues.sim: expected a key that cannot withdraw, was one that can"
    assert refused.advice is not None
    assert "allow_withdraw_key: true" in refused.advice


async def database_of(path: Path) -> Check:
    from contextlib import AsyncExitStack

    settings = Settings(
        path=Path("c.yaml"), store_url=f"sqlite:///{path}", venues={}, existing={}, portfolios=(), hashes={}
    )  # fmt: skip
    async with AsyncExitStack() as stack:
        return (await database_checked(settings, stack))[1]


async def test_databases(database: Path, tmp_path: Path) -> None:
    assert "no daemon is running on it" in (await database_of(database)).text
    lease = FileLease(f"sqlite:///{database}")
    assert await lease.acquire()
    used = await database_of(database)
    assert (used.result, f"written by process {lease.holder}" in used.text) == (Result.OK, True)
    await lease.release()
    absent = tmp_path / "absent.db"
    assert "not there yet" in (await database_of(absent)).text
    assert not absent.exists()
    assert (await database_of(tmp_path / "no" / "folder.db")).result is Result.FAIL
    downgrade(f"sqlite:///{database}", "-1")
    old = await database_of(database)
    assert old.refuses
    assert old.advice is not None
    assert "counterpoise db backup" in old.advice
    torn = tmp_path / "torn.db"
    torn.write_bytes(b"not a database at all" * 400)
    assert (await database_of(torn)).result is Result.FAIL


def test_a_diagnosis_counts() -> None:
    one = Check(name="a", result=Result.FAIL, text="x")
    assert not Diagnosis(checks=(one,)).refused
    assert Diagnosis(checks=(one, replace(one, refuses=True))).refused
    assert Diagnosis(checks=(replace(one, misconfigured=True),)).misconfigured
    assert Diagnosis(checks=(one,)).count(Result.FAIL) == 1
