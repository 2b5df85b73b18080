from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.numbers import dec
from counterpoise.plan.ids import client_order_id, decision_id, is_own
from tests.build import BTC_PERP, NOW, SOL_PERP

DECISION: dict[str, Any] = {
    "portfolio": "treasury",
    "venue": "main",
    "symbol": BTC_PERP,
    "qty": dec("-0.5"),
    "decided_at": NOW,
}
ORDER: dict[str, Any] = {"account": "treasury/main", "decision": "d", "rung": 0, "attempt": 0}


def test_ids_never_change_between_versions() -> None:
    """Orders in flight across an upgrade are found again by these very names."""
    assert decision_id(**DECISION) == "xtucabfhbjejstv7"
    assert client_order_id(**ORDER) == "cp3vpre6yc3oqkfrncxbxhggpdb7"


def test_a_quantity_has_one_id_however_it_is_written() -> None:
    assert decision_id(**{**DECISION, "qty": dec("-0.500")}) == decision_id(**DECISION)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("portfolio", "other"),
        ("venue", "other"),
        ("symbol", SOL_PERP),
        ("qty", dec("0.5")),
        ("decided_at", NOW + timedelta(microseconds=1)),
    ],
)
def test_another_target_is_another_decision(name: str, value: object) -> None:
    assert decision_id(**{**DECISION, name: value}) != decision_id(**DECISION)


@pytest.mark.parametrize(
    ("name", "value"), [("account", "other/main"), ("decision", "e"), ("rung", 1), ("attempt", 1)]
)
def test_another_placement_is_another_order(name: str, value: object) -> None:
    assert client_order_id(**{**ORDER, name: value}) != client_order_id(**ORDER)


def test_parts_that_run_into_each_other_are_told_apart() -> None:
    assert client_order_id("a", "b", 1, 11) != client_order_id("a", "b", 11, 1)
    assert client_order_id("ab", "c", 0, 0) != client_order_id("a", "bc", 0, 0)


@given(st.text(), st.text(), st.integers(0, 200), st.integers(0, 200))
def test_every_venue_takes_our_ids_and_we_know_them_again(
    account: str, decision: str, rung: int, attempt: int
) -> None:
    made = client_order_id(account, decision, rung, attempt)
    assert re.fullmatch(r"cp[a-z2-7]{26}", made)
    assert is_own(made)


@pytest.mark.parametrize(
    "foreign",
    [
        pytest.param(None, id="an order without an id"),
        pytest.param("", id="an empty id"),
        pytest.param("cp", id="our prefix alone"),
        pytest.param("web_" + "a" * 24, id="another prefix of the same length"),
        pytest.param("cp" + "a" * 25, id="a letter short"),
        pytest.param("cp" + "a" * 27, id="a letter too many"),
        pytest.param("cp" + "A" * 26, id="letters we never use"),
        pytest.param("cp" + "1" * 26, id="digits we never use"),
        pytest.param("cp-" + "a" * 25, id="a dash"),
        pytest.param("cp" + "a" * 26 + "\n", id="a line break after it"),
    ],
)
def test_a_foreign_order_is_not_taken_for_ours(foreign: str | None) -> None:
    """What is taken for ours may be cancelled."""
    assert not is_own(foreign)
