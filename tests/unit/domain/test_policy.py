from __future__ import annotations

import pytest

from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import Band
from tests.build import make_policy, make_sleeve


@pytest.mark.parametrize(
    ("band", "target", "width"),
    [
        pytest.param(Band(size=dec("0.05")), "0.2", "0.05", id="5pp is 5 points of equity"),
        pytest.param(Band(size=dec("0.05")), "0.6", "0.05", id="and the same on a larger sleeve"),
        pytest.param(
            Band(size=dec("0.25"), relative=True), "0.2", "0.05", id="25% of 20 is 5 points"
        ),
        pytest.param(
            Band(size=dec("0.25"), relative=True), "0.6", "0.15", id="25% of 60 is 15 points"
        ),
        pytest.param(
            Band(size=dec("0.25"), relative=True), "-0.2", "0.05", id="a width has no sign"
        ),
        pytest.param(
            Band(size=dec("0.25"), relative=True), "0", "0", id="a relative band of nothing is 0"
        ),
    ],
)
def test_the_width_of_a_band(band: Band, target: str, width: str) -> None:
    assert band.width(dec(target)) == dec(width)


def test_assets_come_in_the_order_of_the_config_without_the_quote() -> None:
    policy = make_policy(
        sleeves=(
            make_sleeve("core", "0.6", {"BTC": "0.7", "ETH": "0.2", "USDT": "0.1"}),
            make_sleeve("buffer", "0.4", {"USDT": 1}),
        )
    )
    assert policy.assets == ("BTC", "ETH")
    assert policy.target_weight("BTC") == dec("0.42")
    assert policy.target_weight("USDT") == dec("0.46")
    assert policy.target_weight("DOGE") == 0
