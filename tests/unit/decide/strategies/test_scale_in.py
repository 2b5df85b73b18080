from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.decision import Wakeups
from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.scene import Held
from counterpoise.domain.strategy import ScaleInPolicy, ScaleInState
from counterpoise.domain.strategy.conditions import PriceSource
from counterpoise.domain.strategy.scale_in import Commit, Confirm, Entry, OnInvalid, ScaleInPhase
from tests.build import NOW, Number
from tests.unit.decide.stage import CYCLE, HOUR, Stage

ENTRY = Entry(qty=dec("0.5"))
#: 2 % off the support is 3,060; the resistance is just below that.
CONFIRM = Confirm(qty=dec(1), support=dec(3000), bounce=dec("0.02"), resistance=dec(3050))
COMMIT = Commit(to=dec(3), interval=HOUR, high_bars=3)
POLICY = ScaleInPolicy(
    id="in", asset="ETH", entry=ENTRY, confirm=CONFIRM, commit=COMMIT, invalidate=dec(2850)
)
HALF, THREE_HALVES, THREE = dec("0.5"), dec("1.5"), dec(3)


def stage(spot: Number = 10, **changes: Any) -> Stage:
    return Stage(replace(POLICY, **changes), spot=spot)


def phase_of(played: Stage) -> ScaleInPhase:
    assert isinstance(played.state, ScaleInState)
    return played.state.phase


def entered(**changes: Any) -> Stage:
    """Half an ETH was entered at 3,000."""
    played = stage(**changes)
    assert played.look(3000).overlay == HALF
    return played


def next_hour(played: Stage, *closes: Number, price: Number) -> Any:
    """The first look after the next full hour, with these closes as the newest."""
    played.now += HOUR - (played.now - NOW) % HOUR - CYCLE
    played.closed(*closes)
    return played.look(price)


# --- the worked example ---


def test_s2_a_half_then_one_and_a_half_then_three() -> None:
    """S2: hold, + 2 % and a break of the resistance, a new high."""
    played = entered()
    assert played.looks(3000, 3059, 3060, 3060) == [HALF, HALF, HALF, THREE_HALVES]
    assert next_hour(played, 3000, 3040, 3060, 3050, price=3070).overlay == THREE_HALVES
    assert next_hour(played, 3040, 3060, 3050, 3080, price=3080).overlay == THREE
    assert played.looks(3080, 3200, 2900) == [THREE] * 3
    assert phase_of(played) is ScaleInPhase.COMMITTED


def test_s2_a_fall_right_after_the_entry_costs_75_and_closes() -> None:
    played = entered()
    overlays = played.looks(2850, 2850, 2850)
    assert overlays == [HALF, 0, 0]
    assert HALF * (dec(2850) - dec(3000)) == -75
    assert phase_of(played) is ScaleInPhase.ENDED


def test_s2_a_fall_right_after_the_entry_may_become_a_hedge_deliberately() -> None:
    played = entered(on_invalid=OnInvalid.HEDGE)
    assert played.looks(2850, 2850, 2000, 5000) == [HALF, -HALF, -HALF, -HALF]
    assert phase_of(played) is ScaleInPhase.HEDGING


# --- entry ---


@pytest.mark.parametrize(
    ("entry", "prices", "overlays"),
    [
        pytest.param(ENTRY, [3000], [1], id="at once"),
        pytest.param({"above": 3100}, [3099, 3100, 3100], [0, 0, 1], id="above"),
        pytest.param({"above": 3100}, [3100, 3099, 3100], [0, 0, 0], id="above: a broken row"),
        pytest.param({"below": 2900}, [2901, 2900, 2900], [0, 0, 1], id="below"),
        pytest.param({"below": 2900}, [2900, "0.01", 2901], [0, 0, 0], id="below: a wick"),
        pytest.param({"above": 2900, "below": 2950}, [2960, 2960], [0, 0], id="between: over"),
        pytest.param({"above": 2900, "below": 2950}, [2940, 2940], [0, 1], id="between: within"),
    ],
)
def test_the_first_tranche_comes_at_its_price(
    entry: Any, prices: list[Number], overlays: list[int]
) -> None:
    if not isinstance(entry, Entry):
        entry = Entry(qty=HALF, **{side: dec(price) for side, price in entry.items()})
    assert stage(entry=entry).looks(*prices) == [o * HALF for o in overlays]


def test_an_entry_says_why_and_how_much() -> None:
    why = stage().look(3000).reason
    assert why.code == "scale_adds"
    assert why.text == "entry, at once: hold 0.5 ETH in futures"
    played = stage(entry=Entry(qty=HALF, above=dec(3100)))
    waiting = played.look(3000)
    assert waiting.reason.code == "scale_waits"
    assert [w.code for w in waiting.waits_for] == ["if_above"]
    assert played.wakeups == Wakeups(above={"ETH": dec(3100)})
    played.look(3100)
    assert played.look(3100).reason.numbers["level"] == "3100"


def test_it_does_not_enter_where_it_would_be_wrong() -> None:
    played = stage()
    decision = played.look(2850)
    assert (decision.overlay, decision.reason.code) == (0, "scale_wrong_already")
    assert played.wakeups.above == {"ETH": dec(2850)}
    assert played.look("2850.1").overlay == HALF


def test_a_price_that_is_not_known_enters_nothing() -> None:
    played = stage(source=PriceSource.LAST)
    decision = played.look(3000, last=None)
    assert (decision.overlay, decision.reason.code) == (0, "price_unknown")


def test_sizes_are_cut_to_the_lot() -> None:
    assert stage(entry=Entry(qty=dec("0.5009"))).look(3000).overlay == dec("0.5")


# --- confirmation ---


@pytest.mark.parametrize(
    ("changes", "prices", "confirmed"),
    [
        pytest.param({}, [3060, 3060], True, id="both in two cycles"),
        pytest.param({}, [3060, 3000, 3060], False, id="a broken row"),
        pytest.param({}, [9999, 3000], False, id="a wick"),
        pytest.param({}, [3059, 3059], False, id="a resistance alone is not enough"),
        pytest.param({"resistance": dec(3070)}, [3065, 3065], False, id="a bounce alone neither"),
        pytest.param(
            {"resistance": dec(3070)}, [3070, 3070], False, id="at a resistance: no break"
        ),
        pytest.param({"resistance": dec(3070)}, ["3070.1"] * 2, True, id="above it: a break"),
    ],
)
def test_a_confirmation_is_a_bounce_and_a_break(
    changes: dict[str, Any], prices: list[Number], confirmed: bool
) -> None:
    played = entered(confirm=replace(CONFIRM, **changes))
    assert played.looks(*prices)[-1] == (THREE_HALVES if confirmed else HALF)


def test_an_entered_position_says_what_would_add_and_what_would_end_it() -> None:
    played = entered()
    decision = played.look(3010)
    assert decision.reason.code == "scale_holds"
    bounce, wrong = decision.waits_for
    assert bounce.text == (
        "ETH at or above 3060, 2 % off its support 3000, and above its resistance 3050,"
        " in two cycles (mark is 3010)"
    )
    assert wrong.text == "ETH at or below 2850 in two cycles (mark is 3010)"
    assert played.wakeups == Wakeups(above={"ETH": dec(3060)}, below={"ETH": dec(2850)})


def test_without_a_confirmation_the_commitment_comes_second() -> None:
    played = entered(confirm=None)
    assert next_hour(played, 3000, 3000, 3000, 3100, price=3100).overlay == THREE


def test_with_nothing_but_an_entry_it_stays_there() -> None:
    played = entered(confirm=None, commit=None)
    assert played.looks(3500, 9000, 9000) == [HALF] * 3
    assert [w.code for w in played.look(9000).waits_for] == ["if_below"]


# --- commitment ---


def confirmed(**changes: Any) -> Stage:
    played = entered(**changes)
    assert played.looks(3060, 3060)[-1] == THREE_HALVES
    return played


def test_a_commitment_is_a_close_above_every_high_before_it() -> None:
    played = confirmed()
    played.now += HOUR
    played.closed(3000, 3000, 3000, 3000, 3100, highs=[9999, 3100, 3000, 3000, 9999])
    assert played.look(3100).overlay == THREE_HALVES, "at the high of the three before: no new one"
    played.closed(3000, 3000, 3000, 3000, "3100.1", highs=[9999, 3100, 3000, 3000, 3200])
    committed = played.look(3101)
    assert (committed.overlay, committed.reason.code) == (THREE, "scale_adds")
    assert committed.reason.numbers["high"] == "3100"
    assert committed.reason.numbers["tranche"] == "commitment"


def test_a_bar_from_before_the_tranche_before_commits_nothing() -> None:
    """Nor does it while nothing changes: the next reason has to be a new one."""
    played = entered(confirm=None)
    played.closed(3000, 3000, 3000, 3100)
    assert played.looks(3100, 3100, 3100) == [HALF] * 3
    assert next_hour(played, 3000, 3000, 3100, 3101, price=3101).overlay == THREE


def test_too_few_bars_hold() -> None:
    played = confirmed()
    played.now += HOUR
    played.closed(3000, 3000, 3100)
    decision = played.look(3100)
    assert (decision.overlay, decision.reason.code) == (THREE_HALVES, "warming_up")
    assert decision.reason.numbers == {"asset": "ETH", "have": "3", "need": "4", "interval": "1h"}
    assert [w.code for w in decision.waits_for] == ["warming_up", "if_below"]


@pytest.mark.parametrize(
    ("closes", "price", "committed"),
    [
        pytest.param([3000, 3010, 3020, 3030], "3020.1", True, id="rising and above"),
        pytest.param([3000, 3010, 3020, 3030], 3020, False, id="rising, but at the average"),
        pytest.param([3030, 3020, 3010, 3000], 3100, False, id="falling"),
        pytest.param([3000, 3010, 3020, 3000], 3100, False, id="level"),
    ],
)
def test_a_commitment_may_be_a_rising_average_with_the_price_above(
    closes: list[Number], price: Number, committed: bool
) -> None:
    """Of 3,010, 3,020, 3,030 the average is 3,020; one bar earlier it was 3,010."""
    commit = Commit(to=dec(3), interval=HOUR, average_bars=3)
    played = confirmed(commit=commit, add_to_loser=True)
    played.now += HOUR
    played.closed(*closes)
    overlays = played.looks(price, price)
    assert overlays == [THREE_HALVES, THREE if committed else THREE_HALVES]


def test_a_rising_average_says_its_numbers() -> None:
    played = confirmed(commit=Commit(to=dec(3), interval=HOUR, average_bars=3))
    played.now += HOUR
    played.closed(3000, 3010, 3020, 3030)
    need = played.look(3015).waits_for[0]
    assert need.code == "if_average_rises"
    assert (need.numbers["average"], need.numbers["before"]) == ("3020", "3010")
    assert played.wakeups.above == {"ETH": dec(3020)}


# --- never adds to a loser ---


def test_it_does_not_add_below_the_entry_of_the_hedge_book() -> None:
    """The fill was worse than the mark at which it was decided: the book's price counts."""
    played = entered()
    played.held = Held(futures=HALF, entry_price=dec(3061))
    decision = [played.look(3060) for _ in range(3)][-1]
    assert (decision.overlay, decision.reason.code) == (HALF, "scale_loses")
    assert decision.reason.text == (
        "no confirmation on top of a loss: ETH is at 3060, below the entry at 3061"
    )
    assert decision.waits_for[-1] == decision.reason
    assert played.look(3061).overlay == THREE_HALVES, "at the entry it does not lose"


def test_before_a_fill_arrived_the_mark_of_the_decision_counts() -> None:
    low = Confirm(qty=dec(1), support=dec(2900), bounce=dec("0.01"), resistance=dec(2950))
    played = entered(confirm=low)
    assert played.looks(2999, 2999, 3000) == [HALF, HALF, THREE_HALVES]


def test_it_adds_to_a_loser_when_asked() -> None:
    low = Confirm(qty=dec(1), support=dec(2900), bounce=dec("0.01"), resistance=dec(2950))
    played = entered(confirm=low, add_to_loser=True)
    assert played.looks(2999, 2999) == [HALF, THREE_HALVES]


def test_a_short_the_book_still_has_tells_nothing_about_the_long() -> None:
    """A hedge of a run before may still be on its way out: its entry is not this long's."""
    played = entered()
    played.held = Held(futures=-HALF, entry_price=dec(9000))
    assert played.looks(3060, 3060)[-1] == THREE_HALVES


def test_losing_is_a_matter_of_the_mark_whatever_price_triggers() -> None:
    played = stage(source=PriceSource.LAST)
    played.look(3000, last=3000)
    played.held = Held(futures=HALF, entry_price=dec(3000))
    assert [played.look(2999, last=3060).overlay for _ in range(3)] == [HALF] * 3
    assert played.look(3000, last=3060).overlay == THREE_HALVES


# --- invalidation ---


@pytest.mark.parametrize(
    ("prices", "closed"),
    [
        pytest.param([2850, 2850], True, id="at the price in two cycles"),
        pytest.param(["2850.1", "2850.1"], False, id="a near miss"),
        pytest.param([2850, 2851, 2850], False, id="a broken row"),
        pytest.param(["0.0001", 3000], False, id="a wick"),
    ],
)
@pytest.mark.parametrize("tranches", [1, 2])
def test_it_is_wrong_at_its_price_in_two_cycles(
    prices: list[Number], closed: bool, tranches: int
) -> None:
    played = entered() if tranches == 1 else confirmed()
    before = HALF if tranches == 1 else THREE_HALVES
    assert played.looks(*prices)[-1] == (0 if closed else before)


def test_what_was_wrong_says_so_and_stays_closed() -> None:
    played = entered()
    played.look(2850)
    wrong = played.look(2840)
    assert wrong.reason.code == "strategy_ends"
    assert (wrong.reason.numbers["level"], wrong.reason.numbers["price"]) == ("2850", "2840")
    assert played.looks(3000, 3060, 3060) == [0, 0, 0]
    assert played.look(3060).reason.code == "strategy_ended"


def test_the_hedge_is_as_large_as_the_long_was() -> None:
    played = confirmed(on_invalid=OnInvalid.HEDGE)
    played.look(2850)
    turned = played.look(2840)
    assert (turned.overlay, turned.reason.code) == (-THREE_HALVES, "scale_hedges")
    assert turned.reason.numbers["level"] == "2850"
    after = played.look(2840)
    assert after.reason.text == (
        "hedge 1.5 of 10 ETH in place of the long that was wrong: -1.5 in futures"
    )
    assert [w.code for w in after.waits_for] == ["release_waits_command"]


def test_the_hedge_is_never_larger_than_the_coins_held() -> None:
    played = entered(on_invalid=OnInvalid.HEDGE)
    played.spot = dec("0.3")
    assert played.looks(2850, 2850) == [HALF, dec("-0.3")]
    played.spot = dec(0)
    assert played.look(2850).overlay == 0
    played.spot = dec(10)
    assert played.look(2850).overlay == -HALF


def test_an_unknown_price_neither_adds_nor_ends() -> None:
    played = stage(source=PriceSource.LAST)
    played.look(3000, last=3000)
    played.look(3000, last=2850)
    decision = played.look(3000, last=None)
    assert (decision.overlay, decision.reason.code) == (HALF, "price_unknown")
    assert decision.waits_for == (decision.reason,)
    assert played.look(3000, last=2850).overlay == HALF, "the row begins anew"


# --- operators ---


@pytest.mark.parametrize("word", [CommandKind.RELEASE, CommandKind.CANCEL])
@pytest.mark.parametrize("phase", ["waiting", "entered", "hedging"])
def test_an_operator_ends_it_in_any_phase(word: CommandKind, phase: str) -> None:
    played = stage(on_invalid=OnInvalid.HEDGE, entry=Entry(qty=HALF, above=dec(2900)))
    if phase != "waiting":
        played.looks(3000, 3000)
    if phase == "hedging":
        played.looks(2850, 2850)
    assert phase_of(played) == phase
    ended = played.look(3000, word)
    assert (ended.overlay, ended.reason.code) == (0, "strategy_ends")
    assert played.looks(3000, 3000, 3060) == [0, 0, 0]


def test_start_begins_anew_with_the_entry() -> None:
    played = confirmed()
    played.looks(2850, 2850)
    assert played.look(3100, CommandKind.START).overlay == HALF
    assert played.looks(3100, 3100) == [HALF, THREE_HALVES]


@pytest.mark.parametrize("on_invalid", OnInvalid)
def test_start_of_one_that_runs_changes_nothing(on_invalid: OnInvalid) -> None:
    """A hedge in place of a long is not turned again by a word that does not say so."""
    played = entered(on_invalid=OnInvalid.HEDGE)
    if on_invalid is OnInvalid.HEDGE:
        played.looks(2850, 2850)
    before = played.state
    played.look(3000, CommandKind.START)
    assert played.state == before


# --- no contract ---


def test_without_a_contract_the_wish_stays_and_nothing_is_seen() -> None:
    played = stage()
    assert played.look(3000, listed=False).reason.code == "no_instrument"
    assert played.look(3000).overlay == HALF
    played.look(2850)
    gone = [played.look(2850, listed=False) for _ in range(3)][-1]
    assert (gone.overlay, gone.changed) == (HALF, False)
    assert played.looks(2850, 2850) == [HALF, 0]


# --- properties ---

PRICES = st.lists(st.integers(2700, 3300), min_size=1, max_size=30)
BARS = st.lists(st.integers(2700, 3300), min_size=4, max_size=4)
POLICIES = st.builds(
    ScaleInPolicy,
    id=st.just("in"),
    asset=st.just("ETH"),
    entry=st.sampled_from(
        [ENTRY, Entry(qty=HALF, above=dec(3000)), Entry(qty=HALF, below=dec(2950))]
    ),
    confirm=st.sampled_from([CONFIRM, None]),
    commit=st.sampled_from([COMMIT, Commit(to=dec(3), interval=HOUR, average_bars=3), None]),
    invalidate=st.sampled_from([dec(2850), dec(2750)]),
    on_invalid=st.sampled_from(OnInvalid),
    add_to_loser=st.booleans(),
)


@given(POLICIES, PRICES, BARS)
def test_on_any_path_it_grows_in_order_and_turns_only_where_it_was_wrong(
    policy: ScaleInPolicy, prices: list[int], bars: list[int]
) -> None:
    played = Stage(policy, spot=1)
    order = list(ScaleInPhase)
    wrong_in_a_row = 0
    for price in prices:
        before, wanted = phase_of(played), played.state.overlays.get("ETH", dec(0))
        # half an hour a cycle, so that bars close on the way
        played.now += timedelta(minutes=30) - CYCLE
        played.closed(*bars)
        overlay = played.look(price).overlay
        wrong_in_a_row = wrong_in_a_row + 1 if price <= policy.invalidate else 0
        after = phase_of(played)
        assert order.index(after) >= order.index(before)
        if after in {ScaleInPhase.HEDGING, ScaleInPhase.ENDED} and after is not before:
            assert wrong_in_a_row >= 2
        if overlay < 0:
            assert (after, policy.on_invalid) == (ScaleInPhase.HEDGING, OnInvalid.HEDGE)
            assert overlay >= -1, "never more than the coins held"
        elif after is not ScaleInPhase.ENDED:
            assert wanted <= overlay <= THREE


@given(POLICIES, PRICES, BARS)
def test_while_nothing_changes_it_comes_to_rest(
    policy: ScaleInPolicy, prices: list[int], bars: list[int]
) -> None:
    played = Stage(policy, spot=1)
    played.closed(*bars)
    played.looks(*prices)
    for _ in range(6):
        played.look(prices[-1])
    at_rest = played.state
    assert not played.look(prices[-1]).changed
    assert played.state == at_rest
