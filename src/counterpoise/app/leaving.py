"""Leaving a portfolio: working orders are taken down (or left, by config), and what stays is told.

A cancel is the one request that may be sent without a durable row before it: sending it again does no harm, and at
a stop an order that nobody watches is the greater one. So a database that fails does not keep orders working.
"""

from __future__ import annotations

import asyncio

import structlog

from counterpoise.app.build import App
from counterpoise.domain.errors import StoreError
from counterpoise.domain.instrument import is_spot
from counterpoise.domain.numbers import text
from counterpoise.domain.order import Accepted, Order, OrderState
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.records import Changes, Recorded, TradingState
from counterpoise.execute.reconcile import bound
from counterpoise.notify.messages import lifecycle
from counterpoise.ports import Store

log = structlog.get_logger(__name__)

#: How long a venue may take to answer the cancels of a stop.
CANCEL_S = 5


async def leave(app: App, store: Store, policy: PortfolioPolicy) -> None:
    """Take down the working orders of ``policy`` and record and tell what stays.

    Never raises for a venue. Raises StoreError when what happened could not be read or recorded, after the cancels
    were sent all the same.
    """
    now = app.clock.now()
    try:
        recorded = await store.load(policy.id, now)
    except StoreError as error:
        log.critical("left_unseen", portfolio=policy.id, error=str(error))
        raise
    live = [o for o in recorded.orders if not o.state.is_final]
    ended: list[Order] = []
    if policy.execution.cancel_on_stop and not _halted(recorded):
        ended = await _withdrawn(app, live)
    message = f"Stopped watching {policy.id}; {_told(policy, recorded, live, ended)}"
    alert = lifecycle(policy.id, "stopped", message, now)
    try:
        await store.commit(Changes(portfolio=policy.id, orders=tuple(ended), alerts=(alert,)))
    except StoreError as error:
        log.critical("left_unrecorded", portfolio=policy.id, message=message, error=str(error))
        raise


async def _withdrawn(app: App, orders: list[Order]) -> list[Order]:
    """Cancel ``orders`` side by side and return those that the venue says have ended.

    Also those that nobody knows it has: what was being sent when the stop came may work, and a cancel proves it.
    """
    if not orders:
        return []
    tasks = {asyncio.create_task(app.venues[o.venue].cancel(o)): o for o in orders}
    await asyncio.wait(tasks, timeout=CANCEL_S)
    ended: list[Order] = []
    for task, order in tasks.items():
        if not task.done():
            task.cancel()
            continue
        outcome = task.exception() or task.result()
        if isinstance(outcome, Accepted):
            now = app.clock.now()
            # of one that is unproven its end is the first that is known
            state = order.state if order.state.is_unproven else OrderState.PENDING_CANCEL
            row = bound(order.moved(state, at=now, reason="stopping"), outcome.order, now)
            if row.state.is_final:
                ended.append(row)
    await asyncio.gather(*tasks, return_exceptions=True)
    return ended


def _halted(recorded: Recorded) -> bool:
    return recorded.portfolio.trading_state is TradingState.HALT


def _told(
    policy: PortfolioPolicy, recorded: Recorded, live: list[Order], ended: list[Order]
) -> str:
    """What became of the orders, and which hedges stay on: stopping is not closing."""
    parts: list[str] = []
    rest = len(live) - len(ended)
    if not live:
        parts.append("no order was working")
    elif _halted(recorded):
        parts.append(f"{len(live)} orders keep working: HALT sends nothing, not even a cancel")
    elif not policy.execution.cancel_on_stop:
        parts.append(f"{len(live)} orders keep working, as the config says")
    else:
        parts.append(f"{len(ended)} of {len(live)} working orders were taken down")
        if rest:
            parts.append(f"{rest} may still work and are looked up at the next start")
    held = [
        f"{text(p.own_qty)} {p.symbol}"
        for p in recorded.positions.values()
        if p.own_qty != 0 and not is_spot(p.symbol)  # coins traded are no hedge
    ]
    unread = live or any(o.awaits_fills for o in recorded.orders)
    known = " as far as fills were read" if unread else ""
    parts.append(f"hedges stay on: {', '.join(held)}{known}" if held else f"no hedge is on{known}")
    return "; ".join(parts)
