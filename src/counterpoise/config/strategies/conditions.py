"""When a strategy acts and lets go: the shapes of ``when`` and ``release``, what must fit, and the conditions."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated

from pydantic import Discriminator, Field, Tag

from counterpoise.config import times, units
from counterpoise.config.fields import (
    AlwaysWord,
    Duration,
    Instant,
    Interval,
    ManualWord,
    Part,
    Price,
    Rise,
)
from counterpoise.config.section import Section
from counterpoise.config.shape import Shape, given, word_or_mapping
from counterpoise.domain.numbers import text
from counterpoise.domain.strategy.conditions import (
    Above,
    Always,
    At,
    Below,
    Calm,
    Drop,
    During,
    Manual,
    PriceSource,
    Rebound,
    Release,
    Volatility,
    When,
)

_CONDITIONS = ("window", "above", "below", "drop", "volatility")
_OVER_BARS = ("drop", "volatility")
_RELEASES = ("at", "above", "below", "rebound", "calm")
_PRICED_RELEASES = ("above", "below", "rebound")


class WindowModel(Shape):
    """An event."""

    start: Instant = Field(alias="from", description="when it begins: 2026-03-01T08:00:00Z")
    until: Instant = Field(description="when it ends: 2026-03-03T08:00:00Z")


Window = Annotated[
    Annotated[WindowModel, Tag("mapping")] | Annotated[Duration, Tag("word")],
    Discriminator(word_or_mapping),
]


class WhenModel(Shape):
    """The condition that opens a hedge: one of window {from, until}, above, below, drop, volatility."""

    window: Window | None = Field(
        default=None,
        description="an event {from: ..., until: ...}; beside drop or volatility how far to look back: 30d",
    )
    above: Price | None = Field(default=None, description="at or above this price: 100000")
    below: Price | None = Field(default=None, description="at or below this price: 80000")
    drop: Part | None = Field(
        default=None, description="so far below the highest price of the window: 10%"
    )
    volatility: Rise | None = Field(
        default=None, description="realised volatility, a year, at or above this: 80%"
    )
    price: PriceSource | None = Field(
        default=None, description="which price is meant: mark (default) or last"
    )
    interval: Interval | None = Field(
        default=None, description="the bars of the window; default 1h"
    )


class ReleaseModel(Shape):
    """What ends a hedge: one of at, above, below, rebound, calm."""

    at: Instant | None = Field(default=None, description="at this instant: 2026-03-03T08:00:00Z")
    above: Price | None = Field(default=None, description="at or above this price: 100000")
    below: Price | None = Field(default=None, description="at or below this price: 70000")
    rebound: Rise | None = Field(
        default=None, description="so far above the lowest price since it was opened: 10%"
    )
    calm: Rise | None = Field(
        default=None, description="realised volatility, a year, at or below this: 60%"
    )
    price: PriceSource | None = Field(
        default=None, description="which price is meant: mark or last; default as in when"
    )
    window: Duration | None = Field(
        default=None, description="how far calm looks back: 7d; default as in when"
    )
    interval: Interval | None = Field(
        default=None, description="the bars of the window; default as in when, or 1h"
    )


WhenForm = Annotated[
    Annotated[WhenModel, Tag("mapping")] | Annotated[AlwaysWord, Tag("word")],
    Discriminator(word_or_mapping),
]
ReleaseForm = Annotated[
    Annotated[ReleaseModel, Tag("mapping")] | Annotated[ManualWord, Tag("word")],
    Discriminator(word_or_mapping),
]


def check(hedge: Section) -> None:
    """Complain of what cannot be meant in ``when`` and ``release``."""
    when, release = hedge.at("when"), hedge.at("release")
    opened = _condition(when)
    if hedge.is_mapping("when"):
        _check_when(when, opened)
    if hedge.is_mapping("release"):
        _check_release(when, release)
        _check_both(when, opened, release)
    elif not hedge.has("release") and opened not in {None, "window"}:
        hedge.complain(
            ("release",),
            "what ends it: manual, or {at: ...}, {above: ...}, {below: ...}, {rebound: ...} or {calm: ...}",
        )


def _condition(when: Section) -> str | None:
    """Return which condition is written, None when there is not exactly one."""
    found = _conditions(when)
    return found[0] if len(found) == 1 else None


def _conditions(when: Section) -> list[str]:
    """``window`` counts when it is an event; beside ``drop`` and ``volatility`` it is a look-back."""
    found = when.written(*_CONDITIONS)
    looks_back = any(key in found for key in _OVER_BARS) and not when.is_mapping("window")
    return [key for key in found if key != "window" or not looks_back]


def _check_when(when: Section, opened: str | None) -> None:
    found = _conditions(when)
    if len(found) != 1:
        expected = "one condition: window {from, until}, above, below, drop or volatility"
        if found:
            when.complain((found[1],), expected, was=" and ".join(found))
        else:
            when.complain((), expected)
        return
    if opened == "window":
        if not when.is_mapping("window"):
            hint = "a look-back such as 30d stands beside drop or volatility"
            when.complain(("window",), "an event {from: ..., until: ...}", hint=hint)
        start = when.read(times.instant, "window", "from")
        until = when.read(times.instant, "window", "until")
        if start is not None and until is not None and until <= start:
            when.complain(("window", "until"), "an instant after from")
    _check_beside(when, opened, over_bars=_OVER_BARS, priced=("above", "below", "drop"))
    if opened in _OVER_BARS:
        if not when.has("window"):
            when.complain(("window",), "how far to look back, such as 30d")
        times.check_window(when)


def _check_beside(
    part: Section, opened: str | None, over_bars: tuple[str, ...], priced: tuple[str, ...]
) -> None:
    """Complain of keys that say nothing beside the condition ``opened``."""
    if opened not in over_bars:
        for key in part.written("interval", *(["window"] if opened != "window" else [])):
            part.complain_of_key(key, f"no {key} beside {opened}, which looks at no bars")
    if opened not in priced and part.has("price"):
        part.complain_of_key("price", f"no price beside {opened}, which looks at none")


def _check_release(when: Section, release: Section) -> None:
    found = release.written(*_RELEASES)
    if len(found) != 1:
        expected = "one of at, above, below, rebound and calm"
        if found:
            release.complain((found[1],), expected, was=" and ".join(found))
        else:
            release.complain((), expected)
        return
    _check_beside(release, found[0], over_bars=("calm",), priced=_PRICED_RELEASES)
    if found[0] != "calm":
        return
    if not release.has("window") and (not when.has("window") or when.is_mapping("window")):
        release.complain(("window",), "how far to look back, such as 7d")
    times.check_window(release, beside=when)


def _check_both(when: Section, opened: str | None, release: Section) -> None:
    """Complain of a release that would fire at once."""
    if opened == "window":
        _check_inside(when, release)
    trigger = when.read(units.price, opened) if opened in {"above", "below"} else None
    above, below = release.read(units.price, "above"), release.read(units.price, "below")
    if trigger is not None and above is not None and above <= trigger:
        release.complain(("above",), f"a price above the {text(trigger)} that opens it")
    if trigger is not None and below is not None and below >= trigger:
        release.complain(("below",), f"a price below the {text(trigger)} that opens it")
    volatile, calm = when.read(units.rise, "volatility"), release.read(units.rise, "calm")
    if volatile is not None and calm is not None and calm >= volatile:
        release.complain(("calm",), "a volatility below the one that opens it")


def _check_inside(when: Section, release: Section) -> None:
    start = when.read(times.instant, "window", "from")
    until = when.read(times.instant, "window", "until")
    at = release.read(times.instant, "at")
    if at is not None and start is not None and until is not None and not start < at < until:
        release.complain(("at",), "an instant inside the window (which ends by itself)")


def when_of(model: WhenModel | str) -> When:
    """Return the condition that opens a hedge."""
    if isinstance(model, str):
        return Always()
    source = given(source=model.price)
    if isinstance(model.window, WindowModel):
        return During(start_at=model.window.start, end_at=model.window.until)
    if model.above is not None:
        return Above(price=model.above, **source)
    if model.below is not None:
        return Below(price=model.below, **source)
    length, bars = _look_back(model.window, model.interval)
    if model.drop is not None:
        return Drop(size=model.drop, interval=length, bars=bars, **source)
    return Volatility(above=_checked(model.volatility), interval=length, bars=bars)


def release_of(model: ReleaseModel | str | None, when: WhenModel | str) -> Release:
    """Return the condition that ends a hedge; what it does not say is as in ``when``."""
    if not isinstance(model, ReleaseModel):
        return Manual()
    beside = when if isinstance(when, WhenModel) else WhenModel()
    source = given(source=model.price or beside.price)
    if model.at is not None:
        return At(at=model.at)
    if model.above is not None:
        return Above(price=model.above, **source)
    if model.below is not None:
        return Below(price=model.below, **source)
    if model.rebound is not None:
        return Rebound(size=model.rebound, **source)
    window = beside.window if model.window is None else model.window
    length, bars = _look_back(window, model.interval or beside.interval)
    return Calm(below=_checked(model.calm), interval=length, bars=bars)


def _look_back(
    window: WindowModel | timedelta | None, interval: timedelta | None
) -> tuple[timedelta, int]:
    if not isinstance(window, timedelta):
        raise TypeError("a condition over bars without a window must have told a problem")
    length = interval or times.DEFAULT_INTERVAL
    return length, window // length


def _checked(value: Decimal | None) -> Decimal:
    if value is None:
        raise TypeError("a condition that says nothing must have told a problem")
    return value
