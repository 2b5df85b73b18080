"""What a venue trades for an account that did not ask for it: told with its cause, by every Venue alike."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Forced, Side
from counterpoise.venue.sim import MarketKind, OrderKind, PlaceRequest
from counterpoise.venue.sim import Side as SimSide
from tests.contract.trial import PERP, SPOT, Trial, trials
from tests.contract.venues import FACTORIES


@pytest.fixture(params=list(FACTORIES))
async def trial(request: pytest.FixtureRequest) -> AsyncIterator[Trial]:
    async with trials(request.param) as made:
        yield made


def by_hand(trial: Trial, kind: MarketKind, side: SimSide, qty: str) -> None:
    asked = PlaceRequest(
        kind=kind, symbol="BTCUSDT", side=side, order_kind=OrderKind.MARKET, qty=dec(qty)
    )
    trial.market.place(trial.keys.api_key, asked)


async def test_deleveraging_is_told_apart_from_what_anyone_else_traded(trial: Trial) -> None:
    await trial.accepted(trial.order(PERP, Side.SELL, "0.5"))
    by_hand(trial, MarketKind.PERP, SimSide.SELL, "0.1")
    trade = trial.market.deleverage(trial.keys.api_key, "BTCUSDT", dec("0.2"))
    again = trial.market.deleverage(trial.keys.api_key, "BTCUSDT", dec("0.1"))
    by_hand(trial, MarketKind.PERP, SimSide.BUY, "0.1")
    fills = await trial.fills(PERP)
    assert [(f.signed_qty, f.forced) for f in fills] == [
        (dec("-0.5"), None),
        (dec("-0.1"), None),
        (dec("0.2"), Forced.DELEVERAGING),
        (dec("0.1"), Forced.DELEVERAGING),
        (dec("0.1"), None),
    ]
    assert [f.price for f in fills[2:4]] == [trade.price, again.price]
    assert all(f.venue_order_id for f in fills)
    assert await trial.fills(PERP) == fills, "told again it is the same"


async def test_a_liquidation_is_told_with_the_price_it_was_closed_at(trial: Trial) -> None:
    await trial.accepted(trial.order(PERP, Side.SELL, "0.9"))
    trial.market.set_price("BTCUSDT", dec(215_000))
    assert await trial.position() == 0
    *_, closed = await trial.fills(PERP)
    assert (closed.signed_qty, closed.forced) == (dec("0.9"), Forced.LIQUIDATION)
    (event,) = [e for e in trial.market.log.after(0) if e["event"] == "liquidation"]
    assert (str(closed.price), closed.venue_order_id) == (event["price"], str(event["order_id"]))


async def test_nobody_is_forced_to_trade_coins(trial: Trial) -> None:
    by_hand(trial, MarketKind.SPOT, SimSide.BUY, "0.1")
    assert [f.forced for f in await trial.fills(SPOT)] == [None]
