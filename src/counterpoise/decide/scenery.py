"""Setting the scene: what strategies may see, gathered from the look and the records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.decide.approvals import is_asked
from counterpoise.domain.bars import Bar
from counterpoise.domain.hedge_guards import NO_VERDICTS, HedgeVerdicts
from counterpoise.domain.instrument import base_of, is_spot
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.operator import Ask
from counterpoise.domain.order import Order, Side
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import PortfolioView, Universe
from counterpoise.domain.records import Recorded
from counterpoise.domain.scene import Held, Scene
from counterpoise.domain.snapshot import Quote, Snapshot
from counterpoise.domain.steering import ASKS


def scene_of(
    snapshot: Snapshot,
    recorded: Recorded,
    policy: PortfolioPolicy,
    universe: Universe,
    view: PortfolioView,
    calendar: Mapping[str, datetime],
    hedges: HedgeVerdicts = NO_VERDICTS,
) -> Scene:
    """Return the scene of one look; ``calendar``: strategy -> newest calendar instant at or before it."""
    return Scene(
        policy=policy,
        view=view,
        universe=universe,
        bars=_bars(snapshot, policy, universe),
        quotes=_quotes(snapshot, policy, universe),
        coin_quotes=_coin_quotes(snapshot, universe),
        held=_held(recorded),
        asks=_asks(recorded, snapshot.as_of),
        calendar=calendar,
        working=_working(recorded),
        purse=_purse(snapshot, recorded, policy),
        flattening=recorded.portfolio.flattening,
        unallowed=frozenset(
            (a.strategy, a.asset) for a in recorded.approvals if a.caps and is_asked(a)
        ),
        brakes=hedges.brakes,
        relations=hedges.relation.relations,
    )


def _bars(
    snapshot: Snapshot, policy: PortfolioPolicy, universe: Universe
) -> dict[tuple[str, timedelta], tuple[Bar, ...]]:
    """Closed bars per asset: of the contract it is hedged with, of its spot pair where there is none."""
    found: dict[tuple[str, timedelta], tuple[Bar, ...]] = {}
    for look in policy.lookbacks:
        listing = universe.barred(look.asset)
        if listing is None or look.coin:
            continue
        seen = snapshot.venues[listing.venue].bars
        found[look.asset, look.interval] = seen.get((listing.instrument.symbol, look.interval), ())
    return found


def _quotes(snapshot: Snapshot, policy: PortfolioPolicy, universe: Universe) -> dict[str, Quote]:
    quotes: dict[str, Quote] = {}
    for asset in policy.assets:
        listing = universe.futures.get(asset) or universe.spot.get(asset)
        if listing is None:
            continue
        quote = snapshot.venues[listing.venue].quotes.get(listing.instrument.symbol)
        if quote is not None:
            quotes[asset] = quote
    return quotes


def _coin_quotes(snapshot: Snapshot, universe: Universe) -> dict[str, Quote]:
    found = {
        asset: snapshot.venues[listing.venue].quotes.get(listing.instrument.symbol)
        for asset, listing in universe.spot.items()
    }
    return {asset: quote for asset, quote in found.items() if quote is not None}


def _held(recorded: Recorded) -> dict[tuple[str, str], Held]:
    held: dict[tuple[str, str], Held] = {}
    costs: dict[tuple[str, str], Decimal] = {}
    for line in recorded.book.values():
        key = (line.strategy, base_of(line.symbol))
        known = held.get(key, Held())
        if is_spot(line.symbol):
            held[key] = replace(known, coins=known.coins + line.qty)
            continue
        costs[key] = costs.get(key, ZERO) + line.cost
        held[key] = replace(
            known,
            futures=known.futures + line.qty,
            pending=known.pending + line.pending,
            earned=known.earned + line.earned,
        )
    for key, cost in costs.items():
        futures = held[key].futures
        held[key] = replace(held[key], entry_price=cost / futures if futures else None)
    return held


def _working(recorded: Recorded) -> dict[str, tuple[datetime, ...]]:
    working: dict[str, tuple[datetime, ...]] = {}
    for order in recorded.orders:
        if not is_spot(order.symbol) and not order.is_settled:
            asset = base_of(order.symbol)
            working[asset] = (*working.get(asset, ()), order.created_at)
    return working


def _asks(recorded: Recorded, now: datetime) -> dict[str, tuple[Ask, ...]]:
    asks: dict[str, tuple[Ask, ...]] = {}
    for command in recorded.commands:
        if command.kind not in ASKS or (command.due_at is not None and command.due_at > now):
            continue
        strategy = command.args.get("strategy", "")
        asks[strategy] = (
            *asks.get(strategy, ()),
            Ask(kind=command.kind, command=command.id, at=now),
        )
    return asks


def _purse(snapshot: Snapshot, recorded: Recorded, policy: PortfolioPolicy) -> dict[str, Decimal]:
    """Free coins and what our own spot orders lock: what they lock is theirs to spend."""
    purse: dict[str, Decimal] = {}
    for venue in policy.venues:
        account = snapshot.venues[venue].account
        for asset, balance in (account.spot if account is not None else {}).items():
            purse[asset] = purse.get(asset, ZERO) + balance.free
    for order in recorded.orders:
        if is_spot(order.symbol) and not order.state.is_final:
            asset, qty = _locked(order, policy.quote)
            purse[asset] = purse.get(asset, ZERO) + qty
    return purse


def _locked(order: Order, quote: str) -> tuple[str, Decimal]:
    if order.side is Side.SELL:
        return base_of(order.symbol), order.remaining_qty
    return quote, order.remaining_qty * (order.price or ZERO)
