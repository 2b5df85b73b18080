"""USD-M wallets: totals, collateral per asset, and the positions beside them."""

from __future__ import annotations

from decimal import Decimal

from counterpoise.domain.numbers import ZERO
from counterpoise.venue.sim import AccountView, FuturesWallet, Side
from counterpoise.venue.testnet.binance.call import Call, Routes, signed
from counterpoise.venue.testnet.binance.formatting import fixed, ms, qty_text, rounded
from counterpoise.venue.testnet.binance.futures_positions import (
    Holding,
    entry_text,
    holdings,
    most_notional,
)
from counterpoise.venue.testnet.binance.weights import flat

#: Binance's totals count this asset alone where assets do not share their margin.
MARGIN_ASSET = "USDT"


def account_v3(call: Call) -> object:
    """GET /fapi/v3/account: totals, wallets, and positions of symbols in use."""
    view = call.exchange.account(call.account)
    held = holdings(call, view, everything=False)
    wallets = _wallets(call, view)
    return {
        **_totals(wallets, held),
        "assets": [_asset(call, wallet, held) for wallet in wallets],
        "positions": [_account_position(one) for one in held],
    }


def account_v2(call: Call) -> object:
    """GET /fapi/v2/account: as v3, with the account's rights and every symbol."""
    view = call.exchange.account(call.account)
    held = holdings(call, view, everything=True)
    wallets = _wallets(call, view)
    return {
        "feeTier": 0,
        "feeBurn": False,
        "canTrade": True,
        "canDeposit": False,
        "canWithdraw": False,
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
        **_totals(wallets, held),
        "assets": [{**_asset(call, wallet, held), "marginAvailable": True} for wallet in wallets],
        "positions": [_account_position_v2(one) for one in held],
    }


def _wallets(call: Call, view: AccountView) -> list[FuturesWallet]:
    assets = sorted({*view.futures, *(rule.quote for rule in call.rules())})
    return [view.futures.get(asset) or _empty(asset) for asset in assets]


def _empty(asset: str) -> FuturesWallet:
    return FuturesWallet(
        asset=asset,
        wallet_balance=ZERO,
        unrealized_pnl=ZERO,
        margin_balance=ZERO,
        position_initial_margin=ZERO,
        open_order_initial_margin=ZERO,
        available=ZERO,
        cross_balance=ZERO,
        cross_unrealized_pnl=ZERO,
        maintenance_margin=ZERO,
        margin_ratio=None,
    )


def _withdrawable(wallet: FuturesWallet) -> Decimal:
    """What may leave the wallet: unrealised profit may back a position, but cannot be taken out."""
    return min(wallet.available, max(ZERO, wallet.cross_balance))


def _maintenance(asset: str, held: list[Holding]) -> Decimal:
    return sum((one.maintenance for one in held if one.rule.quote == asset), ZERO)


def _totals(wallets: list[FuturesWallet], held: list[Holding]) -> dict[str, object]:
    """Return the account's sums, which Binance gives for USDT alone where assets are not shared."""
    wallet = next((w for w in wallets if w.asset == MARGIN_ASSET), _empty(MARGIN_ASSET))
    initial = wallet.position_initial_margin + wallet.open_order_initial_margin
    return {
        "totalInitialMargin": rounded(initial, 8),
        "totalMaintMargin": rounded(_maintenance(MARGIN_ASSET, held), 8),
        "totalWalletBalance": fixed(wallet.wallet_balance),
        "totalUnrealizedProfit": rounded(wallet.unrealized_pnl, 8),
        "totalMarginBalance": rounded(wallet.margin_balance, 8),
        "totalPositionInitialMargin": rounded(wallet.position_initial_margin, 8),
        "totalOpenOrderInitialMargin": rounded(wallet.open_order_initial_margin, 8),
        "totalCrossWalletBalance": fixed(wallet.cross_balance),
        "totalCrossUnPnl": rounded(wallet.cross_unrealized_pnl, 8),
        "availableBalance": rounded(wallet.available, 8),
        "maxWithdrawAmount": rounded(_withdrawable(wallet), 8),
    }


def _asset(call: Call, wallet: FuturesWallet, held: list[Holding]) -> dict[str, object]:
    initial = wallet.position_initial_margin + wallet.open_order_initial_margin
    return {
        "asset": wallet.asset,
        "walletBalance": fixed(wallet.wallet_balance),
        "unrealizedProfit": rounded(wallet.unrealized_pnl, 8),
        "marginBalance": rounded(wallet.margin_balance, 8),
        "maintMargin": rounded(_maintenance(wallet.asset, held), 8),
        "initialMargin": rounded(initial, 8),
        "positionInitialMargin": rounded(wallet.position_initial_margin, 8),
        "openOrderInitialMargin": rounded(wallet.open_order_initial_margin, 8),
        "crossWalletBalance": fixed(wallet.cross_balance),
        "crossUnPnl": rounded(wallet.cross_unrealized_pnl, 8),
        "availableBalance": rounded(wallet.available, 8),
        "maxWithdrawAmount": rounded(_withdrawable(wallet), 8),
        "updateTime": call.now_ms,
    }


def _account_position(one: Holding) -> dict[str, object]:
    position = one.position
    return {
        "symbol": position.symbol,
        "positionSide": "BOTH",
        "positionAmt": qty_text(one.rule, position.qty),
        "unrealizedProfit": rounded(position.unrealized_pnl, 8),
        "isolatedMargin": one.isolated_margin,
        "notional": rounded(one.notional, 8),
        "isolatedWallet": one.isolated_wallet,
        "initialMargin": rounded(position.initial_margin + one.order_margin, 8),
        "maintMargin": rounded(one.maintenance, 8) if position.qty else "0",
        "updateTime": 0 if position.updated_at is None else ms(position.updated_at),
    }


def _account_position_v2(one: Holding) -> dict[str, object]:
    position = one.position
    entry = entry_text(position)
    return {
        **_account_position(one),
        "leverage": str(position.leverage),
        "entryPrice": entry,
        "positionInitialMargin": rounded(position.initial_margin, 8),
        "openOrderInitialMargin": rounded(one.order_margin, 8),
        "isolated": one.isolated,
        "breakEvenPrice": entry,
        "maxNotional": most_notional(one.rule, position.leverage),
        "bidNotional": rounded(one.resting(Side.BUY), 8),
        "askNotional": rounded(one.resting(Side.SELL), 8),
    }


def balance(call: Call) -> object:
    """GET /fapi/v2/balance and /fapi/v3/balance: one row per wallet."""
    view = call.exchange.account(call.account)
    return [
        {
            "accountAlias": "simulated",
            "asset": wallet.asset,
            "balance": fixed(wallet.wallet_balance),
            "crossWalletBalance": fixed(wallet.cross_balance),
            "crossUnPnl": rounded(wallet.cross_unrealized_pnl, 8),
            "availableBalance": rounded(wallet.available, 8),
            "maxWithdrawAmount": rounded(_withdrawable(wallet), 8),
            "marginAvailable": True,
            "updateTime": call.now_ms,
        }
        for wallet in _wallets(call, view)
    ]


ROUTES: Routes = {
    ("GET", "/fapi/v2/account"): signed(account_v2, flat(5)),
    ("GET", "/fapi/v3/account"): signed(account_v3, flat(5)),
    ("GET", "/fapi/v2/balance"): signed(balance, flat(5)),
    ("GET", "/fapi/v3/balance"): signed(balance, flat(5)),
}
