"""Why a portfolio is not in RUN, in one line: since when, because of what, and the way out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from counterpoise.cli.figures import moment


def standing_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Give the line under the trading state of a document of ``plan``, ``status`` or ``explain``; none for RUN."""
    if document.get("state") in {None, "RUN"}:
        return
    way = "raise it with: counterpoise resume"
    if document.get("state_why"):
        yield f"{_since(document)} because {document['state_why']}; {way}"
    else:
        yield f"why it was lowered is not recorded; {way}"


def _since(document: Mapping[str, Any]) -> str:
    """The time; with its day where that is another than the document's."""
    since, now = document["state_since"], document.get("as_of") or ""
    shown = moment(since)
    return f"since {shown[11:] if now[:10] == since[:10] else shown} UTC"
