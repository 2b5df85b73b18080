"""What the venue booked: income of the futures wallet, deposits and withdrawals of any wallet.

Everything is read in pages until one is not full; a row counts once, by its id. The venue's own kinds are kept
apart in the ids, because its numbers are unique only within a kind and several kinds become one of ours. The
wallet history is a third API (``/sapi``) that demo accounts do not have and a key may not be allowed to read:
there only the futures wallet is told, and the caller finds flows by looking at balances.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from counterpoise.domain.errors import VenueError
from counterpoise.domain.ledger import EntryKind, LedgerEntry
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.venue.ccxt import endpoints as ask
from counterpoise.venue.ccxt.call import CallFailed
from counterpoise.venue.ccxt.endpoints import Endpoint, Scope
from counterpoise.venue.ccxt.instants import to_ms
from counterpoise.venue.ccxt.instruments import Catalogue
from counterpoise.venue.ccxt.mapping import instant, understood
from counterpoise.venue.ccxt.wire import KEY_REFUSED, Wire

LIMIT = 1000
#: Both histories reach back three months; a longer question is refused.
REACH = timedelta(days=89)
#: Deposits are found by when they were first seen and count from when they were credited.
_CREDITING = timedelta(days=1)

#: The withdrawals weigh a tenth of what an account may ask in a minute.
_GOOD_FOR = timedelta(seconds=15)

#: Binance's income types. What is not here changes the balance and belongs to no strategy: OTHER.
KINDS: Mapping[str, EntryKind] = MappingProxyType(
    {
        "FUNDING_FEE": EntryKind.FUNDING,
        "REALIZED_PNL": EntryKind.REALIZED_PNL,
        "DELIVERED_SETTELMENT": EntryKind.REALIZED_PNL,  # spelt as the venue spells it
        "COMMISSION": EntryKind.COMMISSION,
        "TRANSFER": EntryKind.TRANSFER,
    }
)
#: Deposits that changed the balance: success, and credited but not yet free to withdraw.
_CREDITED = frozenset({1, 6})
#: Withdrawals that did not happen: cancelled, rejected, failed. All others left the balance when they were asked for.
_FAILED = frozenset({1, 3, 5})


async def read_income(
    wire: Wire, venue: str, catalogue: Catalogue, since: datetime
) -> list[LedgerEntry]:
    """Return the futures wallet's bookings at or after ``since``, 89 days back at most. Raises VenueError."""
    now = wire.venue_now()
    since = max(since, now - REACH)
    found: dict[str, LedgerEntry] = {}
    # a booking made while we ask belongs to this answer
    span = {"startTime": str(to_ms(since)), "endTime": str(to_ms(now + timedelta(minutes=1)))}
    page = 1
    while True:
        reply = await wire.read(ask.INCOME, {**span, "limit": str(LIMIT), "page": str(page)})
        with understood("income"):
            rows = [income_entry(venue, row, catalogue) for row in _rows(reply)]
        known = len(found)
        found.update((entry.id, entry) for entry in rows)
        if len(rows) < LIMIT:
            return [entry for entry in found.values() if entry.at >= since]
        if len(found) == known:
            raise VenueError(f"income: expected other bookings on page {page}, was the same again")
        page += 1


class WalletHistory:
    """Deposits and withdrawals of one account. A question is dear, so its answer is good for a moment.

    A key that may not ask is not tried again, or it ends in a ban.
    """

    def __init__(self) -> None:
        self._readable = True
        self._asked_at: datetime | None = None
        self._since: datetime | None = None
        self._entries: list[LedgerEntry] = []

    async def read(self, wire: Wire, venue: str, since: datetime) -> list[LedgerEntry]:
        """Return what came and went at or after ``since``, 89 days back at most, up to 15 s ago. Raises VenueError."""
        now = wire.venue_now()
        if not self._readable:
            return []
        if not self._known(since, now):
            found = await _flows(wire, venue, since, now)
            self._readable = found is not None
            self._entries, self._since, self._asked_at = found or [], since, now
        # withdrawals are told to the second
        return [entry for entry in self._entries if entry.at > since - timedelta(seconds=1)]

    def _known(self, since: datetime, now: datetime) -> bool:
        if self._asked_at is None or self._since is None or since < self._since:
            return False
        return self._asked_at < now < self._asked_at + _GOOD_FOR


async def _flows(
    wire: Wire, venue: str, since: datetime, now: datetime
) -> list[LedgerEntry] | None:
    """Return deposits and withdrawals, also some from before ``since``; None where the key may not read them."""
    first = max(since - _CREDITING, now - REACH)
    try:
        deposits = await _wallet_rows(wire, ask.DEPOSITS, first, now)
        withdrawals = await _wallet_rows(wire, ask.WITHDRAWALS, first, now)
    except CallFailed as failure:
        if failure.code in KEY_REFUSED:
            return None
        raise wire.failed(failure) from None
    with understood("wallet history"):
        entries = [deposit_entry(venue, row) for row in deposits if row["status"] in _CREDITED]
        entries += [
            withdrawal_entry(venue, row) for row in withdrawals if row["status"] not in _FAILED
        ]
    return entries


async def _wallet_rows(wire: Wire, endpoint: Endpoint, since: datetime, now: datetime) -> list[Any]:
    """Return all rows of one wallet history. Raises CallFailed, VenueError."""
    span = {"startTime": str(to_ms(since)), "endTime": str(to_ms(now + timedelta(minutes=1)))}
    found: list[Any] = []
    while True:
        params = {**span, "limit": str(LIMIT), "offset": str(len(found))}
        with understood("wallet history"):
            page = _rows(await wire.ask(endpoint, params))
        found += page
        if len(page) < LIMIT:
            return found


def income_entry(venue: str, row: Mapping[str, Any], catalogue: Catalogue) -> LedgerEntry:
    """Map one row of /fapi/v1/income."""
    booked, number, at = row["incomeType"], row["tranId"], instant(row["time"])
    if not isinstance(booked, str) or not booked or at is None or not str(number):
        raise ValueError(f"expected kind, time and id of a booking, was {booked!r} {number!r}")
    symbol = row.get("symbol") or None
    # within a kind the number is said to be unique; the rest keeps two bookings apart if it is not
    parts = (booked, number, symbol, row.get("tradeId"), row["asset"])
    return LedgerEntry(
        venue=venue,
        id=":".join(str(part) for part in parts if part not in (None, "")),
        kind=KINDS.get(booked, EntryKind.OTHER),
        asset=row["asset"],
        qty=dec(row["income"]),
        at=at,
        symbol=None if symbol is None else catalogue.symbol(Scope.FUTURES, symbol),
    )


def deposit_entry(venue: str, row: Mapping[str, Any]) -> LedgerEntry:
    """Map one row of capital/deposit/hisrec: it counts from when it was credited."""
    at = instant(row.get("completeTime")) or instant(row["insertTime"])
    qty = dec(row["amount"])
    if at is None or qty <= ZERO:
        raise ValueError(f"expected time and amount of a deposit, was {row['amount']!r}")
    return LedgerEntry(
        venue=venue,
        id=str(row.get("id") or row["txId"]),
        kind=EntryKind.DEPOSIT,
        asset=row["coin"],
        qty=qty,
        at=at,
    )


def withdrawal_entry(venue: str, row: Mapping[str, Any]) -> LedgerEntry:
    """Map one row of capital/withdraw/history: amount and fee left the balance when it was asked for."""
    qty = dec(row["amount"]) + dec(row.get("transactionFee") or "0")
    if qty <= ZERO:
        raise ValueError(f"expected an amount above 0, was {row['amount']!r}")
    return LedgerEntry(
        venue=venue,
        id=str(row["id"]),
        kind=EntryKind.WITHDRAWAL,
        asset=row["coin"],
        qty=-qty,
        at=datetime.strptime(row["applyTime"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC),
    )


def _rows(reply: Any) -> list[Any]:
    if not isinstance(reply, list):
        raise TypeError(f"expected a list, was {type(reply).__name__}")
    return reply
