"""``counterpoise backtest``: a config on recorded candles; no keys, no network, no database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from counterpoise.cli import loaded
from counterpoise.cli.options import ConfigOption, File, LogLevel, LogStyle, Portfolio, config_file
from counterpoise.cli.output import json_text, print_json, warn
from counterpoise.domain.errors import ConfigError

if TYPE_CHECKING:
    from counterpoise.app.backtest import Backtest
    from counterpoise.report.backtest import BacktestReport
    from counterpoise.venue.sim import Fees


class Switch(StrEnum):
    """On or off."""

    ON = "on"
    OFF = "off"


Data = Annotated[
    Path,
    typer.Option(
        "--data",
        metavar="DIR",
        show_default=False,
        help="Recorded candles: spot_BTCUSDT_1h.csv[.gz], perp_..., mark_..., funding_BTCUSDT_8h.csv[.gz].",
    ),
]
Start = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="T",
        show_default=False,
        help="Begin at T (2021-05-01 or 2021-05-01T12:00Z); else where every asset has a price.",
    ),
]
End = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="T",
        show_default=False,
        help="End at T; else where the first recording ends.",
    ),
]
Balance = Annotated[
    str | None,
    typer.Option(
        metavar="A=Q,...",
        show_default=False,
        help="Spot coins; USDT@futures=20000 is the futures wallet. Else 100,000 in the sleeves' shape.",
    ),
]
FuturesFees = Annotated[
    str | None,
    typer.Option(
        "--fees",
        metavar="MAKER,TAKER",
        show_default=False,
        help="Futures fees, such as 2bps,5bps (the default).",
    ),
]
SpotFees = Annotated[
    str | None,
    typer.Option(
        metavar="MAKER,TAKER",
        show_default=False,
        help="Spot fees, such as 10bps,10bps (the default).",
    ),
]
Funding = Annotated[Switch, typer.Option(help="Whether recorded funding is paid and received.")]
JsonFile = Annotated[
    Path | None,
    typer.Option(
        "--json",
        metavar="FILE",
        show_default=False,
        help="Write one JSON object to FILE; - is stdout, and then nothing else goes there.",
    ),
]


def command(
    ctx: typer.Context,
    *,
    data: Data,
    file: File = None,
    config: ConfigOption = None,
    portfolio: Portfolio = None,
    start: Start = None,
    end: End = None,
    balance: Balance = None,
    fees: FuturesFees = None,
    spot_fees: SpotFees = None,
    funding: Funding = Switch.ON,
    json_file: JsonFile = None,
) -> None:
    """Run a config over recorded candles.

    The same cycle trades on the simulated exchange; nothing is sent anywhere.
    """
    loaded.set_up_logs(LogLevel.ERROR, LogStyle.AUTO)
    path = config_file(ctx, file, config)
    _check_writable(json_file)

    from counterpoise.app.backtest import BacktestOptions, prepare
    from counterpoise.config import rehearsal
    from counterpoise.domain.access import DEFAULT_POLL

    made = rehearsal(path)
    for line in made.warnings:
        warn(line)
    known = tuple(policy.id for policy in made.portfolios)
    chosen = loaded.one_portfolio(known, portfolio)
    if len(chosen) > 1:
        raise typer.BadParameter(
            f"a backtest runs one portfolio: name it with --portfolio ({', '.join(known)})"
        )
    policy = next(p for p in made.portfolios if p.id == chosen[0])
    options = BacktestOptions(
        data=data,
        start=_instant("--from", start),
        end=_instant("--to", end),
        balance=balance,
        fees=_fees(fees, spot_fees),
        funding=funding is Switch.ON,
    )
    poll = min(made.polls.get(venue, DEFAULT_POLL) for venue in policy.venues)
    try:
        prepared = prepare(policy, poll, options)
    except ValueError as error:
        raise ConfigError([str(error)]) from None
    _tell(prepared, json_file)
    report = asyncio.run(_watched(prepared))
    _show(prepared, report, json_file)


async def _watched(prepared: Backtest) -> BacktestReport:
    """Run it; a terminal shows how far it is."""
    from counterpoise.app.backtest import run
    from counterpoise.cli.progress import Progress

    with Progress(prepared.market.start, prepared.market.end) as progress:
        return await run(prepared, lambda report: progress.reached(report.as_of))


def _tell(prepared: Backtest, json_file: Path | None) -> None:
    for note in prepared.notes:
        warn(note)
    if prepared.options.balance is None and json_file != Path("-"):
        from counterpoise.app.backtest import DEFAULT_EQUITY, written
        from counterpoise.cli import figures

        equity = figures.money(DEFAULT_EQUITY, prepared.policy.quote)
        print(f"No --balance: {equity} in the sleeves' shape, half of the quote as margin.")
        print(f"The same again: --balance {written(prepared.balance)}\n", flush=True)


def _show(prepared: Backtest, report: BacktestReport, json_file: Path | None) -> None:
    from counterpoise.report.backtest import document_of

    document = document_of(report)
    if json_file == Path("-"):
        print_json(document)
        return
    from counterpoise.cli.backtest_view import show_backtest

    show_backtest(report, prepared.policy, prepared.every)
    if json_file is not None:
        json_file.write_text(json_text(document) + "\n", encoding="utf-8")
        print(f"Written: {json_file}")


def _check_writable(json_file: Path | None) -> None:
    """A path that cannot be written is told before minutes of replay, not after them."""
    if json_file is None or json_file == Path("-"):
        return
    if json_file.is_dir() or not json_file.absolute().parent.is_dir():
        was = "a folder" if json_file.is_dir() else f"in no folder: {json_file.parent}"
        raise typer.BadParameter(f"--json: expected a file to write or -, was {was}")


def _instant(option: str, value: str | None) -> datetime | None:
    """An instant in UTC; a day begins at its midnight, an instant must name its zone."""
    if value is None:
        return None
    try:
        made = datetime.fromisoformat(value)
    except ValueError:
        made = None
    if made is not None and made.tzinfo is None and len(value) == len("2021-05-01"):
        made = made.replace(tzinfo=UTC)
    if made is None or made.tzinfo is None:
        raise typer.BadParameter(
            f"{option}: expected a day or an instant with its zone, such as 2021-05-01 or"
            f" 2021-05-01T12:00Z, was {value!r}"
        )
    return made.astimezone(UTC)


def _fees(futures: str | None, spot: str | None) -> Fees:
    from counterpoise.venue.sim import Fees

    default = Fees()
    perp = _pair("--fees", futures) or (default.perp_maker, default.perp_taker)
    coins = _pair("--spot-fees", spot) or (default.spot_maker, default.spot_taker)
    return Fees(spot_maker=coins[0], spot_taker=coins[1], perp_maker=perp[0], perp_taker=perp[1])


def _pair(option: str, value: str | None) -> tuple[Decimal, Decimal] | None:
    from counterpoise.config.units import Expected, fee

    if value is None:
        return None
    parts = value.split(",")
    try:
        if len(parts) != 2:
            raise Expected("two rates")
        return fee(parts[0]), fee(parts[1])
    except Expected as error:
        hint = f" ({error.hint})" if error.hint else ""
        raise typer.BadParameter(
            f"{option}: expected maker and taker rates below 1%, such as 2bps,5bps, was {value!r}{hint}"
        ) from None
