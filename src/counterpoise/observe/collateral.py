"""Collateral in a look: the venue's margin tables, and its history of transfers while one of ours is in doubt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from counterpoise.domain.errors import VenueAuthError, VenueError
from counterpoise.domain.instrument import is_spot
from counterpoise.domain.margin import Tiers
from counterpoise.domain.portfolio import Universe
from counterpoise.domain.records import Recorded
from counterpoise.domain.snapshot import Account
from counterpoise.domain.transfer import VenueTransfer
from counterpoise.observe.reading import read
from counterpoise.ports import Treasury

#: Margin tables change with notice; they are read again this often.
TIERS_AGE = timedelta(hours=6)
#: How soon to ask again after they were not answered.
TIERS_RETRY = timedelta(minutes=1)
#: The history is read from this long before the oldest transfer in doubt: clocks differ.
OVERLAP = timedelta(minutes=1)


@dataclass(slots=True)
class _Known:
    """What one venue told, and when; ``asked`` are the symbols of the last answer.

    ``problem``: why there was no newer one.
    """

    asked: frozenset[str] = frozenset()
    due_at: datetime | None = None
    tiers: Mapping[str, Tiers] = field(default_factory=dict)
    told_at: datetime | None = None
    problem: str | None = None


class TierReads:
    """The margin tables of each venue. A new one asks again; what was known outlives an answer that failed."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    async def read(
        self,
        name: str,
        venue: Treasury,
        symbols: frozenset[str],
        now: datetime,
        problems: list[str],
    ) -> Mapping[str, Tiers]:
        """Return symbol -> margin table, as far as it is known; a question that failed is a problem."""
        known = self._known.setdefault(name, _Known())
        # after a failure the symbols do not matter: asking at once again would fail again
        waiting = known.due_at is not None and now < known.due_at
        if not (waiting and (known.problem is not None or symbols <= known.asked)):
            await self._ask(known, venue, symbols, now)
        if known.problem is not None:
            problems.append(known.problem)
        return known.tiers

    def told_at(self, name: str) -> datetime | None:
        """Return when the tables of a venue were told, None before they were."""
        known = self._known.get(name)
        return known.told_at if known is not None else None

    async def _ask(
        self, known: _Known, venue: Treasury, symbols: frozenset[str], now: datetime
    ) -> None:
        try:
            told = await venue.margin_tiers(sorted(symbols)) if symbols else {}
        except VenueAuthError:
            raise
        except VenueError as error:
            known.problem, known.due_at = f"margin tables: {error}", now + TIERS_RETRY
            return
        known.tiers, known.asked = dict(told), symbols
        known.problem, known.due_at, known.told_at = None, now + TIERS_AGE, now


def margined(name: str, universe: Universe, account: Account | None) -> frozenset[str]:
    """Return the contracts of a venue whose margin matters: those that are watched, and those that are held."""
    watched = (x.instrument.symbol for x in universe.watched if x.venue == name)
    held: Iterable[str] = account.positions if account is not None else ()
    return frozenset(s for s in (*watched, *held) if not is_spot(s))


async def read_transfers(
    name: str, venue: Treasury, recorded: Recorded, now: datetime, problems: list[str]
) -> tuple[VenueTransfer, ...] | None:
    """Return the venue's history since the oldest of our transfers that is in doubt; None when it was not told."""
    doubted = [t.created_at for t in recorded.transfers if t.venue == name and t.in_doubt(now)]
    if not doubted:
        return ()
    return await read("transfers", venue.transfers(min(doubted) - OVERLAP), problems)
