"""When a cycle wants to look again before the schedule does. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from counterpoise.app.calendar import next_instant
from counterpoise.app.judge import Judgement
from counterpoise.domain.order import OrderState
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.transfer import TransferState
from counterpoise.execute.executor import Execution

#: How soon to look again when an order's state is in motion.
SOON = timedelta(seconds=1)


def wake_at(
    policy: PortfolioPolicy, judged: Judgement, execution: Execution, now: datetime
) -> datetime | None:
    """Return when to look again: at once when something moved, else when anyone asks, None when nobody does."""
    in_motion = any(
        o.state is OrderState.UNKNOWN or o.state is OrderState.PENDING_CANCEL or o.filled_qty > 0
        for o in execution.orders
    ) or any(t.state is not TransferState.REJECTED for t in execution.transfers)
    if in_motion or any(o.state is OrderState.CANCELED for o in execution.canceled):
        return now + SOON
    asked = [judged.plan.wake_at, next_instant(policy, now)]
    if judged.decisions is not None:
        asked += [w.at for w in judged.decisions.wakeups.values() if w.at and w.at > now]
    return min((at for at in asked if at is not None), default=None)
