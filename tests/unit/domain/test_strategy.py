from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.codec import decoded, encoded
from counterpoise.domain.numbers import dec, text
from counterpoise.domain.strategy import (
    PRIORITY,
    HedgeState,
    from_document,
    initial_state,
    overlay_of,
    to_document,
    with_overlays,
)
from counterpoise.domain.strategy.conditions import Extreme
from counterpoise.domain.strategy.hedge import HedgePhase
from tests.build import NOW

OVERLAYS = {"BTC": dec("-0.5")}
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=18, max_value=10**12)
INSTANTS = st.datetimes(timezones=st.just(timezone(timedelta(hours=2))))


def values_of(hint: Any) -> Any:
    """Anything a field of type ``hint`` may hold, so that a new field is tested without a new test."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is UnionType:
        return st.one_of(st.none() if p is NoneType else values_of(p) for p in parts)
    if origin is Mapping:
        return st.dictionaries(st.text(max_size=5), values_of(parts[1]), max_size=3)
    if is_dataclass(hint):
        return st.builds(hint, **{n: values_of(h) for n, h in get_type_hints(hint).items()})
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    return {
        Decimal: DECIMALS,
        datetime: INSTANTS,
        int: st.integers(),
        bool: st.booleans(),
        str: st.text(max_size=5),
    }[hint]


def through_json(document: object) -> object:
    return json.loads(json.dumps(document))


@pytest.mark.parametrize("kind", PRIORITY)
def test_a_strategy_that_never_ran_wants_nothing(kind: str) -> None:
    assert overlay_of(initial_state(kind), "BTC") == 0


def test_a_kind_nobody_knows_is_refused() -> None:
    with pytest.raises(KeyError):
        initial_state("martingale")


def test_states_of_equal_meaning_are_equal() -> None:
    one = with_overlays(HedgeState(), {"SOL": dec(-1), "BTC": dec("-0.50"), "ETH": dec(0)})
    other = with_overlays(HedgeState(), {"BTC": dec("-0.5"), "SOL": dec("-1.0")})
    assert one == other
    assert list(one.overlays) == ["BTC", "SOL"]


def test_new_overlays_leave_the_rest_of_a_state_alone() -> None:
    state = HedgeState(overlays=OVERLAYS, phase=HedgePhase.ON, opened_at=NOW)
    assert with_overlays(with_overlays(state, {}), OVERLAYS) == state


@pytest.mark.parametrize("kind", PRIORITY)
@given(data=st.data())
def test_every_state_comes_back_from_json_as_it_was(kind: str, data: st.DataObject) -> None:
    state = data.draw(values_of(type(initial_state(kind))))
    document = through_json(to_document(state))
    assert isinstance(document, dict)
    assert from_document(kind, document) == state


@pytest.mark.parametrize("kind", PRIORITY)
def test_what_the_first_version_wrote_still_loads(kind: str) -> None:
    """It knew overlays and nothing else."""
    state = from_document(kind, {"overlays": {"BTC": "-0.5"}})
    assert state == with_overlays(initial_state(kind), {"BTC": dec("-0.5")})
    assert from_document(kind, {"overlays": {}}) == initial_state(kind)


def test_decimals_are_text_without_an_exponent_and_defaults_are_left_out() -> None:
    assert to_document(HedgeState(overlays={"SHIB": dec("1E+6")}, opened_at=NOW)) == {
        "overlays": {"SHIB": "1000000"},
        "opened_at": "2025-06-02T12:00:00+00:00",
    }


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"overlays": [1]}, id="overlays that are no object"),
        pytest.param({"overlays": {}, "more": 1}, id="something a newer version wrote"),
        pytest.param({"overlays": {"BTC": "much"}}, id="text that is no number"),
        pytest.param({"overlays": {"BTC": 0.1}}, id="a float, which has lost digits"),
        pytest.param({"overlays": {"BTC": 1}}, id="a number that is no text"),
        pytest.param({"overlays": {"BTC": None}}, id="a missing quantity, which is not zero"),
        pytest.param({"phase": "on"}, id="no overlays, which are in every document"),
        pytest.param({"overlays": {}, "phase": "asleep"}, id="a phase nobody knows"),
        pytest.param({"overlays": {}, "phase": 1}, id="a phase that is no text"),
        pytest.param({"overlays": {}, "phase": None}, id="no phase where there is always one"),
        pytest.param({"overlays": {}, "opened_at": "yesterday"}, id="text that is no instant"),
        pytest.param(
            {"overlays": {}, "opened_at": "2025-06-02T12:00:00"}, id="an instant of no time zone"
        ),
        pytest.param({"overlays": {}, "held": {"when": "2025-06-02"}}, id="a date within a map"),
        pytest.param({"overlays": {}, "low": "90"}, id="text where an object belongs"),
        pytest.param(
            {"overlays": {}, "low": {"price": "90", "depth": "1"}},
            id="a part of a part nobody knows",
        ),
        pytest.param({"overlays": {}, "low": {"price": "NaN"}}, id="a price that is no number"),
    ],
)
def test_a_document_of_another_shape_is_refused_never_half_read(
    document: dict[str, object],
) -> None:
    with pytest.raises(ValueError, match="expected"):
        from_document("hedge", document)


def test_a_refusal_says_where_and_what_was_there() -> None:
    with pytest.raises(ValueError, match=r"^state of hedge\.low\.price: expected Decimal, was 90$"):
        from_document("hedge", {"overlays": {}, "low": {"price": 90}})
    with pytest.raises(ValueError, match=r"^state of drift: expected overlays, .*, was 'hit'$"):
        from_document("drift", {"overlays": {}, "hit": 2})


@pytest.mark.parametrize("hit", [True, "2", 2.0])
def test_a_count_is_a_whole_number_and_nothing_like_it(hit: object) -> None:
    with pytest.raises(ValueError, match="expected int"):
        from_document("profit_ladder", {"overlays": {}, "hit": hit})


@pytest.mark.parametrize("cancelled", [1, "true"])
def test_a_yes_or_no_is_nothing_else(cancelled: object) -> None:
    with pytest.raises(ValueError, match="expected bool"):
        from_document("profit_ladder", {"overlays": {}, "cancelled": cancelled})


def test_what_is_no_part_of_a_state_is_not_written() -> None:
    with pytest.raises(TypeError, match="was float"):
        encoded(0.5)


def test_what_is_no_object_is_not_read() -> None:
    with pytest.raises(ValueError, match="somewhere: expected an object, was 'on'"):
        decoded(HedgeState, "on", "somewhere")


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**9, places=8))
def test_an_extreme_is_read_as_it_was_written(price: Decimal) -> None:
    assert encoded(Extreme(price=price)) == {"price": text(price)}
    assert decoded(Extreme, encoded(Extreme(price=price)), "low") == Extreme(price=price)
