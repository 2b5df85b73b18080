"""Ladders: how a missing quantity is split into rungs and priced.

``resting`` ladders put post-only orders at the touch and ``spacing`` apart behind it. A rung is never below the
venue's minima: too many rungs for the quantity means fewer rungs, and too little for one rung means none.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from counterpoise.domain.instrument import Instrument
from counterpoise.domain.numbers import ONE, ZERO
from counterpoise.domain.order import Side
from counterpoise.domain.policy import ExecutionPolicy
from counterpoise.domain.snapshot import Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One order to be: ``index`` in its ladder, ``qty`` in base units, ``price`` on the tick."""

    index: int
    qty: Decimal
    price: Decimal


def resting_rungs(
    side: Side,
    qty: Decimal,
    free: tuple[int, ...],
    quote: Quote,
    instrument: Instrument,
    execution: ExecutionPolicy,
    max_notional: Decimal | None,
    *,
    closing: bool = False,
) -> tuple[Rung, ...]:
    """Split ``qty`` over the rung numbers in ``free``, nearest to the market first.

    Returns fewer rungs when the minima ask for it, and none when ``qty`` is below them or there is no price.
    ``closing``: ``qty`` ends a position, so that one last rung may be below the minimum notional.
    """
    touch = _touch(side, quote, instrument)
    if touch is None or not free:
        return ()
    total = instrument.shrink_qty(qty)
    count = len(free)
    while count > 0:
        prices = [_rung_price(side, touch, i, execution, instrument) for i in free[:count]]
        dearest = max(*prices, quote.fair or ZERO)  # the guard values an order at the worse of both
        shares = _shares(total, count, instrument, dearest, max_notional)
        whole = closing and count == 1 and shares[0] == qty
        if all(
            instrument.tradable(q, p, closing=whole) for q, p in zip(shares, prices, strict=True)
        ):
            return tuple(
                Rung(index=i, qty=q, price=p)
                for i, q, p in zip(free[:count], shares, prices, strict=True)
            )
        count -= 1
    return ()


def crossing_price(
    side: Side, mark_price: Decimal, instrument: Instrument, execution: ExecutionPolicy
) -> Decimal:
    """Return the worst price an impatient order may take: the mark moved by ``max_slippage`` against us."""
    if side is Side.BUY:
        return instrument.price_down(mark_price * (ONE + execution.max_slippage))
    return instrument.price_up(mark_price * (ONE - execution.max_slippage))


def cap_qty(
    qty: Decimal, price: Decimal, instrument: Instrument, max_notional: Decimal | None
) -> Decimal:
    """Return ``qty`` cut to a lot and to the largest order the limits let pass."""
    if max_notional is None:
        capped = qty
    else:
        capped = min(qty, max_notional / price)
    if instrument.max_qty is not None:
        capped = min(capped, instrument.max_qty)
    return instrument.shrink_qty(capped)


def touch_price(side: Side, quote: Quote, instrument: Instrument) -> Decimal | None:
    """Return the best price at which an order of ``side`` rests, on the tick, away from the market."""
    touch = _touch(side, quote, instrument)
    if touch is None:
        return None
    return instrument.price_up(touch) if side is Side.SELL else instrument.price_down(touch)


def _touch(side: Side, quote: Quote, instrument: Instrument) -> Decimal | None:
    """The best price at which an order of ``side`` rests: ask for a sell, bid for a buy."""
    touch = quote.ask if side is Side.SELL else quote.bid
    if touch is not None and touch > 0:
        return touch
    if quote.mark is None:
        return None
    tick = instrument.tick_size
    return (
        instrument.price_up(quote.mark + tick)
        if side is Side.SELL
        else instrument.price_down(quote.mark - tick)
    )


def _rung_price(
    side: Side, touch: Decimal, index: int, execution: ExecutionPolicy, instrument: Instrument
) -> Decimal:
    away = execution.spacing * index
    if side is Side.SELL:
        return instrument.price_up(touch * (ONE + away))
    return instrument.price_down(touch * (ONE - away))


def _shares(
    total: Decimal, count: int, instrument: Instrument, price: Decimal, max_notional: Decimal | None
) -> list[Decimal]:
    """Equal shares in lots; what does not divide goes to the first rung; each capped by the limits."""
    each = instrument.shrink_qty(total / count)
    shares = [each] * count
    shares[0] += total - each * count
    capped = [cap_qty(q, price, instrument, max_notional) for q in shares]
    return [max(q, ZERO) for q in capped]
