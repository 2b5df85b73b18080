"""The arguments of faults, checked: a wrong one is a ``ValueError`` that says where, what was expected, what it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from counterpoise.domain.numbers import dec, text

#: Turns what was written into a value; gets where it stands, for its words.
Check = Callable[[str, object], object]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a kind: how it is checked, and whether it must be there."""

    check: Check
    needed: bool = False


def refused(where: str, expected: str, was: object) -> ValueError:
    """Return the error for something written at ``where``."""
    shown = text(was) if isinstance(was, Decimal) else repr(was)
    return ValueError(f"{where}: expected {expected}, was {shown}")


def whole(least: int, most: int) -> Check:
    """Return a check for a whole number within bounds."""

    def check(where: str, value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise refused(where, f"a whole number from {least} to {most}", value)
        return value

    return check


def places(where: str, value: object) -> list[int]:
    """Return places in a batch, from 0: a list of whole numbers, each once."""
    if not isinstance(value, list) or not value or len(value) != len({*map(str, value)}):
        raise refused(where, "a list of places, each once", value)
    return [int(str(whole(0, 9)(f"{where}[{n}]", each))) for n, each in enumerate(value)]


def seconds(where: str, value: object) -> Decimal:
    """Return a span in seconds, above 0 and at most three days, to the millisecond."""
    number = number_of(where, value)
    if not 0 < number <= 3 * 86_400 or number % Decimal("0.001"):
        raise refused(where, "seconds above 0 and up to 259200, in steps of 0.001", value)
    return number


def positive(where: str, value: object) -> Decimal:
    """Return a number above 0."""
    number = number_of(where, value)
    if number <= 0:
        raise refused(where, "a number above 0", value)
    return number


def number_of(where: str, value: object) -> Decimal:
    """Return an exact number, written as text, or as a JSON number."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise refused(where, "a number", value)
    try:
        return dec(value)
    except ValueError:
        raise refused(where, "a number", value) from None


def words(where: str, value: object) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise refused(where, "a text", value)
    return value


def one_of(*choices: str) -> Check:
    """Return a check for one of a few words."""

    def check(where: str, value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise refused(where, " or ".join(choices), value)
        return value

    return check


def headers(where: str, value: object) -> dict[str, str]:
    """Return HTTP headers: an object of texts that can stand in a header."""
    pairs = mapping(where, value)
    for name, content in pairs.items():
        if not isinstance(content, str) or any(c in name + content for c in "\r\n\0") or not name:
            raise refused(f"{where}.{name}", "a text without line breaks", content)
    return {name: str(content) for name, content in pairs.items()}


def mapping(where: str, value: object) -> Mapping[str, object]:
    """Return a JSON object."""
    if not isinstance(value, Mapping):
        raise refused(where, "an object", value)
    return value


def anything(_where: str, value: object) -> object:
    """Return whatever it is."""
    return value
