"""Parameters of a request: query and form decoded, then read by type with Binance's refusals.

Binance takes parameters from the query string and from a form body alike; a name sent twice counts once,
the query's value first. Reading never guesses: a value that is malformed is refused by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import parse_qsl

from counterpoise.domain.numbers import dec
from counterpoise.venue.testnet.binance.errors import ApiError, illegal, missing

DECIMAL_PATTERN = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
CLIENT_ID_PATTERN = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"
#: The last millisecond of the year 9999.
LAST_MS = 253_402_300_799_999
_DECIMAL = re.compile(DECIMAL_PATTERN)
_CLIENT_ID = re.compile(CLIENT_ID_PATTERN)
_INTEGER = re.compile(r"^[0-9]{1,19}$")


class Params:
    """The decoded parameters of one request."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    @classmethod
    def of(cls, query: str, body: str) -> Params:
        """Decode ``query`` and a form ``body``; the query wins where both name a parameter."""
        pairs = [
            *parse_qsl(body, keep_blank_values=True),
            *parse_qsl(query, keep_blank_values=True),
        ]
        return cls(dict(pairs))

    def has(self, name: str) -> bool:
        """Tell whether ``name`` was sent with a value."""
        return self._values.get(name, "") != ""

    def opt(self, name: str) -> str | None:
        """Return the text of ``name``, or None."""
        return self._values.get(name) or None

    def need(self, name: str) -> str:
        """Return the text of ``name``; -1102 when it is missing."""
        value = self.opt(name)
        if value is None:
            raise missing(name)
        return value

    def integer(self, name: str) -> int | None:
        """Return ``name`` as a whole number, or None when absent; -1100 when it is none."""
        value = self.opt(name)
        if value is None:
            return None
        if not _INTEGER.match(value):
            raise illegal(name, r"^[0-9]{1,20}$")
        return int(value)

    def time(self, name: str) -> int | None:
        """Return ``name`` as ms since 1970, or None; -1130 beyond the year 9999."""
        value = self.integer(name)
        if value is not None and value > LAST_MS:
            raise ApiError(-1130, f"Data sent for parameter '{name}' is not valid.")
        return value

    def need_integer(self, name: str) -> int:
        """Return ``name`` as a whole number; -1102 when missing."""
        value = self.integer(name)
        if value is None:
            raise missing(name)
        return value

    def decimal(self, name: str) -> Decimal | None:
        """Return ``name`` as a Decimal, or None when absent; -1100 when it is no plain number."""
        value = self.opt(name)
        if value is None:
            return None
        if not _DECIMAL.match(value):
            raise illegal(name, DECIMAL_PATTERN)
        return dec(value)

    def need_decimal(self, name: str) -> Decimal:
        """Return ``name`` as a Decimal; -1102 when missing."""
        value = self.decimal(name)
        if value is None:
            raise missing(name)
        return value

    def flag(self, name: str) -> bool:
        """Return ``name`` as a truth value, absent meaning false; -1130 when it is neither."""
        value = (self.opt(name) or "false").lower()
        if value not in ("true", "false"):
            raise ApiError(-1130, f"Data sent for parameter '{name}' is not valid.")
        return value == "true"

    def client_id(self, name: str) -> str | None:
        """Return ``name`` as a client order id, or None; -1100 when it has other characters or is long."""
        value = self.opt(name)
        if value is not None and not _CLIENT_ID.match(value):
            raise illegal(name, CLIENT_ID_PATTERN)
        return value

    def limit(self, default: int, most: int) -> int:
        """Return ``limit`` between 1 and ``most``; as Binance does, more than ``most`` counts as ``most``."""
        value = self.integer("limit")
        if value is None:
            return default
        if value < 1:
            raise ApiError(-1130, "Data sent for parameter 'limit' is not valid.")
        return min(value, most)

    def json_list(self, *names: str) -> list[object] | None:
        """Return the first of ``names`` that was sent, as a JSON list; -1130 when it is none."""
        for name in names:
            value = self.opt(name)
            if value is None:
                continue
            try:
                parsed = json.loads(value)
            except (ValueError, RecursionError):
                parsed = None
            if not isinstance(parsed, list):
                raise ApiError(-1130, f"Data sent for parameter '{name}' is not valid.")
            return parsed
        return None
