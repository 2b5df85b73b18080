"""Which process watches a portfolio, and how its last run ended: a document beside those of the guards. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from counterpoise.domain.doubting import PLAUSIBILITY, PlausibilityState
from counterpoise.domain.guard_documents import remembered
from counterpoise.domain.records import Recorded

#: Id of the document.
RUN = "run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run: on which ``host`` and by which ``pid``, since when, and when it was stopped; None: it was not yet."""

    host: str = ""
    pid: int = 0
    started_at: datetime | None = None
    stopped_at: datetime | None = None

    @property
    def data(self) -> dict[str, str]:
        """What programs are told of it."""
        return {"host": self.host, "pid": str(self.pid)}


def last_run(recorded: Recorded) -> Run | None:
    """Return the run before, None where none is on record."""
    return remembered(Run, recorded, RUN) if RUN in recorded.guards else None


def last_sign(recorded: Recorded, run: Run) -> datetime | None:
    """Return when ``run`` was last seen at work: its newest prices, order or start."""
    prices = remembered(PlausibilityState, recorded, PLAUSIBILITY).prices
    signs = [run.started_at, prices.good_at, *prices.older.values()]
    signs += [order.updated_at for order in recorded.orders]
    return max((at for at in signs if at is not None), default=None)
