from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.decision import Wakeups
from counterpoise.domain.numbers import dec, text
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.strategy import ProfitLadderPolicy, ProfitLadderState
from counterpoise.domain.strategy.conditions import PriceSource
from counterpoise.domain.strategy.profit_ladder import LadderEnd, LadderPhase, LadderTarget
from tests.build import NOW, Number
from tests.unit.decide.stage import CYCLE, Stage

#: 25 % at 150, 15 % more at 200.
TARGETS = (
    LadderTarget(price=dec(150), add=dec("0.25")),
    LadderTarget(price=dec(200), add=dec("0.15")),
)
LADDER = ProfitLadderPolicy(id="out", asset="BTC", targets=TARGETS)
FIRST, BOTH = dec("-0.25"), dec("-0.4")


def stage(spot: Number = 1, outside: Number = 0, **changes: Any) -> Stage:
    return Stage(replace(LADDER, **changes), spot=spot, outside=outside)


def ended_by(**ends: Any) -> Stage:
    """A ladder that has just reached its first target, at 150 in two cycles."""
    played = stage(end=LadderEnd(**ends))
    assert played.looks(150, 150) == [0, FIRST]
    return played


def state_of(played: Stage) -> ProfitLadderState:
    assert isinstance(played.state, ProfitLadderState)
    return played.state


# --- targets ---


def test_s3_the_overlay_is_a_quarter_then_two_fifths_of_live_spot() -> None:
    """S3: BTC is up 50 % from cost; A: short 25 % of spot, B: + 15 %."""
    played = stage()
    assert played.looks(100, 149, 150, 150) == [0, 0, 0, FIRST]
    assert played.looks(190, 200, 200) == [FIRST, FIRST, BOTH]


def test_s3_a_tenth_down_from_the_first_target_earns_a_fortieth_of_the_spot() -> None:
    played = stage()
    overlay = played.looks(150, 150)[-1]
    earned = overlay * (dec(135) - dec(150))
    assert earned == dec("0.025") * 1 * 150


def test_s3_when_the_rally_is_over_the_shorts_are_closed() -> None:
    played = stage(end=LadderEnd(trail=dec("0.1")))
    played.looks(150, 150, 200, 200)
    assert played.looks(180, 180, 180) == [BOTH, 0, 0]
    assert state_of(played).phase is LadderPhase.ENDED


@pytest.mark.parametrize(
    ("prices", "overlays"),
    [
        pytest.param([150, 149, 150], [0, 0, 0], id="a row that breaks"),
        pytest.param([9999, 100, 100], [0, 0, 0], id="a wick fires nothing"),
        pytest.param(["149.99", "149.99"], [0, 0], id="a near miss"),
        pytest.param([250, 250], [0, BOTH], id="a gap over both takes both"),
        pytest.param([150, 250], [0, FIRST], id="only what two cycles reached"),
        pytest.param([150, 250, 250], [0, FIRST, BOTH], id="the second has its own row"),
        pytest.param([150, 150, 149, 150, 150], [0] + [FIRST] * 4, id="twice counts once"),
    ],
)
def test_a_target_counts_in_its_second_cycle_and_once(
    prices: list[Number], overlays: list[Number]
) -> None:
    assert stage().looks(*prices) == overlays


def test_a_hit_says_which_target_and_how_much() -> None:
    played = stage()
    played.look(150)
    why = played.look(151).reason
    assert why.code == "ladder_hit"
    assert why.text == (
        "target 1 of 2 was reached, BTC at or above 150 in two cycles (mark is 151):"
        " short 25 % of 1 BTC, -0.25 in futures"
    )
    assert played.look(151).reason.text == (
        "1 of 2 targets were reached: short 25 % of 1 BTC, -0.25 in futures"
    )


def test_while_armed_it_waits_for_the_next_target() -> None:
    played = stage()
    decision = played.look(100)
    assert decision.reason.code == "ladder_armed"
    assert [w.text for w in decision.waits_for] == [
        "BTC at or above 150 in two cycles (mark is 100)"
    ]
    assert played.wakeups == Wakeups(above={"BTC": dec(150)})


def test_with_all_targets_reached_and_no_end_only_an_operator_is_left() -> None:
    played = stage()
    played.looks(200, 200)
    assert [w.code for w in played.look(200).waits_for] == ["release_waits_command"]
    assert played.wakeups == Wakeups()


def test_the_share_is_of_spot_and_outside_holdings_as_they_are_now() -> None:
    """MEANING 13: live spot plus holdings. It shrinks with a sale and grows with a deposit."""
    played = stage(spot="0.6", outside="0.4")
    assert played.looks(150, 150) == [0, FIRST]
    played.spot = dec("0.2")
    assert played.look(150).overlay == dec("-0.15")
    played.spot = dec("3.6")
    assert played.look(150).overlay == -1
    assert state_of(played).hit == 1


def test_rounding_shorts_less_never_more() -> None:
    assert stage(spot="0.3999").looks(150, 150)[-1] == dec("-0.099")


def test_nothing_held_is_nothing_short_but_the_target_was_reached() -> None:
    played = stage(spot=0)
    played.look(150)
    decision = played.look(150)
    assert (decision.overlay, decision.reason.code) == (0, "nothing_held")
    played.spot = dec(1)
    assert played.look(100).overlay == FIRST


def test_a_trigger_on_the_last_price_does_not_look_at_the_mark() -> None:
    played = stage(source=PriceSource.LAST)
    assert [played.look(999, last=149).overlay for _ in range(3)] == [0] * 3
    assert [played.look(100, last=150).overlay for _ in range(2)] == [0, FIRST]


def test_a_price_that_is_not_known_holds() -> None:
    played = stage(source=PriceSource.LAST, end=LadderEnd(below=dec(120)))
    armed = played.look(999, last=None)
    assert (armed.overlay, armed.reason.code) == (0, "price_unknown")
    for _ in range(2):
        played.look(150, last=150)
    rally = [played.look(1, last=None) for _ in range(3)][-1]
    assert (rally.overlay, rally.reason.code) == (FIRST, "price_unknown")
    assert rally.waits_for == (rally.reason,)


def test_a_ladder_of_fewer_targets_than_were_reached_is_reached_wholly() -> None:
    """The config was edited: two of two became one of one."""
    played = stage()
    played.looks(200, 200)
    played.policy = replace(LADDER, targets=TARGETS[:1])
    decision = played.look(200)
    assert (decision.overlay, decision.reason.numbers["hit"]) == (FIRST, "1")


# --- ends ---


@pytest.mark.parametrize(
    ("prices", "overlays"),
    [
        pytest.param([180, 180, 162, 162], [-1, -1, -1, 0], id="a tenth from 180"),
        pytest.param([180, 180, "162.1", "162.1"], [-1] * 4, id="a near miss"),
        pytest.param([180, 180, 1, 180], [-1] * 4, id="a wick down ends nothing"),
        pytest.param([180, 999, 170, 170], [-1] * 4, id="a wick up is no high to fall from"),
        pytest.param([135, 135], [-1, 0], id="the target itself is the first high"),
        pytest.param([180, 170, 153, 153], [-1, -1, -1, 0], id="of two neighbours the lower high"),
    ],
)
def test_a_trail_is_measured_from_the_confirmed_high(
    prices: list[Number], overlays: list[int]
) -> None:
    played = ended_by(trail=dec("0.1"))
    assert played.looks(*prices) == [FIRST * -o for o in overlays]


def test_the_trail_says_from_where_it_fell() -> None:
    played = ended_by(trail=dec("0.1"))
    waits = played.look(180).waits_for
    assert [w.code for w in waits] == ["if_above", "if_fallen"]
    assert waits[1].text == (
        "BTC 10 % or more below the highest of its rally, 150: at or below 135 in two cycles"
        " (mark is 180)"
    )
    assert played.wakeups == Wakeups(soon=True, above={"BTC": dec(150)}, below={"BTC": dec(135)})
    played.looks(180, 162)
    why = played.look(161).reason
    assert why.code == "strategy_ends"
    assert (why.numbers["high"], why.numbers["level"]) == ("180", "162")


def test_the_rally_begins_with_the_first_target_not_before() -> None:
    """A high from before the first hit would end the rally as it begins."""
    played = stage(end=LadderEnd(trail=dec("0.1")))
    played.looks(149, 149, 150, 150)
    assert state_of(played).high.price == 150


def test_a_price_below_ends_it() -> None:
    played = ended_by(below=dec(120))
    assert played.looks("120.1", "120.1", 120, 121, 120, 120) == [FIRST] * 5 + [0]


def test_before_the_first_target_there_is_nothing_to_end() -> None:
    played = stage(end=LadderEnd(below=dec(120), trail=dec("0.1")))
    played.looks(100, 90, 80, 80)
    assert state_of(played).phase is LadderPhase.ARMED


@pytest.mark.parametrize("hit", [True, False])
def test_its_time_ends_it_whether_it_has_begun_or_not(hit: bool) -> None:
    price = 150 if hit else 100
    played = stage(end=LadderEnd(at=NOW + 2 * CYCLE))
    decision = [played.look(price) for _ in range(2)][-1]
    assert decision.overlay == (FIRST if hit else 0)
    assert "if_time" in [w.code for w in decision.waits_for]
    assert played.wakeups.at == NOW + 2 * CYCLE
    ended = played.look(price)
    assert (ended.overlay, ended.reason.code) == (0, "strategy_ends")
    assert ended.reason.numbers["at"] == "2025-06-02T12:01:00Z"
    assert played.looks(200, 200) == [0, 0]


@pytest.mark.parametrize("word", [CommandKind.RELEASE, CommandKind.CANCEL])
@pytest.mark.parametrize("price", [100, 150])
def test_an_operator_ends_it(word: CommandKind, price: int) -> None:
    played = stage()
    played.looks(price, price)
    ended = played.look(price, word)
    assert (ended.overlay, ended.reason.code) == (0, "strategy_ends")
    assert played.looks(200, 200, 200) == [0, 0, 0]
    assert state_of(played).phase is LadderPhase.ENDED


# --- arming anew ---


def test_ended_it_counts_nothing_until_it_is_armed_anew() -> None:
    played = stage(end=LadderEnd(below=dec(140)), rearm=dec(110))
    played.looks(200, 200, 140, 140)
    assert played.looks(200, 200, "110.1", "110.1", 200, 200) == [0] * 6
    # at the price itself, but one cycle is a wick
    assert played.looks(110, 111, 200, 200) == [0] * 4
    waiting = played.look(111)
    assert waiting.reason.code == "ladder_over"
    assert [w.code for w in waiting.waits_for] == ["if_below", "start_waits_command"]
    assert played.wakeups.below == {"BTC": dec(110)}
    played.look(110)
    assert played.look(110).reason.code == "ladder_arms"
    assert (state_of(played).phase, state_of(played).hit) == (LadderPhase.ARMED, 0)
    assert played.looks(150, 150) == [0, FIRST]


def test_without_a_price_to_arm_at_only_an_operator_arms_it() -> None:
    played = stage(end=LadderEnd(below=dec(140)))
    played.looks(150, 150, 140, 140)
    assert played.looks(1, 1, 1, 150, 150) == [0] * 5
    assert played.look(150).reason.code == "strategy_ended"
    played.look(150, CommandKind.START)
    assert played.look(150).overlay == FIRST


def test_a_released_ladder_arms_by_price_and_a_cancelled_one_only_by_an_operator() -> None:
    for word, after in ((CommandKind.RELEASE, FIRST), (CommandKind.CANCEL, dec(0))):
        played = stage(rearm=dec(110))
        played.looks(150, 150)
        played.look(150, word)
        played.looks(110, 110)
        assert played.looks(150, 150)[-1] == after
    played.look(100, CommandKind.START)
    assert played.looks(150, 150) == [0, FIRST]


def test_start_while_it_runs_forgets_nothing() -> None:
    played = stage()
    played.looks(200, 200)
    assert played.look(150, CommandKind.START).overlay == BOTH


def test_after_its_time_not_even_a_fall_arms_it() -> None:
    played = stage(end=LadderEnd(at=NOW + CYCLE), rearm=dec(110))
    played.looks(100, 100, 100, 100)
    assert state_of(played).phase is LadderPhase.ENDED
    assert played.look(100, CommandKind.START).reason.code == "strategy_ends"


def test_an_unknown_price_arms_nothing() -> None:
    played = stage(source=PriceSource.LAST, rearm=dec(110))
    played.look(100, CommandKind.RELEASE, last=150)
    decision = [played.look(100, last=None) for _ in range(3)][-1]
    assert decision.reason.code == "price_unknown"
    assert state_of(played).phase is LadderPhase.ENDED


# --- no contract ---


def test_without_a_contract_the_wish_stays_and_nothing_is_seen() -> None:
    played = ended_by(trail=dec("0.1"))
    played.look(200)
    gone = [played.look(200, listed=False) for _ in range(3)][-1]
    assert (gone.overlay, gone.reason.code, gone.changed) == (FIRST, "no_instrument", False)
    assert played.looks(200, 200) == [FIRST, BOTH]


def test_a_look_without_a_contract_confirms_no_high() -> None:
    played = ended_by(trail=dec("0.1"))
    played.look(200)
    played.look(200, listed=False)
    played.look(190)
    assert state_of(played).high.price == 150


# --- properties ---

PRICES = st.lists(st.integers(90, 260), min_size=1, max_size=40)
ENDS = st.builds(
    LadderEnd,
    trail=st.none() | st.integers(1, 40).map(lambda p: dec(p) / 100),
    below=st.none() | st.integers(90, 149).map(dec),
    at=st.none() | st.integers(0, 40).map(lambda n: NOW + n * CYCLE),
)
REARM = st.none() | st.integers(90, 149).map(dec)
HELD = st.lists(st.integers(0, 3000), min_size=1, max_size=5)


@given(PRICES, ENDS, REARM, HELD)
def test_on_any_path_the_short_stays_within_its_fractions_and_hits_stay_hits(
    prices: list[int], end: LadderEnd, rearm: Any, holdings: list[int]
) -> None:
    played = stage(end=end, rearm=rearm)
    for i, price in enumerate(prices):
        played.spot = dec(holdings[i % len(holdings)]) / 1000
        before = state_of(played)
        overlay = played.look(price).overlay
        after = state_of(played)
        share = sum(t.add for t in TARGETS[: after.hit])
        assert -share * played.spot <= overlay <= 0, text(overlay)
        if after.phase is LadderPhase.RALLY:
            assert after.hit >= before.hit
            assert after.hit >= 1
        else:
            assert (overlay, after.hit) == (0, 0)


@given(PRICES, ENDS, REARM)
def test_while_nothing_changes_a_ladder_comes_to_rest(
    prices: list[int], end: LadderEnd, rearm: Any
) -> None:
    played = stage(end=end, rearm=rearm)
    played.looks(*prices)
    for _ in range(45):
        played.look(prices[-1])
    at_rest = played.state
    assert not played.look(prices[-1]).changed
    assert played.state == at_rest


@given(PRICES)
def test_without_an_end_the_ladder_only_ever_adds(prices: list[int]) -> None:
    overlays = stage().looks(*prices)
    assert overlays == sorted(overlays, reverse=True)
