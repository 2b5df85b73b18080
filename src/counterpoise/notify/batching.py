"""Which waiting alerts go together into one message, and which message goes first. Pure.

As long as there is room under a sink's rate every alert is a message of its own. When there is not, alerts of one
topic go together, then of one kind, then of one category; what quiet hours held back goes by kind. A topic (a
lasting condition; else a kind of event) never overtakes itself: the groups nest, and what shares a category keeps
its order. Between categories what is urgent goes first, and where there is not room for all the louder.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from counterpoise.domain.categories import Category, category_of
from counterpoise.domain.events import Alert, Severity
from counterpoise.domain.records import OutboxRow
from counterpoise.domain.routing import Muted, QuietHours
from counterpoise.notify.operator_messages import ASKS

#: What keeps its order, whatever is sent before what: a portfolio's alerts of one category.
Lot = tuple[str, Category]


class _Grain(IntEnum):
    """How coarsely alerts are put together."""

    EACH = 0
    TOPIC = 1
    KIND = 2
    CATEGORY = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Alerts that make one message, oldest first."""

    rows: tuple[OutboxRow, ...]

    @property
    def lot(self) -> Lot:
        """What it keeps its order with."""
        return lot_of(self.rows[0].alert)

    @property
    def urgent(self) -> bool:
        """Whether something that never waits is in it."""
        return any(is_urgent(row.alert) for row in self.rows)

    @property
    def loudness(self) -> int:
        """How loud the loudest in it is, the higher the louder."""
        return max(_loudness(row.alert) for row in self.rows)

    @property
    def seqs(self) -> tuple[int, ...]:
        """Its rows' seqs."""
        return tuple(row.seq for row in self.rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What decides how rows are put together.

    ``room``: how many messages may go now, None without limit. ``apart`` (seq -> a number): rows of different
    numbers stay apart; it finds out which of them a sink refuses. ``last``: lots that have failed: others go first.
    """

    now: datetime
    quiet: QuietHours | Muted | None = None
    room: int | None = None
    apart: Mapping[int, int] = field(default_factory=dict)
    last: Collection[Lot] = ()


def lot_of(alert: Alert) -> Lot:
    """Return what ``alert`` keeps its order with; the kind of a condition is that which its key names."""
    return alert.portfolio, category_of(_family(alert))


def is_urgent(alert: Alert) -> bool:
    """Return whether ``alert`` never waits: what is critical or ends that, and what somebody has to answer in time."""
    asks = alert.kind == "approval" and alert.data.get("state") == ASKS
    return asks or alert.urgency is Severity.CRITICAL


def due(rows: Sequence[OutboxRow], case: Case) -> tuple[OutboxRow, ...]:
    """Return which of ``rows`` may go now: in quiet hours what is urgent, and before it what is of its topic."""
    if case.quiet is None or not case.quiet.covers(case.now):
        return tuple(rows)
    loud = {_topic(r.alert): r.seq for r in rows if is_urgent(r.alert)}
    return tuple(row for row in rows if row.seq <= loud.get(_topic(row.alert), -1))


def batches(rows: Sequence[OutboxRow], case: Case) -> tuple[Batch, ...]:
    """Return ``rows`` (in order) as messages, in the order in which they go."""
    least = _least_grains(rows, case)
    made: list[Batch] = []
    for grain in _Grain:
        made = _grouped(rows, grain, least, case.apart)
        if case.room is None or len(made) <= case.room:
            break
    crowded = bool(least) or (case.room is not None and len(rows) > case.room)
    loud: dict[Lot, int] = {}
    for batch in made:
        how = batch.loudness if crowded or batch.urgent else 0
        loud[batch.lot] = max(how, loud.get(batch.lot, 0))
    return tuple(sorted(made, key=lambda b: (b.lot in case.last, -loud[b.lot], b.rows[0].seq)))


def _grouped(
    rows: Sequence[OutboxRow],
    grain: _Grain,
    least: Mapping[tuple[str, str], _Grain],
    apart: Mapping[int, int],
) -> list[Batch]:
    groups: defaultdict[tuple[object, ...], list[OutboxRow]] = defaultdict(list)
    for row in rows:
        said = row.alert
        family = (said.portfolio, _family(said))
        by = max(grain, least.get(family, _Grain.EACH))
        within: Mapping[_Grain, object] = {
            _Grain.EACH: row.seq,
            _Grain.TOPIC: _topic(said),
            _Grain.KIND: family,
            _Grain.CATEGORY: lot_of(said),
        }
        groups[by, within[by], apart.get(row.seq)].append(row)
    return [Batch(rows=tuple(group)) for group in groups.values()]


def _least_grains(rows: Sequence[OutboxRow], case: Case) -> Mapping[tuple[str, str], _Grain]:
    """How coarsely a kind goes at least: a night's alerts are not read one by one."""
    if case.quiet is None:
        return {}
    quiet = case.quiet.covers(case.now)
    return {
        (row.alert.portfolio, _family(row.alert)): _Grain.TOPIC if quiet else _Grain.KIND
        for row in rows
        if quiet or case.quiet.covers(row.alert.raised_at)
    }


def _loudness(alert: Alert) -> int:
    """A request is as loud as what is critical: its time runs out."""
    return Severity.CRITICAL.rank if is_urgent(alert) else alert.urgency.rank


def _family(alert: Alert) -> str:
    return alert.key.partition(":")[0] if alert.key is not None else alert.kind


def _topic(alert: Alert) -> tuple[str, str]:
    return alert.portfolio, alert.key if alert.key is not None else alert.kind
