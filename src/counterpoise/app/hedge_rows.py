"""Lines of the hedge book as JSON: what ``hedges`` and the backtest tell of each position."""

from __future__ import annotations

from counterpoise.app.cycle_report import iso
from counterpoise.domain.hedge_book import CENT, ROUNDING, BookLine, ClosedHedge
from counterpoise.domain.instrument import base_of
from counterpoise.domain.numbers import dec, quantize, text


def open_hedge(line: BookLine, mark: object) -> dict[str, str | None]:
    """Return the row of an open ``line``; ``mark`` is its contract's price as text, or None when unknown.

    ``price_pnl`` is what was realised on parts that were closed; ``net`` adds what is open at ``mark``.
    """
    unrealized = line.unrealized(dec(mark)) if isinstance(mark, str) else None
    entry = line.entry_price
    return {
        "strategy": line.strategy,
        "asset": base_of(line.symbol),
        "venue": line.venue,
        "instrument": line.symbol,
        "opened_at": iso(line.opened_at) if line.opened_at is not None else None,
        "closed_at": None,
        "qty": text(line.qty),
        "entry": text(quantize(entry, CENT, ROUNDING)) if entry is not None else None,
        "exit": None,
        "price_pnl": text(line.price_pnl),
        "unrealized": text(unrealized) if unrealized is not None else None,
        "funding": text(line.funding),
        "fees": text(line.fees),
        "net": text(line.earned + unrealized) if unrealized is not None else None,
    }


def closed_hedge(closed: ClosedHedge) -> dict[str, str | None]:
    """Return the row of a position that ended; ``qty`` is its largest size."""
    return {
        "strategy": closed.strategy,
        "asset": base_of(closed.symbol),
        "venue": closed.venue,
        "instrument": closed.symbol,
        "opened_at": iso(closed.opened_at),
        "closed_at": iso(closed.closed_at),
        "qty": text(closed.qty),
        "entry": text(closed.entry),
        "exit": text(closed.exit),
        "price_pnl": text(closed.price_pnl),
        "unrealized": "0",
        "funding": text(closed.funding),
        "fees": text(closed.fees),
        "net": text(closed.net),
    }
