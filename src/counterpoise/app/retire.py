"""What becomes of hedges that the config no longer speaks of: closed, kept as foreign, or a reason not to start.

``close`` ends a strategy's wish; ``keep`` hands over what it really holds, never what it wished for, so that keeping
trades nothing. What is held in a contract outside the universe would be watched by nobody: that is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from counterpoise.domain.carried import strays_of
from counterpoise.domain.errors import SafetyRefusal
from counterpoise.domain.instrument import base_of, is_spot
from counterpoise.domain.numbers import ZERO, counted, dec, shrink_step, text
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import Contract, Universe
from counterpoise.domain.records import PositionRecord, Recorded, StrategyRecord
from counterpoise.domain.strategy import from_document, initial_state, to_document

_Overlays = Mapping[str, Mapping[str, Decimal]]
_FINEST = dec("1e-8")


def live_overlays(recorded: Recorded) -> dict[str, Mapping[str, Decimal]]:
    """Return the strategies that want futures or still hold some: their overlays, or what is left of them.

    A strategy that wants no more (a conversion at its end, a release) has its hedge on until that is really closed.
    """
    found: dict[str, Mapping[str, Decimal]] = {}
    for record in recorded.strategies.values():
        held: dict[str, Decimal] = {}
        for line in recorded.book.values():
            if line.strategy == record.id and line.qty != 0 and not is_spot(line.symbol):
                asset = base_of(line.symbol)
                held[asset] = held.get(asset, ZERO) + line.qty
        overlays = from_document(record.kind, record.document).overlays
        live = held | {asset: qty for asset, qty in overlays.items() if qty != 0}
        if any(q != 0 for q in live.values()):
            found[record.id] = live
    return found


def retired(
    policy: PortfolioPolicy, recorded: Recorded, universe: Universe
) -> tuple[tuple[StrategyRecord, ...], dict[Contract, PositionRecord]]:
    """Settle strategies that are no longer configured: their new documents, and the positions handed over.

    Raises
    ------
    SafetyRefusal
        When one of them has a hedge on and ``retire`` does not say what becomes of it.
    """
    live = live_overlays(recorded)
    configured = {s.id for s in policy.strategies}
    strategies: list[StrategyRecord] = []
    for strategy in sorted(set(live) - configured):
        if strategy not in policy.retire:
            held = ", ".join(f"{text(q)} {a}" for a, q in live[strategy].items())
            raise SafetyRefusal(
                f"portfolio {policy.id}: strategy {strategy} was removed while it holds {held} in futures."
                f" Say what becomes of it: portfolios.{policy.id}.retire: {{{strategy}: close}} or keep"
            )
        kind = recorded.strategies[strategy].kind
        strategies.append(
            StrategyRecord(id=strategy, kind=kind, document=to_document(initial_state(kind)))
        )
    # one that comes back begins anew: a conversion that was under way is not taken up again
    strategies += [
        StrategyRecord(id=r.id, kind=r.kind, document=to_document(initial_state(r.kind)))
        for r in recorded.strategies.values()
        if r.id not in configured and r.id not in live and "conversion" in r.document
    ]
    gone = {s: live[s] for s in set(live) - configured}
    kept = {s: o for s, o in gone.items() if policy.retire[s] == "keep"}
    positions: dict[Contract, PositionRecord] = {}
    for asset in sorted({a for overlays in kept.values() for a in overlays}):
        _refuse_unsettled(policy, asset, recorded)
        remaining = _sum({s: o for s, o in live.items() if s in configured}, asset)
        handed = _handed(
            _own(recorded, asset) - remaining,
            _sum(kept, asset),
            _sum({s: o for s, o in gone.items() if s not in kept}, asset),
            _lot(universe, asset),
        )
        positions |= _hand_over(handed, asset, recorded, universe)
    return tuple(strategies), positions


def _refuse_unsettled(policy: PortfolioPolicy, asset: str, recorded: Recorded) -> None:
    """What is kept is what is held, and that is not known while an order of the asset may have filled unseen."""
    unsettled = [o for o in recorded.orders if base_of(o.symbol) == asset and not o.is_settled]
    if unsettled:
        raise SafetyRefusal(
            f"portfolio {policy.id}: {counted(len(unsettled), 'order')} on {asset} may have filled since the"
            " last look, so it is not known what there is to keep."
            " Start once with the strategy still in the config, after"
            " `counterpoise pause` so that nothing new is sent, and stop it again; or say close"
        )


def _handed(left: Decimal, kept: Decimal, closed: Decimal, lot: Decimal) -> Decimal:
    """The part of ``left`` (held beyond what stays wanted) that becomes foreign.

    Kept and closed wishes share it pro rata; it never exceeds the kept wish and never has its opposite sign.
    """
    if closed != 0:
        left = shrink_step(left * kept / (kept + closed), lot) if kept + closed != 0 else ZERO
    return min(max(left, min(kept, ZERO)), max(kept, ZERO))


def _hand_over(
    handed: Decimal, asset: str, recorded: Recorded, universe: Universe
) -> dict[Contract, PositionRecord]:
    """Move ``handed`` from own to baseline, from contracts outside the universe first."""
    strays = strays_of(recorded, universe)
    records = sorted(
        (
            p
            for p in recorded.positions.values()
            if base_of(p.symbol) == asset and p.own_qty != 0 and not is_spot(p.symbol)
        ),
        key=lambda p: ((p.venue, p.symbol) not in strays, p.venue, p.symbol),
    )
    positions: dict[Contract, PositionRecord] = {}
    for known in records:
        part = min(max(handed, min(known.own_qty, ZERO)), max(known.own_qty, ZERO))
        if known is records[-1]:
            part = handed  # a wish on the way the other way round is still to be filled here
        handed -= part
        if part != 0:
            positions[known.venue, known.symbol] = replace(
                known, baseline_qty=known.baseline_qty + part, own_qty=known.own_qty - part
            )
    return positions


def closed_by_hand(
    recorded: Recorded, universe: Universe, shown: Mapping[Contract, Decimal]
) -> dict[Contract, PositionRecord]:
    """Return the records of contracts outside the universe whose own quantity the venue shows no more.

    ``shown`` is the position per contract of the venues that were read, zero included; without an entry nothing
    is concluded. A contract with a working order is not settled.
    """
    working = {(o.venue, o.symbol) for o in recorded.orders if not o.is_settled}
    return {
        contract: replace(recorded.positions[contract], own_qty=ZERO)
        for contract in strays_of(recorded, universe)
        if contract not in working
        and contract in shown
        and shown[contract] == recorded.positions[contract].baseline_qty
    }


def refuse_strays(policy: PortfolioPolicy, recorded: Recorded, universe: Universe) -> None:
    """Raise SafetyRefusal when something of ours is in a contract that this config does not trade."""
    strays = strays_of(recorded, universe)
    if not strays:
        return
    named = []
    for venue, symbol in strays:
        known = recorded.positions.get((venue, symbol))
        own = known.own_qty if known is not None else ZERO
        what = f"{text(own)} {symbol}" if own != 0 else f"working orders in {symbol}"
        named.append(f"{what} at {venue}")
    raise SafetyRefusal(
        f"portfolio {policy.id}: {', '.join(named)}: opened by Counterpoise, but this config and its venues no longer"
        " trade it there, so nobody would watch or close it. Put the asset back into a sleeve (or the venue back) and"
        f" let it be closed there (portfolios.{policy.id}.retire: {{<strategy>: close}}), or leave it as it is"
        f" (portfolios.{policy.id}.retire: {{<strategy>: keep}}), or close it by hand at the exchange; then start again"
    )


def _own(recorded: Recorded, asset: str) -> Decimal:
    records = recorded.positions.values()
    mine = (p for p in records if base_of(p.symbol) == asset and not is_spot(p.symbol))
    return sum((p.own_qty for p in mine), ZERO)


def _sum(strategies: _Overlays, asset: str) -> Decimal:
    return sum((o.get(asset, ZERO) for o in strategies.values()), ZERO)


def _lot(universe: Universe, asset: str) -> Decimal:
    listing = universe.futures.get(asset)
    return listing.instrument.lot_size if listing is not None else _FINEST
