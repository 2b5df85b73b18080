"""Margin tables for contracts whose real ones are not recorded: close to Binance's for USD-M contracts.

A table starts at a coin's highest leverage; every other coin has the coarse one.
"""

from __future__ import annotations

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim.model import MarginTier, tiers_of

# largest position (quote), maintenance rate, highest leverage
_Rows = tuple[tuple[str, str, int], ...]
_BTC: _Rows = (
    ("300000", "0.004", 125),
    ("800000", "0.005", 100),
    ("3000000", "0.0065", 75),
    ("12000000", "0.01", 50),
    ("70000000", "0.02", 25),
    ("100000000", "0.025", 20),
    ("230000000", "0.05", 10),
    ("480000000", "0.1", 5),
    ("600000000", "0.125", 4),
    ("800000000", "0.15", 3),
    ("1200000000", "0.25", 2),
    ("1800000000", "0.5", 1),
)
_ETH: _Rows = (
    ("300000", "0.004", 125),
    ("800000", "0.005", 100),
    ("3000000", "0.0065", 75),
    ("12000000", "0.01", 50),
    ("50000000", "0.02", 25),
    ("65000000", "0.025", 20),
    ("150000000", "0.05", 10),
    ("320000000", "0.1", 5),
    ("400000000", "0.125", 4),
    ("530000000", "0.15", 3),
    ("800000000", "0.25", 2),
    ("1200000000", "0.5", 1),
)
_ALTS: _Rows = (
    ("100000", "0.01", 50),
    ("1000000", "0.025", 20),
    ("5000000", "0.05", 10),
    ("20000000", "0.1", 5),
    ("50000000", "0.125", 4),
    ("100000000", "0.25", 2),
    ("200000000", "0.5", 1),
)
_TABLES = {"BTC": _BTC, "ETH": _ETH}


def default_tiers(base: str) -> tuple[MarginTier, ...]:
    """Return the margin table of a contract on ``base``, lowest tier first."""
    rows = _TABLES.get(base, _ALTS)
    return tiers_of((dec(cap), dec(rate), leverage) for cap, rate, leverage in rows)
