"""Every kind of strategy over recorded crashes, judged by the exchange's own log."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.domain.strategy import PRIORITY
from tests.replay.cases import CASES, WINDOWS, Case, Window
from tests.replay.judged import judged
from tests.replay.replayed import market_of, replayed, scene_of

pytestmark = pytest.mark.replay

#: The halt is the same to all that trade futures: one of them, and what trades coins, meets it.
HALTED = ("together", "drift-settle")
#: Windows that `make test` plays; the others, and all recorded years, are `make replay-all`'s.
ALWAYS = ("2020-03", "2021-05", "2020-02-halt")
PAIRS = [
    pytest.param(
        c,
        w,
        id=f"{c.name}-{w.name}",
        marks=() if w.name in ALWAYS or c.name == "together" else pytest.mark.prove,
    )
    for c in CASES
    for w in WINDOWS
    if w.name != "2020-02-halt" or c.name in HALTED
]


def test_every_kind_of_strategy_has_a_case() -> None:
    assert {kind for case in CASES for kind in case.kinds} == set(PRIORITY)


@pytest.mark.parametrize(("case", "window"), PAIRS)
def test_a_replay_holds_what_is_promised(shared: Path, case: Case, window: Window) -> None:
    replay = replayed(shared / "market", window, case)
    assert judged(replay) == []
    assert "margin_short" not in {code for look in replay.looks for code in look.refused}


@pytest.mark.parametrize("name", ["hedge-when", "drift-settle", "derisk-gradual", "together"])
def test_what_a_replay_leaves_out_changes_nothing(shared: Path, name: str) -> None:
    (whole,) = (w for w in WINDOWS if w.name == "2022-11")
    window = replace(
        whole, start=whole.start + timedelta(days=3), end=whole.start + timedelta(days=9)
    )
    (case,) = (c for c in CASES if c.name == name)
    short = replayed(shared / "market", window, case)
    long = replayed(shared / "market", window, case, every_look=True)
    assert short.report.hash == long.report.hash
    assert short.report.equity == long.report.equity
    assert short.report.band_breaches == long.report.band_breaches
    assert len(short.looks) <= len(long.looks)


#: Where spot is recorded and a perpetual only later: from 2025-05 (DOGE) and from 2024-01 (SOL) on.
UNLISTED = (("2021-05", "DOGE"), ("2022-11", "SOL"))


@pytest.mark.parametrize(("name", "asset"), UNLISTED)
@pytest.mark.parametrize("case", [c for c in CASES if not c.in_coins], ids=lambda c: c.name)
def test_a_strategy_says_that_its_asset_has_no_instrument(
    shared: Path, name: str, asset: str, case: Case
) -> None:
    whole = next(w for w in WINDOWS if w.name == name)
    short = replace(
        whole, name=f"{name}-{asset}", end=whole.start + timedelta(hours=20), assets=(asset, "ETH")
    )
    scene = scene_of(market_of(shared / "market", short), short)
    # twice as much of it as the shape wants, so that drift and derisk want something as well
    balance = {
        asset: scene.worth(asset, 40_000),
        "ETH": scene.worth("ETH", 40_000),
        "USDT": dec(20_000),
    }
    asked = ",".join(f"{a}={q:f}" for a, q in balance.items()) + ",USDT@futures=20000"
    replay = replayed(shared / "market", short, case, asked)
    said = {code for look in replay.looks for _, about, code in look.reasons if about == asset}
    assert said == {"no_instrument"}
    assert [e for e in replay.events("place") if str(e["symbol"]).startswith(asset)] == []
