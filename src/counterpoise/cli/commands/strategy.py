"""``counterpoise strategy list|start|release|convert|cancel|withdraw``: what each wants, and a word to one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from counterpoise.cli import loaded
from counterpoise.cli.figures import quantity
from counterpoise.cli.options import AsJson, ConfigOption, File, Portfolio
from counterpoise.cli.output import print_json, print_table
from counterpoise.cli.word_view import command_line, print_word
from counterpoise.domain.operator import CommandKind

app = typer.Typer(
    help="Strategies: list, start, release, convert, cancel, withdraw.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Strategy = Annotated[str, typer.Argument(metavar="ID", help="The strategy's id.")]
At = Annotated[
    str | None,
    typer.Option(
        metavar="T",
        show_default=False,
        help="When: an instant such as 2026-03-01T08:00Z, or from now on, such as 4h.",
    ),
]


@app.command("list")
def show(
    ctx: typer.Context,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    as_json: AsJson = False,
) -> None:
    """List strategies, what each wants and why, from the database."""
    outline = loaded.outline(ctx, file, config)
    chosen = loaded.one_portfolio(tuple(p.id for p in outline.portfolios), portfolio)

    from counterpoise.app.clock import WallClock
    from counterpoise.app.inquire import strategies

    document = asyncio.run(strategies(outline, chosen, WallClock().now()))
    if as_json:
        print_json(document)
    elif document["strategies"]:
        _print(document["strategies"])
    else:
        print("No strategies.")


@app.command()
def start(
    ctx: typer.Context,
    strategy: Strategy,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Let a strategy that ended or was released begin anew."""
    _ask(ctx, CommandKind.START, strategy, file, config, portfolio, at, as_json)


@app.command()
def release(
    ctx: typer.Context,
    strategy: Strategy,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Let a strategy close its futures, and wait anew."""
    _ask(ctx, CommandKind.RELEASE, strategy, file, config, portfolio, at, as_json)


@app.command()
def convert(
    ctx: typer.Context,
    strategy: Strategy,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Let a derisk, dip_buy or drift turn its futures into coins."""
    _ask(ctx, CommandKind.CONVERT, strategy, file, config, portfolio, at, as_json)


@app.command()
def cancel(
    ctx: typer.Context,
    strategy: Strategy,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Let a strategy close its futures and end."""
    _ask(ctx, CommandKind.CANCEL, strategy, file, config, portfolio, at, as_json)


@app.command()
def withdraw(
    ctx: typer.Context,
    strategy: Strategy,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    word: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            show_default=False,
            help="Only the word with this id (`strategy list` shows them).",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take back words to a strategy that still wait (--at)."""
    outline = loaded.outline(ctx, file, config)
    chosen = loaded.the_portfolio(tuple(p.id for p in outline.portfolios), portfolio)

    from counterpoise.app.steer import withdraw as take_back

    document = asyncio.run(take_back(outline, chosen, strategy, word, loaded.voice()))
    print_word(document, as_json=as_json)


def _ask(
    ctx: typer.Context,
    kind: CommandKind,
    strategy: str,
    file: Path | None,
    config: Path | None,
    portfolio: str | None,
    at: str | None,
    as_json: bool,
) -> None:
    outline = loaded.outline(ctx, file, config)
    chosen = loaded.the_portfolio(tuple(p.id for p in outline.portfolios), portfolio)

    from counterpoise.app.steer import ask_strategy

    document = asyncio.run(ask_strategy(outline, chosen, kind, strategy, at, loaded.voice()))
    print_word(document, as_json=as_json)


def _print(found: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        (
            s["portfolio"],
            s["id"],
            s["kind"],
            s["phase"] or "not asked yet",
            ", ".join(f"{quantity(q)} {a}" for a, q in s["overlays"].items()) or "0",
            "; ".join(s["reasons"]),
        )
        for s in found
    ]
    columns = ("portfolio", "!id", "!kind", "!phase", "wants in futures", "why")
    print_table("Strategies", columns, rows)
    for strategy in found:
        for command in strategy["commands"]:
            print(f"Waiting: {command_line(command)}")
