from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.numbers import dec, text
from counterpoise.domain.strategy import (
    PRIORITY,
    DriftState,
    HedgeState,
    ProfitLadderState,
    ScaleInState,
    StrategyState,
    from_document,
    initial_state,
    overlay_of,
    to_document,
    with_overlays,
)
from counterpoise.domain.strategy.codec import decoded, encoded
from counterpoise.domain.strategy.conditions import Extreme
from counterpoise.domain.strategy.conversion import AssetConversion, ConversionState
from counterpoise.domain.strategy.derisk import DeriskPhase, DeriskState
from counterpoise.domain.strategy.dip_buy import DipBuyPhase, DipBuyState
from counterpoise.domain.strategy.hedge import HedgePhase
from counterpoise.domain.strategy.profit_ladder import LadderPhase
from counterpoise.domain.strategy.scale_in import ScaleInPhase
from tests.build import NOW

#: One state per kind with every field set to something that is not its default.
CONVERSION = ConversionState(
    started_at=NOW,
    assets={
        "BTC": AssetConversion(futures=dec("-0.5"), spot=dec("-0.4"), spot_from=dec(0)),
        "SOL": AssetConversion(futures=dec(3), spot=dec(2), spot_from=dec(1), wish=dec("1.5")),
    },
    tranches_done=2,
    next_at=NOW + timedelta(hours=1),
)
OVERLAYS = {"BTC": dec("-0.5")}
HELD = {"when": NOW, "release": NOW - timedelta(seconds=30)}
FULL: tuple[tuple[str, StrategyState], ...] = (
    (
        "hedge",
        HedgeState(
            overlays=OVERLAYS,
            phase=HedgePhase.ON,
            held=HELD,
            opened_at=NOW,
            low=Extreme(price=dec(90), next=dec(89), seen_at=NOW),
        ),
    ),
    (
        "profit_ladder",
        ProfitLadderState(
            overlays=OVERLAYS,
            phase=LadderPhase.RALLY,
            held=HELD,
            hit=2,
            high=Extreme(price=dec(110)),
            cancelled=True,
        ),
    ),
    (
        "scale_in",
        ScaleInState(
            overlays=OVERLAYS,
            phase=ScaleInPhase.HEDGING,
            held=HELD,
            entry_price=dec(3000),
            hedged=dec("0.5"),
        ),
    ),
    (
        "dip_buy",
        DipBuyState(
            overlays=OVERLAYS,
            phase=DipBuyPhase.CONVERTING,
            held=HELD,
            entry_price=dec(3000),
            conversion=CONVERSION,
        ),
    ),
    ("drift", DriftState(overlays=OVERLAYS, opened_at=NOW, calendar_at=NOW, conversion=CONVERSION)),
    (
        "derisk",
        DeriskState(
            overlays=OVERLAYS,
            phase=DeriskPhase.HEDGED,
            held=HELD,
            entry_prices={"BTC": dec(100_000)},
            conversion=CONVERSION,
        ),
    ),
)


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
    state = dict(FULL)["hedge"]
    assert with_overlays(with_overlays(state, {}), OVERLAYS) == state


@pytest.mark.parametrize(("kind", "state"), FULL)
def test_every_field_of_a_state_comes_back_from_json(kind: str, state: StrategyState) -> None:
    defaults = initial_state(kind)
    same = [f for f in state.__slots__ if getattr(state, f) == getattr(defaults, f)]
    assert same == [], "a field that is its default proves nothing"
    document = through_json(to_document(state))
    assert isinstance(document, dict)
    assert from_document(kind, document) == state


@given(
    st.sampled_from(PRIORITY),
    st.dictionaries(
        st.text(min_size=1, max_size=5),
        st.decimals(allow_nan=False, allow_infinity=False, places=18, max_value=Decimal(10**12)),
        max_size=4,
    ),
)
def test_overlays_come_back_from_json_to_the_last_digit(
    kind: str, overlays: dict[str, Decimal]
) -> None:
    state = with_overlays(initial_state(kind), overlays)
    document = through_json(to_document(state))
    assert isinstance(document, dict)
    assert from_document(kind, document) == state


@given(st.datetimes(timezones=st.just(timezone(timedelta(hours=2)))))
def test_instants_come_back_from_json_to_the_microsecond(at: datetime) -> None:
    document = through_json(to_document(HedgeState(opened_at=at)))
    assert isinstance(document, dict)
    state = from_document("hedge", document)
    assert isinstance(state, HedgeState)
    assert state.opened_at == at


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
