"""From what strategies are granted to what each shall have in each contract, and what is wanted there in all.

Futures: foreign baseline + sum of claims. Coins: what we have traded so far + what conversions still miss, so that
coins nobody converts any more are never touched again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from counterpoise.domain.decision import Decision, Want
from counterpoise.domain.hedge_book import BookLine, LineKey
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.portfolio import Contract, Universe


def claims_of(decisions: Sequence[Decision], universe: Universe) -> dict[LineKey, Decimal]:
    """Return (strategy, venue, symbol) -> what it shall have there, signed base units.

    An asset without a contract has no claim in futures: nothing can be traded for it.
    """
    claims: dict[LineKey, Decimal] = {}
    for decision in decisions:
        contract = universe.futures.get(decision.asset)
        if contract is not None:
            key = (decision.strategy, contract.venue, contract.instrument.symbol)
            claims[key] = decision.granted
        pair = universe.spot.get(decision.asset)
        if pair is not None and decision.coins is not None:
            claims[decision.strategy, pair.venue, pair.instrument.symbol] = decision.coins
    return claims


def wants_of(
    decisions: Sequence[Decision],
    claims: Mapping[LineKey, Decimal],
    assets: Iterable[str],
    universe: Universe,
    baselines: Mapping[Contract, Decimal],
) -> tuple[Want, ...]:
    """Return the position wanted in the contract of every asset that has one."""
    wants: list[Want] = []
    for asset in assets:
        listing = universe.futures.get(asset)
        if listing is None:
            continue
        contract = (listing.venue, listing.instrument.symbol)
        wants.append(
            Want(
                venue=contract[0],
                symbol=contract[1],
                asset=asset,
                qty=baselines.get(contract, ZERO)
                + sum((q for k, q in claims.items() if k[1:] == contract), ZERO),
                why=_why(asset, decisions),
            )
        )
    return tuple(wants)


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


def _why(asset: str, decisions: Sequence[Decision]) -> str:
    """The sentences behind a want: of those that changed their mind, else of those that want something."""
    about = [d for d in decisions if d.asset == asset]
    speakers = [d for d in about if d.changed] or [d for d in about if d.overlay != 0]
    speakers = speakers or [d for d in about if d.coins is not None]
    return "; ".join(d.reason.text for d in speakers)
