from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from counterpoise.domain.errors import VenueError
from counterpoise.domain.ledger import EntryKind, LedgerEntry, Settlement
from counterpoise.domain.numbers import dec
from counterpoise.domain.records import PositionRecord, Recorded
from counterpoise.observe.books import OVERLAP, LedgerReads, read_settlements
from tests.build import BTC_PERP, NOW, VENUE, make_instrument, make_recorded
from tests.unit.observe.shown import HOUR, STARTED, ShownVenue

MARCH = "BTC/USDT:USDT-250327"
JUNE = "BTC/USDT:USDT-250602"
SEPTEMBER = "BTC/USDT:USDT-250926"


def entry(id_: str, at: datetime = NOW) -> LedgerEntry:
    return LedgerEntry(venue=VENUE, id=id_, kind=EntryKind.FUNDING, asset="USDT", qty=dec(1), at=at)


async def read(
    reads: LedgerReads, venue: ShownVenue, recorded: Recorded | None = None, at: datetime = NOW
) -> list[str] | None:
    entries = await reads.read(VENUE, venue, recorded or make_recorded(), at, [])
    return None if entries is None else [e.id for e in entries]


# --- the ledger


async def test_books_are_read_from_the_first_start_and_then_from_the_newest_known_entry() -> None:
    venue = ShownVenue()
    await read(LedgerReads(), venue)
    await read(LedgerReads(), venue, make_recorded(ledger_at={VENUE: STARTED + 5 * HOUR}))
    await read(LedgerReads(), venue, make_recorded(ledger_at={"side": STARTED + 5 * HOUR}))
    assert venue.asked == [
        ("ledger", STARTED - OVERLAP),
        ("ledger", STARTED + 5 * HOUR - OVERLAP),
        ("ledger", STARTED - OVERLAP),
    ]


async def test_quiet_books_are_not_read_from_the_start_each_time() -> None:
    venue, reads = ShownVenue(), LedgerReads()
    await read(reads, venue, at=STARTED + 9 * HOUR)
    reads.stored()
    await read(reads, venue, at=STARTED + 9 * HOUR)
    assert venue.asked[1] == ("ledger", STARTED + 9 * HOUR - OVERLAP)


async def test_what_is_stored_is_not_handed_out_again() -> None:
    venue, reads = ShownVenue(), LedgerReads()
    venue.booked = (entry("1"), entry("2"))
    assert await read(reads, venue) == ["1", "2"]
    reads.stored()
    venue.booked += (entry("3"),)
    assert await read(reads, venue) == ["3"]
    reads.stored()
    assert await read(reads, venue) == []


async def test_an_entry_that_was_published_late_is_new() -> None:
    venue, reads = ShownVenue(), LedgerReads()
    venue.booked = (entry("2", NOW + HOUR),)
    await read(reads, venue, at=NOW + HOUR)
    reads.stored()
    venue.booked = (entry("1", NOW + HOUR / 2), *venue.booked)
    recorded = make_recorded(ledger_at={VENUE: NOW + HOUR})
    assert await read(reads, venue, recorded, NOW + HOUR) == ["1"]
    assert venue.asked[-1] == ("ledger", NOW + HOUR - OVERLAP)


async def test_what_could_not_be_stored_is_read_again() -> None:
    venue, reads = ShownVenue(), LedgerReads()
    venue.booked = (entry("1"),)
    assert await read(reads, venue, at=NOW + 9 * HOUR) == ["1"]
    assert await read(reads, venue, at=NOW + 10 * HOUR) == ["1"]
    assert venue.asked[-1] == ("ledger", STARTED - OVERLAP)


async def test_a_look_that_failed_takes_no_earlier_one_for_stored() -> None:
    venue, reads = ShownVenue(), LedgerReads()
    venue.booked = (entry("1"),)
    await read(reads, venue, at=NOW + 9 * HOUR)
    venue.errors["ledger"] = VenueError("time-out")
    assert await read(reads, venue, at=NOW + 10 * HOUR) is None
    reads.stored()
    venue.errors.clear()
    assert await read(reads, venue, at=NOW + 11 * HOUR) == ["1"]


# --- settlements


def holding(symbol: str, own: str = "-0.3", baseline: str = "0") -> PositionRecord:
    return PositionRecord(venue=VENUE, symbol=symbol, own_qty=dec(own), baseline_qty=dec(baseline))


async def settlements(venue: ShownVenue, *positions: PositionRecord) -> dict[str, Settlement]:
    recorded = make_recorded(positions=positions)
    return await read_settlements(VENUE, venue, recorded, NOW, [])


def asked(venue: ShownVenue) -> list[str]:
    return [what.split()[1] for what, _ in venue.asked]


@pytest.mark.parametrize("mine", [("-0.3", "0"), ("0", "0.2"), ("0.1", "-0.1")])
async def test_the_end_of_what_expired_is_asked_for(mine: tuple[str, str]) -> None:
    venue = ShownVenue()
    venue.ended[MARCH] = Settlement(symbol=MARCH, price=dec(90_000), at=NOW)
    assert await settlements(venue, holding(MARCH, *mine)) == venue.ended


async def test_an_end_that_is_not_known_yet_is_left_out() -> None:
    venue = ShownVenue()
    assert await settlements(venue, holding(MARCH)) == {}
    assert asked(venue) == [MARCH]


async def test_a_flat_record_a_living_contract_and_another_venue_are_not_asked_about() -> None:
    venue = ShownVenue()
    venue.listed[SEPTEMBER] = make_instrument(SEPTEMBER, expiry_at=NOW + 90 * 24 * HOUR)
    elsewhere = replace(holding(MARCH), venue="side")
    await settlements(venue, holding(MARCH, "0"), holding(BTC_PERP), holding(SEPTEMBER), elsewhere)
    assert asked(venue) == []


@pytest.mark.parametrize(
    ("expiry_at", "expected"),
    [
        pytest.param(NOW - timedelta(seconds=1), [JUNE], id="past its hour"),
        pytest.param(NOW, [JUNE], id="at its hour"),
        pytest.param(NOW + timedelta(seconds=1), [], id="on its last day"),
        pytest.param(None, [JUNE], id="an hour nobody tells: from the day in its name"),
    ],
)
async def test_the_listing_tells_the_hour(expiry_at: datetime | None, expected: list[str]) -> None:
    venue = ShownVenue()
    venue.listed[JUNE] = make_instrument(JUNE, expiry_at=expiry_at)
    await settlements(venue, holding(JUNE))
    assert asked(venue) == expected


async def test_what_trades_no_more_may_have_ended_early() -> None:
    venue = ShownVenue()
    gone = "BTC/USDT:USDT-251226"
    later = NOW + 90 * 24 * HOUR
    venue.listed[SEPTEMBER] = make_instrument(SEPTEMBER, expiry_at=later, active=False)
    await settlements(venue, holding(SEPTEMBER), holding(gone))
    assert asked(venue) == [SEPTEMBER, gone]


async def test_an_answer_that_failed_is_named_and_hides_no_other() -> None:
    venue = ShownVenue()
    ended = Settlement(symbol=JUNE, price=dec(90_000), at=NOW)
    venue.ended[JUNE] = ended
    venue.errors[f"settlement {MARCH}"] = VenueError("time-out")
    problems: list[str] = []
    recorded = make_recorded(positions=[holding(MARCH), holding(JUNE)])
    found = await read_settlements(VENUE, venue, recorded, NOW, problems)
    assert found == {JUNE: ended}
    assert problems == [f"settlement of {MARCH}: time-out"]
