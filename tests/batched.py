"""Batches of a venue that wraps another: through its own ``place`` and ``cancel``, which it has bent, or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from counterpoise.domain.order import ALONE, BatchLimit, Order


class Batched:
    """What goes in one request is done order by order, by the methods of this very class."""

    async def place_batch(self: Any, orders: Sequence[Order]) -> tuple[Any, ...]:
        """Place each."""
        return tuple([await self.place(order) for order in orders])

    async def cancel_batch(self: Any, orders: Sequence[Order]) -> tuple[Any, ...]:
        """Cancel each."""
        return tuple([await self.cancel(order) for order in orders])


class OneByOne:
    """Takes no batches."""

    def batch_limit(self, _symbol: str) -> BatchLimit:
        """None."""
        return ALONE
