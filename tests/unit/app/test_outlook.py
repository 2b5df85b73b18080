"""What is said of a yes, in words that a person acts on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from counterpoise.app.judge import Judgement
from counterpoise.app.outlook import outlooks
from counterpoise.decide.guards.margin import guard_margin
from counterpoise.domain.health import Distance
from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import Approval
from counterpoise.domain.snapshot import Snapshot
from tests.build import NOW, PORTFOLIO, make_universe, make_view
from tests.unit.decide.guards.test_foresight import POLICY, book, flat


def request(cap: str, wanted: str) -> Approval:
    return Approval(
        id="a1", portfolio=PORTFOLIO, strategy="full", asset="BTC", cap=dec(cap),
        wanted=dec(wanted), why="", asked_at=NOW, deadline_at=NOW + timedelta(hours=1),
    )  # fmt: skip


def told(snapshot: Snapshot, judged: Judgement, cap: str = "0", wanted: str = "-0.5") -> str:
    universe = make_universe(POLICY, snapshot)
    return outlooks([request(cap, wanted)], snapshot, book(0), POLICY, universe, judged)["a1"]


def test_margin_now_and_after_are_of_the_same_money() -> None:
    """Another wallet of the venue, nearer to its end, says nothing of the one that the trade leans on."""
    snapshot = flat(20_000, spot=1)
    verdict = guard_margin(snapshot, book(0), POLICY)
    judged = Judgement(view=make_view(snapshot, POLICY), margin=verdict)
    alone = told(snapshot, judged)
    assert alone.startswith("Sells 0.5 BTC in BTC/USDT:USDT, about 50,000.00 USDT; ")
    assert "(now nothing is open)" in alone
    (check,) = verdict.checks
    near = replace(
        check,
        pool=replace(check.pool, asset="USDC"),
        distance=Distance(up=dec("0.05"), down=None),
    )
    beside = replace(judged, margin=replace(verdict, checks=(check, near)))
    assert told(snapshot, beside) == alone


def test_a_wish_for_the_other_side_is_told_as_the_trade_it_is() -> None:
    snapshot = flat(20_000, spot=1)
    judged = Judgement(view=make_view(snapshot, POLICY))
    assert told(snapshot, judged, "-0.2", "0.1").startswith(
        "Buys 0.3 BTC in BTC/USDT:USDT, about 30,000"
    )
    assert told(snapshot, judged, "-0.2", "-0.5").startswith("Sells 0.3 BTC")
