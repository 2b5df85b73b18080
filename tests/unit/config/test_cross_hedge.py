"""What a file may say of hedging one asset with the futures of another."""

from __future__ import annotations

from datetime import timedelta

import pytest

from counterpoise.domain.errors import ConfigError
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import BasisPolicy
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.domain.strategy.hedge import Cross
from tests.unit.config.conftest import Load

PLACE = "portfolios.treasury.strategies[1].cross"
PLAIN = "asset: BTC, ratio: 50%"
ALLOWED = ("    guards:", "    guards:\n      basis: {allow_cross: true}")


def crossed(cross: str) -> tuple[str, str]:
    return (PLAIN, f"{PLAIN}, cross: {cross}")


def test_what_is_written_and_what_is_not(loaded: Load) -> None:
    rules = "allow_cross: true, min_correlation: 85%, max_residual: 120%"
    settings = loaded(
        crossed("{by: ETH, beta: 1.3, window: 30d, interval: 12h, band: 20%}"),
        ("    guards:", f"    guards:\n      basis: {{{rules}}}"),
    )
    (policy,) = settings.portfolios
    hedge = next(s for s in policy.strategies if isinstance(s, HedgePolicy))
    assert hedge.cross == Cross(
        by="ETH",
        beta=dec("1.3"),
        window=timedelta(days=30),
        interval=timedelta(hours=12),
        band=dec("0.2"),
    )
    assert (hedge.assets, policy.cross_hedges) == (("ETH",), {hedge.id: "BTC"})
    assert policy.basis == BasisPolicy(
        allow_cross=True, min_correlation=dec("0.85"), max_residual=dec("1.2")
    )
    assert {(x.asset, x.bars) for x in hedge.lookbacks} == {("BTC", 61), ("ETH", 61)}
    plain = next(
        s
        for s in loaded(crossed("{by: ETH}"), ALLOWED).portfolios[0].strategies
        if s.kind == "hedge"
    )
    assert isinstance(plain, HedgePolicy)
    assert plain.cross == Cross(by="ETH")


@pytest.mark.parametrize(
    ("cross", "problem"),
    [
        (
            "{by: BTC}",
            (
                f"c.yaml:19:69 {PLACE}.by: expected another asset of a sleeve and not the"
                " quote (ETH, SOL), was 'BTC'"
            ),
        ),
        (
            "{by: DOGE}",
            (
                f"c.yaml:19:69 {PLACE}.by: expected another asset of a sleeve and not the"
                " quote (ETH, SOL), was 'DOGE'; a sleeve of weight 0% will do: {weight: 0%, assets: {DOGE: 100%},"
                " band: 5pp}"
            ),
        ),
        (
            "{by: ETH, window: 7d}",
            (f"c.yaml:19:82 {PLACE}.window: expected a window of 24 to 2000 closed bars, was 7"),
        ),
        (
            "{beta: 1.2}",
            (
                f"c.yaml:19:57 {PLACE}.by: expected the asset whose futures are held, such as"
                " ETH, was missing"
            ),
        ),
        (
            "{by: ETH, beta: 0}",
            f"c.yaml:19:80 {PLACE}.beta: expected a number above 0, was 0",
        ),
        (
            "ETH",
            f"c.yaml:19:64 {PLACE}: expected a mapping, was 'ETH'",
        ),
    ],
)
def test_what_cannot_be_meant(loaded: Load, cross: str, problem: str) -> None:
    with pytest.raises(ConfigError) as told:
        loaded(crossed(cross), ALLOWED)
    assert told.value.problems == [problem]


@pytest.mark.parametrize(
    "basis", ["", "{}", "{allow_cross: false}", "{act: false, allow_cross: true}"]
)
def test_it_needs_consent(loaded: Load, basis: str) -> None:
    allowed = [("    guards:", f"    guards:\n      basis: {basis}")] if basis else []
    with pytest.raises(ConfigError) as told:
        loaded(crossed("{by: ETH}"), *allowed)
    assert told.value.problems == [
        (
            f"c.yaml:19:57 {PLACE}: expected no cross hedge, as guards.basis does not allow"
            " one, was 'cross'; its futures may move otherwise than what it hedges; if you want that,"
            " add to the portfolio guards: {basis: {allow_cross: true}}"
        )
    ]
