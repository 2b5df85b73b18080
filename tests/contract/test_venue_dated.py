"""What every Venue shows of a dated future: traded beside the perpetual, without funding, and settled at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from counterpoise.domain.instrument import InstrumentKind
from counterpoise.domain.ledger import EntryKind, Settlement
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import NotPlaced, OrderState, Side
from tests.contract.trial import PERP, SPOT, Trial, trials
from tests.contract.venues import FACTORIES, HOUR, START, dated_exchange

DATED = "BTC/USDT:USDT-250101"
ENDS = START + 8 * HOUR
#: The mean of the closes at 07:15, 07:30, 07:45 and 08:00.
SETTLED = dec("100762.5")


@pytest.fixture(params=list(FACTORIES))
async def trial(request: pytest.FixtureRequest) -> AsyncIterator[Trial]:
    async with trials(request.param, dated_exchange) as made:
        yield made


async def test_it_is_listed_with_its_end(trial: Trial) -> None:
    listed = trial.venue.instruments()
    assert set(listed) == {SPOT, PERP, DATED}
    future = listed[DATED]
    assert (future.kind, future.expiry_at, future.settle, future.active) == (
        InstrumentKind.FUTURE,
        ENDS,
        "USDT",
        True,
    )
    assert (future.base, future.quote, future.contract_size, future.inverse) == (
        "BTC",
        "USDT",
        1,
        False,
    )
    assert (future.tick_size, future.lot_size, future.min_notional) == (
        dec("0.1"),
        dec("0.001"),
        100,
    )
    assert listed[PERP].expiry_at is None


async def test_contracts_of_one_asset_are_quoted_together(trial: Trial) -> None:
    quotes = await trial.venue.quotes([DATED, PERP, SPOT])
    # 7 hours are left: 29.2 over the coin
    assert quotes[DATED].mark == dec("100129.2")
    assert quotes[PERP].mark == 100_100
    assert [quotes[symbol].last for symbol in (DATED, PERP, SPOT)] == [
        dec("100129.2"),
        100_100,
        100_100,
    ]
    assert (quotes[DATED].bid, quotes[DATED].ask) == (dec("100129.1"), dec("100129.3"))
    assert quotes[SPOT].mark is None
    dated, perp = quotes[DATED], quotes[PERP]
    assert (dated.funding_rate, dated.next_funding_at, dated.funding_interval) == (None, None, None)
    assert (perp.funding_rate, perp.next_funding_at, perp.funding_interval) == (
        dec("0.0001"),
        START + 4 * HOUR,
        4 * HOUR,
    )
    assert dated.volume_24h is not None
    assert dated.volume_24h > 400_000_000


async def test_it_is_held_beside_the_perpetual(trial: Trial) -> None:
    order = trial.order(DATED, Side.SELL, "0.5")
    await trial.accepted(order)
    await trial.accepted(trial.order(PERP, Side.BUY, "0.2"))
    assert (await trial.found(order)).state is OrderState.FILLED
    account = await trial.venue.account()
    assert {s: p.qty for s, p in account.positions.items()} == {
        DATED: dec("-0.5"),
        PERP: dec("0.2"),
    }
    assert account.positions[DATED].entry_price == dec("100129.1")
    assert account.leverage[DATED] == 20
    (fill,) = await trial.fills(DATED)
    assert (fill.symbol, fill.qty, fill.fee_asset) == (DATED, dec("0.5"), "USDT")
    assert len(await trial.fills(PERP)) == 1


async def test_its_orders_are_its_own(trial: Trial) -> None:
    made = [trial.order(symbol, Side.BUY, "0.1", 99_000) for symbol in (DATED, PERP)]
    for order in made:
        await trial.accepted(order)
    (dated,) = await trial.venue.open_orders([DATED])
    assert (dated.symbol, dated.client_order_id) == (DATED, made[0].client_order_id)
    assert len(await trial.venue.open_orders([DATED, PERP])) == 2
    await trial.venue.cancel(made[0])
    assert await trial.venue.open_orders([DATED]) == ()


async def test_it_has_bars_and_no_funding(trial: Trial) -> None:
    await trial.accepted(trial.order(DATED, Side.SELL, "1"))
    await trial.accepted(trial.order(PERP, Side.SELL, "1"))
    trial.pass_hours(6)
    booked = [e for e in await trial.venue.ledger(START) if e.kind is EntryKind.FUNDING]
    assert {e.symbol for e in booked} == {PERP}
    bars = await trial.venue.bars(DATED, HOUR, START, START + 24 * HOUR)
    assert [b.open_at for b in bars] == [START + HOUR * n for n in range(7)]
    assert bars[0].close == dec("100129.2")


async def test_nothing_is_settled_before_the_end(trial: Trial) -> None:
    await trial.accepted(trial.order(DATED, Side.SELL, "0.5"))
    trial.pass_hours(6)
    trial.market.advance(dec(3599))
    assert await trial.venue.settlement(DATED) is None
    assert (await trial.venue.account()).positions[DATED].qty == dec("-0.5")


async def test_at_the_end_everything_is_settled(trial: Trial) -> None:
    resting = trial.order(DATED, Side.BUY, "0.3", 95_000)
    await trial.accepted(trial.order(DATED, Side.SELL, "0.5"))
    await trial.accepted(resting)
    (fill,) = await trial.fills(DATED)
    before = (await trial.venue.account()).futures["USDT"].wallet_balance
    trial.pass_hours(7)
    assert await trial.venue.settlement(DATED) == Settlement(symbol=DATED, price=SETTLED, at=ENDS)
    account = await trial.venue.account()
    assert account.positions == {}
    gained = dec("0.5") * (fill.price - SETTLED)
    assert account.futures["USDT"].wallet_balance == before + gained
    (entry,) = [e for e in await trial.venue.ledger(ENDS) if e.kind is EntryKind.REALIZED_PNL]
    assert (entry.qty, entry.asset, entry.symbol, entry.at) == (gained, "USDT", DATED, ENDS)
    assert (await trial.found(resting)).state is OrderState.EXPIRED
    assert await trial.venue.open_orders([DATED]) == ()


async def test_after_the_end_it_trades_no_more(trial: Trial) -> None:
    trial.pass_hours(7)
    listed = trial.venue.instruments().get(DATED)
    assert listed is None or not listed.active
    outcome = await trial.venue.place(trial.order(DATED, Side.BUY, "0.1", 99_000))
    assert isinstance(outcome, NotPlaced), outcome
    assert [entry for entry in trial.market.log.after(0) if entry["event"] == "place"] == []
    for asked in ([DATED, PERP], [DATED]):
        quote = (await trial.venue.quotes(asked))[DATED]
        assert (quote.bid, quote.ask) == (None, None)
    assert (await trial.venue.account()).positions == {}
    assert await trial.venue.settlement(DATED) is not None
