"""Another shape for a while: some sleeves are given weights, the others share what is left as the config shares it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from counterpoise.config import units
from counterpoise.config.problems import nearest, one_of
from counterpoise.config.units import Expected
from counterpoise.domain.errors import ConfigError
from counterpoise.domain.numbers import ONE, ZERO, dec, split
from counterpoise.domain.steering import shown_weight

#: Weights that were not named are cut to this; the largest takes what remains.
_FINEST = dec("1e-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Weights of all sleeves, which add up to 1, and the sleeves among them that were not named."""

    weights: Mapping[str, Decimal]
    shared: tuple[str, ...]


def reshaped(written: Iterable[str], configured: Mapping[str, Decimal]) -> Shape:
    """Return the shape that ``SLEEVE=WEIGHT`` words make of the ``configured`` weights.

    Raises
    ------
    ConfigError
        With every word that is wrong, or when the weights do not add up to 100 %.
    """
    if sum(configured.values(), ZERO) != ONE:
        raise ConfigError(
            ["target: expected sleeve weights in the config that are plain percentages, was others"]
        )
    named: dict[str, Decimal] = {}
    problems: list[str] = []
    for word in written:
        sleeve, equals, weight = word.partition("=")
        told = _problem(word, sleeve, equals, weight, configured, named)
        if told is not None:
            problems.append(told)
        else:
            named[sleeve] = units.share(weight)
    if problems:
        raise ConfigError(problems)
    shared = {s: w for s, w in configured.items() if s not in named}
    rest = ONE - sum(named.values(), ZERO)
    sized = {s: w for s, w in shared.items() if w > 0}
    if rest < 0 or (rest > 0 and not sized):
        total = shown_weight(ONE - rest)
        who = "at most 100 %" if rest < 0 else "100 %, as nothing else takes the rest"
        raise ConfigError([f"target: expected weights that add up to {who}, was {total}"])
    parts = split(rest, sized, _FINEST) if sized else {}
    return Shape(
        weights={s: named.get(s, parts.get(s, ZERO)) for s in configured}, shared=tuple(shared)
    )


def _problem(
    word: str,
    sleeve: str,
    equals: str,
    weight: str,
    configured: Mapping[str, Decimal],
    named: Mapping[str, Decimal],
) -> str | None:
    if not equals:
        return f"target: expected SLEEVE=WEIGHT such as core=50%, was {word!r}"
    if sleeve not in configured:
        near = nearest(sleeve, configured)
        hint = f"; did you mean {near!r}?" if near is not None else ""
        return f"target: expected {one_of(configured)}, was {sleeve!r}{hint}"
    if sleeve in named:
        return f"target: expected each sleeve once, was {sleeve} twice"
    try:
        units.share(weight)
    except Expected as problem:
        hint = f"; {problem.hint}" if problem.hint else ""
        return f"target {sleeve}: expected {problem.expected}, was {weight!r}{hint}"
    return None
