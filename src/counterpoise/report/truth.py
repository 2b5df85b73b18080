"""What the venue's own log says was traded, paid and received. The daemon's word counts for nothing here.

The log's entries are the events of the control door (``GET /_control/log``): plain mappings with text for Decimals
and ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from counterpoise.domain.numbers import ZERO, dec

LogEntry = Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trading:
    """Totals in the portfolio's quote. ``fees`` > 0 was paid; ``funding`` > 0 was received.

    A fee paid in the coin that was bought is worth the price of its fill. A liquidation is no fill, but its turnover
    and its fee count.
    """

    spot_turnover: Decimal = ZERO
    futures_turnover: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    orders: int = 0
    fills: int = 0
    rejects: int = 0
    liquidations: int = 0


def trading(entries: Iterable[LogEntry], quote: str) -> Trading:
    """Return the totals of ``entries``, whose trades are all against ``quote``.

    Raises ValueError for a fee in an asset that is neither the quote nor what its fill traded: it has no price here.
    """
    turnover = {"spot": ZERO, "perp": ZERO}
    fees, funding = ZERO, ZERO
    counts = {"place": 0, "fill": 0, "reject": 0, "liquidation": 0}
    for entry in entries:
        event = str(entry["event"])
        if event in counts:
            counts[event] += 1
        if event == "fill":
            market = "spot" if entry["market"] == "spot" else "perp"
            turnover[market] += _number(entry, "qty") * _number(entry, "price")
            fees += _fee(entry, quote)
        elif event == "liquidation":
            # the exchange's own trade: nobody's order and no fill, but traded and paid for all the same
            turnover["perp"] += _number(entry, "qty") * _number(entry, "price")
            fees += _fee(entry, quote)
        elif event == "funding":
            funding += _number(entry, "qty")
    return Trading(
        spot_turnover=turnover["spot"],
        futures_turnover=turnover["perp"],
        fees=fees,
        funding=funding,
        orders=counts["place"],
        fills=counts["fill"],
        rejects=counts["reject"],
        liquidations=counts["liquidation"],
    )


def _fee(entry: LogEntry, quote: str) -> Decimal:
    if entry["fee"] is None:
        return ZERO
    asset = entry["fee_asset"]
    if asset == quote:
        return _number(entry, "fee")
    if asset is not None and str(entry["symbol"]).startswith(str(asset)):
        return _number(entry, "fee") * _number(entry, "price")
    raise ValueError(f"expected a fee in {quote} or in the coin of {entry['symbol']}, was {asset}")


def _number(entry: LogEntry, field: str) -> Decimal:
    return dec(str(entry[field]))
