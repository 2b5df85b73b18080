"""``counterpoise schema``: the JSON Schema of a config file for editors, or its keys as tables for people."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def command(
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print every key as Markdown tables instead.")
    ] = False,
) -> None:
    """Print the JSON Schema of the config file."""
    if markdown:
        from counterpoise.config.reference import markdown as tables

        print(tables(), end="")
        return
    from counterpoise.config.schema import json_schema

    print(json.dumps(json_schema(), indent=2))
