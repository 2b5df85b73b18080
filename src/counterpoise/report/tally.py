"""What looks book, added up: the part of a change of equity that is no change of price. Pure.

Money of the futures wallet is as the venue books it, so that it is counted when the balance shows it; what it charges
or gives back beside commissions and funding (a liquidation's fee, a rebate) counts among the fees. Coins that a fee was
paid in count at the price of their fill. What is no part of equity (a fee coin) is kept apart.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from counterpoise.domain.hedge_book import CENT, ROUNDING, BookLine, ClosedHedge
from counterpoise.domain.instrument import base_of, is_spot, quote_of
from counterpoise.domain.ledger import EntryKind, LedgerEntry
from counterpoise.domain.numbers import ONE, ZERO, quantize
from counterpoise.domain.order import Fill
from counterpoise.domain.records import Flow
from counterpoise.domain.reporting import ReportState

_Sums = dict[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """What one look booked: own fills, the venue's entries, flows, and the hedge book's lines before and after.

    ``prices``: asset -> its price as equity counts it, None where the look gave no value to rely on.
    """

    fills: tuple[Fill, ...] = ()
    entries: tuple[LedgerEntry, ...] = ()
    flows: tuple[Flow, ...] = ()
    before: Collection[BookLine] = ()
    after: Collection[BookLine] = ()
    closed: tuple[ClosedHedge, ...] = ()
    prices: Mapping[str, Decimal] | None = None


def tallied(state: ReportState, booked: Booked, assets: Collection[str]) -> ReportState:
    """Return ``state`` with what ``booked`` holds; ``assets`` are those that equity consists of, beside the quote."""
    counts = {state.quote, *assets}
    funding, fees, flows = dict(state.owed_funding), dict(state.owed_fees), dict(state.owed_flows)
    outside = dict(state.tally.outside)
    for asset, fee in _fees(booked):
        _add(fees if asset in counts else outside, asset, fee)
    for entry in booked.entries:
        if entry.asset in counts:
            if entry.kind is EntryKind.FUNDING:
                _add(funding, entry.asset, entry.qty)
            elif entry.kind is EntryKind.OTHER:
                _add(fees, entry.asset, -entry.qty)
    for flow in booked.flows:
        if flow.asset in counts:
            if flow.price is None:
                _add(flows, flow.asset, flow.qty)
            else:
                _add(flows, state.quote, flow.qty * flow.price)
    prices = {**(booked.prices or {}), state.quote: ONE}
    tally = state.tally
    return replace(
        state,
        tally=replace(
            tally,
            funding=tally.funding + _taken(funding, prices),
            fees=tally.fees + _taken(fees, prices),
            flows=tally.flows + _taken(flows, prices),
            hedges=tally.hedges + _realised(booked),
            outside=outside,
        ),
        owed_funding=funding,
        owed_fees=fees,
        owed_flows=flows,
    )


def _fees(booked: Booked) -> Iterable[tuple[str, Decimal]]:
    """Yield what was paid (> 0), by asset."""
    for entry in booked.entries:
        if entry.kind is EntryKind.COMMISSION:
            yield entry.asset, -entry.qty
    for fill in booked.fills:
        # of a futures fill the venue's entry tells
        if not is_spot(fill.symbol) or not fill.fee or fill.fee_asset is None:
            continue
        if fill.fee_asset == base_of(fill.symbol):
            yield quote_of(fill.symbol), fill.fee * fill.price
        else:
            yield fill.fee_asset, fill.fee


def _realised(booked: Booked) -> Decimal:
    """By how much the realised price PnL of all hedges grew."""
    ended = sum((c.price_pnl for c in booked.closed if not is_spot(c.symbol)), ZERO)
    return ended + _open(booked.after) - _open(booked.before)


def _open(lines: Iterable[BookLine]) -> Decimal:
    # one that is flat still tells of its last position, which a closed hedge tells as well
    return sum((x.price_pnl for x in lines if x.qty != 0 and not is_spot(x.symbol)), ZERO)


def _add(sums: _Sums, asset: str, qty: Decimal) -> None:
    sums[asset] = sums.get(asset, ZERO) + qty


def _taken(owed: _Sums, prices: Mapping[str, Decimal]) -> Decimal:
    """Take out of ``owed`` what has a price, and return what it is worth in quote."""
    known = [asset for asset in owed if asset in prices]
    worth = sum((owed.pop(asset) * prices[asset] for asset in known), ZERO)
    return quantize(worth, CENT, ROUNDING)
