"""The same cycle on a simulated venue, a memory store and a manual clock: minutes of market in milliseconds.

Replay is no second engine. It drives :class:`~counterpoise.app.cycle.Cycle` by the same schedule and wake-ups as
the daemon, so what it shows is what a live run would have done on that market. Only the journal is shorter: looks
that change nothing are counted, not written (:mod:`counterpoise.app.rows`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.app.cycle import Cycle
from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.pace import Pace
from counterpoise.app.rows import ChangedLooks
from counterpoise.app.start import first_start
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import universe_of
from counterpoise.domain.reporting import ReportPlan
from counterpoise.ports import Clock, Exchange, Store


async def replay(  # noqa: PLR0913 - what is played, on what, and how it is watched
    policy: PortfolioPolicy,
    venue: Exchange,
    store: Store,
    clock: Clock,
    *,
    until: datetime,
    every: timedelta,
    on_cycle: Callable[[CycleReport], None] = lambda _: None,
    may_leave_out: Callable[[datetime], bool] = lambda _: False,
    reports: ReportPlan | None = None,
) -> int:
    """Run cycles until ``until`` and return how many. Time moves by ``clock.sleep``, which moves the market.

    ``may_leave_out`` is asked at every regular instant but the last whether nobody needs a look there; what a cycle
    asked for earlier is never left out. ``reports``: when regular reports are told, None: never.
    """
    await venue.open()
    instruments = {venue.id: venue.instruments()}
    accounts = {venue.id: await venue.account()}
    universe = universe_of(policy, instruments)
    if await store.portfolio(policy.id) is None:
        await store.commit(first_start(policy, "replay", accounts, universe, clock.now()))
    cycle = Cycle(policy, {venue.id: venue}, store, clock, rows=ChangedLooks(), reports=reports)
    pace = Pace(every)
    cycles = 0
    while True:
        report = await cycle.run()
        cycles += 1
        on_cycle(report)
        due = pace.next_look(report, clock.now())
        if due > until:
            return cycles
        await clock.sleep(_seconds(due - clock.now()))
        while may_leave_out(clock.now()):
            due = pace.next_regular(clock.now())
            if due > until:
                break
            await clock.sleep(_seconds(due - clock.now()))


def _seconds(span: timedelta) -> Decimal:
    return dec(span // timedelta(microseconds=1)) / 1_000_000
