from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Cli, Config


def test_a_good_config(cli: Cli, config: Config, tmp_path: Path) -> None:
    config()
    ran = cli("check")
    assert (ran.code, ran.err) == (0, "")
    *told, last = ran.out.splitlines()
    assert told == [
        "counterpoise.yaml: good",
        f"store: sqlite:///{tmp_path}/here.db",
        "venue main: binance, environment demo",
        "alerts: to log; by the clock of UTC: no quiet hours; reports daily 08:00, weekly monday 08:00",
        "",
        "portfolio treasury: in USDT, at main; held elsewhere: 0.5 BTC",
        "Sleeves",
        "sleeve  weight  band  assets",
        "──────────────────────────────────────",
        "core       60%   5pp  BTC 70%, ETH 30%",
        "sat        20%   25%  SOL 100%",
        "cash       20%     -  USDT 100%",
        "Strategies",
        "id          kind   asked for",
        "───────────────────────────────────────────────────────────────────",
        "keep-shape  drift  every sleeve outside its band back to its target",
        "half        hedge  short 50% of the BTC",
        "Orders: resting: 4 orders 0.05% apart; crosses after 2m, under 0.2% from the mark",
        ("Contracts: cheapest, rolled 5d before they expire; futures at most 3 x equity"),
        (
            "Margin: an opening must survive a move of 30%; nearer than 30% you are told, 25% collateral is moved in,"
            " 20% nothing is added, 12% hedges are reduced, 5% closed"
        ),
        "Collateral: moved from the spot wallet, 0 USDT stay there, no limit a day",
        "Drawdown: not looked at",
        "Carry: at most 15% a year and 0.5% in all; exceeded for 1d, then you are told",
        "Basis: 3% off the coin, adding waits up to 6h; no cross hedges",
        "If the daemon dies: its orders at main stay (no dead_man)",
    ]
    assert last == f"Hash {cli('check', '--json').json['portfolios'][0]['hash']}"


@pytest.mark.parametrize(
    ("written", "line"),
    [
        (
            "{ladder: timed, rungs: 4, patience: 2m}",
            "Orders: timed: 4 equal parts, one each 30s; what a part leaves crosses, under 0.2% from the mark",
        ),
        (
            "{ladder: chase}",
            (
                "Orders: chase: one order at the best price, anew when that left by 0.02% (each 5s at most); crosses"
                " after 2m, under 0.2% from the mark"
            ),
        ),
    ],
)
def test_how_a_position_is_moved_is_said(cli: Cli, config: Config, written: str, line: str) -> None:
    config(("{rungs: 4, spacing: 5bps, patience: 2m}", written))
    assert line in " ".join(cli("check").out.split())


def test_a_good_config_as_json(cli: Cli, config: Config) -> None:
    config()
    document = cli("check", "--json").json
    assert (document["schema"], document["ok"], document["problems"]) == (1, True, [])
    assert document["venues"]["main"] == {
        "exchange": "binance",
        "environment": "demo",
        "existing": "refuse",
    }
    (portfolio,) = document["portfolios"]
    assert portfolio["id"] == "treasury"
    assert len(portfolio["hash"]) == 64
    assert portfolio["strategies"][1] == {
        "id": "half",
        "kind": "hedge",
        "text": "short 50% of the BTC",
    }


def test_a_bad_config_is_2_and_goes_to_stderr(cli: Cli, config: Config) -> None:
    config(("weight: 60%", "weight: 70%"), ("25000 USDT", "25000"))
    ran = cli("check")
    assert (ran.code, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 3
    assert ran.err.splitlines()[-1] == "2 problems; nothing was sent or changed"
    assert "Traceback" not in ran.err


def test_a_bad_config_as_json_is_still_one_object(cli: Cli, config: Config) -> None:
    config(("weight: 60%", "weight: 70%"))
    ran = cli("check", "--json")
    assert ran.code == 2
    document = ran.json
    assert (document["schema"], document["ok"]) == (1, False)
    assert document["problems"] == ran.err.splitlines()[:1]


def test_live_without_consent_is_3(cli: Cli, config: Config) -> None:
    config(("environment: demo", "environment: live"))
    for command in ("check", "plan", "run"):
        ran = cli(command)
        assert (ran.code, ran.out) == (3, "")
        assert ran.err == (
            "refused: counterpoise.yaml:5:18 venues.main.environment: live trades real money;"
            " to agree, add i_understand: live to venues.main\nnothing was sent or changed\n"
        )


def test_a_secret_everyone_can_read_is_a_warning_and_0(
    cli: Cli, config: Config, tmp_path: Path
) -> None:
    config()
    (tmp_path / "secret").chmod(0o644)
    ran = cli("check")
    assert ran.code == 0
    assert ran.err.startswith("warning: counterpoise.yaml:7:18 venues.main.secret_file: secret can")


@pytest.mark.parametrize(
    ("strategy", "told"),
    [
        (
            (
                "kind: hedge, id: x, asset: BTC, ratio: 50%, when: {window: {from: 2020-01-01T00:00Z,"
                " until: 2020-02-01T00:00Z}}"
            ),
            "strategy x: the end of its window 2020-02-01 00:00 UTC is over: it never opens any more",
        ),
        (
            "kind: derisk, id: x, target: 40%, crypto: true, convert: {at: 2020-01-01T00:00Z}",
            "strategy x: its conversion at 2020-01-01 00:00 UTC is over: it converts as soon as",
        ),
        (
            (
                "kind: hedge, id: x, asset: BTC, ratio: 50%, when: {window: {from: 2020-01-01T00:00Z,"
                " until: 2999-02-01T00:00Z}}"
            ),
            None,
        ),
    ],
)
def test_an_instant_that_is_over_is_a_warning_and_0(
    cli: Cli, config: Config, strategy: str, told: str | None
) -> None:
    config(("{kind: hedge, id: half, asset: BTC, ratio: 50%}", f"{{{strategy}}}"))
    ran = cli("check", "--json")
    assert ran.code == 0
    assert bool(ran.err) is (told is not None)
    assert told is None or told in ran.err
    assert told is None or told in ran.json["warnings"][0]


def test_no_output_shows_a_credential(cli: Cli, config: Config) -> None:
    config()
    for arguments in (["check"], ["check", "--json"]):
        ran = cli(*arguments)
        assert "fake-" not in ran.out + ran.err


EVERYTHING = """limits:
        max_order_notional: 25000 USDT
        drawdown: {slow: 10%, cancel_only: 30%}
        drawdown_window: 30d
      margin: {survive: 40%, keep_buffer: 1000 USDT, max_top_up_24h: 20000 USDT, guard_may_sell: [BTC]}
      funding: {max_carry: 20%, then: reduce, strategies: {half: {then: close}}}
      basis: {max_zscore: 4, allow_cross: true}"""


def test_every_guard_is_read_back(cli: Cli, config: Config) -> None:
    config(
        ("limits: {max_order_notional: 25000 USDT}", EVERYTHING),
        (
            "secret_file: secret",
            "secret_file: secret\n    dead_man: 2m\n    allow_withdraw_key: true",
        ),
    )
    ran = cli("check")
    assert (ran.code, ran.err) == (0, "")
    told = [
        (
            "Collateral: moved from the spot wallet, 1,000 USDT stay there, at most 20,000 USDT a day;"
            " coins that may be sold: BTC"
        ),
        "Drawdown from the high of 30d: adding is halved at 10%, CANCEL_ONLY at 30%",
        "Carry: at most 20% a year and 0.5% in all; exceeded for 1d, then it is halved",
        "Carry of half: at most 20% a year and 0.5% in all; exceeded for 1d, then it is closed",
        (
            "Basis: 3% or 4 deviations off the coin, adding waits up to 6h; cross hedges from a correlation of"
            " 70%, leaving at most 80% a year"
        ),
        "If the daemon dies: main takes its orders down after 2m (dead_man)",
        "Key of main: one that can withdraw is accepted (allow_withdraw_key)",
    ]
    for line in told:
        assert line in ran.out.splitlines()


def test_guards_that_are_off_are_said_to_be(cli: Cli, config: Config) -> None:
    off = "margin: {act: false}\n      funding: {act: false}\n      basis: {act: false}\n      limits: {"
    config(("limits: {", off))
    out = cli("check").out
    assert out.count("(act: false)") == 3


def test_without_apprise_it_says_how_to_get_it(
    cli: Cli, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    config(("store: ", "alerts: {notify: ['ntfy://a-topic']}\nstore: "))
    monkeypatch.setitem(sys.modules, "apprise", None)
    ran = cli("check")
    assert ran.code == 2
    assert "counterpoise.yaml:1:10 alerts.notify: " in ran.err
    assert "pip install counterpoise[notify]" in ran.err
    assert "a-topic" not in ran.err


ALERTS = (
    "store: ",
    (
        "alerts:\n"
        "  zone: Europe/Berlin\n"
        "  quiet: {from: '22:30', to: '07:00'}\n"
        "  heartbeat: {url: '${PING}', every: 2m}\n"
        "  telegram: {token: '${TOKEN}', chats: [42, -1007], control: {chats: [42], users: [42]}}\n"
        "  webhook: {url: '${HOOK}', secret: '${SIGN}', quiet: never}\n"
        "  reports: {daily: off}\n"
        "store: "
    ),
)


def with_alerts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("TOKEN", "123456789:AAF-bot_token_of_a_test"),
        ("PING", "https://example.org/ping/p1ng-t0ken"),
        ("HOOK", "https://example.org/hook/h00k-t0ken"),
        ("SIGN", "0123456789abcdef-hook"),
    ):
        monkeypatch.setenv(name, value)


def test_where_alerts_go_is_said(cli: Cli, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    with_alerts(monkeypatch)
    config(ALERTS)
    ran = cli("check")
    assert (ran.code, ran.err) == (0, "")
    assert (
        "\nalerts: to log, telegram:42, telegram:-1007, webhook; by the clock of Europe/Berlin: quiet from 22:30"
        " to 07:00 for telegram:42, telegram:-1007; reports weekly monday 08:00; heartbeat every 2m\n"
        "control: from Telegram, users 42 in chats 42; a yes within 2m\n"
    ) in ran.out
    assert "t0ken" not in ran.out


def test_where_alerts_go_as_json(cli: Cli, config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    with_alerts(monkeypatch)
    config(ALERTS)
    quiet = {"quiet": {"from": "22:30", "to": "07:00"}, "rate": 20}
    assert cli("check", "--json").json["alerts"] == {
        "zone": "Europe/Berlin",
        "sinks": {
            "log": {"quiet": None, "rate": None},
            "telegram:42": quiet,
            "telegram:-1007": quiet,
            "webhook": {"quiet": None, "rate": 20},
        },
        "reports": {"daily": None, "weekly": "monday 08:00"},
        "heartbeat": "2m",
        "control": {"chats": [42], "users": [42], "confirm_within": "2m"},
    }
