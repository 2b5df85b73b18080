"""Trades that a venue made by itself: liquidation, deleveraging, the settlement of what it takes from its list. Pure.

They are believed where they explain what the position shows: the newest of them that add up to what nothing else
explains. So none counts twice, however often it is read, and one that is newer than the position waits for the next
look. What was taken comes out of our part first, at its price; the rest was never ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from counterpoise.domain.hedge_book import CENT
from counterpoise.domain.numbers import ZERO, quantize, text
from counterpoise.domain.order import Fill, Forced
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.records import PositionRecord
from counterpoise.domain.snapshot import Snapshot

_Contract = tuple[str, str]
#: As people call it.
_CALLED: Mapping[Forced, str] = {
    Forced.LIQUIDATION: "a liquidation",
    Forced.DELEVERAGING: "auto-deleveraging",
    Forced.SETTLEMENT: "the settlement of a contract it takes from its list",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What the venue took. ``fills``: what of it was ours, fees in proportion; ``foreign``: contract -> what was not.

    Quantities of ``foreign`` are signed, as the position changed. ``why``: contract -> what happened, for people.
    """

    fills: tuple[Fill, ...] = ()
    foreign: Mapping[_Contract, Decimal] = field(default_factory=dict)
    why: Mapping[_Contract, Reason] = field(default_factory=dict)


def taken(
    positions: Mapping[_Contract, PositionRecord], snapshot: Snapshot, others: Iterable[Fill]
) -> Taken:
    """Return what the venue took of ``positions``, which have our new fills in them already.

    ``others`` are fills of no order of ours that are not stored.
    """
    found: dict[_Contract, list[Fill]] = {}
    for fill in others:
        if fill.forced is not None:
            found.setdefault((fill.venue, fill.symbol), []).append(fill)
    ours: list[Fill] = []
    foreign: dict[_Contract, Decimal] = {}
    why: dict[_Contract, Reason] = {}
    for contract, fills in found.items():
        known = positions.get(contract)
        if known is None:
            continue
        part = _explaining(known, snapshot, fills)
        if part:
            mine, rest = _split(known, part)
            ours += mine
            if rest != 0:
                foreign[contract] = rest
            why[contract] = _reason(contract[1], part)
    return Taken(fills=tuple(ours), foreign=foreign, why=why)


def _explaining(known: PositionRecord, snapshot: Snapshot, fills: list[Fill]) -> tuple[Fill, ...]:
    """The newest of ``fills``, oldest first, that add up to what nothing else explains; none where none do."""
    account = snapshot.venues[known.venue].account
    if account is None:
        return ()
    held = account.positions.get(known.symbol)
    missing = (held.qty if held is not None else ZERO) - known.expected_qty
    if missing == 0 or abs(missing) > abs(known.expected_qty) or missing * known.expected_qty > 0:
        return ()
    ordered = sorted(fills, key=lambda f: (f.filled_at, len(f.trade_id), f.trade_id))
    total = ZERO
    for n in reversed(range(len(ordered))):
        total += ordered[n].signed_qty
        if total == missing:
            return tuple(ordered[n:])
    return ()


def _split(known: PositionRecord, fills: Iterable[Fill]) -> tuple[list[Fill], Decimal]:
    """What of ``fills`` was ours, and how much (signed) was not."""
    mine: list[Fill] = []
    own, rest = known.own_qty, ZERO
    for fill in fills:
        qty = min(fill.qty, abs(own)) if own * fill.signed_qty < 0 else ZERO
        if qty > 0:
            part = replace(fill, qty=qty, fee=_share(fill, qty))
            mine.append(part)
            own += part.signed_qty
        rest += (fill.qty - qty) * fill.side.sign
    return mine, rest


def _share(fill: Fill, qty: Decimal) -> Decimal:
    """The fee of a part of ``fill``; what rounding leaves belongs to the rest, which is not booked."""
    return fill.fee if qty == fill.qty else quantize(fill.fee * qty / fill.qty, CENT)


def _reason(symbol: str, fills: tuple[Fill, ...]) -> Reason:
    kinds = dict.fromkeys(_CALLED[f.forced] for f in fills if f.forced is not None)
    return reason(
        "taken_by_venue",
        symbol=symbol,
        qty=text(sum((f.qty for f in fills), ZERO)),
        how=" and ".join(kinds),
    )
