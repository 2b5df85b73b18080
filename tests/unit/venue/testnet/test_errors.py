"""Every reject of the exchange has Binance's words on both markets."""

from __future__ import annotations

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import MarketKind, RejectCode, Side, SimReject
from counterpoise.venue.testnet.binance.errors import About, from_reject
from tests.unit.venue.testnet.small import RULES


@pytest.mark.parametrize("kind", MarketKind)
@pytest.mark.parametrize("code", RejectCode)
def test_every_reject_is_worded(kind: MarketKind, code: RejectCode) -> None:
    rule = next(one for one in RULES if one.kind is kind)
    about = About(kind=kind, rule=rule, side=Side.BUY, mark=dec(80_000))
    error = from_reject(SimReject(code, "whatever"), about)
    assert error.code < -1_000
    assert error.msg
    assert error.status in (400, 401)


def test_an_unknown_order_is_one_code_for_queries_and_another_for_cancels() -> None:
    reject = SimReject(RejectCode.UNKNOWN_ORDER, "none")
    for kind in MarketKind:
        assert from_reject(reject, About(kind=kind)).code == -2013
        assert from_reject(reject, About(kind=kind, cancelling=True)).code == -2011


def test_the_smallest_notional_is_named() -> None:
    about = About(kind=MarketKind.PERP, rule=RULES[1])
    error = from_reject(SimReject(RejectCode.BELOW_MIN_NOTIONAL, ""), about)
    assert (
        error.msg == "Order's notional must be no smaller than 100 (unless you choose reduce only)."
    )


@pytest.mark.parametrize(
    ("side", "code", "msg"),
    [
        (Side.BUY, -4016, "Limit price can't be higher than 92000.1."),
        (Side.SELL, -4024, "Limit price can't be lower than 68000.2."),
    ],
)
def test_a_price_bound_is_named_on_a_tick(side: Side, code: int, msg: str) -> None:
    about = About(kind=MarketKind.PERP, rule=RULES[1], side=side, mark=dec("80000.13"))
    error = from_reject(SimReject(RejectCode.PERCENT_PRICE, ""), about)
    assert (error.code, error.msg) == (code, msg)
