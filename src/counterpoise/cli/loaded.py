"""The config of a command, loaded: its warnings told, its secrets known to the redactor, logs set up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from counterpoise.cli.options import LogLevel, LogStyle, config_file
from counterpoise.cli.output import warn

if TYPE_CHECKING:
    from counterpoise.config import Outline, Settings


def settings(ctx: typer.Context, argument: Path | None, option: Path | None) -> Settings:
    """Return the checked settings of the file that is meant. Raises ConfigError, SafetyRefusal."""
    from counterpoise.app.logs import redactor
    from counterpoise.config import load

    made = load(config_file(ctx, argument, option))
    redactor.know(made.secrets)
    for line in made.warnings:
        warn(line)
    return made


def outline(ctx: typer.Context, argument: Path | None, option: Path | None) -> Outline:
    """Return where the database is, reading no secret. Raises ConfigError."""
    from counterpoise.config import outline as read

    return read(config_file(ctx, argument, option))


def one_portfolio(known: tuple[str, ...], chosen: str | None) -> tuple[str, ...]:
    """Return ``known``, or ``chosen`` alone. Raises ``typer.BadParameter`` when there is no such portfolio."""
    if chosen is None:
        return known
    if chosen not in known:
        raise typer.BadParameter(f"--portfolio: expected {' or '.join(known)}, was {chosen!r}")
    return (chosen,)


def set_up_logs(level: LogLevel, style: LogStyle) -> None:
    """Send the logs of this process to stderr."""
    from counterpoise.app.logs import LogFormat, set_up

    set_up(level=level.value, style=LogFormat(style.value))
