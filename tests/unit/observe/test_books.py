from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from counterpoise.domain.errors import VenueError
from counterpoise.domain.ledger import EntryKind, LedgerEntry, Settlement
from counterpoise.domain.numbers import dec
from counterpoise.domain.records import PositionRecord, Recorded
from counterpoise.observe.books import OVERLAP, LedgerReads, ended, read_settlement
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


def asked(venue: ShownVenue, *positions: PositionRecord) -> list[str]:
    return ended(VENUE, venue, make_recorded(positions=positions), NOW)


@pytest.mark.parametrize("mine", [("-0.3", "0"), ("0", "0.2"), ("0.2", "-0.1")])
def test_the_end_of_what_expired_is_asked_for(mine: tuple[str, str]) -> None:
    assert asked(ShownVenue(), holding(MARCH, *mine)) == [MARCH]


def test_own_and_foreign_that_cancel_out_are_asked_about_too() -> None:
    assert asked(ShownVenue(), holding(MARCH, "0.1", "-0.1")) == [MARCH]


def test_a_flat_record_a_living_contract_and_another_venue_are_not_asked_about() -> None:
    venue = ShownVenue()
    venue.listed[SEPTEMBER] = make_instrument(SEPTEMBER, expiry_at=NOW + 90 * 24 * HOUR)
    elsewhere = replace(holding(MARCH), venue="side")
    flat = holding(MARCH, "0")
    assert asked(venue, flat, holding(BTC_PERP), holding(SEPTEMBER), elsewhere) == []


@pytest.mark.parametrize(
    ("expiry_at", "expected"),
    [
        pytest.param(NOW - timedelta(seconds=1), [JUNE], id="past its hour"),
        pytest.param(NOW, [JUNE], id="at its hour"),
        pytest.param(NOW + timedelta(seconds=1), [], id="on its last day"),
        pytest.param(None, [JUNE], id="an hour nobody tells: from the day in its name"),
    ],
)
def test_the_listing_tells_the_hour(expiry_at: datetime | None, expected: list[str]) -> None:
    venue = ShownVenue()
    venue.listed[JUNE] = make_instrument(JUNE, expiry_at=expiry_at)
    assert asked(venue, holding(JUNE)) == expected


def test_what_trades_no_more_may_have_ended_early() -> None:
    venue = ShownVenue()
    gone = "BTC/USDT:USDT-251226"
    later = NOW + 90 * 24 * HOUR
    venue.listed[SEPTEMBER] = make_instrument(SEPTEMBER, expiry_at=later, active=False)
    assert asked(venue, holding(SEPTEMBER), holding(gone)) == [SEPTEMBER, gone]


async def test_an_end_is_taken_when_it_is_told() -> None:
    venue = ShownVenue()
    found: dict[str, Settlement] = {}
    problems: list[str] = []
    await read_settlement(venue, JUNE, found, problems)
    assert (found, problems) == ({}, []), "not known yet"
    venue.ended[JUNE] = Settlement(symbol=JUNE, price=dec(90_000), at=NOW)
    await read_settlement(venue, JUNE, found, problems)
    assert found == venue.ended
    venue.errors[f"settlement {MARCH}"] = VenueError("time-out")
    await read_settlement(venue, MARCH, found, problems)
    assert found == venue.ended
    assert problems == [f"settlement of {MARCH}: time-out"]
