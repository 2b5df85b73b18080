from __future__ import annotations

from datetime import UTC, datetime

from counterpoise.domain.decision import Decision
from counterpoise.domain.hedge_book import BookLine, crossed, wanting
from counterpoise.domain.numbers import dec
from counterpoise.domain.portfolio import Listing, Universe
from counterpoise.domain.reasons import reason
from counterpoise.plan.claims import claims_of
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
