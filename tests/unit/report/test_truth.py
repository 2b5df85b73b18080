from __future__ import annotations

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.report.truth import LogEntry, trading


def fill(market: str, qty: str, price: str, fee: str, asset: str) -> LogEntry:
    return {
        "event": "fill", "market": market, "symbol": "BTCUSDT", "qty": qty, "price": price,
        "fee": fee, "fee_asset": asset,
    }  # fmt: skip


def test_totals_follow_from_the_log() -> None:
    entries: list[LogEntry] = [
        {"event": "request", "status": "POST /order"},
        {"event": "place", "symbol": "BTCUSDT"},
        {"event": "place", "symbol": "BTCUSDT"},
        {"event": "reject", "symbol": "BTCUSDT"},
        fill("perp", "0.5", "100", "0.025", "USDT"),
        fill("spot", "2", "100", "0.2", "USDT"),
        {"event": "funding", "qty": "1.5"},
        {"event": "funding", "qty": "-0.5"},
        {**fill("perp", "0.1", "90", "0.05", "USDT"), "event": "liquidation"},
        {"event": "transfer", "qty": "1000"},
    ]
    made = trading(entries, "USDT")
    assert (made.futures_turnover, made.spot_turnover) == (59, 200)
    assert (made.fees, made.funding) == (dec("0.275"), 1)
    assert (made.orders, made.fills, made.rejects, made.liquidations) == (2, 2, 1, 1)


def test_a_fee_in_the_coin_is_worth_the_price_of_its_fill() -> None:
    assert trading([fill("spot", "2", "100", "0.002", "BTC")], "USDT").fees == dec("0.2")


def test_a_fee_in_another_coin_has_no_price_here() -> None:
    with pytest.raises(ValueError, match=r"expected a fee in USDT .* was BNB"):
        trading([fill("spot", "2", "100", "0.002", "BNB")], "USDT")
