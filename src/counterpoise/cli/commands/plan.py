"""``counterpoise plan``: what the next cycle would do, without sending or writing anything."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import typer

from counterpoise.cli import failures, loaded
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
    from counterpoise.cli.waiting import say_waiting

    documents = asyncio.run(preview(settings, say_waiting))
    for document in documents:
        if as_json:
            print_json(document)
        else:
            print_plan(document, settings.path)
    unplanned = [line for document in documents for line in unvalued(document)]
    for line in unplanned:
        print(f"error: {line}", file=sys.stderr)
    if unplanned:
        raise typer.Exit(failures.FAILED)


def unvalued(document: Mapping[str, Any]) -> Iterator[str]:
    """Give why there is no plan at all for the portfolio of ``document``: it could not be valued."""
    for held in document["held"]:
        if held["reason"] == "not_valued":
            yield f"portfolio {document['portfolio']}: {held['text']}: nothing can be planned"
