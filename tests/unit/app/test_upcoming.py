"""What is to come, as far as a look and the records know it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from counterpoise.app.upcoming import event_rows
from counterpoise.domain.numbers import ONE, ZERO, dec
from counterpoise.domain.operator import (
    Approval,
    ApprovalState,
    Command,
    CommandKind,
    TargetOverride,
)
from counterpoise.domain.snapshot import Snapshot
from counterpoise.domain.strategy import DriftPolicy, HedgePolicy
from counterpoise.domain.strategy.conditions import During
from tests.build import (
    BTC_PERP,
    NOW,
    PORTFOLIO,
    VENUE,
    make_instrument,
    make_policy,
    make_recorded,
    make_snapshot,
)

HOUR = timedelta(hours=1)
DATED = "BTC/USDT:USDT-250627"
EXPIRY = datetime(2025, 6, 27, 8, tzinfo=UTC)


def look(qty: str, **quote: object) -> Snapshot:
    """A look at a position in the perpetual at 100,000 and at one of a dated future."""
    listed = [
        make_instrument("BTC/USDT"),
        make_instrument(BTC_PERP),
        make_instrument(DATED, expiry_at=EXPIRY),
    ]
    made = make_snapshot(
        {"BTC": 100_000}, {"BTC": 1}, {"USDT": 9_000}, {BTC_PERP: qty, DATED: "-0.2"}, instruments=listed
    )  # fmt: skip
    seen = made.venues[VENUE]
    quotes = {**seen.quotes, BTC_PERP: replace(seen.quotes[BTC_PERP], **quote)}  # type: ignore[arg-type]  # by field
    return replace(made, venues={VENUE: replace(seen, quotes=quotes)})


def rows(snapshot: Snapshot, **known: object) -> list[tuple[str, str, str | None]]:
    """Hours from now, text and amount."""
    given: dict[str, object] = {
        "policy": make_policy(), "recorded": make_recorded(), "requests": (), **known,
    }  # fmt: skip
    found = event_rows(snapshot=snapshot, **given)  # type: ignore[arg-type]  # keyword table of one function
    return [
        (
            f"{(datetime.fromisoformat(str(r['at'])) - NOW) / HOUR:g}",
            str(r["text"]),
            r["amount"],
        )
        for r in found
    ]


def test_a_short_receives_what_longs_pay() -> None:
    due = {"next_funding_at": NOW + 4 * HOUR, "funding_rate": dec("0.0001")}
    assert rows(look("-0.5", **due))[0] == ("4", "funding of BTC", "5")
    assert rows(look("0.5", **due))[0] == ("4", "funding of BTC", "-5")


def test_a_rate_that_is_not_told_is_not_zero() -> None:
    (first, *_) = rows(look("-0.5", next_funding_at=NOW + HOUR))
    assert first == ("1", "funding of BTC", None)


def test_what_holds_nothing_has_nothing_to_come() -> None:
    due = {"next_funding_at": NOW + 4 * HOUR, "funding_rate": dec("0.0001")}
    assert [text for _, text, _ in rows(look("0", **due))] == [f"{DATED} ends"]


def test_ends_calendars_windows_and_peoples_words_by_the_clock() -> None:
    window = During(start_at=NOW - HOUR, end_at=NOW + 9 * HOUR)
    policy = make_policy(
        HedgePolicy(id="event", asset="BTC", ratio=ONE, when=window),
        DriftPolicy(id="shape", calendar="0 18 * * *"),
    )
    asked = Approval(
        id="a1", portfolio=PORTFOLIO, strategy="event", asset="BTC", cap=ZERO, wanted=-ONE, why="w",
        asked_at=NOW, deadline_at=NOW + 2 * HOUR,
    )  # fmt: skip
    said = Command(
        id="c1", portfolio=PORTFOLIO, kind=CommandKind.CONVERT, who="mia", origin="cli", asked_at=NOW,
        args={"strategy": "event"}, due_at=NOW + 5 * HOUR,
    )  # fmt: skip
    known = make_recorded(commands=(said,))
    override = TargetOverride(weights={}, until_at=NOW + 7 * HOUR)
    known = replace(known, portfolio=replace(known.portfolio, override=override))
    denied = replace(asked, id="a2", state=ApprovalState.DENIED)
    assert rows(look("0"), policy=policy, recorded=known, requests=(asked, denied)) == [
        ("2", "last answer to a1 (event)", None),
        ("5", "convert event, as mia said", None),
        ("6", "shape by its calendar", None),
        ("7", "back to the config's weights", None),
        ("9", "event ends", None),
        ("596", f"{DATED} ends", None),
    ]
