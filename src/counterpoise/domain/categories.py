"""What an alert is about: the word by which people route it (``alerts: {<sink>: {routing: {hedge: silent}}}``).

A new kind of alert gets its line in :data:`CATEGORIES`; a test finds one that was forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Category(StrEnum):
    """What an alert is about."""

    HEDGE = "hedge"  # opened, adjusted, closed; targets and tranches of strategies
    LADDER = "ladder"  # how a position is being moved
    CONVERSION = "conversion"  # spot instead of futures: begun, on its way, done, waiting
    MARGIN = "margin"  # how far liquidation is, and what is done about it
    COLLATERAL = "collateral"  # money moved, or missing
    CARRY = "carry"  # funding, basis, cross hedges: what a hedge costs and how well it fits
    ORDERS = "orders"  # without a proven outcome, refused, not taken
    DATA = "data"  # not answered, stale, not believed
    FOREIGN = "foreign"  # what others did in the account
    FLOW = "flow"  # deposits and withdrawals
    STATE = "state"  # the trading state, and what lowered it
    OPERATOR = "operator"  # what people said, and what waits for their answer
    OWNERSHIP = "ownership"  # which process may write
    LIFECYCLE = "lifecycle"  # start, stop, recovery, keys, trouble of the process itself
    REPORT = "report"  # regular reports
    OTHER = "other"  # of another version


#: Kind of an alert -> what it is about. The kind of a lasting condition is the first word of its key.
CATEGORIES: Mapping[str, Category] = {
    "approval": Category.OPERATOR,
    "barred": Category.ORDERS,
    "basis": Category.CARRY,
    "basis_late": Category.CARRY,
    "carry": Category.CARRY,
    "carry_ask": Category.CARRY,
    "coins_traded": Category.CONVERSION,
    "collateral": Category.COLLATERAL,
    "collateral_moved": Category.COLLATERAL,
    "conversion": Category.CONVERSION,
    "conversion_begun": Category.CONVERSION,
    "conversion_ended": Category.CONVERSION,
    "cross": Category.CARRY,
    "cross_unmeasured": Category.CARRY,
    "dead_man": Category.LIFECYCLE,
    "drawdown": Category.STATE,
    "flow": Category.FLOW,
    "frozen": Category.ORDERS,
    "hedge_adjusted": Category.HEDGE,
    "hedge_closed": Category.HEDGE,
    "hedge_opened": Category.HEDGE,
    "hold": Category.DATA,
    "inactive": Category.ORDERS,
    "key": Category.LIFECYCLE,
    "ladder": Category.LADDER,
    "leaving": Category.ORDERS,
    "left_working": Category.ORDERS,
    "look": Category.LIFECYCLE,
    "margin": Category.MARGIN,
    "margin_differs": Category.MARGIN,
    "margin_halted": Category.MARGIN,
    "margin_table": Category.MARGIN,
    "margin_unseen": Category.MARGIN,
    "off_peg": Category.DATA,
    "operator": Category.OPERATOR,
    "order": Category.ORDERS,
    "owner_moved": Category.OWNERSHIP,
    "position": Category.FOREIGN,
    "position_accepted": Category.FOREIGN,
    "price": Category.DATA,
    "recovered": Category.LIFECYCLE,
    "refused": Category.ORDERS,
    "rejected": Category.ORDERS,
    "report_daily": Category.REPORT,
    "report_weekly": Category.REPORT,
    "residue": Category.LADDER,
    "settings": Category.FOREIGN,
    "sink": Category.LIFECYCLE,
    "start_waits": Category.LIFECYCLE,
    "started": Category.LIFECYCLE,
    "state_lowered": Category.STATE,
    "stopped": Category.LIFECYCLE,
    "strategy_turned": Category.HEDGE,
    "taken_down": Category.FOREIGN,
    "target_hit": Category.HEDGE,
    "tranche": Category.HEDGE,
    "taken_by_venue": Category.MARGIN,
    "transfer": Category.COLLATERAL,
    "unrestored": Category.FOREIGN,
    "untimely": Category.DATA,
    "venue": Category.DATA,
    "waits": Category.CONVERSION,
    "wrong_reply": Category.ORDERS,
}


def category_of(kind: str) -> Category:
    """Return what alerts of ``kind`` are about; OTHER for a kind of another version."""
    return CATEGORIES.get(kind, Category.OTHER)
