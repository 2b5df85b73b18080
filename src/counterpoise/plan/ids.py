"""Names that never change on a second look: decision ids and client order ids.

Both are hashes of what they stand for, so that a repeated or restarted cycle makes the same id and a venue (or our
own table) can recognise a duplicate.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.numbers import text

#: What every client order id of ours begins with: how own orders are told from foreign ones.
PREFIX = "cp"
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz234567")  # base32 in lower case
_LENGTH = 26  # of the hash part: 28 characters in all, 130 bits, accepted by every venue


def decision_id(portfolio: str, venue: str, symbol: str, qty: Decimal, decided_at: datetime) -> str:
    """Return the id of the decision to hold ``qty`` of ``symbol`` from ``decided_at`` on."""
    return _hash("decision", portfolio, venue, symbol, text(qty), decided_at.isoformat())[:16]


def client_order_id(account: str, decision: str, rung: int, attempt: int) -> str:
    """Return our id of one placement: ``cp`` and 26 characters of [a-z2-7]."""
    return PREFIX + _hash("order", account, decision, str(rung), str(attempt))[:_LENGTH]


def is_own(client_id: str | None) -> bool:
    """Whether a venue's order carries an id of our form."""
    return (
        client_id is not None
        and client_id.startswith(PREFIX)
        and len(client_id) == len(PREFIX) + _LENGTH
        and set(client_id[len(PREFIX) :]) <= _LETTERS
    )


def _hash(*parts: str) -> str:
    digest = hashlib.sha256("\x1f".join(parts).encode()).digest()
    return base64.b32encode(digest).decode().lower().rstrip("=")
