from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.unit.cli.conftest import Cli


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    command = [Path(sys.executable).with_name("counterpoise"), "testnet", "--synthetic"]
    with subprocess.Popen(
        [*command, "--balance", "BTC=1,USDT=100"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as served:
        assert served.stdout is not None
        try:
            ready = json.loads(served.stdout.readline())
        finally:
            served.send_signal(signal.SIGTERM)
        rest, errors = served.communicate(timeout=20)
    assert set(ready) == {"url", "api_key", "secret", "now"}
    assert ready["url"].startswith("http://127.0.0.1:")
    assert (served.returncode, rest) == (0, ""), errors


def test_a_port_in_use_is_told(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = cli("testnet", "--port", str(taken.getsockname()[1]), "--synthetic")
    assert (ran.code, ran.out) == (1, "")
    assert "choose another --port" in ran.err
    assert "Traceback" not in ran.err


def test_a_bad_balance_is_told(cli: Cli) -> None:
    ran = cli("testnet", "--balance", "BTC=-1")
    assert ran.code == 2
    assert ran.err.startswith("--balance: expected a quantity >= 0, was 'BTC=-1'\n")


def test_a_bad_dated_future_is_told(cli: Cli) -> None:
    ran = cli("testnet", "--dated", "BTCUSDT=8%")
    assert ran.code == 2
    assert ran.err.startswith("--dated: expected SYMBOL_YYMMDD=N%")


def test_an_address_that_others_reach_is_warned_of(cli: Cli) -> None:
    # the bad balance ends it before anything listens
    wide = cli("testnet", "--host", "0.0.0.1", "--balance", "BTC=-1")
    assert wide.err.startswith("warning: --host 0.0.0.1: the control door needs no key")
    for host in ("127.0.0.1", "127.0.0.9", "::1", "localhost"):
        assert "warning" not in cli("testnet", "--host", host, "--balance", "BTC=-1").err
