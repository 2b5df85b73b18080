"""What every Treasury must show: transfers are done or proven refused, and the history tells them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from counterpoise.domain.errors import VenueError
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import NotPlaced
from counterpoise.domain.transfer import Purse, Transfer, Transferred, VenueTransfer
from tests.build import make_transfer
from tests.contract.trial import NOWHERE, PERP, SPOT, Trial, trials
from tests.contract.venues import FACTORIES, START

SECOND = timedelta(seconds=1)


@pytest.fixture(params=list(FACTORIES))
async def trial(request: pytest.FixtureRequest) -> AsyncIterator[Trial]:
    async with trials(request.param) as made:
        yield made


def a_move(qty: str = "5000", **changes: object) -> Transfer:
    return replace(make_transfer(), qty=dec(qty), **changes)  # type: ignore[arg-type]  # real fields


def back(qty: str = "5000") -> Transfer:
    return a_move(qty, source=Purse.FUTURES, target=Purse.SPOT)


async def purses(trial: Trial) -> tuple[Decimal | None, Decimal | None]:
    account = await trial.venue.account()
    return account.purse(Purse.SPOT, "USDT"), account.purse(Purse.FUTURES, "USDT")


async def done(trial: Trial, transfer: Transfer) -> str:
    outcome = await trial.venue.transfer(transfer)
    assert isinstance(outcome, Transferred), outcome
    assert outcome.id
    return outcome.id


async def test_a_transfer_moves_money_and_is_told_with_the_id_of_its_answer(trial: Trial) -> None:
    assert await purses(trial) == (400_000, 100_000)
    id_ = await done(trial, a_move("5000.12345678"))
    assert await purses(trial) == (dec("394999.87654322"), dec("105000.12345678"))
    assert await trial.venue.transfers(START) == (
        VenueTransfer(
            id=id_,
            asset="USDT",
            qty=dec("5000.12345678"),
            source=Purse.SPOT,
            target=Purse.FUTURES,
            at=trial.market.now,
        ),
    )


async def test_both_directions_come_oldest_first_and_from_when_asked(trial: Trial) -> None:
    first = await done(trial, a_move())
    trial.market.advance(dec(1))
    second = await done(trial, back("100"))
    trial.market.advance(dec(1))
    third = await done(trial, a_move())
    since = trial.market.now
    shown = await trial.venue.transfers(START)
    assert [(t.id, t.source, t.target) for t in shown] == [
        (first, Purse.SPOT, Purse.FUTURES),
        (second, Purse.FUTURES, Purse.SPOT),
        (third, Purse.SPOT, Purse.FUTURES),
    ]
    assert [t.id for t in await trial.venue.transfers(since - SECOND)] == [second, third]
    assert [t.id for t in await trial.venue.transfers(since)] == [third]
    assert await trial.venue.transfers(since + SECOND) == ()


async def test_no_page_of_the_history_is_missing(trial: Trial) -> None:
    ids = []
    for _ in range(201):
        ids.append(await done(trial, a_move("1")))
        # as many as an account may ask for in a minute
        trial.market.advance(dec(1))
    assert [t.id for t in await trial.venue.transfers(START)] == ids


@pytest.mark.parametrize(
    "transfer",
    [
        a_move("400000.01"),
        back("100000.01"),
        a_move("1", asset="NOPE"),
        a_move("0"),
        a_move("1", source=Purse.FUTURES, target=Purse.POSITION, symbol=PERP),
        a_move("1", source=Purse.POSITION, target=Purse.SPOT, symbol=PERP),
    ],
    ids=[
        "more than spot has",
        "more than futures has",
        "unknown asset",
        "nothing",
        "into",
        "out of",
    ],
)
async def test_what_cannot_be_is_proven_refused_and_moves_nothing(
    trial: Trial, transfer: Transfer
) -> None:
    outcome = await trial.venue.transfer(transfer)
    assert isinstance(outcome, NotPlaced), outcome
    assert outcome.code
    assert outcome.text
    assert await purses(trial) == (400_000, 100_000)
    assert await trial.venue.transfers(START) == ()


async def test_margin_tables_are_of_what_was_asked_and_is_known(trial: Trial) -> None:
    tables = await trial.venue.margin_tiers([PERP, SPOT, NOWHERE])
    assert set(tables) <= {PERP}
    for tiers in tables.values():
        assert [t.floor for t in tiers] == sorted(t.floor for t in tiers)
        assert all(0 < t.rate < 1 for t in tiers)


async def test_a_countdown_of_a_pair_is_refused(trial: Trial) -> None:
    with pytest.raises(VenueError) as refused:
        await trial.venue.countdown([SPOT], timedelta(minutes=1))
    assert not refused.value.retryable


async def test_a_clock_that_is_the_venues_is_not_ahead_of_it(trial: Trial) -> None:
    ahead = await trial.venue.clock_ahead()
    assert ahead is None or abs(ahead) < timedelta(seconds=1)


async def test_no_key_here_may_withdraw(trial: Trial) -> None:
    rights = await trial.venue.rights()
    assert rights is None or rights.withdraw is False
