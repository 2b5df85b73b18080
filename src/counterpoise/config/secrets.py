"""Credentials, from the environment or from files. Nothing here ever puts a value into a message.

A file everyone on the machine can read is a warning, not an error: container secrets often are.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path as FilePath

from counterpoise.config.problems import Path, spelled
from counterpoise.config.reading import Document
from counterpoise.domain.access import Secret

_READABLE_BY_ALL = stat.S_IROTH
_PEM = "-----BEGIN "  # RSA and Ed25519 keys, which Binance takes for secrets


def secret(
    document: Document, venue: Path, key: str, *, needed: bool, warnings: list[str]
) -> Secret | None:
    """Return the credential ``key`` of the venue at ``venue``, None when there is none (or a problem was added)."""
    inline, file = (*venue, key), (*venue, f"{key}_file")
    value, named = document.find(inline), document.find(file)
    if value is not None and named is not None:
        document.complain(file, f"{key} or {key}_file", was="both", hint="remove one")
    elif named is not None:
        return _fit(document, file, key, from_file(document, file, warnings))
    elif value is not None:
        if isinstance(value.value, str) and value.value:
            warn_of_literal(document, inline, warnings, better=f"{key}_file")
            return _fit(document, inline, key, value.value)
    elif needed:
        document.complain(inline, f"{key} (best as ${{NAME}}) or {key}_file")
    return None


def _fit(document: Document, path: Path, key: str, value: str | None) -> Secret | None:
    """Return ``value`` as a Secret: one line (a private key in PEM has more), an API key one word of ASCII."""
    if not value:
        return None
    if len(value.splitlines()) > 1 and not (key != "api_key" and value.startswith(_PEM)):
        count = len(value.splitlines())
        document.complain(path, "one line", was=f"{count} lines (they are not shown)")
        return None
    if key == "api_key" and not re.fullmatch(r"[!-~]+", value):
        expected = "an API key: letters, digits and signs, without spaces or line ends"
        document.complain(path, expected, was="something else (its value is not shown)")
        return None
    return Secret(value)


def from_file(document: Document, path: Path, warnings: list[str]) -> str | None:
    """Return the stripped content of the file named at ``path`` (relative to the config file)."""
    node = document.find(path)
    if node is None or not isinstance(node.value, str) or not node.value:
        return None
    # a path that came from the environment may be a credential put there by mistake
    shown = node.source if "${" in (node.source or "") else node.value
    expected = "a readable file"
    try:
        file = document.path.parent / FilePath(node.value).expanduser()
        content = file.read_bytes().decode().strip()
        readable_by_all = bool(file.stat().st_mode & _READABLE_BY_ALL)
    except FileNotFoundError:
        document.complain(
            path, expected, was=f"missing: {shown}", hint="create it or correct the path"
        )
        return None
    except UnicodeDecodeError:
        document.complain(path, "a text file", was=f"not UTF-8: {shown}")
        return None
    except IsADirectoryError:
        document.complain(path, expected, was=f"a folder: {shown}", hint="name the file in it")
        return None
    except OSError as error:
        document.complain(path, expected, was=f"{error.strerror or 'unreadable'}: {shown}")
        return None
    except (ValueError, RuntimeError):
        # a NUL in the path; a home directory nobody has
        document.complain(path, expected, was=f"no path: {shown!r}")
        return None
    if not content:
        document.complain(path, "a file with one credential in it", was=f"an empty file: {shown}")
        return None
    if readable_by_all:
        told = f"{shown} can be read by everyone on this machine: run chmod 600 {shown}"
        warnings.append(_located(document, path, told))
    return content


def warn_of_literal(document: Document, path: Path, warnings: list[str], *, better: str) -> None:
    """Warn of a credential written into a config file that everyone can read; ``better``: the key to use instead."""
    node = document.find(path)
    if node is None or "${" in (node.source or ""):
        return
    environment = document.find((*path[:-1], "environment"))
    if environment is not None and environment.value == "local":
        return
    try:
        readable_by_all = bool(document.path.stat().st_mode & _READABLE_BY_ALL)
    except OSError:
        return
    if readable_by_all:
        told = (
            f"a credential stands in {document.path}, which everyone on this machine can read:"
            f" use {better} or ${{NAME}}"
        )
        warnings.append(_located(document, path, told))


def _located(document: Document, path: Path, told: str) -> str:
    node = document.find(path)
    place = node.place if node is not None else document.root.place
    return document.problems.located(place, f"{spelled(path)}: {told}")
