"""Leaving looks out of a replay: while nothing can have changed anybody's mind, only the market is moved on.

A strategy says with its wake-ups how far prices may go and how long it may wait before it could answer differently
(:class:`~counterpoise.domain.decision.Wakeups`). Beside that a look is never left out after one that found anything
to do, was refused something or was told to look again; at a funding instant of a position; when a market halts,
trades again or is new; and when prices went so far that the margin guard could have something to say. What is left
out is exactly what would have been "nothing to do": a replay with and without it sends the same orders, which tests
hold over recorded markets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from counterpoise.app.cycle_report import CycleReport
from counterpoise.domain.decision import Wakeups
from counterpoise.domain.guarding import MarginVerdict, PoolState
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import AssetView, PortfolioView
from counterpoise.domain.records import TradingState
from counterpoise.venue.sim import MarketKind, SimExchange

_Market = tuple[MarketKind, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What the last look stood on. ``ends_at``: when to look again at the latest; ``prices`` are None in a halt.

    ``room``: by which factor (> 1) a price may have risen or fallen before margin matters; None: it does not.
    """

    assets: dict[str, AssetView]
    prices: dict[_Market, Decimal | None]
    wakeups: Wakeups
    ends_at: datetime | None
    room: Decimal | None


class Lull:
    """Says of every regular instant whether a look at it may be left out, and what it would have shown."""

    def __init__(self, policy: PortfolioPolicy, exchange: SimExchange) -> None:
        self._policy = policy
        self._exchange = exchange
        self._markets: dict[str, list[_Market]] = {asset: [] for asset in policy.assets}
        for rules in exchange.rules():
            if rules.quote == policy.quote and rules.base in self._markets:
                self._markets[rules.base].append((rules.kind, rules.symbol))
        self._ground: _Ground | None = None

    def begin(self, report: CycleReport) -> None:
        """Start from a look that has just ended."""
        self._ground = self._calm(report)

    def lasts(self, now: datetime) -> bool:
        """Whether nothing has happened since that look that anybody asked to see."""
        ground = self._ground
        if ground is None or (ground.ends_at is not None and now >= ground.ends_at):
            return False
        return all(
            self._stays(asset, market, ground)
            for asset, markets in self._markets.items()
            for market in markets
        )

    def moved(self) -> tuple[Decimal, Decimal] | None:
        """Return by how much equity and futures PnL changed since the last look, in quote. None outside a lull.

        Nothing was traded or paid in it, so that both follow from prices alone.
        """
        ground = self._ground
        if ground is None:
            return None
        coins, futures = ZERO, ZERO
        for asset, markets in self._markets.items():
            view = ground.assets[asset]
            kinds = {kind for kind, _ in markets}
            for market in markets:
                price, before = self._exchange.fair(*market), ground.prices[market]
                if price is None or before is None:
                    continue
                if market[0] is MarketKind.PERP:
                    futures += view.futures_qty * (price - before)
                if market[0] is MarketKind.SPOT or MarketKind.SPOT not in kinds:
                    coins += view.held_qty * (price - before)
        return coins + futures, futures

    def _stays(self, asset: str, market: _Market, ground: _Ground) -> bool:
        price, before = self._exchange.fair(*market), ground.prices[market]
        if price is None or before is None:
            return price is before
        if ground.room is not None and not 1 / ground.room < price / before < ground.room:
            return False
        seen = ground.assets[asset].price
        above, below = ground.wakeups.above.get(asset), ground.wakeups.below.get(asset)
        # levels are prices of the asset; another market of it may have gone as far, relative to where it stood
        reached = price * seen / before
        last = self._exchange.last(*market) if market[0] is MarketKind.PERP else reached
        return (above is None or max(reached, last) < above) and (
            below is None or min(reached, last) > below
        )

    def _calm(self, report: CycleReport) -> _Ground | None:
        """What the look stood on, None when the next one may not be left out."""
        view, decisions, plan = report.view, report.decisions, report.plan
        busy = plan.place or plan.keep or plan.cancel or plan.holds or report.refused
        moved = report.results or report.fills or report.alerts or report.snapshot.problems
        if report.drawdown.state is not None:
            return None  # every price may be a new high, or a loss
        if busy or moved or report.held or report.within_band is False:
            return None
        if decisions is None or not isinstance(view, PortfolioView):
            return None
        wakeups = _joined(decisions.wakeups.values())
        if wakeups.soon or report.state is not TradingState.RUN:
            return None
        safe, room = self._room(report.margin)
        if not safe:
            return None
        asked = [at for at in (report.wake_at, wakeups.at, _funding_at(report)) if at is not None]
        return _Ground(
            assets=dict(view.assets),
            prices={
                market: self._exchange.fair(*market)
                for markets in self._markets.values()
                for market in markets
            },
            wakeups=wakeups,
            ends_at=min(asked, default=None),
            room=room,
        )

    def _room(self, margin: MarginVerdict) -> tuple[bool, Decimal | None]:
        """Whether the margin guard has nothing to do, and by which factor prices may move while it has not.

        A pool that is d away is (1 + d) / (1 + m) - 1 away after a move of m against it.
        """
        rules = self._policy.margin
        if rules is None:
            return True, None
        if margin.unseen or any(s != PoolState() for s in margin.state.pools.values()):
            return False, None
        wide = rules.warn + rules.hysteresis
        rooms: list[Decimal] = []
        for check in margin.checks:
            if check.distance.up is not None:
                rooms.append((1 + check.distance.up) / (1 + wide))
            if check.distance.down is not None:
                rooms.append((1 - wide) / (1 + check.distance.down))
        room = min(rooms, default=None)
        return room is None or room > 1, room


def _joined(wakeups: Iterable[Wakeups]) -> Wakeups:
    made = Wakeups()
    for each in wakeups:
        made |= each
    return made


def _funding_at(report: CycleReport) -> datetime | None:
    """When the next funding of a position is due."""
    due = [
        quote.next_funding_at
        for seen in report.snapshot.venues.values()
        for symbol, quote in seen.quotes.items()
        if quote.next_funding_at is not None
        and seen.account is not None
        and symbol in seen.account.positions
    ]
    return min(due, default=None)
