"""Since when and why a portfolio's trading state holds, and who set it: a document beside the state itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from counterpoise.domain.guard_documents import kept, remembered
from counterpoise.domain.instants import iso
from counterpoise.domain.records import GuardRecord, Recorded, TradingState

#: The id of the document.
STANDING = "trading_state"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """``state`` holds since ``since``; ``why`` reads after "because", ``by`` is a guard's id or a person's name."""

    state: str = ""
    since: datetime | None = None
    why: str = ""
    by: str = ""


def standing_record(state: TradingState, since: datetime, why: str, by: str) -> GuardRecord:
    """Return why ``state`` holds from ``since`` on, as it is kept."""
    return kept(STANDING, Standing(state=state.value, since=since, why=why, by=by))


def standing_of(recorded: Recorded) -> Standing | None:
    """Return why the recorded state holds; None where that was not kept, or speaks of another state.

    Raises ValueError for a document of another shape.
    """
    known = remembered(Standing, recorded, STANDING)
    return known if known.state == recorded.portfolio.trading_state.value else None


def standing_rows(standing: Standing | None) -> Mapping[str, str | None]:
    """Return ``state_since``, ``state_why`` and ``state_by`` as JSON; null where they are not known."""
    if standing is None or standing.since is None:
        return {"state_since": None, "state_why": None, "state_by": None}
    return {
        "state_since": iso(standing.since),
        "state_why": standing.why,
        "state_by": standing.by,
    }
