"""``counterpoise explain``: why the last cycle, or any, acted or held, in words."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from counterpoise.cli import loaded
from counterpoise.cli.explain_view import print_explanation
from counterpoise.cli.options import AsJson, ConfigOption, Portfolio
from counterpoise.cli.output import print_json


def command(
    ctx: typer.Context,
    cycle: Annotated[
        str | None,
        typer.Argument(
            metavar="ID",
            show_default=False,
            help="Id of a cycle, a decision or an alert; else the newest cycle.",
        ),
    ] = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    as_json: AsJson = False,
) -> None:
    """Tell why a cycle acted or held.

    Per strategy: what it saw, what it wants, and what it waits for.
    """
    outline = loaded.outline(ctx, None, config)
    chosen = loaded.one_portfolio(tuple(p.id for p in outline.portfolios), portfolio)

    from counterpoise.app.inquire import explain

    document = asyncio.run(explain(outline, chosen, cycle))
    if as_json:
        print_json(document)
        return
    if not document["cycles"]:
        print("No cycle is recorded yet.")
    for one in document["cycles"]:
        print_explanation(one)
