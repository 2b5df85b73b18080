"""``counterpoise orders``: our orders, newest first, from the database alone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from counterpoise.cli import loaded
from counterpoise.cli.figures import UNKNOWN, moment, quantity
from counterpoise.cli.options import AsJson, ConfigOption, File, Portfolio
from counterpoise.cli.output import print_json, print_table, width
from counterpoise.domain.order import OrderState, is_unsent

#: From this width on ids and reasons fit.
_WIDE = 120


def command(
    ctx: typer.Context,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    live: Annotated[bool, typer.Option("--open", help="Only orders that are not final.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many per portfolio.")] = 50,
    whole: Annotated[
        bool, typer.Option("--long", help="Ids and reasons too, on a narrow terminal as well.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List orders, newest first, from the database."""
    outline = loaded.outline(ctx, file, config)
    chosen = loaded.one_portfolio(tuple(p.id for p in outline.portfolios), portfolio)

    from counterpoise.app.inquire import orders

    document = asyncio.run(orders(outline, chosen, live_only=live, limit=limit))
    if as_json:
        print_json(document)
    elif not document["orders"]:
        print("No orders." if not live else "No working orders.")
    else:
        _print(document["orders"], whole=whole or width() >= _WIDE)


def _print(orders: Sequence[Mapping[str, Any]], *, whole: bool) -> None:
    """``average`` is what was paid. Figures and state are never cut; reasons and ids only stand where there is room."""
    columns = [
        "!created" if whole else "!created UTC",
        "!instrument",
        "!side",
        ">quantity",
        ">filled",
        ">price",
        ">average",
        "!state",
    ]
    rows = [
        [
            # without room: month, day and time of the same
            moment(o["created_at"]) if whole else moment(o["created_at"])[5:16],
            o["instrument"],
            o["side"],
            quantity(o["qty"]),
            quantity(o["filled_qty"]),
            quantity(o["price"]) if o["price"] is not None else "market",
            quantity(o["average"]) if o["average"] is not None else UNKNOWN,
            _state(o),
            *((o["reason"] or "", o["client_order_id"]) if whole else ()),
        ]
        for o in orders
    ]
    if whole:
        columns += ["reason", "!id"]
    print_table("Orders", columns, rows)
    if not whole:
        print("Ids and reasons: --long")


def _state(order: Mapping[str, Any]) -> str:
    """The state in a word; what ended before it was sent was refused by nobody."""
    state = str(order["state"])
    return "not sent" if is_unsent(OrderState(state), order["reason"]) else state
