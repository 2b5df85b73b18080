"""``doctor`` as a command: exit codes, one object with --json, and lines a person can read at any width."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Cli, Config
from tests.unit.cli.test_against_testnet import practice, testnet

__all__ = ["practice", "testnet"]  # fixtures


def control(testnet: dict[str, Any], what: str, **body: object) -> None:
    request = urllib.request.Request(  # noqa: S310 - loopback, from the testnet's own ready line
        f"{testnet['url']}/_control/{what}", json.dumps(body).encode(), method="POST"
    )
    with urllib.request.urlopen(request):  # noqa: S310 - as above
        pass


@pytest.fixture
def rights(testnet: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The account whose key is changed; as it was afterwards."""
    yield testnet
    control(testnet, "account", account=testnet["api_key"], withdraw=False, two_sided=False)


def logged(testnet: dict[str, Any]) -> list[str]:
    """What the exchange's own log says was done to it."""
    with urllib.request.urlopen(f"{testnet['url']}/_control/log?after=0") as reply:  # noqa: S310 - loopback
        events = json.loads(reply.read())["events"]
    return [e["event"] for e in events if e["event"] != "request"]


def test_a_sound_config_is_0_and_nothing_is_sent_or_written(
    cli: Cli, practice: Path, testnet: dict[str, Any]
) -> None:
    before = logged(testnet)
    told = cli("doctor", practice)
    assert (told.code, told.err) == (0, "")
    assert "0 failed; nothing was sent or changed" in told.out
    assert logged(testnet) == before
    assert not Path("here.db").exists()


def test_one_object_of_the_contract(cli: Cli, practice: Path) -> None:
    document = cli("doctor", practice, "--json").json
    assert list(document) == ["schema", "checks"]
    assert document["schema"] == 1
    names = {check["name"] for check in document["checks"]}
    assert {"config", "database", "venue", "clock", "key", "market", "start", "settings"} <= names
    assert {"data", "foreign", "survival"} <= names
    for check in document["checks"]:
        assert list(check) == ["name", "venue", "portfolio", "result", "text", "advice"]
        assert check["result"] in {"ok", "warn", "fail"}
    (key,) = [c for c in document["checks"] if c["name"] == "key"]
    assert (key["venue"], key["portfolio"]) == ("main", None)


@pytest.mark.parametrize("columns", ["60", "80"])
def test_lines_fit_where_there_is_little_room(
    cli: Cli, practice: Path, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    lines = cli("doctor", practice).out.splitlines()
    assert "Venue main" in lines
    assert "Portfolio treasury" in lines
    # a path is not broken
    assert all(len(line) <= int(columns) for line in lines if "here.db" not in line)


def test_a_key_that_can_withdraw_is_3(cli: Cli, practice: Path, rights: dict[str, Any]) -> None:
    control(rights, "account", account=rights["api_key"], withdraw=True)
    told = cli("doctor", practice)
    assert told.code == 3
    assert "fail  key       venues.main: expected a key that cannot withdraw" in told.out
    assert "-> Make one without that right" in told.out
    assert told.out.splitlines()[-1].endswith("`counterpoise run` would be refused")
    assert cli("run", practice).code == 3


def test_a_wrong_key_is_1_and_is_not_shown(
    cli: Cli, practice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "fake-key-that-nobody-knows")
    told = cli("doctor", practice)
    assert told.code == 1
    assert "does not accept the key" in " ".join(told.out.split())
    assert "not looked at: main could not be opened" in told.out
    assert "fake-key-that-nobody-knows" not in told.out + told.err


def test_hedge_mode_is_1(cli: Cli, practice: Path, rights: dict[str, Any]) -> None:
    control(rights, "account", account=rights["api_key"], two_sided=True)
    told = cli("doctor", practice)
    assert told.code == 1
    assert "was hedge mode" in " ".join(told.out.split())


def test_a_testnet_that_is_not_there_is_1(cli: Cli, practice: Path) -> None:
    practice.write_text(practice.read_text().replace("127.0.0.1:", "127.0.0.1:1"))
    told = cli("doctor", practice)
    assert told.code in {1, 2}
    assert "Traceback" not in told.out + told.err


def test_an_asset_nobody_lists_is_2_as_for_run(cli: Cli, practice: Path) -> None:
    practice.write_text(practice.read_text().replace("{ETH: 100%}", "{NOSUCH: 100%}"))
    told = cli("doctor", practice)
    assert told.code == 2
    assert "expected an asset listed against USDT at main" in " ".join(told.out.split())
    assert cli("run", practice).code == 2


def test_a_bad_config_is_2_with_every_problem_as_a_check(cli: Cli, config: Config) -> None:
    config(("quote: USDT", "qoute: USDT"))
    told = cli("doctor", "--json")
    assert told.code == 2
    checks = told.json["checks"]
    assert {(c["name"], c["result"]) for c in checks} == {("config", "fail")}
    assert any("qoute" in c["text"] for c in checks)


def test_a_file_that_is_not_there_is_2(cli: Cli, config: Config) -> None:
    config()
    told = cli("doctor", "absent.yaml", "--json")
    assert told.code == 2
    assert "absent.yaml" in told.json["checks"][0]["text"]
