"""The text forms in which money and time are kept, each read back as exactly the value that was written.

Every store checks values here before it takes them, so that the memory store refuses what a database
would mangle. Nothing is ever rounded to make it fit: what has no exact form is an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import cast

from counterpoise.domain.errors import StoreError
from counterpoise.domain.numbers import dec, text


def decimal_text(value: Decimal) -> str:
    """Return ``value`` in the one text form of ``domain.numbers``.

    Raises
    ------
    TypeError
        For anything but a Decimal.
    ValueError
        For NaN, infinity, and a number with more digits than the decimal context keeps.
    """
    if not isinstance(value, Decimal):
        raise TypeError(f"expected Decimal, was {type(value).__name__} {value!r}")
    written = text(dec(value))
    if Decimal(written) != value:
        raise ValueError(f"expected a number of at most 60 digits, was {value}")
    return written


def instant_text(value: datetime) -> str:
    """Return ``value`` as UTC ISO 8601 with microseconds and ``Z``: fixed width, so it sorts as text.

    Raises
    ------
    ValueError
        For a datetime without a time zone: it names no instant.
    """
    if value.utcoffset() is None:
        raise ValueError(f"expected an aware datetime, was {value!r}")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def instant(written: str) -> datetime:
    """Return the aware UTC datetime that :func:`instant_text` wrote."""
    return datetime.fromisoformat(written).astimezone(UTC)


def document_text(document: Mapping[str, object], what: str) -> str:
    """Return ``document`` as compact JSON in its own key order; ``what`` names it in the error.

    Raises
    ------
    StoreError
        When a part of it is not JSON (a Decimal or a datetime belongs in as text).
    """
    try:
        return json.dumps(
            document,
            ensure_ascii=False,
            allow_nan=False,
            separators=(",", ":"),
            default=_as_object,
        )
    except (TypeError, ValueError) as error:
        raise StoreError(f"{what}: expected a JSON document, was one with a {error}") from error


def document(written: str) -> dict[str, object]:
    """Return the document that :func:`document_text` wrote."""
    return cast("dict[str, object]", json.loads(written))


def _as_object(value: object) -> dict[object, object]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"value of type {type(value).__name__}: {value!r}")
