"""``counterpoise version``."""

from __future__ import annotations

import typer

from counterpoise import __version__
from counterpoise.cli.options import AsJson
from counterpoise.cli.output import print_json


def print_and_exit(wanted: bool) -> None:
    """Print the version and end, for ``counterpoise --version``."""
    if wanted:
        command()
        raise typer.Exit


def command(as_json: AsJson = False) -> None:
    """Print the version."""
    if as_json:
        print_json({"version": __version__})
    else:
        print(f"counterpoise {__version__}")
