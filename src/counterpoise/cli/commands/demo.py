"""``counterpoise demo``: the real daemon on a local exchange with a synthetic market; no keys, no network."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from counterpoise.cli import loaded
from counterpoise.cli.demo_summary import is_sound, show_summary
from counterpoise.cli.failures import FAILED
from counterpoise.cli.options import LogLevel, LogStyle
from counterpoise.cli.output import print_json

if TYPE_CHECKING:
    from rich.console import Console

    from counterpoise.app.demo import DemoSummary


def command(
    once: Annotated[
        bool,
        typer.Option(
            "--once",
            help="End when the market ends. On a terminal the next one follows until Ctrl-C.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Which synthetic market.")] = 7,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout; implies --once.")
    ] = False,
) -> None:
    """Watch the daemon at work on a made-up market; no network.

    It keeps a portfolio in shape through a crash and a rally, without keys, on a local exchange.
    """
    loaded.set_up_logs(LogLevel.ERROR, LogStyle.AUTO)
    try:
        summary = asyncio.run(_until_told(seed, once=once, as_json=as_json))
    except (KeyboardInterrupt, asyncio.CancelledError):
        typer.echo("demo: stopped before the market's end", err=True)
        raise typer.Exit(0) from None
    if as_json:
        print_json(asdict(summary))
    raise typer.Exit(0 if is_sound(summary) else FAILED)


async def _until_told(seed: int, *, once: bool, as_json: bool) -> DemoSummary:
    """Return the last run's summary; SIGTERM cancels it, as Ctrl-C does."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await _quiet(seed) if as_json else await _shown(seed, once=once)


async def _quiet(seed: int) -> DemoSummary:
    """Nothing but the summary; on a terminal stderr tells how far it is."""
    from rich.console import Console

    from counterpoise.app.demo import run_demo
    from counterpoise.cli.demo_view import DemoView

    console = Console(stderr=True)
    view = DemoView(console, redraws=False)
    return await run_demo(
        seed=seed,
        on_cycle=view.cycle if console.is_terminal else lambda *_: None,
        on_alert=lambda _: None,
    )


async def _shown(seed: int, *, once: bool) -> DemoSummary:
    """One market after the other, so long as they end well."""
    from rich.console import Console

    console = Console()
    while True:
        summary = await _one(console, seed)
        show_summary(summary)
        # nobody watches a pipe: there the first market's end is the end
        if once or not console.is_terminal or not is_sound(summary):
            return summary
        seed += 1
        print(f"The next market follows (seed {seed}); Ctrl-C ends.", flush=True)


async def _one(console: Console, seed: int) -> DemoSummary:
    from counterpoise.app.demo import run_demo
    from counterpoise.cli.demo_view import DemoView

    with DemoView(console) as view:
        return await run_demo(seed=seed, on_cycle=view.cycle, on_alert=view.alert)
