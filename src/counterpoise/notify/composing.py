"""Makes one message of one alert or of many. Pure: equal alerts give an equal message.

Many alerts of one kind say "x37 in 15 min"; where they say different things the newest lines are shown, and the
loudest if it is older. How many there are more is told, and their ids are all in the message.

What people read is in their words (templates, where the config has some) and by their clock; values stay exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo

from counterpoise.domain.alert_fields import values_of
from counterpoise.domain.categories import category_of
from counterpoise.domain.events import Alert, Severity
from counterpoise.domain.instants import clock_at, in_zone
from counterpoise.domain.message import Message
from counterpoise.domain.templates import AlertTemplate, Template
from counterpoise.notify.titles import fitted, title_of, title_of_many
from counterpoise.notify.wording import cut

#: Different texts that one message shows.
LINES = 5
#: Of a title that people made.
_LONGEST_TITLE = 200
#: Of a text that people made: some brokers take 128 KiB and no more.
_LONGEST_TEXT = 10_000
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How messages are worded: times by the clock of ``zone``, ``templates`` by kind.

    ``names_portfolio``: titles tell which portfolio it is.
    """

    zone: tzinfo = UTC
    templates: Mapping[str, AlertTemplate] = field(default_factory=dict)
    names_portfolio: bool = False


STANDARD = Wording()


def message_of(
    alerts: Sequence[Alert], *, silent: bool = False, wording: Wording = STANDARD
) -> Message:
    """Return the message that carries ``alerts`` (at least one, in the order of their commits)."""
    newest, kinds = alerts[-1], {a.kind for a in alerts}
    one_matter = len({(a.kind, a.key) for a in alerts}) == 1
    category = category_of(newest.kind)
    kind = newest.kind if len(kinds) == 1 else category.value
    since, at = min(a.raised_at for a in alerts), max(a.raised_at for a in alerts)
    often = f"x{len(alerts)} in {span(at - since)}"
    pen = _Pen(wording=wording, since=since, now=at, count=len(alerts))
    named = f" ({newest.portfolio})" if wording.names_portfolio else ""
    repeats = f" ({often})" if len(alerts) > 1 else ""
    return Message(
        ids=tuple(a.id for a in alerts),
        portfolio=newest.portfolio,
        kind=kind,
        category=category,
        severity=max((a.severity for a in alerts), key=loudness),
        title=_title(alerts, kind, pen, named, repeats),
        text=_text(alerts, often, pen),
        since=since,
        at=at,
        silent=silent,
        key=newest.key if one_matter else None,
        cleared=newest.cleared and one_matter,
        data=newest.data if one_matter else {},
    )


def loudness(severity: Severity) -> int:
    """Return how loud it is: the higher the louder."""
    return severity.rank


def span(length: timedelta) -> str:
    """Return a length of time as people say it: ``40 s``, ``15 min``, ``3 h``, ``2 d``; never shorter than it is."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if length >= 2 * unit:
            return f"{-(-length // unit)} {name}"
    return f"{max(1, -(-length // timedelta(seconds=1)))} s"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pen:
    """Writes what people read of the alerts of one message, which is of ``now`` and goes back to ``since``."""

    wording: Wording
    since: datetime
    now: datetime
    count: int

    def text(self, alert: Alert) -> str:
        """Return the sentences of one alert."""
        own = self.wording.templates.get(alert.kind)
        made = self._filled(own.text if own is not None else None, alert)
        return made if made is not None else self._local(alert.text)

    def title(self, alert: Alert) -> str | None:
        """Return the title that people made for it, None where there is none or a value of it is missing."""
        own = self.wording.templates.get(alert.kind)
        made = self._filled(own.title if own is not None else None, alert)
        return " ".join(made.split())[:_LONGEST_TITLE] if made is not None else None

    def _filled(self, own: Template | None, alert: Alert) -> str | None:
        """What is over is told in the standard words: a template speaks of what has come about."""
        if own is None or alert.cleared:
            return None
        zone, now = self.wording.zone, self.now
        exact = {name: self._local(value) for name, value in values_of(alert).items()}
        made = own.fill(
            {
                **exact,
                "text": self._local(alert.text),
                "title": fitted(title_of(alert), ""),
                "portfolio": alert.portfolio,
                "severity": alert.severity.value,
                "category": category_of(alert.kind).value,
                "at": clock_at(alert.raised_at, zone, now),
                "since": clock_at(self.since, zone, now),
                "count": str(self.count),
            }
        )
        # nothing but blanks would be a message that sinks refuse
        return cut(made, _LONGEST_TEXT) if made is not None and made.strip() else None

    def _local(self, said: str) -> str:
        return in_zone(said, self.wording.zone, self.now)


def _title(alerts: Sequence[Alert], kind: str, pen: _Pen, named: str, repeats: str) -> str:
    """One about the newest where all are about one condition, else one that holds for all of them."""
    newest = alerts[-1]
    of_one = newest.key is not None and len({(a.kind, a.key) for a in alerts}) == 1
    own = {pen.title(a) for a in (alerts[-1:] if of_one else alerts)}
    made = own.pop() if len(own) == 1 else None
    if made is not None:
        return f"{made}{repeats}"
    standard = title_of(newest) if of_one else title_of_many(alerts, kind)
    return fitted(standard, f"{named}{repeats}")


def _text(alerts: Sequence[Alert], often: str, pen: _Pen) -> str:
    texts = [pen.text(a) for a in alerts]
    if len(alerts) == 1:
        return texts[0]
    # the last of equal texts stands for all of them
    last = {said: n for n, said in enumerate(texts)}
    if len(last) == 1:
        return f"{texts[-1]} ({often})"
    places = sorted(last.values())
    loudest = max(places, key=lambda n: (loudness(alerts[n].severity), n))
    shown = places[-LINES:]
    if loudest not in shown:
        shown = [loudest, *shown[1:]]
    more = len(places) - len(shown)
    hidden = f", {more} earlier not shown" if more else ""
    return "\n".join([f"{often}{hidden}:", *(f"- {texts[n]}" for n in shown)])
