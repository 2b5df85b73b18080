from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.decide.engine import decide
from counterpoise.decide.strategies.hedge import hedge
from counterpoise.domain.decision import Decision, Outcome, Wakeups
from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.relation import Relation
from counterpoise.domain.strategy import DeriskPolicy, DeriskState, HedgePolicy, HedgeState
from counterpoise.domain.strategy.conditions import (
    Above,
    Always,
    At,
    Below,
    Calm,
    Drop,
    During,
    Manual,
    PriceSource,
    Rebound,
    Release,
    Volatility,
    When,
)
from counterpoise.domain.strategy.derisk import DeriskPhase
from counterpoise.domain.strategy.hedge import Cross, HedgePhase, HedgeSide
from tests.build import (
    BTC_PERP,
    NOW,
    VENUE,
    Number,
    make_instrument,
    make_policy,
    make_scene,
    make_snapshot,
    make_view,
)
from tests.unit.decide.stage import CYCLE, HOUR, Stage


def decided(
    policy: HedgePolicy,
    spot: Mapping[str, Number],
    *,
    holdings: Mapping[str, Number] | None = None,
    positions: Mapping[str, Number] | None = None,
    before: Number = 0,
    listed: bool = True,
) -> Decision:
    symbols = ["BTC/USDT", "SOL/USDT", *(["BTC/USDT:USDT"] if listed else [])]
    snapshot = make_snapshot(
        spot={"USDT": 1000, **spot},
        positions=positions,
        instruments=[make_instrument(s) for s in symbols],
    )
    portfolio = make_policy(policy, holdings=holdings or {})
    outcome = hedge(
        policy,
        make_scene(snapshot, portfolio),
        HedgeState(overlays={"BTC": dec(before)}),
    )
    (decision,) = outcome.decisions
    return decision


@pytest.mark.parametrize(
    ("ratio", "spot", "outside", "overlay"),
    [
        pytest.param("1", "0.5", "0", "-0.5", id="a full hedge is short what is held"),
        pytest.param("0.5", "0.5", "0", "-0.25", id="half a hedge is short half of it"),
        pytest.param("0.5", "0.5", "1", "-0.75", id="coins outside are hedged too"),
        pytest.param("1", "0", "0.5", "-0.5", id="coins outside alone are hedged"),
        pytest.param("1", "0.4999", "0", "-0.499", id="rounding under-hedges, never over"),
        pytest.param("0.333", "0.01", "0", "-0.003", id="rounding cuts the ratio as well"),
        pytest.param("0", "0.5", "0", "0", id="a ratio of nothing is no hedge"),
        pytest.param("1", "0.0009", "0", "0", id="less than a lot is no hedge"),
    ],
)
def test_the_short_is_a_share_of_live_spot_and_outside_holdings(
    ratio: str, spot: str, outside: str, overlay: str
) -> None:
    """MEANING 13: "x % of spot" means live spot and the portfolio's holdings."""
    policy = HedgePolicy(id="h", asset="BTC", ratio=dec(ratio))
    decision = decided(policy, {"BTC": spot}, holdings={"BTC": outside})
    assert decision.overlay == dec(overlay)
    assert decision.reason.code == "hedge_ratio"
    assert dec(decision.reason.numbers["held"]) == dec(spot) + dec(outside)


@pytest.mark.parametrize("position", ["-0.5", "-0.1", "0.3"])
def test_what_is_already_in_futures_does_not_change_the_wish(position: str) -> None:
    """MEANING 6: measured on exposure, a hedge that is on would read 0 held and be taken off again."""
    policy = HedgePolicy(id="h", asset="BTC", ratio=dec(1))
    decision = decided(policy, {"BTC": "0.5"}, positions={"BTC": position}, before="-0.5")
    assert decision.overlay == dec("-0.5")
    assert not decision.changed


def test_a_fixed_quantity_is_held_whatever_is_in_the_wallet() -> None:
    policy = HedgePolicy(id="h", asset="BTC", qty=dec("0.2509"))
    decision = decided(policy, {"BTC": 0})
    assert (decision.overlay, decision.reason.code) == (dec("-0.250"), "hedge_qty")


def test_an_empty_wallet_needs_no_hedge_and_lets_go_of_the_old_one() -> None:
    policy = HedgePolicy(id="h", asset="BTC", ratio=dec(1))
    decision = decided(policy, {"BTC": 0}, before="-0.5")
    assert (decision.overlay, decision.previous) == (0, dec("-0.5"))
    assert decision.reason.code == "nothing_held"
    assert decision.changed


def test_without_a_contract_the_wish_stays_as_it_was() -> None:
    """A listing that is missing for a minute must not read as "no hedge wanted"."""
    policy = HedgePolicy(id="h", asset="BTC", ratio=dec(1))
    decision = decided(policy, {"BTC": "0.5"}, before="-0.4", listed=False)
    assert (decision.overlay, decision.reason.code) == (dec("-0.4"), "no_instrument")


def test_a_hedge_that_was_told_neither_ratio_nor_quantity_hedges_nothing() -> None:
    assert decided(HedgePolicy(id="h", asset="BTC"), {"BTC": 1}).overlay == 0


@pytest.mark.parametrize("price", [40_000, 99_999, 100_000, 250_000])
def test_a_full_hedge_nets_the_profit_to_nothing(price: int) -> None:
    """S1: coin and short of the same size: what one loses the other gains, at every price."""
    entry, held = dec(100_000), dec("0.5")
    overlay = decided(HedgePolicy(id="h", asset="BTC", ratio=dec(1)), {"BTC": held}).overlay
    profit = overlay * (price - entry)
    assert profit == -held * (price - entry)

    def equity_at(mark: Number, pnl: Number) -> object:
        snapshot = make_snapshot(
            {"BTC": mark, "SOL": 100},
            spot={"BTC": held},
            futures={"USDT": 20_000},
            positions={"BTC": overlay},
            pnl={"USDT": pnl},
        )
        view = make_view(snapshot, make_policy())
        assert view.assets["BTC"].exposure_qty == 0
        return view.equity

    assert equity_at(price, profit) == equity_at(entry, 0) == 70_000


# --- conditions: when it opens and closes ---

SHORT = dec(-1)
BELOW = Below(price=dec(90))


def stage(when: When | None = None, release: Release | None = None, **changes: Any) -> Stage:
    """A full hedge of 1 BTC."""
    policy = HedgePolicy(
        id="h", asset="BTC", ratio=dec(1), when=when or Always(), release=release or Manual()
    )
    return Stage(replace(policy, **changes))


def phase_of(played: Stage) -> HedgePhase:
    assert isinstance(played.state, HedgeState)
    return played.state.phase


@pytest.mark.parametrize(
    ("when", "prices", "overlays"),
    [
        pytest.param(BELOW, [91, 90, 90], [0, 0, -1], id="below: at the price, in two cycles"),
        pytest.param(BELOW, [91, "0.0001", 91], [0, 0, 0], id="below: a wick fires nothing"),
        pytest.param(BELOW, [89, 91, 89, 91], [0] * 4, id="below: a row that breaks"),
        pytest.param(BELOW, ["90.1", "90.1"], [0, 0], id="below: a near miss"),
        pytest.param(Above(price=dec(90)), [89, 90, 90], [0, 0, -1], id="above: at the price"),
        pytest.param(Above(price=dec(90)), [89, 9999, 89], [0, 0, 0], id="above: a wick"),
        pytest.param(Above(price=dec(90)), ["89.9", "89.9"], [0, 0], id="above: a near miss"),
    ],
)
def test_a_price_opens_it_in_its_second_cycle(
    when: When, prices: list[Number], overlays: list[int]
) -> None:
    """MEANING 12: a price must hold in 2 consecutive cycles."""
    assert stage(when).looks(*prices) == overlays


def test_the_cycle_that_opens_it_says_what_came_about() -> None:
    played = stage(BELOW)
    played.look(89)
    why = played.look(88).reason
    assert why.code == "hedge_opens"
    assert why.numbers["level"] == "90"
    assert why.numbers["price"] == "88"
    assert why.numbers["overlay"] == "-1"
    assert why.text == ("hedge BTC, -1 in futures: BTC at or below 90 in two cycles (mark is 88)")
    assert played.look(88).reason.code == "hedge_ratio"


def test_while_it_waits_it_says_what_would_have_to_change() -> None:
    played = stage(BELOW)
    decision = played.look(95)
    assert decision.reason.code == "hedge_waits"
    (need,) = decision.waits_for
    assert need.text == "BTC at or below 90 in two cycles (mark is 95)"
    assert played.wakeups == Wakeups(below={"BTC": dec(90)})
    played.look(89)
    assert played.wakeups.soon, "what was seen once has to be looked at in the next cycle"


def test_a_trigger_on_the_last_price_does_not_look_at_the_mark() -> None:
    played = stage(Below(price=dec(90), source=PriceSource.LAST))
    assert [played.look(50, last=95).overlay for _ in range(3)] == [0, 0, 0]
    assert [played.look(95, last=90).overlay for _ in range(2)] == [0, SHORT]


def test_a_last_price_that_is_not_known_is_never_zero() -> None:
    played = stage(Below(price=dec(90), source=PriceSource.LAST))
    decision = [played.look(95, last=None) for _ in range(3)][-1]
    assert (decision.overlay, decision.reason.code) == (0, "price_unknown")
    assert decision.reason.numbers == {"asset": "BTC", "source": "last"}
    assert decision.waits_for == (decision.reason,)


def test_a_cycle_that_does_not_know_the_price_breaks_the_row() -> None:
    played = stage(Below(price=dec(90), source=PriceSource.LAST))
    lasts = [89, None, 89, 89]
    assert [played.look(95, last=last).overlay for last in lasts] == [0, 0, 0, SHORT]


def test_an_open_hedge_stays_while_the_price_that_would_release_it_is_not_known() -> None:
    played = stage(Always(), Above(price=dec(90), source=PriceSource.LAST))
    assert played.look(80, last=80).overlay == SHORT
    unknown = [played.look(95, last=None) for _ in range(3)][-1]
    assert (unknown.overlay, unknown.reason.code) == (SHORT, "price_unknown")
    assert unknown.waits_for == (unknown.reason,)


# windows

WINDOW = During(start_at=NOW + CYCLE, end_at=NOW + 3 * CYCLE)


def test_a_window_opens_at_its_start_and_ends_at_its_end() -> None:
    """Time is a fact: no second cycle. The start is within, the end is not."""
    played = stage(WINDOW)
    assert played.looks(*[100] * 5) == [0, SHORT, SHORT, 0, 0]
    assert phase_of(played) is HedgePhase.ENDED


def test_a_window_wakes_at_its_edges_and_says_them() -> None:
    played = stage(WINDOW)
    decision = played.look(100)
    assert played.wakeups.at == WINDOW.start_at
    (need,) = decision.waits_for
    assert need.text == (
        "from 2025-06-02T12:00:30Z until 2025-06-02T12:01:30Z (now 2025-06-02T12:00:00Z)"
    )
    opened = played.look(100)
    assert opened.reason.code == "hedge_opens"
    assert played.wakeups.at == WINDOW.end_at
    assert [w.code for w in opened.waits_for] == ["if_time"]
    played.look(100)
    ended = played.look(100)
    assert ended.reason.code == "strategy_ends"
    assert ended.reason.numbers["at"] == "2025-06-02T12:01:30Z"
    assert played.look(100).reason.code == "strategy_ended"


def test_a_window_that_passed_while_the_daemon_was_down_opens_nothing() -> None:
    played = stage(WINDOW)
    played.look(100)
    assert played.look(100, after=timedelta(hours=1)).overlay == 0
    assert phase_of(played) is HedgePhase.ENDED


def test_a_price_may_release_a_window_early_and_the_window_does_not_open_it_again() -> None:
    played = stage(During(start_at=NOW, end_at=NOW + 6 * CYCLE), Above(price=dec(110)))
    assert played.looks(100, 110, 110, 100, 100, 100, 100) == [-1, -1, 0, 0, 0, 0, 0]
    assert phase_of(played) is HedgePhase.ENDED


# bars


def test_a_drop_is_measured_from_the_highest_high_of_closed_bars() -> None:
    played = stage(Drop(size=dec("0.1"), interval=HOUR, bars=3))
    played.closed(90, 95, 94, highs=[91, 100, 96])
    assert played.looks("90.1", "90.1", 90, 90) == [0, 0, 0, SHORT]


def test_the_high_forgets_bars_older_than_its_lookback() -> None:
    played = stage(Drop(size=dec("0.1"), interval=HOUR, bars=2))
    played.closed(200, 95, 94)
    assert played.looks(90, 90) == [0, 0]
    assert played.looks("85.5", "85.5") == [0, SHORT]


@pytest.mark.parametrize("condition", ["drop", "volatility"])
def test_too_few_closed_bars_hold(condition: str) -> None:
    when: When = Drop(size=dec("0.1"), interval=HOUR, bars=3)
    if condition == "volatility":
        when = Volatility(above=dec("0.1"), interval=HOUR, bars=3)
    played = stage(when)
    played.closed(100, 50)
    decision = [played.look(1) for _ in range(3)][-1]
    assert (decision.overlay, decision.reason.code) == (0, "warming_up")
    assert decision.reason.numbers == {"asset": "BTC", "have": "2", "need": "3", "interval": "1h"}
    assert played.wakeups.at == NOW + HOUR


def test_a_hole_in_the_bars_is_too_few_bars() -> None:
    played = stage(Drop(size=dec("0.1"), interval=HOUR, bars=3))
    played.closed(100, 100, 100, 100)
    first, _, *rest = played.bars["BTC", HOUR]
    played.bars["BTC", HOUR] = (first, *rest)
    decision = [played.look(1) for _ in range(2)][-1]
    assert (decision.reason.code, decision.reason.numbers["have"]) == ("warming_up", "2")


def test_volatility_opens_it_and_calm_closes_it() -> None:
    """Closes 100, 110, 99 deviate by 0.1418956 (see test_indicators), times sqrt(8760 hours) is 13.2807."""
    played = stage(
        Volatility(above=dec("13.28"), interval=HOUR, bars=3),
        Calm(below=dec("0.5"), interval=HOUR, bars=3),
    )
    played.closed(100, 100, 110)
    waiting = played.look(100)
    assert (waiting.overlay, waiting.waits_for[0].code) == (0, "if_volatile")
    played.closed(100, 110, 99)
    opened = played.look(100)
    assert (opened.overlay, opened.reason.code) == (SHORT, "hedge_opens")
    assert opened.reason.numbers["volatility"] == "13.2807"
    played.closed(100, 101, 102)
    released = played.look(100)
    assert (released.overlay, released.reason.code) == (0, "hedge_released")
    assert released.reason.numbers["volatility_limit"] == "0.5"


def test_a_volatility_just_under_its_limit_opens_nothing() -> None:
    played = stage(Volatility(above=dec("13.29"), interval=HOUR, bars=3))
    played.closed(100, 110, 99)
    assert played.looks(100, 100) == [0, 0]


def test_a_bar_that_closed_at_nothing_is_not_reckoned_with() -> None:
    played = stage(Volatility(above=dec("0.1"), interval=HOUR, bars=3))
    played.closed(100, 0, 100)
    decision = played.look(100)
    assert (decision.overlay, decision.reason.code) == (0, "bars_absurd")


# releases


@pytest.mark.parametrize(
    ("release", "prices", "overlays"),
    [
        pytest.param(Above(price=dec(95)), [95, 94, 95], [-1] * 3, id="above: one cycle"),
        pytest.param(Above(price=dec(95)), [95, 95], [-1, 0], id="above: two cycles"),
        pytest.param(Below(price=dec(70)), [70, 70], [-1, 0], id="below: two cycles"),
        pytest.param(Below(price=dec(70)), [71, 69, 71], [-1] * 3, id="below: a wick"),
        pytest.param(Manual(), [1, 1, 9999, 9999], [-1] * 4, id="manual: no price does"),
    ],
)
def test_a_price_closes_it_in_its_second_cycle(
    release: Release, prices: list[Number], overlays: list[int]
) -> None:
    played = stage(BELOW, release)
    assert played.looks(89, 89) == [0, SHORT]
    assert played.looks(*prices) == overlays


def test_the_cycle_that_closes_it_says_what_came_about() -> None:
    played = stage(BELOW, Above(price=dec(95)))
    played.looks(89, 89, 95)
    why = played.look(96).reason
    assert why.code == "hedge_released"
    assert (why.numbers["level"], why.numbers["price"]) == ("95", "96")


def test_at_an_instant_it_ends() -> None:
    played = stage(Always(), At(at=NOW + 2 * CYCLE))
    assert played.look(100).overlay == SHORT
    assert played.wakeups.at == NOW + 2 * CYCLE
    assert played.looks(100, 100, 100) == [SHORT, 0, 0]
    assert phase_of(played) is HedgePhase.ENDED


def test_an_instant_that_has_passed_opens_nothing() -> None:
    assert stage(Always(), At(at=NOW)).looks(100, 100) == [0, 0]


def test_a_rebound_is_measured_from_the_confirmed_lowest_price() -> None:
    played = stage(BELOW, Rebound(size=dec("0.1")))
    assert played.looks(89, 89) == [0, SHORT]
    # 80 and 79 are neighbours: the low is 80, so that 88 releases it, in its second cycle
    assert played.looks(80, 79, "87.9", "87.9", 88, 88) == [-1, -1, -1, -1, -1, 0]


def test_a_wick_is_no_low_to_rebound_from() -> None:
    """From a low of 0.0001 any price at all would be a rebound."""
    played = stage(BELOW, Rebound(size=dec("0.1")))
    played.looks(89, 89, 89)
    assert played.looks("0.0001", 89, 89, 89, "97.8") == [-1] * 5
    assert played.looks("97.9", "97.9") == [-1, 0]


def test_a_rebound_counts_from_the_opening_not_from_before() -> None:
    played = stage(BELOW, Rebound(size=dec("0.1")))
    played.looks(50, 95, 95, 89, 89)
    assert played.looks(89, 89, 97, 97) == [-1] * 4


def test_each_hedge_has_a_low_of_its_own() -> None:
    """From the low of the hedge before, 60, the second would be released at 66, below where it opens."""
    played = stage(BELOW, Rebound(size=dec("0.1")))
    played.looks(60, 60, 60, 66, 66, 91, 91)
    assert played.looks(89, 89, 89, 89, 89) == [0, -1, -1, -1, -1]


def test_a_rebound_says_from_where_to_where() -> None:
    played = stage(BELOW, Rebound(size=dec("0.1")))
    played.looks(89, 89)
    (need,) = played.look(80).waits_for
    assert need.text == (
        "BTC 10 % or more above its lowest since then, 89: at or above 97.9 in two cycles"
        " (mark is 80)"
    )
    assert played.wakeups == Wakeups(soon=True, above={"BTC": dec("97.9")}, below={"BTC": dec(89)})


# hysteresis


def test_after_a_release_it_must_see_its_condition_pass_before_it_opens_anew() -> None:
    played = stage(BELOW, Rebound(size=dec("0.1")))
    played.looks(70, 70, 70)
    assert played.looks(77, 77) == [SHORT, 0]
    # still below 90: closed for good while that lasts
    assert played.looks(77, 60, 60, 60) == [0] * 4
    # seen above once, a wick: not passed
    assert played.looks(91, 80, 80, 80) == [0] * 4
    assert played.looks(91, 91) == [0, 0]
    assert phase_of(played) is HedgePhase.WAITING
    assert played.looks(80, 80) == [0, SHORT]


def test_a_price_that_is_not_known_has_not_passed() -> None:
    last = Below(price=dec(90), source=PriceSource.LAST)
    played = stage(last, Above(price=dec(80), source=PriceSource.LAST))
    for price in (79, 79, 85, 85):
        played.look(85, last=price)
    assert phase_of(played) is HedgePhase.RELEASED
    decision = [played.look(85, last=None) for _ in range(3)][-1]
    assert decision.reason.code == "price_unknown"
    assert phase_of(played) is HedgePhase.RELEASED


def test_closed_it_says_what_has_to_pass() -> None:
    played = stage(BELOW, Rebound(size=dec("0.1")))
    played.looks(70, 70, 70, 77, 77)
    decision = played.look(77)
    assert decision.reason.code == "hedge_rests"
    (need,) = decision.waits_for
    assert need.code == "if_no_longer"
    assert "BTC at or below 90" in need.text
    assert played.wakeups.above == {"BTC": dec(90)}


def test_it_does_not_open_while_what_would_release_it_holds() -> None:
    """A hedge that opened to be released in the next cycle would pay fees for nothing, over and over."""
    played = stage(Always(), Above(price=dec(110)))
    assert played.looks(110, 120, 110) == [0] * 3
    decision = played.look(115)
    assert decision.reason.code == "hedge_release_holds"
    assert [w.code for w in decision.waits_for] == ["if_no_longer"]
    assert played.wakeups.below == {"BTC": dec(110)}
    assert played.look(109).overlay == SHORT


def test_a_release_within_its_condition_makes_no_saw() -> None:
    played = stage(BELOW, Above(price=dec(80)))
    overlays = played.looks(*[85] * 20)
    assert set(overlays) == {dec(0)}


# operators


def test_release_closes_it_and_start_begins_anew() -> None:
    played = stage()
    assert played.look(100).overlay == SHORT
    released = played.look(100, CommandKind.RELEASE)
    assert (released.overlay, released.reason.code) == (0, "hedge_released")
    assert played.looks(100, 100, 100) == [0] * 3, "at all times never passes"
    assert played.look(100, CommandKind.START).overlay == SHORT


def test_release_of_a_hedge_that_is_not_open_changes_nothing() -> None:
    played = stage(BELOW)
    assert played.look(95, CommandKind.RELEASE).reason.code == "hedge_waits"
    assert played.looks(89, 89) == [0, SHORT]


def test_a_released_hedge_still_ends_with_its_window() -> None:
    played = stage(During(start_at=NOW, end_at=NOW + 2 * CYCLE))
    played.look(100)
    played.look(100, CommandKind.RELEASE)
    played.look(100)
    assert phase_of(played) is HedgePhase.ENDED


@pytest.mark.parametrize("opened", [True, False])
def test_cancel_ends_it_for_good(opened: bool) -> None:
    played = stage(BELOW, Above(price=dec(95)))
    played.looks(*([89, 89] if opened else [95, 95]))
    cancelled = played.look(89, CommandKind.CANCEL)
    assert (cancelled.overlay, cancelled.reason.code) == (0, "strategy_ends")
    assert cancelled.reason.numbers["strategy"] == "h"
    assert played.looks(100, 100, 89, 89, 89) == [0] * 5
    assert played.look(89).reason.code == "strategy_ended"
    assert phase_of(played) is HedgePhase.ENDED


def test_start_after_cancel_looks_at_its_condition_again() -> None:
    played = stage(BELOW)
    played.looks(89, 89)
    played.look(89, CommandKind.CANCEL)
    assert played.look(89, CommandKind.START).overlay == 0
    assert played.look(89).overlay == SHORT


def test_start_of_an_open_hedge_changes_nothing() -> None:
    played = stage(BELOW)
    played.looks(89, 89)
    before = played.state
    assert played.look(89, CommandKind.START).overlay == SHORT
    assert played.state == before


def test_start_does_not_bring_back_a_window_that_is_over() -> None:
    played = stage(During(start_at=NOW, end_at=NOW + CYCLE))
    played.looks(100, 100)
    assert played.look(100, CommandKind.START).reason.code == "strategy_ends"


def test_words_are_taken_in_the_order_they_were_said() -> None:
    played = stage()
    played.look(100)
    assert played.look(100, CommandKind.CANCEL, CommandKind.START).overlay == SHORT
    assert played.look(100, CommandKind.START, CommandKind.CANCEL).overlay == 0


# sizes


def test_an_open_hedge_follows_what_is_held() -> None:
    """MEANING 13: live spot. What stays in the wallet is hedged, and nothing that left it."""
    played = stage(BELOW)
    played.looks(89, 89)
    played.spot = dec("0.5")
    cut = played.look(89)
    assert (cut.overlay, cut.reason.code) == (dec("-0.5"), "hedge_ratio")
    played.spot = dec(2)
    assert played.look(89).overlay == -2


def test_a_long_hedge_adds_to_what_is_held() -> None:
    played = stage(BELOW, ratio=dec("0.5"), side=HedgeSide.LONG)
    assert played.looks(89, 89) == [0, dec("0.5")]
    fixed = stage(side=HedgeSide.LONG, ratio=None, qty=dec("0.2509"))
    assert fixed.look(100).overlay == dec("0.250")


def test_a_hedge_that_opens_on_nothing_says_so() -> None:
    played = stage(BELOW)
    played.spot = dec(0)
    played.look(89)
    assert played.look(89).reason.code == "nothing_held"


# no contract


def test_without_a_contract_nothing_is_seen_and_the_wish_stays() -> None:
    played = stage(BELOW, Above(price=dec(95)))
    played.look(89)
    gone = played.look(89, listed=False)
    assert (gone.overlay, gone.reason.code) == (0, "no_instrument")
    assert played.looks(89, 89) == [0, SHORT], "the row begins anew: a look was missing"
    gone = [played.look(96, listed=False) for _ in range(3)][-1]
    assert (gone.overlay, gone.changed) == (SHORT, False)
    assert phase_of(played) is HedgePhase.ON


def test_what_an_operator_says_while_there_is_no_contract_is_not_lost() -> None:
    played = stage()
    played.look(100)
    assert played.look(100, CommandKind.CANCEL, listed=False).overlay == SHORT
    assert played.look(100).overlay == 0


# properties

PRICES = st.lists(st.integers(60, 140), min_size=1, max_size=40)
CONDITIONS: st.SearchStrategy[When] = st.one_of(
    st.just(Always()),
    st.integers(60, 140).map(lambda p: Above(price=dec(p))),
    st.integers(60, 140).map(lambda p: Below(price=dec(p))),
    st.tuples(st.integers(0, 20), st.integers(0, 20)).map(
        lambda w: During(start_at=NOW + w[0] * CYCLE, end_at=NOW + (w[0] + w[1]) * CYCLE)
    ),
)
RELEASES: st.SearchStrategy[Release] = st.one_of(
    st.just(Manual()),
    st.integers(0, 40).map(lambda n: At(at=NOW + n * CYCLE)),
    st.integers(60, 140).map(lambda p: Above(price=dec(p))),
    st.integers(60, 140).map(lambda p: Below(price=dec(p))),
    st.integers(1, 30).map(lambda p: Rebound(size=dec(p) / 100)),
)


@given(CONDITIONS, RELEASES, PRICES, st.sampled_from(HedgeSide))
def test_on_any_path_a_hedge_is_whole_or_nothing_and_never_on_the_other_side(
    when: When, release: Release, prices: list[int], side: HedgeSide
) -> None:
    whole = dec("0.5") * (1 if side is HedgeSide.LONG else -1)
    played = stage(when, release, ratio=dec("0.5"), side=side)
    assert set(played.looks(*prices)) <= {dec(0), whole}


@given(CONDITIONS, RELEASES, PRICES)
def test_while_nothing_changes_a_hedge_makes_up_its_mind_once(
    when: When, release: Release, prices: list[int]
) -> None:
    """Time apart, which opens and closes as it comes: a price that stays moves it at most once, then nothing."""
    played = stage(when, release)
    played.looks(*prices)
    changes = [played.look(prices[-1]).changed for _ in range(50)]
    assert sum(changes) <= (2 if isinstance(when, During) or isinstance(release, At) else 1)
    at_rest = played.state
    assert not played.look(prices[-1]).changed
    assert played.state == at_rest


CROSS = HedgePolicy(id="h", asset="SOL", ratio=dec("0.5"), cross=Cross(by="BTC"))


def crossed(
    state: HedgeState,
    *,
    sol: Number = 1000,
    price: Number = 100,
    beta: Number | None = "1.2",
    policy: HedgePolicy = CROSS,
) -> tuple[Decision, HedgeState]:
    """Half of ``sol`` SOL hedged with BTC at 100,000."""
    outcome = cross_looked(state, sol=sol, price=price, beta=beta, policy=policy)
    (decision,) = outcome.decisions
    assert isinstance(outcome.state, HedgeState)
    return decision, outcome.state


def cross_looked(
    state: HedgeState,
    *,
    sol: Number = 1000,
    price: Number = 100,
    beta: Number | None = "1.2",
    policy: HedgePolicy = CROSS,
) -> Outcome:
    snapshot = make_snapshot({"BTC": 100_000, "SOL": price}, spot={"USDT": 1000, "SOL": sol})
    scene = make_scene(snapshot, make_policy(policy))
    if beta is not None:
        relation = Relation(
            beta=dec(beta),
            measured=dec(beta),
            error=dec("0.1"),
            correlation=dec("0.8"),
            residual=dec("0.4"),
            returns=60,
        )
        scene = replace(scene, relations={"h": relation})
    return hedge(policy, scene, state)


def test_a_cross_hedge_holds_beta_times_the_value_in_the_other() -> None:
    """500 SOL at 100 are 50,000; 1.2 times that is 60,000, or 0.6 BTC."""
    decision, state = crossed(HedgeState())
    assert (decision.asset, decision.overlay) == ("BTC", dec("-0.6"))
    assert state.overlays == {"BTC": dec("-0.6")}
    assert state.against == dec(500)
    assert "1.2 for 1 (standard error 0.1, correlation 80 %)" in decision.reason.text


def test_a_long_cross_hedge_adds() -> None:
    decision, _ = crossed(HedgeState(), policy=replace(CROSS, side=HedgeSide.LONG))
    assert decision.overlay == dec("0.6")


@pytest.mark.parametrize(
    ("price", "overlay"),
    [("91", "-0.6"), ("90", "-0.540"), ("110", "-0.6"), ("112", "-0.672")],
)
def test_prices_move_a_cross_hedge_only_beyond_its_band(price: str, overlay: str) -> None:
    """At 91 it takes 0.546 and has 9.9 % more; at 90 0.54 and 11 %. At 110 0.66 and 9.1 % less; at 112 10.7 %."""
    _, state = crossed(HedgeState())
    decision, _ = crossed(state, price=price)
    assert decision.overlay == dec(overlay)


@pytest.mark.parametrize("price", ["91", "95", "100", "109"])
def test_a_cross_hedge_is_looked_at_before_prices_leave_its_band(price: str) -> None:
    """What it is off by already is no room any more: 90.9 and 111.1 are the ends, wherever the last look was."""
    _, state = crossed(HedgeState())
    wakeups = cross_looked(state, price=price).wakeups
    # both prices may have gone as far as they may without a look
    low = wakeups.below["SOL"] / wakeups.above["BTC"] * 100_000
    high = wakeups.above["SOL"] / wakeups.below["BTC"] * 100_000
    assert float(low) == pytest.approx(91, abs=0.1)
    assert float(high) == pytest.approx(111.2, abs=0.1)
    for edge, stays in ((low + dec("0.01"), True), (low - dec("0.2"), False)):
        assert (crossed(state, price=edge)[0].overlay == dec("-0.6")) is stays
    for edge, stays in ((high - dec("0.01"), True), (high + dec("0.2"), False)):
        assert (crossed(state, price=edge)[0].overlay == dec("-0.6")) is stays


def test_a_relation_is_watched_bar_by_bar_before_its_hedge_opens() -> None:
    """It breaks and heals by a band, so that a look left out could leave it in another state."""
    waits = replace(CROSS, when=Below(price=dec(50)), release=Above(price=dec(60)))
    decision, _ = crossed(HedgeState(), policy=waits)
    assert decision.overlay == 0
    at = cross_looked(HedgeState(), policy=waits).wakeups.at
    assert at is not None
    assert at - NOW <= timedelta(days=1)


def test_a_cross_hedge_follows_what_is_held_at_once() -> None:
    _, state = crossed(HedgeState())
    more, _ = crossed(state, sol=1010)
    assert more.overlay == dec("-0.606")
    less, _ = crossed(state, sol=990)
    assert less.overlay == dec("-0.594")


def test_dust_that_comes_in_does_not_trade_what_the_band_lets_be() -> None:
    """At 92 it takes 0.552 and has 0.6, 8.7 % more: within the band, whatever little comes in beside it."""
    _, state = crossed(HedgeState())
    dust, state = crossed(state, price=92, sol="1000.001")
    assert dust.overlay == dec("-0.6")
    doubled, _ = crossed(state, price=92, sol=2000)
    assert doubled.overlay == dec("-1.199"), "in proportion, cut to the lot"


def test_without_a_relation_nothing_is_opened_or_added_and_what_left_is_let_go() -> None:
    opened, state = crossed(HedgeState(), beta=None)
    assert (opened.overlay, opened.reason.code) == (dec(0), "relation_unmeasured")
    _, state = crossed(HedgeState())
    stays, state = crossed(state, sol=2000, beta=None)
    assert (stays.overlay, stays.reason.code) == (dec("-0.6"), "cross_unmeasured")
    half, state = crossed(state, sol=500, beta=None)
    assert half.overlay == dec("-0.3")
    back, _ = crossed(state, sol=1000, beta=None)
    assert back.overlay == dec("-0.3"), "coming back adds nothing before it is measured"


def test_a_slope_below_zero_hedges_nothing() -> None:
    decision, _ = crossed(HedgeState(), beta="-0.5")
    assert decision.overlay == 0


@pytest.mark.parametrize("cross_first", [True, False])
@pytest.mark.parametrize("foreign", [0, -10])
def test_a_cross_hedge_may_be_short_where_nothing_is_held_and_others_may_not(
    cross_first: bool, foreign: int
) -> None:
    """Its short in BTC stands against SOL; another strategy's short of BTC that nobody holds is clamped as ever."""
    plain = HedgePolicy(id="plain", asset="BTC", qty=dec("0.2"))
    snapshot = make_snapshot(spot={"USDT": 1000, "SOL": 1000})
    both = (CROSS, plain) if cross_first else (plain, CROSS)
    scene = make_scene(snapshot, make_policy(*both))
    state = HedgeState(
        overlays={"BTC": dec("-0.6")}, phase=HedgePhase.ON, opened_at=NOW, against=dec(500)
    )
    decisions = decide(scene, {"h": state}, {(VENUE, BTC_PERP): dec(foreign)})
    assert {d.strategy: d.granted for d in decisions.decisions} == {"h": dec("-0.6"), "plain": 0}
    assert decisions.effective_targets["BTC"] < 0


def test_a_derisk_keeps_its_short_of_coins_that_a_cross_hedge_does_not_stand_against() -> None:
    """1 BTC is held, half of it derisked; the 0.6 that SOL is hedged with would leave only 0.4 of it."""
    derisk = DeriskPolicy(id="d", target=dec(0), assets=("BTC",))
    snapshot = make_snapshot(
        {"BTC": 100_000, "SOL": 100}, spot={"BTC": 1, "SOL": 1000, "USDT": 1_000_000}
    )
    scene = make_scene(snapshot, make_policy(CROSS, derisk))
    crossed = HedgeState(
        overlays={"BTC": dec("-0.6")}, phase=HedgePhase.ON, opened_at=NOW, against=dec(500)
    )
    frozen = DeriskState(
        phase=DeriskPhase.HEDGED,
        frozen={"BTC": dec("0.5")},
        entry_prices={"BTC": dec(100_000)},
        overlays={"BTC": dec("-0.5")},
    )
    found = decide(scene, {"h": crossed, "d": frozen}, {})
    assert {d.strategy: d.granted for d in found.decisions} == {
        "h": dec("-0.6"),
        "d": dec("-0.5"),
    }
