from __future__ import annotations

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import Wallet
from counterpoise.venue.testnet.balances import parse_balance


def test_quantities_are_spot_unless_a_wallet_is_named() -> None:
    assert parse_balance("BTC=1, USDT=50000,USDT@futures=20000.5") == {
        (Wallet.SPOT, "BTC"): dec(1),
        (Wallet.SPOT, "USDT"): dec(50_000),
        (Wallet.FUTURES, "USDT"): dec("20000.5"),
    }
    assert parse_balance("") == {}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("BTC", "ASSET=QTY"),
        ("=1", "ASSET=QTY"),
        ("btc=1", "ASSET=QTY"),
        ("BTC=", "a quantity"),
        ("BTC=one", "a quantity"),
        ("BTC=nan", "a quantity"),
        ("BTC=-1", ">= 0"),
        ("BTC=1,BTC=2", "once"),
        ("BTC@margin=1", "spot or futures"),
    ],
)
def test_anything_else_is_refused_by_what_was_expected(written: str, expected: str) -> None:
    with pytest.raises(ValueError, match="balance: expected") as caught:
        parse_balance(written)
    assert expected in str(caught.value)
