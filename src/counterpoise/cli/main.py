"""``counterpoise``: the commands put together, and the one place where an error becomes an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, NoReturn, Protocol, runtime_checkable

import typer

from counterpoise.cli import failures
from counterpoise.cli.commands import (
    answer,
    backtest,
    check,
    database,
    demo,
    doctor,
    explain,
    hedges,
    init,
    journal,
    orders,
    plan,
    report,
    run,
    schema,
    status,
    steer,
    strategy,
    target,
    testnet,
    version,
)
from counterpoise.cli.output import print_json

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
app.command("init")(init.command)
app.command("check")(check.command)
app.command("doctor")(doctor.command)
app.command("plan")(plan.command)
app.command("run")(run.command)
app.command("backtest")(backtest.command)
app.command("testnet")(testnet.command)
app.command("status")(status.command)
app.command("hedges")(hedges.command)
app.command("orders")(orders.command)
app.command("report")(report.command)
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


@runtime_checkable
class _Misused(Protocol):
    """A usage error of typer, whose class it keeps to itself: it tells itself, with the usage line."""

    exit_code: int

    def show(self) -> None: ...

    def format_message(self) -> str: ...


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run one command and exit with its code; ``arguments`` stand for ``sys.argv[1:]``."""
    said = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(args=said, prog_name="counterpoise", standalone_mode=False)
    except typer.Abort:
        print("Aborted!", file=sys.stderr)
        _fail(said, ["aborted"], failures.FAILED)
    except Exception as error:  # noqa: BLE001 - the last place: every error ends in a line and an exit code
        if isinstance(error, _Misused):
            error.show()
            _fail(said, [error.format_message()], error.exit_code)
        failures.tell(error)
        _fail(said, failures.lines(error), failures.exit_code(error))
    sys.exit(code if isinstance(code, int) else 0)


def _fail(arguments: Sequence[str], told: Sequence[str], code: int) -> NoReturn:
    """Exit with ``code``; where JSON was asked for, stdout has one object all the same."""
    if failures.wants_json(arguments):
        print_json(failures.document(told, code))
    sys.exit(code)
