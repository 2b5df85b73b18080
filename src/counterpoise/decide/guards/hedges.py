"""The guards of open hedges, side by side: carry, basis, relation."""

from __future__ import annotations

from counterpoise.decide.guards.basis import basis_record, guard_basis
from counterpoise.decide.guards.funding import carry_record, guard_funding
from counterpoise.decide.guards.relation import guard_relation, relation_record
from counterpoise.domain.hedge_guards import HedgeVerdicts
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import Universe
from counterpoise.domain.records import GuardRecord, Recorded
from counterpoise.domain.snapshot import Snapshot


def guard_hedges(
    snapshot: Snapshot, recorded: Recorded, policy: PortfolioPolicy, universe: Universe
) -> HedgeVerdicts:
    """Return what each of them makes of the look."""
    return HedgeVerdicts(
        carry=guard_funding(snapshot, recorded, policy, universe),
        basis=guard_basis(snapshot, recorded, policy, universe),
        relation=guard_relation(snapshot, recorded, policy, universe),
    )


def hedge_records(verdicts: HedgeVerdicts) -> tuple[GuardRecord, ...]:
    """Return what they remember, as it is kept."""
    return (
        carry_record(verdicts.carry.state),
        basis_record(verdicts.basis.state),
        relation_record(verdicts.relation.state),
    )
