"""What every Venue tells of the past: closed bars and its own books."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from counterpoise.domain.errors import VenueError
from counterpoise.domain.ledger import EntryKind, LedgerEntry
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Side
from counterpoise.venue.sim import Wallet
from tests.contract.trial import NOWHERE, PERP, SPOT, Trial, trials
from tests.contract.venues import FACTORIES, HOUR, START

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=list(FACTORIES))
async def trial(request: pytest.FixtureRequest) -> AsyncIterator[Trial]:
    async with trials(request.param) as made:
        yield made


class TestBars:
    async def test_only_closed_bars_are_told_with_exact_figures(self, trial: Trial) -> None:
        trial.pass_hours(1)  # 02:00
        trial.market.advance(dec(1800))
        for symbol in (SPOT, PERP):
            found = await trial.venue.bars(symbol, HOUR, START, START + DAY)
            assert [each.open_at for each in found] == [START, START + HOUR]
            second = found[1]
            assert (second.open, second.high, second.low, second.close, second.volume) == (
                100_000,
                101_000,
                99_000,
                100_000,
                10,
            )

    async def test_since_is_included_and_until_is_not(self, trial: Trial) -> None:
        trial.pass_hours(4)
        found = await trial.venue.bars(PERP, HOUR, START + HOUR, START + 3 * HOUR)
        assert [each.open_at for each in found] == [START + HOUR, START + 2 * HOUR]
        between = await trial.venue.bars(PERP, HOUR, START + MINUTE, START + 2 * HOUR + MINUTE)
        assert between == found
        assert await trial.venue.bars(PERP, HOUR, START + 3 * HOUR, START + HOUR) == ()

    async def test_a_coarser_interval_is_put_together(self, trial: Trial) -> None:
        trial.pass_hours(3)
        found = await trial.venue.bars(PERP, 2 * HOUR, START, START + DAY)
        assert [(each.open_at, each.high, each.volume) for each in found] == [
            (START, 101_000, 20),
            (START + 2 * HOUR, 100_000, 20),
        ]

    async def test_a_halt_leaves_a_gap(self, trial: Trial) -> None:
        trial.pass_hours(9)
        hours = [0, 1, 2, 3, 4, 8, 9]
        spot = await trial.venue.bars(SPOT, HOUR, START, START + DAY)
        assert [each.open_at for each in spot] == [START + HOUR * n for n in hours]
        assert len(await trial.venue.bars(PERP, HOUR, START, START + DAY)) == 10

    async def test_what_cannot_be_told_is_an_error_and_stays_one(self, trial: Trial) -> None:
        for symbol, interval in ((NOWHERE, HOUR), (PERP, 7 * MINUTE), (PERP, timedelta(0))):
            with pytest.raises(VenueError) as caught:
                await trial.venue.bars(symbol, interval, START, START + DAY)
            assert not caught.value.retryable


class TestLedger:
    async def entries(self, trial: Trial) -> tuple[LedgerEntry, ...]:
        return await trial.venue.ledger(START)

    async def test_a_quiet_account_has_none(self, trial: Trial) -> None:
        assert await self.entries(trial) == ()

    async def test_trading_futures_books_commission_and_profit(self, trial: Trial) -> None:
        await trial.accepted(trial.order(PERP, Side.SELL, "0.5"))
        trial.pass_hours()
        await trial.accepted(trial.order(PERP, Side.BUY, "0.5"))
        fills = await trial.fills(PERP)
        found = await self.entries(trial)
        fees = [e for e in found if e.kind is EntryKind.COMMISSION]
        assert [(e.qty, e.asset, e.at) for e in fees] == [
            (-f.fee, f.fee_asset, f.filled_at) for f in fills
        ]
        (profit,) = [e for e in found if e.kind is EntryKind.REALIZED_PNL]
        assert (profit.qty, profit.symbol) == (dec("0.5") * (fills[0].price - fills[1].price), PERP)
        assert {e.venue for e in found} == {"main"}

    async def test_spot_fills_are_not_in_it(self, trial: Trial) -> None:
        await trial.accepted(trial.order(SPOT, Side.BUY, "0.5"))
        assert await self.entries(trial) == ()

    async def test_funding_is_signed(self, trial: Trial) -> None:
        await trial.accepted(trial.order(PERP, Side.SELL, "1", 99_000))
        trial.pass_hours(7)
        (funding,) = [e for e in await self.entries(trial) if e.kind is EntryKind.FUNDING]
        assert (funding.qty, funding.asset, funding.symbol) == (10, "USDT", PERP)
        assert funding.at == START + 8 * HOUR

    async def test_a_transfer_is_seen_from_the_futures_wallet(self, trial: Trial) -> None:
        trial.market.transfer(
            trial.keys.api_key, "USDT", dec("1234.5"), Wallet.FUTURES, Wallet.SPOT
        )
        (moved,) = await self.entries(trial)
        assert (moved.kind, moved.qty, moved.symbol) == (EntryKind.TRANSFER, dec("-1234.5"), None)

    async def test_money_from_and_to_outside(self, trial: Trial) -> None:
        trial.market.deposit(trial.keys.api_key, Wallet.SPOT, "BTC", dec("0.25"))
        trial.pass_hours()
        trial.market.withdraw(trial.keys.api_key, Wallet.SPOT, "USDT", dec(700))
        trial.market.deposit(trial.keys.api_key, Wallet.FUTURES, "USDT", dec(5))
        found = await self.entries(trial)
        assert {(e.kind, e.asset, e.qty, e.at) for e in found} == {
            (EntryKind.DEPOSIT, "BTC", dec("0.25"), START + HOUR),
            (EntryKind.WITHDRAWAL, "USDT", dec(-700), START + 2 * HOUR),
            (EntryKind.DEPOSIT, "USDT", dec(5), START + 2 * HOUR),
        }
        assert found[0].asset == "BTC"
        assert len({e.key for e in found}) == 3

    async def test_since_is_included_and_what_was_before_is_not(self, trial: Trial) -> None:
        key = trial.keys.api_key
        for qty in (1, 2, 3):
            trial.market.deposit(key, Wallet.SPOT, "USDT", dec(qty))
            trial.market.transfer(key, "USDT", dec(qty), Wallet.SPOT, Wallet.FUTURES)
            trial.pass_hours()
        late = await trial.venue.ledger(START + 2 * HOUR)
        assert sorted(e.qty for e in late) == [2, 2, 3, 3]
        assert [e.at for e in late] == sorted(e.at for e in late)
        again = await trial.venue.ledger(START)
        assert set(late) < set(again)  # the same bookings under the same ids

    async def test_it_explains_the_futures_wallet_exactly(self, trial: Trial) -> None:
        key = trial.keys.api_key
        await trial.accepted(trial.order(PERP, Side.SELL, "0.7"))
        trial.market.transfer(key, "USDT", dec("33.33333333"), Wallet.SPOT, Wallet.FUTURES)
        trial.pass_hours(7)
        await trial.accepted(trial.order(PERP, Side.BUY, "0.3"))
        wallet = (await trial.venue.account()).futures["USDT"].wallet_balance
        assert wallet - 100_000 == sum(e.qty for e in await self.entries(trial))


class TestSettlement:
    async def test_what_has_no_end_has_no_settlement(self, trial: Trial) -> None:
        for symbol in (SPOT, PERP, NOWHERE):
            assert await trial.venue.settlement(symbol) is None
