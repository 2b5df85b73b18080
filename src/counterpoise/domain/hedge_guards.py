"""What the guards of open hedges found in one look: what they cost, where their contracts stand, what they rest on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from counterpoise.domain.carrying import (
    UNCOUNTED,
    UNWATCHED,
    BasisVerdict,
    Brakes,
    CarryVerdict,
    tightest,
)
from counterpoise.domain.relation import UNRELATED, RelationVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeVerdicts:
    """The verdicts of the funding, the basis and the relation guard."""

    carry: CarryVerdict = UNCOUNTED
    basis: BasisVerdict = UNWATCHED
    relation: RelationVerdict = UNRELATED

    @property
    def brakes(self) -> Brakes:
        """What they leave of what strategies want."""
        cuts = tightest(self.carry.cuts, self.relation.cuts)
        return Brakes(cuts=cuts, waits=self.basis.waits)

    @property
    def wake_at(self) -> datetime | None:
        """When the earliest of them wants to look again."""
        asked = (self.carry.wake_at, self.basis.wake_at, self.relation.wake_at)
        return min((at for at in asked if at is not None), default=None)


#: Where nothing is guarded.
NO_VERDICTS = HedgeVerdicts()
