"""A config that is good, and a way to make it bad in one place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from counterpoise.config import Settings

#: A good config; tests change a piece of it. Lines and columns in expectations refer to it.
GOOD = """\
store: sqlite:///here.db
venues:
  main:
    exchange: binance
    environment: demo
    api_key: ${KEY}
    secret_file: secret
portfolios:
  treasury:
    venues: [main]
    quote: USDT
    holdings: {BTC: 0.5}
    sleeves:
      core: {weight: 60%, assets: {BTC: 70%, ETH: 30%}, band: 5pp}
      sat: {weight: 20%, assets: {SOL: 100%}, band: 25%}
      cash: {weight: 20%, assets: {USDT: 100%}}
    strategies:
      - {kind: drift, id: keep-shape}
      - {kind: hedge, id: half, asset: BTC, ratio: 50%}
    execution: {rungs: 4, spacing: 5bps, patience: 2m}
    guards:
      limits: {max_order_notional: 25000 USDT}
"""

ENV = {"KEY": "fake-key-of-a-test", "EMPTY": ""}

Change = tuple[str, str]
Write = Callable[..., Path]
Load = Callable[..., Settings]


def changed(*changes: Change) -> str:
    """Return GOOD with each old piece, which must stand there once, replaced."""
    text = GOOD
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in the good config"
        text = text.replace(old, new)
    return text
