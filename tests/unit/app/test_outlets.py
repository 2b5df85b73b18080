from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal

from structlog.testing import capture_logs

from counterpoise.app.clock import WallClock
from counterpoise.app.cycle_report import document_of
from counterpoise.app.outlets import Outlets, state_document
from counterpoise.domain.access import BrokerAccess
from counterpoise.domain.portfolio import Unvalued
from counterpoise.domain.records import PositionRecord
from counterpoise.notify.mqtt import MqttSink
from tests.build import BTC_PERP, NOW, PORTFOLIO, SOL_PERP, VENUE, make_policy, with_venue
from tests.unit.app.reports import healthy_snapshot, make_report

POLICY = make_policy()
HEDGES = (
    ("half", "BTC", Decimal("-0.50")),
    ("keep-shape", "BTC", Decimal("0.1")),
    ("gone", "SOL", Decimal(0)),
)


def test_the_state_says_what_the_journal_says() -> None:
    report = make_report(remembered=HEDGES)
    made = state_document(report, POLICY)
    row = document_of(report, POLICY)
    assert made["as_of"] == row["as_of"]
    assert made["state"] == "RUN"
    assert (made["equity"], made["quote"]) == ("150000", "USDT")
    assert made["weights"] == {asset: w["effective"] for asset, w in row["weights"].items()}
    assert sum(map(Decimal, made["weights"].values())) == 1
    assert made["hedges"] == row["hedges"]
    assert made["hedged"] == {"BTC": "-0.4"}
    assert made["margin"] == {"distance": None, "ratio": None}
    json.dumps(made)


def test_what_is_not_known_is_null_and_never_zero() -> None:
    unvalued = Unvalued(portfolio=PORTFOLIO, as_of=NOW, missing=("the price of BTC",))
    made = state_document(make_report(view=unvalued), POLICY)
    assert made["equity"] is None
    assert made["weights"] == {}


BOOKED = (
    PositionRecord(venue=VENUE, symbol=BTC_PERP, baseline_qty=Decimal("0.2"), own_qty=Decimal("-0.5")),
    PositionRecord(venue=VENUE, symbol=SOL_PERP, own_qty=Decimal(-60)),
    PositionRecord(venue=VENUE, symbol="BTC/USDT", own_qty=Decimal("0.1")),
)  # fmt: skip


def positions(shown: dict[str, str], **changes: object) -> object:
    seen = with_venue(healthy_snapshot(positions=shown), **changes)
    unvalued = Unvalued(portfolio=PORTFOLIO, as_of=NOW, missing=())
    report = make_report(seen, positions=BOOKED, view=unvalued)
    return state_document(report, POLICY)["positions"]


def test_what_is_held_is_our_own_part_and_no_wish() -> None:
    assert positions({BTC_PERP: "-0.3", SOL_PERP: "-60"}) == {"BTC": "-0.5", "SOL": "-60"}
    nothing = state_document(make_report(remembered=HEDGES), POLICY)
    assert (nothing["hedged"], nothing["positions"]) == ({"BTC": "-0.4"}, {"BTC": "0", "SOL": "0"})


def test_a_hedge_that_was_liquidated_is_not_held_whatever_is_booked_yet() -> None:
    assert positions({BTC_PERP: "-0.3"}) == {"BTC": "-0.5", "SOL": "0"}


def test_a_position_that_is_not_read_or_not_explained_is_null() -> None:
    assert positions({BTC_PERP: "-0.4", SOL_PERP: "-60"}) == {"BTC": None, "SOL": "-60"}
    assert positions({}, account=None) == {"BTC": None, "SOL": None}


async def test_a_look_does_not_suffer_from_who_is_told_of_it() -> None:
    access = BrokerAccess(host="127.0.0.1", port=1)
    nobodys = MqttSink(access, WallClock(), patience={"another": timedelta(1)}, announced={})
    outlets = Outlets({PORTFOLIO: POLICY}, nobodys)
    with capture_logs() as logged:
        outlets.looked(make_report())
    assert [x["event"] for x in logged] == ["outlet_broke"]
