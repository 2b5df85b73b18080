"""``counterpoise status``: how the portfolios stand, from the database alone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import typer

from counterpoise.cli import loaded
from counterpoise.cli.alert_rows import print_alerts
from counterpoise.cli.figures import age, moment, money, quantity
from counterpoise.cli.guard_rows import print_guards
from counterpoise.cli.margin_rows import print_margin
from counterpoise.cli.options import AsJson, ConfigOption, File, Portfolio
from counterpoise.cli.output import print_json, say
from counterpoise.cli.plan_view import print_weights
from counterpoise.cli.standing_words import standing_lines
from counterpoise.cli.word_view import print_operator
from counterpoise.domain.instrument import base_of

_STATES = {
    "RUN": "trading allowed (RUN)",
    "REDUCE_ONLY": "only smaller positions allowed (REDUCE_ONLY)",
    "CANCEL_ONLY": "only cancelling allowed (CANCEL_ONLY)",
    "HALT": "nothing allowed (HALT)",
}


def command(
    ctx: typer.Context,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    as_json: AsJson = False,
) -> None:
    """Show how the portfolios stand, from the database.

    Works beside a running daemon.
    """
    outline = loaded.outline(ctx, file, config)
    chosen = loaded.one_portfolio(tuple(p.id for p in outline.portfolios), portfolio)

    from counterpoise.app.clock import WallClock
    from counterpoise.app.inquire import status

    document = asyncio.run(status(outline, chosen, WallClock().now()))
    if as_json:
        print_json(document)
        return
    for one in document["portfolios"]:
        _print(one, outline.path)
    for pause in document["pauses"]:
        say(
            f"{pause['venue']} ({pause['api']}) wants not to be asked before {moment(pause['until'])}."
        )
    print_alerts(document["alerts"])


def _print(one: Mapping[str, Any], config: object) -> None:
    if one["state"] is None:
        say(f"Portfolio {one['id']} was never run. Start it with: counterpoise run -c {config}")
        return
    writer = f"written by {one['owner']}" if one["owner"] else "no daemon is running now"
    state = _STATES.get(one["state"], f"state {one['state']}")
    if one["as_of"] is None:
        say(f"Portfolio {one['id']}: {state}, no cycle yet; {writer}")
        return
    ago = f" ({age(one['age_s'])} ago)" if one["age_s"] is not None else ""
    say(
        f"Portfolio {one['id']}: {state}, equity {money(one['equity'])},"
        f" as of {moment(one['as_of'])}{ago}; {writer}"
    )
    for line in standing_lines(one):
        print(line)
    say(f"Last cycle: {one['summary']}")
    print_operator(one)
    print_weights(one["weights"])
    print_margin(one.get("margin", {}), one["state"])
    print_guards(one)
    for hedge in one["hedges"]:
        wanted = f"{quantity(hedge['overlay'])} {hedge['asset']}"
        say(f"Strategy {hedge['strategy']} wants {wanted} in futures")
    if not one["hedges"]:
        print("No strategy wants a hedge.")
    for position in one["positions"]:
        foreign = position["baseline"]
        kept = f", of which {quantity(foreign)} is not ours" if foreign != "0" else ""
        # what was not read has no unit either
        unit = f" {base_of(position['symbol'])}" if position["qty"] is not None else ""
        held = f"{quantity(position['qty'])}{unit}"
        where = f"{position['symbol']} on {position['venue']}"
        say(f"Position {where}: {held}{kept}")
    unknown = one["unknown_orders"]
    proof = f", {unknown} without a proven outcome" if unknown else ""
    say(f"Working orders: {one['open_orders']}{proof}")
