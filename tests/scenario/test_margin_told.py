"""What people are told while the margin guard acts: causes, no all-clear too early, nothing twice."""

from __future__ import annotations

from counterpoise.app.cycle_report import document_of
from counterpoise.domain.records import TradingState
from counterpoise.domain.standing import standing_of
from tests.scenario.test_margin_guard import guarded, hedged


async def test_a_state_a_guard_lowered_says_since_when_and_why() -> None:
    stage = await hedged(futures=31_500, spot=0)
    stage.price(BTC=126_000)
    await stage.run(guarded(), hours=0.2)
    (first,) = [r for r in stage.reports if r.state is TradingState.CANCEL_ONLY][:1]
    found = standing_of(await stage.recorded())
    assert found is not None
    assert (found.state, found.since) == ("CANCEL_ONLY", first.as_of)
    assert found.why == "USDT collateral at sim came within 3.95 % of liquidation (flatten)"
    shown = document_of(stage.reports[-1], guarded())
    assert shown["state_why"] == found.why, "in every look after it too"
    assert shown["state_by"] == "margin guard"
