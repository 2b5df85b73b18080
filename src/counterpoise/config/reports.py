"""The key ``alerts.reports``: when regular reports are sent, by the clock of ``alerts.zone``."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, time, tzinfo
from typing import Annotated, Literal

from pydantic import Discriminator, Field, PlainValidator, Tag, WithJsonSchema

from counterpoise.config import times
from counterpoise.config.fields import ENV
from counterpoise.config.problems import nearest
from counterpoise.config.shape import Shape, word_or_mapping
from counterpoise.config.units import Expected
from counterpoise.domain.reporting import Period, ReportPlan

_OFF = "off"
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKLY = re.compile(r"([a-z]+)\s+(\S+)")

#: Weekday (0 is Monday) and the time of that day.
Weekly = tuple[int, time]


def _off(value: object) -> str:
    if value != _OFF:
        raise Expected("off, or times such as {daily: 08:00, weekly: monday 08:00}")
    return _OFF


def _daily(value: object) -> time | str:
    if value == _OFF:
        return _OFF
    try:
        return times.clock_time(value)
    except Expected:
        raise Expected("a time of day such as 08:00, or off") from None


def _weekly(value: object) -> Weekly | str:
    if value == _OFF:
        return _OFF
    expected = "a weekday and a time of day such as monday 08:00, or off"
    found = _WEEKLY.fullmatch(value.strip().casefold()) if isinstance(value, str) else None
    if found is None:
        raise Expected(expected)
    days = [day for day in _WEEKDAYS if found[1] in {day, day[:3]}]
    if not days:
        near = nearest(found[1], _WEEKDAYS)
        raise Expected(expected, f"did you mean {near!r}?" if near else "")
    try:
        return _WEEKDAYS.index(days[0]), times.clock_time(found[2])
    except Expected:
        raise Expected(expected) from None


Daily = Annotated[
    time | str,
    PlainValidator(_daily),
    WithJsonSchema(
        {"type": "string", "pattern": rf"^(\d\d?:\d\d|off|{ENV})$", "examples": ["08:00", "off"]}
    ),
]
WeeklyTime = Annotated[
    Weekly | str,
    PlainValidator(_weekly),
    WithJsonSchema({"type": "string", "examples": ["monday 08:00", "off"]}),
]


class ReportsModel(Shape):
    """When regular reports are sent, by the clock of the zone; on its day the weekly one is the daily one too."""

    daily: Daily | None = Field(default=None, description="a time of day, or off; default 08:00")
    weekly: WeeklyTime | None = Field(
        default=None, description="a weekday and a time of day, or off; default monday 08:00"
    )


Reports = Annotated[
    Annotated[ReportsModel, Tag("mapping")]
    | Annotated[
        Literal["off"], PlainValidator(_off), WithJsonSchema({"const": "off"}), Tag("word")
    ],
    Discriminator(word_or_mapping),
]


def report_plan(model: ReportsModel | str | None, zone: tzinfo | None) -> ReportPlan:
    """Return when reports are due; what is off keeps its usual instant, and is not sent."""
    usual = ReportPlan(zone=zone or UTC)
    if model is None:
        return usual
    if not isinstance(model, ReportsModel):
        return replace(usual, told=frozenset())
    daily = model.daily if isinstance(model.daily, time) else usual.daily
    days = model.weekly if isinstance(model.weekly, tuple) else (usual.weekday, usual.weekly)
    sent = {Period.DAILY: model.daily != _OFF, Period.WEEKLY: model.weekly != _OFF}
    told = frozenset(period for period, is_sent in sent.items() if is_sent)
    return replace(usual, daily=daily, weekday=days[0], weekly=days[1], told=told)
