"""What must hold at the end of any run, judged by the exchange's truth log against the daemon's records.

The numbers in the complaints (I1, I2, ...) are those of ``docs/reliability.md``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from counterpoise.decide.guards.rejects import MOST_REFUSED
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import Order, OrderState
from counterpoise.plan.ids import is_own
from counterpoise.venue.sim import MarketKind
from counterpoise.venue.sim.log import ms_of
from tests.prove.life import VENUE, Play

_MANY = 100_000
#: More than any scenario needs: the conversion with a rung of coins and of futures a minute has 36.
MOST_CANCELS = 50
Event = Mapping[str, Any]


async def complaints(play: Play) -> list[str]:
    """Return everything that is wrong; empty is the wanted answer."""
    events = [e for e in play.exchange.log.after(0) if e["account"] == play.api_key]
    store, _outbox = await play.disk.open()
    try:
        rows = {
            o.client_order_id: o
            for o in await store.orders(play.policy.id, live_only=False, limit=_MANY)
        }
        recorded = await store.load(play.policy.id, play.clock.now())
        found = [
            *by_the_log(events, rows, play.cap),
            *_no_churn(events),
            *_records_equal(play, events, rows, recorded),
            *_converged(play, rows, recorded),
            *(await _book_adds_up(play, store, events, recorded)),
            *_rejects(events, play.allowed_rejects, play.lives),
            *_foreign_untouched(events),
            *_rested(play, events),
            *([f"I12: {play.ungated} requests before the gate"] if play.ungated else []),
            *(await _alerts_arrived(play)),
            *play.expect(play),
        ]
    finally:
        await play.disk.close(died=False)
    return found


def by_the_log(events: list[Event], rows: Mapping[str, Order], cap: Decimal) -> list[str]:
    """Return what the exchange's log of one account says against our rows: nothing twice, unwritten, or too large."""
    return [
        *_no_duplicate(events, rows),
        *_written_ahead(events, rows),
        *_within_cap(events, cap),
        *_closes_only_close(events),
    ]


async def lasting_complaints(play: Play, *, alerts: bool = True) -> list[str]:
    """Return what is wrong whatever befell the daemon: what must hold at any time.

    ``alerts``: all of them have been told, which is a matter of rest.
    """
    events = [e for e in play.exchange.log.after(0) if e["account"] == play.api_key]
    store, _outbox = await play.disk.open()
    orders = await store.orders(play.policy.id, live_only=False, limit=_MANY)
    rows = {o.client_order_id: o for o in orders}
    return [
        *_no_duplicate(events, rows),
        *_written_ahead(events, rows),
        *_foreign_untouched(events),
        *(await _alerts_arrived(play) if alerts else ()),
    ]


def _own(events: list[Event], kind: str) -> list[Event]:
    return [e for e in events if e["event"] == kind and is_own(e["client_id"])]


def _no_duplicate(events: list[Event], rows: Mapping[str, Order]) -> list[str]:
    """I1: no client id is accepted twice, and no rung has two attempts at work at once."""
    found: list[str] = []
    seen: set[str] = set()
    live: dict[tuple[str, int], str] = {}
    left: dict[str, Decimal] = {}
    for event in events:
        name = str(event["client_id"])
        row = rows.get(name)
        if not is_own(event["client_id"]) or row is None:
            continue
        rung = (row.decision_id, row.rung)
        if event["event"] == "place":
            if name in seen:
                found.append(f"I1: {name} was accepted twice")
            seen.add(name)
            if rung in live:
                found.append(f"I1: rung {rung} got {name} while {live[rung]} was at work")
            live[rung], left[name] = name, dec(str(event["qty"]))
        elif event["event"] == "fill":
            left[name] = left.get(name, ZERO) - dec(str(event["qty"]))
            if left[name] == 0 and live.get(rung) == name:
                del live[rung]
        elif event["event"] == "cancel" and live.get(rung) == name:
            del live[rung]
    return found


def _written_ahead(events: list[Event], rows: Mapping[str, Order]) -> list[str]:
    """I2: whatever the exchange accepted from us has a row."""
    return [
        f"I2: {e['client_id']} was placed without a row"
        for e in _own(events, "place")
        if e["client_id"] not in rows
    ]


def _within_cap(events: list[Event], cap: Decimal) -> list[str]:
    """I3: position and everything at work, all filled, never leaves the cap (base units, either side)."""
    found: list[str] = []
    position: defaultdict[str, Decimal] = defaultdict(Decimal)
    work: dict[tuple[str, str], tuple[int, Decimal, bool]] = {}
    for event in events:
        if event["market"] != "perp":
            continue
        symbol, key = str(event["symbol"]), (str(event["symbol"]), str(event["order_id"]))
        qty = dec(str(event["qty"])) if event["qty"] is not None else ZERO
        sign = 1 if event["side"] == "buy" else -1
        if event["event"] == "place":
            work[key] = (sign, qty, bool(event["reduce_only"]))
        elif event["event"] == "fill":
            position[symbol] += sign * qty
            if key in work:
                side, left, only = work[key]
                work[key] = (side, left - qty, only)
        elif event["event"] in {"deleverage", "liquidation"}:
            position[symbol] += sign * qty
        elif event["event"] == "cancel":
            work.pop(key, None)
        for side in (1, -1):
            adding = sum(
                (
                    left
                    for (s, _), (sg, left, only) in work.items()
                    if s == symbol and sg == side and not only
                ),
                ZERO,
            )
            worst = side * position[symbol] + adding
            if worst > cap:
                found.append(
                    f"I3: {symbol} could reach {side * worst} at {event['seq']}, beyond {cap}"
                )
                return found
    return found


def _closes_only_close(events: list[Event]) -> list[str]:
    """I8: an order against the position is reduce-only, and never larger than it when it is placed."""
    position: defaultdict[str, Decimal] = defaultdict(Decimal)
    found: list[str] = []
    for event in events:
        if event["market"] != "perp" or event["qty"] is None:
            continue
        symbol, qty = str(event["symbol"]), dec(str(event["qty"]))
        signed = qty if event["side"] == "buy" else -qty
        if event["event"] in {"fill", "deleverage", "liquidation"}:
            position[symbol] += signed
        elif event["event"] == "place" and is_own(event["client_id"]):
            against = position[symbol] * signed < 0
            if against and not event["reduce_only"]:
                found.append(f"I8: {event['client_id']} closes and is not reduce-only")
            if event["reduce_only"] and not against:
                found.append(f"I8: {event['client_id']} is reduce-only and has nothing to close")
    return found


def _no_churn(events: list[Event]) -> list[str]:
    """I10: nothing is placed and taken down for ever on a market that stands still."""
    taken = [e for e in _own(events, "cancel") if e["status"] == "canceled"]
    return [f"I10: {len(taken)} orders were taken down"] if len(taken) > MOST_CANCELS else []


def _records_equal(
    play: Play, events: list[Event], rows: Mapping[str, Order], recorded: Any
) -> list[str]:
    """I4 and I7: open orders, positions and fills as the exchange has them, nothing unproven."""
    found: list[str] = []
    shown = {
        o.client_order_id
        for kind in MarketKind
        for o in play.exchange.orders(play.api_key, kind, open_only=True)
        if is_own(o.client_order_id)
    }
    live = {o.client_order_id for o in recorded.orders if not o.state.is_final}
    if shown != live:
        found.append(f"I4: open at the exchange {sorted(shown)}, on record {sorted(live)}")
    unproven = [o.client_order_id for o in recorded.orders if o.state.is_unproven]
    if unproven:
        found.append(f"I4: still unproven: {unproven}")
    for position in play.exchange.account(play.api_key).positions:
        base = position.symbol.removesuffix("USDT")
        record = recorded.positions.get((VENUE, f"{base}/USDT:USDT"))
        expected = record.expected_qty if record is not None else ZERO
        if expected != position.qty:
            found.append(f"I4: {position.symbol} is {position.qty}, on record {expected}")
    filled: defaultdict[str, Decimal] = defaultdict(Decimal)
    for event in _own(events, "fill"):
        filled[str(event["client_id"])] += dec(str(event["qty"]))
    for name, row in rows.items():
        if row.booked_qty != filled.get(name, ZERO):
            found.append(f"I7: {name} filled {filled.get(name, ZERO)}, booked {row.booked_qty}")
    return found


def _converged(play: Play, rows: Mapping[str, Order], recorded: Any) -> list[str]:
    """I4: what is wanted is there, but for less than can be traded."""
    found: list[str] = []
    if any(o.state != OrderState.OPEN and not o.state.is_final for o in rows.values()):
        found.append("I4: orders in motion at the end")
    for (venue, symbol), target in recorded.targets.items():
        record = recorded.positions.get((venue, symbol))
        have = record.expected_qty if record is not None else ZERO
        if not play.reaches:
            break
        working = sum(
            (
                o.remaining_qty
                for o in recorded.orders
                if o.symbol == symbol and not o.state.is_final
            ),
            ZERO,
        )
        if abs(target.qty - have) - working > dec("0.002"):
            found.append(
                f"I4: {symbol} is {have} on its way to {target.qty}, with {working} at work"
            )
    return found


async def _book_adds_up(play: Play, store: Any, events: list[Event], recorded: Any) -> list[str]:
    """I7: the hedge book holds our position, and all that was charged for it, each once."""
    found: list[str] = []
    held: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    funding = fees = ZERO
    for line in recorded.book.values():
        held[line.venue, line.symbol] += line.qty
        funding, fees = funding + line.funding, fees + line.fees
    for closed in await store.closed_hedges(play.policy.id, play.exchange_start):
        funding, fees = funding + closed.funding, fees + closed.fees
    for key, position in recorded.positions.items():
        if held.get(key, ZERO) != position.own_qty:
            found.append(
                f"I7: the book holds {held.get(key)} of {key[1]}, we hold {position.own_qty}"
            )
    charged = sum((dec(str(e["qty"])) for e in events if e["event"] == "funding"), ZERO)
    if funding != charged:
        found.append(f"I7: funding of {funding} on record, {charged} was charged")
    paid = sum(
        (dec(str(e["fee"])) for e in _own(events, "fill") if e["market"] == "perp" and e["fee"]),
        ZERO,
    )
    if not play.coins and fees != paid:
        found.append(f"I7: fees of {fees} on record, {paid} were charged")
    return found


def _rejects(events: list[Event], allowed: frozenset[str], lives: int) -> list[str]:
    """I8 and I10: the exchange refuses nothing that we could have known, and nothing again and again.

    A process that dies before it wrote down what was refused in its last request takes that with it.
    """
    codes: defaultdict[str, int] = defaultdict(int)
    for event in _own(events, "reject"):
        codes[str(event["code"])] += 1
    found = []
    for code, times in codes.items():
        if code in {"would_take", "reduce_only"}:
            continue  # the market moved, or the position was closed meanwhile
        if code not in allowed:
            found.append(f"I8: refused {times} times with {code}")
        if times > MOST_REFUSED * lives:
            found.append(f"I10: refused {times} times with {code}")
    return found


def _foreign_untouched(events: list[Event]) -> list[str]:
    """I14: an order that is not ours is never cancelled by us: the script is the only one that may."""
    return [
        f"I14: {e['client_id']} was cancelled"
        for e in events
        if e["event"] == "cancel" and not is_own(e["client_id"]) and e["code"] != "script"
    ]


def _rested(play: Play, events: list[Event]) -> list[str]:
    """I13: between a stop and the next start nothing is placed, and nothing of ours is at work."""
    found: list[str] = []
    for stopped, again in play.rests:
        first, last = (ms_of(at) for at in (stopped, again))
        found += [
            f"I13: {e['client_id']} was placed after the stop"
            for e in _own(events, "place")
            if first <= int(e["at"]) < last
        ]
        until = [e for e in events if int(e["at"]) <= last]
        ended = {e["client_id"] for e in until if e["event"] == "cancel"}
        filled: defaultdict[str, Decimal] = defaultdict(Decimal)
        for e in _own(until, "fill"):
            filled[str(e["client_id"])] += dec(str(e["qty"]))
        found += [
            f"I13: {e['client_id']} worked on after the stop"
            for e in _own(until, "place")
            if int(e["at"]) < first
            and e["client_id"] not in ended
            and filled[str(e["client_id"])] != dec(str(e["qty"]))
        ]
    return found


async def _alerts_arrived(play: Play) -> list[str]:
    """I11: every committed alert was delivered."""
    lost = await play.disk.committed() - play.ear.ids
    return [f"I11: {len(lost)} alerts were lost"] if lost else []
