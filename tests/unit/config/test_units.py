from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.config import units
from counterpoise.config.units import Expected, Money
from counterpoise.domain.numbers import dec, text
from counterpoise.domain.policy import Band


@pytest.mark.parametrize(
    ("read", "written", "meant"),
    [
        (units.share, "60%", dec("0.6")),
        (units.share, "33.333333333333333333%", dec("0.33333333333333333333")),
        (units.share, " 0.1 % ", dec("0.001")),
        (units.share, "0%", dec(0)),
        (units.share, "100%", dec(1)),
        (units.equity_multiple, "200%", dec(2)),
        (units.band, "5pp", Band(size=dec("0.05"))),
        (units.band, "25%", Band(size=dec("0.25"), relative=True)),
        (units.price_distance, "20bps", dec("0.002")),
        (units.price_distance, "0.2%", dec("0.002")),
        (units.duration, "30s", timedelta(seconds=30)),
        (units.duration, "2m", timedelta(minutes=2)),
        (units.duration, "8h", timedelta(hours=8)),
        (units.duration, "1.5d", timedelta(hours=36)),
        (units.duration, "1500ms", timedelta(seconds=1, milliseconds=500)),
        (units.money, "25000 USDT", Money(value=dec(25000), asset="USDT")),
        (units.money, "0.5BTC", Money(value=dec("0.5"), asset="BTC")),
        (units.positive, dec("0.1"), dec("0.1")),
        (units.positive, "0.1", dec("0.1")),
        (units.count, dec(5), 5),
    ],
)
def test_a_quantity_is_read_exactly(read: object, written: object, meant: object) -> None:
    assert callable(read)
    assert read(written) == meant


@pytest.mark.parametrize(
    ("read", "written", "expected", "hint"),
    [
        (units.share, dec(60), "a percentage from 0% to 100%, such as 60%", "the unit % is missing"),
        (units.share, "60", "a percentage from 0% to 100%, such as 60%", "the unit % is missing"),
        (units.share, "60pp", "a percentage from 0% to 100%, such as 60%", "pp is not the unit %"),
        (units.share, "101%", "a percentage from 0% to 100%, such as 60%", ""),
        (units.share, "-1%", "a percentage from 0% to 100%, such as 60%", ""),
        (units.share, "sixty", "a percentage from 0% to 100%, such as 60%", ""),
        (
            units.band,
            dec(5),
            "a band above 0, such as 5pp (percentage points of equity) or 25% (of the sleeve's weight)",
            "the unit pp or % is missing",
        ),
        (
            units.band,
            "-5pp",
            "a band above 0, such as 5pp (percentage points of equity) or 25% (of the sleeve's weight)",
            "",
        ),
        (
            units.price_distance,
            dec(20),
            "a distance in price above 0, such as 20bps or 0.2%",
            "the unit bps or % is missing",
        ),
        (
            units.duration,
            dec(30),
            "a duration of at least 1s, such as 30s, 2m, 8h or 1d",
            "the unit s, m, h or d is missing",
        ),
        (units.duration, "0s", "a duration of at least 1s, such as 30s, 2m, 8h or 1d", ""),
        (units.duration, "2min", "a duration of at least 1s, such as 30s, 2m, 8h or 1d",
         "min is not the unit s, m, h or d"),
        (units.duration, "99999d", "a duration of at most 3650d", ""),
        (units.money, dec(5), "an amount of money with its asset, such as 25000 USDT", "the asset is missing"),
        (units.money, "5%", "an amount of money with its asset, such as 25000 USDT", ""),
        (units.money, "5 usdt", "an amount of money with its asset, such as 25000 USDT", ""),
        (units.count, dec("1.5"), "a whole number of at least 1", ""),
        (units.count, dec(0), "a whole number of at least 1", ""),
        (units.positive, dec(0), "a number above 0", ""),
        (units.positive, True, "a number above 0", ""),
        (units.positive, "1e99", "a number of at most 40 digits", ""),
        (units.share, "0." + "1" * 60 + "%", "a number of at most 40 digits", ""),
    ],
)  # fmt: skip
def test_what_is_no_quantity_is_told_with_its_units(
    read: object, written: object, expected: str, hint: str
) -> None:
    assert callable(read)
    with pytest.raises(Expected) as told:
        read(written)
    assert (told.value.expected, told.value.hint) == (expected, hint)


@given(st.decimals(min_value=0, max_value=100, allow_nan=False, places=18))
def test_a_percentage_loses_no_digit(percentage: Decimal) -> None:
    assert units.share(f"{text(percentage)}%") * 100 == percentage
