"""Where the database is. A relative SQLite path is relative to the config file, not to where the program runs."""

from __future__ import annotations

from pathlib import Path as FilePath

from counterpoise.config.problems import Path
from counterpoise.config.reading import Document
from counterpoise.config.secrets import from_file

_EXPECTED = "a database address: sqlite:///counterpoise.db (relative to this file) or sqlite:////absolute/path"


def store_url(document: Document, warnings: list[str]) -> str | None:
    """Return the absolute database address, None when a problem was added."""
    inline, named = document.find(("store",)), document.find(("store_file",))
    if inline is not None and named is not None:
        document.complain(("store_file",), "store or store_file", was="both", hint="remove one")
        return None
    if named is not None:
        written = from_file(document, ("store_file",), warnings)
        return _absolute(document, ("store_file",), written) if written else None
    if inline is None:
        document.complain(("store",), _EXPECTED)
        return None
    if not isinstance(inline.value, str) or not inline.value:
        document.complain(("store",), _EXPECTED)
        return None
    return _absolute(document, ("store",), inline.value)


def _absolute(document: Document, path: Path, written: str) -> str | None:
    if written.partition(":")[0] in {"postgresql", "postgres", "postgresql+psycopg"}:
        hint = "PostgreSQL comes with a later version"
        document.complain(path, _EXPECTED, was="a PostgreSQL address", hint=hint)
        return None
    rest = written.removeprefix("sqlite:///")
    if rest in {"", ":memory:"} and written.startswith("sqlite:"):
        hint = "what the daemon knows must survive a restart"
        document.complain(path, _EXPECTED, was="no file", hint=hint)
        return None
    if rest == written or "?" in rest or rest.endswith("/"):
        document.complain(path, _EXPECTED)
        return None
    try:
        file = (document.path.parent / FilePath(rest).expanduser()).absolute()
        found = file.parent.is_dir()
    except (ValueError, RuntimeError):
        # a NUL in the path; a home directory nobody has
        document.complain(path, _EXPECTED)
        return None
    if not found:
        hint = f"mkdir -p {file.parent}"
        document.complain(path, "a path in an existing directory", was=str(file), hint=hint)
        return None
    return f"sqlite:///{file}"
