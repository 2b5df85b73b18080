"""What alerts say: plain language first, then the exact numbers.

Pure functions from domain values to :class:`~counterpoise.domain.events.Alert`. Quantities and fill prices are
exact; an average price and a weight are rounded for reading, and their exact values are in ``data``. Equal
input gives an equal alert with an equal id, so that a repeated cycle says nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

from counterpoise.domain.events import Alert, Severity, alert
from counterpoise.domain.instrument import base_of
from counterpoise.domain.numbers import ZERO, quantize, significant, text
from counterpoise.domain.order import Fill, Order, Side
from counterpoise.domain.records import Flow

Lifecycle = Literal["started", "stopped", "recovered", "key"]

#: What a stop could not take down: kind and key; over as soon as somebody looks again.
LEFT_WORKING = "left_working"

_CENT = Decimal("0.01")
_CENTS_FROM = 1_000
_DIGITS = 8


def hedge_moved(  # noqa: PLR0913, PLR0917 - one sentence needs all of it
    portfolio: str,
    asset: str,
    symbol: str,
    before_qty: Decimal,
    after_qty: Decimal,
    fills: Sequence[Fill],
    weight_before: Decimal | None,
    weight_after: Decimal | None,
    reason_text: str,
    at: datetime,
) -> Alert:
    """Return the alert for our futures position on ``asset`` going from ``before_qty`` to ``after_qty``.

    Quantities are base units, signed (short < 0), our own part only; ``fills`` are what moved it; weights are
    the asset's effective weights as fractions of equity, None when they cannot be told.
    """
    verb = _verb(before_qty, after_qty)
    moved = after_qty - before_qty
    side = Side.BUY if moved > 0 else Side.SELL
    price = average_price(f for f in fills if f.side is side)
    parts = [
        f"{_noun(before_qty, after_qty)} of {asset} {verb}:",
        f"{'bought' if side is Side.BUY else 'sold'} {text(significant(abs(moved)))} {asset}"
        if moved
        else "no net move",
        f"with {symbol}",
    ]
    if price is not None:
        parts.append(f"at {text(readable(price))} on average")
    sentence = (
        f"{' '.join(parts)}; futures position {_short(before_qty)} -> {_short(after_qty)} {asset}"
    )
    if weight_before is not None or weight_after is not None:
        sentence += f", effective weight {_percent(weight_before)} -> {_percent(weight_after)}"
    if reason_text:
        sentence += f". Why: {reason_text}"
    data = {
        "asset": asset,
        "symbol": symbol,
        "side": side.value,
        "qty": text(abs(moved)),
        "before_qty": text(before_qty),
        "after_qty": text(after_qty),
        "avg_price": _maybe(price),
        "weight_before": _maybe(weight_before),
        "weight_after": _maybe(weight_after),
        "trade_ids": ",".join(fill.trade_id for fill in fills),
    }
    return alert(portfolio, f"hedge_{verb}", Severity.INFO, sentence, at, data=data)


def coins_traded(
    portfolio: str, symbol: str, fills: Sequence[Fill], reason_text: str, at: datetime
) -> Alert:
    """Return the alert for coins that were bought or sold in the spot pair ``symbol`` by ``fills``."""
    asset = base_of(symbol)
    moved = sum((f.signed_qty for f in fills), ZERO)
    net = sum((f.net_qty for f in fills), ZERO)
    side = Side.BUY if moved > 0 else Side.SELL
    price = average_price(f for f in fills if f.side is side)
    done = "Bought" if side is Side.BUY else "Sold"
    sentence = f"{done} {text(significant(abs(moved)))} {asset} in coins with {symbol}"
    if price is not None:
        sentence += f" at {text(readable(price))} on average"
    if net != moved:
        sentence += f", {text(significant(net))} after the fee"
    if reason_text:
        sentence += f". Why: {reason_text}"
    data = {
        "asset": asset,
        "symbol": symbol,
        "side": side.value,
        "qty": text(abs(moved)),
        "net_qty": text(net),
        "avg_price": _maybe(price),
        "trade_ids": ",".join(fill.trade_id for fill in fills),
    }
    return alert(portfolio, "coins_traded", Severity.INFO, sentence, at, data=data)


def flow_found(portfolio: str, flow: Flow, quote: str) -> Alert:
    """Return the alert for a deposit or withdrawal that was booked; it is worth ``flow.price`` in ``quote``."""
    came = flow.qty > 0
    amount = f"{text(significant(abs(flow.qty)))} {flow.asset}"
    value = abs(flow.qty) * flow.price if flow.price is not None else None
    worth = (
        "" if value is None or flow.asset == quote else f", worth {text(readable(value))} {quote},"
    )
    how = "the venue's books show it" if flow.source == "ledger" else "several equal looks show it"
    sentence = (
        f"{'Deposit' if came else 'Withdrawal'} of {amount}{worth} found at {flow.venue}: {how}."
    )
    sentence += " It counts as no gain" if came else " It counts as no loss"
    if not came:
        sentence += f"; what shorts {flow.asset} beyond what is left is closed"
    data = {
        "asset": flow.asset,
        "venue": flow.venue,
        "qty": text(flow.qty),
        "price": _maybe(flow.price),
        "source": flow.source,
    }
    return alert(portfolio, "flow", Severity.INFO, sentence, flow.at, data=data)


def condition_raised(
    portfolio: str,
    key: str,
    kind: str,
    severity: Severity,
    message: str,
    at: datetime,
    data: Mapping[str, str] | None = None,
) -> Alert:
    """Return the alert that the lasting condition ``key`` holds from now on."""
    return alert(portfolio, kind, severity, message, at, key=key, data=data)


def condition_cleared(
    portfolio: str,
    key: str,
    kind: str,
    message: str,
    at: datetime,
    data: Mapping[str, str] | None = None,
) -> Alert:
    """Return the alert that the lasting condition ``key`` holds no longer."""
    return alert(portfolio, kind, Severity.INFO, message, at, key=key, cleared=True, data=data)


def lifecycle(portfolio: str, kind: Lifecycle, message: str, at: datetime) -> Alert:
    """Return the alert for a start, a stop, or a start after a crash (a warning)."""
    severity = Severity.WARNING if kind == "recovered" else Severity.INFO
    return alert(portfolio, kind, severity, message, at)


def order_values(order: Order) -> dict[str, str]:
    """Return what an order is about as exact values."""
    return {
        "venue": order.venue,
        "symbol": order.symbol,
        "side": order.side.value,
        "qty": text(order.qty),
    }


def average_price(fills: Iterable[Fill]) -> Decimal | None:
    """Return the quantity-weighted price of ``fills``, None when there are none."""
    total_qty, total_notional = ZERO, ZERO
    for fill in fills:
        total_qty += fill.qty
        total_notional += fill.qty * fill.price
    return total_notional / total_qty if total_qty else None


def _short(qty: Decimal) -> str:
    return text(significant(qty))


def readable(price: Decimal) -> Decimal:
    """Return ``price`` rounded to 8 significant digits, and from 1,000 on to cents."""
    finest = Decimal((0, (1,), price.adjusted() - _DIGITS + 1))
    return quantize(price, max(finest, _CENT) if price >= _CENTS_FROM else finest)


def _verb(before_qty: Decimal, after_qty: Decimal) -> str:
    if not before_qty and after_qty:
        return "opened"
    return "closed" if before_qty and not after_qty else "adjusted"


def _noun(before_qty: Decimal, after_qty: Decimal) -> str:
    """A short is what people call a hedge; a long makes a position larger and must not read like one."""
    held = after_qty or before_qty
    return "Long" if held > 0 else "Hedge"


def _percent(weight: Decimal | None) -> str:
    return "unknown" if weight is None else f"{text(quantize(weight * 100, _CENT))} %"


def _maybe(value: Decimal | None) -> str:
    return "unknown" if value is None else text(value)
