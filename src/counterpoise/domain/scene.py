"""What a strategy sees: everything one decision may depend on, and nothing else.

A decision is a function of the scene and the strategy's remembered state. All quantities are base units, prices
and money are in the portfolio's quote.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.bars import Bar, closed_tail
from counterpoise.domain.carrying import NO_BRAKES, Brakes
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.operator import Ask
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import PortfolioView, Universe
from counterpoise.domain.relation import Relation
from counterpoise.domain.snapshot import Quote
from counterpoise.domain.strategy.conditions import PriceSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the hedge book says a strategy really has of an asset.

    ``futures``: signed position attributed to it; ``entry_price``: its average (None when flat). ``coins``: what it
    has traded in coins so far, net of fees in the coin. ``pending``: the futures it wanted when the last cycle ended
    and did not have at this look, signed. ``earned``: realised price PnL + funding - fees of its present or last
    position, in quote.
    """

    futures: Decimal = ZERO
    entry_price: Decimal | None = None
    coins: Decimal = ZERO
    pending: Decimal = ZERO
    earned: Decimal = ZERO


_NOTHING = Held()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One cycle as strategies see it.

    ``policy`` carries the weights that hold now (an operator's override included). ``bars`` is (asset, interval) ->
    closed bars, oldest first. ``quotes``: asset -> prices of the contract it is (to be) hedged with, spot where
    there is none. ``held``: (strategy, asset). ``asks``: strategy -> operator's words due now, in order.
    ``calendar``: strategy -> the newest calendar instant at or before now. ``purse``: asset -> what the spot wallets
    may spend: free, and locked by our own open orders. ``others``: asset -> sum of the overlays of the strategies
    that decided before this one; ``crossed``: the part of it that cross hedges are short. ``coin_quotes``: asset ->
    prices of the spot pair its coins are traded in.
    ``working``: asset -> when our orders on its futures were made that may still bring fills.
    ``flattening``: an operator closes all own futures, so that nothing is granted whatever is wanted.
    ``unallowed``: (strategy, asset) whose futures a person has not allowed to grow as asked.
    ``brakes``: what guards leave of what strategies want. ``relations``: strategy -> what its cross hedge is sized by.
    """

    policy: PortfolioPolicy
    view: PortfolioView
    universe: Universe
    bars: Mapping[tuple[str, timedelta], tuple[Bar, ...]] = field(default_factory=dict)
    quotes: Mapping[str, Quote] = field(default_factory=dict)
    held: Mapping[tuple[str, str], Held] = field(default_factory=dict)
    asks: Mapping[str, tuple[Ask, ...]] = field(default_factory=dict)
    calendar: Mapping[str, datetime] = field(default_factory=dict)
    purse: Mapping[str, Decimal] = field(default_factory=dict)
    others: Mapping[str, Decimal] = field(default_factory=dict)
    crossed: Mapping[str, Decimal] = field(default_factory=dict)
    coin_quotes: Mapping[str, Quote] = field(default_factory=dict)
    working: Mapping[str, tuple[datetime, ...]] = field(default_factory=dict)
    flattening: bool = False
    unallowed: frozenset[tuple[str, str]] = frozenset()
    brakes: Brakes = NO_BRAKES
    relations: Mapping[str, Relation] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """The instant of the look."""
        return self.view.as_of

    def price(self, asset: str, source: PriceSource) -> Decimal | None:
        """Return the price a trigger means; None when it is not known."""
        if source is PriceSource.MARK:
            return self.view.assets[asset].price
        quote = self.quotes.get(asset)
        return quote.last if quote is not None else None

    def tail(self, asset: str, interval: timedelta, count: int) -> tuple[Bar, ...] | None:
        """Return the newest ``count`` closed bars without a gap; None: too few (``warming_up``)."""
        return closed_tail(self.bars.get((asset, interval), ()), interval, self.now, count)

    def holding(self, strategy: str, asset: str) -> Held:
        """Return what ``strategy`` really has of ``asset``."""
        return self.held.get((strategy, asset), _NOTHING)

    def may_fill(self, asset: str, since: datetime) -> bool:
        """Return whether an order of ours on the futures of ``asset`` from before ``since`` may still bring fills."""
        return any(made < since for made in self.working.get(asset, ()))
