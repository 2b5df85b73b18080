"""What a yes to a request would lead to: what is traded, what it costs at most, and the margin after. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from counterpoise.app.judge import Judgement
from counterpoise.decide.approvals import is_asked
from counterpoise.decide.guards.foresight import after_orders
from counterpoise.domain.numbers import dec, quantize, significant, text
from counterpoise.domain.operator import Approval, ApprovalState
from counterpoise.domain.order import Order, OrderState, OrderType, Side, TimeInForce
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import Listing, Universe
from counterpoise.domain.records import Recorded
from counterpoise.domain.snapshot import Snapshot

_CENT, _TENTH = dec("0.01"), dec("0.1")


def outlooks(
    approvals: Iterable[Approval],
    snapshot: Snapshot,
    recorded: Recorded,
    policy: PortfolioPolicy,
    universe: Universe,
    judged: Judgement,
) -> dict[str, str]:
    """Return request -> what a yes would lead to, for those of ``approvals`` that wait for an answer.

    Filled at the mark, by itself: what else is wanted by then is not in it.
    """
    found: dict[str, str] = {}
    for approval in approvals:
        listing = universe.futures.get(approval.asset)
        asked = approval.state is ApprovalState.WAITING and is_asked(approval)
        if not asked or listing is None:
            continue
        order = _order(approval, listing, snapshot)
        after = [
            p.then or p.check.distance for p in after_orders(snapshot, recorded, policy, [order])
        ]
        distances = [d.adverse for d in after if d.adverse is not None]
        # of the wallet that the trade leans on: another one of the venue is another matter
        purse = (listing.venue, listing.instrument.settle, None)
        now = [
            c.distance.adverse
            for c in judged.margin.checks
            if (c.pool.venue, c.pool.asset, c.pool.isolated) == purse
        ]
        held = [d for d in now if d is not None]
        margin = (
            f"Margin after: {_share(min(distances))} % from liquidation"
            f" (now {f'{_share(min(held))} %' if held else 'nothing is open'})"
            if distances
            else "Margin after: cannot be told now"
        )
        found[approval.id] = f"{_trade(order, listing, snapshot, policy)}. {margin}"
    return found


def with_outlooks(rows: Mapping[str, object], known: Mapping[str, str]) -> dict[str, object]:
    """Return the operator's rows of a document with the ``outlook`` of each request, null where it has none."""
    asked = rows.get("approvals")
    shown = (
        [{**row, "outlook": known.get(row["id"])} for row in asked]
        if isinstance(asked, list)
        else []
    )
    return {**rows, "approvals": shown}


def _trade(order: Order, listing: Listing, snapshot: Snapshot, policy: PortfolioPolicy) -> str:
    verb = "Sells" if order.side is Side.SELL else "Buys"
    told = f"{verb} {text(significant(order.qty))} {listing.instrument.base} in {order.symbol}"
    quote = (
        snapshot.venues[order.venue].quotes.get(order.symbol)
        if order.venue in snapshot.venues
        else None
    )
    if quote is None or quote.fair is None:
        return f"{told}; its price is not known now"
    worth = order.qty * quote.fair
    most = worth * policy.execution.max_slippage
    unit = listing.instrument.quote
    return (
        f"{told}, about {quantize(worth, _CENT):,} {unit}; costs the venue's fees and at most"
        f" {quantize(most, _CENT):,} {unit} of slippage"
    )


def _order(approval: Approval, listing: Listing, snapshot: Snapshot) -> Order:
    """What the request asks for, as one order that nobody sends."""
    change = approval.wanted - approval.cap
    return Order(
        client_order_id=f"outlook-{approval.id}",
        portfolio=approval.portfolio,
        venue=listing.venue,
        symbol=listing.instrument.symbol,
        side=Side.BUY if change > 0 else Side.SELL,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC,
        qty=abs(change),
        price=None,
        reduce_only=False,
        decision_id=approval.id,
        rung=0,
        attempt=0,
        state=OrderState.PENDING,
        created_at=snapshot.as_of,
        updated_at=snapshot.as_of,
    )


def _share(distance: Decimal) -> str:
    return text(quantize(distance * 100, _TENTH))
