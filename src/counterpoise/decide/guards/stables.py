"""Stable coins off their peers (MEANING 4): none is bought, and nothing is converted into or out of the quote.

A coin is measured by live pairs in the quote. Where most of them are off, it is the quote that is off; where there is
one pair, nobody can tell which of the two it is, and both are. The margin guard goes on: what protects a position is
paid in whatever its collateral is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType

from counterpoise.domain.doubting import Peg
from counterpoise.domain.instrument import base_of, is_spot
from counterpoise.domain.numbers import ONE
from counterpoise.domain.order import Order, Side
from counterpoise.domain.plan import Cancel, Refused
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import Universe
from counterpoise.domain.reasons import Reason, reason, shown_percent
from counterpoise.domain.snapshot import Snapshot

#: A coin is off its peers, or with them again, when so many looks in a row say so.
LOOKS = 3
#: What a first process remembers.
NO_PEGS: Mapping[str, Peg] = MappingProxyType({})


class StableWatch:
    """What is known of the stable coins of one portfolio; ``pegs`` is what an earlier one remembered."""

    def __init__(self, policy: PortfolioPolicy, pegs: Mapping[str, Peg] = NO_PEGS) -> None:
        self._policy = policy
        self._rows = dict(pegs)

    def look(self, snapshot: Snapshot, universe: Universe) -> Mapping[str, Reason]:
        """Return asset -> why it is off its peers. To be asked once per look; a look without prices says nothing."""
        worth = self._worth(snapshot, universe)
        off = self._off(worth)
        for asset in {*worth, *([self._policy.quote] if worth else [])}:
            known = self._rows.get(asset) or Peg(at=snapshot.as_of - snapshot.as_of.resolution)
            if snapshot.as_of <= known.at:
                continue
            against = (off.get(asset) is not None) is not (known.why is not None)
            looks = known.looks + 1 if against else 0
            why = known.why if looks < LOOKS else off.get(asset)
            self._rows[asset] = Peg(looks=looks % LOOKS, at=snapshot.as_of, why=why)
        return {asset: row.why for asset, row in self._rows.items() if row.why is not None}

    def memory(self) -> Mapping[str, Peg]:
        """Return what is remembered: coins that are off, and those that some looks say are."""
        return {a: row for a, row in self._rows.items() if row.looks > 0 or row.why is not None}

    def _worth(self, snapshot: Snapshot, universe: Universe) -> dict[str, Decimal]:
        """What each peer is worth in the quote, by its live pair; an old or missing price says nothing."""
        found: dict[str, Decimal] = {}
        for listing in universe.peers:
            seen = snapshot.venues.get(listing.venue)
            quote = seen.quotes.get(listing.instrument.symbol) if seen is not None else None
            if quote is None or quote.mid is None or quote.mid <= 0:
                continue
            if abs(snapshot.as_of - quote.as_of) <= self._policy.freshness.max_quote_age:
                found[listing.instrument.base] = quote.mid
        return found

    def _off(self, worth: Mapping[str, Decimal]) -> dict[str, Reason]:
        most, quote = self._policy.plausibility.max_depeg, self._policy.quote
        apart = {a: abs(p - ONE) for a, p in worth.items() if abs(p - ONE) > most}
        found = {asset: _reason(asset, distance, quote, most) for asset, distance in apart.items()}
        if apart and 2 * len(apart) > len(worth):
            nearest = min(apart.values())
            found[quote] = _reason(quote, nearest, ", ".join(sorted(apart)), most)
        if len(apart) > 1 and quote in found:
            return {quote: found[quote]}
        return found


def sifted(
    orders: Iterable[Order], off: Mapping[str, Reason], quote: str
) -> tuple[tuple[Order, ...], tuple[Refused, ...]]:
    """Return the orders that may go on to the limits, and those that a coin off its peers stops."""
    kept: list[Order] = []
    refused: list[Refused] = []
    for order in orders:
        why = _stopped(order, off, quote)
        if why is None:
            kept.append(order)
        else:
            refused.append(Refused(order=order, guard="plausibility", reason=why))
    return tuple(kept), tuple(refused)


def withdrawn(orders: Iterable[Order], off: Mapping[str, Reason], quote: str) -> tuple[Cancel, ...]:
    """Return the cancels of working orders that a coin off its peers stops."""
    return tuple(
        Cancel(order=order, why="a stable coin is off its peers")
        for order in orders
        if not order.state.is_final
        and not order.state.is_unproven
        and _stopped(order, off, quote) is not None
    )


def _stopped(order: Order, off: Mapping[str, Reason], quote: str) -> Reason | None:
    if order.guard is not None or order.reduce_only:
        return None
    if is_spot(order.symbol) and quote in off:
        return off[quote]
    return off.get(base_of(order.symbol)) if order.side is Side.BUY else None


def _reason(asset: str, distance: Decimal, peers: str, most: Decimal) -> Reason:
    return reason(
        "off_peg",
        asset=asset,
        distance=shown_percent(distance),
        peers=peers,
        most=shown_percent(most),
    )
