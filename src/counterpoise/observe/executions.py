"""Which fills to read, and from when: only where something can have happened.

Something can have happened on a symbol with a live order, and on one whose position the records do not explain.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.instrument import is_spot
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.order import Fill, Order
from counterpoise.domain.records import Recorded
from counterpoise.domain.snapshot import Account
from counterpoise.observe.reading import read
from counterpoise.ports import Venue

#: Fills are read from this long before the newest known one: venues may report them late and out of order.
OVERLAP = timedelta(minutes=1)


def may_have_filled(
    name: str, symbols: Iterable[str], account: Account | None, recorded: Recorded
) -> list[str]:
    """Return those of ``symbols`` whose fills may be unknown; all of them when no account was answered."""
    return [s for s in symbols if account is None or _may_have_filled(name, s, account, recorded)]


async def read_fills(
    name: str,
    venue: Venue,
    symbols: Iterable[str],
    account: Account | None,
    recorded: Recorded,
    problems: list[str],
) -> tuple[Fill, ...] | None:
    """Return all fills of ``symbols`` that may be unknown, None when any read failed.

    To be called after ``account`` was read, so that the fills are never older than its positions.
    """
    found: list[Fill] = []
    for symbol in symbols:
        since = _since(name, symbol, account, recorded)
        part = await read(f"fills of {symbol}", venue.fills(symbol, since), problems)
        if part is None:
            return None
        found += part
    return tuple(found)


def _may_have_filled(name: str, symbol: str, account: Account, recorded: Recorded) -> bool:
    return bool(_in_motion(name, symbol, recorded)) or not _explained(
        name, symbol, account, recorded
    )


def _since(name: str, symbol: str, account: Account | None, recorded: Recorded) -> datetime:
    """From when fills may be unknown.

    Orders that are live, or whose fills were not all read, may have unknown fills from the moment they were made,
    however new the newest known one is (another order's). A position nothing explains asks back to that one.
    """
    known = recorded.positions.get((name, symbol))
    newest = (known.last_fill_at if known is not None else None) or recorded.portfolio.started_at
    made = [o.created_at for o in _in_motion(name, symbol, recorded)]
    explained = account is not None and _explained(name, symbol, account, recorded)
    return min(made if made and explained else [*made, newest]) - OVERLAP


def _in_motion(name: str, symbol: str, recorded: Recorded) -> list[Order]:
    return [
        o for o in recorded.orders if (o.venue, o.symbol) == (name, symbol) and not o.is_settled
    ]


def _explained(name: str, symbol: str, account: Account, recorded: Recorded) -> bool:
    """Whether the position is what the records expect; a wallet of coins is no position to compare with."""
    return is_spot(symbol) or _shown(symbol, account) == _expected(name, symbol, recorded)


def _shown(symbol: str, account: Account) -> Decimal:
    position = account.positions.get(symbol)
    return position.qty if position is not None else ZERO


def _expected(name: str, symbol: str, recorded: Recorded) -> Decimal:
    known = recorded.positions.get((name, symbol))
    return known.expected_qty if known is not None else ZERO
