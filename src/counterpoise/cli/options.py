"""Options that several commands share, and where the config file is."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

#: Names a config file instead of ``-c``.
VARIABLE = "COUNTERPOISE_CONFIG"
DEFAULT = Path("counterpoise.yaml")


class LogLevel(StrEnum):
    """From which level on log lines are shown."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogStyle(StrEnum):
    """How a log line looks: console on a terminal and JSON elsewhere, or always the same."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


File = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE",
        show_default=False,
        help=f"The config file; else -c, ${VARIABLE}, ./{DEFAULT}.",
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", show_default=False, help="The config file."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Portfolio = Annotated[
    str | None,
    typer.Option("--portfolio", metavar="ID", show_default=False, help="Only this portfolio."),
]


def config_file(ctx: typer.Context, argument: Path | None, option: Path | None) -> Path:
    """Return which config file is meant: the argument, ``-c`` (here or before the command), the variable.

    Raises ``typer.BadParameter`` when two different ones are named.
    """
    before: Path | None = ctx.find_root().obj
    named = list(dict.fromkeys(path for path in (argument, option, before) if path is not None))
    if len(named) > 1:
        raise typer.BadParameter(
            f"expected one config file, was {' and '.join(map(str, named))}", ctx=ctx
        )
    if named:
        return named[0]
    variable = os.environ.get(VARIABLE)
    return Path(variable) if variable else DEFAULT
