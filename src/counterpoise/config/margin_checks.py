"""What must fit together in ``guards.margin``, defaults included: its steps descend, and an opening survives them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from counterpoise.config import units
from counterpoise.config.draft import PortfolioDraft
from counterpoise.config.problems import Path
from counterpoise.config.reading import Document
from counterpoise.config.section import soft
from counterpoise.config.words import percent
from counterpoise.domain.policy import MarginPolicy

#: The margin guard's steps, in the order they are taken.
_STEPS = ("warn", "top_up", "stop_adding", "reduce", "flatten")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """A move of ``guards.margin`` as it holds; ``written``: it stands in the file."""

    name: str
    value: Decimal
    written: bool

    @property
    def told(self) -> str:
        """Its name and value, and whether nobody wrote it."""
        return f"{self.name} {percent(self.value)}{'' if self.written else ' (default)'}"


def check_margin(document: Document, portfolio: PortfolioDraft) -> None:
    """Add the problems of one portfolio's margin guard to the file's problems."""
    path = (*portfolio.path, "guards", "margin")
    levels = _levels(document, path)
    if levels is not None:
        _check_levels(document, path, levels)
    _check_sold(document, path, portfolio)


def _levels(document: Document, path: Path) -> dict[str, _Level] | None:
    """Every level by its name, None where one cannot be read (that is told already)."""
    usual = MarginPolicy()
    found: dict[str, _Level] = {}
    for name in ("survive", *_STEPS):
        node = document.find((*path, name))
        written = soft(units.part, node)
        if node is not None and written is None:
            return None
        value: Decimal = written if written is not None else getattr(usual, name)
        found[name] = _Level(name=name, value=value, written=node is not None)
    return found


def _check_levels(document: Document, path: Path, levels: dict[str, _Level]) -> None:
    for higher, lower in pairwise(levels[step] for step in _STEPS):
        if lower.value >= higher.value:
            # told at what was written; a default cannot be wrong
            where = lower if lower.written else higher
            expected = f"levels that descend: {higher.told} above {lower.told}"
            document.complain((*path, where.name), expected)
            return
    survive, stops = levels["survive"], levels["stop_adding"]
    if survive.value <= stops.value:
        where = survive if survive.written else stops
        document.complain(
            (*path, where.name),
            f"openings that are not cut at once: {survive.told} above {stops.told}",
        )


def _check_sold(document: Document, path: Path, portfolio: PortfolioDraft) -> None:
    """What may be sold is held in a sleeve."""
    sold = document.find((*path, "guard_may_sell"))
    traded = [a for a in portfolio.assets if a != portfolio.quote]
    if sold is None or not isinstance(sold.value, list) or not traded:
        return
    for index in range(len(sold.value)):
        place = (*path, "guard_may_sell", index)
        node = document.find(place)
        if node is not None and isinstance(node.value, str) and node.value not in traded:
            expected = f"an asset of a sleeve and not the quote ({', '.join(traded)})"
            document.complain(place, expected)
