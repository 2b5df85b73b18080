"""What goes to stdout: one JSON object, or tables for people. Everything else goes to stderr."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.instants import iso
from counterpoise.domain.numbers import text

#: Version of every JSON object the commands print; fields are only added.
SCHEMA = 1
_PIPE_WIDTH = 160


def print_json(document: Mapping[str, object]) -> None:
    """Print one JSON object, with its schema number first."""
    print(json_text(document))


def json_text(document: Mapping[str, object]) -> str:
    """Return one JSON object in a line, with its schema number first."""
    return json.dumps({"schema": SCHEMA, **document}, default=_plain, ensure_ascii=False)


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print an aligned table; columns whose name starts with ``>`` are set right (numbers) and never wrap.

    Nor do those that start with ``!``. Into a pipe it goes without trailing blanks. Where the figures and the words
    do not fit beside each other, every row becomes a paragraph (:func:`stacked`): nothing is ever cut.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    lines = [tuple(row) for row in rows]
    if _needed(columns, lines) > width():
        print("\n".join([title, *stacked(columns, lines)]))
        return
    table = Table(
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for column in columns:
        right, whole = column.startswith(">"), column.startswith((">", "!"))
        # folded: a name that is cut names nothing
        table.add_column(
            _name(column), justify="right" if right else "left", no_wrap=whole, overflow="fold"
        )
    for row in lines:
        # Text: what comes from an exchange or a config is shown as it is, never as markup
        table.add_row(*(Text(cell) for cell in row))
    # a title of the table's own would be broken at the table's width
    shown = (Text(title, style="italic"), table)
    if sys.stdout.isatty():
        Console(file=sys.stdout, width=width(), highlight=False).print(*shown, sep="\n")
        return
    drawn = io.StringIO()
    Console(file=drawn, width=width(), highlight=False).print(*shown, sep="\n")
    print("\n".join(line.rstrip() for line in drawn.getvalue().splitlines()))


#: Blanks between two columns, and the least that a column of sentences is given.
_GAP, _SENTENCE = 2, 24


def _name(column: str) -> str:
    return column.lstrip(">!")


def _needed(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """How wide a table must be at least so that no figure is cut and no word broken."""
    from rich.cells import cell_len

    total = _GAP * (len(columns) - 1)
    for index, column in enumerate(columns):
        cells = [_name(column), *(row[index] for row in rows)]
        longest = max(map(cell_len, cells))
        if not column.startswith((">", "!")):
            words = max((cell_len(w) for cell in cells for w in cell.split()), default=0)
            longest = min(longest, max(words, _SENTENCE))
        total += longest
    return total


def stacked(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return rows as paragraphs: what names a row stands first, then each column with its name.

    What names a row are the columns before the first of figures, without such a column all but the last.
    """
    figures = [i for i, column in enumerate(columns) if column.startswith(">")]
    head = max(figures[0] if figures else len(columns) - 1, 1)
    lines: list[str] = []
    for row in rows:
        lines += _wrapped([cell for cell in row[:head] if cell], "", " ")
        told = zip(columns[head:], row[head:], strict=True)
        parts = [f"{_name(column)} {cell}".strip() for column, cell in told if cell]
        lines += _wrapped(parts, "  ", ", ")
    return lines


def _wrapped(parts: Sequence[str], indent: str, between: str) -> list[str]:
    """``parts`` in as few lines as there must be, broken between parts; one that is too long, between its words."""
    room = max(width() - len(indent), 1)
    lines: list[str] = []
    line = ""
    for index, part in enumerate(parts):
        text_of = part + (between.rstrip() if index + 1 < len(parts) else "")
        joined = f"{line} {text_of}" if line else text_of
        if line and len(joined) > room:
            lines.append(line)
            joined = text_of
        line = joined
    if line:
        lines.append(line)
    return [
        indent + short
        for line in lines
        for short in textwrap.wrap(line, room, break_long_words=False, break_on_hyphens=False)
    ]


def say(line: str) -> None:
    """Print a sentence; on a terminal that is narrower it is broken between words, the rest set in."""
    indent = "  " if line[:1].strip() else ""
    shown = textwrap.wrap(
        line,
        width(),
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    print("\n".join(shown) if sys.stdout.isatty() or "COLUMNS" in os.environ else line)


def width() -> int:
    """Return how wide stdout is: ``$COLUMNS``, else the terminal's width, else (a pipe) 160."""
    written = os.environ.get("COLUMNS", "")
    if written.isdecimal() and int(written) > 0:
        return int(written)
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else _PIPE_WIDTH


def warn(line: str) -> None:
    """Print a warning on stderr."""
    print(f"warning: {line}", file=sys.stderr)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return text(value)
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"expected a JSON value, was {type(value).__name__}")
