"""A cycle's report of the default world, so that a test names only what it is about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from counterpoise.app.cycle_report import CycleReport
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.records import TradingState
from counterpoise.domain.snapshot import Snapshot
from counterpoise.execute.reconcile import Reconciled
from tests.build import NOW, PORTFOLIO, make_policy, make_snapshot, make_view

SPOT = {"BTC": 1, "SOL": 300, "USDT": 0}
FUTURES = {"USDT": 20_000}

#: A look that changed nothing.
UNCHANGED = Reconciled(orders=(), changed=(), fills=(), positions=(), unexplained={})


def healthy_snapshot(**changes: Any) -> Snapshot:
    """1 BTC at 100,000, 300 SOL at 100, 20,000 USDT of collateral: 150,000 in all."""
    return make_snapshot(**{"spot": SPOT, "futures": FUTURES, **changes})


def make_report(
    snapshot: Snapshot | None = None, policy: PortfolioPolicy | None = None, **changes: Any
) -> CycleReport:
    """A cycle that had nothing to do."""
    seen = snapshot if snapshot is not None else healthy_snapshot()
    made = CycleReport(
        cycle_id="treasury-1",
        portfolio=PORTFOLIO,
        as_of=seen.as_of,
        state=TradingState.RUN,
        view=changes.pop("view", None) or make_view(seen, policy or make_policy()),
        snapshot=seen,
    )
    return replace(made, **changes)


__all__ = ["NOW", "UNCHANGED", "healthy_snapshot", "make_report"]
