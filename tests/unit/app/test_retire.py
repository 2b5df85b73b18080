from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from counterpoise.app.retire import closed_by_hand, refuse_strays, retired
from counterpoise.domain.errors import SafetyRefusal
from counterpoise.domain.hedge_book import BookLine
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import OrderState
from counterpoise.domain.records import PositionRecord, StrategyRecord
from counterpoise.domain.strategy import HedgePolicy
from tests.build import (
    BTC_PERP,
    NOW,
    VENUE,
    make_order,
    make_policy,
    make_recorded,
    make_snapshot,
    make_universe,
)

STAYS = HedgePolicy(id="stays", asset="BTC", ratio=dec("0.5"))
UNIVERSE = make_universe(make_policy(), make_snapshot())
DOGE = "DOGE/USDT:USDT"


def wish(strategy: str, qty: str, asset: str = "BTC") -> StrategyRecord:
    return StrategyRecord(id=strategy, kind="hedge", document={"overlays": {asset: qty}})


def own(qty: str, baseline: str = "0", symbol: str = BTC_PERP) -> PositionRecord:
    return PositionRecord(venue=VENUE, symbol=symbol, own_qty=dec(qty), baseline_qty=dec(baseline))


def handed(held: str, wishes: Mapping[str, str]) -> str:
    """What of ``held`` becomes foreign: ``stays`` stays, ``keep*`` is kept and ``close*`` is closed."""
    retire = {s: s[:5].rstrip("2") for s in wishes if s != "stays"}
    recorded = make_recorded(
        positions=[own(held)], strategies={s: wish(s, q) for s, q in wishes.items()}
    )
    _, positions = retired(make_policy(STAYS, retire=retire), recorded, UNIVERSE)
    if not positions:
        return "0"
    (position,) = positions.values()
    assert position.expected_qty == dec(held), "what is held stays explained"
    return str(position.baseline_qty)


@pytest.mark.parametrize(
    ("held", "wishes", "expected"),
    [
        pytest.param("-0.5", {"keep": "-0.5"}, "-0.5", id="all of it"),
        pytest.param("-1", {"keep": "-2"}, "-1", id="what the clamp left of it"),
        pytest.param("-0.2", {"keep": "-1"}, "-0.2", id="what was filled of it"),
        pytest.param("0", {"keep": "-1"}, "0", id="nothing was filled"),
        pytest.param("-0.7", {"keep": "-0.5"}, "-0.5", id="not what nobody wanted"),
        pytest.param("-1", {"keep": "-0.6", "stays": "-0.4"}, "-0.6", id="both are full"),
        pytest.param("-0.5", {"keep": "-0.6", "stays": "-0.4"}, "-0.1", id="the other stays whole"),
        pytest.param("-0.3", {"keep": "-0.6", "stays": "-0.4"}, "0", id="the other wants it all"),
        pytest.param("-0.4", {"keep": "-0.6", "stays": "0.2"}, "-0.6", id="opposite wishes"),
        pytest.param("-1", {"keep": "-0.6", "close": "-0.4"}, "-0.6", id="one kept, one closed"),
        pytest.param("-0.5", {"keep": "-0.6", "close": "-0.4"}, "-0.3", id="shared pro rata"),
        pytest.param("0", {"keep": "-0.6", "close": "0.6"}, "0", id="wishes that cancel out"),
        pytest.param("-0.5", {"keep": "-0.3", "keep2": "-0.3"}, "-0.5", id="two kept"),
    ],
)
def test_what_is_held_is_handed_over_not_what_was_wished(
    held: str, wishes: dict[str, str], expected: str
) -> None:
    assert handed(held, wishes) == expected


def test_a_share_is_cut_to_the_lot() -> None:
    lot = UNIVERSE.futures["BTC"].instrument.lot_size
    share = dec(handed("-0.5", {"keep": "-0.1", "close": "-0.9", "stays": "0"}))
    assert share % lot == 0
    assert dec("-0.05") <= share < dec("-0.05") + lot


def test_a_hedge_outside_the_universe_can_be_kept() -> None:
    recorded = make_recorded(
        positions=[own("-5", symbol=DOGE)], strategies={"old": wish("old", "-5", "DOGE")}
    )
    policy = make_policy(retire={"old": "keep"})
    (document,), positions = retired(policy, recorded, UNIVERSE)
    assert document.document == {"overlays": {}}
    assert positions == {(VENUE, DOGE): own("0", "-5", DOGE)}


def test_what_is_outside_the_universe_is_refused_by_name() -> None:
    order = make_order(state=OrderState.OPEN, symbol="ADA/USDT:USDT")
    recorded = make_recorded(order, positions=[own("-5", symbol=DOGE), own("-0.5")])
    with pytest.raises(SafetyRefusal) as refusal:
        refuse_strays(make_policy(), recorded, UNIVERSE)
    said = str(refusal.value)
    assert f"-5 {DOGE} at {VENUE}" in said
    assert f"working orders in ADA/USDT:USDT at {VENUE}" in said
    assert BTC_PERP not in said
    assert "back into a sleeve" in said


def test_what_is_traded_or_foreign_is_not_refused() -> None:
    recorded = make_recorded(positions=[own("-0.5"), own("0", "-5", DOGE)])
    refuse_strays(make_policy(), recorded, UNIVERSE)


def test_a_stray_that_the_venue_shows_no_more_was_closed_by_hand() -> None:
    recorded = make_recorded(positions=[own("-5", "2", DOGE), own("-0.5")])
    settled = closed_by_hand(recorded, UNIVERSE, {(VENUE, DOGE): dec(2), (VENUE, BTC_PERP): ZERO})
    assert settled == {(VENUE, DOGE): own("0", "2", DOGE)}, "what is traded is not touched"


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        pytest.param({}, OrderState.FILLED, id="the venue was not read"),
        pytest.param({(VENUE, DOGE): dec(-3)}, OrderState.FILLED, id="part of it is still there"),
        pytest.param({(VENUE, DOGE): ZERO}, OrderState.UNKNOWN, id="an order may still fill"),
    ],
)
def test_else_nothing_is_concluded(
    shown: dict[tuple[str, str], Decimal], state: OrderState
) -> None:
    recorded = make_recorded(
        make_order(state=state, symbol=DOGE), positions=[own("-5", symbol=DOGE)]
    )
    assert closed_by_hand(recorded, UNIVERSE, shown) == {}


def line(strategy: str, qty: str) -> BookLine:
    return BookLine(
        strategy=strategy, venue=VENUE, symbol=BTC_PERP, wanted=ZERO, qty=dec(qty), cost=dec(qty)
    )


@pytest.mark.parametrize("choice", ["keep", "close", None])
def test_a_hedge_that_is_wanted_no_more_is_on_until_it_is_closed(choice: str | None) -> None:
    """A conversion at its end, or a release, in the middle of which the strategy is removed."""
    held = line("gone", "-0.4")
    recorded = make_recorded(
        positions=[own("-0.4")], strategies={"gone": wish("gone", "0")}, book={held.key: held}
    )
    policy = make_policy(STAYS, retire={"gone": choice} if choice else {})
    if choice is None:
        with pytest.raises(SafetyRefusal, match=r"gone was removed while it holds -0\.4 BTC"):
            retired(policy, recorded, UNIVERSE)
        return
    _, positions = retired(policy, recorded, UNIVERSE)
    kept = [p.baseline_qty for p in positions.values()]
    assert kept == ([dec("-0.4")] if choice == "keep" else [])
    coins = replace(held, symbol="BTC/USDT")
    recorded = make_recorded(
        strategies={"gone": wish("gone", "0")}, book={(*coins.key[:2], "BTC/USDT"): coins}
    )
    assert retired(policy, recorded, UNIVERSE) == ((), {}), "coins are the owner's own"


def test_a_conversion_that_was_under_way_is_not_taken_up_again_when_its_id_comes_back() -> None:
    document = {
        "overlays": {},
        "phase": "converting",
        "conversion": {"started_at": NOW.isoformat()},
    }
    record = StrategyRecord(id="gone", kind="derisk", document=document)
    written, _ = retired(make_policy(STAYS), make_recorded(strategies={"gone": record}), UNIVERSE)
    assert [(r.id, r.document) for r in written] == [("gone", {"overlays": {}})]
