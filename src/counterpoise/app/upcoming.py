"""What is to come for a portfolio, as far as a look and the records know it: part of a look's journal row. Pure.

Funding of every contract that holds something, ends of dated futures, calendars and windows of strategies, deadlines of
requests, the end of other weights, words of operators that wait for their time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal

from counterpoise.app.calendar import next_instants
from counterpoise.domain.funding import payment
from counterpoise.domain.hedge_book import CENT
from counterpoise.domain.instants import iso
from counterpoise.domain.instrument import base_of, quote_of
from counterpoise.domain.numbers import quantize, text
from counterpoise.domain.operator import Approval, ApprovalState
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.records import Recorded
from counterpoise.domain.reporting import Event
from counterpoise.domain.snapshot import Quote, Snapshot
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.domain.strategy.conditions import During


def event_rows(
    policy: PortfolioPolicy,
    snapshot: Snapshot,
    recorded: Recorded,
    requests: Iterable[Approval],
) -> tuple[dict[str, str | None], ...]:
    """Return what comes after the look as JSON, the nearest first; ``requests`` are those that wait or cap."""
    events = [
        *_of_contracts(snapshot),
        *_of_strategies(policy, snapshot.as_of),
        *_of_people(recorded, requests),
    ]
    coming = sorted((e for e in events if e.at > snapshot.as_of), key=lambda e: (e.at, e.text))
    return tuple(
        {
            "at": iso(e.at),
            "kind": e.kind,
            "text": e.text,
            "amount": text(quantize(e.amount, CENT)) if e.amount is not None else None,
        }
        for e in coming
    )


def _of_contracts(snapshot: Snapshot) -> Iterator[Event]:
    for seen in snapshot.venues.values():
        positions = seen.account.positions.values() if seen.account is not None else ()
        for held in positions:
            if held.qty == 0:
                continue
            coin, quote = base_of(held.symbol), seen.quotes.get(held.symbol)
            if quote is not None and quote.next_funding_at is not None:
                yield Event(
                    at=quote.next_funding_at,
                    kind="funding",
                    text=f"funding of {coin}",
                    amount=_funding(held.qty, quote),
                )
            instrument = seen.instruments.get(held.symbol)
            if instrument is not None and instrument.expiry_at is not None:
                yield Event(at=instrument.expiry_at, kind="expiry", text=f"{held.symbol} ends")


def _funding(qty: Decimal, quote: Quote) -> Decimal | None:
    """What would be received at the rate that is told now; None where it is not told, or not in quote."""
    linear = quote.symbol.partition(":")[2].partition("-")[0] == quote_of(quote.symbol)
    if quote.funding_rate is None or quote.fair is None or not linear:
        return None
    return payment(qty, quote.fair, quote.funding_rate)


def _of_strategies(policy: PortfolioPolicy, now: datetime) -> Iterator[Event]:
    for strategy, at in next_instants(policy, now).items():
        yield Event(at=at, kind="calendar", text=f"{strategy} by its calendar")
    for one in policy.strategies:
        if isinstance(one, HedgePolicy) and isinstance(one.when, During):
            yield Event(at=one.when.start_at, kind="window", text=f"{one.id} begins")
            yield Event(at=one.when.end_at, kind="window", text=f"{one.id} ends")


def _of_people(recorded: Recorded, requests: Iterable[Approval]) -> Iterator[Event]:
    for request in requests:
        if request.state is ApprovalState.WAITING:
            said = f"last answer to {request.id} ({request.strategy})"
            yield Event(at=request.deadline_at, kind="deadline", text=said)
    override = recorded.portfolio.override
    if override is not None:
        yield Event(at=override.until_at, kind="override", text="back to the config's weights")
    for command in recorded.commands:
        if command.due_at is not None:
            about = command.args.get("strategy") or command.kind.value
            said = about if about == command.kind.value else f"{command.kind.value} {about}"
            yield Event(at=command.due_at, kind="word", text=f"{said}, as {command.who} said")
