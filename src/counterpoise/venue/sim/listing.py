"""What is traded here: markets by kind and symbol, with the mark and the funding of each perpetual.

Built once from rules, bars and funding rates. The rules decide what is listed: a rule without bars is an error,
bars without a rule are not traded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from counterpoise.venue.sim.expiry import Expiry
from counterpoise.venue.sim.funding import FundingSchedule
from counterpoise.venue.sim.market import Market, MarkPrice
from counterpoise.venue.sim.model import (
    FundingSeries,
    MarketKind,
    RejectCode,
    Series,
    SeriesKind,
    SimReject,
    SymbolRules,
)
from counterpoise.venue.sim.positions import BOOKED
from counterpoise.venue.sim.track import PriceTrack


@dataclass(frozen=True, slots=True, kw_only=True)
class Perpetual:
    """A contract with what a spot market does not have; ``expiry`` only of a dated future, which has no funding."""

    market: Market
    mark: MarkPrice
    funding: FundingSchedule
    expiry: Expiry | None = None


class Listing:
    """Every market of one exchange.

    Raises
    ------
    ValueError
        For a rule without bars, two rules or two series of one market, steps whose product (the smallest trade)
        is finer than what can be booked, an expiry of a spot market, and funding of a dated future.
    """

    def __init__(
        self,
        *,
        rules: Iterable[SymbolRules],
        series: Iterable[Series],
        funding: Iterable[FundingSeries],
        now: datetime,
        participation: Decimal,
    ) -> None:
        bars = _by_market(series)
        rates = {each.symbol: each for each in funding}
        self.spot: dict[str, Market] = {}
        self.perps: dict[str, Perpetual] = {}
        for rule in sorted(rules, key=lambda each: (each.kind, each.symbol)):
            _check_rule(rule)
            home: dict[str, Market] | dict[str, Perpetual] = (
                self.spot if rule.kind is MarketKind.SPOT else self.perps
            )
            if rule.symbol in home:
                raise ValueError(f"expected one rule for {rule.kind} {rule.symbol}, was two")
            track = _track(bars, rule.kind.value, rule, now)
            if track is None:
                raise ValueError(f"expected bars for {rule.kind} {rule.symbol}, was none")
            market = Market(rule, track, participation)
            if rule.kind is MarketKind.SPOT:
                self.spot[rule.symbol] = market
                continue
            if rule.expiry_at is not None and rule.symbol in rates:
                raise ValueError(f"funding {rule.symbol}: expected none for a future that ends")
            self.perps[rule.symbol] = Perpetual(
                market=market,
                mark=MarkPrice(track, _track(bars, "mark", rule, now), now),
                funding=FundingSchedule(rates.get(rule.symbol), now),
            )
        self._set_expiries(now)

    def _set_expiries(self, now: datetime) -> None:
        for symbol, perp in self.perps.items():
            rules = perp.market.rules
            if rules.expiry_at is None:
                continue
            # the price under it; where the coin itself is not traded here, its own
            under = self.spot.get(rules.pair, perp.market)
            expiry = Expiry(symbol, rules.expiry_at, under, rules.tick_size)
            self.perps[symbol] = replace(perp, expiry=expiry)
            if (
                rules.expiry_at <= now
            ):  # it ended before time began here: nobody holds it, nothing is booked
                expiry.settle(rules.expiry_at)
                perp.market.closed = True

    def markets(self) -> Iterator[Market]:
        """Yield every market, perpetuals first, then spot, by symbol."""
        yield from (perp.market for perp in self.perps.values())
        yield from self.spot.values()

    def has(self, kind: MarketKind, symbol: str) -> bool:
        """Whether a market is listed."""
        return symbol in (self.spot if kind is MarketKind.SPOT else self.perps)

    def market(self, kind: MarketKind, symbol: str) -> Market:
        """Return one market. Raises SimReject(UNKNOWN_SYMBOL)."""
        if kind is MarketKind.PERP:
            return self.perp(symbol).market
        if symbol not in self.spot:
            raise SimReject(RejectCode.UNKNOWN_SYMBOL, f"expected a spot symbol, was {symbol}")
        return self.spot[symbol]

    def perp(self, symbol: str) -> Perpetual:
        """Return one perpetual. Raises SimReject(UNKNOWN_SYMBOL)."""
        if symbol not in self.perps:
            raise SimReject(RejectCode.UNKNOWN_SYMBOL, f"expected a perpetual, was {symbol}")
        return self.perps[symbol]

    def dated(self, pair: str) -> tuple[Perpetual, ...]:
        """Return the dated futures of ``pair`` that have not ended, by symbol."""
        return tuple(
            perp
            for perp in self.perps.values()
            if perp.expiry is not None and perp.market.rules.pair == pair and not perp.market.closed
        )

    def collateral(self) -> tuple[str, ...]:
        """Return the assets perpetuals settle in, by name."""
        return tuple(sorted({perp.market.rules.quote for perp in self.perps.values()}))

    def assets(self) -> tuple[str, ...]:
        """Return every asset that is traded or settled in, by name."""
        rules = [market.rules for market in self.markets()]
        return tuple(sorted({asset for rule in rules for asset in (rule.base, rule.quote)}))

    def track(self, kind: SeriesKind, symbol: str) -> PriceTrack:
        """Return the track of one series. Raises SimReject(UNKNOWN_SYMBOL)."""
        if kind == "mark":
            perp = self.perp(symbol)
            return perp.mark.track if perp.mark.track is not None else perp.market.track
        return self.market(MarketKind(kind), symbol).track

    def tracks(self) -> Iterator[PriceTrack]:
        """Yield every track of prices."""
        yield from (market.track for market in self.markets())
        yield from (perp.mark.track for perp in self.perps.values() if perp.mark.track is not None)

    def end(self) -> datetime | None:
        """Return the last instant any market's bars cover, None when nothing is listed."""
        return max((market.track.end for market in self.markets()), default=None)


def _by_market(series: Iterable[Series]) -> dict[tuple[str, str], Series]:
    found: dict[tuple[str, str], Series] = {}
    for each in series:
        if (each.kind, each.symbol) in found:
            raise ValueError(f"expected one series for {each.kind} {each.symbol}, was two")
        found[each.kind, each.symbol] = each
    return found


def _track(
    bars: dict[tuple[str, str], Series], kind: str, rule: SymbolRules, now: datetime
) -> PriceTrack | None:
    series = bars.get((kind, rule.symbol))
    return None if series is None else PriceTrack(_until(series, rule), rule.tick_size, now)


def _until(series: Series, rule: SymbolRules) -> Series:
    """Return ``series`` without what a recording of a dated future holds beyond its end."""
    if rule.expiry_at is None:
        return series
    last = rule.expiry_at - series.interval
    return replace(series, candles=tuple(bar for bar in series.candles if bar.open_at <= last))


def _check_rule(rule: SymbolRules) -> None:
    name = f"{rule.kind} {rule.symbol}"
    if rule.expiry_at is not None and rule.kind is MarketKind.SPOT:
        raise ValueError(f"{name}: expected no expiry of a spot market, was {rule.expiry_at}")
    if rule.expiry_at is not None and rule.symbol == rule.pair:
        raise ValueError(f"{name}: expected a day in the name of a future that ends, was none")
    if rule.tick_size <= 0 or rule.lot_size <= 0:
        raise ValueError(f"{name}: expected steps above 0")
    _check_tiers(name, rule)
    smallest = rule.tick_size * rule.lot_size
    if smallest % BOOKED or rule.lot_size % BOOKED:
        raise ValueError(f"{name}: expected tick_size x lot_size on steps of 1e-8, was {smallest}")


def _check_tiers(name: str, rule: SymbolRules) -> None:
    """Refuse a margin table with a hole, one that gets easier with size, and one that lets a position go free."""
    tiers = rule.margin_tiers
    if tiers[0].floor != 0 or tiers[0].max_leverage != rule.max_leverage:
        raise ValueError(
            f"{name}: expected a margin table from 0 with the highest leverage {rule.max_leverage}"
        )
    for below, above in pairwise(tiers):
        if above.floor != below.cap or not below.rate < above.rate:
            raise ValueError(f"{name}: expected a tier from {below.cap} with a higher rate")
        if above.max_leverage > below.max_leverage:
            raise ValueError(f"{name}: expected no higher leverage from {below.cap} on")
    for tier in tiers:
        if not (tier.cap > tier.floor and 0 < tier.rate < 1 and tier.max_leverage >= 1):
            raise ValueError(f"{name}: expected a cap above {tier.floor} and a rate from 0 to 1")
