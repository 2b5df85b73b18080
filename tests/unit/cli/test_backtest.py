"""The command as people and programs use it: options, documents, exit codes, and what every error says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.recordings import write_funding, write_market
from tests.unit.cli.conftest import Cli, Config

FIELDS = [
    "schema", "from", "to", "bars", "cycles", "bars_per_s", "wall_s", "hash", "equity", "benchmarks",
    "turnover", "fees", "funding", "flows", "margin", "orders", "fills", "liquidations", "band_breaches", "hedges",
]  # fmt: skip
HEDGE = [
    "strategy", "asset", "venue", "instrument", "opened_at", "closed_at", "qty", "held", "entry", "exit", "price_pnl",
    "unrealized", "funding", "fees", "net",
]  # fmt: skip
LINE = [50_000] * 6 + [40_000] * 18


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Recordings of everything the good config holds."""
    folder = tmp_path / "data"
    folder.mkdir()
    for symbol, factor in (("BTCUSDT", 1), ("ETHUSDT", 16), ("SOLUSDT", 250)):
        write_market(folder, symbol, [close // factor for close in LINE])
        write_funding(folder, symbol, ["0.0001", "0.0001"])
    return folder


@pytest.fixture
def live(config: Config, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config for real money on a machine that has none of its secrets."""
    path = config(("environment: demo", "environment: live"))
    monkeypatch.delenv("KEY")
    Path("secret").unlink()
    return path


def test_one_object_on_stdout(cli: Cli, live: Path, data: Path) -> None:
    ran = cli("backtest", live, "--data", data, "--json", "-")
    assert (ran.code, ran.err) == (0, "")
    assert list(ran.json) == FIELDS
    assert ran.json["from"] == "2024-03-01T00:00:00.000Z"
    assert ran.json["to"] == "2024-03-02T00:00:00.000Z"
    assert ran.json["benchmarks"] is None
    assert list(ran.json["equity"]) == ["start", "end", "return", "max_drawdown", "volatility"]
    assert set(ran.json["turnover"]) == {"spot", "futures"}
    assert ran.json["hedges"]
    assert list(ran.json["hedges"][0]) == HEDGE


def test_tables_for_people_and_the_object_in_a_file(cli: Cli, live: Path, data: Path) -> None:
    ran = cli("backtest", live, "--data", data, "--json", "out.json")
    assert (ran.code, ran.err) == (0, "")
    document = json.loads(Path("out.json").read_text())
    assert list(document) == FIELDS
    assert "No --balance: 100,000.00 USDT" in ran.out
    assert f"hash {document['hash']}" in ran.out
    assert "half" in ran.out
    assert "Written: out.json" in ran.out
    table = [line for line in ran.out.splitlines() if line.startswith("equity at")]
    assert len({line.index(".") for line in table}) == 1, "amounts stand below each other"


def test_a_wallet_that_was_liquidated_is_told(cli: Cli, live: Path, data: Path) -> None:
    write_market(data, "BTCUSDT", [50_000] * 6 + [99_000] * 18)
    ran = cli("backtest", live, "--data", data, "--balance", "BTC=1,USDT@futures=5000")
    assert ran.code == 0
    assert "the exchange liquidated " in ran.err


def test_the_balance_it_tells_gives_the_same_again(cli: Cli, live: Path, data: Path) -> None:
    told = cli("backtest", live, "--data", data).out
    line = next(line for line in told.splitlines() if "--balance" in line and "again" in line)
    again = cli("backtest", live, "--data", data, "--balance", line.rpartition(" ")[2])
    assert again.out.splitlines()[-1] == told.splitlines()[-1]
    assert "No --balance" not in again.out


def test_options_reach_the_exchange(cli: Cli, live: Path, data: Path) -> None:
    base = (
        "backtest",
        live,
        "--data",
        data,
        "--balance",
        "BTC=1,USDT@futures=20000",
        "--json",
        "-",
    )
    plain = cli(*base).json
    assert float(plain["fees"]) > 0
    assert float(plain["funding"]) > 0
    assert plain["equity"]["start"] == "95000", "0.5 BTC more is held elsewhere"
    free = cli(*base, "--fees", "0bps,0bps", "--funding", "off").json
    assert (free["fees"], free["funding"]) == ("0", "0")
    late = cli(*base, "--from", "2024-03-01T05:00Z", "--to", "2024-03-01T07:30:00+00:00").json
    assert (late["from"], late["to"]) == ("2024-03-01T05:00:00.000Z", "2024-03-01T07:30:00.000Z")
    assert cli(*base, "--spot-fees", "0.2%,0.2%").code == 0


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--data", "nowhere"], "nowhere: expected a folder with recorded candles"),
        (
            ["--from", "2024-03-01T12:00Z", "--to", "2024-03-01"],
            "--from: expected an instant before",
        ),
        (["--from", "2020-01-01"], "--from: expected 2024-03-01T00:00Z or later"),
        (["--to", "2024-04-01"], "--to: expected 2024-03-02T00:00Z or earlier"),
        (["--from", "yesterday"], "--from: expected a day or an instant with its zone"),
        (["--to", "2024-03-01T12:00"], "--to: expected a day or an instant with its zone"),
        (["--balance", "DOGE=1"], "(BTC, ETH, SOL, USDT), was DOGE"),
        (["--balance", "BTC"], "--balance: expected ASSET=QTY"),
        (["--fees", "2,5"], "--fees: expected maker and taker rates"),
        (["--fees", "2bps"], "--fees: expected maker and taker rates"),
        (["--fees", "2bps,-5bps"], "--fees: expected maker and taker rates"),
        (["--fees", "2bps,50%"], "--fees: expected maker and taker rates"),
        (["--spot-fees", "a,b"], "--spot-fees: expected maker and taker rates"),
        (["--funding", "maybe"], "--funding"),
        (["--portfolio", "nobody"], "--portfolio: expected treasury, was 'nobody'"),
        (["--json", "no/such/folder/x.json"], "--json: expected a file to write or -"),
        (["--json", "."], "--json: expected a file to write or -"),
        (["--html", "x.html"], "--html"),
    ],
)
def test_bad_options_say_what_was_expected(
    cli: Cli, live: Path, data: Path, options: list[str], told: str
) -> None:
    given = [] if "--data" in options else ["--data", str(data)]
    ran = cli("backtest", live, *given, *options)
    assert ran.code == 2
    assert told in " ".join(ran.err.split())
    assert ran.out == ""


def test_a_bad_config_and_a_missing_one_are_told_before_any_file_is_read(
    cli: Cli, config: Config
) -> None:
    path = config(("weight: 60%", "weight: 70%"))
    ran = cli("backtest", path, "--data", "nowhere")
    assert ran.code == 2
    assert "expected sleeve weights that add up to 100%" in ran.err
    assert cli("backtest", "none.yaml", "--data", "nowhere").code == 2


def test_an_asset_without_candles_is_told(cli: Cli, live: Path, data: Path) -> None:
    for file in data.glob("*SOLUSDT*"):
        file.unlink()
    ran = cli("backtest", live, "--data", data)
    assert ran.code == 2
    assert "--data: expected candles of SOL against USDT" in ran.err


def test_two_portfolios_need_a_name(cli: Cli, live: Path, data: Path) -> None:
    text = live.read_text()
    one = text[text.index("  treasury:") :]
    second = one.replace("treasury", "second").replace("[main]", "[spare]")
    text = text.replace("portfolios:", "  spare: {exchange: binance}\nportfolios:")
    live.write_text(text.rstrip() + "\n" + second)
    ran = cli("backtest", live, "--data", data)
    assert ran.code == 2
    assert "--portfolio (treasury, second)" in " ".join(ran.err.split())
    assert cli("backtest", live, "--data", data, "--portfolio", "second").code == 0


def test_every_process_computes_the_same_hash(live: Path, data: Path) -> None:
    hashes = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "counterpoise", "backtest", live, "--data", data, "--json", "-"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        hashes.add(json.loads(done.stdout)["hash"])
        assert done.stderr == "", "no terminal, no progress"
    assert len(hashes) == 1
