"""Makes one message of one alert or of many. Pure: equal alerts give an equal message.

Many alerts of one kind say "x37 in 15 min"; where they say different things the newest lines are shown, and the
loudest if it is older. How many there are more is told, and their ids are all in the message.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from counterpoise.domain.categories import category_of
from counterpoise.domain.events import Alert, Severity
from counterpoise.domain.message import Message

#: Different texts that one message shows.
LINES = 5
_LOUDNESS = {severity: n for n, severity in enumerate(Severity)}
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def message_of(alerts: Sequence[Alert], *, silent: bool = False) -> Message:
    """Return the message that carries ``alerts`` (at least one, in the order of their commits)."""
    newest, kinds = alerts[-1], {a.kind for a in alerts}
    one_matter = len({(a.kind, a.key) for a in alerts}) == 1
    category = category_of(newest.kind)
    kind = newest.kind if len(kinds) == 1 else category.value
    since, at = min(a.raised_at for a in alerts), max(a.raised_at for a in alerts)
    often = f"x{len(alerts)} in {span(at - since)}"
    repeats = f" ({often})" if len(alerts) > 1 else ""
    cleared = newest.cleared and one_matter
    over = " is over" if cleared else ""
    return Message(
        ids=tuple(a.id for a in alerts),
        portfolio=newest.portfolio,
        kind=kind,
        category=category,
        severity=max((a.severity for a in alerts), key=loudness),
        title=f"{_words(kind)}{over}{repeats}",
        text=_text(alerts, often),
        since=since,
        at=at,
        silent=silent,
        key=newest.key if one_matter else None,
        cleared=cleared,
        data=newest.data if one_matter else {},
    )


def loudness(severity: Severity) -> int:
    """Return how loud it is: the higher the louder."""
    return _LOUDNESS[severity]


def span(length: timedelta) -> str:
    """Return a length of time as people say it: ``40 s``, ``15 min``, ``3 h``, ``2 d``; never shorter than it is."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if length >= 2 * unit:
            return f"{-(-length // unit)} {name}"
    return f"{max(1, -(-length // timedelta(seconds=1)))} s"


def _text(alerts: Sequence[Alert], often: str) -> str:
    if len(alerts) == 1:
        return alerts[0].text
    # the last of equal texts stands for all of them
    last = {a.text: n for n, a in enumerate(alerts)}
    if len(last) == 1:
        return f"{alerts[-1].text} ({often})"
    places = sorted(last.values())
    loudest = max(places, key=lambda n: (loudness(alerts[n].severity), n))
    shown = places[-LINES:]
    if loudest not in shown:
        shown = [loudest, *shown[1:]]
    more = len(places) - len(shown)
    hidden = f", {more} earlier not shown" if more else ""
    return "\n".join([f"{often}{hidden}:", *(f"- {alerts[n].text}" for n in shown)])


def _words(kind: str) -> str:
    words = kind.replace("_", " ")
    return words[:1].upper() + words[1:]
