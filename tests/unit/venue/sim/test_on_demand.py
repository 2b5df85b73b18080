"""What an exchange does on demand: live on as a replica, act late, keep client ids, take a symbol off its list."""

from __future__ import annotations

from datetime import timedelta

import pytest

from counterpoise.domain.numbers import ZERO, dec
from counterpoise.venue.sim import (
    AccountKeys,
    MarketKind,
    OrderKind,
    OrderStatus,
    PlaceRequest,
    RejectCode,
    Side,
    SimExchange,
    SimReject,
    Wallet,
)
from tests.unit.venue.testnet import small

PERP, SPOT = MarketKind.PERP, MarketKind.SPOT
BTC = "BTCUSDT"


@pytest.fixture
def exchange() -> SimExchange:
    return small.exchange()


@pytest.fixture
def keys(exchange: SimExchange) -> AccountKeys:
    return exchange.open_account(small.BALANCE)


def sell(qty: str, price: str | None = None, cid: str = "one") -> PlaceRequest:
    return PlaceRequest(
        kind=PERP,
        symbol=BTC,
        side=Side.SELL,
        order_kind=OrderKind.MARKET if price is None else OrderKind.LIMIT,
        qty=dec(qty),
        price=None if price is None else dec(price),
        client_order_id=cid,
    )


def events(exchange: SimExchange) -> list[str]:
    return [str(event["event"]) for event in exchange.log.after(0)]


def test_a_replica_lives_its_own_life(exchange: SimExchange, keys: AccountKeys) -> None:
    exchange.place(keys.api_key, sell("0.1"))
    replica = exchange.replica()
    assert events(replica) == []
    assert replica.account(keys.api_key) == exchange.account(keys.api_key)
    replica.place(keys.api_key, sell("0.1", cid="two"))
    replica.set_price(BTC, dec(70_000))
    replica.advance(dec(9 * 3600))
    (held,) = exchange.account(keys.api_key).positions
    assert (held.qty, held.mark_price) == (dec("-0.1"), dec(80_005))
    assert (exchange.now, "funding" in events(exchange)) == (small.NOW, False)
    exchange.advance(dec(9 * 3600))
    assert exchange.log.after(0)[-1]["event"] == "funding"
    (theirs,) = replica.account(keys.api_key).positions
    assert theirs.qty == dec("-0.2")


def test_a_replica_has_its_own_deferred_acts(exchange: SimExchange, keys: AccountKeys) -> None:
    with exchange.acting_after(timedelta(seconds=5)):
        exchange.place(keys.api_key, sell("0.1", "81000"))
    replica = exchange.replica()
    replica.advance(dec(5))
    assert events(replica) == ["place"]
    assert events(exchange) == []
    exchange.advance(dec(5))
    assert events(exchange) == ["place"]


def test_acts_happen_in_the_order_they_were_asked_for(
    exchange: SimExchange, keys: AccountKeys
) -> None:
    with exchange.acting_after(timedelta(seconds=5)):
        first = exchange.place(keys.api_key, sell("0.1", "81000", "one"))
        second = exchange.place(keys.api_key, sell("0.1", "81000", "two"))
    # what is asked later and acts at once is there first
    third = exchange.place(keys.api_key, sell("0.1", "81000", "three"))
    assert [first.order_id, second.order_id, third.order_id] == [1, 2, 3]
    exchange.advance(dec(60))
    placed = [event for event in exchange.log.after(0) if event["event"] == "place"]
    assert [event["client_id"] for event in placed] == ["three", "one", "two"]
    assert [int(str(event["at"])) - small.NOW_MS for event in placed] == [0, 5_000, 5_000]


def test_what_is_due_at_the_hour_comes_after_its_funding(
    exchange: SimExchange, keys: AccountKeys
) -> None:
    exchange.advance(dec(4 * 3600 - 2))
    for delay_s, cid in ((1, "before"), (2, "at the hour")):
        with exchange.acting_after(timedelta(seconds=delay_s)):
            exchange.place(keys.api_key, sell("0.1", cid=cid))
    exchange.advance(dec(2))
    log = exchange.log.after(0)
    assert [e["client_id"] or e["event"] for e in log if e["event"] in {"place", "funding"}] == [
        "before",
        "funding",
        "at the hour",
    ]
    # charged on what was held before it alone
    (income,) = [one for one in exchange.income(keys.api_key) if one.kind == "funding"]
    assert income.qty == dec("0.1") * dec(80_005) * dec("0.0001")


def test_a_late_cancel_loses_to_a_fill(exchange: SimExchange, keys: AccountKeys) -> None:
    exchange.place(keys.api_key, sell("0.1", "81000"))
    with exchange.acting_after(timedelta(seconds=5)):
        told = exchange.cancel(keys.api_key, PERP, BTC, client_order_id="one")
    assert told.status is OrderStatus.CANCELED
    exchange.set_price(BTC, dec(82_000))
    exchange.advance(dec(5))
    (order,) = exchange.orders(keys.api_key, PERP)
    assert order.status is OrderStatus.FILLED
    assert "cancel" not in events(exchange)


def test_an_unknown_account_is_refused_at_once(exchange: SimExchange) -> None:
    with exchange.acting_after(timedelta(seconds=5)), pytest.raises(SimReject):
        exchange.place("nobody", sell("0.1"))


def test_client_ids_are_free_again_or_never(exchange: SimExchange, keys: AccountKeys) -> None:
    exchange.place(keys.api_key, sell("0.1"))
    exchange.place(keys.api_key, sell("0.1"))
    exchange.keep_client_ids(for_ever=True)
    with pytest.raises(SimReject) as refused:
        exchange.place(keys.api_key, sell("0.1"))
    assert refused.value.code is RejectCode.DUPLICATE_CLIENT_ID
    exchange.keep_client_ids(for_ever=False)
    exchange.place(keys.api_key, sell("0.1"))


@pytest.mark.parametrize("kind", [None, PERP, SPOT])
def test_a_delisted_symbol_ends_and_nothing_is_lost(
    exchange: SimExchange, keys: AccountKeys, kind: MarketKind | None
) -> None:
    exchange.place(keys.api_key, sell("0.2"))
    exchange.place(keys.api_key, sell("0.1", "81000", "resting"))
    before = exchange.account(keys.api_key)
    margin = before.futures["USDT"].margin_balance
    exchange.delist(BTC, kind)
    after = exchange.account(keys.api_key)
    ended = kind is not SPOT
    assert exchange.trades_no_more(PERP, BTC) is ended
    assert exchange.trades_no_more(SPOT, BTC) is (kind is not PERP)
    assert (after.positions == ()) is ended
    # closed at the mark it was valued at: the balance is what the margin balance was
    assert after.futures["USDT"].margin_balance == margin
    if ended:
        assert after.futures["USDT"].wallet_balance == margin
        assert after.futures["USDT"].unrealized_pnl == ZERO
        with pytest.raises(SimReject) as refused:
            exchange.place(keys.api_key, sell("0.1"))
        assert refused.value.code is RejectCode.MARKET_CLOSED
    assert after.spot == before.spot
    assert exchange.transfer(keys.api_key, "USDT", dec(1), Wallet.SPOT, Wallet.FUTURES)
    exchange.advance(dec(86_400))


def test_only_what_is_listed_is_delisted(exchange: SimExchange) -> None:
    with pytest.raises(SimReject) as refused:
        exchange.delist("XRPUSDT")
    assert refused.value.code is RejectCode.UNKNOWN_SYMBOL
