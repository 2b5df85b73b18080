"""One tradable market: its rules, its price track, its resting orders and what liquidity is left.

The book is made of the last price: bid one tick below, ask one tick above, and further levels one tick apart
behind them, each as deep as ``participation`` x volume of the last closed bar. What a taker took is gone until
the next bar closes. A market that is halted shows neither bid nor ask.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.numbers import ZERO, ceil_step, floor_step
from counterpoise.venue.sim.model import Candle, MarketKind, Side, SymbolRules
from counterpoise.venue.sim.resting import RestingBook
from counterpoise.venue.sim.track import PriceTrack

#: Levels behind the touch that a taker may reach.
LEVELS_BEHIND = 20


@dataclass(frozen=True, slots=True)
class Level:
    """What can be taken at one price."""

    price: Decimal
    qty: Decimal


class Market:
    """A symbol that trades."""

    def __init__(self, rules: SymbolRules, track: PriceTrack, participation: Decimal) -> None:
        self.rules = rules
        self.track = track
        self.resting = RestingBook()
        self._participation = participation
        self._taken: dict[Side, Decimal] = {Side.BUY: ZERO, Side.SELL: ZERO}
        self._depth = self.budget(track.last_bar)
        #: A dated future that has expired: it never trades again.
        self.closed = False

    @property
    def kind(self) -> MarketKind:
        """Spot or perpetual."""
        return self.rules.kind

    @property
    def symbol(self) -> str:
        """The venue id."""
        return self.rules.symbol

    @property
    def halted(self) -> bool:
        """Whether nothing can trade now."""
        return self.closed or self.track.halted

    @property
    def begun(self) -> bool:
        """Whether it has ever traded."""
        return self.track.begun

    @property
    def last(self) -> Decimal:
        """The last traded price."""
        return self.track.last

    def budget(self, bar: Candle) -> Decimal:
        """Return how much of ``bar``'s volume simulated orders may have, in whole lots."""
        return floor_step(self._participation * bar.volume, self.rules.lot_size)

    def refill(self, bar: Candle) -> None:
        """Start anew after ``bar``: its volume makes the depth, nothing is taken yet."""
        self._depth = self.budget(bar)
        self._taken = {Side.BUY: ZERO, Side.SELL: ZERO}

    def touch(self, side: Side) -> Decimal | None:
        """Return the price at which a taker of ``side`` starts (ask for a buy), None when there is none."""
        if self.halted:
            return None
        tick = self.rules.tick_size
        if side is Side.BUY:
            return ceil_step(self.last, tick) + tick
        price = floor_step(self.last, tick) - tick
        return price if price > 0 else None

    def offers(self, side: Side) -> Iterator[Level]:
        """Yield what a taker of ``side`` can take now, best price first."""
        touch = self.touch(side)
        if touch is None or self._depth <= 0:
            return
        taken = self._taken[side]
        for level in range(LEVELS_BEHIND + 1):
            left = min(self._depth, self._depth * (level + 1) - taken)
            price = touch + side.sign * self.rules.tick_size * level
            if left > 0 and price > 0:
                yield Level(price, left)

    def best(self, side: Side) -> Level | None:
        """Return the first offer to a taker of ``side``; its quantity is ZERO when nothing is left."""
        touch = self.touch(side)
        return next(self.offers(side), None if touch is None else Level(touch, ZERO))

    def plan_take(self, side: Side, qty: Decimal, limit: Decimal | None) -> tuple[Level, ...]:
        """Return the fills a taker would have now: up to ``qty``, no price worse than ``limit``."""
        fills: list[Level] = []
        for offer in self.offers(side):
            if qty <= 0 or (limit is not None and (offer.price - limit) * side.sign > 0):
                break
            fills.append(Level(offer.price, min(qty, offer.qty)))
            qty -= fills[-1].qty
        return tuple(fills)

    def taken(self, side: Side, qty: Decimal) -> None:
        """Remember that a taker of ``side`` took ``qty``."""
        self._taken[side] += qty


class MarkPrice:
    """The mark of one perpetual.

    Without a series it is the last price of the perpetual. A series stands at its last close; where it is
    recorded more coarsely than the perpetual, it moves with the perpetual between its own closes (same
    distance), because a mark that stands still for an hour in a crash would misjudge every account.
    """

    def __init__(self, perp: PriceTrack, track: PriceTrack | None, now: datetime) -> None:
        self.track = track
        self._perp = perp
        self._follows = track is not None and track.interval > perp.interval
        self._anchor = perp.last
        self._stepped_at = now
        if track is not None and track.cursor:
            self._stepped_at = track.closes[track.cursor - 1]
            then = perp.price_at(self._stepped_at)
            # a perpetual that begins later has no distance yet: until the mark steps, it is the mark
            self._anchor = track.last if then is None else then

    @property
    def value(self) -> Decimal:
        """The mark now; the last price until the mark's own series begins."""
        if self.track is None or not self.track.begun:
            return self._perp.last
        if not self._follows:
            return self.track.last
        followed = self.track.last + self._perp.last - self._anchor
        return followed if followed > 0 else self.track.last

    @property
    def follows(self) -> bool:
        """Whether it moves with the perpetual now, and not by bars of its own alone."""
        return self._follows or self.track is None or not self.track.begun

    def at_funding(self, at: datetime) -> Decimal:
        """Return the mark funding is charged on: the open of the bar that opens ``at``, else the mark now."""
        opening = self.track.opening_at(at) if self.track is not None else None
        return opening if opening is not None else self.value

    def stepped(self, at: datetime) -> None:
        """The mark's own series stepped ``at``; the perpetual's bar of the same instant is still to come."""
        self._stepped_at = at
        self._anchor = self._perp.last

    def perp_stepped(self, at: datetime) -> None:
        """The perpetual's bar stepped ``at``: where the mark stepped at the same instant, this is its anchor."""
        if at == self._stepped_at:
            self._anchor = self._perp.last

    def jump(self, price: Decimal, at: datetime) -> None:
        """Set the mark from ``at`` on (after the perpetual jumped, where both do)."""
        if self.track is not None:
            self.track.jump(price, at, value=self.value)
            self._anchor = self._perp.last

    def perp_jumped(self, moved: Decimal) -> None:
        """The perpetual alone jumped by ``moved``: the mark stays."""
        self._anchor += moved
