"""A made-up market for demos and tests: calm, a crash, a partial recovery, a rally; seeded and repeatable.

BTC starts near 90,000 and falls by about a quarter within half a day of a ten-day market, recovers a part, and
rallies by about 30 %. ETH does the same a little harder. The perpetual trades at a small basis that turns
negative in the crash and rich in the rally, and funding follows it by the usual formula. Prices come from integers
of a seeded generator and Decimal arithmetic only, so the same seed gives the same market on every machine.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from counterpoise.domain.numbers import BPS, ONE, ZERO, dec, nearest_step, quantize
from counterpoise.venue.sim.model import (
    Candle,
    FundingRate,
    FundingSeries,
    MarketKind,
    Series,
    SeriesKind,
    SymbolRules,
)
from counterpoise.venue.sim.rules import default_rules

_START = datetime(2025, 1, 6, tzinfo=UTC)
_FIVE_MINUTES = timedelta(minutes=5)
_FUNDING_EVERY = timedelta(hours=8)
_SMOOTH = Decimal("1e-10")


class SyntheticMarket(NamedTuple):
    """What a :class:`SimExchange` is made of."""

    rules: tuple[SymbolRules, ...]
    series: tuple[Series, ...]
    funding: tuple[FundingSeries, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Phase:
    """A stretch of the story.

    ``share`` of the whole time, ``to`` the price at its end as a multiple of the start (for an asset of beta 1),
    ``noise_bps`` the size of one bar's move, ``basis_bps`` where the basis tends to, ``crowd`` how busy it is.
    """

    share: Decimal
    to: Decimal
    noise_bps: int
    basis_bps: int
    crowd: Decimal


_STORY = (
    _Phase(share=dec("0.20"), to=dec("1.01"), noise_bps=7, basis_bps=3, crowd=dec("1")),
    _Phase(share=dec("0.05"), to=dec("0.755"), noise_bps=28, basis_bps=-14, crowd=dec("5")),
    _Phase(share=dec("0.10"), to=dec("0.78"), noise_bps=16, basis_bps=-5, crowd=dec("2")),
    _Phase(share=dec("0.15"), to=dec("0.875"), noise_bps=10, basis_bps=2, crowd=dec("1.3")),
    _Phase(share=dec("0.10"), to=dec("0.87"), noise_bps=7, basis_bps=4, crowd=dec("1")),
    _Phase(share=dec("0.25"), to=dec("1.135"), noise_bps=11, basis_bps=16, crowd=dec("2")),
    _Phase(share=dec("0.15"), to=dec("1.12"), noise_bps=8, basis_bps=6, crowd=dec("1")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Coin:
    """``volume`` in base units of a five-minute bar in calm times; ``beta`` scales every move of the story."""

    symbol: str
    price: Decimal
    beta: Decimal
    volume: Decimal


_COINS = (
    _Coin(symbol="BTCUSDT", price=dec("90000"), beta=dec("1"), volume=dec("3")),
    _Coin(symbol="ETHUSDT", price=dec("3000"), beta=dec("1.15"), volume=dec("90")),
)


class _Point(NamedTuple):
    """The market at the close of one bar."""

    spot: Decimal
    perp: Decimal
    mark: Decimal
    basis: Decimal
    crowd: Decimal


def synthetic_market(
    *,
    seed: int = 0,
    start: datetime = _START,
    hours: int = 240,
    interval: timedelta = _FIVE_MINUTES,
) -> SyntheticMarket:
    """Return rules, bars and funding of BTC and ETH, spot and perpetual, from ``start`` on.

    Raises ValueError when ``hours`` hold fewer than 100 bars: the story would not fit.
    """
    bars = timedelta(hours=hours) // interval
    if bars < 100:
        raise ValueError(f"expected at least 100 bars, was {bars} of {interval} in {hours} hours")
    rules: list[SymbolRules] = []
    series: list[Series] = []
    funding: list[FundingSeries] = []
    for coin in _COINS:
        draw = random.Random(f"{seed} {coin.symbol}")
        points = _walk(coin, draw, bars)
        spot = default_rules(coin.symbol, MarketKind.SPOT)
        perp = default_rules(coin.symbol, MarketKind.PERP)
        rules += [spot, perp]
        times = [start + interval * index for index in range(bars)]
        volume = coin.volume * Decimal(interval // timedelta(minutes=1)) / 5
        lines: tuple[tuple[SeriesKind, list[Decimal], SymbolRules, Decimal], ...] = (
            ("spot", [point.spot for point in points], spot, volume),
            ("perp", [point.perp for point in points], perp, volume * 2),
            ("mark", [point.mark for point in points], spot, ZERO),
        )
        for kind, prices, rule, usual in lines:
            crowds = [point.crowd * usual for point in points]
            candles = _candles(draw, times, prices, crowds, rule)
            series.append(Series(kind=kind, symbol=coin.symbol, interval=interval, candles=candles))
        funding.append(FundingSeries(symbol=coin.symbol, rates=_rates(points, start, interval)))
    return SyntheticMarket(tuple(rules), tuple(series), tuple(funding))


def _noise(draw: random.Random) -> Decimal:
    """Return a bell-shaped number of mean 0 and deviation 1 (the sum of twelve uniform ones)."""
    return Decimal(sum(draw.randrange(-5000, 5001) for _ in range(12))) / 10_000


def _walk(coin: _Coin, draw: random.Random, bars: int) -> list[_Point]:
    """Return the market before the first bar and at the close of each."""
    points: list[_Point] = []
    wobble, premium, smooth = ZERO, 3 * BPS, 3 * BPS
    for index in range(bars + 1):
        phase, level = _story_at(Decimal(index) / bars)
        size = phase.noise_bps * BPS * coin.beta
        wobble = quantize(wobble * dec("0.97") + size * _noise(draw), _SMOOTH)
        pull = (phase.basis_bps * BPS - premium) * dec("0.04")
        premium = quantize(premium + pull + BPS * dec("0.6") * _noise(draw), _SMOOTH)
        smooth = quantize(smooth + (premium - smooth) * dec("0.1"), _SMOOTH)
        spot = coin.price * (ONE + (level - ONE) * coin.beta) * (ONE + wobble)
        busy = phase.crowd * (dec("0.6") + Decimal(draw.randrange(0, 9000)) / 10_000)
        points.append(_Point(spot, spot * (ONE + premium), spot * (ONE + smooth), premium, busy))
    return points


def _story_at(share: Decimal) -> tuple[_Phase, Decimal]:
    """Return the phase at ``share`` of the time and the price level there, eased in and out."""
    begun, level = ZERO, ONE
    for phase in _STORY:
        if share <= begun + phase.share or phase is _STORY[-1]:
            part = min((share - begun) / phase.share, ONE)
            eased = part * part * (3 - 2 * part)
            return phase, level + (phase.to - level) * eased
        begun += phase.share
        level = phase.to
    raise AssertionError("the last phase always matches")


def _candles(
    draw: random.Random,
    times: list[datetime],
    prices: list[Decimal],
    volumes: list[Decimal],
    rule: SymbolRules,
) -> tuple[Candle, ...]:
    """Return one bar per time: from one price to the next, with wicks of a fraction of the usual move."""
    ticked = [nearest_step(price, rule.tick_size) for price in prices]
    bars: list[Candle] = []
    for index, at in enumerate(times):
        opened, close = ticked[index], ticked[index + 1]
        high, low = max(opened, close), min(opened, close)
        wick = abs(close - opened) / 4 + opened * 3 * BPS
        high += nearest_step(wick * draw.randrange(0, 1000) / 1000, rule.tick_size)
        low -= nearest_step(wick * draw.randrange(0, 1000) / 1000, rule.tick_size)
        volume = nearest_step(volumes[index + 1], rule.lot_size)
        bars.append(Candle(at, opened, high, low, close, volume))
    return tuple(bars)


def _rates(points: list[_Point], start: datetime, interval: timedelta) -> tuple[FundingRate, ...]:
    """Return a rate at every 00, 08 and 16 h UTC from just before ``start``, from the basis of the hours before."""
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    at = midnight + (start - midnight) // _FUNDING_EVERY * _FUNDING_EVERY
    end = start + interval * (len(points) - 1)
    rates: list[FundingRate] = []
    window = max(_FUNDING_EVERY // interval, 1)
    while at <= end:
        last = max((at - start) // interval, 0)
        seen = points[max(last - window, 0) : last + 1]
        premium = sum((point.basis for point in seen), ZERO) / len(seen)
        # the interest of one basis point, held within five of the premium
        rate = premium + max(min(BPS - premium, 5 * BPS), -5 * BPS)
        rates.append(FundingRate(at, quantize(rate, Decimal("1e-8"))))
        at += _FUNDING_EVERY
    return tuple(rates)
