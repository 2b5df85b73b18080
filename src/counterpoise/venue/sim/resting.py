"""The resting orders of one market, in price-time priority.

Holds identities and prices only; how much an order still wants is known to its account. Orders of all accounts
share one book and never trade with each other: the market beyond the simulated accounts is the counterparty.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain, takewhile

from counterpoise.venue.sim.model import Candle, Side


@dataclass(frozen=True, slots=True, order=True)
class RestingOrder:
    """A place in the queue: better prices first (``rank``), then older orders."""

    rank: Decimal
    order_id: int
    account: str = field(compare=False)


class RestingBook:
    """Two sorted queues."""

    def __init__(self) -> None:
        self._queues: dict[Side, list[RestingOrder]] = {Side.BUY: [], Side.SELL: []}

    def add(self, side: Side, price: Decimal, order_id: int, account: str) -> None:
        """Queue an order behind all of the same price."""
        insort(self._queues[side], RestingOrder(-price * side.sign, order_id, account))

    def remove(self, side: Side, price: Decimal, order_id: int) -> None:
        """Take an order out; it must be in."""
        queue = self._queues[side]
        del queue[bisect_left(queue, RestingOrder(-price * side.sign, order_id, ""))]

    def crossed(self, bar: Candle) -> list[RestingOrder]:
        """Return the orders the bar traded strictly beyond, best price first, then oldest.

        A rising bar is taken to have seen its low first, so its buys come before its sells; a falling bar the
        other way round.
        """
        buys = self._beyond(Side.BUY, -bar.low)
        sells = self._beyond(Side.SELL, bar.high)
        first, second = (buys, sells) if bar.close >= bar.open else (sells, buys)
        return list(chain(first, second))

    def _beyond(self, side: Side, rank: Decimal) -> Iterator[RestingOrder]:
        # the generator is used up before any queue changes: crossed() makes a list of it
        return takewhile(lambda entry: entry.rank < rank, self._queues[side])
