"""What a look tells people: what happened (``moves``, ``strategy_news``, ``conversion_news``), and what lasts.

Fills and decisions are announced in the transaction that books them; conditions in the one that records what was done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.app.conversion_news import conversions_told
from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.judge import Judgement
from counterpoise.app.lasting import Lasting
from counterpoise.app.look import Look
from counterpoise.app.moves import Teller
from counterpoise.app.strategy_news import steps_of, strategies_told
from counterpoise.domain.course import COURSES, Courses
from counterpoise.domain.events import Alert
from counterpoise.domain.flows import is_dust
from counterpoise.domain.guard_documents import kept, remembered
from counterpoise.domain.guarding import Step
from counterpoise.domain.hedge_book import BookLine, LineKey
from counterpoise.domain.order import Order, OrderState
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import Contract, Universe
from counterpoise.domain.records import GuardRecord, Recorded, TradingState
from counterpoise.domain.transfer import Transfer
from counterpoise.execute.reconcile import TAKEN_DOWN, Reconciled
from counterpoise.notify.doubt_messages import (
    changes_accepted,
    setting_conditions,
)
from counterpoise.notify.foreign_messages import orders_taken_down
from counterpoise.notify.margin_messages import (
    reminder,
    state_lowered,
    transfers_told,
)
from counterpoise.notify.messages import (
    condition_raised,
    flow_found,
)

#: How often a halted portfolio that may be liquidated is spoken of.
REMIND_EVERY = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is told, and what is kept with it so that it is told once."""

    alerts: tuple[Alert, ...]
    guards: tuple[GuardRecord, ...] = ()


class Announcer:
    """Turns cycle results into alerts for one portfolio."""

    def __init__(
        self, policy: PortfolioPolicy, countdowns: Mapping[str, timedelta] | None = None
    ) -> None:
        self._policy = policy
        #: Venue -> after what silence it takes our orders down by itself.
        self._countdowns = countdowns or {}
        #: When the last look came to its end.
        self._looked_at: datetime | None = None
        self._lasting = Lasting(policy)
        #: When a halted portfolio's margin was last told of, by pool.
        self._reminded: dict[str, datetime] = {}

    def moved(
        self,
        seen: Reconciled,
        recorded: Recorded,
        judged: Judgement,
        universe: Universe,
        at: datetime,
        before: Mapping[LineKey, BookLine] | None = None,
        marks: Mapping[Contract, Decimal] | None = None,
    ) -> News:
        """Return what a look found and decided: flows, fills (``recorded`` already contains them), strategies.

        ``before`` is the hedge book before these fills, ``marks`` what contracts are worth.
        """
        portfolio, steps = self._policy.id, steps_of(self._policy, recorded, judged)
        look = Look(
            policy=self._policy,
            seen=seen,
            recorded=recorded,
            judged=judged,
            universe=universe,
            at=at,
            before=before or {},
            steps=steps,
            marks=marks or {},
        )
        known = remembered(Courses, recorded, COURSES)
        teller = Teller(look, known.ways)
        alerts = [
            flow_found(portfolio, flow, self._policy.quote)
            for flow in seen.flows
            if not is_dust(flow.qty, flow.price)
        ]
        alerts += changes_accepted(portfolio, seen.accepted, at)
        alerts += self._taken_down(seen, at)
        alerts += teller.moved()
        alerts += strategies_told(portfolio, steps, judged, at)
        alerts += conversions_told(look, teller)
        after = Courses(ways=teller.ways)
        kept_now = (kept(COURSES, after),) if after != known else ()
        return News(alerts=tuple(alerts), guards=kept_now)

    def _taken_down(self, seen: Reconciled, at: datetime) -> Iterator[Alert]:
        """Orders that somebody else took down, by contract; what a countdown may have done is not told as that."""
        found: dict[Contract, list[Order]] = {}
        for order in seen.changed:
            if order.reason == TAKEN_DOWN and order.state is OrderState.CANCELED:
                found.setdefault((order.venue, order.symbol), []).append(order)
        for (venue, symbol), orders in found.items():
            span = self._countdowns.get(venue)
            # it is set anew when a third of it has passed
            silent = (
                self._looked_at is None or at - self._looked_at >= (span or timedelta()) * 2 / 3
            )
            if span is None or not silent:
                yield orders_taken_down(self._policy.id, venue, symbol, orders, at)

    def guarded(
        self, judged: Judgement, recorded: Recorded, settled: tuple[Transfer, ...], at: datetime
    ) -> tuple[Alert, ...]:
        """Return what guards did to the trading state, what became of collateral, and what HALT keeps undone."""
        alerts = list(transfers_told(self._policy.id, settled, at))
        checks = judged.margin.checks
        alerts += self._settings(judged, recorded, at)
        if recorded.portfolio.trading_state is not TradingState.HALT:
            self._reminded.clear()
            return tuple(alerts)
        for check in checks:
            last = self._reminded.get(check.key)
            if check.step > Step.SAFE and (last is None or at - last >= REMIND_EVERY):
                self._reminded[check.key] = at
                alerts.append(reminder(self._policy.id, check, at))
        return tuple(alerts)

    def _settings(self, judged: Judgement, recorded: Recorded, at: datetime) -> Iterator[Alert]:
        """What changed behind our back, told before anything is done about it, and the state a guard lowered."""
        portfolio, changes, lower = self._policy.id, judged.margin.changes, judged.lowered
        told = dict(setting_conditions(changes, lower.state if lower is not None else None))
        new = {key: said for key, said in told.items() if key not in recorded.raised}
        for key, (severity, said) in new.items():
            yield condition_raised(portfolio, key, key.split(":")[0], severity, said, at)
        # a change that is told for the first time tells the state with it
        said_so = [change.why for change in changes if change.key in new]
        if lower is not None and lower.why not in said_so:
            yield state_lowered(portfolio, lower, at)

    def conditions(
        self, report: CycleReport, seen: Reconciled, raised: frozenset[str]
    ) -> tuple[Alert, ...]:
        """Return what newly holds and what no longer does. ``raised`` are the keys told before."""
        self._looked_at = report.as_of
        return self._lasting.conditions(report, seen, raised)
