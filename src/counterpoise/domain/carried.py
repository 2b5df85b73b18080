"""Which contracts carry something of ours, whatever the config or a venue's list of instruments says today.

A hedge lives in the contract it was opened in. What carries own quantity or a working order keeps its asset there
(:func:`carried_of` feeds ``universe_of``), and what no longer has a place is named (:func:`strays_of`): nothing of
ours is ever left alone silently, and no second hedge is opened beside it.
"""

from __future__ import annotations

from collections.abc import Mapping

from counterpoise.domain.instrument import base_of, is_spot
from counterpoise.domain.portfolio import Contract, Universe
from counterpoise.domain.records import Recorded


def carried_of(recorded: Recorded) -> dict[str, frozenset[Contract]]:
    """Return asset -> the contracts in which we hold own quantity or have an order that is not settled.

    A spot pair carries its orders, never the coins: those are the user's own.
    """
    found: dict[str, frozenset[Contract]] = {}
    for contract in (*_carrying(recorded), *_pairs(recorded)):
        asset = base_of(contract[1])
        found[asset] = found.get(asset, frozenset()) | {contract}
    return found


def strays_of(recorded: Recorded, universe: Universe) -> Mapping[Contract, str]:
    """Return contract -> asset for what we carry outside ``universe``: nothing there can be traded.

    Orders that still work in a spot pair nobody trades any more are told as well: they may fill at any time. Where
    orders are all there is, and the universe lets them part, they are looked after.
    """
    listings = (*universe.spot.values(), *(x for _, x in universe.contracts))
    traded = {(x.venue, x.instrument.symbol) for x in listings}
    held = {k for k, p in recorded.positions.items() if p.own_qty != 0 and not is_spot(k[1])}
    traded |= {(x.venue, x.instrument.symbol) for x in universe.parting} - held
    carrying = (*_carrying(recorded), *_pairs(recorded))
    return {c: base_of(c[1]) for c in carrying if c not in traded}


def _pairs(recorded: Recorded) -> list[Contract]:
    orders = recorded.orders
    return sorted({(o.venue, o.symbol) for o in orders if not o.is_settled and is_spot(o.symbol)})


def _carrying(recorded: Recorded) -> list[Contract]:
    held = {k for k, p in recorded.positions.items() if p.own_qty != 0}
    working = {(o.venue, o.symbol) for o in recorded.orders if not o.is_settled}
    # coins that were traded are the user's own: only contracts carry something of ours
    return sorted(k for k in held | working if not is_spot(k[1]))
