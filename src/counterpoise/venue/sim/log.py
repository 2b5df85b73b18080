"""The truth log: what really happened on the simulated exchange, in order, append-only.

Every promise of the product is judged by this log and never by the daemon's word, so nothing may edit or drop
an entry. The entries are the events of the control door: plain dicts with every field of :data:`FIELDS` present,
Decimals and ids as text, times in ms since the epoch, and None for what does not apply.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal, TypedDict, Unpack

from counterpoise.domain.numbers import text

LogEvent = Literal[
    "request",
    "place",
    "reject",
    "fill",
    "cancel",
    "transfer",
    "deposit",
    "withdrawal",
    "funding",
    "liquidation",
    "deleverage",
    "insurance",
    "settlement",
]
LogValue = str | int | bool | None

#: Every entry has exactly these keys, in this order.
FIELDS = (
    "seq",
    "at",
    "account",
    "event",
    "market",
    "symbol",
    "client_id",
    "order_id",
    "trade_id",
    "side",
    "qty",
    "price",
    "reduce_only",
    "fee",
    "fee_asset",
    "asset",
    "signed_at",
    "status",
    "code",
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


class LogFields(TypedDict, total=False):
    """What an entry may say beside its sequence number, instant and event."""

    account: str | None
    market: str | None
    symbol: str | None
    client_id: str | None
    order_id: int | None
    trade_id: int | None
    side: str | None
    qty: Decimal | None
    price: Decimal | None
    reduce_only: bool | None
    fee: Decimal | None
    fee_asset: str | None
    asset: str | None
    signed_at: datetime | None
    status: str | None
    code: str | None


def ms_of(at: datetime) -> int:
    """Return ``at`` (aware) in whole ms since the epoch."""
    return (at - _EPOCH) // _MS


class TruthLog:
    """An append-only list of events. ``seq`` starts at 1 and has no holes."""

    def __init__(self) -> None:
        self._events: list[dict[str, LogValue]] = []

    def __len__(self) -> int:
        return len(self._events)

    @property
    def next_seq(self) -> int:
        """The ``after`` that continues where the log ends now."""
        return len(self._events)

    def append(self, event: LogEvent, at: datetime, **fields: Unpack[LogFields]) -> None:
        """Write one event down.

        ``funding``: ``qty`` is the payment in ``asset``, signed, positive = received, ``price`` the mark it was
        charged on. ``transfer``: ``status`` is ``source>target``; ``deposit`` and ``withdrawal``: it is the wallet.
        ``cancel``: ``status`` is canceled or expired.
        ``liquidation`` and ``deleverage`` are trades the exchange made itself, ``fee`` what the insurance fund took;
        a liquidation's ``status`` is cross or isolated. ``insurance``: ``qty`` of ``asset`` is a loss the fund bore.
        ``settlement``: ``qty`` is the position, signed, that was closed at ``price``.
        """
        entry: dict[str, LogValue] = dict.fromkeys(FIELDS)
        for name, value in fields.items():
            entry[name] = _plain(value)
        entry["seq"] = len(self._events) + 1
        entry["at"] = ms_of(at)
        entry["event"] = event
        self._events.append(entry)

    def record_request(self, at: datetime, **fields: Unpack[LogFields]) -> None:
        """Write down that a request reached an HTTP face, whatever came of it.

        ``status`` is method and path, ``code`` the answer's code, ``account`` the key it was signed with.
        """
        self.append("request", at, **fields)

    def after(self, seq: int) -> list[dict[str, LogValue]]:
        """Return copies of the entries whose ``seq`` is greater than ``seq``, oldest first."""
        return [dict(entry) for entry in self._events[max(seq, 0) :]]


def _plain(value: object) -> LogValue:
    match value:
        case Decimal():
            return text(value)
        case datetime():
            return ms_of(value)
        case bool() | None:
            return value
        case _:
            return str(value)
