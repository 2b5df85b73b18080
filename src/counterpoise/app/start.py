"""The start-up gate: what must be true before a portfolio's first cycle, and what is written when it is.

A first start refuses positions it did not open unless the config says what to do with them; a changed config
refuses to trade live hedges before a person has seen the difference; a strategy that was removed with a hedge
still on needs ``retire``. Each refusal names the line that would settle it. Nothing is sent from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.errors import SafetyRefusal
from counterpoise.domain.events import Alert
from counterpoise.domain.numbers import text
from counterpoise.domain.policy import HedgePolicy, PortfolioPolicy
from counterpoise.domain.portfolio import Universe
from counterpoise.domain.records import (
    Changes,
    PortfolioRecord,
    PositionRecord,
    Recorded,
    StrategyRecord,
    TradingState,
)
from counterpoise.domain.snapshot import Account
from counterpoise.domain.strategy import from_document, to_document, with_overlay
from counterpoise.notify.messages import lifecycle

_Key = tuple[str, str]


def first_start(
    policy: PortfolioPolicy,
    config_hash: str,
    accounts: Mapping[str, Account],
    universe: Universe,
    now: datetime,
) -> Changes:
    """Return what to record at a portfolio's first start.

    Raises
    ------
    SafetyRefusal
        When a position is found and the venue's ``existing`` is ``refuse`` (the default), or ``adopt`` by a
        strategy that does not trade that contract.
    """
    positions: list[PositionRecord] = []
    adopted: dict[str, dict[str, Decimal]] = {}
    refused: list[str] = []
    traded = {(x.venue, x.instrument.symbol): a for a, x in universe.futures.items()}
    found = [(v, p) for v in policy.venues for p in accounts[v].positions.values() if p.qty != 0]
    for venue, position in found:
        choice = policy.existing.get(venue, "refuse")
        adopter = choice.partition("adopt:")[2]  # empty for another choice
        record = PositionRecord(venue=venue, symbol=position.symbol)
        asset = traded.get((venue, position.symbol))
        if choice == "keep":
            positions.append(replace(record, baseline_qty=position.qty))
        elif asset is not None and asset in _manageable(policy, adopter):
            positions.append(replace(record, own_qty=position.qty))
            adopted.setdefault(adopter, {})[asset] = position.qty
        else:
            # also what the adopting strategy knows nothing of: it would let it fall at once
            refused.append(f"{text(position.qty)} {position.symbol} at {venue}")
    if refused:
        raise SafetyRefusal(
            f"portfolio {policy.id}: found positions that Counterpoise did not open: {', '.join(refused)}."
            " Say what to do with them: venues.<id>.existing: keep (count them, never trade them) or"
            " adopt:<strategy id> (make them that strategy's, if it trades these contracts)"
        )
    kinds = {s.id: s.kind for s in policy.strategies}
    return Changes(
        portfolio=policy.id,
        record=PortfolioRecord(
            id=policy.id,
            trading_state=TradingState.RUN,
            config_hash=config_hash,
            started_at=now,
        ),
        strategies=tuple(
            StrategyRecord(
                id=s, kind=kinds[s], document=to_document(with_overlay(kinds[s], overlays))
            )
            for s, overlays in adopted.items()
        ),
        positions=tuple(positions),
        alerts=(lifecycle(policy.id, "started", f"Watching {policy.id} for the first time", now),),
    )


def _manageable(policy: PortfolioPolicy, strategy: str) -> tuple[str, ...]:
    """The assets whose futures ``strategy`` decides on; none for an id that is no strategy."""
    found = [s for s in policy.strategies if s.id == strategy]
    return tuple(
        a for s in found for a in ((s.asset,) if isinstance(s, HedgePolicy) else policy.assets)
    )


def restart(
    policy: PortfolioPolicy,
    config_hash: str,
    recorded: Recorded,
    universe: Universe,
    accept_config: str | None,
    now: datetime,
) -> Changes:
    """Return what to record when a known portfolio is started again.

    Raises
    ------
    SafetyRefusal
        When the config changed under live hedges and was not accepted, or a removed strategy still has one.
    """
    live = _live_overlays(recorded)
    changed = recorded.portfolio.config_hash != config_hash
    if changed and live and accept_config != config_hash:
        raise SafetyRefusal(
            f"portfolio {policy.id}: the config changed while hedges are on ({', '.join(sorted(live))})."
            f" Look at the difference with `counterpoise plan`, then start with"
            f" `counterpoise run --accept-config {config_hash}`"
        )
    strategies, positions = _retired(policy, recorded, universe, live)
    unfinished = [o for o in recorded.orders if o.state.is_unproven]
    alerts: list[Alert] = []
    if unfinished:
        message = (
            f"Recovering {policy.id}: {len(unfinished)} orders were on their way when the last run ended;"
            " each is looked up before anything new is sent"
        )
        alerts.append(lifecycle(policy.id, "recovered", message, now))
    else:
        alerts.append(lifecycle(policy.id, "started", f"Watching {policy.id} again", now))
    return Changes(
        portfolio=policy.id,
        record=replace(recorded.portfolio, config_hash=config_hash),
        strategies=strategies,
        positions=positions,
        alerts=tuple(alerts),
    )


def _live_overlays(recorded: Recorded) -> dict[str, Mapping[str, Decimal]]:
    """Strategies that want something in futures now, with their overlays."""
    found: dict[str, Mapping[str, Decimal]] = {}
    for record in recorded.strategies.values():
        overlays = from_document(record.kind, record.document).overlays
        if any(q != 0 for q in overlays.values()):
            found[record.id] = overlays
    return found


def _retired(
    policy: PortfolioPolicy,
    recorded: Recorded,
    universe: Universe,
    live: Mapping[str, Mapping[str, Decimal]],
) -> tuple[tuple[StrategyRecord, ...], tuple[PositionRecord, ...]]:
    """Settle strategies that are no longer configured: close (their overlay ends) or keep (becomes foreign)."""
    configured = {s.id for s in policy.strategies}
    strategies: list[StrategyRecord] = []
    positions: dict[_Key, PositionRecord] = {}
    for strategy, overlays in live.items():
        if strategy in configured:
            continue
        choice = policy.retire.get(strategy)
        if choice is None:
            held = ", ".join(f"{text(q)} {a}" for a, q in overlays.items())
            raise SafetyRefusal(
                f"portfolio {policy.id}: strategy {strategy} was removed while it holds {held} in futures."
                f" Say what becomes of it: portfolios.{policy.id}.retire: {{{strategy}: close}} or keep"
            )
        kind = recorded.strategies[strategy].kind
        strategies.append(
            StrategyRecord(id=strategy, kind=kind, document=to_document(with_overlay(kind, {})))
        )
        if choice == "keep":
            _hand_over(overlays, recorded, universe, positions)
    return tuple(strategies), tuple(positions.values())


def _hand_over(
    overlays: Mapping[str, Decimal],
    recorded: Recorded,
    universe: Universe,
    positions: dict[_Key, PositionRecord],
) -> None:
    """Move overlays from our own position to the foreign baseline, which is never traded."""
    for asset, qty in overlays.items():
        listing = universe.futures.get(asset)
        if listing is None:
            continue
        key = (listing.venue, listing.instrument.symbol)
        known = positions.get(key) or recorded.positions.get(key)
        if known is None:
            continue
        positions[key] = replace(
            known, baseline_qty=known.baseline_qty + qty, own_qty=known.own_qty - qty
        )
