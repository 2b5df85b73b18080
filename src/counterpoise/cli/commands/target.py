"""``counterpoise target SLEEVE=WEIGHT... --until T``: other sleeve weights for a while."""

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
        list[str],
        typer.Argument(
            metavar="SLEEVE=WEIGHT...", help="Such as core=50%; the others share the rest."
        ),
    ],
    until: Annotated[
        str,
        typer.Option(
            metavar="T", help="Until when: 2026-03-01T08:00Z, or from now on, such as 4h."
        ),
    ],
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    as_json: AsJson = False,
) -> None:
    """Give sleeves other weights for a while.

    Sleeves that are not named share the rest as the config shares it.
    """
    outline = loaded.outline(ctx, None, config)
    chosen = loaded.the_portfolio(tuple(p.id for p in outline.portfolios), portfolio)

    from counterpoise.app.steer import retarget

    document = asyncio.run(retarget(outline, chosen, tuple(weights), until, loaded.voice()))
    print_word(document, as_json=as_json)
