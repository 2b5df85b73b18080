"""One hash for what a run decided and did: equal on every machine for equal data, config and options.

Fed with values in the order in which they happened; times are market time, numbers have their one text form. No
path, no host, no wall clock and no order of a set ever goes in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum

from counterpoise.domain.numbers import text

_US = timedelta(microseconds=1)


class Digest:
    """A SHA-256 that takes values instead of bytes."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()

    def add(self, what: str, value: object) -> None:
        """Take in ``value`` under the name ``what``. Raises TypeError for a value without a fixed text form."""
        self._sha.update(f"{what}={plain(value)}\n".encode())

    def hex(self) -> str:
        """Return the hash of everything so far."""
        return self._sha.hexdigest()


def plain(value: object) -> str:
    """Return the one text of ``value``: keys of mappings sorted, fields of dataclasses by name."""
    match value:
        case None | bool():
            return str(value).lower()
        case Enum():
            return repr(str(value.value))
        case str():
            return repr(value)
        case int():
            return str(value)
        case Decimal():
            return text(value)
        case datetime():
            return value.astimezone(UTC).isoformat()
        case timedelta():
            return f"{value // _US}us"
        case Mapping():
            parts = sorted((str(key), plain(item)) for key, item in value.items())
            return _listed("{}", (f"{key!r}:{item}" for key, item in parts))
        case tuple() | list():
            return _listed("[]", map(plain, value))
        case _ if is_dataclass(value) and not isinstance(value, type):
            return _listed(
                "()", (f"{f.name}={plain(getattr(value, f.name))}" for f in fields(value))
            )
    raise TypeError(f"expected a value with a fixed text, was {type(value).__name__}")


def _listed(brackets: str, parts: Iterable[str]) -> str:
    return brackets[0] + ",".join(parts) + brackets[1]
