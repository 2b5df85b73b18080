"""What a demo run came to, for people: figures from the exchange's own log, in a table and three sentences."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from counterpoise.cli import figures
from counterpoise.cli.figures import count
from counterpoise.cli.output import print_table
from counterpoise.domain.numbers import ZERO

if TYPE_CHECKING:
    from counterpoise.app.demo import DemoSummary


def show_summary(summary: DemoSummary) -> None:
    """Print what the run came to."""
    rows = [
        (
            asset,
            percent(summary.weights_start.get(asset, ZERO)),
            percent(weight),
            percent(summary.targets.get(asset, ZERO)),
        )
        for asset, weight in summary.weights_end.items()
    ]
    columns = ("asset", ">weight at start", ">weight at end", ">target at end")
    print_table("What the exchange's own log says", columns, rows)
    print("\n".join(sentences(summary)))


def sentences(summary: DemoSummary) -> tuple[str, ...]:
    """Return the run in words."""
    days = (summary.market_to - summary.market_from).total_seconds() / 86400
    did = (
        count(summary.cycles, "cycle"),
        count(summary.orders, "order"),
        count(summary.fills, "fill"),
        count(summary.alerts, "alert"),
    )
    band = "inside its bands" if summary.within_band else "OUTSIDE its bands"
    liquidated = f"Liquidations: {summary.liquidations}."
    return (
        f"{days:.1f} days of market in {summary.wall_s} s: {', '.join(did)}.",
        f"The portfolio ended {band}. Duplicate orders: {summary.duplicates}. {liquidated}",
        f"Equity {money(summary.equity_start)} -> {money(summary.equity_end)}.",
    )


def is_sound(summary: DemoSummary) -> bool:
    """Return whether the run showed what the demo is there to show."""
    return summary.within_band and not summary.duplicates and not summary.liquidations


def percent(weight: Decimal) -> str:
    """Return a weight as ``60.1 %``."""
    return figures.percent(weight)


def money(value: Decimal) -> str:
    """Return an amount as ``1,234.50``."""
    return figures.money(value)
