"""Plausibility: what a look shows and nobody should act on, put together from prices, stable coins and positions.

The margin guard goes on whatever is doubted, by its own account: where the price of a contract is doubted it goes by
the mark that came with the position.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from counterpoise.decide.guards.prices import PriceVerdict, PriceWatch
from counterpoise.decide.guards.stables import StableWatch
from counterpoise.domain.doubting import PLAUSIBILITY, PlausibilityState
from counterpoise.domain.guard_documents import kept, remembered
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import Universe
from counterpoise.domain.reasons import Reason
from counterpoise.domain.records import GuardRecord, Recorded
from counterpoise.domain.snapshot import Account, Quote, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Plausibility:
    """What is not believed in a look. ``off_peg``: stable coin -> why none of it is bought.

    ``state`` is what is to be remembered of the look.
    """

    prices: PriceVerdict = field(default_factory=PriceVerdict)
    off_peg: Mapping[str, Reason] = field(default_factory=dict)
    state: PlausibilityState = field(default_factory=PlausibilityState)


#: Everything is believed.
PLAUSIBLE = Plausibility()


class PlausibilityWatch:
    """Doubts of one portfolio about what its venues show. A new one goes on where the records end."""

    def __init__(self, policy: PortfolioPolicy) -> None:
        self._policy = policy
        self._watches: tuple[PriceWatch, StableWatch] | None = None

    def look(self, snapshot: Snapshot, universe: Universe, recorded: Recorded) -> Plausibility:
        """Return what is not believed in this look. To be asked once per look.

        Raises ValueError for a document of another shape.
        """
        if self._watches is None:
            known = remembered(PlausibilityState, recorded, PLAUSIBILITY)
            prices = PriceWatch(self._policy, known.prices)
            self._watches = (prices, StableWatch(self._policy, known.pegs))
        prices, stables = self._watches
        doubted, off_peg = prices.look(snapshot, universe), stables.look(snapshot, universe)
        state = PlausibilityState(prices=prices.memory(snapshot.as_of), pegs=stables.memory())
        return Plausibility(prices=doubted, off_peg=off_peg, state=state)


def plausibility_record(doubted: Plausibility) -> GuardRecord:
    """Return what a look leaves to remember as it is kept."""
    return kept(PLAUSIBILITY, doubted.state)


def as_positions_say(snapshot: Snapshot, doubted: Plausibility) -> Snapshot:
    """Return ``snapshot`` with doubted prices replaced by the mark of the account's own position, or by nothing."""
    if not doubted.prices.doubted:
        return snapshot
    venues = {}
    for name, seen in snapshot.venues.items():
        quotes = {
            symbol: _own(quote, seen.account) if (name, symbol) in doubted.prices.doubted else quote
            for symbol, quote in seen.quotes.items()
        }
        venues[name] = replace(seen, quotes=quotes)
    return replace(snapshot, venues=venues)


def _own(quote: Quote, account: Account | None) -> Quote:
    held = account.positions.get(quote.symbol) if account is not None else None
    mark = held.mark_price if held is not None else None
    return replace(quote, bid=None, ask=None, last=None, index=None, mark=mark)
