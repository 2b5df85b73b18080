"""Values that are sound but hardly meant."""

from __future__ import annotations

import pytest

from tests.unit.config.good import Load

G = "portfolios.treasury.guards"
ODD = {
    "a budget below the fees": (
        "funding: {max_carry: 1%, then: close}",
        f"{G}.funding.max_carry: 1% a year is less than opening and closing alone come to",
    ),
    "a strategy's budget below the fees": (
        "funding: {strategies: {half: {max_carry: 1%, then: reduce}}}",
        f"{G}.funding.strategies.half.max_carry: 1% a year is less than",
    ),
    "a guard that crosses far": (
        "margin: {max_slippage: 11%}",
        f"{G}.margin.max_slippage: orders may cross up to 11%",
    ),
    "a limit of what is not done": (
        "margin: {transfers: false, max_top_up_24h: 5 USDT}",
        f"{G}.margin.max_top_up_24h: does nothing beside transfers: false",
    ),
    "a limit of nothing": (
        "margin: {max_top_up_24h: 0 USDT}",
        f"{G}.margin.max_top_up_24h: no collateral is ever moved in",
    ),
    "a price that may not rest": (
        "plausibility: {stuck_after: 80s}",
        f"{G}.plausibility.stuck_after: 80s is less than 3 looks (poll 30s)",
    ),
    "a small jump": ("plausibility: {max_jump: 0.5%}", f"{G}.plausibility.max_jump: moves of 0.5%"),
}
FINE = (
    "funding: {max_carry: 1.3%, then: close}",
    "funding: {max_carry: 1%}",
    "margin: {max_slippage: 10%, max_top_up_24h: 5 USDT}",
    "plausibility: {stuck_after: 90s, max_jump: 1%}",
)


@pytest.mark.parametrize("name", ODD)
def test_an_odd_value_is_told_with_its_place(name: str, loaded: Load) -> None:
    written, told = ODD[name]
    (warning,) = loaded(("    guards:", f"    guards:\n      {written}")).warnings
    place, _, text = warning.partition(" ")
    assert place.startswith("c.yaml:22:")
    assert text.startswith(told)


@pytest.mark.parametrize("written", FINE)
def test_what_is_just_not_odd_is_not_told(written: str, loaded: Load) -> None:
    assert loaded(("    guards:", f"    guards:\n      {written}")).warnings == ()


def test_odd_values_outside_guards(loaded: Load) -> None:
    crossing = ("patience: 2m}", "patience: 2m, max_slippage: 12%}")
    silence = ("secret_file: secret", "secret_file: secret\n    dead_man: 2d")
    first, second = loaded(crossing, silence).warnings
    assert "venues.main.dead_man: orders would work for 2d after the daemon died" in first
    assert "portfolios.treasury.execution.max_slippage: orders may cross up to 12%" in second


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("every: 5s", "every: does nothing beside ladder: resting; timed and chase have it"),
        ("ladder: timed, follow: 3bps", "follow: does nothing beside ladder: timed; chase has it"),
        ("ladder: timed, rungs: 10, patience: 40s", "rungs: a part has 4s, too short"),
        ("ladder: timed, rungs: 10, patience: 50s", ""),
        ("ladder: chase, every: 2s, follow: 1bps", ""),
    ],
)
def test_keys_of_another_ladder_are_told(written: str, told: str, loaded: Load) -> None:
    warnings = loaded(("{rungs: 4, spacing: 5bps, patience: 2m}", f"{{{written}}}")).warnings
    assert len(warnings) == bool(told)
    assert all(f"portfolios.treasury.execution.{told}" in w for w in warnings)
