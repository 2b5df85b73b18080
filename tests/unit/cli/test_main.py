"""How commands are found, how they fail, and what they cost before they do anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from counterpoise import __version__
from counterpoise.cli import failures
from counterpoise.domain.errors import (
    ConfigError,
    IllegalMove,
    SafetyRefusal,
    StoreError,
    VenueAuthError,
    VenueError,
    VenueRefusal,
    WrongSchema,
)
from tests.unit.cli.conftest import Cli, Config

COMMANDS = [
    "demo",
    "init",
    "check",
    "plan",
    "run",
    "testnet",
    "status",
    "orders",
    "journal",
    "db",
    "schema",
    "version",
]


def python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "100"},
    )


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = """
import sys
from counterpoise.cli.main import main
try:
    main(["--help"])
except SystemExit as ended:
    assert not ended.code
heavy = {"ccxt", "sqlalchemy", "alembic", "aiohttp", "aiosqlite", "pydantic", "ruamel", "rich",
         "structlog", "apscheduler"}
found = sorted(heavy & set(sys.modules))
print("HEAVY", found)
"""
    result = python(code, tmp_path)
    assert result.stdout.splitlines()[-1] == "HEAVY []", result.stdout + result.stderr
    for command in COMMANDS:
        assert f"\n  {command} " in result.stdout


@pytest.mark.parametrize("command", [*COMMANDS, "db upgrade", "db backup"])
def test_every_command_explains_itself(cli: Cli, command: str) -> None:
    ran = cli(*command.split(), "--help")
    assert ran.code == 0
    assert "Usage: counterpoise" in ran.out


def test_a_check_asks_no_exchange_library(config: Config, tmp_path: Path) -> None:
    config()
    code = """
import sys
from counterpoise.cli.main import main
try:
    main(["check"])
except SystemExit as ended:
    assert not ended.code
print("HEAVY", sorted({"ccxt", "sqlalchemy", "aiohttp"} & set(sys.modules)))
"""
    result = python(code, tmp_path)
    assert result.stdout.splitlines()[-1] == "HEAVY []", result.stdout + result.stderr


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (ConfigError(["a", "b"]), 2, ["a", "b", "2 problems; nothing was sent or changed"]),
        (
            SafetyRefusal("live trades real money"),
            3,
            ["refused: live trades real money", "nothing was sent or changed"],
        ),
        (WrongSchema("expected schema 2"), 3, ["error: expected schema 2"]),
        (StoreError("disk is full"), 1, ["error: disk is full"]),
        (VenueError("no answer, secret=abcdef"), 1, ["error: no answer, secret=***"]),
        (
            VenueAuthError("key refused"),
            1,
            ["error: key refused"],
        ),
        (
            VenueRefusal("main: was hedge mode"),
            3,
            ["refused: main: was hedge mode", "nothing was sent or changed"],
        ),
        (IllegalMove("FILLED may not become OPEN"), 1, ["error: FILLED may not become OPEN"]),
    ],
)
def test_an_expected_error_is_a_line_and_a_code(
    error: Exception, code: int, told: list[str]
) -> None:
    assert (failures.exit_code(error), failures.lines(error)) == (code, told)


def test_an_unexpected_error_is_a_bug_and_shows_its_traceback_without_secrets() -> None:
    with pytest.raises(KeyError) as raised:
        raise KeyError("api_key=abcdef")
    told = failures.lines(raised.value)
    assert failures.exit_code(raised.value) == 1
    assert "Traceback" in told[0]
    assert "test_main.py" in told[0]
    assert "abcdef" not in told[0]
    assert told[1].startswith("this is a bug in counterpoise")


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["check", "--no-such-option"],
        ["orders", "--limit", "0"],
        ["status", "a.yaml", "-c", "b.yaml"],
        ["testnet", "--speed", "fast"],
        ["testnet", "--from", "2025-03-06T10:30:00"],
        ["testnet", "--dialect", "kraken"],
        ["testnet", "--market", "not-there"],
        ["db", "backup"],
    ],
)
def test_bad_usage_is_2(
    cli: Cli, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = cli(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["plan", "gone.yaml", "--json"], 2, "gone.yaml"),
        (["status", "gone.yaml", "--json"], 2, "gone.yaml"),
        (["explain", "-c", "gone.yaml", "--json"], 2, "gone.yaml"),
        (["explain", "nobody", "--json", "--no-such-option"], 2, "--no-such-option"),
        (["orders", "--limit", "0", "--json"], 2, "--limit"),
        (["backtest", "gone.yaml", "--data", ".", "--json", "-"], 2, "gone.yaml"),
        (["backtest", "gone.yaml", "--json=-"], 2, "--data"),
    ],
)
def test_where_json_was_asked_for_an_error_is_one_object_too(
    cli: Cli, arguments: list[str], code: int, why: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COUNTERPOISE_CONFIG", raising=False)
    ran = cli(*arguments)
    assert ran.code == code
    assert (ran.json["schema"], ran.json["error"]["exit_code"]) == (1, code)
    assert why in " ".join(ran.json["error"]["lines"])
    assert why in ran.err, "people read it on stderr as ever"


def test_a_backtest_whose_object_goes_to_a_file_tells_an_error_to_people(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = cli("backtest", "gone.yaml", "--data", ".", "--json", "out.json")
    assert (ran.code, ran.out) == (2, "")


def test_the_config_is_found_by_argument_option_variable_and_name(
    cli: Cli, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    config(name="counterpoise.yaml")
    config(name="other.yaml")
    named = {
        "counterpoise.yaml": [["check", "--json"]],
        "other.yaml": [
            ["check", "--json", "other.yaml"],
            ["check", "--json", "-c", "other.yaml"],
            ["-c", "other.yaml", "check", "--json"],
            ["check", "--json", "other.yaml", "-c", "other.yaml"],
        ],
    }
    for name, commands in named.items():
        for arguments in commands:
            assert cli(*arguments).json["config"] == name
    monkeypatch.setenv("COUNTERPOISE_CONFIG", "other.yaml")
    assert cli("check", "--json").json["config"] == "other.yaml"
    assert cli("check", "--json", "counterpoise.yaml").json["config"] == "counterpoise.yaml"


def test_no_config_at_all_is_told(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COUNTERPOISE_CONFIG", raising=False)
    for command in ("check", "plan", "run", "status", "orders", "journal"):
        ran = cli(command)
        assert ran.code == 2
        assert "counterpoise.yaml: expected a config file, was missing" in ran.err


def test_the_list_of_commands_fits_80_columns(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for arguments in (["--help"], ["db", "--help"], ["strategy", "--help"]):
        shown = cli(*arguments).out
        assert "..." not in shown.partition("Commands:")[2]
        assert max(map(len, shown.splitlines())) <= 80


def test_version(cli: Cli) -> None:
    assert cli("--version").out == f"counterpoise {__version__}\n"
    assert cli("version").out == f"counterpoise {__version__}\n"
    assert cli("version", "--json").json == {"schema": 1, "version": __version__}


def test_schema_is_a_json_schema(cli: Cli) -> None:
    ran = cli("schema")
    assert json.loads(ran.out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
