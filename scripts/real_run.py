#!/usr/bin/env python3
"""Run the daemon over recorded market data, through HTTP, and judge it by the exchange's own log.

    .venv/bin/python scripts/real_run.py --market ../shared/market
    .venv/bin/python scripts/real_run.py --market ../shared/market --until 2025-03-12 --kill-at 3,40,41

BTC in 5-minute bars (spot and perpetual) and ETH in hourly ones, sleeves core BTC 60 / satellite ETH 20 / buffer 20,
drift through futures beside a 50 % hedge of BTC, a cycle every 15 minutes, in lock-step with market time.
``--kill-at`` ends the daemon with SIGKILL when that many placements stand in the log, and starts it again.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

COUNTERPOISE = Path(sys.executable).with_name("counterpoise")
START = "2025-03-06T10:30:00Z"
END = "2025-04-13T07:15:00Z"
MINIMA = {"BTCUSDT": (Decimal("0.001"), Decimal(100)), "ETHUSDT": (Decimal("0.001"), Decimal(20))}

CONFIG = """\
store: sqlite:///run.db
venues:
  main:
    exchange: binance
    environment: local
    url: {url}
    clock: venue
    api_key: {api_key}
    secret: {secret}
    poll: 15m
portfolios:
  real:
    venues: [main]
    quote: USDT
    sleeves:
      core:      {{weight: 60%, assets: {{BTC: 100%}}, band: 2pp}}
      satellite: {{weight: 20%, assets: {{ETH: 100%}}, band: 2pp}}
      buffer:    {{weight: 20%, assets: {{USDT: 100%}}, band: 5pp}}
    strategies:
      - {{kind: hedge, id: half-btc, asset: BTC, ratio: 50%}}
      - {{kind: drift, id: keep-shape}}
    execution: {{ladder: resting, rungs: 5, spacing: 5bps, patience: 15m, max_slippage: 30bps}}
"""


def main() -> int:
    """Run, print what happened, return 0 when every check holds."""
    options = _options()
    folder = Path(tempfile.mkdtemp(prefix="counterpoise-real-"))
    testnet, ready = _testnet(options.market)
    began = time.monotonic()
    try:
        config = folder / "counterpoise.yaml"
        config.write_text(CONFIG.format(**{k: ready[k] for k in ("url", "api_key", "secret")}))
        kills = _drive(config, ready["url"], _ms(options.until), options.kill_at)
        wall = time.monotonic() - began
        events = _events(ready["url"])
        state = _get(ready["url"], "/_control/state")
        ok = _judge(folder / "run.db", events, state, ready["api_key"])
        print(f"kills: {kills}; wall {wall:.0f} s; folder {folder}")
        return 0 if ok else 1
    finally:
        testnet.terminate()
        testnet.wait(20)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--market", type=Path, required=True, help="folder with recorded candles")
    parser.add_argument("--until", default=END, help="market instant to stop at (UTC)")
    parser.add_argument("--kill-at", default="", help="SIGKILL at these placement counts: 3,40")
    options = parser.parse_args()
    options.kill_at = [int(n) for n in options.kill_at.split(",") if n]
    return options


def _testnet(market: Path) -> tuple[subprocess.Popen[str], dict[str, str]]:
    command = [
        str(COUNTERPOISE), "testnet", "--dialect", "binance", "--port", "0", "--market", str(market),
        "--series", f"spot:BTCUSDT={market}/crash2025apr_spot_BTCUSDT_5m.csv.gz",
        "--series", f"perp:BTCUSDT={market}/crash2025apr_perp_BTCUSDT_5m.csv.gz",
        "--from", START, "--balance", "BTC=0.66,ETH=9.1,USDT=2000,USDT@futures=18000",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    ready: dict[str, str] = json.loads(process.stdout.readline())
    return process, ready


def _drive(config: Path, url: str, until_ms: int, kill_at: list[int]) -> int:
    """Run the daemon until market time ``until_ms``; kill it where asked. Returns the number of kills."""
    pending = sorted(kill_at)
    kills = 0
    while True:
        log = (config.parent / "daemon.log").open("a")
        daemon = subprocess.Popen([str(COUNTERPOISE), "run", str(config)], stderr=log, stdout=log)
        while True:
            if daemon.poll() is not None:
                tail = (config.parent / "daemon.log").read_text()[-2000:]
                raise SystemExit(f"the daemon ended with {daemon.returncode}:\n{tail}")
            if pending and _placed(url) >= pending[0]:
                os.kill(daemon.pid, signal.SIGKILL)
                daemon.wait()
                pending.pop(0)
                kills += 1
                break
            if _get(url, "/_control/state")["now"] >= until_ms:
                daemon.send_signal(signal.SIGTERM)
                code = daemon.wait(25)
                print(f"SIGTERM -> exit {code}")
                return kills
            time.sleep(0.01 if pending else 0.5)


def _judge(db: Path, events: list[dict[str, Any]], state: dict[str, Any], api_key: str) -> bool:
    """Print the series and the checks; True when all hold."""
    rows = _journal(db)
    _series(rows)
    places = [e for e in events if e["event"] == "place"]
    ids = Counter(e["client_id"] for e in places)
    duplicates = sum(n - 1 for n in ids.values())
    small = [e for e in places if _below(e)]
    last = rows[-1]
    own = {p["symbol"]: Decimal(p["qty"]) for p in last["positions"]}
    shown = {
        f"{p['symbol'][:-4]}/USDT:USDT": Decimal(str(p["qty"]))
        for p in state["accounts"][api_key]["positions"]
        if Decimal(str(p["qty"])) != 0
    }
    recorded = _recorded(db)
    opened, closed = _opened_and_closed(events)
    checks = {
        f"at the end within band ({last['within_band']})": last["within_band"] is True,
        f"hedges opened ({opened}) and closed or cut ({closed})": opened > 0 and closed > 0,
        f"duplicate client ids: {duplicates}": duplicates == 0,
        f"orders under the minima: {len(small)} of {len(places)}": not small,
        f"recorded positions {_shown(recorded)} = the exchange's {_shown(shown)}": recorded
        == shown,
        f"last cycle saw {_shown(own)}": own == shown,
    }
    fills = sum(1 for e in events if e["event"] == "fill")
    rejects = Counter(str(e["code"]) for e in events if e["event"] == "reject")
    print(f"cycles {len(rows)}, orders {len(places)}, fills {fills}, rejects {dict(rejects)}")
    inside = sum(1 for r in rows if r["within_band"])
    print(f"cycles inside the bands: {inside} of {len(rows)}")
    for check, holds in checks.items():
        print(f"{'ok  ' if holds else 'FAIL'} {check}")
    return all(checks.values())


def _series(rows: list[dict[str, Any]]) -> None:
    """One line per market day: effective weight against effective target."""
    print(
        f"{'market time':17} {'equity':>11}  "
        + "  ".join(f"{a:>6} eff/target" for a in ("BTC", "ETH", "USDT"))
    )
    day = ""
    for row in [*rows, {**rows[-1], "as_of": rows[-1]["as_of"] + " "}]:
        if row["as_of"][:10] == day and row is not rows[-1]:
            continue
        day = row["as_of"][:10]
        if not row["weights"]:
            continue
        cells = "  ".join(
            f"{Decimal(w['effective']) * 100:7.2f}/{Decimal(w['target']) * 100:6.2f} %"
            for w in row["weights"].values()
        )
        print(f"{row['as_of'][:16]:17} {Decimal(row['equity']):11.2f}  {cells}")


def _opened_and_closed(events: list[dict[str, Any]]) -> tuple[int, int]:
    """How many fills added to a futures position, and how many took from it."""
    position: dict[str, Decimal] = {}
    opened = closed = 0
    for event in events:
        if event["event"] != "fill" or event.get("market") != "perp":
            continue
        held = position.get(event["symbol"], Decimal(0))
        step = Decimal(event["qty"]) * (1 if event["side"].lower() == "buy" else -1)
        position[event["symbol"]] = held + step
        if abs(held + step) > abs(held):
            opened += 1
        else:
            closed += 1
    return opened, closed


def _below(event: dict[str, Any]) -> bool:
    min_qty, min_notional = MINIMA[event["symbol"]]
    qty = Decimal(event["qty"])
    return qty < min_qty or qty * Decimal(event["price"]) < min_notional


def _journal(db: Path) -> list[dict[str, Any]]:
    with sqlite3.connect(db) as connection:
        rows = connection.execute("select document from journal order by rowid").fetchall()
    return [json.loads(r[0]) for r in rows]


def _recorded(db: Path) -> dict[str, Decimal]:
    with sqlite3.connect(db) as connection:
        rows = connection.execute("select symbol, own_qty from positions").fetchall()
    return {s: Decimal(q) for s, q in rows if Decimal(q) != 0}


def _events(url: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    after = 0
    while True:
        page = _get(url, f"/_control/log?after={after}")
        events += page["events"]
        if not page["events"] or page["next"] == after:
            return events
        after = page["next"]


_PLACED = {"after": 0, "count": 0}


def _placed(url: str) -> int:
    """Placements in the log so far (read on from where the last look ended)."""
    page = _get(url, f"/_control/log?after={_PLACED['after']}")
    _PLACED["after"] = page["next"]
    _PLACED["count"] += sum(1 for e in page["events"] if e["event"] == "place")
    return _PLACED["count"]


def _get(url: str, path: str) -> Any:
    with urllib.request.urlopen(url + path, timeout=30) as response:
        return json.load(response)


def _ms(instant: str) -> int:
    at = datetime.fromisoformat(instant)
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


def _shown(positions: dict[str, Decimal]) -> str:
    return ", ".join(f"{s} {q.normalize():f}" for s, q in sorted(positions.items())) or "none"


if __name__ == "__main__":
    raise SystemExit(main())
