"""A dated future's end is found by pair and day; what is not told is not known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from counterpoise.domain.errors import VenueError
from counterpoise.domain.ledger import Settlement
from counterpoise.domain.numbers import dec
from counterpoise.venue.ccxt.endpoints import Endpoint
from counterpoise.venue.ccxt.settlements import read_settlement
from counterpoise.venue.ccxt.wire import Wire

DATED = "BTC/USDT:USDT-250328"
ENDED_AT = datetime(2025, 3, 28, 8, tzinfo=UTC)
PRICES = [
    {"deliveryTime": 1750982400000, "deliveryPrice": 107123.4},
    {"deliveryTime": 1743148800000, "deliveryPrice": 85432.10123456},
]


class Venue:
    def __init__(self, reply: Any, now: datetime = ENDED_AT) -> None:
        self.reply = reply
        self.now = now
        self.asked: list[Mapping[str, str]] = []

    def venue_now(self) -> datetime:
        return self.now

    async def read(self, endpoint: Endpoint, params: Mapping[str, str]) -> Any:
        assert endpoint.method == "fapiDataGetDeliveryPrice"
        self.asked.append(params)
        return self.reply


async def settlement(venue: Venue, symbol: str = DATED) -> Settlement | None:
    return await read_settlement(cast("Wire", venue), symbol)


async def test_the_price_of_the_day_is_the_contracts() -> None:
    venue = Venue(PRICES)
    assert await settlement(venue) == Settlement(
        symbol=DATED, price=dec("85432.10123456"), at=ENDED_AT
    )
    assert venue.asked == [{"pair": "BTCUSDT"}]


@pytest.mark.parametrize("reply", [[], PRICES[:1], [{**PRICES[1], "deliveryPrice": 0}]])
async def test_what_is_not_told_is_not_known(reply: Any) -> None:
    assert await settlement(Venue(reply)) is None


async def test_nothing_is_asked_about_what_has_not_ended() -> None:
    venue = Venue(PRICES, datetime(2025, 3, 27, 23, tzinfo=UTC))
    assert await settlement(venue) is None
    assert await settlement(venue, "BTC/USDT:USDT") is None
    assert venue.asked == []


@pytest.mark.parametrize("reply", [{}, [{}], ["x"], [{**PRICES[1], "deliveryPrice": "much"}]])
async def test_a_garbled_reply_is_a_venue_error(reply: Any) -> None:
    with pytest.raises(VenueError, match="delivery prices: the reply was not understood"):
        await settlement(Venue(reply))
