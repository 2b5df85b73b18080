"""``counterpoise init``: a commented config to begin with, in a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from counterpoise.cli import failures
from counterpoise.cli.options import DEFAULT
from counterpoise.cli.output import say
from counterpoise.cli.starter import STARTER


def command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", show_default=False, help="Where it is written.")
    ],
) -> None:
    """Write a commented config to begin with.

    Never over one that is there.
    """
    path = folder / DEFAULT
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # created anew or not at all: two at once never write over each other
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(STARTER, encoding="utf-8")
    except FileExistsError:
        say_error(f"expected no {path}, was one: it is left as it is; name another folder")
        raise typer.Exit(failures.BAD_INPUT) from None
    except OSError as error:
        say_error(f"{path} cannot be written: {error.strerror or error}")
        raise typer.Exit(failures.FAILED) from None
    say(f"Wrote {path}: Binance's demo trading, half of the BTC hedged. Next:")
    for line in (
        "edit it: weights, assets, how much is hedged",
        "export BINANCE_DEMO_KEY=... BINANCE_DEMO_SECRET=...   (a key that cannot withdraw)",
        f"counterpoise check {path}    # is it sound? nothing is sent",
        f"counterpoise doctor {path}   # is everything there that a run needs?",
        f"counterpoise plan {path}     # what would be done now, and why? nothing is sent",
        f"counterpoise run {path}      # do it, until Ctrl-C",
    ):
        print(f"  {line}")


def say_error(line: str) -> None:
    """Print a line on stderr."""
    typer.echo(f"error: {line}", err=True)
