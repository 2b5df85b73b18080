"""Lasting conditions of venues: what does not answer or trade, and what somebody else has set. One cause, one word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from counterpoise.app.cycle_report import CycleReport
from counterpoise.domain.events import Severity
from counterpoise.domain.instants import iso
from counterpoise.domain.instrument import base_of, is_spot
from counterpoise.domain.numbers import text
from counterpoise.domain.order import WRONG_REPLY, Order, OrderState
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.reasons import Reason
from counterpoise.domain.records import TradingState
from counterpoise.execute.absence import FORGOTTEN_AFTER
from counterpoise.notify.doubt_messages import setting_conditions
from counterpoise.notify.margin_messages import margin_conditions

_Condition = tuple[Severity, str]

#: An outcome that is not proven for so long needs a person.
STUCK_AFTER = timedelta(minutes=2)


def unanswered(
    report: CycleReport, orders: Iterable[Order], raised: frozenset[str]
) -> Iterator[tuple[str, _Condition]]:
    """Venues that do not answer, and why nothing was decided: one cause is told once. ``orders`` are those known."""
    problems: list[str] = []
    for name, venue in report.snapshot.venues.items():
        if not venue.problems:
            continue
        problems += venue.problems
        unseen = report.margin.unseen.get(name)
        text = f"{name} does not answer: {_causes(venue.problems)}"
        if unseen is not None:
            # also where the venue was silent before: it is the margin that was lost now
            key = f"margin_unseen:{name}"
            said = f"{text}. Nothing is decided, and {unseen.text}"
            if _may_be_open(name, report, orders, raised):
                yield key, (Severity.CRITICAL, said)
            else:
                yield key, (Severity.WARNING, f"{said}; as far as is known nothing is open there")
        # what is told as refused for its time is no silence
        told_so = venue.untimely is not None and all(_is_of_time(p) for p in venue.problems)
        if (unseen is None and not told_so) or f"venue:{name}" in raised:
            yield f"venue:{name}", (Severity.WARNING, text)
    gone = any(why.code == "wallet_gone" for why in report.held)
    for why in report.held:
        key = f"hold:{why.code}"
        told = _told_already(why, problems) or (gone and why.code == "flow_unconfirmed")
        if key in raised or not told:
            yield key, (Severity.WARNING, f"No decision: {why.text}")


def _causes(problems: Iterable[str]) -> str:
    """Problems as ``what: why``, those with the same why together."""
    found: dict[str, list[str]] = {}
    for problem in problems:
        what, colon, why = problem.partition(": ")
        found.setdefault(f"{colon}{why}", []).append(what)
    return "; ".join(f"{', '.join(dict.fromkeys(whats))}{why}" for why, whats in found.items())


def _may_be_open(
    venue: str, report: CycleReport, orders: Iterable[Order], raised: frozenset[str]
) -> bool:
    """Whether futures are held at a venue that was not read, foreign ones too, or may be by now."""
    held = any(
        p.venue == venue and p.expected_qty != 0 and not is_spot(p.symbol) for p in report.positions
    )
    works = any(o.venue == venue and not o.is_settled and not is_spot(o.symbol) for o in orders)
    return held or works or any(key.startswith(f"position:{venue}:") for key in raised)


def untimely(report: CycleReport) -> Iterator[tuple[str, _Condition]]:
    """Venues that refuse requests for their time although their clock is measured."""
    for name, venue in report.snapshot.venues.items():
        if venue.untimely is not None:
            yield f"untimely:{name}", (Severity.CRITICAL, venue.untimely.why(name).text)


def key_refused(said: str, venues: tuple[str, ...]) -> str:
    """Return what is told of a key that is not accepted at one of ``venues``: a look needs all of them."""
    if len(venues) < 2:
        return said
    return (
        f"{said}. The portfolio is not looked at until then: at none of {', '.join(venues)} is anything sent, and no"
        " margin is watched"
    )


def _is_of_time(problem: str) -> bool:
    return ": -1021 " in problem or ": 10002 " in problem


def margin_said(
    report: CycleReport, policy: PortfolioPolicy, raised: frozenset[str]
) -> Iterator[tuple[str, _Condition]]:
    """What is to be said of the margin; of a venue that does not answer that is said with it."""
    silent = {f"margin_unseen:{n}" for n, v in report.snapshot.venues.items() if v.problems}
    for key, condition in margin_conditions(
        report.margin, policy.margin, raised, halted=report.state is TradingState.HALT
    ):
        if key not in silent:
            yield key, condition


def unproven_orders(
    report: CycleReport, known: Iterable[Order]
) -> Iterator[tuple[str, _Condition]]:
    """Contracts with orders whose outcome is not proven, and those that this has kept frozen for too long.

    One request that is lost may leave several: they are told together. ``known`` are the rows as the look found them.
    How long follows from the rows, so that a restart forgets nothing.
    """
    rows = {o.client_order_id: o for o in (*known, *report.results)}
    stuck: dict[tuple[str, str], list[Order]] = {}
    lost: dict[tuple[str, str], list[Order]] = {}
    for order in rows.values():
        what = f"{order.side.value} {text(order.qty)} {order.symbol}"
        if _answered_for_another(order):
            said = (
                f"{order.venue} answered for another order than {what} ({order.client_order_id}): {order.reason}. Ours"
                " counts at full size, nothing that adds is sent on this contract, and it is looked up until it is"
                " proven. Look at both orders at the exchange, and for a proxy or program that mixes answers up"
            )
            yield f"wrong_reply:{order.client_order_id}", (Severity.CRITICAL, said)
        elif is_lost(order):
            lost.setdefault((order.venue, order.symbol), []).append(order)
        if order.state.is_unproven and report.as_of - order.updated_at >= STUCK_AFTER:
            stuck.setdefault((order.venue, order.symbol), []).append(order)
    for (venue, symbol), orders in lost.items():
        yield f"order:{venue}:{symbol}", (Severity.WARNING, _lost(venue, symbol, orders))
    for (venue, symbol), orders in stuck.items():
        names = [_stuck(order) for order in orders]
        said = (
            f"{symbol} at {venue} stays frozen: {venue} has not shown for two minutes what became of"
            f" {'; '.join(names)}. It counts at full size, is asked for at every look and never sent again. Look for"
            " it at the exchange; a cancel there settles it as well"
        )
        said += "".join(_forgotten(order) for order in orders)
        yield f"frozen:{venue}:{symbol}", (Severity.CRITICAL, said)


def is_lost(order: Order) -> bool:
    """Return whether nobody knows what became of it, and the venue has not answered for another in its place."""
    return order.state is OrderState.UNKNOWN and not _answered_for_another(order)


def _lost(venue: str, symbol: str, orders: list[Order]) -> str:
    """What is told of orders of a contract whose outcome is not proven."""
    names = "; ".join(
        f"{o.side.value} {text(o.qty)} {base_of(symbol)} ({o.client_order_id})" for o in orders
    )
    known = "; ".join(dict.fromkeys(o.reason for o in orders if o.reason))
    one = len(orders) == 1
    said = (
        f"The outcome of {'an order' if one else f'{len(orders)} orders'} on {symbol} at {venue} is not proven:"
        f" {names}."
        f" {'It counts' if one else 'They count'} at full size, {'is' if one else 'are'} looked up and never sent"
        f" again, and nothing new is sent on this contract until {'it is' if one else 'all are'} proven"
    )
    return f"{said}. What is known: {known}" if known else said


def _stuck(order: Order) -> str:
    what = f"{order.side.value} {text(order.qty)} {order.symbol} ({order.client_order_id})"
    return f"{what}, unproven since {iso(order.updated_at)}"


def _forgotten(order: Order) -> str:
    """What is odd about an order that the venue had taken, and what ends it."""
    if order.venue_order_id is None:
        return ""
    return (
        f". {order.venue} had acknowledged {order.client_order_id} as number {order.venue_order_id}, and keeps such"
        " orders for three days: that it is not found is no proof before then. Look for that number in the order and"
        " trade history there: a trade of it that is missing here, or an order that was never recorded, is a case for"
        f" the venue's support. Not found and without a trade it counts as ended from"
        f" {iso(order.created_at + FORGOTTEN_AFTER)} on; until then only the margin guard acts on this contract"
    )


def _answered_for_another(order: Order) -> bool:
    """Whether the venue's answer to it, or to its cancel, told of an order that is not it, and nothing since."""
    return WRONG_REPLY in (order.reason or "") and (
        order.state in {OrderState.UNKNOWN, OrderState.PENDING_CANCEL}
    )


def unproven_cancels(
    report: CycleReport, known: Iterable[Order]
) -> Iterator[tuple[str, _Condition]]:
    """Orders whose cancel was asked for, again and again, and that have not gone for too long.

    ``known`` are the rows as the look found them. What is shown open, and was not asked to go again, is no trouble.
    """
    rows = {o.client_order_id: o for o in (*known, *report.results)}
    stuck: dict[tuple[str, str], list[str]] = {}
    for order in rows.values():
        since = order.leaving_since
        if since is None or order.state not in {OrderState.PENDING_CANCEL, OrderState.UNKNOWN}:
            continue
        if report.as_of - since >= STUCK_AFTER:
            what = f"{order.side.value} {text(order.qty)} {order.symbol}"
            said = f" ({order.reason})" if order.reason else ""
            stuck.setdefault((order.venue, order.symbol), []).append(
                f"{what} ({order.client_order_id}), asked for since {iso(since)}{said}"
            )
    for (venue, symbol), names in stuck.items():
        said = (
            f"{symbol} at {venue}: an order that shall go has not gone for two minutes: {'; '.join(names)}. It may fill"
            " meanwhile and counts at full size; its cancel is asked for at every look. Cancel it at the exchange"
        )
        yield f"leaving:{venue}:{symbol}", (Severity.CRITICAL, said)


def inactive(report: CycleReport) -> Iterator[tuple[str, _Condition]]:
    """Instruments that do not trade (a halt, a delisting) although something is wanted or held in them."""
    for hold in report.plan.holds:
        if hold.reason.code == "instrument_inactive":
            text = f"Nothing is sent: {hold.reason.text}"
            yield f"inactive:{hold.symbol}", (Severity.CRITICAL, text)


def residues(report: CycleReport) -> Iterator[tuple[str, _Condition]]:
    """What is missing and too little to trade: left as it is, and told once."""
    for hold in report.plan.holds:
        if hold.reason.code == "below_minimum":
            text = f"{hold.symbol} is left as it is: {hold.reason.text}"
            yield f"residue:{hold.symbol}", (Severity.INFO, text)


def _told_already(why: Reason, problems: list[str]) -> bool:
    """Whether what is missing is what a venue did not answer."""
    part = why.numbers.get("missing", "").partition(" of ")[0]
    return why.code == "not_valued" and any(p.startswith(part) for p in problems)


def settings_now(report: CycleReport, raised: frozenset[str]) -> Iterator[tuple[str, _Condition]]:
    """Settings that differ; what a venue does not tell now is as it was told before."""
    yield from setting_conditions(report.margin.changes, None)
    for name, venue in report.snapshot.venues.items():
        if venue.account is None:
            for key in raised:
                if key.startswith(f"settings:{name}:"):
                    yield key, (Severity.CRITICAL, "")
