"""What a look proves about a transfer: every condition is needed, and nothing else decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.domain.snapshot import MarginMode, Snapshot
from counterpoise.domain.transfer import ABSENT, Purse, Transfer, TransferState, VenueTransfer
from counterpoise.execute.settling import missing_from, proven, settled
from tests.build import (
    BTC_PERP,
    NOW,
    make_account,
    make_position,
    make_transfer,
    make_venue_snapshot,
    make_venues_snapshot,
)

S = TransferState
SECOND = timedelta(seconds=1)
LATER = NOW + timedelta(minutes=3)
OLD = {"tr1": LATER - timedelta(minutes=1)}


def a_row(id_: str = "7", **changes: Any) -> VenueTransfer:
    fields: dict[str, Any] = {
        "id": id_,
        "asset": "USDT",
        "qty": dec(5000),
        "source": Purse.SPOT,
        "target": Purse.FUTURES,
        "at": NOW + SECOND,
    }
    return VenueTransfer(**(fields | changes))


def a_look(
    *rows: VenueTransfer,
    spot: int | str = 20_000,
    futures: int | str = 10_000,
    at: datetime = LATER,
    **changes: Any,
) -> Snapshot:
    account = make_account(spot={"USDT": spot}, futures={"USDT": futures})
    seen = make_venue_snapshot(account, {"BTC": 100_000}, transfers=rows)
    return make_venues_snapshot(replace(seen, **changes), as_of=at)


def after(look: Snapshot, *transfers: Transfer, missing: dict[str, datetime] | None = None) -> Any:
    return [(t.state, t.venue_id) for t in settled(transfers, look, missing or {})]


SENT = make_transfer().moved(S.UNKNOWN, at=NOW, reason="timed out")


# --- done


@pytest.mark.parametrize("state", [S.PENDING, S.UNKNOWN])
def test_what_the_history_shows_is_done(state: S) -> None:
    (done,) = settled([make_transfer(state=state)], a_look(a_row()))
    assert (done.state, done.venue_id, done.updated_at) == (S.DONE, "7", LATER)


@pytest.mark.parametrize(
    "other",
    [
        {"asset": "USDC"},
        {"qty": dec("5000.01")},
        {"source": Purse.FUTURES, "target": Purse.SPOT},
        {"symbol": BTC_PERP},
        {"at": NOW - 6 * SECOND},
        {"at": NOW + timedelta(minutes=5, seconds=1)},
    ],
    ids="-".join,
)
def test_another_transfer_proves_nothing(other: dict[str, Any]) -> None:
    assert after(a_look(a_row(**other)), SENT) == [(S.UNKNOWN, None)]


def test_a_venue_whose_clock_is_behind_is_understood() -> None:
    assert after(a_look(a_row(at=NOW - 5 * SECOND)), SENT) == [(S.DONE, "7")]


def test_one_row_proves_one_transfer() -> None:
    twin = replace(SENT, id="tr2", created_at=NOW + SECOND)
    assert after(a_look(a_row()), twin, SENT) == [(S.UNKNOWN, None), (S.DONE, "7")]
    assert after(a_look(a_row(), a_row("8")), SENT, twin) == [(S.DONE, "7"), (S.DONE, "8")]


def test_a_row_that_another_transfer_carries_is_not_taken() -> None:
    other = make_transfer(id="tr0", state=S.DONE, venue_id="7")
    assert after(a_look(a_row()), other, SENT) == [(S.DONE, "7"), (S.UNKNOWN, None)]
    elsewhere = replace(other, venue="side")
    assert after(a_look(a_row()), elsewhere, SENT) == [(S.DONE, "7"), (S.DONE, "7")]


def test_a_row_belongs_first_to_what_is_known_to_be_done() -> None:
    other = make_transfer(id="tr9", state=S.DONE, created_at=NOW + SECOND)
    assert after(a_look(a_row()), SENT, other) == [(S.UNKNOWN, None), (S.DONE, "7")]
    assert settled([other], a_look(a_row())) == (replace(other, venue_id="7"),), "done when it was"


def test_a_history_that_lagged_wins_over_absence_and_not_over_a_refusal() -> None:
    absent = make_transfer(state=S.REJECTED, reason=ABSENT)
    refused = make_transfer(state=S.REJECTED, reason="-5013: insufficient balance")
    assert after(a_look(a_row()), absent) == [(S.DONE, "7")]
    assert after(a_look(a_row()), refused) == [(S.REJECTED, None)]


# --- absent


def test_it_is_absent_when_all_conditions_hold() -> None:
    look = a_look()
    assert missing_from(look, [SENT]) == {"tr1"}
    (absent,) = settled([SENT], look, OLD)
    assert (absent.state, absent.reason) == (S.REJECTED, "absent")


@pytest.mark.parametrize(
    "look",
    [
        a_look(transfers=None),
        a_look(transfers_at=LATER - timedelta(minutes=1, seconds=1)),
        a_look(account=None),
        a_look(a_row()),
        a_look(spot=17_500),
        a_look(futures=12_500),
        a_look(spot=15_000, futures=15_000),
        a_look(at=NOW + timedelta(minutes=2)),
        replace(a_look(), venues={}),
    ],
    ids=[
        "history not read",
        "history read long before",
        "account not read",
        "history shows it",
        "source went down by half",
        "target went up by half",
        "both moved",
        "too young",
        "venue not looked at",
    ],
)
def test_a_look_that_lacks_one_condition_does_not_speak_against_it(look: Snapshot) -> None:
    assert missing_from(look, [SENT]) == frozenset()
    assert settled([SENT], look)[0].state is not S.REJECTED


def test_an_old_history_still_proves_what_it_shows() -> None:
    look = a_look(a_row(), transfers_at=LATER - timedelta(hours=1))
    assert settled([SENT], look)[0].state is S.DONE


def test_small_movements_of_both_purses_do_not_keep_it_open() -> None:
    assert missing_from(a_look(spot="17500.01", futures="12499.99"), [SENT]) == {"tr1"}
    assert missing_from(a_look(spot=90_000, futures=0), [SENT]) == {"tr1"}


def test_after_an_hour_the_history_alone_says_that_it_is_absent() -> None:
    # purses that were used meanwhile never come back to what they were: it would block every other for good
    late = NOW + timedelta(hours=1, seconds=1)
    assert missing_from(a_look(spot=15_000, at=late), [SENT]) == {"tr1"}
    assert missing_from(a_look(spot=15_000, at=late - 2 * SECOND), [SENT]) == frozenset()
    assert missing_from(a_look(spot=15_000, at=late, transfers=None), [SENT]) == frozenset()
    assert missing_from(a_look(a_row(), spot=15_000, at=late), [SENT]) == frozenset()


def test_looks_must_lie_a_minute_apart() -> None:
    look = a_look()
    soon = {"tr1": LATER - timedelta(seconds=59)}
    for missing in ({}, {"tr1": LATER}, soon):
        assert after(look, SENT, missing=missing) == [(S.UNKNOWN, None)]


def test_what_is_final_is_never_missing() -> None:
    final = [make_transfer(id=s, state=S(s)) for s in ("DONE", "REJECTED")]
    assert missing_from(a_look(), final) == frozenset()
    assert settled(final, a_look()) == tuple(final)


def test_a_row_left_by_a_crash_is_unknown_at_once() -> None:
    (found,) = settled([make_transfer()], a_look(at=NOW + SECOND))
    assert (found.state, found.reason) == (S.UNKNOWN, "nobody knows whether it was sent")


def test_an_unknown_one_keeps_what_the_venue_said() -> None:
    assert settled([SENT], a_look()) == (SENT,)


# --- isolated positions


def an_isolated_look(wallet: str | None) -> Snapshot:
    position = make_position(
        BTC_PERP,
        "-1",
        margin_mode=MarginMode.ISOLATED,
        isolated_wallet=None if wallet is None else dec(wallet),
    )
    account = make_account(futures={"USDT": 15_000}, positions={"BTC": "-1"})
    account = replace(account, positions={BTC_PERP: position})
    seen = make_venue_snapshot(account, {"BTC": 100_000})
    return make_venues_snapshot(seen, as_of=LATER)


ISOLATED = replace(
    SENT,
    source=Purse.FUTURES,
    target=Purse.POSITION,
    symbol=BTC_PERP,
    source_before=dec(10_000),
    target_before=dec(5_000),
)


@pytest.mark.parametrize(
    ("wallet", "missing"), [("5000", {"tr1"}), ("10000", set()), (None, set())]
)
def test_the_futures_wallet_is_what_lies_outside_isolated_positions(
    wallet: str | None, missing: set[str]
) -> None:
    assert missing_from(an_isolated_look(wallet), [ISOLATED]) == missing


def test_what_was_proven_is_news_and_a_venue_id_is_not() -> None:
    sent = make_transfer(state=S.UNKNOWN)
    done = make_transfer(state=S.DONE)
    assert proven([sent], [done]) == (done,)
    assert proven([done], [replace(done, venue_id="7")]) == ()
    absent = make_transfer(state=S.REJECTED, reason=ABSENT)
    assert proven([absent], [done]) == (done,), "found after all"
