"""Bounds that hold on what was sent, whatever went wrong: limits, ignorance, the disk, trading states, hot loops.

Judged by the exchange's truth log and by the trace of what passed between the daemon and its world. Of the daemon's
own word only ``guard`` is taken: what takes risk off for the margin guard may rest on less.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from counterpoise.decide.guards.rejects import MOST_REFUSED
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import EXPECTED_REJECTS
from counterpoise.plan.ids import is_own
from counterpoise.venue.sim.log import ms_of
from tests.prove.life import Play
from tests.prove.rough import PASSING
from tests.prove.trace import Entry, Trace

Rows = Mapping[str, Any]
#: A minute, less what our clock may have stepped by meanwhile.
_MINUTE = timedelta(seconds=56)
_HOUR = timedelta(hours=1)
#: What a look rests on, for every order that a strategy wants.
_NEEDED = frozenset({"account", "quotes", "open_orders"})
#: How long a change by others may be unknown to a look and the orders it leads to: a lagging read, and the sending.
_UNSEEN = timedelta(seconds=90)


def broken_bounds(scene: Play, trace: Trace, rows: Rows) -> list[str]:
    """Return every bound that was broken; one line each, the first case of it."""
    return [line for check in CHECKS for line in check(scene, trace, rows)[:1]]


def _strategic(trace: Trace, rows: Rows) -> list[Entry]:
    """Placements that no guard wanted; one without a row counts as a strategy's."""
    return [e for e in trace.of("place") if getattr(rows.get(e.name), "guard", None) is None]


def order_notional(scene: Play, trace: Trace, rows: Rows) -> list[str]:
    """I8: no order is larger than it may be, at its price or what the contract was said to be worth."""
    most = scene.policy.limits.max_order_notional
    return [
        f"I8: {e.name} is worth {e.qty * max(e.price or ZERO, e.told or ZERO)}, more than {most}"
        for e in _strategic(trace, rows)
        if most is not None
        and e.qty is not None
        and e.qty * max(e.price or ZERO, e.told or ZERO) > most
    ]


def orders_per_minute(scene: Play, trace: Trace, rows: Rows) -> list[str]:
    """I8: no more requests to place in a minute than may be; guards are not held to it, slow wires not judged."""
    most = scene.policy.limits.max_orders_per_minute
    times = [rows[e.name].created_at for e in _strategic(trace, rows) if e.name in rows]
    times.sort()
    for n, first in enumerate(times):
        within = sum(at - first < _MINUTE for at in times[n:])
        if within > most:
            return [f"I8: {within} orders in a minute from {first:%H:%M:%S}, {most} may be"]
    return []


def open_orders(scene: Play, _trace: Trace, rows: Rows) -> list[str]:
    """I8: no more of our orders are open than may be."""
    most = scene.policy.limits.max_open_orders
    working: set[str] = set()
    left: dict[str, Decimal] = {}
    for event in _events(scene):
        name = str(event["client_id"] or "")
        if not is_own(name):
            continue
        if event["event"] == "place":
            working.add(name)
            left[name] = dec(str(event["qty"]))
            if len(working) > most and getattr(rows.get(name), "guard", None) is None:
                return [f"I8: {len(working)} orders open at {event['seq']}, {most} may be"]
        elif event["event"] == "fill":
            left[name] -= dec(str(event["qty"]))
            if left[name] <= 0:
                working.discard(name)
        elif event["event"] == "cancel":
            working.discard(name)
    return []


def collar(scene: Play, trace: Trace, rows: Rows) -> list[str]:
    """I8: no price is further from what the daemon was told than it may be, and none is sent untold."""
    most = scene.policy.limits.price_collar
    return [
        f"I8: {e.name} at {e.price}, told {e.told}"
        for e in _strategic(trace, rows)
        if e.price is not None and (e.told is None or abs(e.price / e.told - 1) > most)
    ]


def turnover(scene: Play, trace: Trace, rows: Rows) -> list[str]:
    """I8: what was traded and what works to add never exceed the day's turnover, when something is added.

    What only reduces is never held back for it, and counts once it has traded, for the looks that come after.
    """
    most = scene.policy.limits.max_turnover_24h
    sent = {e.name: e for e in _strategic(trace, rows)}
    equity = traded = ZERO
    work: dict[str, tuple[Decimal, Decimal]] = {}
    reduced: list[tuple[int, Decimal]] = []
    for event in _events(scene):
        name = str(event["client_id"] or "")
        if not is_own(name):
            continue
        qty = dec(str(event["qty"])) if event["qty"] is not None else ZERO
        price = dec(str(event["price"])) if event["price"] is not None else ZERO
        if event["event"] == "place" and not event["reduce_only"]:
            work[name] = (qty, price)
            entry, row = sent.get(name), rows.get(name)
            if entry is None or entry.equity is None or row is None:
                continue
            equity = max(equity, entry.equity)
            adding = sum((q * p for q, p in work.values()), ZERO)
            looked = ms_of(row.created_at)
            total = traded + adding + sum((worth for at, worth in reduced if at < looked), ZERO)
            if total > most * equity * dec("1.001"):
                return [f"I8: turnover {total:.0f} at {event['seq']}, equity {equity:.0f}"]
        elif event["event"] == "fill" and name in work:
            traded += qty * price
            work[name] = (work[name][0] - qty, work[name][1])
        elif event["event"] == "fill":
            reduced.append((event["at"], qty * price))
        elif event["event"] == "cancel":
            work.pop(name, None)
    return []


def position_cap(scene: Play, _trace: Trace, rows: Rows) -> list[str]:
    """I3: when we add, position and all that works on that side stay within the cap, others' doings aside."""
    position: defaultdict[str, Decimal] = defaultdict(Decimal)
    work: dict[str, tuple[str, int, Decimal]] = {}
    changed: dict[str, int] = {}
    for event in _events(scene):
        if event["market"] != "perp":
            continue
        symbol, name = str(event["symbol"]), str(event["client_id"] or "")
        qty = dec(str(event["qty"])) if event["qty"] is not None else ZERO
        sign = 1 if event["side"] == "buy" else -1
        kind = event["event"]
        if kind in {"fill", "deleverage", "liquidation"}:
            position[symbol] += sign * qty
            if name in work:
                work[name] = (symbol, sign, work[name][2] - qty)
            else:
                changed[symbol] = event["at"]
        elif kind == "settlement":
            position[symbol] = ZERO
        elif kind == "cancel":
            work.pop(name, None)
        elif kind == "place" and is_own(name) and not event["reduce_only"]:
            work[name] = (symbol, sign, qty)
            most = scene.policy.limits.max_position.get(symbol.removesuffix("USDT"))
            worst = sum((q for s, sg, q in work.values() if (s, sg) == (symbol, sign)), ZERO)
            worst += sign * position[symbol]
            unseen = event["at"] - changed.get(symbol, -(10**15)) < _UNSEEN.total_seconds() * 1000
            if most is not None and worst > most and not unseen:
                return [f"I3: {symbol} could reach {sign * worst} at {event['seq']}, beyond {most}"]
    return []


def reduce_only_reduces(scene: Play, _trace: Trace, _rows: Rows) -> list[str]:
    """I8: an order of ours that only reduces never makes a position larger, nor turns it around."""
    position: defaultdict[str, Decimal] = defaultdict(Decimal)
    reduces: set[str] = set()
    for event in _events(scene):
        if event["market"] != "perp":
            continue
        symbol, name, kind = str(event["symbol"]), str(event["client_id"] or ""), event["event"]
        if kind == "place" and event["reduce_only"] and is_own(name):
            reduces.add(name)
        elif kind in {"fill", "deleverage", "liquidation"}:
            change = dec(str(event["qty"])) * (1 if event["side"] == "buy" else -1)
            before, after = position[symbol], position[symbol] + change
            if name in reduces and (abs(after) > abs(before) or before * after < 0):
                return [f"I8: {name} only reduces and took {symbol} from {before} to {after}"]
            position[symbol] = after
        elif kind == "settlement":
            position[symbol] = ZERO
    return []


def ignorance(_scene: Play, trace: Trace, rows: Rows) -> list[str]:
    """I6: nothing a strategy wants is sent in a look whose reads were not all answered."""
    failed: list[Entry] = []
    for entry in trace.entries:
        if entry.what == "look":
            failed = []
        elif entry.what == "read" and not entry.ok:
            failed.append(entry)
        elif entry.what == "place" and getattr(rows.get(entry.name), "guard", None) is None:
            rests = [f.name for f in failed if f.name in _NEEDED or f.symbol == entry.symbol != ""]
            if rests:
                return [f"I6: {entry.name} was sent although {rests[0]} was not answered"]
    return []


def failed_disk(_scene: Play, trace: Trace, _rows: Rows) -> list[str]:
    """I19: after a write that failed nothing is placed until one has succeeded."""
    durable = True
    for entry in trace.of("commit", "place"):
        if entry.what == "commit":
            durable = entry.ok
        elif not durable:
            return [f"I19: {entry.name} was sent after a write had failed"]
    return []


def trading_states(_scene: Play, trace: Trace, rows: Rows) -> list[str]:
    """States on record when something is placed let it pass: nothing in HALT, no strategy's order below RUN.

    REDUCE_ONLY passes what only reduces, and so does flattening.
    """
    state = "RUN"
    for entry in trace.of("state", "place"):
        if entry.what == "state":
            state = entry.name
            continue
        guard = getattr(rows.get(entry.name), "guard", None)
        passes = {
            "RUN": True,
            "REDUCE_ONLY": entry.reduces,
            "FLATTENING": entry.reduces,
            "CANCEL_ONLY": guard is not None and entry.reduces,
            "HALT": False,
        }[state]
        if not passes and not (guard is not None and entry.reduces and state != "HALT"):
            return [f"S: {entry.name} was sent in {state}"]
    return []


def hot_loops(_scene: Play, trace: Trace, _rows: Rows) -> list[str]:
    """I10: no more than three refusals an hour for the same lasting reason of what a venue judges alike."""
    by: defaultdict[tuple[str, str, bool], list[Entry]] = defaultdict(list)
    for entry in trace.of("place"):
        if entry.fate not in {"placed", "unknown", "reduce_only", *PASSING} and not (
            entry.fate.startswith(EXPECTED_REJECTS)
        ):
            by[entry.symbol, entry.fate, entry.reduces].append(entry)
    for (symbol, code, *_), entries in by.items():
        for n, first in enumerate(entries):
            within = sum(e.at - first.at < _HOUR for e in entries[n:])
            if within > MOST_REFUSED:
                return [f"I10: {symbol} was refused {within} times in an hour with {code}"]
    return []


#: By how much our clock may have stepped while a pause was waited for.
_STEP = timedelta(seconds=2)


def unpaused(trace: Trace) -> list[str]:
    """I9: no request goes to an API that asked for a pause before the pause is over, and nobody is banned unasked.

    What was on its way at the very instant of the reply is not judged: a look reads side by side. A process that is
    killed leaves what it was told to the next one.
    """
    told: dict[str, tuple[datetime, datetime]] = {}
    for entry in trace.of("wire"):
        since, until = told.get(entry.symbol, (entry.at, entry.at))
        if since < entry.at < until - _STEP:
            return [f"I9: {entry.name} at {entry.at:%H:%M:%S}, to wait until {until:%H:%M:%S}"]
        if entry.pause is not None and entry.fate in {"429", "418"}:
            told[entry.symbol] = (entry.at, max(until, entry.at + entry.pause))
    return []


def _events(scene: Play) -> Sequence[Mapping[str, Any]]:
    return [e for e in scene.exchange.log.after(0) if e["account"] == scene.api_key]


CHECKS: tuple[Callable[[Play, Trace, Rows], list[str]], ...] = (
    order_notional,
    orders_per_minute,
    open_orders,
    collar,
    turnover,
    position_cap,
    reduce_only_reduces,
    ignorance,
    failed_disk,
    trading_states,
    hot_loops,
)
