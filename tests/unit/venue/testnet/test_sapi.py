from __future__ import annotations

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import SimExchange
from counterpoise.venue.testnet.http import Request
from tests.unit.venue.testnet.small import NOW_MS, Caller

PATH = "/sapi/v1/asset/transfer"


def test_a_transfer_moves_money_between_the_wallets(caller: Caller) -> None:
    there = caller.post(PATH, type="MAIN_UMFUTURE", asset="USDT", amount="100.5")
    back = caller.post(PATH, type="UMFUTURE_MAIN", asset="USDT", amount="0.5")
    assert there["tranId"] != back["tranId"]
    (usdt,) = caller.get("/fapi/v3/balance")
    assert usdt["balance"] == "20100.00000000"
    spot = {row["asset"]: row["free"] for row in caller.get("/api/v3/account")["balances"]}
    assert spot["USDT"] == "49900.00000000"


def test_transfers_are_listed_newest_first_by_type(caller: Caller, exchange: SimExchange) -> None:
    for amount in ("1", "2", "3"):
        caller.post(PATH, type="MAIN_UMFUTURE", asset="USDT", amount=amount)
        exchange.advance(dec(60))
    listed = caller.get(PATH, type="MAIN_UMFUTURE", size=2)
    assert listed["total"] == 3
    assert [row["amount"] for row in listed["rows"]] == ["3", "2"]
    assert listed["rows"][0]["status"] == "CONFIRMED"
    second = caller.get(PATH, type="MAIN_UMFUTURE", size=2, current=2)
    assert [row["amount"] for row in second["rows"]] == ["1"]
    early = caller.get(PATH, type="MAIN_UMFUTURE", endTime=NOW_MS)
    assert [row["amount"] for row in early["rows"]] == ["1"]
    assert caller.get(PATH, type="UMFUTURE_MAIN") == {"total": 0, "rows": []}


def test_what_is_not_there_cannot_be_moved(caller: Caller) -> None:
    refusal = caller.refused("POST", PATH, type="MAIN_UMFUTURE", asset="USDT", amount="50001")
    assert refusal == (400, -5013, "Asset transfer failed: insufficient balance")
    assert caller.refused("POST", PATH, type="MAIN_CMFUTURE", asset="BTC", amount="1")[1] == -1130
    assert caller.refused("POST", PATH, type="MAIN_UMFUTURE", asset="USDT")[1] == -1102
    odd = caller.refused("POST", PATH, type="MAIN_UMFUTURE", asset="BTC", amount="1")
    assert odd == (400, -1130, "Invalid data sent for a parameter.")


def test_what_clients_ask_at_start_up(caller: Caller) -> None:
    coins = caller.get("/sapi/v1/capital/config/getall")
    assert [coin["coin"] for coin in coins] == ["BTC", "ETH", "USDT"]
    assert not any(coin["withdrawAllEnable"] for coin in coins)
    rights = caller.get("/sapi/v1/account/apiRestrictions")
    assert (rights["enableWithdrawals"], rights["permitsUniversalTransfer"]) == (False, True)
    fees = caller.get("/sapi/v1/asset/tradeFee", symbol="BTCUSDT")
    assert fees == [{"symbol": "BTCUSDT", "makerCommission": "0.001", "takerCommission": "0.001"}]


def test_margin_pairs_want_a_key_and_no_signature(caller: Caller) -> None:
    path = "/sapi/v1/margin/allPairs"
    known = Request(method="GET", path=path, headers={"x-mbx-apikey": caller.api_key})
    assert caller.handler.handle(known).body == "[]"
    assert caller.handler.handle(Request(method="GET", path=path)).status == 401
