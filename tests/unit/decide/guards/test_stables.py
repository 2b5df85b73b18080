"""Stable coins off their peers: when that is believed, what it stops, and what goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from counterpoise.decide.guards.plausibility import (
    Plausibility,
    PlausibilityWatch,
    plausibility_record,
)
from counterpoise.decide.guards.stables import StableWatch, sifted, withdrawn
from counterpoise.domain.codec import decoded, document_of
from counterpoise.domain.doubting import Peg, PlausibilityState
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import OrderState, Side
from counterpoise.domain.reasons import reason
from counterpoise.domain.snapshot import Snapshot
from tests.build import (
    BTC_PERP,
    NOW,
    VENUE,
    Number,
    make_account,
    make_instrument,
    make_order,
    make_policy,
    make_quote,
    make_recorded,
    make_snapshot,
    make_universe,
    make_venue_snapshot,
    make_venues_snapshot,
)

POLICY = make_policy()
OFF = reason("off_peg", asset="USDC", distance="3 %", peers="USDT", most="2 %")


class Looks:
    """Looks half a minute apart at what other stable coins are worth in USDT."""

    def __init__(self) -> None:
        self.watch = StableWatch(POLICY)
        self.now = NOW

    def restart(self) -> None:
        """Let a new process go on with what is kept."""
        written = document_of(PlausibilityState(pegs=self.watch.memory()))
        kept = decoded(PlausibilityState, written, "plausibility")
        self.watch = StableWatch(POLICY, kept.pegs)

    def look(self, **worth: Number | None) -> dict[str, str]:
        made = self.shown(**worth)
        found = self.watch.look(made, make_universe(POLICY, made))
        return {asset: why.text for asset, why in found.items()}

    def shown(self, **worth: Number | None) -> Snapshot:
        self.now += timedelta(seconds=30)
        listed = [make_instrument(f"{coin}/USDT") for coin in worth]
        seen = make_venue_snapshot(make_account(), {}, listed)
        quotes = {
            f"{coin}/USDT": make_quote(f"{coin}/USDT", price, as_of=self.now)
            for coin, price in worth.items()
            if price is not None
        }
        # a tick of 0.1 around the price is far too wide for a stable coin
        quotes = {
            s: make_quote(s, q.last or 0, bid=q.last, ask=q.last, as_of=self.now)
            for s, q in quotes.items()
        }
        return make_venues_snapshot(
            make_venue_snapshot(seen.account, {}, listed, quotes=quotes), as_of=self.now
        )


@pytest.mark.parametrize(("price", "off"), [("0.981", False), ("0.979", True), ("1.021", True)])
def test_two_percent_for_three_looks_is_off_its_peers(price: str, off: bool) -> None:
    looks = Looks()
    for _ in range(2):
        assert looks.look(USDC=price, DAI=1, FDUSD=1) == {}
    assert set(looks.look(USDC=price, DAI=1, FDUSD=1)) == ({"USDC"} if off else set())


def test_a_look_in_between_starts_it_over() -> None:
    looks = Looks()
    for price in ("0.9", "0.9", 1, "0.9", "0.9"):
        assert looks.look(USDC=price, DAI=1) == {}
    assert set(looks.look(USDC="0.9", DAI=1)) == {"USDC"}


def test_it_is_with_its_peers_again_after_three_looks() -> None:
    looks = Looks()
    for _ in range(3):
        looks.look(USDC="0.9", DAI=1, TUSD=1)
    assert [set(looks.look(USDC=1, DAI=1, TUSD=1)) for _ in range(3)] == [{"USDC"}, {"USDC"}, set()]


def test_a_restart_counts_looks_neither_anew_nor_twice() -> None:
    looks = Looks()
    assert looks.watch.memory() == {}
    for found in (set(), set(), {"USDC"}, {"USDC"}):
        looks.restart()
        assert set(looks.look(USDC="0.9", DAI=1, TUSD=1)) == found
    for found in ({"USDC"}, {"USDC"}, set()):
        looks.restart()
        assert set(looks.look(USDC=1, DAI=1, TUSD=1)) == found
    assert looks.watch.memory() == {}, "what is as it should be is not kept"


def test_what_the_records_remember_is_where_a_new_watch_goes_on() -> None:
    looks = Looks()
    known = PlausibilityState(pegs={"USDC": Peg(at=NOW, looks=2)})
    record = plausibility_record(Plausibility(state=known))
    recorded = replace(make_recorded(), guards={record.id: record})
    made = looks.shown(USDC="0.9", DAI=1, TUSD=1)
    for kept, off in ((recorded, {"USDC"}), (make_recorded(), set())):
        found = PlausibilityWatch(POLICY).look(made, make_universe(POLICY, made), kept)
        assert set(found.off_peg) == off


def test_where_most_peers_are_off_it_is_the_quote() -> None:
    looks = Looks()
    for _ in range(3):
        found = looks.look(USDC="1.05", DAI="1.04", FDUSD="1.06")
    assert set(found) == {"USDT"}
    assert found["USDT"].startswith("USDT is 4 % off DAI, FDUSD, USDC, more than 2 %")


def test_of_one_pair_nobody_can_tell_which_it_is() -> None:
    looks = Looks()
    for _ in range(3):
        found = looks.look(USDC="0.9")
    assert set(found) == {"USDC", "USDT"}


def test_a_pair_without_a_price_says_nothing() -> None:
    looks = Looks()
    for _ in range(3):
        assert looks.look(USDC=None) == {}


def test_no_pair_no_word() -> None:
    made = make_snapshot()
    assert make_universe(POLICY, made).peers == ()


@pytest.mark.parametrize(
    ("symbol", "side", "changes", "off", "stopped"),
    [
        pytest.param("USDC/USDT", Side.BUY, {}, "USDC", True, id="none of it is bought"),
        pytest.param("USDC/USDT", Side.SELL, {}, "USDC", False, id="it may be sold"),
        pytest.param("BTC/USDT", Side.BUY, {}, "USDC", False, id="others are not touched"),
        pytest.param("BTC/USDT", Side.BUY, {}, "USDT", True, id="conversions pause: buying"),
        pytest.param("BTC/USDT", Side.SELL, {}, "USDT", True, id="conversions pause: selling"),
        pytest.param(BTC_PERP, Side.SELL, {}, "USDT", False, id="hedges go on"),
        pytest.param(
            BTC_PERP, Side.BUY, {"guard": "margin", "reduce_only": True}, "USDT", False,
            id="the margin guard goes on",
        ),
    ],
)  # fmt: skip
def test_what_a_coin_off_its_peers_stops(
    symbol: str, side: Side, changes: dict[str, object], off: str, stopped: bool
) -> None:
    order = make_order(venue=VENUE, symbol=symbol, side=side, qty=dec(1), **changes)
    kept, refused = sifted((order,), {off: OFF}, "USDT")
    assert (len(kept), len(refused)) == ((0, 1) if stopped else (1, 0))
    working = make_order(
        venue=VENUE, symbol=symbol, side=side, qty=dec(1), state=OrderState.OPEN, **changes
    )
    assert bool(withdrawn((working,), {off: OFF}, "USDT")) is stopped
