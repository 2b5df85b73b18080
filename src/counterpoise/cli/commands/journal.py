"""``counterpoise journal``: what happened, cycle by cycle, from the database alone."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from counterpoise.cli import loaded
from counterpoise.cli.figures import moment, money
from counterpoise.cli.options import AsJson, ConfigOption, File, Portfolio
from counterpoise.cli.output import print_json, print_table


def command(
    ctx: typer.Context,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many per portfolio.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the newest cycles and what came of them."""
    outline = loaded.outline(ctx, file, config)
    chosen = loaded.one_portfolio(tuple(p.id for p in outline.portfolios), portfolio)

    from counterpoise.app.inquire import journal

    document = asyncio.run(journal(outline, chosen, limit=limit))
    if as_json:
        print_json(document)
        return
    rows = [
        (
            moment(cycle["at"]),
            cycle["portfolio"],
            str(cycle.get("state") or ""),
            money(cycle.get("equity")),
            cycle["summary"],
        )
        for cycle in document["cycles"]
    ]
    if rows:
        print_table("Journal", ("!at", "portfolio", "state", ">equity", "what happened"), rows)
    else:
        print("No cycle is recorded yet.")
