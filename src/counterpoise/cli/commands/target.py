"""``counterpoise target SLEEVE=WEIGHT... --until T | --clear``: other sleeve weights for a while."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from counterpoise.cli import loaded
from counterpoise.cli.options import AsJson, ConfigOption, Portfolio
from counterpoise.cli.word_view import print_word


def command(
    ctx: typer.Context,
    weights: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="SLEEVE=WEIGHT...", help="Such as core=50%; the others share the rest."
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="T",
            show_default=False,
            help="Until when: 2026-03-01T08:00Z, or from now on, such as 4h.",
        ),
    ] = None,
    clear: Annotated[
        bool, typer.Option("--clear", help="Let the config's weights hold again, now.")
    ] = False,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    as_json: AsJson = False,
) -> None:
    """Give sleeves other weights for a while.

    Sleeves that are not named share the rest as the config shares it. A second target replaces the first.
    """
    if clear and (weights or until is not None):
        raise typer.BadParameter("--clear: expected alone, or SLEEVE=WEIGHT... with --until")
    if not clear and (not weights or until is None):
        raise typer.BadParameter("expected SLEEVE=WEIGHT... with --until T, or --clear")
    outline = loaded.outline(ctx, None, config)
    chosen = loaded.the_portfolio(tuple(p.id for p in outline.portfolios), portfolio)

    from counterpoise.app.steer import retarget, untarget

    said = (
        retarget(outline, chosen, tuple(weights), until, loaded.voice())
        if weights and until is not None
        else untarget(outline, chosen, loaded.voice())
    )
    document = asyncio.run(said)
    print_word(document, as_json=as_json)
