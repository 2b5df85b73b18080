"""What is said to people far away: documents of the program as a few short lines that read well on a phone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from counterpoise.domain.control import Answer, Word
from counterpoise.domain.instants import shown_at
from counterpoise.domain.numbers import counted, dec, quantize, significant, text
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.records import TradingState
from counterpoise.domain.reporting import Period

_TENTH, _CENT = dec("0.1"), dec("0.01")
#: Lines of one kind; what is more is counted.
_LINES = 12
#: What was seen so long ago is shown with its age.
_OLD_S = 120
_ANSWERS = frozenset({CommandKind.APPROVE, CommandKind.DENY})
_WORDS: Mapping[CommandKind, str] = {
    CommandKind.PAUSE: "Pause",
    CommandKind.RESUME: "Resume",
    CommandKind.REDUCE_ONLY: "Reduce only",
    CommandKind.FLATTEN: "Flatten",
    CommandKind.APPROVE: "Approve",
    CommandKind.DENY: "Deny",
}

HELP = Answer(
    head="What I understand",
    text=(
        "/status - state, equity, weights, margin, what waits for an answer\n"
        "/hedges - what each hedge holds and brought\n"
        "/orders - orders that work\n"
        "/margin - how far liquidation is\n"
        "/plan - what the last look decided and would not do\n"
        "/explain - why, strategy by strategy; /explain ID for an earlier look\n"
        "/report - what came of it since the last daily report; /report week\n"
        "/pause - take orders down, send nothing new; hedges stay\n"
        "/reduceonly - positions may only shrink\n"
        "/resume - strategies act again\n"
        "/flatten - close own futures, then pause\n"
        "/approve ID, /deny ID - answer a request\n"
        "/mute 2h - only what is critical for a while; /mute off\n"
        "With several portfolios: /status NAME, /pause NAME\n"
        "What trades or allows more asks for a yes."
    ),
)


def status(document: Mapping[str, Any]) -> Answer:
    """Return ``status --json`` in short."""
    found = document["portfolios"]
    blocks = [_portfolio(p) for p in found]
    alerts = document["alerts"]
    if alerts["dead"]:
        blocks.append(f"{alerts['dead']} alerts could not be delivered: `counterpoise status`")
    blocks += [f"{p['venue']} wants not to be asked until {p['until']}" for p in document["pauses"]]
    return Answer(head=", ".join(_state(p) for p in found), text="\n\n".join(blocks))


def margin(document: Mapping[str, Any]) -> Answer:
    """Return how far liquidation is, from ``status --json``."""
    lines: list[str] = []
    for p in document["portfolios"]:
        if len(document["portfolios"]) > 1:
            lines.append(f"{p['id']}:")
        if not p["margin"]:
            lines.append("No look has told of it yet")
        for venue, row in p["margin"].items():
            lines += _venue_margin(venue, row)
    return Answer(head="Margin", text="\n".join(lines))


def hedges(rows: Sequence[Mapping[str, Any]]) -> Answer:
    """Return ``hedges --json`` in short: what is open, then what ended last."""
    open_rows = [r for r in rows if r["closed_at"] is None]
    ended = [r for r in rows if r["closed_at"] is not None]
    lines = [
        f"{r['strategy']}: {_qty(r['held'])} {r['asset']} from {_qty(r['entry'])},"
        f" net {_money(r['net'])} (funding {_money(r['funding'])}, fees {_money(r['fees'])})"
        for r in open_rows
    ]
    if ended:
        lines += ["", "Ended:"]
        lines += [
            f"{r['strategy']}: {_qty(r['qty'])} {r['asset']}, net {_money(r['net'])}"
            for r in ended[:5]
        ]
    return Answer(head=f"{counted(len(open_rows), 'hedge')} open", text=_some(lines))


def orders(rows: Sequence[Mapping[str, Any]]) -> Answer:
    """Return orders that work, from ``orders --json``."""
    lines = [
        f"{r['side']} {_qty(r['qty'])} {r['instrument']} at {_qty(r['price']) if r['price'] else 'market'}"
        f" ({r['state']}, {_qty(r['filled_qty'])} filled)"
        for r in rows
    ]
    return Answer(head=f"{counted(len(rows), 'order')} at work", text=_some(lines))


def planned(cycles: Sequence[Mapping[str, Any]]) -> Answer:
    """Return what the newest looks sent, wait for, and would not do."""
    blocks = []
    for cycle in cycles:
        lines = [f"{cycle['portfolio']}, {cycle['as_of']}: {cycle['summary']}"]
        for key, verb in (("orders", "sent"), ("keeps", "works"), ("cancels", "taken down")):
            lines += [f"{verb}: {_order(order)}" for order in cycle.get(key, [])]
        lines += [f"refused: {_order(r['order'])}: {r['text']}" for r in cycle.get("refused", [])]
        lines += [f"{h['symbol']}: {h['text']}" for h in cycle.get("holds", [])]
        lines += [f"held: {h['text']}" for h in cycle.get("held", [])]
        blocks.append(_some(lines))
    return Answer(head="The last look", text="\n\n".join(blocks) or "Nothing was looked at yet")


def explained(cycles: Sequence[Mapping[str, Any]]) -> Answer:
    """Return why the looks decided what they did."""
    blocks = []
    for cycle in cycles:
        lines = [f"{cycle['cycle_id']}: {cycle['summary']}"]
        lines += [
            f"{d['strategy']}: {_qty(d['overlay']['qty'])} {d['overlay']['asset']}: {d['text']}"
            for d in cycle.get("decisions", [])
        ]
        lines += [f"held: {h['text']}" for h in cycle.get("held", [])]
        lines += list(cycle.get("notes", []))
        blocks.append(_some(lines))
    return Answer(head="Why", text="\n\n".join(blocks) or "Nothing was looked at yet")


def reported(period: Period, rows: Sequence[Mapping[str, Any]]) -> Answer:
    """Return ``report --json`` as it is said: the words of a report that is sent."""
    names = ", ".join(row["portfolio"] for row in rows)
    since = "week" if period is Period.WEEKLY else "day"
    blocks = [row["text"] for row in rows]
    if len(rows) > 1:
        blocks = [f"{row['portfolio']}: {row['text']}" for row in rows]
    return Answer(head=f"Report of the {since} ({names})", text="\n\n".join(blocks))


def weighed(word: Word, document: Mapping[str, Any], outlook: str | None) -> Answer:
    """Return what a word would do; ``document`` as :func:`counterpoise.app.desk.written` makes it."""
    lines = [_effect(word, document)]
    if outlook:
        age = document["last_cycle_age_s"]
        old = f" (looked at {_age(age)} ago)" if age is not None and dec(age) >= _OLD_S else ""
        lines.append(f"{outlook}{old}")
    if word.kind is CommandKind.APPROVE and document["state"] != TradingState.RUN:
        lines.append(f"The portfolio is {document['state']}: only /resume lets it trade")
    elif word.kind not in _ANSWERS and document["command"] is not None:
        lines.append(f"The portfolio is {document['state']} now")
    return Answer(head=_head(word, document), text="\n".join(lines))


def taken(word: Word, document: Mapping[str, Any]) -> Answer:
    """Return what was written down and when it takes effect."""
    effect = _effect(word, document)
    if not document["written"]:
        return Answer(head=_head(word, document), text=effect)
    told = f"{effect}\nRecorded as {document['command']['id']}; the next look heeds it"
    return Answer(head=f"{_head(word, document)}: taken", text=told)


def hushed(until: datetime | None, *, known: bool) -> Answer:
    """Return until when what is not critical is held back here."""
    if not known:
        return Answer(
            head="Not done", text="No alerts go to this chat, so there is nothing to mute"
        )
    if until is None:
        return Answer(head="Not muted", text="What was held back comes now")
    told = "What is critical comes all the same; the rest then. A restart of the daemon ends it"
    return Answer(head=f"Muted until {shown_at(until)}", text=told)


def _portfolio(p: Mapping[str, Any]) -> str:
    if p["state"] is None:
        return f"{p['id']} was never run"
    seen = f"{_age(p['age_s'])} ago" if p["age_s"] is not None else f"as of {p['as_of']}"
    lines = [f"{p['id']}: {p['summary']} ({seen})"]
    if p["state_why"]:
        lines.append(f"{p['state']} because {p['state_why']}")
    if p["flattening"]:
        lines.append("closing own futures")
    lines.append(f"Equity {_money(p['equity']) if p['equity'] else 'not known'}")
    lines += [
        f"{asset} {_share(row['effective'])} (coins {_share(row['spot'])}, target {_share(row['target'])})"
        for asset, row in p["weights"].items()
    ]
    for venue, row in p["margin"].items():
        lines += _venue_margin(venue, row)[:1]
    unproven = f", {p['unknown_orders']} unproven" if p["unknown_orders"] else ""
    lines.append(f"{counted(p['open_orders'], 'order')} at work{unproven}")
    lines += [
        f"Waits for an answer: {a['strategy']} from {_qty(a['cap'])} to {_qty(a['wanted'])} {a['asset']},"
        f" /approve {a['id']} or /deny {a['id']}"
        for a in p["approvals"]
        if a["state"] == "waiting"
    ]
    lines += [f"Waits for the next look: {c['kind']} by {c['who']}" for c in p["commands"]]
    return _some(lines)


def _venue_margin(venue: str, row: Mapping[str, Any]) -> list[str]:
    if row["unseen"]:
        return [f"{venue}: margin cannot be judged: {row['unseen']}"]
    if row["distance"] is None:
        return [f"{venue}: nothing is open"]
    lines = [f"{venue}: {_share(row['distance'])} from liquidation (ratio {_share(row['ratio'])})"]
    for pool in row["pools"]:
        prices = ", ".join(f"{s} at {_qty(p)}" for s, p in pool["liquidation"].items() if p)
        missing = _money(pool["missing"])
        lines.append(
            f"- {pool['asset']}: balance {_money(pool['balance'])}, step {pool['step']}"
            + (f", missing {missing}" if dec(pool["missing"]) > 0 else "")
            + (f"; liquidation {prices}" if prices else "")
        )
    return lines


def _state(p: Mapping[str, Any]) -> str:
    return f"{p['id']} {p['state'] or 'never run'}"


def _head(word: Word, document: Mapping[str, Any]) -> str:
    about = f" {word.about}" if word.kind in _ANSWERS else ""
    return f"{_WORDS[word.kind]}{about} ({document['portfolio']})"


def _order(order: Mapping[str, Any]) -> str:
    price = _qty(order["price"]) if order["price"] else "market"
    return f"{order['side']} {_qty(order['qty'])} {order['instrument']} at {price}"


def _effect(word: Word, document: Mapping[str, Any]) -> str:
    """The effect as a sentence; that of an answer begins with a strategy's id, which stays as it is written."""
    said: str = document["effect"]
    return said if word.kind in _ANSWERS else f"{said[:1].upper()}{said[1:]}"


def _some(lines: Iterable[str]) -> str:
    known = list(lines)
    more = len(known) - _LINES
    if more > 1:
        known = [*known[:_LINES], f"... and {more} more: see the command line"]
    return "\n".join(known)


def _share(value: str | None) -> str:
    return f"{text(quantize(dec(value) * 100, _TENTH))} %" if value is not None else "?"


def _money(value: str | None) -> str:
    return f"{quantize(dec(value), _CENT):,}" if value is not None else "?"


def _qty(value: str) -> str:
    return text(significant(dec(value)))


def _age(seconds: str) -> str:
    whole = int(Decimal(seconds))
    return f"{whole} s" if whole < 120 else f"{whole // 60} min"
