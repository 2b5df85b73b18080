"""Real processes over loopback HTTP: ``counterpoise testnet`` and ``counterpoise run``, and eyes on both."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

COUNTERPOISE = Path(sys.executable).with_name("counterpoise")
PATIENCE_S = 90

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
  book:
    venues: [main]
    quote: USDT
    sleeves:
      core:      {{weight: 60%, assets: {{BTC: 100%}}, band: 2pp}}
      satellite: {{weight: 20%, assets: {{ETH: 100%}}, band: 2pp}}
      buffer:    {{weight: 20%, assets: {{USDT: 100%}}, band: 5pp}}
    strategies:
      - {{kind: hedge, id: half-btc, asset: BTC, ratio: 50%}}
      - {{kind: drift, id: keep-shape}}
    execution: {{ladder: resting, rungs: 4, spacing: 5bps, patience: 15m, max_slippage: 30bps}}
"""
SYNTHETIC = ("--synthetic", "--from", "2026-01-05T00:00:00Z", "--seed", "7")
BALANCE = "BTC=0.6667,ETH=6.667,USDT=2000,USDT@futures=18000"


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Poll until ``condition`` holds; fail with ``what`` after PATIENCE_S."""
    give_up = time.monotonic() + PATIENCE_S  # noqa: TID251 - real processes live on the wall clock
    while not condition():
        if time.monotonic() > give_up:  # noqa: TID251 - as above
            raise AssertionError(f"gave up waiting: {what}")
        time.sleep(0.005)  # noqa: TID251 - as above


class Testnet:
    """A served testnet in a process of its own; use as a context manager."""

    __test__ = False

    def __init__(self, *options: str) -> None:
        self._options = options or SYNTHETIC

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [
                COUNTERPOISE,
                *("testnet", "--dialect", "binance", "--port", "0", "--balance", BALANCE),
                *self._options,
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.ready = json.loads(self._process.stdout.readline())
        self.url = self.ready["url"]
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def get(self, path: str) -> Any:
        """Ask the control door."""
        with urllib.request.urlopen(self.url + path, timeout=30) as response:  # noqa: S310 - our own loopback url
            return json.load(response)

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """The whole truth log, or its events of ``kinds``."""
        found: list[dict[str, Any]] = []
        after = 0
        while True:
            page = self.get(f"/_control/log?after={after}")
            if not page["events"]:
                return [e for e in found if not kinds or e["event"] in kinds]
            found += page["events"]
            after = page["next"]

    def placed(self) -> list[str]:
        """Client order ids of every accepted placement."""
        return [e["client_id"] for e in self.events("place")]

    @property
    def now_ms(self) -> int:
        """Market time."""
        return int(self.get("/_control/state")["now"])

    def positions(self) -> dict[str, Decimal]:
        """Non-zero futures positions of the daemon's account."""
        account = self.get("/_control/state")["accounts"][self.ready["api_key"]]
        found = {p["symbol"]: Decimal(str(p["qty"])) for p in account["positions"]}
        return {s: q for s, q in found.items() if q != 0}


@dataclass(slots=True)
class Desk:
    """A config in a folder of its own, and the commands a person would type there."""

    folder: Path
    config: Path

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [COUNTERPOISE, *words, str(self.config)],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def daemon(self, *words: str) -> subprocess.Popen[str]:
        """Start the daemon; its log goes to ``daemon.log``."""
        log = (self.folder / "daemon.log").open("a", encoding="utf-8")
        with log:
            return subprocess.Popen(
                [COUNTERPOISE, "run", *words, str(self.config)], stdout=log, stderr=log, text=True
            )

    @property
    def log(self) -> str:
        """What the daemon has said so far."""
        return (self.folder / "daemon.log").read_text(encoding="utf-8")


def make_desk(folder: Path, testnet: Testnet, changes: Sequence[tuple[str, str]] = ()) -> Desk:
    """Write a config for ``testnet``, with textual ``changes``."""
    content = CONFIG.format(**{k: testnet.ready[k] for k in ("url", "api_key", "secret")})
    for old, new in changes:
        assert old in content
        content = content.replace(old, new)
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "counterpoise.yaml"
    config.write_text(content, encoding="utf-8")
    return Desk(folder=folder, config=config)
