"""Where the store is: from a store URL to a file, and a clear refusal of what is no store.

Relative paths are settled by the config before they come here. A URL is never repeated in a message,
because a URL of another kind may carry a password.
"""

from __future__ import annotations

from pathlib import Path

from counterpoise.domain.errors import ConfigError

_SQLITE = "sqlite:///"
_EXPECTED = "store: expected sqlite:////absolute/path.db or sqlite:///relative/path.db"


def sqlite_path(url: str) -> Path:
    """Return the database file that ``url`` names.

    Raises
    ------
    ConfigError
        When it names none; for PostgreSQL it says that this comes later.
    """
    scheme = url.partition(":")[0]
    if scheme in {"postgresql", "postgres"}:
        raise ConfigError([f"{_EXPECTED}; PostgreSQL comes with a later release"])
    if not url.startswith(_SQLITE):
        raise ConfigError([f"{_EXPECTED}, was a URL of {scheme!r}"])
    path = url.removeprefix(_SQLITE)
    if path in {"", ":memory:"} or path.endswith("/"):
        raise ConfigError([f"{_EXPECTED}, was one without a file"])
    return Path(path)
