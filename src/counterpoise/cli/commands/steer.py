"""``counterpoise pause | halt | reduce-only | resume | flatten``: an operator's word, written into the database."""

from __future__ import annotations

import asyncio
from pathlib import Path

import typer

from counterpoise.cli import loaded
from counterpoise.cli.options import AsJson, ConfigOption, File, Portfolio
from counterpoise.cli.word_view import print_word
from counterpoise.domain.operator import CommandKind


def pause(
    ctx: typer.Context,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    as_json: AsJson = False,
) -> None:
    """Take working orders down, send nothing new (CANCEL_ONLY).

    Hedges stay on.
    """
    _steer(ctx, CommandKind.PAUSE, file, config, portfolio, as_json)


def halt(
    ctx: typer.Context,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    as_json: AsJson = False,
) -> None:
    """Send nothing at all any more, not even cancels (HALT)."""
    _steer(ctx, CommandKind.HALT, file, config, portfolio, as_json)


def reduce_only(
    ctx: typer.Context,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    as_json: AsJson = False,
) -> None:
    """Let positions only shrink, trade no coins (REDUCE_ONLY)."""
    _steer(ctx, CommandKind.REDUCE_ONLY, file, config, portfolio, as_json)


def resume(
    ctx: typer.Context,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    as_json: AsJson = False,
) -> None:
    """Let strategies act again (RUN)."""
    _steer(ctx, CommandKind.RESUME, file, config, portfolio, as_json)


def flatten(
    ctx: typer.Context,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    as_json: AsJson = False,
) -> None:
    """Close all own futures, then pause.

    Only reduce-only orders are sent; positions that are not ours stay.
    """
    _steer(ctx, CommandKind.FLATTEN, file, config, portfolio, as_json)


def _steer(
    ctx: typer.Context,
    kind: CommandKind,
    file: Path | None,
    config: Path | None,
    portfolio: str | None,
    as_json: bool,
) -> None:
    outline = loaded.outline(ctx, file, config)
    chosen = loaded.the_portfolio(tuple(p.id for p in outline.portfolios), portfolio)

    from counterpoise.app.steer import steer

    print_word(asyncio.run(steer(outline, chosen, kind, loaded.voice())), as_json=as_json)
