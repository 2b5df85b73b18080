"""Margin tables are asked for seldom and outlive failures; the history only while a transfer is in doubt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from counterpoise.app.clock import ManualClock
from counterpoise.domain.errors import VenueAuthError, VenueError
from counterpoise.domain.ledger import LedgerEntry
from counterpoise.domain.margin import Tiers, flat_tier
from counterpoise.domain.numbers import dec
from counterpoise.domain.transfer import ABSENT, Purse, Transfer, TransferState, VenueTransfer
from counterpoise.observe.collateral import OVERLAP, TierReads, margined
from counterpoise.observe.poller import Observer
from tests.build import (
    BTC_PERP,
    NOW,
    SOL_PERP,
    VENUE,
    make_account,
    make_policy,
    make_recorded,
    make_transfer,
)
from tests.unit.observe.shown import HOUR, ShownVenue, look, universe

S = TransferState
MINUTE = timedelta(minutes=1)
ROW = VenueTransfer(
    id="7", asset="USDT", qty=dec(5000), source=Purse.SPOT, target=Purse.FUTURES, at=NOW
)
BOTH = frozenset({BTC_PERP, SOL_PERP})


class Lender(ShownVenue):
    """The shown venue with margin tables and a history of transfers."""

    def __init__(self) -> None:
        super().__init__()
        self.rate = dec("0.01")
        self.moved: tuple[VenueTransfer, ...] = (ROW,)

    async def margin_tiers(self, symbols: Iterable[str]) -> Mapping[str, Tiers]:
        wanted = list(symbols)
        await self._ask("tiers", wanted)
        return {s: flat_tier(self.rate) for s in wanted if s != SOL_PERP}

    async def transfers(self, since: datetime) -> tuple[VenueTransfer, ...]:
        await self._ask("transfers", since)
        return self.moved

    def questions(self, what: str) -> list[object]:
        return [about for asked, about in self.asked if asked == what]


async def told(
    reads: TierReads, venue: Lender, after: timedelta, symbols: frozenset[str] = BOTH
) -> tuple[Mapping[str, Tiers], list[str]]:
    problems: list[str] = []
    return await reads.read("main", venue, symbols, NOW + after, problems), problems


# --- margin tables


async def test_tables_are_read_at_most_every_six_hours() -> None:
    venue, reads = Lender(), TierReads()
    for hours in (0, 1, 5):
        assert await told(reads, venue, hours * HOUR) == ({BTC_PERP: flat_tier(dec("0.01"))}, [])
    assert venue.questions("tiers") == [[BTC_PERP, SOL_PERP]]
    venue.rate = dec("0.02")
    assert (await told(reads, venue, 6 * HOUR))[0] == {BTC_PERP: flat_tier(dec("0.02"))}


async def test_a_new_contract_is_asked_for_at_once_and_a_lost_one_is_not() -> None:
    venue, reads = Lender(), TierReads()
    await told(reads, venue, timedelta(0), frozenset({BTC_PERP}))
    await told(reads, venue, MINUTE, BOTH)
    await told(reads, venue, 2 * MINUTE, frozenset({SOL_PERP}))
    assert venue.questions("tiers") == [[BTC_PERP], [BTC_PERP, SOL_PERP]]


async def test_a_failure_is_named_and_keeps_what_was_known() -> None:
    venue, reads = Lender(), TierReads()
    await told(reads, venue, timedelta(0))
    venue.errors["tiers"] = VenueError("HTTP 502")
    known = {BTC_PERP: flat_tier(dec("0.01"))}
    for seconds in (0, 30):
        after = 6 * HOUR + timedelta(seconds=seconds)
        assert await told(reads, venue, after) == (known, ["margin tables: HTTP 502"])
    assert len(venue.questions("tiers")) == 2, "not at every look"
    venue.errors.clear()
    assert await told(reads, venue, 6 * HOUR + MINUTE) == (known, [])
    assert len(venue.questions("tiers")) == 3


async def test_tables_are_as_old_as_the_last_answer() -> None:
    venue, reads = Lender(), TierReads()
    assert reads.told_at("main") is None
    await told(reads, venue, timedelta(0))
    venue.errors["tiers"] = VenueError("HTTP 502")
    await told(reads, venue, 30 * HOUR)
    assert reads.told_at("main") == NOW
    venue.errors.clear()
    await told(reads, venue, 31 * HOUR)
    assert reads.told_at("main") == NOW + 31 * HOUR


async def test_a_look_says_how_old_its_parts_may_be() -> None:
    class Slow(Lender):
        """Its books take two minutes."""

        def __init__(self, clock: ManualClock) -> None:
            super().__init__()
            self.clock = clock

        async def ledger(self, since: datetime) -> tuple[LedgerEntry, ...]:
            await self.clock.sleep(dec(120))
            return await super().ledger(since)

    clock = ManualClock(NOW)
    observer = Observer(make_policy(), {VENUE: Slow(clock)}, None, clock)
    made = await observer.look(universe(), make_recorded())
    seen = made.venues[VENUE]
    assert (seen.tiers_at, seen.ledger_at, seen.transfers_at) == (NOW, NOW, NOW)
    assert made.as_of == NOW + 2 * MINUTE
    assert not seen.ledger_is_sound(made.as_of)
    assert seen.ledger_is_sound(NOW + MINUTE)


async def test_each_venue_has_its_own() -> None:
    venue, reads = Lender(), TierReads()
    await told(reads, venue, timedelta(0))
    await reads.read("side", venue, BOTH, NOW, [])
    assert len(venue.questions("tiers")) == 2


async def test_a_refused_key_is_not_held_for_a_failed_read() -> None:
    venue = Lender()
    venue.errors["tiers"] = VenueAuthError("no")
    with pytest.raises(VenueAuthError):
        await told(TierReads(), venue, timedelta(0))


def test_what_is_held_matters_beside_what_is_watched() -> None:
    account = make_account(positions={"DOGE": "5"})
    assert margined("main", universe(), account) == {BTC_PERP, SOL_PERP, "DOGE/USDT:USDT"}
    assert margined("main", universe(), None) == BOTH
    assert margined("side", universe(), None) == frozenset()


async def test_a_look_carries_the_tables() -> None:
    assert (await look(Lender())).tiers == {BTC_PERP: flat_tier(dec("0.01"))}


# --- transfers


async def transfers_of(venue: Lender, *ours: Transfer) -> object:
    return (await look(venue, replace(make_recorded(), transfers=ours))).transfers


@pytest.mark.parametrize("state", [S.PENDING, S.UNKNOWN])
async def test_the_history_is_read_from_before_the_oldest_that_is_not_proven(
    state: TransferState,
) -> None:
    venue = Lender()
    old = make_transfer(state=state, created_at=NOW - HOUR)
    new = make_transfer(id="tr2", state=state)
    assert await transfers_of(venue, old, new) == (ROW,)
    assert venue.questions("transfers") == [NOW - HOUR - OVERLAP]


async def test_what_was_held_for_absent_is_looked_for_a_while_longer() -> None:
    venue = Lender()
    absent = make_transfer(state=S.REJECTED, reason=ABSENT)
    assert await transfers_of(venue, absent) == (ROW,)
    assert await transfers_of(venue, replace(absent, updated_at=NOW - HOUR)) == ()


@pytest.mark.parametrize(
    "ours",
    [
        (),
        (make_transfer(state=S.DONE),),
        (make_transfer(state=S.REJECTED, reason="-5013: too little"),),
        (make_transfer(state=S.UNKNOWN, venue="side"),),
    ],
    ids=["none", "done", "refused", "at another venue"],
)
async def test_nothing_in_doubt_asks_for_nothing(ours: tuple[Transfer, ...]) -> None:
    venue = Lender()
    assert await transfers_of(venue, *ours) == ()
    assert venue.questions("transfers") == []


async def test_a_history_that_was_not_told_is_none_and_a_problem() -> None:
    venue = Lender()
    venue.errors["transfers"] = VenueError("HTTP 502")
    unknown = make_transfer(state=S.UNKNOWN)
    seen = await look(venue, replace(make_recorded(), transfers=(unknown,)))
    assert seen.transfers is None
    assert seen.problems == ("transfers: HTTP 502",)
