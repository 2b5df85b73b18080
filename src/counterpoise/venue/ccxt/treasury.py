"""Collateral at Binance: transfers between the spot and the USD-M wallet, margin tables, settings, key rights.

A transfer is judged like an order: only a reply with an id is done, only a code that is documented as a refusal is
refused, everything else is Unknown. The wallet API (``/sapi``) is not there on demo accounts. Moving the margin of
an isolated position is not offered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from counterpoise.domain.access import KeyRights
from counterpoise.domain.errors import VenueError
from counterpoise.domain.margin import MarginTier, Tiers
from counterpoise.domain.numbers import ZERO, dec, text
from counterpoise.domain.order import Unknown
from counterpoise.domain.snapshot import MarginMode
from counterpoise.domain.transfer import (
    Purse,
    Transfer,
    TransferOutcome,
    Transferred,
    VenueTransfer,
)
from counterpoise.venue.ccxt import endpoints as ask
from counterpoise.venue.ccxt.call import CallFailed
from counterpoise.venue.ccxt.endpoints import Scope
from counterpoise.venue.ccxt.instants import to_ms
from counterpoise.venue.ccxt.instruments import Catalogue, Listing
from counterpoise.venue.ccxt.mapping import instant, understood
from counterpoise.venue.ccxt.wire import KEY_REFUSED, Wire

#: Both purses -> Binance's name of the move.
MOVES: Mapping[tuple[Purse, Purse], str] = MappingProxyType(
    {
        (Purse.SPOT, Purse.FUTURES): "MAIN_UMFUTURE",
        (Purse.FUTURES, Purse.SPOT): "UMFUTURE_MAIN",
    }
)
_PAGE = 100
_CONFIRMED, _FAILED = "CONFIRMED", "FAILED"
_MODES = {MarginMode.CROSS: "CROSSED", MarginMode.ISOLATED: "ISOLATED"}
_MODE_IS_SET = -4046
_NO_SUCH_ADDRESS = 404


def transfer_params(transfer: Transfer) -> dict[str, str]:
    """Return the parameters of POST asset/transfer. Raises ValueError for what the venue cannot express."""
    name = MOVES.get((transfer.source, transfer.target))
    if name is None:
        raise ValueError(
            f"expected a move between spot and futures, was {transfer.source} to {transfer.target}"
        )
    if transfer.qty <= ZERO:
        raise ValueError(f"expected an amount above 0, was {text(transfer.qty)}")
    return {"type": name, "asset": transfer.asset, "amount": text(transfer.qty)}


def judge_transfer_reply(reply: Any) -> TransferOutcome:
    """Return Transferred only for a reply with an id."""
    number: object = reply.get("tranId") if isinstance(reply, Mapping) else None
    if isinstance(number, bool | float) or not str(number).isdigit() or int(str(number)) <= 0:
        return Unknown(text="expected the id of a transfer in the reply, was without")
    return Transferred(id=str(number))


async def read_transfers(wire: Wire, since: datetime) -> tuple[VenueTransfer, ...]:
    """Read moves between spot and futures at or after ``since``, oldest first, all pages. Raises VenueError.

    One that the venue has neither done nor given up is an answer that is not whole.
    """
    found: dict[str, VenueTransfer] = {}
    for purses, name in MOVES.items():
        span = {
            "type": name,
            "startTime": str(to_ms(since)),
            "endTime": str(to_ms(wire.venue_now() + timedelta(minutes=1))),
            "size": str(_PAGE),
        }
        read: set[str] = set()
        page = 1
        while True:
            reply = await wire.read(ask.TRANSFERS, {**span, "current": str(page)})
            with understood("transfers"):
                # without any move the rows are left out
                rows = reply["rows"] if reply["total"] else []
                moves = [_move(row, purses) for row in rows if row["status"] != _FAILED]
            found.update((move.id, move) for move in moves)
            if len(rows) < _PAGE:
                break
            known = len(read)
            read |= {str(row["tranId"]) for row in rows}
            if len(read) == known:
                raise VenueError(f"transfers: expected others on page {page}, was the same again")
            page += 1
    return tuple(sorted(found.values(), key=lambda move: (move.at, move.id)))


def _move(row: Mapping[str, Any], purses: tuple[Purse, Purse]) -> VenueTransfer:
    at = instant(row["timestamp"])
    if at is None or row["status"] != _CONFIRMED:
        raise ValueError(f"expected a confirmed transfer, was {row['status']!r}")
    source, target = purses
    return VenueTransfer(
        id=str(row["tranId"]),
        asset=row["asset"],
        qty=dec(str(row["amount"])),
        source=source,
        target=target,
        at=at,
    )


async def read_tiers(wire: Wire, catalogue: Catalogue, symbols: Iterable[str]) -> dict[str, Tiers]:
    """Return the margin tables of those of ``symbols`` the venue has one for. Raises VenueError."""
    wanted = {
        listing.id: symbol
        for symbol in symbols
        if (listing := catalogue.get(symbol)) is not None and listing.scope is Scope.FUTURES
    }
    if not wanted:
        return {}
    reply = await wire.read(ask.LEVERAGE_BRACKETS)
    with understood("margin tables"):
        rows = reply if isinstance(reply, list) else [reply]
        return {
            wanted[row["symbol"]]: tiers_of(row["brackets"])
            for row in rows
            if row["symbol"] in wanted
        }


def tiers_of(brackets: Iterable[Mapping[str, Any]]) -> Tiers:
    """Map the brackets of /fapi/v1/leverageBracket, lowest first. Raises KeyError, ValueError."""
    found = sorted((_tier(row) for row in brackets), key=lambda tier: tier.floor)
    if not found:
        raise ValueError("expected at least one bracket, was none")
    return tuple(found)


def _tier(row: Mapping[str, Any]) -> MarginTier:
    # JSON numbers: what is printed of a float is what was sent, up to 15 digits
    return MarginTier(
        floor=dec(str(row["notionalFloor"])),
        cap=dec(str(row["notionalCap"])),
        rate=dec(str(row["maintMarginRatio"])),
        amount=dec(str(row["cum"])),
        max_leverage=dec(str(row["initialLeverage"])),
    )


async def restore(
    wire: Wire, listing: Listing, leverage: Decimal | None, mode: MarginMode | None
) -> None:
    """Set margin mode, then leverage, of a contract. Raises VenueError when the venue did not say that it is done."""
    if mode is not None:
        try:
            await wire.ask(ask.SET_MARGIN_MODE, {"symbol": listing.id, "marginType": _MODES[mode]})
        except CallFailed as failure:
            if failure.code != _MODE_IS_SET:
                raise wire.failed(failure) from None
    if leverage is not None:
        params = {"symbol": listing.id, "leverage": text(leverage)}
        reply = await wire.read(ask.SET_LEVERAGE, params)
        with understood("leverage"):
            told = dec(str(reply["leverage"]))
        if told != leverage:
            raise VenueError(f"leverage: expected {text(leverage)}, was {text(told)}")


async def countdown(wire: Wire, listing: Listing, after: timedelta | None) -> None:
    """Let the venue cancel all orders of a contract ``after`` a while; None disarms. Raises VenueError."""
    wait_ms = 0 if after is None else after // timedelta(milliseconds=1)
    params = {"symbol": listing.id, "countdownTime": str(wait_ms)}
    reply = await wire.read(ask.COUNTDOWN, params)
    with understood("countdown"):
        told = reply["symbol"], dec(str(reply["countdownTime"]))
    if told[0] != listing.id:
        raise VenueError(f"countdown: expected {listing.id}, was {told[0]}")


async def read_rights(wire: Wire) -> KeyRights | None:
    """Return what the key may do; None where the venue does not tell this key. Raises VenueError."""
    try:
        reply = await wire.ask(ask.KEY_RIGHTS)
    except CallFailed as failure:
        if failure.code in KEY_REFUSED or failure.status == _NO_SUCH_ADDRESS:
            return None
        raise wire.failed(failure) from None
    with understood("key rights"):
        return KeyRights(
            withdraw=_flag(reply, "enableWithdrawals"),
            trade_futures=_flag(reply, "enableFutures"),
            transfer=_flag(reply, "permitsUniversalTransfer"),
            ip_bound=_flag(reply, "ipRestrict"),
            expires_at=instant(reply.get("tradingAuthorityExpirationTime")),
        )


def _flag(reply: Mapping[str, Any], name: str) -> bool | None:
    value = reply.get(name)
    return value if isinstance(value, bool) else None
