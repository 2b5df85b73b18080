"""What YAML's own complaints mean, in our words: tabs, indentation, brackets and quotes left open.

Nothing of a value is repeated here, as a line of a config may hold a credential; only keys, signs and places are.
"""

from __future__ import annotations

import re

from ruamel.yaml.error import MarkedYAMLError

from counterpoise.config.problems import Place

_KEY = re.compile(r"\s*(?:- )*(?P<key>[A-Za-z0-9_-]{1,40})\s*:(?:\s|$)")
_FLOW = ("while parsing a flow sequence", "while parsing a flow mapping")


def explained(error: MarkedYAMLError, content: str) -> tuple[Place, str]:
    """Return where ``content`` stops being YAML, and what to tell of it: ``expected X, was Y``."""
    lines = content.splitlines()
    place = _place(error.problem_mark) or _place(error.context_mark) or Place(line=1, column=1)
    opened = _place(error.context_mark)
    problem, context = str(error.problem or ""), str(error.context or "")
    if "found character '\\t'" in problem:
        return place, "expected spaces, was a tab; use spaces for indentation, not tabs"
    if context == "while scanning a quoted scalar" and opened is not None:
        sign = _sign(lines, opened)
        return opened, f"expected a closing {sign}, was none; close the quote that begins here"
    if "undefined alias" in problem or context == "while scanning an alias":
        return opened or place, (
            "expected a value, was an alias (*) of nothing; put a text that begins with * in quotes:"
            " '*/15 * * * *'"
        )
    if context in _FLOW and opened is not None:
        return place, _left_open(lines, opened, place, problem)
    if problem.startswith(("mapping values are not allowed", "expected <block end>")):
        return _indentation(lines, place, problem)
    what = re.sub(r",? but got ", ", was ", problem or context)
    inside = f" ({context})" if context and problem else ""
    return place, f"expected YAML, was not: {what}{inside}"


def _left_open(lines: list[str], opened: Place, place: Place, problem: str) -> str:
    sign = _sign(lines, opened)
    closing = {"[": "]", "{": "}"}.get(sign, "closing bracket")
    where = f"the {sign} opened at {opened.line}:{opened.column}"
    was = "the end of the file" if "<stream end>" in problem else problem.rpartition("was ")[2]
    was = was.rpartition("but got ")[2]
    hint = "; inside { } and [ ] put ${NAME} in quotes" if "${" in _line(lines, place.line) else ""
    return f"expected ',' or {closing!r} for {where}, was {was}{hint}"


def _indentation(lines: list[str], place: Place, problem: str) -> tuple[Place, str]:
    """A key that stands too far in or out for the lines above; or, on one line, a second colon."""
    line, before = _line(lines, place.line), _before(lines, place.line)
    key = _KEY.match(line)
    if key is None or place.column - 1 > key.end("key") + 1:
        if "mapping values" in problem:
            return (
                place,
                "expected one value, was another ':'; put a text with ': ' in it in quotes",
            )
        return place, "expected the end of the value, was more text; put the whole value in quotes"
    start = Place(line=place.line, column=key.start("key") + 1)
    if before is None:
        return start, "expected a key at the start of the line, was an indented one"
    named = _KEY.match(_line(lines, before))
    above = f"{named['key']!r} on line {before}" if named is not None else f"line {before}"
    if named is None and _spaces(_line(lines, before)) == _spaces(line):
        return start, f"expected 'key: value' on the line before ({before}) too, was no key there"
    far = named.start("key") if named is not None else _spaces(_line(lines, before))
    return start, (
        f"expected {key['key']!r} to stand as far in as the keys it belongs to, was {_blanks(start.column - 1)}"
        f" in; {above} before it is {_blanks(far)} in"
    )


def _before(lines: list[str], number: int) -> int | None:
    """The number of the last line above ``number`` that says something."""
    for found in range(number - 1, 0, -1):
        said = _line(lines, found).strip()
        if said and not said.startswith("#"):
            return found
    return None


def _line(lines: list[str], number: int) -> str:
    return lines[number - 1] if 0 < number <= len(lines) else ""


def _sign(lines: list[str], place: Place) -> str:
    return _line(lines, place.line)[place.column - 1 : place.column] or "?"


def _spaces(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _blanks(count: int) -> str:
    return f"{count} space{'' if count == 1 else 's'}"


def _place(mark: object) -> Place | None:
    line, column = getattr(mark, "line", None), getattr(mark, "column", None)
    if not isinstance(line, int) or not isinstance(column, int):
        return None
    return Place(line=line + 1, column=column + 1)
