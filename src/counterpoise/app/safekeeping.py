"""What a margin verdict does to a judgement: caps on claims, closes where nothing else is decided, lowered states."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from counterpoise.decide.guards.limits import review
from counterpoise.domain.decision import Want
from counterpoise.domain.guarding import MARGIN, SELLER, Lowering, MarginVerdict
from counterpoise.domain.hedge_book import Booked, BookLine, LineKey, wanting
from counterpoise.domain.instrument import base_of, is_spot
from counterpoise.domain.numbers import ZERO, text
from counterpoise.domain.plan import Approved, Plan, Refused
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import Contract, Universe
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.records import GuardRecord, Recorded, TradingState
from counterpoise.domain.snapshot import Snapshot
from counterpoise.domain.standing import standing_of, standing_record, standing_rows
from counterpoise.plan.case import Guarded
from counterpoise.plan.claims import within_caps
from counterpoise.plan.planner import plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the margin guard closes although nothing else is decided."""

    plan: Plan
    approved: tuple[Approved, ...]
    refused: tuple[Refused, ...]
    booked: Booked


def kept_alive(
    margin: MarginVerdict,
    snapshot: Snapshot,
    recorded: Recorded,
    policy: PortfolioPolicy,
    unexplained: Mapping[Contract, Reason],
) -> Kept | None:
    """Return what is closed in a look that decides nothing, None where nothing has to be.

    It goes by what is held, not by what is wanted: stale coins never stop the margin guard (MEANING 19).
    """
    capped = unclaimed(margin, snapshot, recorded, ())
    if not capped.wants:
        return None
    claims, guarded = capped.claims, guarded_by(margin, policy)
    planned = plan(capped.wants, snapshot, recorded, policy, unexplained, guarded)
    closing = tuple(o for o in planned.place if o.guard is not None)
    approved, refused = review(closing, snapshot, recorded, policy, None, margin)
    wanted = {k: x.wanted for k, x in recorded.book.items()} | claims
    spots = [key for key in recorded.book if is_spot(key[2])]
    return Kept(
        plan=planned,
        approved=approved,
        refused=refused,
        booked=Booked(lines=wanting(recorded.book, wanted, spots)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Capped:
    """What is left of capped contracts: the position wanted in each, and what each line of the book has there then."""

    wants: tuple[Want, ...]
    claims: dict[LineKey, Decimal]


def unclaimed(
    margin: MarginVerdict, snapshot: Snapshot, recorded: Recorded, known: Collection[Contract]
) -> Capped:
    """Return what the guard leaves of the capped contracts that are listed, but for ``known``.

    It goes by what is held: nobody decides about these, so nobody claims them.
    """
    shown = {
        contract: cap
        for contract, cap in margin.caps.items()
        if contract not in known and contract[1] in snapshot.venues[contract[0]].instruments
    }
    held = {k: x.qty for k, x in recorded.book.items() if k[1:] in shown}
    claims = within_caps(held, shown, lots_of(snapshot), held)
    wants = tuple(_want(contract, claims, recorded, margin) for contract in shown)
    return Capped(wants=wants, claims=claims)


def _want(
    contract: Contract, claims: Mapping[LineKey, Decimal], recorded: Recorded, margin: MarginVerdict
) -> Want:
    venue, symbol = contract
    known = recorded.positions.get(contract)
    baseline = known.baseline_qty if known is not None else ZERO
    return Want(
        venue=venue,
        symbol=symbol,
        asset=base_of(symbol),
        qty=baseline + sum((q for k, q in claims.items() if k[1:] == contract), ZERO),
        why=margin.why[contract].text,
        guarded=True,
    )


def explained(wants: tuple[Want, ...], margin: MarginVerdict) -> tuple[Want, ...]:
    """Return the wants with the guard's word on those that it cuts: it, not a strategy, is why they move."""
    return tuple(
        replace(want, why=margin.why[contract].text, guarded=True)
        if (contract := (want.venue, want.symbol)) in margin.why
        else want
        for want in wants
    )


def sales_explained(
    coins: tuple[Want, ...], margin: MarginVerdict, lines: Mapping[LineKey, BookLine]
) -> tuple[Want, ...]:
    """Return the wants of coins with the guard's word on those of which it sells."""
    return tuple(_sale(want, margin, lines) for want in coins)


def _sale(want: Want, margin: MarginVerdict, lines: Mapping[LineKey, BookLine]) -> Want:
    line = lines.get((SELLER, want.venue, want.symbol))
    if line is None or line.pending >= 0:
        return want
    cut = [why.text for (_, symbol), why in margin.why.items() if base_of(symbol) == want.asset]
    why = reason(
        "margin_sells",
        qty=text(-line.pending),
        asset=want.asset,
        why="; ".join(cut) or "its collateral was too near to liquidation",
    )
    said = "; ".join(w for w in (why.text, want.why) if w)
    return replace(want, why=said, guarded=True)


def sold_by_guard(
    margin: MarginVerdict, universe: Universe, book: Mapping[LineKey, BookLine]
) -> dict[LineKey, Decimal]:
    """Return the coins the margin guard means to have sold, as claims of its own.

    It never buys back, and coins count over all pairs of the asset: what was sold in another is not sold again.
    """
    claims: dict[LineKey, Decimal] = {}
    for asset, qty in margin.coins.items():
        pair = universe.spot.get(asset)
        if pair is None:
            continue
        key = (SELLER, pair.venue, pair.instrument.symbol)
        sold = {
            k: x.qty
            for k, x in book.items()
            if k[0] == SELLER and is_spot(k[2]) and base_of(k[2]) == asset
        }
        here = sold.pop(key, ZERO)
        claims[key] = min(qty - sum(sold.values(), ZERO), here)
    return claims


def guarded_by(margin: MarginVerdict, policy: PortfolioPolicy) -> dict[Contract, Guarded]:
    """Return how the contracts that the margin guard shrinks are to be traded."""
    slippage = policy.margin.max_slippage if policy.margin is not None else ZERO
    return {
        contract: Guarded(guard=MARGIN, max_slippage=slippage, urgent=contract in margin.urgent)
        for contract in margin.caps
    }


def lowered(state: TradingState, *wanted: Lowering | None) -> Lowering | None:
    """Return what guards lower ``state`` to, None where it stays: they never raise one (MEANING 19)."""
    order = list(TradingState)
    asked = [w for w in wanted if w is not None and order.index(w.state) > order.index(state)]
    return max(asked, key=lambda w: order.index(w.state), default=None)


def lowered_standing(lower: Lowering, at: datetime) -> GuardRecord:
    """Return since when and why the state holds that a guard lowers it to at ``at``."""
    return standing_record(lower.state, at, lower.why.text, f"{lower.by} guard")


def standing_shown(
    recorded: Recorded, lower: Lowering | None, at: datetime
) -> Mapping[str, str | None]:
    """Return since when and why the state holds that a look leaves, as JSON."""
    if lower is not None:
        document = lowered_standing(lower, at)
        record = replace(recorded.portfolio, trading_state=lower.state)
        guards = {**recorded.guards, document.id: document}
        recorded = replace(recorded, portfolio=record, guards=guards)
    return standing_rows(standing_of(recorded))


def lots_of(snapshot: Snapshot) -> dict[Contract, Decimal]:
    """Return the step of every instrument that is listed."""
    return {
        (venue, symbol): instrument.lot_size
        for venue, seen in snapshot.venues.items()
        for symbol, instrument in seen.instruments.items()
    }
