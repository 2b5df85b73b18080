"""The start-up gate: what must be true before a portfolio's first cycle, and what is written when it is.

A first start refuses positions it did not open unless the config says what to do with them; a changed config
refuses to trade live hedges before a person has seen the difference; a strategy that was removed with a hedge
still on needs ``retire``. Each refusal names the line that would settle it. Nothing is sent from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from counterpoise.app.retire import closed_by_hand, live_overlays, refuse_strays, retired
from counterpoise.domain.errors import SafetyRefusal
from counterpoise.domain.events import Alert, Severity, alert
from counterpoise.domain.guard_documents import kept
from counterpoise.domain.numbers import text
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import Contract, Universe
from counterpoise.domain.records import (
    Changes,
    PortfolioRecord,
    PositionRecord,
    Recorded,
    StrategyRecord,
    TradingState,
)
from counterpoise.domain.running import RUN, Run, last_run, last_sign
from counterpoise.domain.snapshot import Account
from counterpoise.domain.strategy import initial_state, to_document, with_overlays
from counterpoise.notify.lifecycle_messages import first_watched, owner_moved, watched_again

#: Kinds of strategy that may adopt a position found at the first start.
_ADOPTERS = frozenset({"hedge", "drift"})


def first_start(
    policy: PortfolioPolicy,
    config_hash: str,
    accounts: Mapping[str, Account],
    universe: Universe,
    now: datetime,
    run: Run | None = None,
) -> Changes:
    """Return what to record at a portfolio's first start, by ``run``.

    Raises
    ------
    SafetyRefusal
        When a position is found and the venue's ``existing`` is ``refuse`` (the default), or ``adopt`` by a
        strategy that does not trade that contract.
    """
    positions: list[PositionRecord] = []
    adopted: dict[str, dict[str, Decimal]] = {}
    refused: list[str] = []
    traded = {
        (x.venue, x.instrument.symbol): x.instrument.base
        for x in universe.watched
        if x.instrument.is_future
    }
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
        strategies=tuple(_adopting(s, kinds[s], overlays) for s, overlays in adopted.items()),
        positions=tuple(positions),
        guards=(kept(RUN, run),) if run is not None else (),
        alerts=(first_watched(policy.id, run, now),),
    )


def _adopting(strategy: str, kind: str, overlays: Mapping[str, Decimal]) -> StrategyRecord:
    """A strategy that begins with what it adopted."""
    state = with_overlays(initial_state(kind), overlays)
    return StrategyRecord(id=strategy, kind=kind, document=to_document(state))


def _manageable(policy: PortfolioPolicy, strategy: str) -> tuple[str, ...]:
    """The assets whose futures ``strategy`` may take over; none for an id that is no strategy.

    Only what holds a size at all times can: a ladder or a dip would not know at what price it was opened, and why.
    """
    found = [s for s in policy.strategies if s.id == strategy]
    return tuple(a for s in found if s.kind in _ADOPTERS for a in s.assets or policy.assets)


def restart(
    policy: PortfolioPolicy,
    config_hash: str,
    recorded: Recorded,
    universe: Universe,
    accept_config: str | None,
    now: datetime,
    shown: Mapping[Contract, Decimal] | None = None,
    run: Run | None = None,
) -> Changes:
    """Return what to record when a known portfolio is started again, by ``run``.

    ``shown`` is the position per contract as the venues show it; it may settle what was closed by hand.

    Raises
    ------
    SafetyRefusal
        When the config changed under live hedges and was not accepted, a removed strategy still has one, or
        something of ours is where this config does not trade.
    """
    refuse_changed(policy, config_hash, recorded, accept_config)
    strategies, positions = retired(policy, recorded, universe)
    after = replace(recorded, positions={**recorded.positions, **positions})
    closed = closed_by_hand(after, universe, shown or {})
    after = replace(after, positions={**after.positions, **closed})
    refuse_strays(policy, after, universe)
    return Changes(
        portfolio=policy.id,
        record=replace(recorded.portfolio, config_hash=config_hash),
        strategies=strategies,
        positions=tuple({**positions, **closed}.values()),
        guards=(kept(RUN, run),) if run is not None else (),
        alerts=(*_started(policy, recorded, run, now), *_told_closed(policy, closed, now)),
    )


def refuse_changed(
    policy: PortfolioPolicy, config_hash: str, recorded: Recorded, accept_config: str | None
) -> None:
    """Raise SafetyRefusal for a config that changed under live hedges and was not accepted."""
    live = live_overlays(recorded)
    changed = recorded.portfolio.config_hash != config_hash
    if changed and live and accept_config != config_hash:
        wrong = (
            f" --accept-config was {accept_config}, which is not the hash of this config."
            if accept_config is not None
            else ""
        )
        raise SafetyRefusal(
            f"portfolio {policy.id}: the config changed while hedges are on ({', '.join(sorted(live))}).{wrong}"
            " Look at the difference with `counterpoise plan` on this config, then start it with"
            f" `counterpoise run` and --accept-config {config_hash}"
        )


def _started(
    policy: PortfolioPolicy, recorded: Recorded, run: Run | None, now: datetime
) -> tuple[Alert, ...]:
    """How the last run ended, and who watches now where that is another machine."""
    last = last_run(recorded)
    sign = last_sign(recorded, last) if last is not None else None
    open_ = [o for o in recorded.orders if not o.state.is_final]
    told = watched_again(policy.id, run, last, sign, open_, now)
    if run is None or last is None or last.host == run.host:
        return (told,)
    return (told, owner_moved(policy.id, run, last, now))


def _told_closed(
    policy: PortfolioPolicy, closed: Iterable[Contract], now: datetime
) -> tuple[Alert, ...]:
    return tuple(
        alert(
            policy.id,
            "position",
            Severity.WARNING,
            f"{symbol} at {venue} was closed by hand: Counterpoise holds nothing there any more",
            now,
        )
        for venue, symbol in closed
    )
