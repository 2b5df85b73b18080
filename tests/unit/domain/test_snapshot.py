from __future__ import annotations

from decimal import Decimal

import pytest

from counterpoise.domain.numbers import dec
from tests.build import make_quote, make_snapshot, with_venue

BID, ASK, MARK = dec(99), dec(101), dec("100.5")


@pytest.mark.parametrize(
    ("bid", "ask", "mark", "mid", "fair"),
    [
        pytest.param(BID, ASK, MARK, dec(100), MARK, id="a contract is valued at its mark"),
        pytest.param(BID, ASK, None, dec(100), dec(100), id="spot is valued at its mid"),
        pytest.param(BID, None, None, None, None, id="half a book is no price"),
        pytest.param(None, ASK, None, None, None, id="the other half neither"),
        pytest.param(None, None, MARK, None, MARK, id="a mark needs no book"),
    ],
)
def test_what_a_holding_is_valued_at(
    bid: Decimal | None,
    ask: Decimal | None,
    mark: Decimal | None,
    mid: Decimal | None,
    fair: Decimal | None,
) -> None:
    quote = make_quote(bid=bid, ask=ask, mark=mark)
    assert (quote.mid, quote.fair) == (mid, fair)


def test_problems_carry_the_name_of_their_venue() -> None:
    snapshot = with_venue(make_snapshot(), problems=("account: timed out", "prices: 503"))
    assert snapshot.problems == ("main: account: timed out", "main: prices: 503")
