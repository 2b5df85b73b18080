"""What a newcomer sees while the demo runs: prices, weights, hedges, working rungs, last alerts.

On a terminal it is one screen that is redrawn; elsewhere (a pipe, a container log) a line per market day.
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
from counterpoise.app.demo import DemoSummary
from counterpoise.domain.events import Alert, Severity
from counterpoise.domain.numbers import ZERO, text
from counterpoise.domain.portfolio import PortfolioView

_COLOURS = {Severity.INFO: "cyan", Severity.WARNING: "yellow", Severity.CRITICAL: "bold red"}
_SPARKS = "▁▂▃▄▅▆▇█"


class DemoView:
    """Shows cycles as they come. Use as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._alerts: deque[Alert] = deque(maxlen=6)
        self._history: deque[Decimal] = deque(maxlen=400)
        self._day: str | None = None
        self._live = Live(console=console, refresh_per_second=12, screen=False, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._live.stop()

    def alert(self, alert: Alert) -> None:
        """Remember an alert for the screen."""
        self._alerts.append(alert)

    def cycle(self, report: CycleReport, start: datetime, end: datetime) -> None:
        """Show one cycle."""
        if not isinstance(report.view, PortfolioView):
            return
        first = next(iter(report.view.assets.values()))
        self._history.append(first.price)
        if self._console.is_terminal:
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
            f"{a} {_pct(v.effective_weight)} of {_pct(_target(report, a))}"
            for a, v in view.assets.items()
        )
        self._console.print(f"{day}  equity {_money(view.equity)}  {weights}", highlight=False)

    def _screen(
        self, report: CycleReport, view: PortfolioView, start: datetime, end: datetime
    ) -> Group:
        done = (report.as_of - start) / (end - start)
        head = Table.grid(expand=True, padding=(0, 2))
        head.add_column()
        head.add_column(ratio=1)
        head.add_column(justify="right")
        head.add_row(
            Text(f"market time {report.as_of:%Y-%m-%d %H:%M} UTC", style="bold"),
            ProgressBar(total=1000, completed=done * 1000),
            Text(f"equity {_money(view.equity)} {view.quote}", style="bold"),
        )
        first = next(iter(view.assets))
        return Group(
            Panel(
                Group(head, Text(f"{first}  {_spark(self._history)}", style="blue")),
                title="Counterpoise demo: a real daemon on a synthetic market",
                border_style="blue",
            ),
            self._weights(report, view),
            self._orders(report),
            self._last_alerts(),
        )

    def _weights(self, report: CycleReport, view: PortfolioView) -> Panel:
        table = Table(expand=True, box=None, header_style="dim")
        for name in ("asset", "price", "spot", "futures", "effective", "target", ""):
            table.add_column(name, justify="left" if name in {"asset", ""} else "right")
        for asset, seen in view.assets.items():
            target = _target(report, asset)
            table.add_row(
                asset,
                _money(seen.price),
                _pct(seen.spot_weight),
                _signed(seen.futures_qty),
                _pct(seen.effective_weight),
                _pct(target),
                _gauge(seen.effective_weight - target),
            )
        table.add_row(
            view.quote,
            "1.00",
            _pct(view.spot_quote_weight),
            "",
            _pct(view.effective_quote_weight),
            "",
            "",
        )
        note = "spot never moves: futures bring the effective weight to its target"
        return Panel(table, title="weights", subtitle=note, border_style="dim")

    def _orders(self, report: CycleReport) -> Panel:
        table = Table.grid(padding=(0, 2))
        for hedge in report.decisions.decisions if report.decisions else ():
            if hedge.overlay != 0:
                side = "short" if hedge.overlay < 0 else "long"
                table.add_row(
                    Text(hedge.strategy, style="magenta"),
                    f"{side} {text(abs(hedge.overlay))} {hedge.asset}",
                    Text(hedge.reason.text, style="dim"),
                )
        working = [o for o in (*report.plan.keep, *report.results) if not o.state.is_final]
        for order in working[:5]:
            table.add_row(
                Text("rung" if order.post_only else "crossing", style="green"),
                f"{order.side.value} {text(order.qty)} {order.symbol}",
                f"at {text(order.price or ZERO)}",
            )
        return Panel(table, title="hedges wanted and working rungs", border_style="dim")

    def _last_alerts(self) -> Panel:
        lines = [
            Text.assemble((f"{a.raised_at:%m-%d %H:%M} ", "dim"), (a.text, _COLOURS[a.severity]))
            for a in self._alerts
        ]
        return Panel(Group(*lines), title="last alerts", border_style="dim")


def show_summary(console: Console, summary: DemoSummary) -> None:
    """Print what the run came to."""
    table = Table(title="What the exchange's own log says", title_style="bold", min_width=60)
    for name in ("asset", "weight at start", "weight at end", "target at end"):
        table.add_column(name, justify="left" if name == "asset" else "right")
    for asset, weight in summary.weights_end.items():
        table.add_row(
            asset,
            _pct(summary.weights_start.get(asset, ZERO)),
            _pct(weight),
            _pct(summary.targets.get(asset, ZERO)),
        )
    console.print(table)
    days = (summary.market_to - summary.market_from).total_seconds() / 86400
    band = "inside its bands" if summary.within_band else "OUTSIDE its bands"
    console.print(
        f"{days:.1f} days of market in {summary.wall_s} s: {summary.cycles} cycles, {summary.orders} orders,"
        f" {summary.fills} fills, {summary.alerts} alerts.\n"
        f"The portfolio ended {band}. Duplicate orders: {summary.duplicates}."
        f" Liquidations: {summary.liquidations}.\n"
        f"Equity {_money(summary.equity_start)} -> {_money(summary.equity_end)}.",
        highlight=False,
    )


def _target(report: CycleReport, asset: str) -> Decimal:
    return report.decisions.effective_targets.get(asset, ZERO) if report.decisions else ZERO


def _pct(weight: Decimal) -> str:
    return f"{weight * 100:.1f} %"


def _money(value: Decimal) -> str:
    return f"{value:,.2f}"


def _signed(qty: Decimal) -> str:
    return f"{qty:+f}" if qty != 0 else "0"


def _gauge(away: Decimal) -> Text:
    """Where the weight stands around its target: the middle is the target, the ends +-5 points."""
    width = 21
    place = int((max(min(away, Decimal("0.05")), Decimal("-0.05")) + Decimal("0.05")) * 200)
    cells = ["·"] * width
    cells[width // 2] = "│"
    cells[place] = "●"
    return Text("".join(cells), style="green" if abs(away) <= Decimal("0.03") else "yellow")


def _spark(history: deque[Decimal]) -> str:
    """The price so far as a row of blocks."""
    if len(history) < 2:
        return ""
    step = max(len(history) // 80, 1)
    shown = list(history)[::step][-80:]
    low, high = min(shown), max(shown)
    span = (high - low) or Decimal(1)
    return "".join(_SPARKS[int((p - low) / span * 7)] for p in shown)
