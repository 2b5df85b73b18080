"""``counterpoise``: the commands put together, and the one place where an error becomes an exit code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from counterpoise.cli import failures
from counterpoise.cli.commands import (
    answer,
    backtest,
    check,
    database,
    demo,
    explain,
    hedges,
    journal,
    orders,
    plan,
    run,
    schema,
    status,
    steer,
    strategy,
    target,
    testnet,
    version,
)

app = typer.Typer(
    name="counterpoise",
    help="Keeps a crypto portfolio at its target risk by moving futures, not coins.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    # typer's own tracebacks print local variables, and a key is a local of whoever signs with it
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option("--config", "-c", metavar="FILE", show_default=False, help="The config file."),
    ] = None,
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=version.print_and_exit
        ),
    ] = False,
) -> None:
    """Keeps a crypto portfolio at its target risk by moving futures, not coins."""
    del show_version  # its callback has ended the program
    ctx.obj = config


app.command("demo")(demo.command)
app.command("check")(check.command)
app.command("plan")(plan.command)
app.command("run")(run.command)
app.command("backtest")(backtest.command)
app.command("testnet")(testnet.command)
app.command("status")(status.command)
app.command("hedges")(hedges.command)
app.command("orders")(orders.command)
app.command("journal")(journal.command)
app.command("explain")(explain.command)
app.command("pause")(steer.pause)
app.command("halt")(steer.halt)
app.command("reduce-only")(steer.reduce_only)
app.command("resume")(steer.resume)
app.command("flatten")(steer.flatten)
app.add_typer(strategy.app, name="strategy")
app.command("target")(target.command)
app.command("approve")(answer.approve)
app.command("deny")(answer.deny)
app.add_typer(database.app, name="db")
app.command("schema")(schema.command)
app.command("version")(version.command)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run one command and exit with its code; ``arguments`` stand for ``sys.argv[1:]``."""
    try:
        app(args=arguments, prog_name="counterpoise")
    except Exception as error:  # noqa: BLE001 - the last place: every error ends in a line and an exit code
        failures.tell(error)
        sys.exit(failures.exit_code(error))
    sys.exit(0)
