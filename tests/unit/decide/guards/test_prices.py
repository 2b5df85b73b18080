"""Prices that are not believed, and how near one may come to that."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterpoise.decide.guards.plausibility import Plausibility, as_positions_say
from counterpoise.decide.guards.prices import MOVES, PriceVerdict, PriceWatch
from counterpoise.domain.codec import decoded, document_of
from counterpoise.domain.doubting import PriceMemory
from counterpoise.domain.instrument import InstrumentKind
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import ExecutionPolicy
from counterpoise.domain.portfolio import Universe
from counterpoise.domain.snapshot import Snapshot
from tests.build import (
    BTC_PERP,
    NOW,
    VENUE,
    Number,
    make_instrument,
    make_policy,
    make_snapshot,
    make_universe,
    with_quote,
)

POLICY = make_policy()
UNIVERSE: Universe = make_universe(POLICY, make_snapshot())
LOOK = timedelta(seconds=30)
FIELDS = ("bid", "ask", "last", "mark")


class Looks:
    """One look after another, half a minute apart; ``restart`` lets a new process go on with what is kept."""

    def __init__(self) -> None:
        self.watch = PriceWatch(POLICY)
        self.now = NOW

    def restart(self) -> None:
        written = json.dumps(document_of(self.watch.memory(self.now)))
        self.watch = PriceWatch(POLICY, decoded(PriceMemory, json.loads(written), "prices"))

    def look(
        self, price: Number = 100_000, sol: Number = 100, after: timedelta = LOOK, **perp: object
    ) -> PriceVerdict:
        """The next look; ``perp`` are fields of the BTC perpetual's quote."""
        return self.watch.look(self.snapshot(price, sol, after, **perp), UNIVERSE)

    def snapshot(self, price: Number, sol: Number, after: timedelta, **perp: object) -> Snapshot:
        self.now += after
        made = make_snapshot({"BTC": price, "SOL": sol}, as_of=self.now)
        changes = {k: dec(str(v)) if not isinstance(v, Decimal) else v for k, v in perp.items()}
        return with_quote(made, BTC_PERP, **changes)


def codes(verdict: PriceVerdict) -> list[str]:
    return [why.code for why in verdict.doubts]


# --- disagreement


@pytest.mark.parametrize(
    ("perp", "held"),
    [
        pytest.param({"mark": 102_900}, False, id="mark 2.9 % above the book"),
        pytest.param({"mark": 103_200}, True, id="mark 3.2 % above the book"),
        pytest.param({"index": 97_200}, False, id="index 2.9 % below spot"),
        pytest.param({"index": 96_900}, True, id="index 3.2 % below spot"),
        pytest.param({"last": 96_900}, True, id="last traded 3.2 % below the book"),
        pytest.param({"bid": 96_800, "ask": 96_900}, True, id="the book 3.2 % below the mark"),
        pytest.param(dict.fromkeys(FIELDS, 114_900), False, id="a basis of 14.9 %"),
        pytest.param(dict.fromkeys(FIELDS, 115_200), True, id="a basis of 15.2 %"),
    ],
)
def test_prices_of_an_asset_agree_to_within_three_percent(perp: dict[str, int], held: bool) -> None:
    verdict = Looks().look(**perp)  # type: ignore[arg-type]  # fields of a quote
    assert codes(verdict) == (["price_apart"] if held else [])
    assert ((VENUE, BTC_PERP) in verdict.doubted) is held


def test_prices_that_disagreed_are_believed_after_two_looks_that_agree() -> None:
    looks = Looks()
    assert codes(looks.look(mark=110_000)) == ["price_apart"]
    assert codes(looks.look()) == ["price_apart"], "one look is not enough"
    assert codes(looks.look(mark=110_000)) == ["price_apart"]
    assert codes(looks.look()) == ["price_apart"], "counted anew"
    assert codes(looks.look()) == []


def test_the_same_look_again_does_not_count() -> None:
    looks = Looks()
    looks.look(mark=110_000)
    looks.look()
    assert codes(looks.look(after=timedelta(0))) == ["price_apart"]


def test_one_asset_is_told_once_with_all_its_prices() -> None:
    (why,) = Looks().look(mark=110_000).doubts
    assert "BTC are 10 % apart, more than 3 %" in why.text
    assert "mark of BTC/USDT:USDT 110000" in why.text


def test_a_dated_future_is_compared_with_itself_alone_and_shuts_only_itself() -> None:
    dated = "BTC/USDT:USDT-251226"
    listed = [
        make_instrument("BTC/USDT"),
        make_instrument(BTC_PERP),
        make_instrument(dated, kind=InstrumentKind.FUTURE, expiry_at=NOW + timedelta(days=200)),
    ]
    made = make_snapshot({"BTC": 100_000}, instruments=listed)
    policy = make_policy(execution=ExecutionPolicy())
    universe = make_universe(policy, made)
    far = {f: dec(106_000) for f in FIELDS}
    watch = PriceWatch(policy)
    assert watch.look(with_quote(made, dated, **far), universe) == PriceVerdict()
    torn = watch.look(with_quote(made, dated, **{**far, "mark": dec(110_000)}), universe)
    assert torn.doubts == ()
    assert {c: why.code for c, why in torn.shut.items()} == {(VENUE, dated): "price_apart"}


# --- jumps


@pytest.mark.parametrize(
    ("price", "held"),
    [
        pytest.param(130_000, False, id="30 % up"),
        pytest.param(130_100, True, id="a little more"),
        pytest.param(70_000, False, id="30 % down"),
        pytest.param(69_900, True, id="a little less"),
    ],
)
def test_a_move_of_more_than_thirty_percent_is_not_believed_at_once(price: int, held: bool) -> None:
    looks = Looks()
    looks.look()
    assert ("price_jumped" in codes(looks.look(price))) is held


def test_a_jump_is_believed_when_two_further_looks_agree() -> None:
    looks = Looks()
    looks.look()
    assert "price_jumped" in codes(looks.look(50_000))
    assert "price_jumped" in codes(looks.look(50_900))
    assert codes(looks.look(50_500)) == []
    assert codes(looks.look(50_000)) == []


def test_a_jump_that_does_not_stand_is_not_believed() -> None:
    looks = Looks()
    looks.look()
    for price in (1_000_000, 500_000, 1_000_000, 500_000):
        assert "price_jumped" in codes(looks.look(price))
    assert codes(looks.look()) == [], "back where it was"


@pytest.mark.parametrize(("minutes", "held"), [(10, True), (11, False)])
def test_an_old_price_says_nothing_of_a_new_one(minutes: int, held: bool) -> None:
    looks = Looks()
    looks.look()
    verdict = looks.look(50_000, after=timedelta(minutes=minutes))
    assert ("price_jumped" in codes(verdict)) is held


# --- standing still


def stood_still(minutes: int, *, others: Number = "0.1", moves: int = 60) -> PriceVerdict:
    """BTC stands still for ``minutes`` while SOL rises by ``others`` a look, ``moves`` times."""
    looks = Looks()
    verdict = looks.look(sol=100)
    for n in range(2 * minutes):
        verdict = looks.look(sol=100 + min(n + 1, moves) * dec(others))
    return verdict


def test_a_price_that_stands_still_while_others_move_shuts_its_asset() -> None:
    verdict = stood_still(30)
    assert verdict.doubts == ()
    assert {c[1]: why.code for c, why in verdict.shut.items()} == {
        "BTC/USDT": "price_stuck",
        BTC_PERP: "price_stuck",
    }


@pytest.mark.parametrize(
    "verdict",
    [
        pytest.param(stood_still(29), id="not for long enough"),
        pytest.param(stood_still(30, others=0), id="nothing moves"),
        pytest.param(stood_still(30, others="0.005"), id="others hardly move"),
        pytest.param(stood_still(30, others=5, moves=MOVES - 2), id="others jumped once or twice"),
    ],
)
def test_a_price_may_rest_in_a_calm_market(verdict: PriceVerdict) -> None:
    assert verdict == PriceVerdict()


def test_a_price_that_moves_again_is_believed_at_once() -> None:
    looks = Looks()
    for n in range(62):
        verdict = looks.look(sol=100 + n)
    assert verdict.shut
    assert looks.look("100000.1", sol=163) == PriceVerdict()


# --- a process that starts anew


@settings(deadline=None, max_examples=50)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from([100_000, 101_000, 500_000, 1_000_000]),
            st.sampled_from([0, 1, 30, 400, 700]),
            st.sampled_from(["1", "0.95", "1.1"]),
            st.booleans(),
        ),
        min_size=2,
        max_size=9,
    )
)
def test_restarts_change_nothing_of_what_is_believed(
    steps: list[tuple[int, int, str, bool]],
) -> None:
    straight, restarted = Looks(), Looks()
    for price, seconds, mark, again in steps:
        if again:
            restarted.restart()
        told = [
            looks.look(price, after=timedelta(seconds=seconds), mark=dec(price) * dec(mark))
            for looks in (straight, restarted)
        ]
        assert told[0] == told[1]


def test_a_crash_loop_does_not_make_a_jump_the_new_base_any_earlier() -> None:
    looks = Looks()
    looks.look()
    for _ in range(2):
        looks.restart()
        assert "price_jumped" in codes(looks.look(1_000_000))
    looks.restart()
    assert codes(looks.look()) == [], "back where it was"


def test_a_crash_loop_still_finds_a_price_that_stands_still() -> None:
    looks = Looks()
    count = 1
    while not looks.look(sol=100 + count).shut:
        looks.restart()
        count += 1
        assert count < 70
    assert count in {61, 62}, "as without restarts, or with the look after"


def test_what_is_watched_no_more_is_forgotten() -> None:
    looks = Looks()
    looks.look(mark=110_000)
    looks.look(1_000_000)
    assert looks.watch.memory(looks.now).jumps
    nothing = make_snapshot({}, instruments=[], as_of=looks.now)
    looks.watch.look(nothing, make_universe(POLICY, nothing))
    assert looks.watch.memory(looks.now) == PriceMemory(good_at=looks.now)


# --- what the margin guard goes by


def test_the_margin_guard_goes_by_the_mark_of_the_position_where_a_price_is_doubted() -> None:
    made = make_snapshot(positions={BTC_PERP: -1})
    account = made.venues[VENUE].account
    assert account is not None
    bad = with_quote(made, BTC_PERP, mark=dec(1_000_000))
    verdict = Plausibility(prices=PriceWatch(POLICY).look(bad, UNIVERSE))
    shown = as_positions_say(bad, verdict).venues[VENUE].quotes[BTC_PERP]
    assert (shown.mark, shown.bid) == (account.positions[BTC_PERP].mark_price, None)
    assert as_positions_say(made, Plausibility()) is made
