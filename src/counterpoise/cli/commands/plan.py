"""``counterpoise plan``: what the next cycle would do, without sending or writing anything."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import typer

from counterpoise.cli import loaded
from counterpoise.cli.options import AsJson, ConfigOption, File, LogLevel, LogStyle, Portfolio
from counterpoise.cli.output import print_json
from counterpoise.cli.plan_view import print_plan


def command(
    ctx: typer.Context,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    as_json: AsJson = False,
) -> None:
    """Show what the next cycle would decide and send; send nothing."""
    loaded.set_up_logs(LogLevel.WARNING, LogStyle.AUTO)
    settings = loaded.settings(ctx, file, config)
    known = tuple(policy.id for policy in settings.portfolios)
    chosen = loaded.one_portfolio(known, portfolio)
    if as_json and len(chosen) > 1:
        raise typer.BadParameter(
            f"--json prints one portfolio: name it with --portfolio ({', '.join(known)})"
        )
    settings = replace(settings, portfolios=tuple(p for p in settings.portfolios if p.id in chosen))

    from counterpoise.app.preview import preview

    for document in asyncio.run(preview(settings)):
        if as_json:
            print_json(document)
        else:
            print_plan(document, settings.path)
