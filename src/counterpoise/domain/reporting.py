"""Regular reports: when they are due, what is counted for them, and what one tells.

Money is in the portfolio's quote unless it says otherwise. ``funding`` received > 0, ``fees`` paid > 0, ``flows`` came
in > 0 (MEANING 20, 23).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, tzinfo
from decimal import Decimal
from enum import StrEnum

from counterpoise.domain.numbers import ZERO

#: The id of the document.
REPORTS = "reports"


class Period(StrEnum):
    """How long a report looks back: to the last one of its kind."""

    DAILY = "daily"
    WEEKLY = "weekly"

    @property
    def kind(self) -> str:
        """The kind of its alert."""
        return f"report_{self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPlan:
    """When reports are due, by the clock of ``zone``; ``weekday`` 0 is Monday.

    Those not in ``told`` are not sent; what ``report`` and ``/report`` show begins at their instants all the same.
    """

    zone: tzinfo = UTC
    daily: time = time(8)
    weekday: int = 0
    weekly: time = time(8)
    told: frozenset[Period] = frozenset(Period)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Sums since reports began. ``hedges``: realised price PnL of the hedge book.

    ``outside``: asset -> fees paid in what is no part of equity, in the asset.
    """

    funding: Decimal = ZERO
    fees: Decimal = ZERO
    flows: Decimal = ZERO
    hedges: Decimal = ZERO
    outside: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """What a report looks back to, as it was seen ``at`` that look.

    ``unrealized``: of all hedges that were open, None: one had no price. ``opened``: ``strategy|venue|symbol`` -> since
    when it was open. ``low``: the smallest distance to liquidation since (a fraction), None: there was none.
    ``why``: why it begins there, empty: a report was made then.
    """

    at: datetime
    equity: Decimal
    tally: Tally = Tally()
    unrealized: Decimal | None = None
    opened: Mapping[str, datetime] = field(default_factory=dict)
    low: Decimal | None = None
    low_at: datetime | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportState:
    """The document. By period: ``bases``, ``served`` (until when instants are answered), ``plans`` (what it is due by).

    ``counted``: what equity consists of. ``owed_...``: asset -> what could not be valued yet, in the asset.
    """

    zone: str = "UTC"
    quote: str = ""
    counted: str = ""
    tally: Tally = Tally()
    owed_funding: Mapping[str, Decimal] = field(default_factory=dict)
    owed_fees: Mapping[str, Decimal] = field(default_factory=dict)
    owed_flows: Mapping[str, Decimal] = field(default_factory=dict)
    bases: Mapping[str, Base] = field(default_factory=dict)
    served: Mapping[str, datetime] = field(default_factory=dict)
    plans: Mapping[str, str] = field(default_factory=dict)

    @property
    def owes(self) -> bool:
        """Whether something that changed equity has no value in quote yet."""
        return bool(self.owed_funding or self.owed_fees or self.owed_flows)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightLine:
    """An asset's effective weight and its target, fractions of equity; None: not decided."""

    asset: str
    now: Decimal
    target: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeLine:
    """A position of one strategy: what is open (``closed_at`` None, ``qty`` as held), or what ended (``qty`` its peak).

    ``price`` and ``net`` are since its opening; None where it has no price now.
    """

    strategy: str
    asset: str
    instrument: str
    qty: Decimal
    entry: Decimal
    funding: Decimal
    fees: Decimal
    exit: Decimal | None = None
    closed_at: datetime | None = None
    price: Decimal | None = None
    net: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A question that waits for a person."""

    id: str
    text: str
    deadline_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that is to come, in a few words; ``amount`` is expected then (quote, received > 0)."""

    at: datetime
    kind: str
    text: str
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodReport:
    """A portfolio from ``since`` until ``until``.

    ``start + price + funding - fees + flows = end``, exactly. ``price`` is split into ``hedges`` (by the hedge book)
    and ``coins`` (the rest), both None where a hedge had no price at one of the ends. ``end`` and ``price`` are None
    where equity is not known; ``unknown`` says why. ``distance`` and ``low`` are fractions, None: nothing can be
    liquidated, or it could not be judged (``unseen`` says why).
    """

    portfolio: str
    period: Period
    quote: str
    zone: str
    since: datetime
    until: datetime
    why: str
    start: Decimal
    end: Decimal | None
    unknown: tuple[str, ...]
    flows: Decimal
    funding: Decimal
    fees: Decimal
    price: Decimal | None
    hedges: Decimal | None
    coins: Decimal | None
    outside: Mapping[str, Decimal]
    weights: tuple[WeightLine, ...]
    open: tuple[HedgeLine, ...]
    ended: tuple[HedgeLine, ...]
    distance: Decimal | None
    low: Decimal | None
    low_at: datetime | None
    unseen: tuple[str, ...]
    state: str
    state_since: datetime | None
    state_why: str | None
    requests: tuple[Request, ...]
    events: tuple[Event, ...]

    @property
    def gain(self) -> Decimal | None:
        """What was won or lost, deposits and withdrawals taken out (MEANING 11)."""
        return self.end - self.start - self.flows if self.end is not None else None
