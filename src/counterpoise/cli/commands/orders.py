"""``counterpoise orders``: our orders, newest first, from the database alone."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from counterpoise.cli import loaded
from counterpoise.cli.figures import quantity
from counterpoise.cli.options import AsJson, ConfigOption, File, Portfolio
from counterpoise.cli.output import print_json, print_table


def command(
    ctx: typer.Context,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    live: Annotated[bool, typer.Option("--open", help="Only orders that are not final.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many per portfolio.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List orders, newest first, from the database."""
    outline = loaded.outline(ctx, file, config)
    chosen = loaded.one_portfolio(tuple(p.id for p in outline.portfolios), portfolio)

    from counterpoise.app.inquire import orders

    document = asyncio.run(orders(outline, chosen, live_only=live, limit=limit))
    if as_json:
        print_json(document)
        return
    rows = [
        (
            str(o["created_at"]),
            o["instrument"],
            o["side"],
            quantity(o["qty"]),
            quantity(o["filled_qty"]),
            quantity(o["price"]) if o["price"] is not None else "market",
            o["state"],
            o["reason"] or "",
            o["client_order_id"],
        )
        for o in document["orders"]
    ]
    if not rows:
        print("No orders." if not live else "No working orders.")
        return
    columns = (
        "created", "instrument", "side", ">quantity", ">filled", ">price", "state", "reason", "id",
    )  # fmt: skip
    print_table("Orders", columns, rows)
