"""What lasts: conditions that are told once when they begin and once when they are over.

What holds follows from the look, what was told before from the database; only how long something has stayed away is
remembered here, which makes it wait longer after a restart and nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial

from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.troubles import (
    inactive,
    is_lost,
    margin_said,
    residues,
    settings_now,
    unanswered,
    unproven_cancels,
    unproven_orders,
    untimely,
)
from counterpoise.decide.guards.rejects import AT_ONCE
from counterpoise.domain.events import Alert, Severity
from counterpoise.domain.instrument import base_of, is_spot
from counterpoise.domain.numbers import ZERO, significant, text
from counterpoise.domain.order import Order, OrderState, Side
from counterpoise.domain.plan import Refused
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.reasons import Reason
from counterpoise.domain.records import TradingState
from counterpoise.execute.reconcile import FOUND, Reconciled
from counterpoise.notify.clearing import cleared_text, order_found, orders_found
from counterpoise.notify.doubt_messages import doubt_conditions
from counterpoise.notify.drawdown_messages import drawdown_conditions
from counterpoise.notify.hedge_messages import hedge_conditions
from counterpoise.notify.margin_messages import (
    MARGINAL,
    missing_grown,
    pool_values,
    unproven_transfers,
)
from counterpoise.notify.messages import (
    DEAD_SINK,
    condition_cleared,
    condition_raised,
    order_values,
)

_Condition = tuple[Severity, str]


#: Raised and cleared by the daemon, which arms the countdown after a cycle.
DEAD_MAN = "dead_man:off"
#: Raised by the daemon while a look is late, and cleared by it once one has ended in time.
LATE_LOOK = "look:late"
#: Refusals that the trading state itself explains, or another condition.
_TOLD = frozenset(
    {
        "trading_state",
        "trading_state_reduce_only",
        "trading_state_coins",
        "flattening_adds",
        "off_peg",
        "drawdown_slow",
        "untimely",
        "untimely_clock",
        "untimely_line",
    }
)
#: Refusals that follow from what was told before, and as what.
_AGAIN = {"quarantined": "rejected", "quarantined_at_once": "barred"}
#: Conditions that only a cycle which decided something can see: one that held may not clear them.
_JUDGED = (
    "refused:",
    "leaving:",
    "position:",
    "waits:",
    "basis:",
    "basis_late:",
    "cross:",
    "inactive:",
    "residue:",
)
#: What a conversion waits for that only a person or a quieter market can give.
_NEEDS = frozenset(
    {
        "convert_apart",
        "convert_coins_locked",
        "convert_no_pair",
        "convert_quote_short",
        "convert_spread",
    }
)

#: How long nothing may be refused any more before that is told.
_STAYS_AWAY = timedelta(minutes=1)
#: ... while the position is still not the one wanted: what was let through rests or fills, and then it is the rest's
#: turn to be refused again.
_GOES_ON = timedelta(hours=2)


class Lasting:
    """The lasting conditions of one portfolio."""

    def __init__(self, policy: PortfolioPolicy) -> None:
        self._policy = policy
        #: Positions unexplained in the last cycle: a fill that arrives between two reads is no news.
        self._suspects: frozenset[str] = frozenset()
        #: Orders by id that were not proven while their contract's condition held, as they were seen last, by its key.
        self._lost: dict[str, dict[str, Order]] = {}
        #: Since when what was refused no longer is: it comes and goes with every order.
        self._away: dict[str, datetime] = {}

    def conditions(
        self, report: CycleReport, seen: Reconciled, raised: frozenset[str]
    ) -> tuple[Alert, ...]:
        """Return what newly holds and what no longer does. ``raised`` are the keys told before."""
        active = dict(self._active(report, seen, raised))
        self._lost = _lost_now(self._lost, report, seen)
        portfolio, at = self._policy.id, report.as_of
        data_of = partial(_data_of, report=report, seen=seen)
        # nothing is over at a venue whose collateral was not seen
        unseen = tuple(f"{what}:{venue}/" for venue in report.margin.unseen for what in MARGINAL)
        alerts = [
            condition_raised(portfolio, key, key.split(":")[0], severity, message, at, data_of(key))
            for key, (severity, message) in active.items()
            if key not in raised or key in missing_grown(report.margin)
        ]
        over = self._over(report, raised, active)
        alerts += [
            condition_cleared(
                portfolio,
                key,
                key.split(":")[0],
                self._said_over(key, report, seen),
                at,
                data_of(key),
            )
            for key in sorted(over)
            if key not in {DEAD_MAN, LATE_LOOK} and not key.startswith((*unseen, f"{DEAD_SINK}:"))
        ]
        return tuple(alerts)

    def _said_over(self, key: str, report: CycleReport, seen: Reconciled) -> str:
        """What is said of ``key`` that holds no longer: of orders what each was found to be."""
        kind, _, what = key.partition(":")
        known = tuple(self._lost.pop(key, {}).values()) or _found_now(key, seen)
        if known and not any(o.state.is_unproven for o in known):
            venue, _, symbol = what.partition(":")
            return orders_found(venue, symbol, known)
        rows = {o.client_order_id: o for o in (*seen.orders, *report.results)}
        found = rows.get(what) if kind in {"order", "wrong_reply"} else None
        if found is not None and not found.state.is_unproven:
            return order_found(found)
        if kind == "margin" and _took(what, seen):
            return f"{cleared_text(key, gone=True)}: the venue itself has closed positions there"
        return cleared_text(key, gone=_gone(key, report))

    def _over(
        self, report: CycleReport, raised: frozenset[str], active: Collection[str]
    ) -> Iterator[str]:
        """The keys that no longer hold, and have not for long enough where they come and go."""
        away = raised - set(active)
        self._away = {k: seen for k, seen in self._away.items() if k in away}
        for key in away:
            if report.held and key.startswith(_JUDGED):
                continue
            if report.state is not TradingState.RUN and _forbidden_too(key):
                continue  # the state lets nothing pass that could be refused
            if key.startswith("refused:"):
                away_for = report.as_of - self._away.setdefault(key, report.as_of)
                symbol = key.removeprefix("refused:").rpartition(":")[0]
                wanted = _wanted_still(report, symbol)
                if away_for < (_GOES_ON if wanted else _STAYS_AWAY):
                    continue
            yield key

    def _active(
        self, report: CycleReport, seen: Reconciled, raised: frozenset[str]
    ) -> Iterator[tuple[str, _Condition]]:
        """Every lasting condition that holds now, by key ``kind:what``."""
        yield from unanswered(report, seen.orders, raised)
        yield from untimely(report)
        yield from doubt_conditions(
            report.doubted.prices.shut, report.doubted.off_peg, report.unrestored
        )
        yield from settings_now(report, raised)
        yield from unproven_orders(report, seen.orders)
        yield from unproven_cancels(report, seen.orders)
        yield from _refused(report, raised)
        yield from inactive(report)
        yield from residues(report)
        yield from _rejected(report, raised)
        yield from _waits(report)
        yield from margin_said(report, self._policy, raised)
        yield from hedge_conditions(report.hedges, report.decisions, report.positions, report.as_of)
        yield from drawdown_conditions(report.drawdown, raised)
        yield from unproven_transfers((*seen.transfers, *report.transfers))
        suspects = frozenset(f"position:{v}:{s}" for v, s in seen.unexplained)
        for (where, symbol), why in seen.unexplained.items():
            key = f"position:{where}:{symbol}"
            if key in self._suspects or key in raised:
                yield key, (Severity.CRITICAL, _unexplained(symbol, where, why))
        self._suspects = suspects


def _unexplained(symbol: str, venue: str, why: Reason) -> str:
    """What keeps a contract from being traded, and what a person can do about it."""
    said = f"Nothing is sent on {symbol} at {venue}: {why.text}"
    if why.code != "position_unexplained":
        return said
    return (
        f"{said}. Somebody else traded on it, or the exchange shows it late. It goes on when the position is what"
        " is expected: trade the difference back, or take it as it is (on_foreign_change: accept)"
    )


def _data_of(key: str, *, report: CycleReport, seen: Reconciled) -> dict[str, str]:
    """Return the exact values behind the condition ``key``, beside those that its key tells."""
    kind, _, what = key.partition(":")
    if kind == "margin":
        pool = what.rpartition(":")[0]
        return next((pool_values(c) for c in report.margin.checks if c.key == pool), {})
    if kind == "order":
        lost = [o for o in (*seen.orders, *report.results) if is_lost(o)]
        here = {o.client_order_id for o in lost if f"{o.venue}:{o.symbol}" == what}
        return {"orders": ",".join(sorted(here))} if here else {}
    if kind == "wrong_reply":
        rows = {o.client_order_id: o for o in (*seen.orders, *report.results)}
        found = rows.get(what)
        return order_values(found) if found is not None else {}
    return {}


def _lost_now(
    before: Mapping[str, dict[str, Order]], report: CycleReport, seen: Reconciled
) -> dict[str, dict[str, Order]]:
    """The orders of each contract that are not proven, and those beside them that have been since."""
    found = {key: dict(orders) for key, orders in before.items()}
    rows = {o.client_order_id: o for o in (*seen.orders, *report.results)}
    for id_, order in rows.items():
        key = f"order:{order.venue}:{order.symbol}"
        if is_lost(order) or id_ in found.get(key, {}):
            found.setdefault(key, {})[id_] = order
    return found


def _found_now(key: str, seen: Reconciled) -> tuple[Order, ...]:
    """The orders that this very look proved something about: all that a new process knows."""
    return tuple(
        o
        for o in seen.changed
        if f"order:{o.venue}:{o.symbol}" == key and (o.reason == FOUND or o.is_absent)
    )


def _took(pool: str, seen: Reconciled) -> bool:
    """Whether the venue of ``pool`` (``main/USDT:near``) itself traded something away in this look."""
    return pool.partition("/")[0] in {venue for venue, _ in seen.forced}


def _forbidden_too(key: str) -> bool:
    """Whether a lowered trading state keeps from being done what ``key`` said is not done."""
    return key.startswith("refused:") or (
        key.startswith("margin:") and key.endswith(":stop_adding")
    )


def _gone(key: str, report: CycleReport) -> bool:
    """Whether nothing is left in the pool that ``key`` speaks of."""
    pools = {c.key for c in report.margin.checks if c.distance.adverse is not None}
    kind, _, rest = key.partition(":")
    return kind == "margin" and rest.rpartition(":")[0] not in pools


def _refused(report: CycleReport, raised: frozenset[str]) -> Iterator[tuple[str, _Condition]]:
    """What guards let not pass, with how much of it, by contract and cause."""
    found: dict[tuple[str, Side, str], list[Refused]] = {}
    for refusal in report.refused:
        order, code = refusal.order, refusal.reason.code
        if code in _TOLD or f"{_AGAIN.get(code)}:{order.symbol}" in raised:
            continue  # whoever set the state was told what it does
        found.setdefault((order.symbol, order.side, code), []).append(refusal)
    for (symbol, side, code), refusals in found.items():
        qty = text(significant(sum((r.order.qty for r in refusals), ZERO)))
        said = f"Refused to {side.value} {qty} {base_of(symbol)} with {symbol}"
        many = f" in {len(refusals)} orders. Of one of them:" if len(refusals) > 1 else ":"
        said = f"{said}{many} {refusals[-1].reason.text}"
        yield f"refused:{symbol}:{code}", (Severity.WARNING, said)


def _rejected(report: CycleReport, raised: frozenset[str]) -> Iterator[tuple[str, _Condition]]:
    """Contracts whose orders the venue does not take; so it stays until it takes one, or none is needed."""
    cancels = {c.order.client_order_id for c in report.plan.cancel}
    placed = [o for o in report.results if o.client_order_id not in cancels]
    taken = {o.symbol for o in placed if o.state not in {OrderState.REJECTED, OrderState.UNKNOWN}}
    for order in placed:
        if order.is_refusal:
            why = order.reason or ""
            text = f"The venue does not take orders to {order.side.value} {order.symbol}: {why}"
            advice = AT_ONCE.get(why.partition(":")[0])
            if advice is not None:
                # with a key of its own: a lesser refusal that was told does not hide it
                yield f"barred:{order.symbol}", (Severity.CRITICAL, f"{text}. So {advice}")
            else:
                yield f"rejected:{order.symbol}", (Severity.WARNING, text)
    for key in raised:
        kind, _, symbol = key.partition(":")
        if kind in {"rejected", "barred"} and symbol not in taken and not _reached(report, symbol):
            yield key, (Severity.WARNING, "")


def _waits(report: CycleReport) -> Iterator[tuple[str, _Condition]]:
    """Conversions that cannot go on by themselves (MEANING 15): then they ask."""
    for decision in report.decisions.decisions if report.decisions is not None else ():
        # while something still moves it is not the reason yet
        need = decision.reason
        if need.code in _NEEDS:
            key = f"waits:{decision.strategy}:{need.code}:{decision.asset}"
            yield key, (Severity.WARNING, f"{decision.strategy} waits: {need.text}")


def _wanted_still(report: CycleReport, symbol: str) -> bool:
    """Whether a position in ``symbol`` is wanted that is not there."""
    return any(t.symbol == symbol for t in report.plan.targets) and not _reached(report, symbol)


def _reached(report: CycleReport, symbol: str) -> bool:
    """Whether the position shown is the one wanted."""
    for target in report.plan.targets:
        if target.symbol == symbol and is_spot(symbol):
            traded = {(p.venue, p.symbol): p.own_qty for p in report.positions}
            return traded.get((target.venue, symbol), ZERO) == target.qty
        account = report.snapshot.venues[target.venue].account
        if target.symbol == symbol and account is not None:
            held = account.positions.get(symbol)
            return (held.qty if held is not None else ZERO) == target.qty
    return False
