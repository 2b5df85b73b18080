"""States of strategies and guards as JSON objects and back: Decimals and instants as text, nothing half-read.

Keys that are missing take the state's default, so that a document of an older version still loads; a key that no
field has, or a value of another shape, is refused.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from types import UnionType
from typing import TypeVar, Union, cast, get_args, get_origin, get_type_hints

from counterpoise.domain.numbers import dec, text

T = TypeVar("T")


def encoded(value: object) -> object:
    """Return ``value`` (a dataclass, or a part of one) as JSON values; what is as by default is left out."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            f.name: encoded(getattr(value, f.name))
            for f in fields(value)
            if getattr(value, f.name) != _default(f)
        }
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return text(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): encoded(item) for key, item in value.items()}
    if value is None or isinstance(value, str | bool | int):
        return value
    raise TypeError(f"expected a part of a state, was {type(value).__name__}")


def document_of(state: object) -> dict[str, object]:
    """Return ``state`` (a dataclass) as a JSON object."""
    document = encoded(state)
    if not isinstance(document, dict):
        raise TypeError(f"expected a state, was {type(state).__name__}")
    return document


def _default(field: Field[object]) -> object:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default


def decoded(kind: type[T], document: object, where: str) -> T:
    """Return the ``kind`` that :func:`encoded` wrote.

    Raises
    ------
    ValueError
        When ``document`` has another shape; ``where`` names it.
    """
    if not isinstance(document, Mapping):
        raise _unfit(where, "an object", document)
    hints = _hints(cast("Hashable", kind))
    unknown = sorted(set(document) - set(hints))
    if unknown:
        raise ValueError(f"{where}: expected {', '.join(hints)}, was {unknown[0]!r}")
    return kind(**{n: _part(hints[n], part, f"{where}.{n}") for n, part in document.items()})


@cache
def _hints(kind: Hashable) -> dict[str, object]:
    return get_type_hints(kind)


def _part(hint: object, value: object, where: str) -> object:
    origin, choices = get_origin(hint), get_args(hint)
    if origin in {Union, UnionType}:
        inner = [c for c in choices if c is not type(None)]
        return None if value is None else _part(inner[0], value, where)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise _unfit(where, "an object", value)
        return {str(k): _part(choices[1], v, f"{where}.{k}") for k, v in value.items()}
    if not isinstance(hint, type):
        raise TypeError(f"{where}: expected a plain type, was {hint!r}")
    if is_dataclass(hint):
        return decoded(hint, value, where)
    return _scalar(hint, value, where)


def _scalar(hint: type[object], value: object, where: str) -> object:
    if hint is int and isinstance(value, int) and not isinstance(value, bool):
        return value
    if hint is bool and isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise _unfit(where, hint.__name__, value)
    try:
        if hint is Decimal:
            return dec(value)
        if hint is datetime:
            return _aware(value)
        if issubclass(hint, Enum):
            return hint(value)
    except (ValueError, KeyError):
        raise _unfit(where, hint.__name__, value) from None
    if hint is str:
        return value
    raise _unfit(where, hint.__name__, value)


def _aware(value: str) -> datetime:
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError("expected an aware instant")
    return at


def _unfit(where: str, expected: str, value: object) -> ValueError:
    return ValueError(f"{where}: expected {expected}, was {value!r}")
