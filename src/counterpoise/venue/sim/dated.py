"""A dated future made of its coin's prices, where none is recorded: a declared basis that runs off to zero.

A price is the coin's times ``1 + basis x time left / a year``, so that at the expiry they are the same; the high and
the low of a bar take the wider of its two ends. A model, not a recording: it is good for testing choice and roll, and
says nothing about what a real basis did.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.numbers import ONE, dec, nearest_step
from counterpoise.venue.sim.model import Candle, Series

_YEAR = timedelta(days=365)


def dated_series(
    spot: Series, symbol: str, expiry_at: datetime, annual_basis: Decimal, tick_size: Decimal
) -> Series:
    """Return bars of the future ``symbol`` up to ``expiry_at``; ``annual_basis`` 0.1 is 10 % a year over the coin.

    Raises ValueError for a basis so far below zero that no price would be left at the first bar.
    """
    left = _years(expiry_at - spot.candles[0].open_at)
    if ONE + annual_basis * left <= 0:
        raise ValueError(
            f"{symbol}: expected a yearly basis that leaves a price, was {annual_basis} for {left:.2f} years"
        )
    return replace(
        spot,
        kind="perp",
        symbol=symbol,
        candles=tuple(
            _scaled(
                bar,
                ONE + annual_basis * _years(expiry_at - bar.open_at),
                ONE + annual_basis * _years(expiry_at - bar.open_at - spot.interval),
                tick_size,
            )
            for bar in spot.candles
            if bar.open_at + spot.interval <= expiry_at
        ),
    )


def _years(span: timedelta) -> Decimal:
    return dec(span // timedelta(seconds=1)) / dec(_YEAR // timedelta(seconds=1))


def _scaled(bar: Candle, at_open: Decimal, at_close: Decimal, tick: Decimal) -> Candle:
    """Return ``bar`` with the factors of its open and of its close."""
    prices = (
        bar.open * at_open,
        bar.high * max(at_open, at_close),
        bar.low * min(at_open, at_close),
        bar.close * at_close,
    )
    opened, high, low, close = (max(nearest_step(price, tick), tick) for price in prices)
    return Candle(bar.open_at, opened, high, low, close, bar.volume)
