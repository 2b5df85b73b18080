"""``counterpoise testnet``: a practice exchange on this machine, in a real exchange's dialect."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

import typer

from counterpoise.cli import loaded
from counterpoise.cli.options import LogLevel, LogStyle
from counterpoise.cli.output import warn
from counterpoise.domain.errors import ConfigError, CounterpoiseError
from counterpoise.domain.numbers import dec

Dialect = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", show_default=False, help="Protocol to speak: binance."),
]
Port = Annotated[int, typer.Option(help="Port; 0 is any free one, the ready line tells.")]
Host = Annotated[
    str, typer.Option(help="Address to listen on; whoever reaches it steers the market.")
]
Synthetic = Annotated[bool, typer.Option("--synthetic", help="A made-up market (the default).")]
Market = Annotated[
    Path | None,
    typer.Option(metavar="DIR", show_default=False, help="A folder of recorded series."),
]
Series = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KIND:SYMBOL=FILE",
        show_default=False,
        help="One recorded series: spot, perp, mark or funding; overrides the folder's.",
    ),
]
Dated = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SYMBOL=BASIS",
        show_default=False,
        help="A dated future made of its coin's prices, such as BTCUSDT_260327=8% (a year).",
    ),
]
Start = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="T",
        show_default=False,
        help="Where market time begins, such as 2025-03-06T10:30:00Z.",
    ),
]
Speed = Annotated[
    str | None,
    typer.Option(
        metavar="N",
        show_default=False,
        help="Market seconds per second; 0: only /_control/advance moves it.",
    ),
]
Seed = Annotated[int, typer.Option(help="Which synthetic market.")]
Balance = Annotated[
    str | None,
    typer.Option(
        metavar="A=Q,...",
        show_default=False,
        help="Spot coins; USDT@futures=20000 is the futures wallet.",
    ),
]


def command(
    *,
    dialect: Dialect = None,
    port: Port = 0,
    host: Host = "127.0.0.1",
    synthetic: Synthetic = False,
    market: Market = None,
    series: Series = None,
    dated: Dated = None,
    start: Start = None,
    speed: Speed = None,
    seed: Seed = 0,
    balance: Balance = None,
) -> None:
    """Serve a practice exchange until it is told to stop.

    Prints one JSON line when it is ready.
    """
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
        dated=tuple(dated or ()),
        start=_instant(start) if start is not None else None,
        speed=_number(speed) if speed is not None else None,
        seed=seed,
        balance=balance if balance is not None else defaults.balance,
    )
    if not _is_loopback(host):
        warn(
            f"--host {host}: the control door needs no key, so whoever reaches this address can move"
            " the market and read every account's key and holdings; use it on a network of your own only"
        )
    try:
        asyncio.run(serve(options))
    except ValueError as error:
        raise ConfigError([str(error)]) from None
    except OSError as error:
        told = error.strerror or str(error)
        raise CounterpoiseError(f"testnet: {told}: choose another --port or --host") from None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _instant(written: str) -> datetime:
    try:
        made = datetime.fromisoformat(written)
    except ValueError:
        made = None
    if made is None or made.tzinfo is None:
        expected = "an instant with its zone, such as 2025-03-06T10:30:00Z"
        raise typer.BadParameter(f"--from: expected {expected}, was {written!r}")
    return made.astimezone(UTC)


def _number(written: str) -> Decimal:
    try:
        return dec(written)
    except ValueError:
        raise typer.BadParameter(f"--speed: expected a number, was {written!r}") from None
