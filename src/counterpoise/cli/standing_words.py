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
        yield f"since {moment(document['state_since'])} because {document['state_why']}; {way}"
    else:
        yield f"why it was lowered is not recorded; {way}"
