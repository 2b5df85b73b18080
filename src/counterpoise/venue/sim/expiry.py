"""When a dated future ends and at which price: the mean of the underlying's price over its last hour.

Venues settle on an average of the index over the last minutes to an hour, so that no single trade decides it. Here
it is the mean of the closes of the bars that closed in the last hour up to the expiry, or the price before that
where none did (a halt), on the contract's tick. With hourly bars that is the one close at the expiry.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.numbers import ZERO, nearest_step
from counterpoise.venue.sim.market import Market
from counterpoise.venue.sim.model import Delivery

#: Over how long the settlement price is averaged.
AVERAGED = timedelta(hours=1)


class Expiry:
    """The end of one dated future; ``delivery`` tells how it ended, None before."""

    def __init__(self, symbol: str, at: datetime, under: Market, tick_size: Decimal) -> None:
        self._symbol = symbol
        self._at = at
        self._under = under
        self._tick = tick_size
        self.delivery: Delivery | None = None

    def next_at(self) -> datetime | None:
        """Return the expiry while it lies ahead."""
        return self._at if self.delivery is None else None

    def settle(self, at: datetime) -> Decimal:
        """Pass the expiry. Returns the settlement price."""
        track = self._under.track
        low = bisect_right(track.closes, self._at - AVERAGED, hi=track.cursor)
        high = bisect_right(track.closes, self._at, hi=track.cursor)
        closes = [track.candle(index).close for index in range(low, high)]
        mean = sum(closes, ZERO) / len(closes) if closes else track.price_at(self._at) or track.last
        price = max(nearest_step(mean, self._tick), self._tick)
        self.delivery = Delivery(symbol=self._symbol, price=price, at=at)
        return price
