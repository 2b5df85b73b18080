from __future__ import annotations

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import SimExchange, Wallet
from counterpoise.venue.testnet.http import Request
from tests.unit.venue.testnet.small import NOW_MS, Caller

PATH = "/sapi/v1/asset/transfer"
IN, OUT = "/sapi/v1/capital/deposit/hisrec", "/sapi/v1/capital/withdraw/history"


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


def test_deposits_and_withdrawals_are_listed_newest_first(
    caller: Caller, exchange: SimExchange
) -> None:
    for qty in ("1", "2", "3"):
        exchange.deposit(caller.api_key, Wallet.SPOT, "USDT", dec(qty))
        exchange.withdraw(caller.api_key, Wallet.SPOT, "BTC", dec(qty) / 100)
        exchange.advance(dec(60))
    came = caller.get(IN)
    assert [(row["amount"], row["coin"], row["status"]) for row in came] == [
        ("3", "USDT", 1),
        ("2", "USDT", 1),
        ("1", "USDT", 1),
    ]
    assert came[2]["insertTime"] == came[2]["completeTime"] == NOW_MS
    left = caller.get(OUT)
    assert [(row["amount"], row["coin"], row["status"]) for row in left] == [
        ("0.03", "BTC", 6),
        ("0.02", "BTC", 6),
        ("0.01", "BTC", 6),
    ]
    assert left[2]["applyTime"] == "2025-03-03 12:00:00"
    assert [row["amount"] for row in caller.get(IN, limit=1, offset=1)] == ["2"]
    assert [row["amount"] for row in caller.get(IN, endTime=NOW_MS)] == ["1"]
    assert [row["amount"] for row in caller.get(OUT, startTime=NOW_MS + 60_000)] == ["0.03", "0.02"]
    assert caller.get(IN, coin="BTC") == caller.get(OUT, status=2) == []


def test_a_wallet_history_of_more_than_90_days_is_refused(caller: Caller) -> None:
    late = NOW_MS + 91 * 86_400_000
    for path in (IN, OUT):
        assert caller.refused("GET", path, startTime=NOW_MS, endTime=late)[1] == -1127
