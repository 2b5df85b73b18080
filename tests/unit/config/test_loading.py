from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from counterpoise.config import load, outline
from counterpoise.domain.access import Environment, Secret, VenueAccess
from counterpoise.domain.errors import ConfigError, SafetyRefusal
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import (
    Band,
    DrawdownPolicy,
    ExecutionPolicy,
    FreshnessPolicy,
    LimitsPolicy,
    PortfolioPolicy,
    Sleeve,
)
from counterpoise.domain.routing import QuietHours
from counterpoise.domain.strategy import DriftPolicy, HedgePolicy
from counterpoise.domain.strategy.drift import TradeTo
from tests.unit.config.good import ENV, GOOD, Load, Write


def test_a_config_becomes_policies(loaded: Load, tmp_path: Path) -> None:
    settings = loaded()
    assert settings.path == Path("c.yaml")
    assert settings.store_url == f"sqlite:///{tmp_path}/here.db"
    assert settings.venues == {
        "main": VenueAccess(
            id="main",
            exchange="binance",
            environment=Environment.DEMO,
            api_key=Secret("fake-key-of-a-test"),
            secret=Secret("fake-secret-of-a-test"),
        )
    }
    assert settings.existing == {"main": "refuse"}
    assert settings.portfolios == (
        PortfolioPolicy(
            id="treasury",
            venues=("main",),
            quote="USDT",
            holdings={"BTC": dec("0.5")},
            sleeves=(
                Sleeve(
                    id="core",
                    weight=dec("0.6"),
                    assets={"BTC": dec("0.7"), "ETH": dec("0.3")},
                    band=Band(size=dec("0.05")),
                ),
                Sleeve(
                    id="sat",
                    weight=dec("0.2"),
                    assets={"SOL": dec(1)},
                    band=Band(size=dec("0.25"), relative=True),
                ),
                # nothing to trade, so no band: it may stray by everything
                Sleeve(
                    id="cash", weight=dec("0.2"), assets={"USDT": dec(1)}, band=Band(size=dec(1))
                ),
            ),
            strategies=(
                DriftPolicy(id="keep-shape"),
                HedgePolicy(id="half", asset="BTC", ratio=dec("0.5")),
            ),
            execution=ExecutionPolicy(
                rungs=4, spacing=dec("0.0005"), patience=timedelta(minutes=2)
            ),
            limits=LimitsPolicy(max_order_notional=dec(25000)),
            freshness=FreshnessPolicy(max_quote_age=timedelta(minutes=2)),
            existing={"main": "refuse"},
        ),
    )
    assert settings.warnings == ()
    assert settings.secrets == (Secret("fake-key-of-a-test"), Secret("fake-secret-of-a-test"))


def test_every_written_setting_arrives(loaded: Load) -> None:
    settings = loaded(
        (
            "environment: demo",
            (
                "environment: local\n    url: http://127.0.0.1:9000/\n    clock: venue\n"
                "    poll: 15m\n    existing: adopt:half\n    password: fake-passphrase"
            ),
        ),
        ("id: keep-shape", "id: keep-shape, trade_to: half, legs: overweight"),
        ("ratio: 50%", "qty: 0.25"),
        (
            "{rungs: 4, spacing: 5bps, patience: 2m}",
            "{rungs: 7, spacing: 0.1%, patience: 90s, max_slippage: 1%, on_stop: keep}",
        ),
        (
            "{max_order_notional: 25000 USDT}",
            (
                "{max_position_notional: 9 USDT, max_turnover_24h: 150%, max_leverage: 1.5,"
                " max_orders_per_minute: 10, max_position: {BTC: 2}, max_gross_exposure: 250%,"
                " max_net_exposure: 90%, max_orders_per_day: 300, max_rejects: 7, drawdown_window: 30d,"
                " drawdown: {slow: 5%, reduce_only: 10%, cancel_only: 15%},"
                " max_open_orders: 20, price_collar: 300bps,"
                " min_equity: 0.5 USDT}\n"
                "      freshness: {max_quote_age: 30s, max_account_age: 20s}"
            ),
        ),
        ("    quote: USDT", "    quote: USDT\n    allow_net_short: true\n    retire: {old: keep}"),
    )
    access = settings.venues["main"]
    assert (access.url, access.venue_clock) == ("http://127.0.0.1:9000", True)
    assert (access.poll, access.password) == (timedelta(minutes=15), Secret("fake-passphrase"))
    policy = settings.portfolios[0]
    assert policy.existing == {"main": "adopt:half"}
    assert policy.strategies[1] == HedgePolicy(id="half", asset="BTC", qty=dec("0.25"))
    drift = policy.strategies[0]
    assert isinstance(drift, DriftPolicy)
    assert (drift.trade_to, drift.legs.value) == (TradeTo.HALF, "overweight")
    assert policy.execution == ExecutionPolicy(
        rungs=7,
        spacing=dec("0.001"),
        patience=timedelta(seconds=90),
        max_slippage=dec("0.01"),
        cancel_on_stop=False,
    )
    assert policy.limits == LimitsPolicy(
        max_position_notional=dec(9),
        max_turnover_24h=dec("1.5"),
        max_leverage=dec("1.5"),
        max_orders_per_minute=10,
        max_open_orders=20,
        price_collar=dec("0.03"),
        min_equity=dec("0.5"),
        max_position={"BTC": dec(2)},
        max_gross_exposure=dec("2.5"),
        max_net_exposure=dec("0.9"),
        max_orders_per_day=300,
        max_rejects=7,
        drawdown=DrawdownPolicy(
            slow=dec("0.05"),
            reduce_only=dec("0.1"),
            cancel_only=dec("0.15"),
            window=timedelta(days=30),
        ),
    )
    assert policy.freshness == FreshnessPolicy(
        max_quote_age=timedelta(seconds=30), max_account_age=timedelta(seconds=20)
    )
    assert policy.allow_net_short
    assert policy.retire == {"old": "keep"}


def test_numbers_never_pass_through_a_float(loaded: Load) -> None:
    written = "0.1234567890123456789012345678"
    settings = loaded(("{BTC: 0.5}", f"{{BTC: {written}}}"))
    assert settings.portfolios[0].holdings["BTC"] == Decimal(written)
    assert Decimal(repr(float(written))) != Decimal(written)


def test_the_environment_works_in_any_text(loaded: Load) -> None:
    settings = loaded(
        ("exchange: binance", "exchange: ${EXCHANGE}"),
        ("weight: 60%", "weight: '${CORE}%'"),
        ("rungs: 4", "rungs: '${RUNGS}'"),
        ("id: half", "id: '${SIDE}-half'"),
        env={**ENV, "EXCHANGE": "binance", "CORE": "60", "RUNGS": "6", "SIDE": "short"},
    )
    policy = settings.portfolios[0]
    assert policy.sleeves[0].weight == dec("0.6")
    assert policy.execution.rungs == 6
    assert policy.strategies[1].id == "short-half"


def test_a_doubled_dollar_writes_a_reference_as_it_is(loaded: Load) -> None:
    settings = loaded(("${KEY}", "pre$${KEY}"))
    assert settings.venues["main"].api_key.reveal() == "pre${KEY}"


def test_a_store_may_be_absolute_or_named_in_a_file(loaded: Load, tmp_path: Path) -> None:
    there = tmp_path / "there.db"
    assert loaded(("here.db", f"{there}")).store_url == f"sqlite:///{there}"
    (tmp_path / "address").write_text("sqlite:///named.db\n")
    settings = loaded(("store: sqlite:///here.db", "store_file: address"))
    assert settings.store_url == f"sqlite:///{tmp_path}/named.db"


def test_a_store_is_beside_its_config_wherever_the_program_runs(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write().absolute()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert load(path, ENV).store_url == f"sqlite:///{tmp_path}/here.db"


def test_a_store_in_a_folder_that_is_not_there_is_told(loaded: Load, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as told:
        loaded(("here.db", "deep/here.db"))
    assert told.value.problems == [
        (
            "c.yaml:1:8 store: expected a path in an existing directory,"
            f" was {tmp_path}/deep/here.db; mkdir -p {tmp_path}/deep"
        )
    ]


def test_live_needs_consent(loaded: Load) -> None:
    with pytest.raises(SafetyRefusal) as told:
        loaded(("environment: demo", "environment: live"))
    assert str(told.value) == (
        "c.yaml:5:18 venues.main.environment: live trades real money;"
        " to agree, add i_understand: live to venues.main"
    )
    settings = loaded(("environment: demo", "environment: live\n    i_understand: live"))
    assert settings.venues["main"].environment is Environment.LIVE


def test_a_live_config_with_other_problems_tells_all_of_them_at_once(loaded: Load) -> None:
    with pytest.raises(ConfigError) as told:
        loaded(
            (
                "environment: demo",
                "environment: live\n    url: http://localhost:1\n    clock: venue",
            ),
            ("weight: 60%", "weight: 70%"),
        )
    assert [line.partition(" ")[2].partition(", was")[0] for line in told.value.problems] == [
        (
            "venues.main.i_understand: expected i_understand: live beside environment: live,"
            " which trades real money"
        ),
        "venues.main.url: expected no url with environment: live (it is for local only)",
        "venues.main.clock: expected no clock with environment: live (it is for local only)",
        "portfolios.treasury.sleeves: expected sleeve weights that add up to 100%",
    ]


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "127.0.0.1", "127.9.9.9", "10.1.2.3", "172.31.0.1", "192.168.0.9",
        "169.254.1.1", "testnet", "my_testnet-2", "[::1]", "[fd00::5]", "[fe80::1]",
    ],
)  # fmt: skip
def test_a_practice_exchange_is_nearby(loaded: Load, host: str) -> None:
    local = f"environment: local\n    url: http://{host}:9000"
    assert loaded(("environment: demo", local)).venues["main"].url == f"http://{host}:9000"


@pytest.mark.parametrize(
    "host",
    [
        "example.com", "localhost.example.com", "testnet.", "8.8.8.8", "172.32.0.1", "192.169.0.1",
        "0.0.0.1", "134744072", "0x08080808", "[2001:db8::1]", "[::ffff:8.8.8.8]", "100.64.0.1",
    ],
)  # fmt: skip
def test_a_practice_exchange_is_nobody_elses(loaded: Load, host: str) -> None:
    with pytest.raises(ConfigError) as told:
        loaded(("environment: demo", f"environment: local\n    url: http://{host}:9000"))
    assert told.value.problems == [
        (
            "c.yaml:6:10 venues.main.url: expected an address of this machine"
            " (http://127.0.0.1:9000), of a private network, or a bare host name without dots"
            f" (http://testnet:9000), was 'http://{host}:9000'; local is a practice exchange of"
            " your own, and this one could be anybody's"
        )
    ]


def test_a_misspelt_section_is_read_under_its_right_name(loaded: Load) -> None:
    with pytest.raises(ConfigError) as told:
        loaded(("    strategies:", "    stratgies:"), ("ratio: 50%", "ratoi: 150%"))
    assert told.value.problems == [
        (
            "c.yaml:17:5 portfolios.treasury.stratgies: expected a known key"
            " (did you mean 'strategies'?), was 'stratgies'"
        ),
        (
            "c.yaml:19:45 portfolios.treasury.strategies[1].ratoi: expected a known key"
            " (did you mean 'ratio'?), was 'ratoi'"
        ),
        (
            "c.yaml:19:52 portfolios.treasury.strategies[1].ratio: expected a percentage above 0%"
            " and up to 100%, such as 60%, was '150%';"
            " a short of more than is held needs allow_net_short: true"
        ),
    ]


def test_a_misspelling_of_two_keys_or_of_none_is_not_guessed(loaded: Load) -> None:
    with pytest.raises(ConfigError) as told:
        loaded(("ratio: 50%", "ratoi: 50%, rateo: 50%"), ("    guards:", "    margin:"))
    said = "\n".join(told.value.problems)
    assert "strategies[1].ratio: expected ratio (such as 50%) or qty" in said
    assert "treasury.margin: expected" in said


def test_a_band_wider_than_its_weight_is_a_warning(loaded: Load) -> None:
    assert loaded(("band: 5pp", "band: 60pp")).warnings == ()
    assert loaded(("band: 5pp", "band: 70pp")).warnings == (
        (
            "c.yaml:14:63 portfolios.treasury.sleeves.core.band: a band of 70pp around a weight of"
            " 60% leaves the sleeve alone even when nothing of it is left"
        ),
    )


SECOND = """\
  second:
    venues: [{venue}]
    quote: USDT
    sleeves: {{all: {{weight: 100%, assets: {{BTC: 100%}}, band: 5pp}}}}
"""


def test_an_account_belongs_to_one_portfolio(loaded: Load) -> None:
    with pytest.raises(ConfigError) as told:
        loaded(("portfolios:\n", "portfolios:\n" + SECOND.format(venue="main")))
    assert told.value.problems == [
        (
            "c.yaml:14:14 portfolios.treasury.venues[0]: expected each venue in one portfolio"
            " (this one is in portfolio 'second' already), was 'main'"
        )
    ]


def test_an_account_has_one_name(loaded: Load) -> None:
    twin = "  twin: {exchange: binance, environment: demo, api_key: '${KEY}', secret: x}\n"
    with pytest.raises(ConfigError) as told:
        loaded(("portfolios:\n", twin + "portfolios:\n" + SECOND.format(venue="twin")))
    assert told.value.problems == [
        (
            "c.yaml:8:3 venues.twin: expected an account of its own,"
            " was the account of venue 'main' again (same API key)"
        )
    ]


def test_all_venues_share_one_clock(loaded: Load) -> None:
    local = "environment: local\n    url: http://127.0.0.1:9000\n    clock: venue"
    other = "  other: {exchange: binance, environment: demo, api_key: b, secret: x}\n"
    with pytest.raises(ConfigError) as told:
        loaded(
            ("environment: demo", local),
            ("portfolios:\n", other + "portfolios:\n" + SECOND.format(venue="other")),
        )
    assert told.value.problems == [
        (
            "c.yaml:10:3 venues.other: expected every venue on the clock of 'main'"
            " (clock: venue, same url), was 'other' with another clock"
        )
    ]


def test_an_outline_reads_no_secret_and_forgives_the_rest(write: Write, tmp_path: Path) -> None:
    path = write(
        ("sqlite:///here.db", "sqlite:///${NAME}.db"),
        ("weight: 60%", "weight: 999%"),
        ("secret_file: secret", "secret_file: not-there"),
        ("environment: demo", "environment: local\n    clock: venue"),
    )
    found = outline(path, {"NAME": "other"})
    assert found.store_url == f"sqlite:///{tmp_path}/other.db"
    assert [(p.id, p.market_time) for p in found.portfolios] == [("treasury", True)]


def test_an_outline_knows_quiet_hours_as_far_as_no_secret_is_needed(write: Write) -> None:
    night = QuietHours(start=time(22), end=time(7), zone=ZoneInfo("Europe/Berlin"))
    noon = replace(night, start=time(12), end=time(13))
    alerts = (
        "alerts: {zone: Europe/Berlin, quiet: {from: '22:00', to: '07:00'}, mqtt: {host: h},"
        " telegram: {token: '${GONE}', chats: [1, '@channel', '${GONE}'], quiet: {from: '12:00', to: '13:00'}},"
        " webhook: {url: '${GONE}', secret: '${GONE}', quiet: never}, notify: ['${GONE}'%s]}\nstore: "
    )
    known = {"mqtt": night, "telegram:1": noon, "telegram:@channel": noon}
    same = outline(write(("store: ", alerts % "")), {})
    assert same.quiet == {**known, "notify": night}
    other = outline(write(("store: ", alerts % ", {url: '${GONE}', quiet: never}")), {})
    assert other.quiet == known


def test_an_outline_needs_a_store(write: Write) -> None:
    with pytest.raises(ConfigError, match="expected a database address"):
        outline(write(("store: sqlite:///here.db\n", "")), {})


def test_the_good_config_of_these_tests_names_no_real_exchange_account() -> None:
    assert "live" not in GOOD
