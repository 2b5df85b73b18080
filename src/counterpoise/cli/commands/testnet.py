"""``counterpoise testnet``: a practice exchange on this machine, in a real exchange's dialect."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from counterpoise.cli import loaded
from counterpoise.cli.options import LogLevel, LogStyle
from counterpoise.domain.errors import ConfigError, CounterpoiseError
from counterpoise.domain.numbers import dec


def _instant(written: str) -> datetime:
    try:
        made = datetime.fromisoformat(written)
    except ValueError:
        made = None
    if made is None or made.tzinfo is None:
        raise typer.BadParameter(
            f"expected an instant such as 2025-03-06T10:30:00Z, was {written!r}"
        )
    return made.astimezone(UTC)


def _number(written: str) -> Decimal:
    try:
        return dec(written)
    except ValueError:
        raise typer.BadParameter(f"expected a number, was {written!r}") from None


def command(
    *,
    dialect: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", show_default=False, help="Protocol to speak: binance."),
    ] = None,
    port: Annotated[int, typer.Option(help="Port; 0 is any free one, the ready line tells.")] = 0,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    synthetic: Annotated[
        bool, typer.Option("--synthetic", help="A made-up market (the default).")
    ] = False,
    market: Annotated[
        Path | None, typer.Option(metavar="DIR", show_default=False, help="Recorded series.")
    ] = None,
    series: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND:SYMBOL=FILE",
            show_default=False,
            help="One recorded series: spot, perp, mark or funding; overrides the folder's.",
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="T", show_default=False, help="Where market time begins."),
    ] = None,
    speed: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            show_default=False,
            help="Market seconds per second; 0: only /_control/advance moves it.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Which synthetic market.")] = 0,
    balance: Annotated[
        str | None,
        typer.Option(
            metavar="A=Q,...",
            show_default=False,
            help="Spot coins; USDT@futures=20000 is the futures wallet.",
        ),
    ] = None,
) -> None:
    """Serve a practice exchange until it is told to stop; prints one JSON line when it is ready."""
    loaded.set_up_logs(LogLevel.INFO, LogStyle.AUTO)

    from counterpoise.venue.testnet.launch import TestnetOptions, serve

    defaults = TestnetOptions()
    options = TestnetOptions(
        dialects=tuple(dialect) if dialect else defaults.dialects,
        host=host,
        port=port,
        synthetic=synthetic,
        market=market,
        series=tuple(series or ()),
        start=_instant(start) if start is not None else None,
        speed=_number(speed) if speed is not None else None,
        seed=seed,
        balance=balance if balance is not None else defaults.balance,
    )
    try:
        asyncio.run(serve(options))
    except ValueError as error:
        raise ConfigError([str(error)]) from None
    except OSError as error:
        told = error.strerror or str(error)
        raise CounterpoiseError(f"testnet: cannot listen on {host}:{port}: {told}") from None
