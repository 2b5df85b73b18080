from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from counterpoise.domain.events import Severity
from counterpoise.domain.numbers import dec
from counterpoise.domain.records import Flow
from counterpoise.notify.messages import (
    condition_cleared,
    condition_raised,
    flow_found,
)

AT = datetime(2025, 4, 7, 6, 30, tzinfo=UTC)


def test_a_condition_is_raised_loudly_and_cleared_quietly_under_one_key() -> None:
    up = condition_raised("treasury", "venue:main", "venue", Severity.CRITICAL, "no answer", AT)
    down = condition_cleared(
        "treasury", "venue:main", "venue", "answers again", AT + timedelta(minutes=1)
    )
    assert (up.key, up.cleared, up.severity) == ("venue:main", False, Severity.CRITICAL)
    assert (down.key, down.cleared, down.severity) == ("venue:main", True, Severity.INFO)
    assert up.kind == down.kind == "venue"
    assert up.id != down.id
    again = condition_raised(
        "treasury", "venue:main", "venue", Severity.CRITICAL, "no answer", AT + timedelta(hours=1)
    )
    assert again.id != up.id


# --- deposits and withdrawals


@pytest.mark.parametrize(
    ("qty", "price", "source", "expected"),
    [
        pytest.param(
            "0.5",
            "100000",
            "ledger",
            "Deposit of 0.5 BTC, worth 50,000.00 USDT, found at main: the venue's books show it. It counts as no gain",
            id="a deposit that the books show",
        ),
        pytest.param(
            "-0.5",
            "100000",
            "looks",
            "Withdrawal of 0.5 BTC, worth 50,000.00 USDT, found at main: several equal looks show it. It counts as no"
            " loss; what shorts BTC beyond what is left is closed",
            id="a withdrawal that looks show",
        ),
        pytest.param(
            "3",
            None,
            "looks",
            "Deposit of 3 BTC found at main: several equal looks show it. It counts as no gain",
            id="what is not priced here",
        ),
    ],
)
def test_a_flow_says_what_came_or_went_and_how_that_is_known(
    qty: str, price: str | None, source: str, expected: str
) -> None:
    flow = Flow(
        id="1",
        venue="main",
        asset="BTC",
        qty=dec(qty),
        at=AT,
        source=source,
        price=None if price is None else dec(price),
    )
    said = flow_found("treasury", flow, "USDT")
    assert (said.kind, said.text, said.severity) == ("flow", expected, Severity.INFO)
    assert said.data["qty"] == qty
    assert said.data["price"] == (price or "unknown")


def test_a_flow_of_the_quote_is_not_priced_in_itself() -> None:
    flow = Flow(
        id="1", venue="main", asset="USDT", qty=dec(7), at=AT, source="ledger", price=dec(1)
    )
    assert flow_found("treasury", flow, "USDT").text.startswith("Deposit of 7 USDT found at main:")
