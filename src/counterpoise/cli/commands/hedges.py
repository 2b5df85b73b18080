"""``counterpoise hedges``: what every hedge earned and cost, from the database alone."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from counterpoise.cli import loaded
from counterpoise.cli.figures import UNKNOWN, moment, money, quantity
from counterpoise.cli.options import AsJson, ConfigOption, File, Portfolio
from counterpoise.cli.output import print_json, print_table
from counterpoise.domain.numbers import ZERO, dec, text

_COLUMNS = (
    "!strategy",
    "!instrument",
    "!opened (UTC)",
    "!closed (UTC)",
    ">largest",
    ">now",
    ">entry",
    ">exit",
    ">price PnL",
    ">funding",
    ">fees",
    ">net",
)


def command(
    ctx: typer.Context,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    limit: Annotated[
        int, typer.Option(min=1, help="At most so many closed ones per portfolio.")
    ] = 20,
    as_json: AsJson = False,
) -> None:
    """Show the hedge book: what hedges earned and cost.

    Per strategy: price, funding and fees of its futures.
    """
    outline = loaded.outline(ctx, file, config)
    chosen = loaded.one_portfolio(tuple(p.id for p in outline.portfolios), portfolio)

    from counterpoise.app.clock import WallClock
    from counterpoise.app.inquire import hedges

    document = asyncio.run(hedges(outline, chosen, WallClock().now(), limit=limit))
    if as_json:
        print_json(document)
        return
    rows = document["hedges"]
    if not rows:
        print("No strategy has held futures yet.")
        return
    print_table(
        "Hedge book",
        _COLUMNS,
        [
            (
                row["strategy"],
                row["instrument"],
                moment(row["opened_at"], short=True),
                moment(row["closed_at"], short=True) if row["closed_at"] else "open",
                quantity(row["qty"]),
                quantity(row["held"]),
                money(row["entry"]),
                money(row["exit"]),
                money(row["price_pnl"]),
                money(row["funding"]),
                money(row["fees"]),
                money(row["net"]) if row["unrealized"] is not None else UNKNOWN,
            )
            for row in rows
        ],
    )
    known = [dec(row["net"]) for row in rows if row["unrealized"] is not None]
    unpriced = len(rows) - len(known)
    without = f" ({unpriced} of unknown price left out)" if unpriced else ""
    print(f"Net of all of them{without}: {money(text(sum(known, ZERO)))}")
    print("Price PnL of an open one is at the last cycle's mark; funding received is positive.")
