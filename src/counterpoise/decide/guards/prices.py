"""Prices that are not believed: those that disagree, those that jumped, those that stand still while others move.

What feeds the portfolio's value holds the whole look; another contract (one a hedge might be opened in) is left alone
until its prices are good again. What was seen is kept with the records (``domain/doubting``): a new process goes on
where the last one was, and believes a jump no earlier than it would have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.doubting import (
    Apart,
    GoodPrice,
    Jump,
    Moved,
    PriceMemory,
    Standing,
    contract_of,
    good_prices,
    written,
)
from counterpoise.domain.instants import shown_at
from counterpoise.domain.instrument import STABLE_COINS, InstrumentKind, base_of, expiry_of
from counterpoise.domain.numbers import ONE, ZERO, dec, text
from counterpoise.domain.policy import PlausibilityPolicy, PortfolioPolicy
from counterpoise.domain.portfolio import Contract, Listing, Universe
from counterpoise.domain.reasons import Reason, reason, shown_percent
from counterpoise.domain.snapshot import Quote, Snapshot

#: What a first process remembers.
NOTHING_SEEN = PriceMemory()
#: No basis of a perpetual is this wide: beyond it one of the two prices is wrong, whatever the basis guard says.
BASIS = dec("0.15")
#: Prices that disagreed are believed again when they agree in so many looks.
AGREEING = 2
#: A jump is believed when so many further looks agree with it.
CONFIRMING = 2
#: So often, and by so much, another price must have moved while one stood still: a market that jumps once says
#: nothing of others, and in a calm one a price may rest.
MOVES = 10
MOVED = dec("0.005")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceVerdict:
    """``doubts``: why nothing may be decided; ``shut``: why nothing may be sent, by contract.

    ``doubted``: instruments whose prices nothing may rest on, not even a guard.
    """

    doubts: tuple[Reason, ...] = ()
    shut: Mapping[Contract, Reason] = field(default_factory=dict)
    doubted: frozenset[Contract] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Still:
    """What a quote showed since when; ``stamp`` is the instant it claimed then. ``moves``: how often it changed."""

    shown: tuple[Decimal | None, ...]
    price: Decimal | None
    since: datetime
    stamp: datetime
    moves: int = 0
    #: How often the others of the venue had changed by then, and where they stood. Dated futures move with time alone.
    others: Mapping[Contract, tuple[int, Decimal | None]] = field(default_factory=dict)


class PriceWatch:
    """Doubts about the prices of one portfolio; ``memory`` is what an earlier one remembered."""

    def __init__(self, policy: PortfolioPolicy, memory: PriceMemory = NOTHING_SEEN) -> None:
        self._policy: PlausibilityPolicy = policy.plausibility
        self._quote = policy.quote
        self._apart = dict(memory.apart)
        self._good = good_prices(memory)
        self._jumps = {contract_of(name): jump for name, jump in memory.jumps.items()}
        #: What the last look of an earlier process saw.
        self._was = self._good | {
            c: GoodPrice(price=jump.price, at=jump.at) for c, jump in self._jumps.items()
        }
        self._still = {contract_of(name): _as_seen(s) for name, s in memory.standing.items()}

    def look(self, snapshot: Snapshot, universe: Universe) -> PriceVerdict:
        """Return what this look's prices are worth. To be asked once per look."""
        self._forget(universe)
        quotes = {
            _contract(x): quote
            for x in universe.watched
            if (seen := snapshot.venues.get(x.venue)) is not None
            and (quote := seen.quotes.get(x.instrument.symbol)) is not None
        }
        feeding = {
            _contract(x) for x in (*universe.spot.values(), *(x for _, x in universe.contracts))
        }
        found: dict[Contract, Reason] = {}
        for asset, group in _groups(universe).items():
            found |= self._disagreeing(asset, group, quotes, snapshot.as_of)
        for contract, quote in quotes.items():
            jumped = self._jumped(contract, quote, snapshot.as_of)
            if jumped is not None:
                found.setdefault(contract, jumped)
        stuck = self._stuck(quotes, snapshot.as_of)
        still = {_base(c, universe): why for c, why in stuck.items()}
        shut = {c: why for c, why in found.items() if c not in feeding}
        shut |= {
            _contract(x): still[x.instrument.base]
            for x in universe.watched
            if x.instrument.base in still
        }
        return PriceVerdict(
            doubts=_once(why for c, why in found.items() if c in feeding),
            shut=shut,
            doubted=frozenset((*found, *stuck)),
        )

    def memory(self, now: datetime) -> PriceMemory:
        """Return what is remembered after the look at ``now``; what changed in it stands still no more."""
        return PriceMemory(
            good={written(c): good.price for c, good in self._good.items()},
            good_at=now,
            older={written(c): good.at for c, good in self._good.items() if good.at != now},
            jumps={written(c): jump for c, jump in self._jumps.items()},
            apart=dict(self._apart),
            standing={
                written(c): self._as_kept(seen)
                for c, seen in self._still.items()
                if seen.since < now and base_of(c[1]) not in STABLE_COINS
            },
        )

    def _as_kept(self, seen: _Still) -> Standing:
        bid, ask, last, mark = seen.shown
        moves = {
            written(c): Moved(moves=min(self._still[c].moves - moves, MOVES), price=price)
            for c, (moves, price) in seen.others.items()
            if c in self._still
        }
        return Standing(
            since=seen.since,
            stamp=seen.stamp,
            price=seen.price,
            bid=bid,
            ask=ask,
            last=last,
            mark=mark,
            others=moves,
        )

    def _forget(self, universe: Universe) -> None:
        """Let go what is watched no more."""
        watched = {_contract(x) for x in universe.watched}
        for kept in (self._good, self._jumps, self._still):
            for contract in [c for c in kept if c not in watched]:
                del kept[contract]
        compared = {_compared(group) for group in _groups(universe).values()}
        self._apart = {k: known for k, known in self._apart.items() if k in compared}

    def _disagreeing(
        self,
        asset: str,
        group: tuple[Listing, ...],
        quotes: Mapping[Contract, Quote],
        now: datetime,
    ) -> dict[Contract, Reason]:
        """The instruments of an asset whose prices lie too far apart, or have not agreed for long enough since."""
        sets = list(_comparable(group, quotes, self._policy.max_disagreement))
        key = _compared(group)
        known = self._apart.get(key)
        torn = next((x for x in sets if _distance(x[0]) > x[1]), None)
        if torn is not None:
            shown, most = torn
            why = reason(
                "price_apart",
                asset=asset,
                distance=shown_percent(_distance(shown)),
                most=shown_percent(most),
                prices=", ".join(f"{name} {text(price)}" for name, price in shown.items()),
                looks=AGREEING,
            )
            self._apart[key] = Apart(at=now, why=why)
        elif known is not None and sets and now > known.at:
            agreed = known.looks + 1
            if agreed >= AGREEING:
                del self._apart[key]
            else:
                self._apart[key] = replace(known, at=now, looks=agreed)
        standing = self._apart.get(key)
        return {} if standing is None else {_contract(x): standing.why for x in group}

    def _jumped(self, contract: Contract, quote: Quote, now: datetime) -> Reason | None:
        """Why the price of ``contract`` is not believed yet, because it came out of nowhere."""
        price, most = quote.fair, self._policy.max_jump
        jump = self._jumps.get(contract)
        if price is None or price <= 0:
            return None if jump is None else _jump_reason(contract, jump, most)
        before = jump.before if jump is not None else self._good.get(contract)
        old = before is None or (jump is None and now - before.at > self._policy.jump_window)
        if before is None or old or abs(price / before.price - ONE) <= most:
            self._jumps.pop(contract, None)
            self._good[contract] = GoodPrice(price=price, at=now)
            return None
        if jump is None or abs(price / jump.price - ONE) > self._policy.max_disagreement:
            jump = Jump(before=before, price=price, at=now)
        elif now > jump.at:
            jump = replace(jump, price=price, at=now, looks=jump.looks + 1)
        if jump.looks >= CONFIRMING:
            self._jumps.pop(contract, None)
            self._good[contract] = GoodPrice(price=price, at=now)
            return None
        self._jumps[contract] = jump
        return _jump_reason(contract, jump, most)

    def _stuck(self, quotes: Mapping[Contract, Quote], now: datetime) -> dict[Contract, Reason]:
        """Quotes that do not change and claim to be new, while the market around them moves."""
        changed: list[Contract] = []
        for contract, quote in quotes.items():
            shown = (quote.bid, quote.ask, quote.last, quote.mark)
            known = self._still.get(contract)
            was = self._was.get(contract)
            if known is None and was is not None and was.price == quote.fair:
                self._still[contract] = self._standing_since(was, contract, quote, shown)
            elif known is None or known.shown != shown:
                changed.append(contract)
                self._still[contract] = _Still(
                    shown=shown,
                    price=quote.fair,
                    since=now,
                    stamp=quote.as_of,
                    # what is not as an earlier process saw it has changed
                    moves=known.moves + 1 if known is not None else int(was is not None),
                )
        market = {c: (s.moves, s.price) for c, s in self._still.items() if expiry_of(c[1]) is None}
        for contract in changed:
            others = {c: stood for c, stood in market.items() if c[0] == contract[0]}
            self._still[contract] = replace(self._still[contract], others=others)
        return {
            contract: reason(
                "price_stuck",
                symbol=contract[1],
                price=text(quote.fair),
                since=shown_at(self._still[contract].since),
                venue=contract[0],
            )
            for contract, quote in quotes.items()
            # a coin that means to be worth one may well stand still
            if base_of(contract[1]) not in STABLE_COINS
            and quote.fair is not None
            and self._stands_still(contract, quote, now)
        }

    def _standing_since(
        self, was: GoodPrice, contract: Contract, quote: Quote, shown: tuple[Decimal | None, ...]
    ) -> _Still:
        """A quote that is as the last look of an earlier process left it."""
        others = {
            c: (0, good.price)
            for c, good in self._was.items()
            if c[0] == contract[0] and expiry_of(c[1]) is None
        }
        return _Still(shown=shown, price=quote.fair, since=was.at, stamp=quote.as_of, others=others)

    def _stands_still(self, contract: Contract, quote: Quote, now: datetime) -> bool:
        known, after = self._still[contract], self._policy.stuck_after
        if min(now - known.since, quote.as_of - known.stamp) < after:
            return False
        for other, (moves, price) in known.others.items():
            seen = self._still.get(other)
            if (
                seen is None  # not shown since the restart
                or other == contract
                or price is None
                or seen.price is None
                or now - seen.since >= after
            ):
                continue
            if seen.moves - moves >= MOVES and abs(seen.price / price - ONE) >= MOVED:
                return True
        return False


def _contract(listing: Listing) -> Contract:
    return (listing.venue, listing.instrument.symbol)


def _compared(group: Iterable[Listing]) -> str:
    return " ".join(written(_contract(x)) for x in group)


def _as_seen(kept: Standing) -> _Still:
    """What an earlier process saw; counts of moves begin anew, so those it counted lie before them."""
    return _Still(
        shown=(kept.bid, kept.ask, kept.last, kept.mark),
        price=kept.price,
        since=kept.since,
        stamp=kept.stamp,
        others={contract_of(c): (-moved.moves, moved.price) for c, moved in kept.others.items()},
    )


def _base(contract: Contract, universe: Universe) -> str | None:
    return next((x.instrument.base for x in universe.watched if _contract(x) == contract), None)


def _groups(universe: Universe) -> dict[str, tuple[Listing, ...]]:
    """What is compared with each other: an asset's pair and perpetuals; a dated future only with itself.

    Its price may rightly be far from the coin's.
    """
    groups: dict[str, tuple[Listing, ...]] = {}
    for listing in universe.watched:
        dated = listing.instrument.kind is InstrumentKind.FUTURE
        name = listing.instrument.symbol if dated else listing.instrument.base
        groups[name] = (*groups.get(name, ()), listing)
    return groups


def _comparable(
    group: Iterable[Listing], quotes: Mapping[Contract, Quote], most: Decimal
) -> Iterator[tuple[dict[str, Decimal], Decimal]]:
    """What must agree, and how well: a contract's own prices, those of the coin, and both with each other.

    Between a contract and its coin lies the basis, which the basis guard minds: only what no market shows is bad data.
    """
    coin: dict[str, Decimal] = {}
    every: dict[str, Decimal] = {}
    for listing in group:
        quote = quotes.get(_contract(listing))
        if quote is None:
            continue
        symbol, kind = listing.instrument.symbol, listing.instrument.kind
        own = {f"mark of {symbol}": quote.mark, f"bid and ask of {symbol}": quote.mid}
        if kind is InstrumentKind.SPOT:
            coin |= _known(own)
        else:
            mine = _known({**own, f"last of {symbol}": quote.last})
            yield mine, most
            every |= mine
        if kind is InstrumentKind.PERPETUAL:
            coin |= _known({f"index of {symbol}": quote.index})
    if coin:
        yield coin, most
    if every or coin:
        yield {**every, **coin}, max(most, BASIS)


def _known(prices: Mapping[str, Decimal | None]) -> dict[str, Decimal]:
    return {name: price for name, price in prices.items() if price is not None and price > 0}


def _distance(prices: Mapping[str, Decimal]) -> Decimal:
    return max(prices.values()) / min(prices.values()) - ONE if prices else ZERO


def _jump_reason(contract: Contract, jump: Jump, most: Decimal) -> Reason:
    return reason(
        "price_jumped",
        symbol=contract[1],
        before=text(jump.before.price),
        price=text(jump.price),
        age=f"{int((jump.at - jump.before.at).total_seconds())} s",
        most=shown_percent(most),
        looks=CONFIRMING,
    )


def _once(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Each reason once: the instruments of an asset share theirs."""
    return tuple({why.text: why for why in reasons}.values())
