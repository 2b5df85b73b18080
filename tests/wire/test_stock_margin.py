"""Stock ccxt sees margin as on Binance: tiers, modes, isolated wallets, liquidations, countdowns, rights, transfers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import ccxt
import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import KeyRights, MarketKind, SimExchange
from counterpoise.venue.sim.brackets import default_tiers
from counterpoise.venue.testnet.launch import face_of
from tests.unit.venue.testnet import small
from tests.unit.venue.testnet.small import NOW, NOW_MS
from tests.wire.stock import in_process

BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"


@dataclass(slots=True)
class Desk:
    """A client, the exchange it trades on, and its key there."""

    exchange: SimExchange
    client: Any
    key: str


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    rules = tuple(
        replace(rule, tiers=default_tiers(rule.base)) if rule.kind is MarketKind.PERP else rule
        for rule in small.RULES
    )
    exchange = small.exchange(rules=rules)
    keys = exchange.open_account(small.BALANCE)
    async with in_process(exchange, face_of(exchange), keys) as client:
        await client.load_markets()
        yield Desk(exchange, client, keys.api_key)


async def test_tiers(desk: Desk) -> None:
    tiers = await desk.client.fetch_leverage_tiers([BTC, ETH])
    assert set(tiers) == {BTC, ETH}
    first, second = tiers[BTC][:2]
    assert (first["minNotional"], first["maxNotional"]) == (0, 300_000)
    assert (first["maintenanceMarginRate"], first["maxLeverage"]) == (0.004, 125)
    assert (second["maintenanceMarginRate"], second["maxLeverage"]) == (0.005, 100)
    assert second["info"]["cum"] == 300


async def test_leverages_and_margin_modes(desk: Desk) -> None:
    await desk.client.set_leverage(5, BTC)
    await desk.client.set_margin_mode("isolated", ETH)
    leverages = await desk.client.fetch_leverages()
    assert (leverages[BTC]["longLeverage"], leverages[BTC]["marginMode"]) == (5, "cross")
    assert (leverages[ETH]["longLeverage"], leverages[ETH]["marginMode"]) == (20, "isolated")
    modes = await desk.client.fetch_margin_modes([BTC, ETH])
    assert {s: mode["marginMode"] for s, mode in modes.items()} == {BTC: "cross", ETH: "isolated"}


async def test_a_cross_position(desk: Desk) -> None:
    await desk.client.create_order(BTC, "market", "buy", 2)
    (position,) = await desk.client.fetch_positions()
    assert (position["side"], position["contracts"], position["marginMode"]) == ("long", 2, "cross")
    # 19,919.9899 + 2 (p - 80,010.1) = 2 p x 0.004, and worth less than 300,000
    assert position["liquidationPrice"] == pytest.approx(70_331.43, abs=0.01)
    assert position["maintenanceMargin"] == 640.04
    (same,) = await desk.client.fetch_account_positions([BTC])
    assert (same["marginMode"], same["contracts"]) == ("cross", 2)


async def test_an_isolated_position(desk: Desk) -> None:
    client = desk.client
    await client.set_margin_mode("isolated", BTC)
    await client.create_order(BTC, "market", "sell", 0.5)
    (position,) = await client.fetch_positions()
    assert (position["marginMode"], position["collateral"]) == ("isolated", 2_002.6975)
    # 2,000.2475 + (80,009.9 - p) / 2 = p x 0.004 / 2
    assert position["liquidationPrice"] == pytest.approx(83_675.69, abs=0.01)
    added = await client.add_margin(BTC, 100)
    assert (added["type"], added["amount"], added["status"]) == ("add", 100, "ok")
    await client.reduce_margin(BTC, 50)
    (position,) = await client.fetch_positions()
    assert position["collateral"] == 2_052.6975
    history = await client.fetch_margin_adjustment_history(BTC)
    assert [(row["type"], row["amount"]) for row in history] == [
        ("add", 2_000.2475),
        ("add", 100),
        ("reduce", 50),
    ]
    (same,) = await client.fetch_account_positions([BTC])
    assert same["marginMode"] == "isolated"
    swap = await client.fetch_balance({"type": "swap"})
    assert swap["USDT"]["free"] < 20_000 - 2_050


async def test_margin_modes_that_cannot_change(desk: Desk) -> None:
    client = desk.client
    order = await client.create_order(BTC, "limit", "buy", 0.01, 79_000)
    with pytest.raises(ccxt.OperationRejected, match="open orders"):
        await client.set_margin_mode("isolated", BTC)
    await client.cancel_order(order["id"], BTC)
    await client.create_order(BTC, "market", "buy", 0.01)
    with pytest.raises(ccxt.OperationRejected, match="exists position"):
        await client.set_margin_mode("isolated", BTC)
    with pytest.raises(ccxt.MarginModeAlreadySet):
        await client.set_margin_mode("cross", BTC)


async def test_more_than_the_leverage_allows(desk: Desk) -> None:
    await desk.client.set_leverage(125, BTC)
    with pytest.raises(ccxt.OperationRejected, match="maximum allowable position"):
        await desk.client.create_order(BTC, "market", "buy", 3.8)


async def test_a_liquidation_is_seen(desk: Desk) -> None:
    client = desk.client
    await client.create_order(BTC, "market", "buy", 2)
    resting = await client.create_order(ETH, "limit", "buy", 1, 1_900)
    desk.exchange.set_price("BTCUSDT", dec(70_300))
    assert await client.fetch_positions() == []
    assert (await client.fetch_order(resting["id"], ETH))["status"] == "canceled"
    trade = (await client.fetch_my_trades(BTC))[-1]
    assert (trade["side"], trade["amount"], trade["price"]) == ("sell", 2, 70_300)
    order = await client.fetch_order(trade["order"], BTC)
    assert (order["clientOrderId"], order["status"]) == ("autoclose-1", "closed")
    (liquidation,) = await client.fetch_my_liquidations(BTC)
    assert liquidation["contracts"] == 2
    rows = await client.fapiPrivateGetIncome({"incomeType": "INSURANCE_CLEAR"})
    assert float(rows[0]["income"]) == pytest.approx(-(19_919.9899 - 2 * (80_010.1 - 70_300)))
    swap = await client.fetch_balance({"type": "swap"})
    assert swap["USDT"]["total"] == 0


async def test_a_deleveraging_is_seen(desk: Desk) -> None:
    await desk.client.create_order(BTC, "market", "sell", 0.5)
    desk.exchange.deleverage(desk.key, "BTCUSDT", dec("0.2"))
    trade = (await desk.client.fetch_my_trades(BTC))[-1]
    assert (trade["side"], trade["amount"], trade["price"]) == ("buy", 0.2, 80_005)
    assert trade["fee"]["cost"] == 0
    order = await desk.client.fetch_order(trade["order"], BTC)
    assert order["clientOrderId"] == "adl_autoclose"


async def test_the_dead_mans_countdown(desk: Desk) -> None:
    """Ccxt has no word of its own for it on Binance; the path is Binance's."""
    client = desk.client
    await client.create_order(BTC, "limit", "buy", 0.01, 79_000)
    told = await client.fapiPrivatePostCountdownCancelAll(
        {"symbol": "BTCUSDT", "countdownTime": 60_000}
    )
    assert told == {"symbol": "BTCUSDT", "countdownTime": "60000"}
    desk.exchange.advance(dec(59))
    assert len(await client.fetch_open_orders(BTC)) == 1
    desk.exchange.advance(dec(1))
    assert await client.fetch_open_orders(BTC) == []


async def test_a_change_of_the_position_mode(desk: Desk) -> None:
    client = desk.client
    await client.set_position_mode(True, BTC)
    assert (await client.fetch_position_mode(BTC))["hedged"] is True
    with pytest.raises(ccxt.BaseError, match="position side"):
        await client.create_order(BTC, "market", "buy", 0.01)
    config = await client.fapiPrivateGetAccountConfig()
    assert config["dualSidePosition"] is True


async def test_the_keys_rights(desk: Desk) -> None:
    desk.exchange.set_rights(desk.key, KeyRights(withdraw=True, expires_at=NOW))
    rights = await desk.client.sapiGetAccountApiRestrictions()
    assert (rights["enableWithdrawals"], rights["ipRestrict"]) == (True, False)
    assert rights["tradingAuthorityExpirationTime"] == NOW_MS


async def test_transfers_are_remembered(desk: Desk) -> None:
    client = desk.client
    sent = await client.transfer("USDT", 100, "spot", "linear")
    await client.transfer("USDT", 40, "linear", "spot")
    (there,) = await client.fetch_transfers(
        "USDT", params={"fromAccount": "spot", "toAccount": "linear"}
    )
    assert (there["id"], there["amount"]) == (sent["id"], 100)
    (back,) = await client.fetch_transfers(
        "USDT", params={"fromAccount": "linear", "toAccount": "spot"}
    )
    assert back["amount"] == 40
