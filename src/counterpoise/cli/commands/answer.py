"""``counterpoise approve ID | deny ID``: the answer to a request that waits (``status`` lists them)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from counterpoise.cli import loaded
from counterpoise.cli.options import AsJson, ConfigOption, File, Portfolio
from counterpoise.cli.word_view import print_word
from counterpoise.domain.operator import CommandKind

Request = Annotated[str, typer.Argument(metavar="ID", help="The request's id.")]


def approve(
    ctx: typer.Context,
    request: Request,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    as_json: AsJson = False,
) -> None:
    """Let a strategy go as far as it asked."""
    _reply(ctx, CommandKind.APPROVE, request, file, config, portfolio, as_json)


def deny(
    ctx: typer.Context,
    request: Request,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    as_json: AsJson = False,
) -> None:
    """Keep a strategy where it was when it asked."""
    _reply(ctx, CommandKind.DENY, request, file, config, portfolio, as_json)


def _reply(
    ctx: typer.Context,
    kind: CommandKind,
    request: str,
    file: Path | None,
    config: Path | None,
    portfolio: str | None,
    as_json: bool,
) -> None:
    outline = loaded.outline(ctx, file, config)
    chosen = loaded.one_portfolio(tuple(p.id for p in outline.portfolios), portfolio)

    from counterpoise.app.steer import reply

    print_word(asyncio.run(reply(outline, chosen, kind, request, loaded.voice())), as_json=as_json)
