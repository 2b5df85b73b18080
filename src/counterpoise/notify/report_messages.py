"""Regular reports in words: first what came of it in a sentence, then figures in short lines that stand in columns.

Made to be read on a phone: amounts to the cent, times by the clock of the reader's zone. The exact values are in the
alert's ``data``. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

from counterpoise.domain.events import Alert, Severity, alert
from counterpoise.domain.instants import iso
from counterpoise.domain.instants import short_at as _at
from counterpoise.domain.numbers import counted, dec, quantize, significant, text
from counterpoise.domain.records import TradingState
from counterpoise.domain.reporting import Event, HedgeLine, PeriodReport

#: What a command begins with: on the command line, and said to the bot.
COMMAND_LINE, BOT = "counterpoise ", "/"

_CENT, _TENTH = dec("0.01"), dec("0.1")
#: A report this much after its instant says so.
LATE = timedelta(minutes=20)
#: A distance to liquidation that was nearer by less is not told.
_NEARER = dec("0.005")
#: Lines of one kind; what is more is counted.
_MANY = 6
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


def report_told(report: PeriodReport, due_at: datetime) -> Alert:
    """Return the alert that is the report, which was due at ``due_at``."""
    late = due_at if report.until - due_at >= LATE else None
    return alert(
        report.portfolio,
        report.period.kind,
        Severity.INFO,
        report_text(report, late),
        report.until,
        data=_data(report, due_at),
    )


def report_text(
    report: PeriodReport, late: datetime | None = None, *, word: str = COMMAND_LINE
) -> str:
    """Return ``report`` in words; ``late``: when it should have been made, ``word``: what a command begins with."""
    zone = _zone(report.zone)
    blocks = [
        _outcome(report, zone, late),
        _table(report, zone),
        _weights(report),
        _hedges(report, zone),
        _standing(report, zone, word),
        _next(report.events, zone),
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _outcome(report: PeriodReport, zone: tzinfo, late: datetime | None) -> list[str]:
    gain, length = report.gain, _length(report.until - report.since)
    if gain is None:
        why = "; ".join(report.unknown[:2])
        lines = [f"Equity is not known now: {why}. Figures since the last known one, {length} ago:"]
    else:
        since = f", since {report.why}" if report.why else ""
        lines = [f"{_outcome_of(report, gain)} in {length}{since}."]
        if report.flows:
            lines.append("What was paid in or taken out is left out of that.")
    if late is not None:
        lines.append(f"Late: it was due {_at(late, zone)}.")
    return lines


def _outcome_of(report: PeriodReport, gain: Decimal) -> str:
    if report.end is None:
        return "Not known"
    shown = _cents(report.end) - _cents(report.start) - _cents(report.flows)
    if not shown:
        return "Unchanged"
    part = f" ({_signed_share(gain / report.start)})" if report.start > 0 else ""
    return f"{'Up' if shown > 0 else 'Down'} {_money(abs(shown))} {report.quote}{part}"


def _in_a_title(said: str) -> str:
    return f"{said[:1].lower()}{said[1:]}"


def _table(report: PeriodReport, zone: tzinfo) -> list[str]:
    rows = [(f"From {_at(report.since, zone)}", _money(report.start))]
    price = _price_shown(report)
    if report.hedges is not None and price is not None:
        coins = price - _cents(report.hedges)
        rows += [("Price of coins", _signed(coins)), ("Price of hedges", _signed(report.hedges))]
    else:
        rows += [("Price", _signed(price) if price is not None else "not known")]
    rows += [("Funding", _signed(report.funding)), ("Fees", _signed(-report.fees))]
    if report.flows:
        rows.append(("Paid in" if report.flows > 0 else "Taken out", _signed(report.flows)))
    end = _money(report.end) if report.end is not None else "not known"
    rows.append((f"To {_at(report.until, zone)}", end))
    wide = max(len(amount) for _, amount in rows)
    lines = _columns([(name, f"{amount:>{wide}}") for name, amount in rows])
    paid = ", ".join(f"{_qty(fee)} {asset}" for asset, fee in sorted(report.outside.items()))
    return [*lines, f"Fees beside that, not part of equity: {paid}"] if paid else lines


def _price_shown(report: PeriodReport) -> Decimal | None:
    """What price is to be so that the lines add up as they are shown: it is the remainder, that of rounding too."""
    if report.end is None:
        return None
    booked = _cents(report.funding) - _cents(report.fees) + _cents(report.flows)
    return _cents(report.end) - _cents(report.start) - booked


def _weights(report: PeriodReport) -> list[str]:
    rows = []
    for w in report.weights:
        target = f"  target {_share(w.target):>7}" if w.target is not None else ""
        rows.append((w.asset, f"{_share(w.now):>7}{target}"))
    return ["Weights, hedges included:", *_some(_columns(rows))] if rows else []


def _hedges(report: PeriodReport, zone: tzinfo) -> list[str]:
    lines = (
        [f"{counted(len(report.open), 'hedge')} open:"] if report.open else ["No hedge is open."]
    )
    lines += _some([_open(h) for h in report.open])
    if report.ended:
        lines.append(f"{len(report.ended)} ended:")
        newest = sorted(report.ended, key=lambda h: h.closed_at or report.since, reverse=True)
        lines += _some([_ended(h, zone) for h in newest])
    return lines


def _open(hedge: HedgeLine) -> str:
    net = f"net {_signed(hedge.net)}" if hedge.net is not None else "no price now"
    return f"{hedge.strategy}: {_position(hedge)} from {_price(hedge.entry)}, {net}"


def _ended(hedge: HedgeLine, zone: tzinfo) -> str:
    if not hedge.qty:
        return f"{hedge.strategy}: funding {_signed(hedge.funding)} of {hedge.asset}, told late"
    exit_at = _price(hedge.exit) if hedge.exit is not None else "?"
    when = f" {_at(hedge.closed_at, zone)}" if hedge.closed_at is not None else ""
    return (
        f"{hedge.strategy}: {_position(hedge)} {_price(hedge.entry)} to {exit_at}{when},"
        f" net {_known(hedge.net)} (price {_known(hedge.price)},"
        f" funding {_signed(hedge.funding)}, fees {_signed(-hedge.fees)})"
    )


def _position(hedge: HedgeLine) -> str:
    return f"{'short' if hedge.qty < 0 else 'long'} {_qty(abs(hedge.qty))} {hedge.asset}"


def _standing(report: PeriodReport, zone: tzinfo, word: str) -> list[str]:
    lines = [f"Margin cannot be judged: {why}" for why in report.unseen]
    if report.distance is not None:
        lines.append(f"Liquidation is {_share(report.distance)} away{_lowest(report, zone)}.")
    elif not report.unseen:
        lines.append(f"Nothing can be liquidated now{_lowest(report, zone)}.")
    if report.state != TradingState.RUN.value:
        since = f" since {_at(report.state_since, zone)}" if report.state_since else ""
        why = f": {report.state_why}" if report.state_why else ""
        lines.append(f"{report.state}{since}{why}. {_said(word, 'resume')} lets it trade again.")
    else:
        lines.append("Trading is on (RUN).")
    if not report.requests:
        lines.append("Nothing waits for your answer.")
    lines += [
        f"Waits for your answer until {_at(r.deadline_at, zone)}: {r.text},"
        f" {_said(word, f'approve {r.id}')} or {_said(word, f'deny {r.id}')}"
        for r in report.requests
    ]
    return lines


def _said(word: str, command: str) -> str:
    # without marks around it the bot's word can be tapped
    return f"/{command}" if word == BOT else f"`{word}{command}`"


def _lowest(report: PeriodReport, zone: tzinfo) -> str:
    """How near it has been, where that was nearer than now."""
    if report.low is None or report.low_at is None:
        return ""
    if report.distance is not None and report.low > report.distance - _NEARER:
        return ""
    return f"; at the nearest it was {_share(report.low)}, {_at(report.low_at, zone)}"


def _next(events: Sequence[Event], zone: tzinfo) -> list[str]:
    rows = []
    for e in events:
        about = f", about {_signed(e.amount)}" if e.amount is not None else ""
        rows.append((_at(e.at, zone), f"{e.text}{about}"))
    return ["Next:", *_some(_columns(rows))] if rows else []


def _data(report: PeriodReport, due_at: datetime) -> dict[str, str]:
    """The exact values; what is not known is left out."""
    known: dict[str, Decimal | None] = {
        "equity_start": report.start,
        "equity_end": report.end,
        "gain": report.gain,
        "price": report.price,
        "price_coins": report.coins,
        "price_hedges": report.hedges,
        "funding": report.funding,
        "fees": report.fees,
        "flows": report.flows,
        "distance": report.distance,
        "lowest_distance": report.low,
    }
    weights = [f"{w.asset}={text(w.now)}" for w in report.weights]
    targets = [f"{w.asset}={text(w.target)}" for w in report.weights if w.target is not None]
    return {
        "outcome": _in_a_title(_outcome_of(report, report.gain))
        if report.gain is not None
        else "equity is not known",
        "starts_at": iso(report.since),
        "ends_at": iso(report.until),
        "due_at": iso(due_at),
        "quote": report.quote,
        "trading_state": report.state,
        "hedges_open": str(len(report.open)),
        "hedges_closed": str(len(report.ended)),
        "requests": str(len(report.requests)),
        **{key: text(value) for key, value in known.items() if value is not None},
        **({"weights": ",".join(weights)} if weights else {}),
        **({"targets": ",".join(targets)} if targets else {}),
    }


def _columns(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Rows as lines: the first column as wide as its widest."""
    wide = max((len(first) for first, _ in rows), default=0)
    return [f"{first:<{wide}}  {second}" for first, second in rows]


def _some(lines: Iterable[str]) -> list[str]:
    known = list(lines)
    more = len(known) - _MANY
    return [*known[:_MANY], f"... and {more} more"] if more > 1 else known


def _zone(name: str) -> tzinfo:
    return UTC if name == "UTC" else ZoneInfo(name)


def _length(span: timedelta) -> str:
    """A span as people say it, to the hour from two hours on, to the day from three days on."""
    if span >= 3 * _DAY:
        days, hours = divmod(round(span / _HOUR), 24)
        return f"{days} d {hours} h" if hours else f"{days} d"
    if span >= 2 * _HOUR:
        return f"{round(span / _HOUR)} h"
    return f"{max(1, round(span / timedelta(minutes=1)))} min"


def _cents(value: Decimal) -> Decimal:
    return quantize(value, _CENT)


def _money(value: Decimal) -> str:
    return f"{_cents(value):,}"


def _known(value: Decimal | None) -> str:
    """What is not known is never shown as nothing."""
    return "unknown" if value is None else _signed(value)


def _signed(value: Decimal) -> str:
    rounded = _cents(value)
    return f"{rounded:+,}" if rounded else "0.00"


def _share(value: Decimal) -> str:
    return f"{quantize(value * 100, _TENTH)} %"


def _signed_share(value: Decimal) -> str:
    return f"{quantize(value * 100, _CENT):+} %"


def _qty(value: Decimal) -> str:
    return text(significant(value))


def _price(value: Decimal) -> str:
    shown = quantize(value, _CENT) if value >= 10 else significant(value, 5)
    return f"{shown.normalize():,f}" if shown else "0"
