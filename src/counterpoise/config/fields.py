"""The kinds of value a config key takes: how each is read, and how the JSON Schema tells it.

Each is an ``Annotated`` type: a reader from :mod:`~counterpoise.config.units` or below, which raises
:class:`~counterpoise.config.units.Expected`, and the schema an editor checks the same value by.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, NoReturn
from urllib.parse import urlsplit

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import CoreSchema, core_schema

from counterpoise.config import cron, exchanges, times, units
from counterpoise.config.problems import nearest, one_of
from counterpoise.config.units import Expected
from counterpoise.domain.access import Environment
from counterpoise.domain.policy import Band
from counterpoise.domain.strategy.conversion import Level

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
_ASSET = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,19}")
_QUOTED = "; put it in quotes"

#: Marks a key that the contract promises and this version does not do; the schema leaves it out.
NOT_YET = "x-not-yet"


class NotYet(Expected):
    """A key or value of a later version."""

    def __init__(self, what: str) -> None:
        super().__init__("nothing here in this version", f"{what}, remove this")


class Later:
    """``Annotated[None, Later("...")]``: a key that is known, refused, and says why."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __get_pydantic_core_schema__(self, source: object, handler: object) -> CoreSchema:
        def refuse(_value: object) -> NoReturn:
            raise NotYet(self.what)

        return core_schema.no_info_plain_validator_function(refuse)

    def __get_pydantic_json_schema__(self, schema: object, handler: object) -> dict[str, Any]:
        return {NOT_YET: True}


def text(value: object) -> str:
    """Return ``value`` when it is text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise Expected("a text" + (_QUOTED if isinstance(value, Decimal | bool) else ""))
    return value


def identifier(value: object) -> str:
    """Return ``value`` when it can name a venue, portfolio, sleeve or strategy."""
    expected = "a name of up to 40 letters, digits, - and _"
    if isinstance(value, Decimal | bool):
        raise Expected(expected + _QUOTED)
    if not isinstance(value, str) or not _ID.fullmatch(value):
        raise Expected(expected)
    return value


def asset(value: object) -> str:
    """Return ``value`` when it can be the code of an asset."""
    expected = "an asset in capitals, such as BTC"
    if not isinstance(value, str):
        raise Expected(expected)
    if not _ASSET.fullmatch(value):
        capitals = value.strip().upper()
        raise Expected(expected, f"write {capitals}" if _ASSET.fullmatch(capitals) else "")
    return value


def exchange(value: object) -> str:
    """Return ``value`` when it is the id of an exchange this version trades on."""
    supported = one_of(exchanges.SUPPORTED)
    if isinstance(value, str) and value in exchanges.SUPPORTED:
        return value
    if isinstance(value, str) and value in exchanges.KNOWN:
        raise Expected(
            f"an exchange of this version ({supported})",
            f"{value} is known to ccxt, not supported yet",
        )
    near = nearest(value, exchanges.KNOWN) if isinstance(value, str) else None
    meant = f"did you mean {near!r}?" if near else ""
    raise Expected(f"an exchange id ({supported})", meant)


def environment(value: object) -> Environment:
    """Return ``value`` as an Environment."""
    known = [e.value for e in Environment]
    if value == "paper":
        raise Expected(one_of(known), "paper comes with a later version: use local or demo")
    if not isinstance(value, str) or value not in known:
        near = nearest(value, known) if isinstance(value, str) else None
        raise Expected(one_of(known), f"did you mean {near!r}?" if near else "")
    return Environment(value)


def url(value: object) -> str:
    """Return ``value`` when it is the root address of an HTTP server."""
    expected = "an address such as http://127.0.0.1:9000"
    if not isinstance(value, str):
        raise Expected(expected)
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise Expected(expected) from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        raise Expected(expected)
    if parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username:
        raise Expected(expected, "only scheme, host and port")
    return value.rstrip("/")


def existing(value: object) -> str:
    """Return ``keep``, ``refuse`` or ``adopt:<strategy id>``; that the strategy exists is a cross check."""
    known = value in {"keep", "refuse"}
    adopts = isinstance(value, str) and value.startswith("adopt:") and _ID.fullmatch(value[6:])
    if not isinstance(value, str) or not (known or adopts):
        raise Expected("keep, refuse or adopt:<strategy id>")
    return value


def _always(value: object) -> str:
    if value != "always":
        near = isinstance(value, str) and nearest(value, ["always"])
        raise Expected(
            "always, or a condition such as {below: 80000}",
            "did you mean 'always'?" if near else "",
        )
    return "always"


def _manual(value: object) -> str:
    if value != "manual":
        near = isinstance(value, str) and nearest(value, ["manual"])
        raise Expected(
            "manual, or a condition such as {at: 2026-03-01T08:00:00Z}",
            "did you mean 'manual'?" if near else "",
        )
    return "manual"


def _rungs(value: object) -> int:
    made = units.count(value)
    if made > 100:
        raise Expected("a whole number of at least 1 and at most 100")
    return made


def _quantity(value: object) -> Decimal:
    return units.positive(value, "a quantity above 0, such as 0.5")


def _tranches(value: object) -> int:
    made = units.count(value, at_least=2)
    if made > 100:
        raise Expected("a whole number of at least 2 and at most 100")
    return made


def _poll(value: object) -> timedelta:
    return units.duration(value)


def _shown(pattern: str, *examples: str, description: str = "") -> WithJsonSchema:
    made: dict[str, object] = {"type": "string", "pattern": pattern, "examples": list(examples)}
    return WithJsonSchema(made | ({"description": description} if description else {}))


_N = r"(\d+(\.\d*)?|\.\d+)"
ENV = r"\$\{.*\}"
_NUMBER: dict[str, object] = {
    "anyOf": [{"type": "number"}, {"type": "string", "pattern": rf"^({_N}|{ENV})$"}]
}
_LEVEL: dict[str, object] = {
    "anyOf": [{"type": "number"}, {"type": "string", "pattern": rf"^({_N}\s*%?|{ENV})$"}]
}

Text = Annotated[str, PlainValidator(text), WithJsonSchema({"type": "string", "minLength": 1})]
Identifier = Annotated[str, PlainValidator(identifier), _shown(rf"^({_ID.pattern}|{ENV})$", "main")]
Asset = Annotated[str, PlainValidator(asset), _shown(rf"^({_ASSET.pattern}|{ENV})$", "BTC")]
Exchange = Annotated[
    str, PlainValidator(exchange), WithJsonSchema({"type": "string", "examples": ["binance"]})
]
EnvironmentName = Annotated[
    Environment,
    PlainValidator(environment),
    WithJsonSchema({"enum": [e.value for e in Environment]}),
]
Url = Annotated[
    str, PlainValidator(url), _shown(rf"^(https?://.+|{ENV})$", "http://127.0.0.1:9000")
]
Existing = Annotated[
    str, PlainValidator(existing), _shown(rf"^(keep|refuse|adopt:.+|{ENV})$", "refuse", "keep")
]
AlwaysWord = Annotated[str, PlainValidator(_always), WithJsonSchema({"const": "always"})]
ManualWord = Annotated[str, PlainValidator(_manual), WithJsonSchema({"const": "manual"})]
Share = Annotated[Decimal, PlainValidator(units.share), _shown(rf"^({_N}\s*%|{ENV})$", "60%")]
ShareAboveZero = Annotated[
    Decimal, PlainValidator(units.share_above_zero), _shown(rf"^({_N}\s*%|{ENV})$", "50%")
]
EquityMultiple = Annotated[
    Decimal, PlainValidator(units.equity_multiple), _shown(rf"^({_N}\s*%|{ENV})$", "200%")
]
#: A percentage above 0 and below 100, and one that may exceed 100.
Part = Annotated[Decimal, PlainValidator(units.part), _shown(rf"^({_N}\s*%|{ENV})$", "10%")]
Rise = Annotated[Decimal, PlainValidator(units.rise), _shown(rf"^({_N}\s*%|{ENV})$", "50%")]
BandSize = Annotated[
    Band, PlainValidator(units.band), _shown(rf"^({_N}\s*(pp|%)|{ENV})$", "5pp", "25%")
]
PriceDistance = Annotated[
    Decimal,
    PlainValidator(units.price_distance),
    _shown(rf"^({_N}\s*(bps|%)|{ENV})$", "20bps", "0.2%"),
]
Cost = Annotated[
    Decimal, PlainValidator(units.cost), _shown(rf"^({_N}\s*(bps|%)|{ENV})$", "50bps", "0.5%")
]
Duration = Annotated[
    timedelta, PlainValidator(_poll), _shown(rf"^({_N}\s*(ms|s|m|h|d)|{ENV})$", "30s", "2m", "8h")
]
Instant = Annotated[
    datetime,
    PlainValidator(times.instant),
    _shown(
        rf"^(\d{{4}}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?\s?([Zz]|[+-]\d\d:?\d\d)|{ENV})$",
        "2026-03-01T08:00:00Z",
    ),
]
Interval = Annotated[
    timedelta,
    PlainValidator(times.interval),
    WithJsonSchema({"type": "string", "examples": list(times.INTERVALS)}),
]
Calendar = Annotated[
    str,
    PlainValidator(cron.calendar),
    _shown(rf"^(\S+( +\S+){{4}}|{ENV})$", "0 8 * * mon", "0 8 1 * *"),
]
Amount = Annotated[
    units.Money,
    PlainValidator(units.money),
    _shown(rf"^({_N}\s*[A-Z0-9._-]+|{ENV})$", "25000 USDT"),
]
Quantity = Annotated[Decimal, PlainValidator(_quantity), WithJsonSchema(_NUMBER)]
Price = Annotated[Decimal, PlainValidator(units.price), WithJsonSchema(_NUMBER)]
LevelAbove = Annotated[Level, PlainValidator(units.level_above), WithJsonSchema(_LEVEL)]
LevelBelow = Annotated[Level, PlainValidator(units.level_below), WithJsonSchema(_LEVEL)]
Multiple = Annotated[Decimal, PlainValidator(units.positive), WithJsonSchema(_NUMBER)]
Count = Annotated[
    int, PlainValidator(units.count), WithJsonSchema({"type": "integer", "minimum": 1})
]
Rungs = Annotated[
    int,
    PlainValidator(_rungs),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 100}),
]
Bars = Annotated[
    int, PlainValidator(times.bar_count), WithJsonSchema({"type": "integer", "minimum": 2})
]
Tranches = Annotated[
    int, PlainValidator(_tranches), WithJsonSchema({"type": "integer", "minimum": 2})
]
