"""Wallet endpoints under ``/sapi/v1``: what ccxt asks at start-up, moves of money, key rights.

A key reads, trades and transfers between its own wallets. Whatever rights it shows, it can never withdraw: money comes
and goes by the control door only, and its history is shown as on Binance. Margin lending does not exist here.
"""

from __future__ import annotations

from datetime import timedelta

from counterpoise.domain.numbers import ZERO, text
from counterpoise.venue.sim import (
    Balance,
    Flow,
    MarketKind,
    RejectCode,
    SimReject,
    Transfer,
    Wallet,
)
from counterpoise.venue.testnet.binance.call import Call, Routes, keyed, signed
from counterpoise.venue.testnet.binance.errors import About, ApiError, from_reject
from counterpoise.venue.testnet.binance.formatting import ms
from counterpoise.venue.testnet.binance.spot_account import coins
from counterpoise.venue.testnet.binance.weights import flat

#: When the keys of this exchange claim to have been made: 2020-01-01 UTC.
KEY_CREATED_MS = 1_577_836_800_000

#: The longest span of one question about deposits or withdrawals.
FLOW_SPAN = timedelta(days=90)
#: Binance's states of a deposit that arrived and of a withdrawal that left.
CREDITED, COMPLETED = 1, 6

TRANSFERS = {
    "MAIN_UMFUTURE": (Wallet.SPOT, Wallet.FUTURES),
    "UMFUTURE_MAIN": (Wallet.FUTURES, Wallet.SPOT),
}


def coin_config(call: Call) -> object:
    """GET capital/config/getall: one entry per asset, with one network that neither takes nor gives."""
    held = call.exchange.account(call.account).spot
    return [
        _coin(held.get(asset) or Balance(asset=asset, free=ZERO, locked=ZERO))
        for asset in sorted({*held, *coins(call)})
    ]


def _coin(balance: Balance) -> dict[str, object]:
    asset = balance.asset
    network = {
        "network": asset,
        "coin": asset,
        "withdrawIntegerMultiple": "0.00000001",
        "isDefault": True,
        "depositEnable": False,
        "withdrawEnable": False,
        "depositDesc": "Simulated exchange: nothing can be deposited",
        "withdrawDesc": "Simulated exchange: nothing can be withdrawn",
        "specialTips": "",
        "specialWithdrawTips": "",
        "name": asset,
        "resetAddressStatus": False,
        "addressRegex": "",
        "addressRule": "",
        "memoRegex": "",
        "withdrawFee": "0",
        "withdrawMin": "0",
        "withdrawMax": "0",
        "minConfirm": 1,
        "unLockConfirm": 0,
        "sameAddress": False,
        "estimatedArrivalTime": 0,
        "busy": False,
        "country": "",
    }
    return {
        "coin": asset,
        "depositAllEnable": False,
        "withdrawAllEnable": False,
        "name": asset,
        "free": text(balance.free),
        "locked": text(balance.locked),
        "freeze": "0",
        "withdrawing": "0",
        "ipoing": "0",
        "ipoable": "0",
        "storage": "0",
        "isLegalMoney": False,
        "trading": True,
        "networkList": [network],
    }


def no_margin_pairs(_call: Call) -> object:
    """GET margin/allPairs and margin/isolated/allPairs: margin lending is not offered."""
    return []


def transfer(call: Call) -> object:
    """POST asset/transfer between the spot and the USD-M wallet."""
    wallets = TRANSFERS.get(call.params.need("type"))
    if wallets is None:
        raise ApiError(-1130, "Data sent for parameter 'type' is not valid.")
    asset, qty = call.params.need("asset"), call.params.need_decimal("amount")
    try:
        transfer_id = call.exchange.transfer(
            call.account, asset, qty, *wallets, signed_at=call.signed_at
        )
    except SimReject as reject:
        if reject.code is RejectCode.INSUFFICIENT_BALANCE:
            raise ApiError(-5013, "Asset transfer failed: insufficient balance") from None
        raise from_reject(reject, About(kind=MarketKind.SPOT)) from None
    return {"tranId": transfer_id}


def transfers(call: Call) -> object:
    """GET asset/transfer: the transfers of one type, newest first, in pages."""
    name = call.params.need("type")
    wallets = TRANSFERS.get(name)
    start, end = call.span()
    found = [
        move
        for move in reversed(call.exchange.transfers(call.account))
        if (move.source, move.target) == wallets
        and (start is None or move.at >= start)
        and (end is None or move.at <= end)
    ]
    size = min(call.params.integer("size") or 10, 100)
    first = (max(call.params.integer("current") or 1, 1) - 1) * size
    return {
        "total": len(found),
        "rows": [_transfer(move, name) for move in found[first : first + size]],
    }


def _transfer(move: Transfer, name: str) -> dict[str, object]:
    return {
        "asset": move.asset,
        "amount": text(move.qty),
        "type": name,
        "status": "CONFIRMED",
        "tranId": move.transfer_id,
        "timestamp": ms(move.at),
    }


def deposits(call: Call) -> object:
    """GET capital/deposit/hisrec: what came in, newest first; credited at once, whichever wallet it went to."""
    return [
        {
            "id": str(flow.flow_id),
            "amount": text(flow.qty),
            "coin": flow.asset,
            "network": flow.asset,
            "status": CREDITED,
            "address": "",
            "addressTag": "",
            "txId": f"deposit-{flow.flow_id}",
            "insertTime": ms(flow.at),
            "completeTime": ms(flow.at),
            "transferType": 0,
            "confirmTimes": "1/1",
            "unlockConfirm": 0,
            "walletType": 0,
        }
        for flow in _flows(call, 1, CREDITED)
    ]


def withdrawals(call: Call) -> object:
    """GET capital/withdraw/history: what left, newest first, completed at once and without a fee."""
    return [
        {
            "id": str(flow.flow_id),
            "amount": text(-flow.qty),
            "transactionFee": "0",
            "coin": flow.asset,
            "status": COMPLETED,
            "address": "",
            "addressTag": "",
            "txId": f"withdrawal-{flow.flow_id}",
            "applyTime": f"{flow.at:%Y-%m-%d %H:%M:%S}",
            "completeTime": f"{flow.at:%Y-%m-%d %H:%M:%S}",
            "network": flow.asset,
            "transferType": 0,
            "walletType": 0,
        }
        for flow in _flows(call, -1, COMPLETED)
    ]


def _flows(call: Call, sign: int, done: int) -> list[Flow]:
    """Return one page of deposits (``sign`` 1) or withdrawals (-1): by default the last 90 days."""
    start, end = call.span()
    if start is not None and end is not None and end - start > FLOW_SPAN:
        raise ApiError(-1127, "More than 90 days between startTime and endTime.")
    least = start or (end or call.exchange.now) - FLOW_SPAN
    coin, status = call.params.opt("coin"), call.params.integer("status")
    found = [
        flow
        for flow in reversed(call.exchange.flows(call.account, least))
        if flow.qty * sign > 0
        and (end is None or flow.at <= end)
        and coin in {None, flow.asset}
        and status in {None, done}
    ]
    first = call.params.integer("offset") or 0
    return found[first : first + call.params.limit(1_000, 1_000)]


def key_rights(call: Call) -> object:
    """GET account/apiRestrictions: reads, trades and transfers; the rest as the account was given it."""
    rights = call.exchange.rights(call.account)
    expiry = rights.expires_at
    return {
        **({} if expiry is None else {"tradingAuthorityExpirationTime": ms(expiry)}),
        "ipRestrict": rights.ip_restrict,
        "createTime": KEY_CREATED_MS,
        "enableReading": True,
        "enableWithdrawals": rights.withdraw,
        "enableInternalTransfer": False,
        "enableMargin": False,
        "enableFutures": True,
        "permitsUniversalTransfer": True,
        "enableVanillaOptions": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
        "enableSpotAndMarginTrading": True,
        "enablePortfolioMarginTrading": False,
    }


def trade_fees(call: Call) -> object:
    """GET asset/tradeFee: of one symbol or all, as a list either way."""
    rule = call.opt_rule()
    fees = call.exchange.fees
    return [
        {
            "symbol": one.symbol,
            "makerCommission": text(fees.spot_maker),
            "takerCommission": text(fees.spot_taker),
        }
        for one in ([rule] if rule else call.rules())
    ]


ROUTES: Routes = {
    ("GET", "/sapi/v1/capital/config/getall"): signed(coin_config, flat(10)),
    ("GET", "/sapi/v1/margin/allPairs"): keyed(no_margin_pairs, flat(1)),
    ("GET", "/sapi/v1/margin/isolated/allPairs"): keyed(no_margin_pairs, flat(10)),
    ("GET", "/sapi/v1/capital/deposit/hisrec"): signed(deposits, flat(1)),
    # 18,000 of the 180,000 an account may use in a minute, as a share of what an address may
    ("GET", "/sapi/v1/capital/withdraw/history"): signed(withdrawals, flat(1_200)),
    ("POST", "/sapi/v1/asset/transfer"): signed(transfer, flat(1)),
    ("GET", "/sapi/v1/asset/transfer"): signed(transfers, flat(1)),
    ("GET", "/sapi/v1/account/apiRestrictions"): signed(key_rights, flat(1)),
    ("GET", "/sapi/v1/asset/tradeFee"): signed(trade_fees, flat(1)),
}
