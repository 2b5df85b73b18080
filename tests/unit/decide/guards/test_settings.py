"""Settings that somebody else changed: what counts as a change, and what follows from it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from counterpoise.decide.guards.margin import margin_record, margin_state
from counterpoise.decide.guards.settings import guard_settings
from counterpoise.domain.guarding import MarginState, MarginVerdict, Setting
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import MarginPolicy, OnChange
from counterpoise.domain.records import TradingState
from counterpoise.domain.snapshot import MarginMode
from tests.build import (
    BTC_PERP,
    VENUE,
    make_policy,
    make_recorded,
    make_snapshot,
    make_universe,
    with_venue,
)

KEY = f"{VENUE}/{BTC_PERP}"
FIVE = Setting(leverage=dec(5), mode="cross")


def judged(
    *,
    leverage: Decimal | None = dec(5),
    mode: MarginMode | None = MarginMode.CROSS,
    hedged: bool | None = False,
    known: Setting = FIVE,
    on_change: OnChange | None = OnChange.CANCEL_ONLY,
    symbol: str = BTC_PERP,
    **recorded: Any,
) -> MarginVerdict:
    made = make_snapshot()
    account = made.venues[VENUE].account
    assert account is not None
    account = replace(
        account,
        leverage={symbol: leverage} if leverage is not None else {},
        margin_modes={symbol: mode} if mode is not None else {},
        hedged=hedged,
    )
    margin = MarginPolicy(on_change=on_change) if on_change is not None else None
    policy = make_policy(margin=margin)
    state = MarginState(settings={KEY: known}) if known != Setting() else MarginState()
    record = margin_record(state)
    records = make_recorded(guards={record.id: record}, **recorded)
    snapshot = with_venue(made, account=account)
    return guard_settings(
        MarginVerdict(), margin_state(records), snapshot, records, policy,
        make_universe(policy, made),
    )  # fmt: skip


def test_what_is_found_first_is_how_it_stays() -> None:
    first = judged(known=Setting())
    assert (first.changes, first.lower) == ((), None)
    assert first.state.settings[KEY] == FIVE
    assert judged().changes == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"leverage": dec(20)}, "leverage of BTC/USDT:USDT at main changed from 5 to 20"),
        (
            {"mode": MarginMode.ISOLATED},
            "margin mode of BTC/USDT:USDT at main changed from cross to isolated",
        ),
    ],
)
def test_a_change_is_told_and_nothing_more_is_sent(changes: dict[str, Any], said: str) -> None:
    verdict = judged(**changes)
    (change,) = verdict.changes
    assert change.why.text == f"{said}, and not by us"
    assert getattr(verdict.lower, "state", None) is TradingState.CANCEL_ONLY
    assert verdict.state.settings[KEY] == FIVE, "it is still what it should be"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"leverage": None}, id="leverage is not told"),
        pytest.param({"mode": None}, id="margin mode is not told"),
        pytest.param({"leverage": dec(20), "symbol": "ETH/USDT:USDT"}, id="of another's contract"),
        pytest.param({"hedged": None}, id="the position mode is not told"),
    ],
)
def test_what_is_no_change(changes: dict[str, Any]) -> None:
    verdict = judged(**changes)
    assert (verdict.changes, verdict.lower) == ((), None)


def test_alert_changes_nothing_and_restore_says_what_to_set() -> None:
    alerted = judged(leverage=dec(20), on_change=OnChange.ALERT)
    assert (alerted.lower, alerted.changes[0].restore) == (None, None)
    restored = judged(leverage=dec(20), on_change=OnChange.RESTORE)
    assert (restored.lower, restored.changes[0].restore) == (None, Setting(leverage=dec(5)))


def test_the_state_is_lowered_once_for_a_change() -> None:
    raised = frozenset({f"settings:{VENUE}:{BTC_PERP}"})
    told = judged(leverage=dec(20), raised=raised, state=TradingState.CANCEL_ONLY)
    assert (len(told.changes), told.lower) == (1, None)
    resumed = judged(leverage=dec(20), raised=raised)
    assert (resumed.changes, resumed.lower) == ((), None)
    assert resumed.state.settings[KEY] == Setting(leverage=dec(20), mode="cross")


@pytest.mark.parametrize("on_change", [*OnChange, None])
def test_nothing_is_ever_sent_in_hedge_mode(on_change: OnChange | None) -> None:
    raised = frozenset({f"settings:{VENUE}:position mode"})
    first = judged(hedged=True, on_change=on_change)
    assert first.lower is not None
    assert first.lower.state is TradingState.CANCEL_ONLY
    again = judged(hedged=True, on_change=on_change, raised=raised)
    assert getattr(again.lower, "state", None) is TradingState.CANCEL_ONLY, (
        "whoever resumes must switch it back first"
    )
