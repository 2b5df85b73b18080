"""What a venue books to a position by itself: funding, and the settlement of a contract that expires.

Funding belongs to who held the position on the stroke of the hour it was paid for (MEANING 8), and venues tell of it
when trades may have followed. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.hedge_book import (
    CENT,
    ROUNDING,
    Booked,
    BookLine,
    ClosedHedge,
    LineKey,
    traded,
)
from counterpoise.domain.numbers import ZERO, quantize


def funded(
    lines: Mapping[LineKey, BookLine],
    contract: tuple[str, str],
    payment: Decimal,
    foreign_qty: Decimal,
    at: datetime,
) -> Booked:
    """Book a funding ``payment`` (quote, received > 0) of ``at`` to the lines of ``contract`` by what they held then.

    The payment was made on the net position; a line on the other side of it pays what the others receive beyond
    the net. ``foreign_qty``: what others hold in the contract; its part belongs to nobody here. What rounding
    leaves goes to the largest line. A position that has ended since was told of without it: a row of its own tells.
    """
    held = {k: x.qty_at(at) for k, x in lines.items() if k[1:] == contract}
    held = {k: qty for k, qty in held.items() if qty != 0}
    net = sum(held.values(), foreign_qty)
    if not held or net == 0:
        return Booked(lines=dict(lines))
    ours = quantize(payment * (net - foreign_qty) / net, CENT, ROUNDING)
    parts = {k: quantize(payment * qty / net, CENT, ROUNDING) for k, qty in held.items()}
    largest = min(held, key=lambda k: (-abs(held[k]), k))
    parts[largest] += ours - sum(parts.values(), ZERO)
    paid = {k: replace(lines[k], funding=lines[k].funding + part) for k, part in parts.items()}
    ended = [_afterwards(lines[k], part, at) for k, part in parts.items() if lines[k].qty == 0]
    return Booked(lines={**lines, **paid}, closed=tuple(ended))


def _afterwards(line: BookLine, funding: Decimal, at: datetime) -> ClosedHedge:
    """Funding that was told when its position had ended, as a row without a position."""
    price = quantize(line.exit_value / line.exit_qty, CENT, ROUNDING) if line.exit_qty else ZERO
    return ClosedHedge(
        strategy=line.strategy,
        venue=line.venue,
        symbol=line.symbol,
        opened_at=at,
        closed_at=at,
        qty=ZERO,
        entry=price,
        exit=price,
        price_pnl=ZERO,
        funding=funding,
        fees=ZERO,
    )


def settled(
    lines: Mapping[LineKey, BookLine], contract: tuple[str, str], price: Decimal, at: datetime
) -> Booked:
    """Close every line of ``contract`` at the settlement ``price`` (quote) of its expiry (MEANING 21)."""
    after = dict(lines)
    closed: list[ClosedHedge] = []
    for key, line in lines.items():
        if key[1:] == contract and line.qty != 0:
            after[key], ended = traded(line, -line.qty, -line.qty * price, ZERO, at)
            closed += [ended] if ended is not None else []
    return Booked(lines=after, closed=tuple(closed))
