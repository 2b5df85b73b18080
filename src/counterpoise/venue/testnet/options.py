"""What a testnet is started with, checked and read; no file is opened and nothing is started here.

Every bad option is a ``ValueError`` that names the option, what was expected and what was given.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import ClassVar, Literal, get_args

from counterpoise.domain.numbers import ZERO, dec, text
from counterpoise.venue.sim.rules import expiry_of
from counterpoise.venue.testnet.balances import parse_balance

DIALECTS = ("binance",)
DEFAULT_BALANCE = "BTC=1,USDT=50000"
FASTEST = dec(1_000_000)

FileKind = Literal["spot", "perp", "mark", "funding"]
FILE_KINDS: tuple[FileKind, ...] = get_args(FileKind)
_SERIES = re.compile(r"^(?P<kind>[a-z]+):(?P<symbol>[A-Z0-9]{2,30}(?:_[0-9]{6})?)=(?P<file>.+)$")
_DATED = re.compile(r"^(?P<symbol>[A-Z0-9]{2,30}_[0-9]{6})=(?P<percent>-?[0-9.]+)%$")


@dataclass(frozen=True, slots=True, kw_only=True)
class TestnetOptions:
    """The options of ``counterpoise testnet``.

    ``market`` is a folder of recorded series, ``series`` single files as ``kind:SYMBOL=FILE`` that override
    the folder's; without both the market is synthetic. ``dated`` are futures as ``BTCUSDT_260327=8%`` that are made of
    their coin's prices with that much a year on top. ``start`` is where market time begins: by default the
    wall's now for a synthetic market, and the first instant at which everything listed trades for a
    recorded one. ``speed`` is market seconds per wall second: by default 1 for a synthetic market that
    begins now, else 0 (the control door moves it). ``port`` 0 takes any free port.
    """

    # pytest would take the name for a test class
    __test__: ClassVar[bool] = False

    dialects: Sequence[str] = DIALECTS
    host: str = "127.0.0.1"
    port: int = 0
    synthetic: bool = False
    market: Path | None = None
    series: Sequence[str] = ()
    dated: Sequence[str] = ()
    start: datetime | None = None
    speed: Decimal | None = None
    seed: int = 0
    balance: str = DEFAULT_BALANCE

    @property
    def recorded(self) -> bool:
        """Whether the market is a recorded one."""
        return self.market is not None or bool(self.series)

    @property
    def market_speed(self) -> Decimal:
        """Market seconds per wall second."""
        if self.speed is not None:
            return self.speed
        return ZERO if self.recorded or self.start is not None else dec(1)

    def check(self) -> None:
        """Raise ``ValueError`` for the first option that makes no sense."""
        for dialect in self.dialects:
            if dialect not in DIALECTS:
                raise ValueError(f"--dialect: expected {', '.join(DIALECTS)}, was {dialect}")
        if self.synthetic and self.recorded:
            raise ValueError("--synthetic: expected alone, was given with --market or --series")
        if self.market is not None and not self.market.is_dir():
            raise ValueError(f"--market: expected a folder, was {self.market}")
        if self.start is not None and self.start.tzinfo is None:
            raise ValueError(f"--from: expected an instant with its zone, was {self.start}")
        if not 0 <= self.market_speed <= FASTEST:
            raise ValueError(f"--speed: expected 0 to {FASTEST}, was {text(self.market_speed)}")
        if not 0 <= self.port <= 65_535:
            raise ValueError(f"--port: expected 0 to 65535, was {self.port}")
        try:
            parse_balance(self.balance)
        except ValueError as error:
            raise ValueError(f"--{error}") from None
        for written in self.series:
            parse_series(written)
        for written in self.dated:
            parse_dated(written)


def parse_series(written: str) -> tuple[FileKind, str, Path]:
    """Return kind, symbol and file of ``kind:SYMBOL=FILE``; ``ValueError`` when it has another form."""
    match = _SERIES.match(written)
    kind = next((k for k in FILE_KINDS if match and k == match["kind"]), None)
    if match is None or kind is None:
        raise ValueError(f"--series: expected {'|'.join(FILE_KINDS)}:SYMBOL=FILE, was {written!r}")
    path = Path(match["file"])
    if not path.is_file():
        raise ValueError(f"--series: expected a file, was {path}")
    return kind, match["symbol"], path


def parse_dated(written: str) -> tuple[str, Decimal]:
    """Return venue id and yearly basis as a fraction of ``SYMBOL_YYMMDD=N%``; ``ValueError`` for another form."""
    match = _DATED.match(written)
    try:
        percent = dec(match["percent"]) if match else None
    except ValueError:
        percent = None
    if match is None or percent is None:
        raise ValueError(
            "--dated: expected SYMBOL_YYMMDD=N% with what it costs more a year, such as"
            f" BTCUSDT_260327=8%, was {written!r}"
        )
    try:
        expiry_of(match["symbol"])
    except ValueError as error:
        raise ValueError(f"--dated: {error}") from None
    return match["symbol"], percent / 100
