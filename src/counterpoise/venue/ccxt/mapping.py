"""Binance's raw replies -> domain values. Pure.

Figures come as text and become Decimals; a figure that is not there is None, and a reply that lacks what it
must have raises KeyError, TypeError or ValueError, which :func:`understood` turns into VenueError at the
call. Nothing is ever taken as zero. Position quantities are the signed ``positionAmt``, because ccxt's
``contracts`` has lost the sign.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from counterpoise.domain.errors import VenueError
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import Fill, OrderState, Side, VenueOrder
from counterpoise.domain.snapshot import Balance, FuturesWallet, MarginMode, Position, Quote
from counterpoise.venue.ccxt.endpoints import Scope
from counterpoise.venue.ccxt.instants import from_ms
from counterpoise.venue.ccxt.instruments import Catalogue

#: Binance order status -> state (spot and USD-M "status" enums). Anything else is UNKNOWN.
STATES: Mapping[str, OrderState] = {
    "NEW": OrderState.OPEN,
    "PENDING_NEW": OrderState.OPEN,
    "PARTIALLY_FILLED": OrderState.PARTIALLY_FILLED,
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELED,
    "PENDING_CANCEL": OrderState.PENDING_CANCEL,
    "REJECTED": OrderState.REJECTED,
    "EXPIRED": OrderState.EXPIRED,
    "EXPIRED_IN_MATCH": OrderState.EXPIRED,
}

#: Binance writes the same thing in two ways, by endpoint.
MARGIN_MODES: Mapping[str, MarginMode] = {
    "CROSSED": MarginMode.CROSS,
    "CROSS": MarginMode.CROSS,
    "ISOLATED": MarginMode.ISOLATED,
}

#: What a reply raises that lacks, or garbles, what it must have.
NOT_UNDERSTOOD = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError)


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Turn a reply that lacks what it must have into VenueError naming ``what``."""
    try:
        yield
    except NOT_UNDERSTOOD as error:
        kind = type(error).__name__
        raise VenueError(f"{what}: the reply was not understood: {kind} {error}") from None


def spot_balances(reply: Any) -> dict[str, Balance]:
    """Map /api/v3/account; only coins that are held are in it."""
    held = (
        Balance(asset=row["asset"], free=dec(row["free"]), locked=dec(row["locked"]))
        for row in reply["balances"]
    )
    return {balance.asset: balance for balance in held if balance.total != ZERO}


def futures_wallets(reply: Any) -> dict[str, FuturesWallet]:
    """Map the assets of /fapi/v3/account, also empty ones: an empty wallet was answered."""
    return {
        row["asset"]: FuturesWallet(
            asset=row["asset"],
            wallet_balance=dec(row["walletBalance"]),
            unrealized_pnl=dec(row["unrealizedProfit"]),
            available=dec(row["availableBalance"]),
            maintenance_margin=figure(row.get("maintMargin")),
        )
        for row in reply["assets"]
    }


def positions(
    reply: Any,
    catalogue: Catalogue,
    leverage: Mapping[str, Decimal],
    modes: Mapping[str, MarginMode],
) -> dict[str, Position]:
    """Map /fapi/v3/positionRisk; raises ValueError for a long and a short of one contract: they are no one number."""
    found: dict[str, Position] = {}
    for row in rows(reply):
        qty = dec(row["positionAmt"])
        if qty == ZERO:
            continue
        symbol = catalogue.symbol(Scope.FUTURES, row["symbol"])
        if symbol in found:
            raise ValueError(f"expected one position of {symbol}, was a long and a short")
        mode = _margin_mode(row, modes.get(symbol))
        isolated = mode is MarginMode.ISOLATED
        found[symbol] = Position(
            symbol=symbol,
            qty=qty,
            entry_price=price(row.get("entryPrice")),
            mark_price=price(row.get("markPrice")),
            unrealized_pnl=figure(row.get("unRealizedProfit")),
            leverage=leverage.get(symbol),
            margin_mode=mode,
            isolated_wallet=figure(row.get("isolatedWallet")) if isolated else None,
            # 0: nothing that could happen to the price would liquidate it
            liquidation_price=price(row.get("liquidationPrice")),
            maintenance_margin=figure(row.get("maintMargin")),
        )
    return found


def hedged(config: Any, held: Any) -> bool:
    """Whether longs and shorts are kept apart, by /fapi/v1/accountConfig or by a position that says so itself.

    Raises KeyError or TypeError where the mode is not told.
    """
    told = config["dualSidePosition"]
    if not isinstance(told, bool):
        raise TypeError(f"expected the position mode, was {told!r}")
    return told or any(row["positionSide"] != "BOTH" for row in held)


def _margin_mode(row: Mapping[str, Any], configured: MarginMode | None) -> MarginMode | None:
    """What the position itself tells, else its wallet, else the setting of its contract."""
    told = MARGIN_MODES.get(str(row.get("marginType")).upper())
    if told is None and (figure(row.get("isolatedWallet")) or ZERO) > ZERO:
        return MarginMode.ISOLATED
    return told or configured


def margin_modes(reply: Any, catalogue: Catalogue) -> dict[str, MarginMode]:
    """Map /fapi/v1/symbolConfig; a symbol without an entry, or with a word we do not know, stays unknown."""
    told = {
        catalogue.symbol(Scope.FUTURES, row["symbol"]): MARGIN_MODES.get(
            str(row.get("marginType")).upper()
        )
        for row in rows(reply)
    }
    return {symbol: mode for symbol, mode in told.items() if mode is not None}


def leverages(reply: Any, catalogue: Catalogue) -> dict[str, Decimal]:
    """Map /fapi/v1/symbolConfig; a symbol without an entry stays unknown."""
    return {
        catalogue.symbol(Scope.FUTURES, row["symbol"]): dec(row["leverage"]) for row in rows(reply)
    }


def quote(
    symbol: str,
    book: Mapping[str, Any] | None,
    premium: Mapping[str, Any] | None,
    asked_at: datetime,
) -> Quote:
    """Join one bookTicker row and, for a contract, one premiumIndex row.

    ``as_of`` is the older of their times; what has no time (spot's bookTicker) counts from when it was asked.
    """
    book, premium = book or {}, premium or {}
    stamps = [instant(row.get("time")) for row in (book, premium)]
    known = [stamp for stamp in stamps if stamp is not None]
    return Quote(
        symbol=symbol,
        bid=price(book.get("bidPrice")),
        ask=price(book.get("askPrice")),
        last=None,
        mark=price(premium.get("markPrice")),
        as_of=min(known) if known else asked_at,
        # zero is a funding rate, unlike a price
        funding_rate=figure(premium.get("lastFundingRate")),
        next_funding_at=instant(premium.get("nextFundingTime")),
        index=price(premium.get("indexPrice")),
    )


def venue_order(
    symbol: str, row: Mapping[str, Any], client_order_id: str | None = None
) -> VenueOrder:
    """Map an order of either API; ``client_order_id`` overrides the row's (spot's cancel reply renames it)."""
    made_ms = row.get("time") or row.get("transactTime") or row.get("updateTime")
    filled_qty = dec(row["executedQty"])
    return VenueOrder(
        symbol=symbol,
        client_order_id=client_order_id or row["clientOrderId"] or None,
        venue_order_id=venue_order_id(row),
        side=Side(row["side"].lower()),
        qty=dec(row["origQty"]),
        filled_qty=filled_qty,
        price=price(row.get("price")),
        state=STATES.get(row["status"], OrderState.UNKNOWN),
        reduce_only=row.get("reduceOnly") is True,
        created_at=instant(made_ms),
        avg_fill_price=_average(row, filled_qty),
    )


def venue_order_id(row: Mapping[str, Any]) -> str:
    """Return the venue's id as text; ids are whole numbers above 0."""
    number = _whole(row["orderId"])
    if number <= 0:
        raise ValueError(f"expected an order id, was {number!r}")
    return str(number)


def _whole(value: Any) -> int:
    """Return a whole number, however it is written. Raises TypeError, ValueError."""
    if isinstance(value, bool | float):
        raise TypeError(f"expected a whole number, was {value!r}")
    return int(value)


def fill(venue: str, symbol: str, row: Mapping[str, Any]) -> Fill:
    """Map a row of userTrades or myTrades; the fee is as reported (negative for a maker's rebate)."""
    buyer = row["isBuyer"] if "isBuyer" in row else row["buyer"]
    maker = row["isMaker"] if "isMaker" in row else row.get("maker")
    filled_at = instant(row["time"])
    if not isinstance(buyer, bool) or filled_at is None:
        raise ValueError("expected side and time of a fill")
    side, told = (Side.BUY if buyer else Side.SELL), row.get("side")
    if told is not None and told.lower() != side:
        raise ValueError(f"expected a fill of one side, was {told} and {side}")
    qty, paid = dec(row["qty"]), dec(row["price"])
    if qty <= ZERO or paid < ZERO:
        raise ValueError(f"expected a quantity above 0 and a price, was {qty} at {paid}")
    return Fill(
        venue=venue,
        symbol=symbol,
        trade_id=str(_whole(row["id"])),
        venue_order_id=venue_order_id(row),
        side=side,
        qty=qty,
        price=paid,
        fee=dec(row["commission"]),
        fee_asset=row.get("commissionAsset") or None,
        maker=maker if isinstance(maker, bool) else None,
        filled_at=filled_at,
    )


def rows(reply: Any) -> list[Any]:
    """Return a reply that is a list. Raises TypeError: an empty object is no empty list, and no flat position."""
    if not isinstance(reply, list):
        raise TypeError(f"expected a list, was {type(reply).__name__}")
    return reply


def rows_by_id(reply: Any) -> dict[str, Mapping[str, Any]]:
    """Index a list (or the single object a question about one symbol gets) by the venue's symbol."""
    told: Iterable[Any] = reply if isinstance(reply, list) else [reply]
    return {row["symbol"]: row for row in told}


def price(value: Any) -> Decimal | None:
    """Return a price; Binance writes 0 (or nothing) where there is none."""
    number = figure(value)
    return number if number is not None and number > ZERO else None


def figure(value: Any) -> Decimal | None:
    """Return a figure that may be missing; zero is a figure."""
    return None if value is None or value == "" else dec(value)


def instant(value: Any) -> datetime | None:
    """Return a time in ms (a number or its digits); 0 and nothing are None."""
    if value is None or isinstance(value, bool) or value == "":
        return None
    ms = int(value)
    return from_ms(ms) if ms > 0 else None


def _average(row: Mapping[str, Any], filled_qty: Decimal) -> Decimal | None:
    if "avgPrice" in row:
        return price(row["avgPrice"])
    spent = figure(row.get("cummulativeQuoteQty"))
    # spot says a negative sum where it no longer knows it
    return spent / filled_qty if spent is not None and spent > ZERO and filled_qty > ZERO else None
