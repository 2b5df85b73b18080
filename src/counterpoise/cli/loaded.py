"""The config of a command, loaded: its warnings told, its secrets known to the redactor, logs set up."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from counterpoise.cli.options import LogLevel, LogStyle, config_file
from counterpoise.cli.output import warn

if TYPE_CHECKING:
    from counterpoise.app.desk import Voice
    from counterpoise.config import Outline, Settings


def settings(
    ctx: typer.Context, argument: Path | None, option: Path | None, *, tell: bool = True
) -> Settings:
    """Return the checked settings of the file that is meant; ``tell`` prints its warnings.

    Raises ConfigError, SafetyRefusal.
    """
    from counterpoise.app.logs import redactor
    from counterpoise.config import load

    made = load(config_file(ctx, argument, option))
    redactor.know(made.secrets)
    for line in made.warnings if tell else ():
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


def the_portfolio(known: tuple[str, ...], chosen: str | None) -> str:
    """Return the one portfolio that is meant. Raises ``typer.BadParameter`` when that is not clear."""
    meant = one_portfolio(known, chosen)
    if len(meant) != 1:
        raise typer.BadParameter(
            f"several portfolios: name one with --portfolio ({', '.join(known)})"
        )
    return meant[0]


def voice() -> Voice:
    """Return who types this, and where: what an operator's word is recorded with."""
    import getpass
    import platform

    from counterpoise.app.clock import WallClock
    from counterpoise.app.desk import Voice as Speaker

    try:
        who = getpass.getuser()
    except (KeyError, OSError):
        # a user id without a name, as in a container
        who = f"uid {os.getuid()}"
    return Speaker(who=who, origin=f"cli@{platform.node()}", now=WallClock().now())


def set_up_logs(level: LogLevel, style: LogStyle) -> None:
    """Send the logs of this process to stderr."""
    from counterpoise.app.logs import LogFormat, set_up

    set_up(level=level.value, style=LogFormat(style.value))
