"""``counterpoise demo``: the real daemon on a local exchange with a synthetic market; no keys, no network."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from counterpoise.cli import loaded
from counterpoise.cli.failures import FAILED
from counterpoise.cli.options import AsJson, LogLevel, LogStyle
from counterpoise.cli.output import print_json

if TYPE_CHECKING:
    from counterpoise.app.demo import DemoSummary


def command(
    once: Annotated[
        bool, typer.Option("--once", help="Go through the market once and end (it always does).")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Which synthetic market.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Watch the daemon at work on a made-up market; no network.

    It keeps a portfolio in shape through a crash and a rally, without keys, on a local exchange.
    """
    del once
    loaded.set_up_logs(LogLevel.ERROR, LogStyle.AUTO)
    try:
        summary = asyncio.run(_quiet(seed) if as_json else _shown(seed))
    except KeyboardInterrupt:
        typer.echo("demo: stopped before the market's end", err=True)
        raise typer.Exit(0) from None
    if as_json:
        print_json(asdict(summary))
    sound = summary.within_band and not summary.duplicates and not summary.liquidations
    raise typer.Exit(0 if sound else FAILED)


async def _quiet(seed: int) -> DemoSummary:
    from counterpoise.app.demo import run_demo

    return await run_demo(seed=seed, on_cycle=lambda *_: None, on_alert=lambda _: None)


async def _shown(seed: int) -> DemoSummary:
    from rich.console import Console

    from counterpoise.app.demo import run_demo
    from counterpoise.cli.demo_view import DemoView, show_summary

    console = Console()
    with DemoView(console) as view:
        summary = await run_demo(seed=seed, on_cycle=view.cycle, on_alert=view.alert)
    show_summary(console, summary)
    return summary
