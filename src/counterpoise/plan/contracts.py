"""Which contract a hedge is opened in: a perpetual or a dated future, by what holding it is expected to cost.

The choice is made once, when nothing is carried yet; from then on a hedge stays where it was opened, and a dated
future is rolled before it ends (:mod:`counterpoise.plan.roll`). What is not known (a funding rate, a volume) never
speaks for a contract: then the perpetual is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal

from counterpoise.domain.instrument import Instrument, InstrumentKind
from counterpoise.domain.numbers import ONE, ZERO, dec
from counterpoise.domain.policy import ContractChoice, ExecutionPolicy
from counterpoise.domain.portfolio import Contract, Listing, Universe
from counterpoise.domain.snapshot import Quote, Snapshot

#: Funding is charged this often where a venue does not say.
_FUNDING_INTERVAL = timedelta(hours=8)
#: A dated future must beat the perpetual by this much over the horizon: estimates are no better than that.
MARGIN = dec("0.001")


@dataclass(frozen=True, slots=True, kw_only=True)
class Carry:
    """What holding a contract is expected to bring over the horizon, as fractions of notional (received > 0)."""

    funding: Decimal
    basis: Decimal
    fees: Decimal

    @property
    def net(self) -> Decimal:
        """All together."""
        return self.funding + self.basis - self.fees


def carry_of(
    instrument: Instrument,
    quote: Quote,
    spot_price: Decimal,
    side: int,
    execution: ExecutionPolicy,
    now: datetime,
) -> Carry | None:
    """Return the expected carry of holding ``side`` (+1 long, -1 short) of ``instrument`` over the horizon.

    A perpetual is paid its present funding rate at every interval. A dated future moves from its present basis to
    zero at its expiry, evenly; beyond it, the same yearly basis is taken for the ones it is rolled into. Each
    opening, closing and roll costs ``execution.fee`` a trade. Linear and inverse alike: these are fractions.
    None when a figure it rests on is not known.
    """
    mark = quote.mark if quote.mark is not None else quote.mid
    if mark is None or mark <= 0 or spot_price <= 0:
        return None
    trades = 2
    if instrument.kind is InstrumentKind.PERPETUAL:
        if quote.funding_rate is None:
            return None
        every = quote.funding_interval or _FUNDING_INTERVAL
        # rate > 0: longs pay shorts
        funding = -side * quote.funding_rate * _ratio(execution.horizon, every)
        return Carry(funding=funding, basis=ZERO, fees=trades * execution.fee)
    if instrument.expiry_at is None or instrument.expiry_at <= now:
        return None
    left = instrument.expiry_at - now
    basis = mark / spot_price - ONE
    earned = -side * basis * _ratio(execution.horizon, left)
    rolls = int((_ratio(execution.horizon, left)).to_integral_value(ROUND_CEILING)) - 1
    return Carry(funding=ZERO, basis=earned, fees=(trades + 2 * rolls) * execution.fee)


def chosen(
    universe: Universe,
    wanted: Mapping[str, Decimal],
    bound: Iterable[Contract],
    snapshot: Snapshot,
    execution: ExecutionPolicy,
) -> Universe:
    """Return ``universe`` with the contract each asset is hedged with.

    ``wanted`` is asset -> signed quantity; ``bound`` are contracts that carry something of ours or have a target:
    an asset with one stays there, but for a dated future near its end, which becomes ``leaving``.
    """
    kept = set(bound)
    futures, leaving = dict(universe.futures), dict(universe.leaving)
    for asset, listings in universe.candidates.items():
        at_home = [x for x in listings if (x.venue, x.instrument.symbol) in kept]
        current = universe.futures.get(asset)
        if asset in leaving or current is None:
            continue
        if not at_home and (current.venue, current.instrument.symbol) in kept:
            # at another venue than the one new hedges are opened at now
            at_home = [current]
        if at_home:
            current = at_home[-1] if current not in at_home else current
            futures[asset] = current
            if ends_soon(current.instrument, execution, snapshot.as_of):
                others = [x for x in listings if x != current and x.venue == current.venue]
                successor = _best(universe, asset, others, wanted, snapshot, execution)
                if successor is not None:
                    futures[asset], leaving[asset] = successor, current
            continue
        best = _best(universe, asset, listings, wanted, snapshot, execution)
        if best is not None:
            futures[asset] = best
        elif current.instrument.kind is not InstrumentKind.PERPETUAL:
            del futures[asset]  # a dated future that nobody trades, or that ends at once, is none
    return replace(universe, futures=futures, leaving=leaving)


def ends_soon(instrument: Instrument, execution: ExecutionPolicy, now: datetime) -> bool:
    """Whether it is time to roll ``instrument``."""
    return instrument.expiry_at is not None and instrument.expiry_at - now <= execution.roll_before


def _best(
    universe: Universe,
    asset: str,
    listings: Iterable[Listing],
    wanted: Mapping[str, Decimal],
    snapshot: Snapshot,
    execution: ExecutionPolicy,
) -> Listing | None:
    """The best of those that may be opened; the perpetual unless a dated future beats it clearly."""
    now = snapshot.as_of
    side = 1 if wanted.get(asset, ZERO) > 0 else -1
    spot = universe.spot.get(asset)
    perpetual: Listing | None = None
    ranked: list[tuple[Decimal, Listing]] = []
    for listing in listings:
        instrument = listing.instrument
        quote = snapshot.venues[listing.venue].quotes.get(instrument.symbol)
        if instrument.kind is InstrumentKind.PERPETUAL:
            perpetual = perpetual or listing
        if quote is None or not instrument.active or not _liquid(instrument, quote, execution):
            continue
        if ends_soon(instrument, execution, now):
            continue  # it would be rolled as soon as it was opened
        price = _spot_price(snapshot, spot) or (quote.mark if quote.mark is not None else None)
        carry = carry_of(instrument, quote, price or ZERO, side, execution, now)
        if carry is not None:
            ranked.append((carry.net, listing))
    dated = [r for r in ranked if r[1].instrument.kind is InstrumentKind.FUTURE]
    first = max(dated, key=lambda r: r[0], default=None)
    if first is None:
        return perpetual
    ours = next((net for net, x in ranked if x == perpetual), None)
    if execution.contract is ContractChoice.DATED or perpetual is None:
        return first[1]
    return first[1] if ours is not None and first[0] > ours + MARGIN else perpetual


def _liquid(instrument: Instrument, quote: Quote, execution: ExecutionPolicy) -> bool:
    """A dated future must show enough trade and a book no wider than what crossing may cost."""
    if instrument.kind is InstrumentKind.PERPETUAL:
        return True
    if quote.volume_24h is None or quote.volume_24h < execution.min_volume_24h:
        return False
    if quote.bid is None or quote.ask is None or quote.bid <= 0:
        return False
    return quote.ask / quote.bid - ONE <= execution.max_slippage


def _spot_price(snapshot: Snapshot, spot: Listing | None) -> Decimal | None:
    if spot is None:
        return None
    quote = snapshot.venues[spot.venue].quotes.get(spot.instrument.symbol)
    return quote.fair if quote is not None else None


def _ratio(span: timedelta, unit: timedelta) -> Decimal:
    return dec(span // timedelta(seconds=1)) / dec(max(unit // timedelta(seconds=1), 1))
