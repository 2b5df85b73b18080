"""What a newcomer sees while the demo runs: prices, weights, hedges, working rungs, last alerts.

On a terminal it is one screen of its own that is redrawn and leaves nothing behind; its panels have fixed heights
and every line is cut at the panel's edge, so that nothing leaps or wraps. Elsewhere (a pipe, a container log) it
is a line per market day.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime
from decimal import Decimal
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from counterpoise.app.cycle_report import CycleReport
from counterpoise.cli.demo_summary import money, percent
from counterpoise.cli.figures import quantity
from counterpoise.domain.decision import Decision
from counterpoise.domain.events import Severity
from counterpoise.domain.message import Message
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.portfolio import PortfolioView

_COLOURS = {Severity.INFO: "cyan", Severity.WARNING: "yellow", Severity.CRITICAL: "bold red"}
_SPARKS = "▁▂▃▄▅▆▇█"
_NOTE = "effective target = shape (BTC 60 %) minus the hedge (50 % of the BTC held)"
#: Alerts shown, and rows that everything but the orders takes: head 4, weights 7, alerts 6.
_ALERTS, _ROWS_BESIDE_ORDERS = 4, 17
#: How wide the first words of hedges and rungs are: so their quantities stand below each other.
_WHO = 10
_FEWEST_ORDERS, _MOST_ORDERS = 1, 8
#: Below these widths the gauge is small, or left out.
_WIDE, _NARROW = 100, 80
_EDGES = 4  # a panel's borders and blanks beside its text


class DemoView:
    """Shows cycles as they come. Use as a context manager.

    ``redraws`` False gives lines even on a terminal.
    """

    def __init__(self, console: Console, *, redraws: bool = True) -> None:
        self._console = console
        self._redraws = redraws and console.is_terminal and not console.is_dumb_terminal
        self._alerts: deque[Message] = deque(maxlen=_ALERTS)
        self._history: deque[Decimal] = deque(maxlen=400)
        self._day: str | None = None
        self._live = Live(console=console, refresh_per_second=12, screen=self._redraws)

    def __enter__(self) -> Self:
        if self._redraws:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._redraws:
            self._live.stop()

    def alert(self, message: Message) -> None:
        """Remember an alert for the screen."""
        self._alerts.append(message)

    def cycle(self, report: CycleReport, start: datetime, end: datetime) -> None:
        """Show one cycle."""
        if not isinstance(report.view, PortfolioView):
            return
        first = next(iter(report.view.assets.values()))
        self._history.append(first.price)
        if self._redraws:
            self._live.update(self._screen(report, report.view, start, end))
        else:
            self._line(report, report.view)

    def _line(self, report: CycleReport, view: PortfolioView) -> None:
        """One line per market day where nothing can be redrawn."""
        day = report.as_of.date().isoformat()
        if day == self._day:
            return
        self._day = day
        weights = "  ".join(
            f"{a} {percent(v.effective_weight)} (target {percent(_target(report, a))})"
            for a, v in view.assets.items()
        )
        self._console.print(
            f"{day}  equity {money(view.equity)}  {weights}", highlight=False, soft_wrap=True
        )

    def _screen(
        self, report: CycleReport, view: PortfolioView, start: datetime, end: datetime
    ) -> Group:
        return Group(
            self._head(report, view, (report.as_of - start) / (end - start)),
            self._weights(report, view),
            self._orders(report),
            self._last_alerts(),
        )

    def _head(self, report: CycleReport, view: PortfolioView, done: float) -> Panel:
        head = Table.grid(expand=True, padding=(0, 2))
        head.add_column(no_wrap=True)
        head.add_column(ratio=1)
        head.add_column(justify="right", no_wrap=True)
        head.add_row(
            Text(f"market time {report.as_of:%Y-%m-%d %H:%M} UTC", style="bold"),
            ProgressBar(total=1000, completed=done * 1000),
            Text(f"equity {money(view.equity)} {view.quote}", style="bold"),
        )
        first = next(iter(view.assets))
        room = self._console.width - _EDGES - len(first) - 2
        return Panel(
            Group(head, _cut(Text(f"{first}  {spark(self._history, room)}", style="blue"))),
            title="Counterpoise demo: a real daemon on a synthetic market",
            border_style="blue",
            height=4,
        )

    def _weights(self, report: CycleReport, view: PortfolioView) -> Panel:
        width = self._console.width
        cells = 21 if width >= _WIDE else 9 if width >= _NARROW else 0
        table = Table(expand=True, box=None, header_style="dim", padding=(0, 2, 0, 0))
        last = "effective target" if width >= _NARROW else "target"
        for name in ("asset", "price", "spot", "futures", "effective", last):
            table.add_column(name, justify="left" if name == "asset" else "right", no_wrap=True)
        if cells:
            table.add_column("", no_wrap=True)
        for asset, seen in view.assets.items():
            target = _target(report, asset)
            table.add_row(
                asset,
                money(seen.price),
                percent(seen.spot_weight),
                _signed(seen.futures_qty),
                percent(seen.effective_weight),
                percent(target),
                *((gauge(seen.effective_weight - target, cells),) if cells else ()),
            )
        quote = (percent(view.spot_quote_weight), "", percent(view.effective_quote_weight))
        table.add_row(view.quote, "1.00", *quote)
        return Panel(
            Group(table, _cut(Text(_NOTE, style="dim"))),
            title="weights: coins stay, futures move the effective weight",
            border_style="dim",
            height=len(view.assets) + 5,
        )

    def _orders(self, report: CycleReport) -> Panel:
        rows = max(self._console.height - _ROWS_BESIDE_ORDERS - 2, _FEWEST_ORDERS)
        rows = min(rows, _MOST_ORDERS)
        hedges = [_hedge(d) for d in (report.decisions.decisions if report.decisions else ())]
        lines = [line for line in hedges if line is not None]
        for order in (*report.plan.keep, *report.results):
            if not order.state.is_final:
                at = f" at {quantity(order.price)}" if order.price is not None else ""
                kind = (f"{'rung' if order.post_only else 'crossing':<{_WHO}}", "green")
                what = f"  {order.side.value} {quantity(order.qty)} {order.symbol}{at}"
                lines.append(Text.assemble(kind, what))
        return Panel(
            Group(*map(_cut, lines[:rows])),
            title="hedges wanted and working rungs",
            border_style="dim",
            height=rows + 2,
        )

    def _last_alerts(self) -> Panel:
        shown = [
            Text.assemble((f"{a.at:%m-%d %H:%M} ", "dim"), (a.text, _COLOURS[a.severity]))
            for a in self._alerts
        ]
        if self._console.width < _NARROW and shown:
            # one line would say little: the newest takes all the lines there are
            newest = shown[-1]
            newest.plain = newest.plain.replace("\n", " ")
            lines = [*newest.wrap(self._console, self._console.width - _EDGES)[:_ALERTS]]
        else:
            lines = [_cut(line) for line in shown]
        return Panel(Group(*lines), title="last alerts", border_style="dim", height=_ALERTS + 2)


def gauge(away: Decimal, cells: int) -> Text:
    """Where the weight stands around its target: the middle is the target, the ends +-5 points."""
    most = Decimal("0.05")
    place = int((max(min(away, most), -most) + most) / (2 * most) * (cells - 1))
    shown = ["·"] * cells
    shown[cells // 2] = "│"
    shown[place] = "●"
    return Text("".join(shown), style="green" if abs(away) <= Decimal("0.03") else "yellow")


def spark(history: deque[Decimal], room: int) -> str:
    """The price so far as a row of at most ``room`` blocks."""
    if len(history) < 2 or room < 1:
        return ""
    shown = list(history)
    if len(shown) > room:
        shown = [shown[(i + 1) * len(shown) // room - 1] for i in range(room)]
    low, high = min(shown), max(shown)
    span = (high - low) or Decimal(1)
    return "".join(_SPARKS[int((p - low) / span * 7)] for p in shown)


def _hedge(decision: Decision) -> Text | None:
    if decision.overlay == 0:
        return None
    side = "short" if decision.overlay < 0 else "long"
    what = f"{side} {quantity(abs(decision.overlay))} {decision.asset}"
    return Text.assemble(
        (f"{decision.strategy:<{_WHO}}", "magenta"),
        f"  {what:<16}  ",
        (decision.reason.text, "dim"),
    )


def _cut(line: Text) -> Text:
    """One line, whatever is in it, with an ellipsis at the edge."""
    line.plain = line.plain.replace("\n", " ")
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _target(report: CycleReport, asset: str) -> Decimal:
    return report.decisions.effective_targets.get(asset, ZERO) if report.decisions else ZERO


def _signed(qty: Decimal) -> str:
    return f"{qty:+,f}" if qty != 0 else "0"
