"""What is announced to Home Assistant; that it takes it is shown by tests/scenario/test_home_assistant.py."""

from __future__ import annotations

import re

from counterpoise.notify.home_assistant import discovery
from tests.build import make_policy, make_sleeve

POLICY = make_policy(
    id="treasury",
    sleeves=(
        make_sleeve("core", "0.6", {"BTC": "0.7", "ETH": "0.3"}),
        make_sleeve("odd", "0.2", {"SHIB.X": 1}),
        make_sleeve("buffer", "0.2", {"USDT": 1}),
    ),
)
MADE = discovery(POLICY, prefix="home/cp", topics="homeassistant", version="1.2.3")


def test_the_topics_are_those_home_assistant_listens_to() -> None:
    # what it subscribes to: <prefix>/<component>/<node>/<object>/config, of letters, digits, - and _
    for topic in MADE:
        assert re.fullmatch(r"homeassistant/(binary_)?sensor/home_cp_treasury/[\w-]+/config", topic)


def test_everything_of_a_portfolio_is_there() -> None:
    names = [entity["name"] for entity in MADE.values()]
    assert names == [
        "Running",
        "Equity",
        *("Weight BTC", "Weight ETH", "Weight SHIB.X", "Weight USDT"),
        "Margin ratio",
        "Distance to liquidation",
        "Hedges",
        *("Hedge BTC", "Hedge ETH", "Hedge SHIB.X"),
        *("Hedge wanted BTC", "Hedge wanted ETH", "Hedge wanted SHIB.X"),
        "Trading state",
        "Last look",
    ]


def test_all_are_one_device_and_each_is_unique() -> None:
    assert len({entity["unique_id"] for entity in MADE.values()}) == len(MADE)
    devices = [entity["device"] for entity in MADE.values()]
    assert all(device == devices[0] for device in devices)
    assert devices[0]["identifiers"] == ["home_cp_treasury"]


def test_a_hedge_is_what_is_held_and_what_is_wanted_stands_beside_it() -> None:
    entities = {str(entity["name"]): entity for entity in MADE.values()}
    assert "'positions'" in str(entities["Hedge BTC"]["value_template"])
    assert "'positions'" in str(entities["Hedges"]["value_template"])
    assert "hedged" in str(entities["Hedge wanted BTC"]["value_template"])
    assert entities["Hedge BTC"]["unique_id"] == "home_cp_treasury_hedge_BTC", "as it always was"


def test_they_read_what_we_publish_and_are_gone_while_we_are_not_online() -> None:
    running, *others = MADE.values()
    assert running["state_topic"] == "home/cp/availability"
    assert "availability_topic" not in running, "it is there to say that we are not"
    for entity in others:
        assert entity["state_topic"] == "home/cp/treasury/state"
        assert entity["availability_topic"] == "home/cp/availability"


def test_two_portfolios_and_two_prefixes_stay_apart() -> None:
    other = discovery(make_policy(id="b"), prefix="home/cp", topics="homeassistant", version="1")
    moved = discovery(POLICY, prefix="home2", topics="homeassistant", version="1")
    ids = [e["unique_id"] for made in (MADE, other, moved) for e in made.values()]
    assert len(ids) == len(set(ids))
    assert not (MADE.keys() & other.keys()) | (MADE.keys() & moved.keys())
