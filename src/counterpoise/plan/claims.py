"""From what strategies are granted to what each shall have in each contract, and what is wanted there in all.

Futures: foreign baseline + sum of claims. Coins: what we have traded so far + what conversions still miss, so that
coins nobody converts any more are never touched again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from counterpoise.domain.decision import Decision, Want
from counterpoise.domain.hedge_book import BookLine, LineKey
from counterpoise.domain.instrument import base_of, is_spot
from counterpoise.domain.numbers import ZERO, dec, shrink_step, split, text
from counterpoise.domain.portfolio import Contract, Listing, Universe
from counterpoise.domain.reasons import Reason, reason
from counterpoise.plan.roll import legs, rung_of


def claims_of(
    decisions: Sequence[Decision],
    universe: Universe,
    own: Mapping[Contract, Decimal] | None = None,
    marks: Mapping[Contract, Decimal] | None = None,
    rungs: int = 1,
    lines: Mapping[LineKey, BookLine] | None = None,
) -> dict[LineKey, Decimal]:
    """Return (strategy, venue, symbol) -> what it shall have there, signed base units.

    ``own`` is what we hold per contract: where one is being left for another, both legs follow it, a rung at a time.
    An asset without a contract has no claim in futures: nothing can be traded for it. Coins count over all pairs of
    the asset (``lines``): what was traded in another pair is not traded again in this one.
    """
    claims: dict[LineKey, Decimal] = {}
    for asset in dict.fromkeys(d.asset for d in decisions):
        mine = [d for d in decisions if d.asset == asset]
        granted = {d.strategy: d.granted for d in mine}
        contract, leaving = universe.futures.get(asset), universe.leaving.get(asset)
        if contract is not None and leaving is not None:
            claims |= _rolled(granted, leaving, contract, own or {}, marks or {}, rungs)
        elif contract is not None:
            claims |= {(s, *_key(contract)): qty for s, qty in granted.items()}
        pair = universe.spot.get(asset)
        if pair is not None:
            claims |= {
                (d.strategy, *_key(pair)): d.coins - _elsewhere(d, pair, lines or {})
                for d in mine
                if d.coins is not None
            }
    return claims


def _elsewhere(decision: Decision, pair: Listing, lines: Mapping[LineKey, BookLine]) -> Decimal:
    """What the strategy has traded of these coins in other pairs than ``pair``."""
    return sum(
        (
            x.qty
            for (strategy, *contract), x in lines.items()
            if strategy == decision.strategy
            and is_spot(x.symbol)
            and base_of(x.symbol) == decision.asset
            and tuple(contract) != _key(pair)
        ),
        ZERO,
    )


def _rolled(
    granted: Mapping[str, Decimal],
    leaving: Listing,
    contract: Listing,
    own: Mapping[Contract, Decimal],
    marks: Mapping[Contract, Decimal],
    rungs: int,
) -> dict[LineKey, Decimal]:
    """Each strategy's share of both legs of a roll.

    Claims that cancel each other out need no trade in either leg: they stand in the new one at once.
    """
    total = sum(granted.values(), ZERO)
    if total == 0:
        let_go = {(s, *_key(leaving)): ZERO for s in granted}
        return let_go | {(s, *_key(contract)): qty for s, qty in granted.items()}
    price = marks.get(_key(contract), ZERO)
    rung = rung_of(total, rungs, contract.instrument, price)
    old, new = legs(total, own.get(_key(leaving), ZERO), own.get(_key(contract), ZERO), rung)
    claims: dict[LineKey, Decimal] = {}
    for listing, target in ((leaving, old), (contract, new)):
        shares = _shared(target, granted, total, listing.instrument.lot_size)
        claims |= {(s, *_key(listing)): qty for s, qty in shares.items()}
    return claims


def _shared(
    target: Decimal, granted: Mapping[str, Decimal], total: Decimal, lot: Decimal
) -> dict[str, Decimal]:
    """Split ``target`` as ``total`` is split over strategies, in lots; the largest takes what does not divide.

    ``total`` is not 0.
    """
    shares = {s: shrink_step(q * target / total, lot) for s, q in granted.items()}
    largest = min(granted, key=lambda s: (-abs(granted[s]), s))
    shares[largest] += target - sum(shares.values(), ZERO)
    return shares


def within_caps(
    claims: Mapping[LineKey, Decimal],
    caps: Mapping[Contract, Decimal],
    lots: Mapping[Contract, Decimal],
    held: Mapping[LineKey, Decimal],
) -> dict[LineKey, Decimal]:
    """Return the claims cut so that what each contract holds of ours is within its cap (unsigned).

    What would be opened gives way before what is ``held`` (signed base units): growth pro rata to growth; only where
    that is not enough, the rest pro rata to what remains claimed.
    """
    within = dict(claims)
    for contract, cap in caps.items():
        mine = {k[0]: q for k, q in claims.items() if k[1:] == contract}
        total = sum(mine.values(), ZERO)
        if not mine or abs(total) <= cap:
            continue
        lot, sign = lots.get(contract, _NO_LOT), 1 if total > 0 else -1
        growth = {
            s: more
            for s, q in mine.items()
            if (more := (q - held.get((s, *contract), ZERO)) * sign) > 0
        }
        kept = {s: q - growth.get(s, ZERO) * sign for s, q in mine.items()}
        standing = sum(kept.values(), ZERO) * sign
        if standing > cap:
            left = _shared(shrink_step(cap * sign, lot), kept, standing * sign, lot)
        else:
            room = shrink_step(cap - standing, lot)
            shares = split(room, growth, lot)
            left = {s: q + shares.get(s, ZERO) * sign for s, q in kept.items()}
        within |= {(s, *contract): qty for s, qty in left.items()}
    return within


#: The step of a contract that tells none.
_NO_LOT = dec("1e-8")


def _key(listing: Listing) -> Contract:
    return (listing.venue, listing.instrument.symbol)


def wants_of(
    decisions: Sequence[Decision],
    claims: Mapping[LineKey, Decimal],
    assets: Iterable[str],
    universe: Universe,
    baselines: Mapping[Contract, Decimal],
    notes: Iterable[Reason] = (),
) -> tuple[Want, ...]:
    """Return the position wanted in every contract that is traded: in that of each asset, and in one it leaves.

    ``notes`` are what guards said of the decisions: of what they cut, they and not the strategy say why.
    """
    cuts = {(n.numbers["strategy"], n.numbers["asset"]): n.text for n in notes if n.code in _CUT}
    known = set(assets)
    return tuple(
        Want(
            venue=listing.venue,
            symbol=listing.instrument.symbol,
            asset=asset,
            qty=baselines.get(_key(listing), ZERO)
            + sum((q for k, q in claims.items() if k[1:] == _key(listing)), ZERO),
            why=_why(asset, decisions, cuts),
        )
        for asset, listing in universe.contracts
        if asset in known
    )


def coin_wants_of(
    decisions: Sequence[Decision],
    lines: Mapping[LineKey, BookLine],
    traded: Mapping[Contract, Decimal],
    busy: Iterable[Contract],
    universe: Universe,
) -> tuple[Want, ...]:
    """Return what shall have been traded in all in every spot pair where something is missing or working.

    ``lines`` already carry the claims; ``traded`` is (venue, symbol) -> what we have traded so far, net of fees in
    the coin; ``busy`` are pairs with orders of ours.
    """
    working = set(busy)
    wants: list[Want] = []
    for asset, listing in universe.spot.items():
        contract = (listing.venue, listing.instrument.symbol)
        missing = sum((x.pending for k, x in lines.items() if k[1:] == contract), ZERO)
        if missing == 0 and contract not in working:
            continue
        wants.append(
            Want(
                venue=contract[0],
                symbol=contract[1],
                asset=asset,
                qty=traded.get(contract, ZERO) + missing,
                why=_why(asset, [d for d in decisions if d.coins is not None]),
            )
        )
    return tuple(wants)


#: Codes of what guards of carry and relation say of the part they leave.
_CUT = frozenset({"brakes_cut", "brakes_close"})


def _why(
    asset: str, decisions: Sequence[Decision], cuts: Mapping[tuple[str, str], str] | None = None
) -> str:
    """The sentences behind a want: of those that changed their mind or were cut, else of those that want something."""
    about, said = [d for d in decisions if d.asset == asset], cuts or {}
    speakers = [d for d in about if d.changed or (d.strategy, asset) in said] or [
        d for d in about if d.overlay != 0
    ]
    speakers = speakers or [d for d in about if d.coins is not None]
    several = len({d.strategy for d in speakers}) > 1
    return "; ".join(
        f"{f'{d.strategy}: ' if several else ''}{said.get((d.strategy, asset)) or _said(d)}"
        for d in speakers
    )


def _said(decision: Decision) -> str:
    """The strategy's sentence; one that says there is nothing to do says what it holds for that."""
    if decision.reason.code != "inside_band" or decision.overlay == 0:
        return decision.reason.text
    return reason(
        "inside_band_held",
        **decision.reason.numbers,
        overlay=text(decision.overlay),
        asset=decision.asset,
    ).text
