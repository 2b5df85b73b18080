"""The basis guard: nothing is added to a contract that stands absurdly far from its coin, for a while.

Basis is contract / coin - 1. It is absurd beyond a level, or where closed bars say that it is far from its usual. An
asset whose contract is absurd adds no futures for ``delay``; then adding goes on, and people are told. Letting go
never waits. A price that is not known changes nothing. Pure; what it remembers is a document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, localcontext

from counterpoise.domain.bars import Bar, closed_tail
from counterpoise.domain.carrying import (
    BASIS,
    Apart,
    BasisCheck,
    BasisState,
    BasisVerdict,
    Wait,
)
from counterpoise.domain.guard_documents import kept, remembered
from counterpoise.domain.indicators import STATISTICS
from counterpoise.domain.instrument import InstrumentKind
from counterpoise.domain.numbers import ONE, ZERO, dec, quantize, text
from counterpoise.domain.policy import BasisPolicy, PortfolioPolicy
from counterpoise.domain.portfolio import Contract, Listing, Universe
from counterpoise.domain.reasons import Reason, reason, shown_percent
from counterpoise.domain.records import GuardRecord, Recorded
from counterpoise.domain.snapshot import Quote, Snapshot

#: What is absurd stays so down to this part of its limits.
LEAVE = dec("0.8")
#: A dated future may stand this much further off its coin for every year to its end: so much was paid in bull markets.
YEARLY = dec("0.5")
#: However quiet a market was, a basis this near to its usual is not absurd.
MATERIAL = dec("0.002")
_YEAR = timedelta(days=365)
_CENT = dec("0.01")


def basis_state(recorded: Recorded) -> BasisState:
    """Return what the guard remembers. Raises ValueError for a document of another shape."""
    return remembered(BasisState, recorded, BASIS)


def basis_record(state: BasisState) -> GuardRecord:
    """Return ``state`` as it is kept."""
    return kept(BASIS, state)


def guard_basis(
    snapshot: Snapshot, recorded: Recorded, policy: PortfolioPolicy, universe: Universe
) -> BasisVerdict:
    """Return which contracts stand absurdly far from their coins now, and what waits for that to pass."""
    if policy.basis is None:
        return BasisVerdict()
    standing = basis_state(recorded).contracts
    now, delay = snapshot.as_of, policy.basis.delay
    checks: list[BasisCheck] = []
    waits: dict[str, Wait] = {}
    for asset, listing in _watched(universe):
        if asset not in universe.spot:
            continue
        before = standing.get(f"{listing.venue}/{listing.instrument.symbol}")
        check = _checked(_reading(asset, listing, universe, snapshot, policy), before, policy.basis)
        checks.append(check)
        if universe.futures.get(asset) != listing or check.since is None or check.why is None:
            continue
        until = check.since + delay
        if now < until:
            waits[asset] = Wait(until=until, why=check.why)
    kept = {c.key: Apart(since=c.since) for c in checks if c.since is not None}
    return BasisVerdict(
        state=BasisState(contracts=kept),
        checks=tuple(checks),
        waits=waits,
        apart=frozenset((c.venue, c.symbol) for c in checks if c.since is not None),
        wake_at=min((w.until for w in waits.values()), default=None),
    )


def without_apart(universe: Universe, verdict: BasisVerdict, bound: set[Contract]) -> Universe:
    """Return ``universe`` without dated futures that are absurd and carry nothing: an odd basis looks like income."""
    candidates = {
        asset: tuple(
            x
            for x in listings
            if x.instrument.kind is InstrumentKind.PERPETUAL
            or (c := (x.venue, x.instrument.symbol)) in bound
            or c not in verdict.apart
        )
        for asset, listings in universe.candidates.items()
    }
    return Universe(
        spot=universe.spot,
        futures=universe.futures,
        leaving=universe.leaving,
        candidates=candidates,
        parting=universe.parting,
    )


def _watched(universe: Universe) -> list[tuple[str, Listing]]:
    """(asset, contract) of everything that futures are or may be held in, each once."""
    found = [*universe.contracts]
    found += [(a, x) for a, listings in universe.candidates.items() for x in listings]
    return list({(x.venue, x.instrument.symbol): (a, x) for a, x in found}.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """A contract's basis now and its limit, and the mean and deviation of the bases of its window."""

    asset: str
    listing: Listing
    basis: Decimal | None
    most: Decimal
    usual: tuple[Decimal, Decimal] | None
    traded: bool
    now: datetime


def _reading(
    asset: str, listing: Listing, universe: Universe, snapshot: Snapshot, policy: PortfolioPolicy
) -> _Reading:
    rules = policy.basis or BasisPolicy()
    now, instrument, spot = snapshot.as_of, listing.instrument, universe.spot[asset]
    contract, coin = (_price(x, snapshot, policy) for x in (listing, spot))
    most, usual = rules.max_basis, None
    if instrument.expiry_at is not None:
        most += YEARLY * _ratio(max(instrument.expiry_at - now, timedelta(0)), _YEAR)
    elif rules.max_zscore is not None:
        usual = _usual(listing, spot, snapshot, rules)
    return _Reading(
        asset=asset,
        listing=listing,
        basis=contract / coin - ONE if contract is not None and coin is not None else None,
        most=most,
        usual=usual,
        traded=listing in (universe.futures.get(asset), universe.leaving.get(asset)),
        now=now,
    )


def _price(listing: Listing, snapshot: Snapshot, policy: PortfolioPolicy) -> Decimal | None:
    quote: Quote | None = snapshot.venues[listing.venue].quotes.get(listing.instrument.symbol)
    if quote is None or snapshot.as_of - quote.as_of > policy.freshness.max_quote_age:
        return None
    return quote.fair if quote.fair is not None and quote.fair > 0 else None


def _usual(
    listing: Listing, spot: Listing, snapshot: Snapshot, rules: BasisPolicy
) -> tuple[Decimal, Decimal] | None:
    """Mean and standard deviation of the basis over the window's closed bars; None: too few of either market."""
    futures, coins = (_tail(x, snapshot, rules) for x in (listing, spot))
    if futures is None or coins is None:
        return None
    if [b.open_at for b in futures] != [b.open_at for b in coins]:
        return None
    with localcontext(STATISTICS):
        found = [f.close / c.close - ONE for f, c in zip(futures, coins, strict=True)]
        mean = sum(found, ZERO) / len(found)
        variance = sum(((x - mean) ** 2 for x in found), ZERO) / (len(found) - 1)
        return mean, variance.sqrt()


def _tail(listing: Listing, snapshot: Snapshot, rules: BasisPolicy) -> Sequence[Bar] | None:
    bars = snapshot.venues[listing.venue].bars.get((listing.instrument.symbol, rules.interval), ())
    return closed_tail(bars, rules.interval, snapshot.as_of, rules.bars)


def _checked(reading: _Reading, before: Apart | None, rules: BasisPolicy) -> BasisCheck:
    symbol = reading.listing.instrument.symbol
    basis, zscore = reading.basis, None
    leave = ONE if before is None else LEAVE
    why: Reason | None = None
    if basis is None and before is not None:
        why = reason("basis_unknown", symbol=symbol)  # nothing says that it has passed
    if basis is not None and reading.usual is not None:
        mean, deviation = reading.usual
        zscore = (basis - mean) / deviation if deviation else None
        off = abs(basis - mean) > MATERIAL * leave
        far = zscore is None or abs(zscore) > (rules.max_zscore or ZERO) * leave
        if off and far:
            shown = "countless" if zscore is None else text(quantize(zscore, dec("0.1")))
            why = reason(
                "basis_unusual",
                symbol=symbol,
                basis=shown_percent(basis),
                zscore=shown,
                usual=shown_percent(mean),
            )
    if basis is not None and abs(basis) > reading.most * leave:
        most = shown_percent(reading.most * leave)
        why = reason("basis_level", symbol=symbol, basis=shown_percent(basis), most=most)
    since = (before.since if before is not None else reading.now) if why is not None else None
    return BasisCheck(
        asset=reading.asset,
        venue=reading.listing.venue,
        symbol=symbol,
        basis=basis,
        zscore=zscore,
        traded=reading.traded,
        since=since,
        until=since + rules.delay if since is not None else None,
        why=why,
    )


def _ratio(span: timedelta, unit: timedelta) -> Decimal:
    second = timedelta(seconds=1)
    return dec(span // second) / dec(unit // second)
