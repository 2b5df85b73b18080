"""``counterpoise run``: the daemon, until SIGTERM or SIGINT."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from counterpoise.cli import loaded
from counterpoise.cli.options import ConfigOption, File, LogLevel, LogStyle


def command(
    ctx: typer.Context,
    file: File = None,
    config: ConfigOption = None,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="Bring an older database up to this version first.")
    ] = False,
    accept_config: Annotated[
        str | None,
        typer.Option(
            "--accept-config",
            metavar="HASH",
            show_default=False,
            help="Trade on the changed config with this hash; `counterpoise plan` prints it.",
        ),
    ] = None,
    log_level: Annotated[LogLevel, typer.Option(help="Least level to log.")] = LogLevel.INFO,
    log_format: Annotated[LogStyle, typer.Option(help="Look of the log.")] = LogStyle.AUTO,
) -> None:
    """Run the daemon until it is told to stop (SIGTERM or Ctrl-C)."""
    loaded.set_up_logs(log_level, log_format)
    settings = loaded.settings(ctx, file, config)

    from counterpoise.app.daemon import run_daemon

    code = asyncio.run(run_daemon(settings, migrate=migrate, accept_config=accept_config))
    raise typer.Exit(code)
