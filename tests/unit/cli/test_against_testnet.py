"""plan and run against a testnet in a process of its own: the contract's shapes, and a wrong key."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Cli, Config

COUNTERPOISE = Path(sys.executable).with_name("counterpoise")


@pytest.fixture(scope="module")
def testnet() -> Iterator[dict[str, Any]]:
    """A synthetic market that stands still, with 70 % of its account in BTC."""
    balance = "BTC=0.7,ETH=0,SOL=0,USDT=12000,USDT@futures=18000"
    command = [COUNTERPOISE, "testnet", "--synthetic", "--speed", "0", "--balance", balance]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        try:
            yield json.loads(served.stdout.readline())
        finally:
            served.send_signal(signal.SIGTERM)
            served.wait(timeout=20)


@pytest.fixture
def practice(config: Config, testnet: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KEY", testnet["api_key"])
    path = config(
        (
            "environment: demo",
            f"environment: local\n    url: {testnet['url']}\n    clock: venue",
        ),
        (
            "core: {weight: 60%, assets: {BTC: 70%, ETH: 30%}",
            "core: {weight: 60%, assets: {BTC: 100%}",
        ),
        ("sat: {weight: 20%, assets: {SOL: 100%}", "sat: {weight: 20%, assets: {ETH: 100%}"),
    )
    Path("secret").write_text(testnet["secret"])
    return path


def test_a_plan_is_one_object_of_the_contract(cli: Cli, practice: Path) -> None:
    document = cli("plan", practice, "--json").json
    contract = ["as_of", "equity", "state", "weights", "margin", "decisions", "orders", "refused"]
    assert set(contract) <= set(document)
    assert (document["schema"], document["state"]) == (1, "RUN")
    assert document["as_of"].endswith("Z")
    assert set(document["weights"]["BTC"]) == {"spot", "effective", "target", "band"}
    assert set(document["margin"]["main"]) >= {"distance", "ratio"}
    fields = [
        "venue",
        "instrument",
        "side",
        "qty",
        "price",
        "type",
        "reduce_only",
        "post_only",
        "notional",
    ]
    assert document["orders"]
    for order in document["orders"]:
        assert set(fields) <= set(order)
        assert isinstance(order["qty"], str)
    assert not Path("here.db").exists()


def test_a_portfolio_that_cannot_be_valued_is_1_and_still_one_object(
    cli: Cli, practice: Path
) -> None:
    practice.write_text(practice.read_text().replace("{ETH: 100%}", "{NOSUCH: 100%}"))
    told = cli("plan", practice, "--json")
    assert told.code == 1
    assert "any listing of NOSUCH: nothing can be planned" in told.err
    assert told.json["held"][0]["reason"] == "not_valued"


def test_a_plan_for_people_names_no_hash_that_nobody_needs(cli: Cli, practice: Path) -> None:
    told = cli("plan", practice)
    assert told.code == 0
    assert "Portfolio treasury" in told.out
    assert "Orders that would be sent" in told.out
    checked = cli("check", practice, "--json").json["portfolios"][0]["hash"]
    assert checked not in told.out
    assert cli("plan", practice, "--json").json["config_hash"] == checked


def test_a_wrong_key_is_a_line_and_1(
    cli: Cli, practice: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY", "fake-key-that-nobody-knows")
    for command in ("plan", "run"):
        told = cli(command, practice)
        assert (told.code, told.out) == (1, "")
        assert "does not accept the key" in told.err
        assert "Traceback" not in told.err
        assert "fake-key-that-nobody-knows" not in told.err
