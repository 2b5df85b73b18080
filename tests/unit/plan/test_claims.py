from __future__ import annotations

from counterpoise.domain.decision import Decision
from counterpoise.domain.hedge_book import BookLine, wanting
from counterpoise.domain.numbers import dec
from counterpoise.domain.portfolio import Listing, Universe
from counterpoise.domain.reasons import reason
from counterpoise.plan.claims import claims_of
from tests.build import make_instrument


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
