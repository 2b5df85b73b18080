"""The raw payloads of the reference, and what of them a reply of ours must carry.

The payloads are replies of the real exchange as people wrote them down: most are JSON, some are a listing with
comments and unquoted names. Only names and JSON types are compared, never values. Numbers of milliseconds and ids
were often written down as text; the exchange's documentation says they are numbers, so text in the payload allows
both (`WRITTEN_AS_TEXT`).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

Shape = dict[str, str]

#: Names whose value is a JSON number on the wire, whatever the payload shows.
WRITTEN_AS_TEXT = frozenset(
    {
        "T",
        "a",
        "adl",
        "closeTime",
        "count",
        "f",
        "feeTier",
        "firstId",
        "fundingTime",
        "l",
        "lastId",
        "minConfirm",
        "nextFundingTime",
        "openTime",
        "estimatedArrivalTime",
        "unLockConfirm",
        "time",
        "tradeGroupId",
        "tradeId",
        "tranId",
        "updateTime",
    }
)
_LINE = re.compile(
    r"""["']?(?P<name>[A-Za-z_]\w*)["']?\s*:\s*(?P<value>["'\[{]|-?\d|true|false|True|False|null)"""
)


def kind_of(value: object) -> str:
    """Return the JSON type of ``value``; whole and broken numbers are one."""
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "text"
        case None:
            return "null"
        case list():
            return "list"
        case dict():
            return "object"
    raise AssertionError(f"expected a JSON value, was {type(value).__name__}")


def shape_of(value: object) -> Shape:
    """Return names and types of an object, or positions and types of a list."""
    if isinstance(value, dict):
        return {str(name): kind_of(one) for name, one in value.items()}
    assert isinstance(value, list)
    return {str(place): kind_of(one) for place, one in enumerate(value)}


def shape_of_listing(text: str) -> Shape:
    """Return names and types of a commented listing; nested objects give their names too."""
    shape: Shape = {}
    for line in text.splitlines():
        for match in _LINE.finditer(line.partition("//")[0]):
            shape.setdefault(match["name"], _kind_by(match["value"]))
    return shape


def _kind_by(start: str) -> str:
    if start in "\"'":
        return "text"
    if start in "[{":
        return {"[": "list", "{": "object"}[start]
    if start.lower() in ("true", "false"):
        return "bool"
    return "null" if start == "null" else "number"


def load(shared: Path) -> dict[str, list[Any]]:
    """Return the payloads of Binance by the function of ccxt they were written down at."""
    path = shared / "reference" / "payloads" / "binance.json"
    data: dict[str, list[Any]] = json.loads(path.read_text())
    return data


def differences(expected: Shape, reply: Shape, absent: frozenset[str]) -> list[str]:
    """Return what a reply lacks or has as another type."""
    found = []
    for name, kind in expected.items():
        if name in absent:
            continue
        if name not in reply:
            found.append(f"{name}: expected {kind}, was absent")
            continue
        wanted = {kind, "number"} if name in WRITTEN_AS_TEXT else {kind}
        if reply[name] not in wanted:
            found.append(f"{name}: expected {kind}, was {reply[name]}")
    return found
