"""``counterpoise doctor``: is everything there that a run needs? Nothing is sent or changed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import typer

from counterpoise.cli import failures, loaded
from counterpoise.cli.options import AsJson, ConfigOption, File, LogLevel, LogStyle
from counterpoise.cli.output import print_json

if TYPE_CHECKING:
    from counterpoise.app.doctor import Diagnosis


def command(
    ctx: typer.Context, file: File = None, config: ConfigOption = None, as_json: AsJson = False
) -> None:
    """Check all that a run needs; send and change nothing.

    Config, database, sinks of alerts, venues, clocks, keys, markets, settings, data, foreign positions and margin.

    Exit code 1: something has to be settled; 2: the config is bad; 3: run would be refused.
    """
    loaded.set_up_logs(LogLevel.ERROR, LogStyle.AUTO)

    from counterpoise.app.clock import WallClock
    from counterpoise.app.doctor import examine, unloaded
    from counterpoise.cli.doctor_view import print_diagnosis
    from counterpoise.cli.past import past_times
    from counterpoise.cli.waiting import say_waiting
    from counterpoise.domain.errors import ConfigError, SafetyRefusal

    try:
        settings = loaded.settings(ctx, file, config, tell=False)
    except (ConfigError, SafetyRefusal) as error:
        diagnosis = unloaded(error)
    else:
        warnings = (*settings.warnings, *past_times(settings, WallClock().now()))
        diagnosis = asyncio.run(examine(settings, warnings, say_waiting))
    if as_json:
        print_json({"checks": [check.row for check in diagnosis.checks]})
    else:
        print_diagnosis(diagnosis)
    code = exit_code(diagnosis)
    if code:
        raise typer.Exit(code)


def exit_code(diagnosis: Diagnosis) -> int:
    """Return what the command ends with."""
    from counterpoise.app.diagnosis import Result

    if diagnosis.refused:
        return failures.REFUSED
    if diagnosis.misconfigured:
        return failures.BAD_INPUT
    return failures.FAILED if diagnosis.count(Result.FAIL) else 0
