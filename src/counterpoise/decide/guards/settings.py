"""Leverage, margin mode and position mode: what was found first is how it stays, until a person says otherwise.

A change behind our back moves the liquidation price of a hedge without any order. It is told at once; by policy it is
also set right, or nothing more is sent. Who resumes after that takes the new setting as it is. Hedge mode (longs and
shorts of a contract kept apart) is never traded in: a position there is not one number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from counterpoise.domain.guarding import (
    Lowering,
    MarginState,
    MarginVerdict,
    Setting,
    SettingChange,
)
from counterpoise.domain.instrument import is_spot
from counterpoise.domain.numbers import ZERO, text
from counterpoise.domain.policy import OnChange, PortfolioPolicy
from counterpoise.domain.portfolio import Contract, Universe
from counterpoise.domain.reasons import reason
from counterpoise.domain.records import Recorded, TradingState
from counterpoise.domain.snapshot import Account, Snapshot

#: What a change of the position mode is told under, beside the contracts.
POSITION_MODE = "position mode"


def guard_settings(
    margin: MarginVerdict,
    known: MarginState,
    snapshot: Snapshot,
    recorded: Recorded,
    policy: PortfolioPolicy,
    universe: Universe,
) -> MarginVerdict:
    """Return ``margin`` with what the venues' settings ask for; ``known`` is what was remembered before the look.

    ``margin.state.settings`` then carries what is to be remembered. Contracts of the portfolio count, and those that
    carry something of ours.
    """
    settings = dict(known.settings)
    changes: list[SettingChange] = []
    lower = margin.lower
    for venue, seen in snapshot.venues.items():
        if seen.account is None:
            continue
        if seen.account.hedged:
            why = reason("hedge_mode", venue=venue)
            changes.append(SettingChange(venue=venue, symbol=POSITION_MODE, why=why, stops=True))
        if policy.margin is None:
            continue
        for contract in sorted(_contracts(venue, recorded, universe)):
            key = f"{venue}/{contract[1]}"
            before, now = settings.get(key, Setting()), _shown(contract[1], seen.account)
            settings[key] = _completed(before, now)
            found = _change(contract, before, now, policy.margin.on_change)
            if found is None:
                continue
            if found.stops and _resumed(found, recorded):
                settings[key] = _completed(now, before)
            else:
                changes.append(found)
    for change in changes:
        fresh = change.symbol == POSITION_MODE or change.key not in recorded.raised
        if change.stops and fresh and lower is None:
            lower = Lowering(state=TradingState.CANCEL_ONLY, why=change.why)
    return replace(
        margin,
        state=replace(margin.state, settings={k: s for k, s in settings.items() if s != Setting()}),
        changes=tuple(changes),
        lower=lower,
    )


def _contracts(venue: str, recorded: Recorded, universe: Universe) -> set[Contract]:
    mine = {c for c, p in recorded.positions.items() if p.own_qty != 0 and not is_spot(c[1])}
    watched = {(x.venue, x.instrument.symbol) for x in universe.watched if x.instrument.is_future}
    return {c for c in mine | watched if c[0] == venue}


def _shown(symbol: str, account: Account) -> Setting:
    """How a contract is set, a position's own word first; what is not told stays unknown."""
    held = account.positions.get(symbol)
    leverage = held.leverage if held is not None else None
    mode = held.margin_mode if held is not None else None
    mode = mode if mode is not None else account.margin_modes.get(symbol)
    return Setting(
        leverage=leverage if leverage is not None else account.leverage.get(symbol),
        mode=mode.value if mode is not None else None,
    )


def _completed(known: Setting, now: Setting) -> Setting:
    """``known``, with what was not known before."""
    return Setting(
        leverage=known.leverage if known.leverage is not None else now.leverage,
        mode=known.mode if known.mode is not None else now.mode,
    )


def _change(
    contract: Contract, before: Setting, now: Setting, policy: OnChange
) -> SettingChange | None:
    """What differs from what is remembered; what was not told is no change."""
    differing = list(_differing(before, now))
    if not differing:
        return None
    names, olds, news = zip(*differing, strict=True)
    return SettingChange(
        venue=contract[0],
        symbol=contract[1],
        why=reason(
            "setting_changed",
            what=" and ".join(names),
            symbol=contract[1],
            venue=contract[0],
            before=" and ".join(olds),
            now=" and ".join(news),
        ),
        stops=policy is OnChange.CANCEL_ONLY,
        restore=Setting(
            leverage=before.leverage if "leverage" in names else None,
            mode=before.mode if "margin mode" in names else None,
        )
        if policy is OnChange.RESTORE
        else None,
    )


def _differing(before: Setting, now: Setting) -> Iterator[tuple[str, str, str]]:
    if before.leverage is not None and now.leverage not in {None, before.leverage}:
        yield "leverage", text(before.leverage), text(now.leverage or ZERO)
    if before.mode is not None and now.mode not in {None, before.mode}:
        yield "margin mode", before.mode, now.mode or ""


def _resumed(change: SettingChange, recorded: Recorded) -> bool:
    """Whether a person was told of the change, and has raised the state all the same."""
    return change.key in recorded.raised and recorded.portfolio.trading_state is TradingState.RUN
