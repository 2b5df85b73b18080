"""``counterpoise version``."""

from __future__ import annotations

from counterpoise import __version__
from counterpoise.cli.options import AsJson
from counterpoise.cli.output import print_json


def command(as_json: AsJson = False) -> None:
    """Print the version."""
    if as_json:
        print_json({"version": __version__})
    else:
        print(f"counterpoise {__version__}")
