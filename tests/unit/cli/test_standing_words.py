from __future__ import annotations

import pytest

from counterpoise.cli.standing_words import standing_lines

LOWERED = {
    "state": "CANCEL_ONLY",
    "as_of": "2026-01-08T13:00:00.000Z",
    "state_since": "2026-01-08T05:24:00.250Z",
    "state_why": "USDT collateral at practice came within 4.3 % of liquidation (flatten)",
}


def test_a_lowered_state_says_since_when_why_and_the_way_out() -> None:
    assert list(standing_lines(LOWERED)) == [
        f"since 2026-01-08 05:24:00Z because {LOWERED['state_why']}; raise it with: counterpoise resume"
    ]


@pytest.mark.parametrize("state", ["RUN", None])
def test_where_nothing_was_lowered_nothing_is_said(state: str | None) -> None:
    assert not list(standing_lines({**LOWERED, "state": state}))


def test_a_state_of_an_older_version_has_a_way_out_too() -> None:
    (line,) = standing_lines({"state": "HALT"})
    assert line == "why it was lowered is not recorded; raise it with: counterpoise resume"
