"""What a look tells of conversions: that one begins, how far it is, and its sum. Coins and futures go together."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from counterpoise.app.look import Look
from counterpoise.app.moves import PAUSE, Teller
from counterpoise.app.strategy_news import Step, conversion_of
from counterpoise.domain.course import CONVERTS, Course, contract_of
from counterpoise.domain.events import Alert
from counterpoise.domain.hedge_book import LineKey
from counterpoise.domain.instrument import base_of, is_spot
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.strategy.conversion import AssetConversion, ConversionState
from counterpoise.notify.costs import Cost
from counterpoise.notify.strategy_messages import (
    Part,
    conversion_begun,
    conversion_ended,
    conversion_goes_on,
)

#: Reasons of a look in which a conversion came to its end by itself.
_THROUGH = frozenset({"converted", "converted_but", "convert_nothing"})
#: A conversion that nobody remembers.
_NOTHING = ConversionState(started_at=datetime(1970, 1, 1, tzinfo=UTC))


def conversions_told(look: Look, teller: Teller) -> Iterator[Alert]:
    """Tell what conversions began, did and ended; what is over leaves the courses."""
    for step in look.steps:
        before, after = conversion_of(step.before), conversion_of(step.after)
        if before is not None and (after is None or after.started_at != before.started_at):
            yield _ended(look, teller, step, before)
        if after is not None and (before is None or after.started_at != before.started_at):
            yield conversion_begun(look.policy.id, step.policy.id, after.assets, look.at)
        elif after is not None:
            yield from _going(look, teller, step, after)
    yield from _forgotten(look, teller)


def _going(look: Look, teller: Teller, step: Step, conversion: ConversionState) -> Iterator[Alert]:
    """Tell what has filled, when it was not spoken of for a while."""
    mine = _courses(teller, step.policy.id)
    news = {name: c for name, c in mine.items() if c.untold}
    if not news or look.at - max(c.told_at for c in mine.values()) < PAUSE:
        return
    assets = {c.asset for c in news.values()}
    parts = _parts({n: c for n, c in mine.items() if c.asset in assets}, conversion)
    yield conversion_goes_on(look.policy.id, step.policy.id, parts, look.at)
    for name, course in mine.items():
        teller.ways[name] = course.told(look.at)


def _ended(look: Look, teller: Teller, step: Step, conversion: ConversionState) -> Alert:
    strategy = step.policy.id
    mine = _courses(teller, strategy)
    decisions = look.judged.decisions.decisions if look.judged.decisions is not None else ()
    codes = {d.reason.code for d in decisions if d.strategy == strategy}
    parts = _parts(mine, conversion)
    for name in mine:
        teller.ways.pop(name)
    return conversion_ended(
        look.policy.id,
        strategy,
        parts,
        _cost(look, strategy, conversion),
        look.at,
        through=bool(codes & _THROUGH) and conversion_of(step.after) is None,
    )


def _forgotten(look: Look, teller: Teller) -> Iterator[Alert]:
    """Tell what conversions traded that nobody remembers: of a strategy that was removed meanwhile."""
    known = {s.policy.id for s in look.steps if conversion_of(s.after) is not None}
    left = {c.of.removeprefix(CONVERTS) for c in teller.ways.values() if c.of.startswith(CONVERTS)}
    for strategy in sorted(left - known):
        mine = _courses(teller, strategy)
        parts = _parts(mine, _NOTHING)
        for name in mine:
            teller.ways.pop(name)
        yield conversion_ended(look.policy.id, strategy, parts, None, look.at, through=False)


def _courses(teller: Teller, strategy: str) -> dict[str, Course]:
    return {n: c for n, c in teller.ways.items() if c.of == CONVERTS + strategy}


def _parts(courses: dict[str, Course], conversion: ConversionState) -> list[Part]:
    """The courses by asset, and what of the conversion never moved."""
    assets = sorted({*(c.asset for c in courses.values()), *conversion.assets})
    nothing = AssetConversion(futures=ZERO, spot=ZERO, spot_from=ZERO)
    return [
        Part(
            asset=asset,
            begun=conversion.assets.get(asset, nothing),
            courses={contract_of(n)[1]: c for n, c in courses.items() if c.asset == asset},
        )
        for asset in assets
    ]


def _cost(look: Look, strategy: str, conversion: ConversionState) -> Cost | None:
    """What the futures that were converted have earned and cost, from where they were opened."""
    futures = {a for a, part in conversion.assets.items() if part.futures}
    lines: list[LineKey] = [
        k
        for k in look.seen.booked.lines
        if k[0] == strategy and not is_spot(k[2]) and base_of(k[2]) in futures
    ]
    over = all(look.seen.booked.lines[k].qty == 0 for k in lines)
    return look.cost(lines, over=over) if lines else None
