"""A dated future made of its coin's prices, where none is recorded: a declared basis that runs off to zero.

The price of each bar is the coin's times ``1 + basis x time left / a year``, so that at the expiry they are the same.
A model, not a recording: it is good for testing choice and roll, and says nothing about what a real basis did.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.numbers import ONE, ZERO, dec, nearest_step
from counterpoise.venue.sim.model import Candle, Series

_YEAR = timedelta(days=365)


def dated_series(
    spot: Series, symbol: str, expiry_at: datetime, annual_basis: Decimal, tick_size: Decimal
) -> Series:
    """Return bars of the future ``symbol`` up to ``expiry_at``; ``annual_basis`` 0.1 is 10 % a year over the coin."""
    return replace(
        spot,
        kind="perp",
        symbol=symbol,
        candles=tuple(
            _scaled(bar, ONE + annual_basis * _years(expiry_at - bar.open_at), tick_size)
            for bar in spot.candles
            if bar.open_at + spot.interval <= expiry_at
        ),
    )


def _years(span: timedelta) -> Decimal:
    return max(dec(span // timedelta(seconds=1)) / dec(_YEAR // timedelta(seconds=1)), ZERO)


def _scaled(bar: Candle, factor: Decimal, tick: Decimal) -> Candle:
    opened, high, low, close = (
        max(nearest_step(price * factor, tick), tick)
        for price in (bar.open, bar.high, bar.low, bar.close)
    )
    return Candle(bar.open_at, opened, high, low, close, bar.volume)
