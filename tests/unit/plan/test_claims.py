from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from counterpoise.domain.decision import Decision
from counterpoise.domain.hedge_book import BookLine, crossed, wanting
from counterpoise.domain.numbers import dec
from counterpoise.domain.portfolio import Listing, Universe
from counterpoise.domain.reasons import reason
from counterpoise.plan.claims import claims_of, wants_of, within_caps
from tests.build import Number, make_instrument


def test_coins_traded_in_another_pair_are_not_traded_again() -> None:
    """The pair moved to venue b; 40 were sold at a, 4 more are wished for: 4 are claimed, not 44."""
    sold = BookLine(strategy="less", venue="a", symbol="BTC/USDT", wanted=dec(-40), qty=dec(-40))
    other = BookLine(strategy="dip", venue="a", symbol="BTC/USDT", qty=dec(7))
    lines = {sold.key: sold, other.key: other}
    decision = Decision(
        strategy="less",
        kind="derisk",
        asset="BTC",
        overlay=dec(0),
        previous=dec(0),
        coins=dec(-44),
        reason=reason("nothing_held", asset="BTC"),
    )
    pair = Listing(venue="b", instrument=make_instrument("BTC/USDT"))
    claims = claims_of([decision], Universe(spot={"BTC": pair}, futures={}), lines=lines)
    after = wanting(lines, claims, list(lines))
    assert after["less", "b", "BTC/USDT"].pending == -4
    assert after["less", "a", "BTC/USDT"].pending == 0


def overlay(strategy: str, qty: Number) -> Decision:
    why = reason("nothing_held", asset="BTC")
    return Decision(
        strategy=strategy, kind="hedge", asset="BTC", overlay=dec(qty), previous=dec(0), reason=why
    )


def test_claims_that_cancel_out_in_a_roll_stay_whose_they_are() -> None:
    """A short and a long of 1 net to nothing: no trade, and still a short and a long of 1 in the book."""
    old, new = "BTC/USDT:USDT-260327", "BTC/USDT:USDT-260626"
    held = {
        x.key: x
        for x in (
            BookLine(strategy=s, venue="v", symbol=old, wanted=q, qty=q, entry_qty=dec(1))
            for s, q in (("a", dec(-1)), ("b", dec(1)))
        )
    }
    universe = Universe(
        spot={},
        futures={"BTC": Listing(venue="v", instrument=make_instrument(new))},
        leaving={"BTC": Listing(venue="v", instrument=make_instrument(old))},
    )
    claims = claims_of([overlay("a", -1), overlay("b", 1)], universe)
    wanted = wanting(held, claims, [])
    marks = {("v", old): dec(100), ("v", new): dec(101)}
    after = crossed(wanted, marks, {}, datetime(2026, 3, 1, tzinfo=UTC)).lines
    assert {k[::2]: x.qty for k, x in after.items()} == {
        ("a", old): 0,
        ("b", old): 0,
        ("a", new): -1,
        ("b", new): 1,
    }
    assert all(x.pending == 0 for x in after.values())


PERP = ("v", "BTC/USDT:USDT")
LOT = {PERP: dec("0.001")}


def capped(
    cap: Number, claimed: Mapping[str, Number], held: Mapping[str, Number] | None = None
) -> dict[str, Decimal]:
    """What each strategy is left of what it claims, by what it holds."""
    claims = {(s, *PERP): dec(q) for s, q in claimed.items()}
    own = {(s, *PERP): dec(q) for s, q in (held or claimed).items()}
    within = within_caps(claims, {PERP: dec(cap)}, LOT, own)
    return {key[0]: qty for key, qty in within.items()}


def test_within_its_cap_nothing_is_cut() -> None:
    assert capped(1, {"a": "-0.6", "b": "-0.4"}) == {"a": dec("-0.6"), "b": dec("-0.4")}


def test_holdings_are_cut_pro_rata() -> None:
    assert capped("0.5", {"a": "-0.6", "b": "-0.4"}) == {"a": dec("-0.3"), "b": dec("-0.2")}
    assert capped(0, {"a": "-0.6", "b": "-0.4"}) == {"a": 0, "b": 0}


def test_what_would_be_opened_gives_way_before_what_is_held() -> None:
    held = {"a": "-0.6", "b": 0}
    assert capped("0.6", {"a": "-0.6", "b": "-0.4"}, held) == {"a": dec("-0.6"), "b": 0}
    assert capped("0.7", {"a": "-0.6", "b": "-0.4"}, held) == {"a": dec("-0.6"), "b": dec("-0.1")}
    assert capped("0.3", {"a": "-0.6", "b": "-0.4"}, held) == {"a": dec("-0.3"), "b": 0}


def test_several_that_grow_share_what_is_left_by_their_growth() -> None:
    held = {"a": "0.5", "b": 0, "c": "0.1"}
    wanted = {"a": "0.5", "b": "0.4", "c": "0.3"}
    # 0.6 is held, 0.3 is left for growth of 0.4 and 0.2
    assert capped("0.9", wanted, held) == {"a": dec("0.5"), "b": dec("0.2"), "c": dec("0.2")}


def test_one_that_lets_go_makes_room_and_gives_nothing_else() -> None:
    held = {"a": "-0.6", "b": "-0.2"}
    assert capped("0.6", {"a": "-0.3", "b": "-0.5"}, held) == {"a": dec("-0.3"), "b": dec("-0.3")}


def test_one_of_the_other_side_is_left_alone_while_growth_can_give_way() -> None:
    held = {"a": "-0.6", "b": 0, "c": "0.1"}
    wanted = {"a": "-0.6", "b": "-0.6", "c": "0.1"}
    assert capped("0.7", wanted, held) == {"a": dec("-0.6"), "b": dec("-0.2"), "c": dec("0.1")}


def test_lots_that_do_not_divide_go_to_the_largest() -> None:
    within = capped("0.1", {"a": "-0.2", "b": "-0.1"})
    assert within == {"a": dec("-0.067"), "b": dec("-0.033")}
    assert sum(within.values()) == dec("-0.1")


def test_a_cap_between_lots_is_cut_to_the_lot_below() -> None:
    assert capped("0.1009", {"a": "-0.2"}) == {"a": dec("-0.1")}
    growing = capped("0.1009", {"a": "-0.05", "b": "-0.2"}, {"a": "-0.05", "b": 0})
    assert growing == {"a": dec("-0.05"), "b": dec("-0.05")}


def test_what_a_guard_cut_is_explained_by_the_guard() -> None:
    contract = Listing(venue="v", instrument=make_instrument("BTC/USDT:USDT"))
    universe = Universe(spot={}, futures={"BTC": contract})
    decisions = [replace(overlay("a", -1), given=dec(0), previous=dec(-1)), overlay("b", 0)]
    cut = reason("brakes_close", strategy="a", asset="BTC", why="its carry is too dear")
    (want,) = wants_of(decisions, claims_of(decisions, universe), ["BTC"], universe, {}, [cut])
    assert want.why == "a holds no futures on BTC: its carry is too dear"
    (want,) = wants_of(decisions, claims_of(decisions, universe), ["BTC"], universe, {})
    assert want.why == "no BTC is held: nothing to hedge"
