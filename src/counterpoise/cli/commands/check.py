"""``counterpoise check``: is this config good? Reads the file and its secrets, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from counterpoise.cli import failures, loaded
from counterpoise.cli.options import AsJson, ConfigOption, File, config_file
from counterpoise.cli.output import print_json, warn

if TYPE_CHECKING:
    from counterpoise.config import Settings


def command(
    ctx: typer.Context, file: File = None, config: ConfigOption = None, as_json: AsJson = False
) -> None:
    """Check a config file: every problem with its line, no network."""
    from counterpoise.app.clock import WallClock
    from counterpoise.app.sinks import check_sinks
    from counterpoise.cli.check_view import print_check
    from counterpoise.cli.past import past_times
    from counterpoise.domain.errors import ConfigError, SafetyRefusal

    try:
        settings = loaded.settings(ctx, file, config)
        check_sinks(settings)
    except (ConfigError, SafetyRefusal) as error:
        if as_json:
            told = error.problems if isinstance(error, ConfigError) else str(error).splitlines()
            print_json(
                {"ok": False, "config": str(config_file(ctx, file, config)), "problems": told}
            )
        failures.tell(error)
        raise typer.Exit(failures.exit_code(error)) from None
    over = past_times(settings, WallClock().now())
    for line in over:
        warn(line)
    if as_json:
        known = document(settings)
        warnings = [*settings.warnings, *over]
        print_json({"ok": True, "problems": [], **known, "warnings": warnings})
        return
    print_check(settings)


def document(settings: Settings) -> dict[str, object]:
    """Return what is known of a good config, without secrets."""
    from counterpoise.cli.alert_words import alert_document
    from counterpoise.cli.strategy_words import told

    return {
        "config": str(settings.path),
        "store": settings.store_url,
        "venues": {
            name: {
                "exchange": access.exchange,
                "environment": access.environment.value,
                "existing": settings.existing[name],
            }
            for name, access in settings.venues.items()
        },
        "portfolios": [
            {
                "id": policy.id,
                "hash": settings.hashes[policy.id],
                "strategies": [
                    {"id": strategy.id, "kind": strategy.kind, "text": told(strategy)}
                    for strategy in policy.strategies
                ],
            }
            for policy in settings.portfolios
        ],
        "alerts": alert_document(settings.alerts),
        "warnings": list(settings.warnings),
    }
