"""``counterpoise report``: what came of the portfolios since their last daily or weekly report, from the database."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from counterpoise.cli import loaded
from counterpoise.cli.options import AsJson, ConfigOption, File, Portfolio
from counterpoise.cli.output import print_json


def command(
    ctx: typer.Context,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    week: Annotated[
        bool, typer.Option("--week", help="Since the last weekly report, not the last daily one.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what came of a portfolio since its last report.

    Equity, price, funding, fees, weights, hedges, what comes next.
    """
    outline = loaded.outline(ctx, file, config)
    chosen = loaded.one_portfolio(tuple(p.id for p in outline.portfolios), portfolio)

    from counterpoise.app.clock import WallClock
    from counterpoise.app.report_view import reports
    from counterpoise.domain.reporting import Period

    period = Period.WEEKLY if week else Period.DAILY
    document = asyncio.run(reports(outline, chosen, period, WallClock().now()))
    if as_json:
        print_json(document)
        return
    for number, one in enumerate(document["reports"]):
        if number:
            print()
        if len(chosen) > 1 or one["since"] is None:
            print(f"Portfolio {one['portfolio']}")
        print(one["text"])
