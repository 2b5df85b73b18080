"""Positions that changed without a fill of ours: when they are taken as they are, and what is ours of them then."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from counterpoise.decide.guards.foreign import Acceptance, ForeignWatch
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import OrderState
from counterpoise.domain.policy import OnForeign, PlausibilityPolicy
from counterpoise.domain.reasons import reason
from counterpoise.domain.records import PositionRecord
from tests.build import (
    BTC_PERP,
    NOW,
    SOL_PERP,
    VENUE,
    Number,
    make_order,
    make_policy,
    make_recorded,
    make_snapshot,
    with_venue,
)

#: Three looks over a minute.
PAUSE = timedelta(seconds=30)
KEY = (VENUE, BTC_PERP)


class Past:
    """A watch, look after look; the records stay as they were until something is accepted."""

    def __init__(
        self, own: Number = -1, baseline: Number = 0, rule: OnForeign = OnForeign.ACCEPT
    ) -> None:
        rules = PlausibilityPolicy(on_foreign_change=rule)
        self.watch = ForeignWatch(make_policy(plausibility=rules))
        self.known = PositionRecord(
            venue=VENUE, symbol=BTC_PERP, own_qty=dec(own), baseline_qty=dec(baseline)
        )
        self.now = NOW
        self.state: OrderState | None = None
        self.code = "position_unexplained"

    def look(
        self, shown: Number, after: timedelta = PAUSE, *, read: bool = True, doubted: bool = True
    ) -> Acceptance:
        """Look ``after`` a pause at a position of ``shown``."""
        self.now += after
        positions = {BTC_PERP: shown} if dec(shown) else {}
        snapshot = make_snapshot(positions=positions, as_of=self.now)
        if not read:
            snapshot = with_venue(snapshot, account=None)
        orders = [] if self.state is None else [make_order(state=self.state)]
        recorded = make_recorded(*orders, positions=[self.known])
        why = {"symbol": BTC_PERP, "position": "0", "expected": "0"}
        doubt = (
            reason(self.code, **why)
            if self.code == "position_unexplained"
            else reason(self.code, orders="x", venue=VENUE)
        )
        return self.watch.look(snapshot, recorded, {KEY: doubt} if doubted else {})

    def taken(self, shown: Number, looks: int = 3) -> PositionRecord | None:
        """What is accepted in the last of so many looks; nothing must be before."""
        for _ in range(looks - 1):
            assert self.look(shown).positions == ()
        accepted = self.look(shown).positions
        return accepted[0] if accepted else None


def test_three_equal_looks_over_a_minute_are_believed() -> None:
    past = Past()
    assert past.look(-2).positions == ()
    assert past.look(-2).positions == ()
    accepted = past.look(-2)
    assert [p.expected_qty for p in accepted.positions] == [-2]
    assert list(accepted.why) == [KEY]


def test_less_than_a_minute_is_too_soon() -> None:
    past = Past()
    past.look(-2)
    past.look(-2, timedelta(seconds=29))
    assert past.look(-2, timedelta(seconds=30)).positions == ()
    assert past.look(-2, timedelta(seconds=1)).positions


def test_the_same_read_shown_again_is_no_look() -> None:
    past = Past()
    past.look(-2)
    past.look(-2, timedelta(seconds=60))
    assert past.look(-2, timedelta(0)).positions == ()


def test_another_size_begins_anew() -> None:
    past = Past()
    past.look(-2)
    past.look(-2)
    assert past.look(-3).positions == ()
    assert past.look(-3).positions == ()
    assert past.look(-3).positions


def test_a_fill_of_ours_in_between_begins_anew() -> None:
    past = Past()
    past.look(-2)
    past.look(-2)
    past.known = replace(past.known, own_qty=dec("-1.5"))
    assert past.look(-2).positions == ()


def test_a_look_that_explains_it_begins_anew() -> None:
    past = Past()
    past.look(-2)
    past.look(-2)
    past.look(-2, doubted=False)
    assert past.look(-2).positions == ()


def test_an_account_that_was_not_read_is_no_look_and_no_empty_position() -> None:
    past = Past()
    past.look(-2)
    past.look(-2)
    assert past.look(-2, read=False).positions == ()
    assert past.look(-2).positions == (), "the row of equal looks is broken"


@pytest.mark.parametrize("rule", [r for r in OnForeign if r is not OnForeign.ACCEPT])
def test_people_are_asked_where_the_config_says_so(rule: OnForeign) -> None:
    past = Past(rule=rule)
    for _ in range(9):
        assert past.look(-2) == Acceptance()


@pytest.mark.parametrize(
    ("state", "waits"),
    [
        (OrderState.UNKNOWN, True),
        (OrderState.PENDING, True),
        (OrderState.PENDING_CANCEL, True),
        # what works may rest for ever
        (OrderState.OPEN, False),
        (OrderState.CANCELED, False),
        (OrderState.FILLED, False),
    ],
)
def test_an_order_whose_outcome_is_open_may_be_what_explains_it(
    state: OrderState, waits: bool
) -> None:
    past = Past()
    past.state = state
    for _ in range(4):
        found = past.look(-2).positions
        if found:
            break
    assert (found == ()) is waits


def test_other_doubts_are_not_about_the_size() -> None:
    past = Past()
    past.code = "orphan_order"
    for _ in range(4):
        assert past.look(-2) == Acceptance()


@pytest.mark.parametrize(
    ("own", "baseline", "shown", "own_then", "baseline_then"),
    [
        # what shrinks our part is ours
        (-1, 0, "-0.4", "-0.4", 0),
        (-1, 0, 0, 0, 0),
        (1, 0, "0.4", "0.4", 0),
        # what is left over is not
        (-1, 0, "0.5", 0, "0.5"),
        (1, 0, "-0.5", 0, "-0.5"),
        # what is opened beside it never was
        (-1, 0, -3, -1, -2),
        (1, 0, 3, 1, 2),
        # beside a foreign one: against our part first
        (-1, -2, "-2.5", "-0.5", -2),
        (-1, -2, "-1.5", 0, "-1.5"),
        (-1, 2, "1.5", "-0.5", 2),
        (-1, 2, 0, -1, 1),
        (0, 0, 2, 0, 2),
        (0, -2, 0, 0, 0),
    ],
)
def test_whose_the_change_is(
    own: Number, baseline: Number, shown: Number, own_then: Number, baseline_then: Number
) -> None:
    taken = Past(own, baseline).taken(shown)
    assert taken is not None
    assert (taken.own_qty, taken.baseline_qty) == (dec(own_then), dec(baseline_then))
    assert taken.expected_qty == dec(shown)


def test_the_words_tell_the_change_and_whose_it_is() -> None:
    past = Past()
    past.taken("-0.4", 2)
    why = past.look("-0.4").why[KEY]
    assert dict(why.numbers) == {
        "symbol": BTC_PERP,
        "change": "0.6",
        "own": "-0.4",
        "baseline": "0",
    }


def test_contracts_are_counted_apart() -> None:
    rules = PlausibilityPolicy(on_foreign_change=OnForeign.ACCEPT)
    watch = ForeignWatch(make_policy(plausibility=rules))
    doubt = reason("position_unexplained", symbol="x", position="0", expected="0")
    found: list[set[str]] = []
    for number in range(5):
        shown = {BTC_PERP: 1, **({SOL_PERP: 5} if number else {})}
        snapshot = make_snapshot(positions=shown, as_of=NOW + number * PAUSE)
        doubts = {(VENUE, symbol): doubt for symbol in shown}
        found.append({p.symbol for p in watch.look(snapshot, make_recorded(), doubts).positions})
    assert found == [set(), set(), {BTC_PERP}, {SOL_PERP}, set()]
