"""USD-M margin as Binance answers it: tables, margin types, isolated margin, modes, forced orders, countdowns."""

from __future__ import annotations

from dataclasses import replace

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import KeyRights, SimExchange
from counterpoise.venue.sim.brackets import default_tiers
from counterpoise.venue.testnet.binance import BinanceDialect
from tests.unit.venue.testnet import small
from tests.unit.venue.testnet.small import NOW, NOW_MS, Caller

ORDER = "/fapi/v1/order"
DUAL = "/fapi/v1/positionSide/dual"
MARGIN = "/fapi/v1/positionMargin"
TYPE = "/fapi/v1/marginType"
BTC = {"symbol": "BTCUSDT"}
SHORT = {**BTC, "side": "SELL", "type": "MARKET", "quantity": "0.500"}
RESTING = {
    **BTC,
    "side": "SELL",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.010",
    "price": "81000",
}


def tiered() -> Caller:
    """A caller on the small exchange with BTC's margin table."""
    rules = tuple(
        replace(rule, tiers=default_tiers("BTC"))
        if (rule.symbol, rule.kind.value) == ("BTCUSDT", "perp")
        else rule
        for rule in small.RULES
    )
    exchange = small.exchange(rules=rules)
    keys = exchange.open_account(small.BALANCE)
    return Caller(BinanceDialect(exchange), exchange, keys.api_key, keys.secret)


def test_a_contract_without_a_table_has_one_bracket(caller: Caller) -> None:
    every = caller.get("/fapi/v1/leverageBracket")
    assert [one["symbol"] for one in every] == ["BTCUSDT", "ETHUSDT"]
    (bracket,) = caller.get("/fapi/v1/leverageBracket", symbol="BTCUSDT")["brackets"]
    assert (bracket["maintMarginRatio"], bracket["notionalCap"]) == (0.004, 1_000_000_000)


def test_brackets_are_the_margin_table() -> None:
    caller = tiered()
    brackets = caller.get("/fapi/v1/leverageBracket", symbol="BTCUSDT")["brackets"]
    assert brackets[1] == {
        "bracket": 2,
        "initialLeverage": 100,
        "notionalCap": 800_000,
        "notionalFloor": 300_000,
        "maintMarginRatio": 0.005,
        "cum": 300.0,
    }
    assert len(brackets) == 12


def test_leverage_bounds_the_position() -> None:
    caller = tiered()
    done = caller.post("/fapi/v1/leverage", **BTC, leverage="125")
    assert done["maxNotionalValue"] == "300000"
    refusal = caller.refused("POST", ORDER, **{**SHORT, "quantity": "3.8"})
    assert refusal == (
        400,
        -2027,
        "Exceeded the maximum allowable position at current leverage.",
    )
    (config,) = caller.get("/fapi/v1/symbolConfig", **BTC)
    assert (config["leverage"], config["maxNotionalValue"]) == (125, "300000")


def test_fees(caller: Caller) -> None:
    assert caller.get("/fapi/v1/commissionRate", symbol="BTCUSDT") == {
        "symbol": "BTCUSDT",
        "makerCommissionRate": "0.0002",
        "takerCommissionRate": "0.0005",
    }
    (btc, *_) = caller.public("/fapi/v1/exchangeInfo")["symbols"]
    assert btc["liquidationFee"] == "0.012500"


def test_the_margin_type_changes_while_nothing_is_open(caller: Caller) -> None:
    assert caller.refused("POST", TYPE, **BTC, marginType="CROSSED")[1:] == (
        -4046,
        "No need to change margin type.",
    )
    assert caller.post(TYPE, **BTC, marginType="ISOLATED") == {"code": 200, "msg": "success"}
    (config,) = caller.get("/fapi/v1/symbolConfig", **BTC)
    assert config["marginType"] == "ISOLATED"
    risks = {r["symbol"]: r["marginType"] for r in caller.get("/fapi/v2/positionRisk")}
    assert risks == {"BTCUSDT": "isolated", "ETHUSDT": "cross"}
    caller.post(ORDER, **RESTING)
    assert caller.refused("POST", TYPE, **BTC, marginType="CROSSED")[1:] == (
        -4047,
        "Margin type cannot be changed if there exists open orders.",
    )
    caller.delete("/fapi/v1/allOpenOrders", **BTC)
    caller.post(ORDER, **SHORT)
    assert caller.refused("POST", TYPE, **BTC, marginType="CROSSED")[1:] == (
        -4048,
        "Margin type cannot be changed if there exists position.",
    )
    assert caller.refused("POST", TYPE, **BTC, marginType="ODD")[1] == -1130


@pytest.fixture
def isolated(caller: Caller) -> Caller:
    caller.post(TYPE, **BTC, marginType="ISOLATED")
    caller.post(ORDER, **SHORT)
    return caller


def test_an_isolated_position_and_the_wallets(isolated: Caller) -> None:
    (risk,) = isolated.get("/fapi/v3/positionRisk")
    # 0.5 x 80,009.9 / 20, and 2.45 of profit at mark
    assert (risk["isolatedWallet"], risk["isolatedMargin"]) == ("2000.24750000", "2002.69750000")
    account = isolated.get("/fapi/v3/account")
    (usdt,) = account["assets"]
    assert dec(usdt["walletBalance"]) - dec(usdt["crossWalletBalance"]) == dec("2000.2475")
    assert usdt["availableBalance"] == usdt["crossWalletBalance"]
    assert (usdt["crossUnPnl"], usdt["unrealizedProfit"]) == ("0.00000000", "2.45000000")
    assert account["positions"][0]["isolatedWallet"] == "2000.24750000"
    (second,) = [p for p in isolated.get("/fapi/v2/account")["positions"] if p["isolated"]]
    assert second["symbol"] == "BTCUSDT"


def test_isolated_margin_by_hand(isolated: Caller) -> None:
    assert isolated.post(MARGIN, **BTC, amount="100.5", type="1") == {
        "code": 200,
        "msg": "Successfully modify position margin.",
        "amount": 100.5,
        "type": 1,
    }
    isolated.post(MARGIN, **BTC, amount="50", type="2")
    (risk,) = isolated.get("/fapi/v3/positionRisk")
    assert risk["isolatedWallet"] == "2050.74750000"
    rows = isolated.get(f"{MARGIN}/history", **BTC)
    assert [(r["type"], r["deltaType"], r["amount"]) for r in rows] == [
        (1, "TRADE", "2000.24750000"),
        (1, "USER_ADJUST", "100.50000000"),
        (2, "USER_ADJUST", "50.00000000"),
    ]
    assert rows[0]["time"] == NOW_MS
    assert len(isolated.get(f"{MARGIN}/history", **BTC, type="2")) == 1
    assert isolated.get(f"{MARGIN}/history", **BTC, startTime=NOW_MS + 1) == []


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"amount": "100000", "type": "1"}, -4050),
        ({"amount": "1000", "type": "2"}, -4051),
        ({"amount": "0", "type": "1"}, -4055),
        ({"amount": "1", "type": "3"}, -1130),
        ({"amount": "1", "type": "1", "symbol": "ETHUSDT"}, -4049),
    ],
)
def test_margin_that_cannot_be_moved(isolated: Caller, sent: dict[str, str], code: int) -> None:
    assert isolated.refused("POST", MARGIN, **{**BTC, **sent})[1] == code


def test_margin_without_a_position(caller: Caller) -> None:
    caller.post(TYPE, **BTC, marginType="ISOLATED")
    refusal = caller.refused("POST", MARGIN, **BTC, amount="1", type="1")
    assert refusal == (400, -4054, "Cannot add position margin: position is 0.")


def test_leverage_of_an_isolated_position_is_not_reduced(isolated: Caller) -> None:
    assert isolated.refused("POST", "/fapi/v1/leverage", **BTC, leverage="10")[1] == -4161


def test_the_position_mode_can_be_changed_and_then_takes_no_order(caller: Caller) -> None:
    assert caller.get(DUAL) == {"dualSidePosition": False}
    assert caller.refused("POST", DUAL, dualSidePosition="false")[1:] == (
        -4059,
        "No need to change position side.",
    )
    caller.post(ORDER, **RESTING)
    assert caller.refused("POST", DUAL, dualSidePosition="true")[1] == -4067
    caller.delete("/fapi/v1/allOpenOrders", **BTC)
    assert caller.post(DUAL, dualSidePosition="true") == {"code": 200, "msg": "success"}
    assert caller.get(DUAL) == {"dualSidePosition": True}
    assert caller.get("/fapi/v1/accountConfig")["dualSidePosition"] is True
    assert caller.refused("POST", ORDER, **RESTING)[1] == -4061
    caller.post(DUAL, dualSidePosition="false")
    caller.post(ORDER, **SHORT)
    assert caller.refused("POST", DUAL, dualSidePosition="true")[1] == -4068
    assert caller.get("/fapi/v1/multiAssetsMargin") == {"multiAssetsMargin": False}


def test_a_liquidation_leaves_what_binance_shows(caller: Caller, exchange: SimExchange) -> None:
    caller.post(ORDER, **SHORT)
    exchange.set_price("BTCUSDT", dec(119_480))
    assert caller.get("/fapi/v3/positionRisk") != []
    exchange.set_price("BTCUSDT", dec(119_500))
    assert caller.get("/fapi/v3/positionRisk") == []
    (order,) = caller.get("/fapi/v1/forceOrders", autoCloseType="LIQUIDATION")
    assert (order["clientOrderId"], order["status"]) == ("autoclose-1", "FILLED")
    assert caller.get("/fapi/v1/forceOrders", autoCloseType="ADL") == []
    assert caller.get("/fapi/v1/forceOrders", symbol="ETHUSDT") == []
    assert caller.refused("GET", "/fapi/v1/forceOrders", autoCloseType="LUCK")[1] == -1130
    trade = caller.get("/fapi/v1/userTrades", **BTC)[-1]
    assert (trade["orderId"], trade["price"], trade["commission"]) == (
        order["orderId"],
        "119500.00",
        "0.00000000",
    )
    (fee,) = caller.get("/fapi/v1/income", incomeType="INSURANCE_CLEAR")
    (wallet,) = caller.get("/fapi/v3/account")["assets"]
    left = dec(20_000) - dec("20.002475") - (dec(119_500) - dec("80009.9")) / 2
    assert -dec(fee["income"]) == left  # 1.25 % of the position would be more
    assert wallet["walletBalance"] == "0.00000000"


def test_a_countdown_cancels_in_market_time(caller: Caller, exchange: SimExchange) -> None:
    door = "/fapi/v1/countdownCancelAll"
    caller.post(ORDER, **RESTING)
    answer = caller.post(door, **BTC, countdownTime="2000")
    assert answer == {"symbol": "BTCUSDT", "countdownTime": "2000"}
    caller.post(door, **BTC, countdownTime="0")
    exchange.advance(dec(3))
    assert len(caller.get("/fapi/v1/openOrders")) == 1
    caller.post(door, **BTC, countdownTime="2000")
    exchange.advance(dec(2))
    assert caller.get("/fapi/v1/openOrders") == []
    assert caller.refused("POST", door, **BTC, countdownTime="86400001")[1] == -1130
    assert caller.refused("POST", door, **BTC)[1] == -1102


def test_the_keys_rights_are_those_it_was_given(caller: Caller, exchange: SimExchange) -> None:
    rights = caller.get("/sapi/v1/account/apiRestrictions")
    assert (rights["enableWithdrawals"], rights["ipRestrict"]) == (False, False)
    assert "tradingAuthorityExpirationTime" not in rights
    exchange.set_rights(caller.api_key, KeyRights(withdraw=True, ip_restrict=True, expires_at=NOW))
    rights = caller.get("/sapi/v1/account/apiRestrictions")
    assert (rights["enableWithdrawals"], rights["ipRestrict"]) == (True, True)
    assert rights["tradingAuthorityExpirationTime"] == NOW_MS
