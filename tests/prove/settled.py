"""When a daemon has come to rest after what went wrong: its records are the exchange's, and what is wanted is there.

Asked of a running daemon after every look, so that how long it took can be told; nothing here is a matter of taste:
open orders, positions and fills are compared exactly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from counterpoise.domain.instrument import is_spot
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import OrderState
from counterpoise.domain.policy import OnForeign
from counterpoise.domain.records import Recorded
from counterpoise.plan.ids import is_own
from counterpoise.venue.sim import MarketKind
from tests.prove.life import VENUE, Play

#: Less than this cannot be traded: two lots of a contract, and what five dollars buy of either coin.
TRADABLE = {"BTC": dec("0.002"), "ETH": dec("0.003")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """``records``: where they differ from the exchange. ``wants``: what is missing, by symbol, in words."""

    records: tuple[str, ...]
    wants: Mapping[str, str]


async def rest_of(scene: Play, store: Any) -> Rest:
    """Return what is not at rest now."""
    recorded: Recorded = await store.load(scene.policy.id, scene.clock.now())
    rows = {
        o.client_order_id: o
        for o in await store.orders(scene.policy.id, live_only=False, limit=100_000)
    }
    ghosts = _ghosts(scene, recorded)
    frozen = {o.symbol for o in recorded.orders if o.client_order_id in ghosts}
    positions = [line for s, line in _positions(scene, recorded).items() if s not in frozen]
    return Rest(
        records=(*_orders(scene, recorded, ghosts), *positions, *_fills(scene, rows)),
        wants={s: line for s, line in _wants(recorded).items() if s not in frozen},
    )


def _ghosts(scene: Play, recorded: Recorded) -> set[str]:
    """Orders the exchange acknowledged and then refused without a word: it had them, it says, and does not know them.

    Nothing proves such an order absent for three days; its contract stays frozen and a person is called.
    """
    refused = {e["client_id"] for e in scene.exchange.log.after(0) if e["event"] == "reject"}
    return {
        o.client_order_id
        for o in recorded.orders
        if o.state is OrderState.UNKNOWN
        and o.venue_order_id is not None
        and o.client_order_id in refused
    }


def _orders(scene: Play, recorded: Recorded, ghosts: set[str]) -> list[str]:
    shown = {
        o.client_order_id
        for kind in MarketKind
        for o in scene.exchange.orders(scene.api_key, kind, open_only=True)
        if is_own(o.client_order_id)
    }
    live = {o.client_order_id for o in recorded.orders if not o.state.is_final} - ghosts
    found = []
    if shown != live:
        gone, new = sorted(live - shown), sorted(shown - live)
        found.append(f"I4: on record but not open {gone}, open but not on record {new}")
    moving = [
        f"{o.client_order_id} {o.state.value}"
        for o in recorded.orders
        if o.client_order_id not in ghosts
        and (o.state.is_unproven or o.state is OrderState.PENDING_CANCEL)
    ]
    if moving:
        found.append(f"I4: unproven {moving}")
    return found


def _positions(scene: Play, recorded: Recorded) -> dict[str, str]:
    """Futures as the exchange has them; a contract that people are to look at first is told, not taken."""
    held = scene.policy.plausibility.on_foreign_change is OnForeign.HOLD
    found = {}
    shown = {p.symbol: p.qty for p in scene.exchange.account(scene.api_key).positions}
    for asset in TRADABLE:
        symbol = f"{asset}/USDT:USDT"
        record = recorded.positions.get((VENUE, symbol))
        expected = record.expected_qty if record is not None else ZERO
        have = shown.get(f"{asset}USDT", ZERO)
        told = any(symbol in key and "position" in key for key in recorded.raised)
        if expected != have and not (held and told and _moved_by_hand(scene, f"{asset}USDT")):
            found[symbol] = f"I4: {symbol} is {have}, on record {expected}"
    return found


def _moved_by_hand(scene: Play, symbol: str) -> bool:
    return any(
        e["event"] == "fill" and e["symbol"] == symbol and not is_own(str(e["client_id"] or ""))
        for e in scene.exchange.log.after(0)
        if e["market"] == "perp"
    )


def _fills(scene: Play, rows: Mapping[str, Any]) -> list[str]:
    filled: defaultdict[str, Decimal] = defaultdict(Decimal)
    for event in scene.exchange.log.after(0):
        if event["event"] == "fill" and is_own(str(event["client_id"] or "")):
            filled[str(event["client_id"])] += dec(str(event["qty"]))
    return [
        f"I7: {name} filled {filled.get(name, ZERO)}, booked {row.booked_qty}"
        for name, row in rows.items()
        if row.booked_qty != filled.get(name, ZERO)
    ]


def _wants(recorded: Recorded) -> dict[str, str]:
    found = {}
    for (venue, symbol), target in recorded.targets.items():
        record = recorded.positions.get((venue, symbol))
        have = record.expected_qty if record is not None else ZERO
        if is_spot(symbol):
            have = record.own_qty if record is not None else ZERO
        working = sum(
            (
                o.remaining_qty
                for o in recorded.orders
                if o.symbol == symbol and not o.state.is_final
            ),
            ZERO,
        )
        least = TRADABLE[symbol.partition("/")[0]]
        if is_spot(symbol):
            # the fee of a purchase is paid in what is bought, and is not bought again
            least = max(least, abs(target.qty) / 1000)
        if abs(target.qty - have) - working > least:
            found[symbol] = f"I4: {symbol} is {have} on its way to {target.qty}, {working} at work"
    return found
