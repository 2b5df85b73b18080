"""How far what moves has come, as far as it was told: a ladder or a conversion, one per contract.

A position that moves in many fills is told when it begins, now and then between, and with its sum when it is over.
What that takes is kept as a document and saved in the transaction that books the fills and holds the alert, so that
a restart in the middle neither repeats nor forgets anything. Pure values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.numbers import ZERO
from counterpoise.domain.order import Fill, Side
from counterpoise.domain.portfolio import Contract

#: Id of the document.
COURSES = "courses"
#: How the name of a conversion begins that a course serves; what serves a decision bears the decision's id.
CONVERTS = "convert:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One contract on its way.

    ``of``: the decision or the conversion it serves. ``asset``; ``goal``: our own quantity in the end (signed base
    units), None where that is not known beforehand. ``before``: what it was when the first fill came. ``net``: by how
    much all fills moved it; ``qty`` (> 0) and ``value`` (quote) of those on ``side``, for the average price.
    ``told_at``: when it was last spoken of. ``untold``: trade ids since then, with commas; ``untold_qty`` and
    ``untold_value`` of them on ``side``, ``untold_net`` of all of them.
    """

    of: str
    asset: str
    side: Side
    began_at: datetime
    told_at: datetime
    goal: Decimal | None = None
    before: Decimal = ZERO
    net: Decimal = ZERO
    qty: Decimal = ZERO
    value: Decimal = ZERO
    untold: str = ""
    untold_qty: Decimal = ZERO
    untold_value: Decimal = ZERO
    untold_net: Decimal = ZERO

    @property
    def now_qty(self) -> Decimal:
        """Our own quantity as its fills left it."""
        return self.before + self.net

    @property
    def price(self) -> Decimal | None:
        """Average price over everything; None where nothing filled on its side."""
        return self.value / self.qty if self.qty else None

    @property
    def untold_price(self) -> Decimal | None:
        """Average price of what was not told yet."""
        return self.untold_value / self.untold_qty if self.untold_qty else None

    @property
    def trades(self) -> tuple[str, ...]:
        """Trade ids of what was not told yet."""
        return tuple(self.untold.split(",")) if self.untold else ()

    def plus(self, fills: Iterable[Fill]) -> Course:
        """Return the course with ``fills``, which are not told yet."""
        found = tuple(fills)
        mine = [f for f in found if f.side is self.side]
        qty = sum((f.qty for f in mine), ZERO)
        value = sum((f.qty * f.price for f in mine), ZERO)
        net = sum((f.net_qty for f in found), ZERO)
        return replace(
            self,
            net=self.net + net,
            qty=self.qty + qty,
            value=self.value + value,
            untold=",".join((*self.trades, *(f.trade_id for f in found))),
            untold_qty=self.untold_qty + qty,
            untold_value=self.untold_value + value,
            untold_net=self.untold_net + net,
        )

    def told(self, at: datetime) -> Course:
        """Return the course of which everything is told now."""
        return replace(
            self, told_at=at, untold="", untold_qty=ZERO, untold_value=ZERO, untold_net=ZERO
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Courses:
    """The document: ``venue/symbol`` -> what is on its way there."""

    ways: Mapping[str, Course] = field(default_factory=dict)


def written(contract: Contract) -> str:
    """Return ``venue/symbol``."""
    return f"{contract[0]}/{contract[1]}"


def contract_of(name: str) -> Contract:
    """Return the contract that :func:`written` wrote."""
    venue, _, symbol = name.partition("/")
    return (venue, symbol)
