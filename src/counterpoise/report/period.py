"""A portfolio over a span: what came of it, how it stands, what waits and what comes next. Pure.

The start is what was kept then (:class:`~counterpoise.domain.reporting.Base`), the end is a look's journaled document:
nothing is valued anew. The change of price is what is left of the change of equity once everything booked is taken
out, so that ``start + price + funding - fees + flows = end`` holds exactly (MEANING 23).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from counterpoise.domain.hedge_book import CENT, BookLine, ClosedHedge
from counterpoise.domain.instants import iso
from counterpoise.domain.instrument import is_spot
from counterpoise.domain.numbers import ZERO, dec, quantize, text
from counterpoise.domain.reporting import (
    Base,
    Event,
    HedgeLine,
    Period,
    PeriodReport,
    ReportState,
    Request,
    Tally,
    WeightLine,
)
from counterpoise.report.hedges import HedgeRow, hedge_rows

#: Holds of a look whose equity is sound all the same.
_SOUND = frozenset({"equity_too_low"})

#: A position that ended before a look may be told of after it; not by more than this.
TOLD_LATE = timedelta(days=1)

#: A journaled look (:func:`counterpoise.app.cycle_report.document_of`).
Document = Mapping[str, Any]


def equity_of(document: Document) -> Decimal | None:
    """Return equity as the look saw it; None where it gave none, or nothing was to be decided on it."""
    sound = all(held["reason"] in _SOUND for held in document["held"])
    return dec(document["equity"]) if sound and document["equity"] is not None else None


def base_of_look(
    state: ReportState, document: Document, lines: Iterable[BookLine], why: str = ""
) -> Base | None:
    """Return what a later report looks back to; None where the look does not tell equity, or not all of it."""
    equity = equity_of(document)
    if equity is None or state.owes:
        return None
    lines = _positions(lines)
    at, low = datetime.fromisoformat(document["as_of"]), _distance(document)
    return Base(
        at=at,
        equity=equity,
        tally=state.tally,
        unrealized=_unrealized(lines, _marks(document, lines)),
        opened={_name(x): x.opened_at for x in lines if x.opened_at is not None},
        low=low,
        low_at=at if low is not None else None,
        why=why,
    )


def period_report(
    period: Period,
    base: Base,
    state: ReportState,
    document: Document,
    lines: Iterable[BookLine],
    closed: Iterable[ClosedHedge],
) -> PeriodReport:
    """Return what came of a portfolio since ``base``.

    ``closed`` are hedges that ended, all since some time before ``base`` (:data:`TOLD_LATE`).
    """
    lines = _positions(lines)
    marks = _marks(document, lines)
    end = equity_of(document) if not state.owes else None
    spent = _since(state.tally, base.tally)
    price = hedges = None
    if end is not None:
        price = end - base.equity - spent.flows - spent.funding + spent.fees
        unrealized = _unrealized(lines, marks)
        if unrealized is not None and base.unrealized is not None:
            hedges = spent.hedges + unrealized - base.unrealized
    rows = hedge_rows(filter(lambda c: _ended_since(c, base), closed), lines, marks)
    return PeriodReport(
        portfolio=document["portfolio"],
        period=period,
        quote=state.quote,
        zone=state.zone,
        since=base.at,
        until=datetime.fromisoformat(document["as_of"]),
        why=base.why,
        start=base.equity,
        end=end,
        unknown=_unknown(document) if end is None else (),
        flows=spent.flows,
        funding=spent.funding,
        fees=spent.fees,
        price=price,
        hedges=hedges,
        coins=price - hedges if price is not None and hedges is not None else None,
        outside=spent.outside,
        weights=tuple(_weights(document["weights"])),
        open=tuple(_line(r) for r in rows if r.closed_at is None),
        ended=tuple(_line(r) for r in rows if r.closed_at is not None),
        distance=_distance(document),
        low=base.low,
        low_at=base.low_at,
        unseen=tuple(v["unseen"] for v in document["margin"].values() if v["unseen"]),
        state=document["state"],
        state_since=_instant(document.get("state_since")),
        state_why=document.get("state_why"),
        requests=tuple(_requests(document.get("approvals", ()))),
        events=tuple(_events(document.get("events", ()))),
    )


def document_of_period(report: PeriodReport) -> dict[str, object]:
    """Return ``report`` as a JSON object: Decimals as text, times in UTC, null is unknown and never zero."""
    return {
        "portfolio": report.portfolio,
        "period": report.period.value,
        "since": iso(report.since),
        "until": iso(report.until),
        "zone": report.zone,
        "since_why": report.why or None,
        "quote": report.quote,
        "equity": {"start": text(report.start), "end": _text(report.end)},
        "unknown": list(report.unknown),
        "gain": _text(report.gain),
        "price": _text(report.price),
        "price_coins": _text(report.coins),
        "price_hedges": _text(report.hedges),
        "funding": text(report.funding),
        "fees": text(report.fees),
        "flows": text(report.flows),
        "fees_outside": {asset: text(fee) for asset, fee in report.outside.items()},
        "weights": {
            w.asset: {"effective": text(w.now), "target": _text(w.target)} for w in report.weights
        },
        "hedges_open": [_hedge(h) for h in report.open],
        "hedges_closed": [_hedge(h) for h in report.ended],
        "margin": {
            "distance": _text(report.distance),
            "lowest": _text(report.low),
            "lowest_at": iso(report.low_at) if report.low_at is not None else None,
            "unseen": list(report.unseen),
        },
        "state": report.state,
        "state_since": iso(report.state_since) if report.state_since is not None else None,
        "state_why": report.state_why,
        "requests": [
            {"id": r.id, "text": r.text, "deadline_at": iso(r.deadline_at)} for r in report.requests
        ],
        "events": [
            {"at": iso(e.at), "kind": e.kind, "text": e.text, "amount": _text(e.amount)}
            for e in report.events
        ],
    }


def _distance(document: Document) -> Decimal | None:
    """The distance to liquidation of the pool that is nearest to it."""
    found = [v["distance"] for v in document["margin"].values()]
    return min((dec(d) for d in found if d is not None), default=None)


def _since(now: Tally, then: Tally) -> Tally:
    outside = {a: fee - then.outside.get(a, ZERO) for a, fee in now.outside.items()}
    return Tally(
        funding=now.funding - then.funding,
        fees=now.fees - then.fees,
        flows=now.flows - then.flows,
        hedges=now.hedges - then.hedges,
        outside={a: fee for a, fee in outside.items() if fee},
    )


def _positions(lines: Iterable[BookLine]) -> tuple[BookLine, ...]:
    return tuple(x for x in lines if x.qty != 0 and not is_spot(x.symbol))


def _marks(document: Document, lines: Iterable[BookLine]) -> dict[tuple[str, str], Decimal]:
    known = document["prices"]
    return {(x.venue, x.symbol): dec(known[x.symbol]) for x in lines if x.symbol in known}


def _unrealized(
    lines: Iterable[BookLine], marks: Mapping[tuple[str, str], Decimal]
) -> Decimal | None:
    """What open hedges would bring by price; None where one of them has no price."""
    total = ZERO
    for line in lines:
        mark = marks.get((line.venue, line.symbol))
        if mark is None:
            return None
        total += line.unrealized(mark)
    return total


def _name(line: BookLine | ClosedHedge) -> str:
    return f"{line.strategy}|{line.venue}|{line.symbol}"


def _ended_since(hedge: ClosedHedge, base: Base) -> bool:
    """Whether it ended in the span; one that ended before it and was told of later counts here."""
    return hedge.closed_at > base.at or base.opened.get(_name(hedge)) == hedge.opened_at


def _line(row: HedgeRow) -> HedgeLine:
    known = row.closed_at is not None or row.unrealized is not None
    return HedgeLine(
        strategy=row.strategy,
        asset=row.asset,
        instrument=row.instrument,
        qty=row.held if row.closed_at is None else row.qty,
        entry=row.entry,
        exit=row.exit,
        closed_at=row.closed_at,
        price=row.price_pnl if known else None,
        funding=row.funding,
        fees=row.fees,
        net=row.net if known else None,
    )


def _hedge(line: HedgeLine) -> dict[str, object]:
    return {
        "strategy": line.strategy,
        "asset": line.asset,
        "instrument": line.instrument,
        "qty": text(line.qty),
        "entry": text(line.entry),
        "exit": _text(line.exit),
        "closed_at": iso(line.closed_at) if line.closed_at is not None else None,
        "price_pnl": _text(line.price),
        "funding": text(quantize(line.funding, CENT)),
        "fees": text(quantize(line.fees, CENT)),
        "net": _text(line.net),
    }


def _weights(rows: Mapping[str, Mapping[str, str | None]]) -> Iterable[WeightLine]:
    for asset, row in rows.items():
        now, target = row["effective"], row["target"]
        if now is not None:
            yield WeightLine(
                asset=asset, now=dec(now), target=dec(target) if target is not None else None
            )


def _requests(rows: Sequence[Mapping[str, str]]) -> Iterable[Request]:
    for row in rows:
        if row["state"] == "waiting":
            yield Request(
                id=row["id"],
                text=f"{row['strategy']} wants {row['wanted']} {row['asset']} instead of {row['cap']}",
                deadline_at=datetime.fromisoformat(row["deadline_at"]),
            )


def _events(rows: Sequence[Mapping[str, str | None]]) -> Iterable[Event]:
    for row in rows:
        amount = row["amount"]
        yield Event(
            at=datetime.fromisoformat(str(row["at"])),
            kind=str(row["kind"]),
            text=str(row["text"]),
            amount=dec(amount) if amount is not None else None,
        )


def _unknown(document: Document) -> tuple[str, ...]:
    """Why equity is not known."""
    return tuple(held["text"] for held in document["held"]) or (
        "something that came in or went out has no price yet",
    )


def _instant(at: str | None) -> datetime | None:
    return datetime.fromisoformat(at) if at is not None else None


def _text(value: Decimal | None) -> str | None:
    return text(value) if value is not None else None
