"""What the portfolio is worth and how it leans: equity, exposure and weights (MEANING 1-5).

A view exists only when everything it needs was read: a missing price or wallet gives :class:`Unvalued`, never a
number that silently lacks a part.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from counterpoise.domain.instrument import (
    STABLE_COINS,
    Instrument,
    InstrumentKind,
    base_of,
    is_spot,
)
from counterpoise.domain.numbers import ONE, ZERO
from counterpoise.domain.policy import ContractChoice, PortfolioPolicy
from counterpoise.domain.snapshot import Account, Quote, Snapshot

#: Venue and unified symbol.
Contract = tuple[str, str]
_EVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """An instrument and the venue that lists it."""

    venue: str
    instrument: Instrument


@dataclass(frozen=True, slots=True, kw_only=True)
class Universe:
    """For each asset of the portfolio: the spot pair it is priced by and the contract it is hedged with.

    ``leaving``: a second contract that still carries something and is on its way out (a roll). ``candidates``: the
    contracts a new hedge may be opened in; one that carries something already has none. ``parting``: what only
    orders of a removed asset still work in; they are taken down and their fills read, nothing else is done there.
    ``peers``: pairs of other stable coins in the quote, for their prices alone.
    """

    spot: Mapping[str, Listing]
    futures: Mapping[str, Listing]
    leaving: Mapping[str, Listing] = field(default_factory=dict)
    candidates: Mapping[str, tuple[Listing, ...]] = field(default_factory=dict)
    parting: tuple[Listing, ...] = ()
    peers: tuple[Listing, ...] = ()

    @property
    def contracts(self) -> tuple[tuple[str, Listing], ...]:
        """(asset, listing) of every contract that is traded now."""
        return (*self.futures.items(), *self.leaving.items())

    @property
    def watched(self) -> tuple[Listing, ...]:
        """Every listing whose prices matter, each once: pairs, contracts, candidates."""
        found = [*self.spot.values(), *(x for _, x in self.contracts)]
        found += [x for listings in self.candidates.values() for x in listings]
        return tuple({(x.venue, x.instrument.symbol): x for x in found}.values())

    def barred(self, asset: str) -> Listing | None:
        """Return whose closed bars indicators of ``asset`` use.

        Its perpetual's, which has the longest past, else its contract's, else its spot pair's.
        """
        perpetuals = [
            x
            for x in self.candidates.get(asset, ())
            if x.instrument.kind is InstrumentKind.PERPETUAL
        ]
        if perpetuals:
            return perpetuals[0]
        return self.futures.get(asset) or self.spot.get(asset)


def universe_of(
    policy: PortfolioPolicy,
    instruments: Mapping[str, Mapping[str, Instrument]],
    carried: Mapping[str, Collection[Contract]] | None = None,
) -> Universe:
    """Find per asset its spot pair and its linear contracts at the first venue (config order) that lists them.

    ``instruments`` is venue -> symbol -> Instrument; ``carried`` is asset -> the contracts that carry own quantity
    or orders. An asset with such a contract has that one or none: while it is not listed nothing is opened
    elsewhere. Two of them are a roll under way, from the one that ends first; more have no place.
    """
    spot: dict[str, Listing] = {}
    listed: dict[str, list[Listing]] = {}
    for venue in policy.venues:
        for instrument in instruments.get(venue, {}).values():
            if instrument.base not in policy.assets or instrument.quote != policy.quote:
                continue
            listing = Listing(venue=venue, instrument=instrument)
            if instrument.kind is InstrumentKind.SPOT:
                spot.setdefault(instrument.base, listing)
            elif not instrument.inverse and instrument.settle == policy.quote:
                listed.setdefault(instrument.base, []).append(listing)
    futures: dict[str, Listing] = {}
    leaving: dict[str, Listing] = {}
    candidates: dict[str, tuple[Listing, ...]] = {}
    for asset, listings in listed.items():
        mine = [c for c in (carried or {}).get(asset) or () if not is_spot(c[1])]
        if mine:
            held = [x for x in listings if (x.venue, x.instrument.symbol) in mine]
            held.sort(key=_last_to_end)
            if len(held) != len(set(mine)) or not (len(held) == 1 or _rolls(held)):
                continue
            futures[asset] = held[-1]
            leaving |= {asset: held[0]} if len(held) == 2 else {}
        # what is carried is rolled at its own venue
        home = futures[asset].venue if asset in futures else None
        near = [x for x in listings if home in {None, x.venue}]
        offered = _offered(policy.execution.contract, near)
        if offered:
            futures.setdefault(asset, offered[0])
            candidates[asset] = offered
    return Universe(
        spot=spot,
        futures=futures,
        leaving=leaving,
        candidates=candidates,
        parting=_parting(policy, instruments, carried or {}),
        peers=_peers(policy, instruments),
    )


def _peers(
    policy: PortfolioPolicy, instruments: Mapping[str, Mapping[str, Instrument]]
) -> tuple[Listing, ...]:
    """Live pairs that tell what other stable coins are worth in the quote, one of each."""
    if policy.quote not in STABLE_COINS:
        return ()
    found: dict[str, Listing] = {}
    for venue in policy.venues:
        listed = instruments.get(venue, {})
        for base in STABLE_COINS:
            pair = listed.get(f"{base}/{policy.quote}")
            if pair is not None and pair.active:
                found.setdefault(base, Listing(venue=venue, instrument=pair))
    return tuple(found[base] for base in sorted(found))


def _parting(
    policy: PortfolioPolicy,
    instruments: Mapping[str, Mapping[str, Instrument]],
    carried: Mapping[str, Collection[Contract]],
) -> tuple[Listing, ...]:
    """Where removed assets still carry something and are listed."""
    gone = sorted(c for asset, mine in carried.items() if asset not in policy.assets for c in mine)
    return tuple(
        Listing(venue=venue, instrument=instruments[venue][symbol])
        for venue, symbol in gone
        if venue in policy.venues and symbol in instruments.get(venue, {})
    )


def _rolls(held: list[Listing]) -> bool:
    """Whether two contracts (sorted by their end) can be a roll: of one venue, out of one that ends."""
    first, *others = held
    return (
        len(others) == 1
        and first.venue == others[0].venue
        and first.instrument.expiry_at is not None
    )


def _offered(choice: ContractChoice, listings: list[Listing]) -> tuple[Listing, ...]:
    """What a hedge may be opened in at the first venue with any of it, perpetuals first, then by expiry."""
    perpetuals = [x for x in listings if x.instrument.kind is InstrumentKind.PERPETUAL]
    dated = [
        x for x in listings if x.instrument.kind is InstrumentKind.FUTURE and x.instrument.active
    ]
    if choice is ContractChoice.PERPETUAL:
        dated = []
    venue = next((x.venue for x in perpetuals or dated), "")
    here = [x for x in (*perpetuals, *dated) if x.venue == venue]
    here.sort(key=lambda x: (x.instrument.kind is not InstrumentKind.PERPETUAL, _last_to_end(x)))
    return tuple(here)


def _last_to_end(listing: Listing) -> tuple[bool, datetime, str]:
    """Sort key: dated futures by expiry, what never ends last."""
    expiry = listing.instrument.expiry_at
    return (expiry is None, expiry or _EVER, listing.instrument.symbol)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetView:
    """One asset: quantities in base units, ``price`` (mark, or spot mid) and ``spot_price`` (mid) in quote."""

    asset: str
    spot_qty: Decimal
    outside_qty: Decimal
    futures_qty: Decimal
    price: Decimal
    spot_price: Decimal
    equity: Decimal

    @property
    def held_qty(self) -> Decimal:
        """Spot and outside holdings: what strategies measure beside their own overlay."""
        return self.spot_qty + self.outside_qty

    @property
    def exposure_qty(self) -> Decimal:
        """Spot + outside + futures, signed."""
        return self.held_qty + self.futures_qty

    @property
    def spot_weight(self) -> Decimal:
        """Held coins as a fraction of equity."""
        return self.weight_of(self.held_qty)

    @property
    def effective_weight(self) -> Decimal:
        """Exposure as a fraction of equity."""
        return self.weight_of(self.exposure_qty)

    def weight_of(self, qty: Decimal) -> Decimal:
        """Return ``qty`` base units as a fraction of equity."""
        return qty * self.price / self.equity

    def qty_of(self, weight: Decimal) -> Decimal:
        """Return the base units that weigh ``weight``."""
        return weight * self.equity / self.price


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioView:
    """A valued portfolio. ``equity`` is in the portfolio's quote, above 0 and not below its floor."""

    portfolio: str
    as_of: datetime
    quote: str
    equity: Decimal
    assets: Mapping[str, AssetView]

    @property
    def effective_quote_weight(self) -> Decimal:
        """1 minus the effective weights of all assets (MEANING 3)."""
        return ONE - sum((a.effective_weight for a in self.assets.values()), ZERO)

    @property
    def spot_quote_weight(self) -> Decimal:
        """1 minus the spot weights of all assets."""
        return ONE - sum((a.spot_weight for a in self.assets.values()), ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unvalued:
    """The portfolio cannot be valued; ``missing`` names each part that was not read."""

    portfolio: str
    as_of: datetime
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Broke:
    """Equity is not above 0, or below the floor: no weights are computed (MEANING 1)."""

    portfolio: str
    as_of: datetime
    equity: Decimal
    floor: Decimal


def view_of(
    snapshot: Snapshot, policy: PortfolioPolicy, universe: Universe
) -> PortfolioView | Unvalued | Broke:
    """Value ``snapshot``: equity = coins at spot mid + quote wallets + unrealised PnL at mark."""
    missing: list[str] = []
    accounts: list[Account] = []
    for venue in policy.venues:
        account = snapshot.venues[venue].account if venue in snapshot.venues else None
        if account is None:
            missing.append(f"account of {venue}")
        else:
            accounts.append(account)
    quotes = {v: s.quotes for v, s in snapshot.venues.items()}
    prices = {a: _prices(a, universe, quotes, missing) for a in policy.assets}
    if missing:
        return Unvalued(portfolio=policy.id, as_of=snapshot.as_of, missing=tuple(missing))
    equity = sum((_wallets(a, policy.quote) for a in accounts), ZERO)
    equity += policy.holdings.get(policy.quote, ZERO)
    held: dict[str, Decimal] = {}
    for asset in policy.assets:
        held[asset] = sum((_wallets(a, asset) for a in accounts), ZERO)
        spot_price = prices[asset][1]
        equity += (held[asset] + policy.holdings.get(asset, ZERO)) * spot_price
    floor = max(policy.limits.min_equity, ZERO)
    if equity <= 0 or equity < floor:
        return Broke(portfolio=policy.id, as_of=snapshot.as_of, equity=equity, floor=floor)
    views = {
        asset: AssetView(
            asset=asset,
            spot_qty=held[asset],
            outside_qty=policy.holdings.get(asset, ZERO),
            futures_qty=_futures(asset, policy, snapshot, accounts),
            price=prices[asset][0],
            spot_price=prices[asset][1],
            equity=equity,
        )
        for asset in policy.assets
    }
    return PortfolioView(
        portfolio=policy.id,
        as_of=snapshot.as_of,
        quote=policy.quote,
        equity=equity,
        assets=views,
    )


def _prices(
    asset: str,
    universe: Universe,
    quotes: Mapping[str, Mapping[str, Quote]],
    missing: list[str],
) -> tuple[Decimal, Decimal]:
    """Return (price for weights, price for equity); names what is missing instead of guessing."""

    def fair(listing: Listing | None, what: str) -> Decimal | None:
        if listing is None:
            return None
        symbol = listing.instrument.symbol
        quote = quotes.get(listing.venue, {}).get(symbol)
        price = quote.fair if quote is not None else None
        if price is None or price <= 0:
            missing.append(f"{what} of {symbol} at {listing.venue}")
            return None
        return price

    spot_listing, future_listing = universe.spot.get(asset), universe.futures.get(asset)
    if spot_listing is None and future_listing is None:
        missing.append(f"any listing of {asset}")
        return ZERO, ZERO
    mark = fair(future_listing, "mark price")
    spot = fair(spot_listing, "bid and ask")
    price = mark if mark is not None else spot
    spot_price = spot if spot_listing is not None else mark
    return price or ZERO, spot_price or ZERO


def _wallets(account: Account, asset: str) -> Decimal:
    """Spot wallet plus futures wallet with its unrealised PnL, in units of ``asset`` (MEANING 1 and 2)."""
    balance = account.spot.get(asset)
    wallet = account.futures.get(asset)
    total = balance.total if balance is not None else ZERO
    if wallet is not None:
        total += wallet.wallet_balance + wallet.unrealized_pnl
    return total


def _futures(
    asset: str, policy: PortfolioPolicy, snapshot: Snapshot, accounts: Iterable[Account]
) -> Decimal:
    """Sum of all futures positions on ``asset`` in base units, whichever contract they are in."""
    bases = {
        symbol: instrument.base
        for venue in policy.venues
        for symbol, instrument in snapshot.venues[venue].instruments.items()
    }
    # a contract that is no longer listed still moves with its coin: then the symbol tells the base
    return sum(
        (
            p.qty
            for account in accounts
            for symbol, p in account.positions.items()
            if bases.get(symbol, base_of(symbol)) == asset
        ),
        ZERO,
    )
