"""What a cycle tells people: hedges that moved, and lasting conditions, raised once and cleared once.

Fills are announced in the transaction that books them; conditions in the one that records what was done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.judge import Judgement
from counterpoise.app.lasting import Lasting
from counterpoise.domain.events import Alert, Severity
from counterpoise.domain.flows import is_dust
from counterpoise.domain.guarding import SELLER, Step
from counterpoise.domain.hedge_book import BookLine, LineKey
from counterpoise.domain.instrument import is_spot
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import Contract, PortfolioView, Universe
from counterpoise.domain.records import Recorded, TradingState
from counterpoise.domain.transfer import Transfer
from counterpoise.execute.reconcile import Reconciled
from counterpoise.notify.doubt_messages import (
    changes_accepted,
    setting_conditions,
)
from counterpoise.notify.margin_messages import (
    reminder,
    state_lowered,
    transfers_told,
)
from counterpoise.notify.messages import (
    coins_traded,
    condition_raised,
    flow_found,
    hedge_moved,
)

#: How often a halted portfolio that may be liquidated is spoken of.
REMIND_EVERY = timedelta(minutes=15)


class Announcer:
    """Turns cycle results into alerts for one portfolio."""

    def __init__(self, policy: PortfolioPolicy) -> None:
        self._policy = policy
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
    ) -> tuple[Alert, ...]:
        """Return one alert per contract that our fills moved (``recorded`` already contains them) and per flow.

        ``before`` is the hedge book before these fills.
        """
        assets = {(x.venue, x.instrument.symbol): a for a, x in universe.contracts}
        alerts = [
            flow_found(self._policy.id, flow, self._policy.quote)
            for flow in seen.flows
            if not is_dust(flow.qty, flow.price)
        ]
        alerts += changes_accepted(self._policy.id, seen.accepted, at)
        for position in seen.positions:
            key = (position.venue, position.symbol)
            fills = tuple(f for f in seen.fills if (f.venue, f.symbol) == key)
            if not fills:
                continue
            if is_spot(position.symbol):
                target = recorded.targets.get(key)
                why = target.why if target is not None else ""
                sold = coins_traded(self._policy.id, position.symbol, fills, why, at)
                # coins go only where people allowed it: they are told louder than of a strategy's trade
                loud = Severity.WARNING if _sold_by_guard(key, seen, before) else sold.severity
                alerts.append(replace(sold, severity=loud))
                continue
            after = recorded.positions[key].own_qty
            was = after - sum((f.signed_qty for f in fills), ZERO)
            asset = assets.get(key, position.symbol)
            # the target the fills worked for: a new one of this very cycle is not in the records yet
            target = recorded.targets.get(key)
            weight_after = weight_before = None
            if isinstance(judged.view, PortfolioView) and asset in judged.view.assets:
                view = judged.view.assets[asset]
                exposure = view.exposure_qty + _not_shown_yet(key, seen, after - was)
                weight_after = view.weight_of(exposure)
                weight_before = view.weight_of(exposure - (after - was))
            forced = seen.forced.get(key)
            told = hedge_moved(
                self._policy.id,
                asset,
                position.symbol,
                was,
                after,
                fills,
                weight_before,
                weight_after,
                forced.text if forced is not None else target.why if target is not None else "",
                at,
            )
            loud = Severity.CRITICAL if forced is not None else told.severity
            alerts.append(replace(told, severity=loud))
        return tuple(alerts)

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
        return self._lasting.conditions(report, seen, raised)


def _sold_by_guard(
    pair: Contract, seen: Reconciled, before: Mapping[LineKey, BookLine] | None
) -> bool:
    """Whether the margin guard's own line in ``pair`` was moved."""
    key = (SELLER, *pair)
    line, was = seen.booked.lines.get(key), (before or {}).get(key)
    return line is not None and line.qty != (was.qty if was is not None else ZERO)


def _not_shown_yet(contract: Contract, seen: Reconciled, moved: Decimal) -> Decimal:
    """What the position that was read lacks of the fills that were read after it, base units."""
    why = seen.unexplained.get(contract)
    if why is None or why.code != "position_unexplained":
        return ZERO
    gap = dec(why.numbers["expected"]) - dec(why.numbers["position"])
    newer = gap * moved > 0 and abs(gap) <= abs(moved)
    return gap if newer else ZERO
