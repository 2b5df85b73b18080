from __future__ import annotations

from datetime import timedelta

from counterpoise.domain.decision import Decision, Wakeups
from counterpoise.domain.numbers import dec
from counterpoise.domain.reasons import reason
from tests.build import NOW


def test_a_decision_knows_whether_it_changed_its_mind() -> None:
    def decision(overlay: str, previous: str) -> Decision:
        return Decision(
            strategy="h",
            kind="hedge",
            asset="BTC",
            overlay=dec(overlay),
            previous=dec(previous),
            reason=reason("nothing_held", asset="BTC"),
        )

    assert decision("-0.5", "0").changed
    assert not decision("-0.5", "-0.50").changed


def test_of_two_wakeups_the_nearer_one_counts() -> None:
    soon = Wakeups(soon=True, above={"BTC": dec(110), "SOL": dec(9)}, below={"BTC": dec(90)})
    timed = Wakeups(at=NOW, above={"BTC": dec(105)}, below={"BTC": dec(80), "ETH": dec(7)})
    both = Wakeups(
        soon=True,
        at=NOW,
        above={"BTC": dec(105), "SOL": dec(9)},
        below={"BTC": dec(90), "ETH": dec(7)},
    )
    assert soon | timed == timed | soon == both
    assert (timed | Wakeups(at=NOW - timedelta(hours=1))).at == NOW - timedelta(hours=1)
    assert both | Wakeups() == both
