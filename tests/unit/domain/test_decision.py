from __future__ import annotations

from counterpoise.domain.decision import Decision
from counterpoise.domain.numbers import dec
from counterpoise.domain.reasons import reason


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
