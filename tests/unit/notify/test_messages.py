from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from counterpoise.domain.events import Alert, Severity
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Fill, Side
from counterpoise.domain.records import Flow
from counterpoise.notify.messages import (
    average_price,
    condition_cleared,
    condition_raised,
    flow_found,
    hedge_moved,
    lifecycle,
)

AT = datetime(2025, 4, 7, 6, 30, tzinfo=UTC)
PERP = "BTC/USDT:USDT"


def a_fill(qty: str, price: str, side: Side = Side.SELL) -> Fill:
    return Fill(
        venue="main",
        symbol=PERP,
        trade_id=f"t{qty}",
        venue_order_id="v1",
        side=side,
        qty=Decimal(qty),
        price=Decimal(price),
        fee=Decimal(0),
        fee_asset="USDT",
        maker=True,
        filled_at=AT,
    )


def moved(
    before: str,
    after: str,
    fills: tuple[Fill, ...] = (),
    weights: tuple[str | None, str | None] = (None, None),
    reason: str = "",
) -> Alert:
    first, last = (None if weight is None else Decimal(weight) for weight in weights)
    return hedge_moved(
        "treasury", "BTC", PERP, Decimal(before), Decimal(after), fills, first, last, reason, AT
    )


def test_an_opened_hedge_says_what_how_much_at_what_price_to_what_effect_and_why() -> None:
    told = moved(
        "0",
        "-0.6",
        (a_fill("0.2", "83000"), a_fill("0.4", "83001")),
        ("0.6012345", "0.5"),
        "hedge 50 % of 1.2 BTC",
    )
    assert told.text == (
        "Hedge of BTC opened: sold 0.6 BTC with BTC/USDT:USDT at 83000.67 on average;"
        " futures position 0 -> -0.6 BTC, effective weight 60.12 % -> 50 %."
        " Why: hedge 50 % of 1.2 BTC"
    )
    assert (told.kind, told.severity, told.key) == ("hedge_opened", Severity.INFO, None)
    # exact where the sentence is rounded
    assert told.data["weight_before"] == "0.6012345"
    assert Decimal(told.data["avg_price"]) == Decimal("49800.4") / Decimal("0.6")
    assert told.data["trade_ids"] == "t0.2,t0.4"


@pytest.mark.parametrize(
    ("before", "after", "kind", "begins"),
    [
        ("-0.6", "-0.9", "hedge_adjusted", "Hedge of BTC adjusted: sold 0.3 BTC"),
        ("-0.6", "-0.1", "hedge_adjusted", "Hedge of BTC adjusted: bought 0.5 BTC"),
        ("-0.6", "0", "hedge_closed", "Hedge of BTC closed: bought 0.6 BTC"),
        ("0", "0.6", "hedge_opened", "Long of BTC opened: bought 0.6 BTC"),
        ("0.6", "0", "hedge_closed", "Long of BTC closed: sold 0.6 BTC"),
        ("-0.6", "0.1", "hedge_adjusted", "Long of BTC adjusted: bought 0.7 BTC"),
        ("-0.6", "-0.6", "hedge_adjusted", "Hedge of BTC adjusted: no net move"),
        (
            "-0.123456789012345678",
            "-1E+3",
            "hedge_adjusted",
            "Hedge of BTC adjusted: sold 999.87654 BTC",
        ),
    ],
)
def test_every_way_a_position_can_move(before: str, after: str, kind: str, begins: str) -> None:
    told = moved(before, after)
    assert told.kind == kind
    assert told.text.startswith(f"{begins} with BTC/USDT:USDT")


def test_what_is_not_known_is_left_out_or_called_unknown_and_never_zero() -> None:
    bare = moved("0", "-1")
    assert bare.text == (
        "Hedge of BTC opened: sold 1 BTC with BTC/USDT:USDT; futures position 0 -> -1 BTC"
    )
    assert bare.data["avg_price"] == bare.data["weight_after"] == "unknown"
    half = moved("0", "-1", weights=(None, "0.5"))
    assert half.text.endswith("effective weight unknown -> 50 %")


def test_the_average_is_of_the_fills_in_the_direction_of_the_move() -> None:
    told = moved("0", "-1", (a_fill("2", "100"), a_fill("1", "50", Side.BUY)))
    assert "at 100 on average" in told.text


@pytest.mark.parametrize(
    ("exact", "shown"),
    [
        ("83000.666666666666", "83000.67"),
        ("1000.005", "1000"),
        ("123.456789012", "123.45679"),
        ("0.000012345678912", "0.000012345679"),
        ("123456789.5", "123456790"),
        ("100", "100"),
    ],
)
def test_a_price_is_rounded_for_reading_and_not_in_the_data(exact: str, shown: str) -> None:
    told = moved("0", "-1", (a_fill("1", exact),))
    assert f"at {shown} on average;" in told.text
    assert told.data["avg_price"] == exact


def test_average_price_weighs_by_quantity() -> None:
    assert average_price([a_fill("1", "100"), a_fill("3", "104")]) == 103
    assert average_price([]) is None


def test_the_same_news_is_the_same_alert_and_other_news_another() -> None:
    assert moved("0", "-1").id == moved("0", "-1").id
    assert moved("0", "-1").id != moved("0", "-2").id


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


def test_only_a_start_after_a_crash_is_a_warning() -> None:
    told = [lifecycle("treasury", kind, "text", AT) for kind in ("started", "stopped", "recovered")]
    assert [(a.kind, a.severity) for a in told] == [
        ("started", Severity.INFO),
        ("stopped", Severity.INFO),
        ("recovered", Severity.WARNING),
    ]


# --- deposits and withdrawals


@pytest.mark.parametrize(
    ("qty", "price", "source", "expected"),
    [
        pytest.param(
            "0.5",
            "100000",
            "ledger",
            "Deposit of 0.5 BTC, worth 50000 USDT, found at main: the venue's books show it. It counts as no gain",
            id="a deposit that the books show",
        ),
        pytest.param(
            "-0.5",
            "100000",
            "looks",
            "Withdrawal of 0.5 BTC, worth 50000 USDT, found at main: several equal looks show it. It counts as no"
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
