from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from counterpoise.domain.instrument import Instrument, InstrumentKind
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import ContractChoice, ExecutionPolicy
from counterpoise.domain.portfolio import universe_of
from counterpoise.plan.contracts import carry_of, chosen
from tests.build import (
    BTC_PERP,
    NOW,
    VENUE,
    Number,
    make_instrument,
    make_policy,
    make_quote,
    make_snapshot,
    make_venues_snapshot,
)

SOON, LATER = "BTC/USDT:USDT-250627", "BTC/USDT:USDT-250926"
DAY = timedelta(days=1)


def contract(symbol: str, days: float, **changes: Any) -> Instrument:
    return make_instrument(symbol, expiry_at=NOW + days * DAY, **changes)


def carried(
    instrument: Instrument, mark: Number, side: int, rate: Number | None = None, **changes: Any
) -> Decimal | None:
    quote = make_quote(instrument.symbol, mark, funding_rate=None if rate is None else dec(rate))
    execution = ExecutionPolicy(**changes)
    carry = carry_of(instrument, quote, dec(100), side, execution, NOW)
    return None if carry is None else carry.net


@pytest.mark.parametrize(
    ("side", "rate", "net"),
    [
        pytest.param(-1, "0.0001", "0.008", id="a short receives a positive rate: 90 x 1 bp"),
        pytest.param(1, "0.0001", "-0.010", id="a long pays it"),
        pytest.param(-1, "-0.0001", "-0.010", id="a short pays a negative one"),
    ],
)
def test_a_perpetual_carries_its_funding_less_two_trades(side: int, rate: str, net: str) -> None:
    assert carried(make_instrument(BTC_PERP), 100, side, rate) == dec(net)


@pytest.mark.parametrize(
    ("days", "mark", "side", "net"),
    [
        pytest.param(60, "102", -1, "0.009", id="half of a premium of 2 % in half its life"),
        pytest.param(60, "102", 1, "-0.011", id="which a long loses"),
        pytest.param(30, "102", -1, "0.019", id="all of it by its expiry"),
        pytest.param(15, "101", -1, "0.018", id="two of them, and a roll between"),
        pytest.param(60, "98", -1, "-0.011", id="a discount costs a short"),
    ],
)
def test_a_dated_future_carries_its_basis(days: int, mark: str, side: int, net: str) -> None:
    assert carried(contract(SOON, days), mark, side) == dec(net)


def test_an_inverse_contract_is_judged_by_the_same_fractions() -> None:
    inverse = make_instrument("BTC/USD:BTC")
    assert inverse.inverse
    assert carried(inverse, 100, -1, "0.0001") == dec("0.008")


def test_an_interval_of_four_hours_pays_twice_as_often() -> None:
    quote = make_quote(BTC_PERP, 100, funding_rate=dec("0.0001"), funding_interval=4 * DAY / 24)
    carry = carry_of(make_instrument(BTC_PERP), quote, dec(100), -1, ExecutionPolicy(), NOW)
    assert carry is not None
    assert carry.funding == dec("0.018")


def test_what_is_not_known_is_no_carry() -> None:
    assert carried(make_instrument(BTC_PERP), 100, -1, None) is None
    assert carried(contract(SOON, -1), 100, -1) is None
    bare = replace(make_quote(BTC_PERP), mark=None, bid=None, funding_rate=dec("0.0001"))
    perp = make_instrument(BTC_PERP)
    assert carry_of(perp, bare, dec(100), -1, ExecutionPolicy(), NOW) is None


def picked(
    *dated: tuple[Instrument, Number],
    rate: Number | None = "0.0001",
    wanted: Number = "-1",
    bound: Iterable[str] = (),
    volume: Number | None = 5_000_000,
    **changes: Any,
) -> tuple[str, str | None]:
    """The contract BTC is hedged with, and the one it leaves; marks around a spot of 100,000."""
    execution = ExecutionPolicy(**changes)
    policy = make_policy(execution=execution)
    listed = [make_instrument("BTC/USDT"), make_instrument(BTC_PERP), *(i for i, _ in dated)]
    snapshot = make_snapshot({"BTC": 100_000, "SOL": 100}, instruments=listed)
    seen = snapshot.venues[VENUE]
    quotes = {
        **seen.quotes,
        BTC_PERP: make_quote(BTC_PERP, funding_rate=None if rate is None else dec(rate)),
        **{
            i.symbol: make_quote(i.symbol, mark, volume_24h=None if volume is None else dec(volume))
            for i, mark in dated
        },
    }
    snapshot = make_venues_snapshot(replace(seen, quotes=quotes))
    mine = [(VENUE, symbol) for symbol in bound]
    universe = universe_of(policy, {VENUE: seen.instruments}, {"BTC": mine} if mine else {})
    after = chosen(universe, {"BTC": dec(wanted)}, mine, snapshot, execution)
    leaving = after.leaving.get("BTC")
    return after.futures["BTC"].instrument.symbol, leaving and leaving.instrument.symbol


def test_a_premium_that_beats_funding_opens_the_dated_future() -> None:
    assert picked((contract(LATER, 90), 104_000)) == (LATER, None)
    assert picked((contract(LATER, 90), 104_000), wanted=1) == (BTC_PERP, None), "a long pays it"


def test_the_perpetual_is_taken_unless_it_is_clearly_beaten() -> None:
    # 30 of 90 days of 2.4 %: 0.8 % - fees, as much as funding brings
    assert picked((contract(LATER, 90), 102_700)) == (BTC_PERP, None)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"volume": None}, id="a volume nobody told"),
        pytest.param({"volume": 999_999}, id="too little trade"),
        pytest.param({"rate": None}, id="a funding rate nobody told: nothing to compare with"),
        pytest.param({"contract": ContractChoice.PERPETUAL}, id="told to use perpetuals"),
        pytest.param({"roll_before": timedelta(days=91)}, id="would be rolled at once"),
    ],
)
def test_what_speaks_against_a_dated_future(changes: dict[str, Any]) -> None:
    assert picked((contract(LATER, 90), 104_000), **changes) == (BTC_PERP, None)


def test_told_to_use_dated_futures_the_best_of_them_is_taken() -> None:
    found = picked(
        (contract(SOON, 25), 100_100),
        (contract(LATER, 90), 101_000),
        contract=ContractChoice.DATED,
    )
    assert found == (LATER, None)


def test_a_hedge_stays_where_it_was_opened() -> None:
    assert picked((contract(LATER, 90), 104_000), bound=[BTC_PERP]) == (BTC_PERP, None)
    assert picked((contract(LATER, 90), 90_000), bound=[LATER]) == (LATER, None)


def test_a_dated_future_near_its_end_is_rolled_into_the_best_of_the_others() -> None:
    soon = contract(SOON, 4)
    assert picked((soon, 100_000), bound=[SOON]) == (BTC_PERP, SOON)
    both = ((soon, 100_000), (contract(LATER, 95), 104_000))
    assert picked(*both, bound=[SOON]) == (LATER, SOON)
    assert picked((contract(SOON, 6), 100_000), bound=[SOON]) == (SOON, None), "not yet"


def test_a_roll_under_way_goes_on_whatever_carry_says_now() -> None:
    both = ((contract(SOON, 4), 100_000), (contract(LATER, 95), 90_000))
    assert picked(*both, bound=[SOON, LATER]) == (LATER, SOON)


def test_kinds_are_told_apart() -> None:
    assert contract(SOON, 1).kind is InstrumentKind.FUTURE
