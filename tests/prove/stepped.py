"""The simulated venue with a point between any two orders of one request."""

from __future__ import annotations

from counterpoise.domain.order import CancelOutcome, Order, PlaceOutcome
from counterpoise.venue.sim import SimExchange
from counterpoise.venue.sim.venue import SimVenue
from tests.prove.boundaries import Boundaries


class SteppedVenue(SimVenue):
    """Does orders one after the other, and can be cut off between them."""

    def __init__(
        self, venue_id: str, exchange: SimExchange, api_key: str, boundaries: Boundaries
    ) -> None:
        super().__init__(venue_id, exchange, api_key)
        self._boundaries = boundaries

    async def place(self, order: Order) -> PlaceOutcome:
        """Place, from a point on."""
        self._boundaries.step()
        return await super().place(order)

    async def cancel(self, order: Order) -> CancelOutcome:
        """Cancel, from a point on."""
        self._boundaries.step()
        return await super().cancel(order)
