from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.numbers import dec
from counterpoise.domain.strategy import (
    DriftState,
    HedgeState,
    from_document,
    initial_state,
    overlay_of,
    to_document,
    with_overlay,
)


def test_a_strategy_that_never_ran_wants_nothing() -> None:
    assert initial_state("hedge") == HedgeState()
    assert initial_state("drift") == DriftState()
    assert overlay_of(initial_state("drift"), "BTC") == 0


def test_a_kind_nobody_knows_is_refused() -> None:
    with pytest.raises(KeyError):
        initial_state("martingale")


def test_states_of_equal_meaning_are_equal() -> None:
    one = with_overlay("hedge", {"SOL": dec(-1), "BTC": dec("-0.50"), "ETH": dec(0)})
    other = with_overlay("hedge", {"BTC": dec("-0.5"), "SOL": dec("-1.0")})
    assert one == other
    assert list(one.overlays) == ["BTC", "SOL"]


@given(
    st.sampled_from(["hedge", "drift"]),
    st.dictionaries(
        st.text(min_size=1, max_size=5),
        st.decimals(allow_nan=False, allow_infinity=False, places=18, max_value=Decimal(10**12)),
        max_size=4,
    ),
)
def test_a_state_comes_back_from_json_as_it_was(kind: str, overlays: dict[str, Decimal]) -> None:
    state = with_overlay(kind, overlays)
    assert from_document(kind, json.loads(json.dumps(to_document(state)))) == state


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({}, id="no overlays"),
        pytest.param({"overlays": [1]}, id="overlays that are no object"),
        pytest.param({"overlays": {}, "more": 1}, id="something a newer version wrote"),
        pytest.param({"overlays": {"BTC": "much"}}, id="text that is no number"),
        pytest.param({"overlays": {"BTC": 0.1}}, id="a float, which has lost digits"),
        pytest.param({"overlays": {"BTC": None}}, id="a missing quantity, which is not zero"),
    ],
)
def test_a_document_of_another_shape_is_refused_never_half_read(
    document: dict[str, object],
) -> None:
    with pytest.raises(ValueError, match="expected"):
        from_document("hedge", document)
