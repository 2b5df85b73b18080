"""Leaving a portfolio: working orders are taken down (or left, by config), and what stays is told.

A cancel is the one request that may be sent without a durable row before it: sending it again does no harm, and at
a stop an order that nobody watches is the greater one. So a database that fails does not keep orders working.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from counterpoise.app.build import App
from counterpoise.app.withdrawing import Withdrawn, withdraw
from counterpoise.domain.errors import StoreError
from counterpoise.domain.events import Severity
from counterpoise.domain.guard_documents import kept
from counterpoise.domain.instrument import is_spot
from counterpoise.domain.numbers import counted, text
from counterpoise.domain.order import Order, OrderState
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.records import Changes, Recorded, TradingState
from counterpoise.domain.running import RUN, last_run
from counterpoise.notify.lifecycle_messages import stopped
from counterpoise.notify.messages import LEFT_WORKING, condition_raised
from counterpoise.ports import Store

log = structlog.get_logger(__name__)

#: How long orders are taken down at most, in seconds, where nothing else of the stop took time.
TAKE_DOWN_S = 14
#: How much of a venue's words stands in an alert.
MOST_SAID = 120


async def leave(
    app: App, store: Store, policy: PortfolioPolicy, seconds: float = TAKE_DOWN_S
) -> tuple[Order, ...]:
    """Take down the working orders of ``policy`` within ``seconds``, and record and tell what stays.

    Returns the orders that were to go and may still work. Never raises for a venue. Raises StoreError when what
    happened could not be read or recorded, after the cancels were sent all the same.
    """
    now = app.clock.now()
    try:
        recorded = await store.load(policy.id, now)
    except StoreError as error:
        log.critical("left_unseen", portfolio=policy.id, error=str(error))
        raise
    live = [o for o in recorded.orders if not o.state.is_final]
    rows: list[Withdrawn] = []
    if policy.execution.cancel_on_stop and not _halted(recorded):
        rows = await withdraw(app, live, seconds)
    left = [r for r in rows if not r.ended]
    now, run = app.clock.now(), last_run(recorded)
    alerts = [stopped(policy.id, run, _told(policy, recorded, live, rows), now)]
    message = alerts[0].text
    ended = (kept(RUN, replace(run, stopped_at=now)),) if run is not None else ()
    if left:
        said = _warning(left)
        log.critical("left_working", portfolio=policy.id, message=said)
        alerts.append(
            condition_raised(policy.id, LEFT_WORKING, LEFT_WORKING, Severity.CRITICAL, said, now)
        )
    known = {o.client_order_id: o for o in live}
    changed = tuple(r.order for r in rows if r.order != known[r.order.client_order_id])
    try:
        await store.commit(
            Changes(portfolio=policy.id, orders=changed, alerts=tuple(alerts), guards=ended)
        )
    except StoreError as error:
        log.critical("left_unrecorded", portfolio=policy.id, message=message, error=str(error))
        raise
    return tuple(r.order for r in left)


def _warning(left: list[Withdrawn]) -> str:
    """Which orders may work unwatched, why, and what to do."""
    told = "; ".join(
        f"{o.side.value} {text(o.remaining_qty)} {o.symbol} at {o.venue}, id {o.client_order_id}"
        f" (the venue on its cancel: {_cut(row.said)})"
        for row in left
        for o in (row.order,)
    )
    orders = "an order that may" if len(left) == 1 else f"{len(left)} orders that may"
    return (
        f"Stopped with {orders} still work, watched by nobody: {told}. Look at the exchange and cancel by these ids"
        " what is open there, or start again: a start looks each of them up first"
    )


def _cut(said: str) -> str:
    """``said`` without the tail of what a proxy or a library wrote into it."""
    return said if len(said) <= MOST_SAID else f"{said[:MOST_SAID]}..."


def _halted(recorded: Recorded) -> bool:
    return recorded.portfolio.trading_state is TradingState.HALT


def _told(
    policy: PortfolioPolicy, recorded: Recorded, live: list[Order], rows: list[Withdrawn]
) -> str:
    """What became of the orders, and which hedges stay on: stopping is not closing."""
    parts: list[str] = []
    gone = sum(r.ended for r in rows)
    filled = sum(r.order.state is OrderState.FILLED for r in rows)
    rest = len(live) - gone
    if not live:
        parts.append("no order was working")
    elif _halted(recorded):
        parts.append(f"{_keeping(live)}: HALT sends nothing, not even a cancel")
    elif not policy.execution.cancel_on_stop:
        parts.append(f"{_keeping(live)}, as the config says")
    else:
        down = gone - filled
        verb = "was" if down == 1 else "were"
        parts.append(f"{down} of {counted(len(live), 'working order')} {verb} taken down")
        if filled:
            parts.append(f"{filled} filled before")
        if rest:
            them = "is" if rest == 1 else "are"
            parts.append(f"{rest} may still work and {them} looked up at the next start")
    held = [
        f"{text(p.own_qty)} {p.symbol}"
        for p in recorded.positions.values()
        if p.own_qty != 0 and not is_spot(p.symbol)  # coins traded are no hedge
    ]
    unread = live or any(o.awaits_fills for o in recorded.orders)
    known = " as far as fills were read" if unread else ""
    parts.append(f"hedges stay on: {', '.join(held)}{known}" if held else f"no hedge is on{known}")
    return "; ".join(parts)


def _keeping(live: list[Order]) -> str:
    return f"{counted(len(live), 'order')} {'keeps' if len(live) == 1 else 'keep'} working"
