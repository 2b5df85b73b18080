from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from counterpoise.app.cycle_report import CycleReport, document_of
from counterpoise.app.judge import judge
from counterpoise.domain.guarding import Lowering
from counterpoise.domain.instants import iso
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import OrderState, OrderType
from counterpoise.domain.plan import Cancel, Hold, Plan, Refused
from counterpoise.domain.policy import LimitsPolicy, PortfolioPolicy
from counterpoise.domain.portfolio import Broke, Unvalued
from counterpoise.domain.reasons import reason
from counterpoise.domain.records import PositionRecord, StrategyRecord, TradingState
from counterpoise.domain.snapshot import Snapshot
from counterpoise.domain.strategy import DriftPolicy, HedgePolicy, StrategyPolicy
from tests.build import (
    BTC_PERP,
    NOW,
    PORTFOLIO,
    SOL_PERP,
    VENUE,
    make_fill,
    make_order,
    make_policy,
    make_recorded,
    make_sleeve,
    make_snapshot,
    make_universe,
    with_quote,
    with_venue,
)
from tests.unit.app.reports import healthy_snapshot, make_report

HALF = HedgePolicy(id="half", asset="BTC", ratio=dec("0.5"))
SHAPE = DriftPolicy(id="shape")


def cycle_of(snapshot: Snapshot, policy: PortfolioPolicy, **records: Any) -> CycleReport:
    """What a cycle on ``snapshot`` would report, by the real stages."""
    recorded = make_recorded(**records)
    judged = judge(snapshot, recorded, policy, make_universe(policy, snapshot), {})
    return make_report(
        snapshot,
        policy,
        view=judged.view,
        decisions=judged.decisions,
        plan=judged.plan,
        approved=judged.approved,
        refused=judged.refused,
        held=judged.held,
        within_band=judged.within_band,
        wake_at=judged.plan.wake_at,
    )


def document(
    *strategies: StrategyPolicy, snapshot: Snapshot | None = None, **changes: Any
) -> dict[str, Any]:
    policy = make_policy(*strategies, **changes)
    made = document_of(cycle_of(snapshot or healthy_snapshot(), policy), policy)
    return json.loads(json.dumps(made))  # type: ignore[no-any-return]  # as the journal keeps it


def is_decimal_text(value: object) -> bool:
    return isinstance(value, str) and str(Decimal(value)) == value and "E" not in value


# --- the contract's keys


def test_the_document_has_every_key_of_the_contract_with_its_type() -> None:
    made = document(HALF, limits=LimitsPolicy(max_open_orders=1))
    assert made["as_of"] == "2025-06-02T12:00:00.000Z"
    assert made["equity"] == "150000"
    assert made["state"] == "RUN"
    for asset in ("BTC", "SOL", "USDT"):
        weight = made["weights"][asset]
        assert set(weight) == {"spot", "effective", "target", "band"}
        assert all(is_decimal_text(v) for v in weight.values())
    assert made["decisions"] == [
        {
            "strategy": "half",
            "reason": "hedge_ratio",
            "text": "hedge 50 % of 1 BTC: hold -0.5 in futures",
            "numbers": {"ratio": "0.5", "held": "1", "asset": "BTC", "overlay": "-0.5"},
            "kind": "hedge",
            "overlay": {"asset": "BTC", "qty": "-0.5"},
            "given": "-0.5",
            "cut_by": [],
            "coins": None,
            "previous": "0",
            "changed": True,
            "waits_for": [
                {
                    "reason": "release_waits_command",
                    "text": "closes when an operator says so: counterpoise strategy release half",
                }
            ],
        }
    ]
    order = made["orders"][0]
    for key in ("venue", "instrument", "side", "type", "qty", "price", "notional"):
        assert isinstance(order[key], str)
    assert (order["venue"], order["instrument"]) == (VENUE, BTC_PERP)
    assert (order["side"], order["type"]) == ("sell", "limit")
    assert (order["post_only"], order["reduce_only"]) == (True, False)
    assert Decimal(order["notional"]) == Decimal(order["qty"]) * Decimal(order["price"])
    assert len(made["orders"]) == 1
    refusal = made["refused"][0]
    assert (refusal["guard"], refusal["reason"]) == ("limits", "max_open_orders")
    assert refusal["order"]["instrument"] == BTC_PERP
    assert set(made["margin"][VENUE]) >= {"distance", "ratio"}


def test_margin_distance_and_ratio_are_null_until_a_margin_model_knows_them() -> None:
    margin = document(HALF)["margin"][VENUE]
    assert (margin["distance"], margin["ratio"]) == (None, None)
    assert margin["wallets"]["USDT"] == {
        "wallet_balance": "20000", "unrealized_pnl": "0", "available": "20000",
    }  # fmt: skip


def test_weights_are_fractions_of_equity_beside_their_targets_and_bands() -> None:
    weights = document(HALF, SHAPE)["weights"]
    assert weights["BTC"] == {
        "spot": "0.66666667",
        "effective": "0.66666667",
        "target": "0.26666667",  # 60 % by shape, less half of the spot
        "band": "0.05",
    }
    assert weights["USDT"]["band"] == "0.05"


@pytest.mark.parametrize("column", ["spot", "effective", "target"])
@pytest.mark.parametrize("prices", [(100_000, 100), (99_991, 97), (1, 1), (70_001, 233)])
def test_weights_add_up_to_one_as_printed(column: str, prices: tuple[int, int]) -> None:
    sleeves = (
        make_sleeve("core", dec(1) / 3, {"BTC": 1}),
        make_sleeve("satellite", dec(1) / 3, {"SOL": 1}),
        make_sleeve("buffer", dec(1) / 3, {"USDT": 1}),
    )
    snapshot = healthy_snapshot(
        prices=dict(zip(("BTC", "SOL"), prices, strict=True)), positions={"BTC": "-0.123"}
    )
    weights = document(SHAPE, HALF, snapshot=snapshot, sleeves=sleeves)["weights"]
    assert sum(Decimal(w[column]) for w in weights.values()) == 1


def test_an_asset_in_no_sleeve_has_no_target_and_no_band() -> None:
    policy = make_policy(HALF, sleeves=(make_sleeve("core", 1, {"BTC": 1}),))
    report = cycle_of(healthy_snapshot(), policy)
    weights = json.loads(json.dumps(document_of(report, policy)))["weights"]
    assert weights["USDT"]["band"] is None
    assert weights["BTC"]["band"] == "0.05"


# --- what cannot be told is null or empty, never zero


def test_what_cannot_be_valued_has_neither_equity_nor_weights() -> None:
    snapshot = with_venue(healthy_snapshot(), account=None, problems=("account: time-out",))
    made = document(HALF, snapshot=snapshot)
    assert made["equity"] is None
    assert made["weights"] == {}
    assert made["decisions"] == made["orders"] == made["hedges"] == made["positions"] == []
    margin = made["margin"][VENUE]
    assert (margin["distance"], margin["ratio"], margin["wallets"]) == (None, None, {})
    assert margin["pools"] == margin["stress"] == []
    assert made["problems"] == ["main: account: time-out"]
    assert made["within_band"] is None
    assert made["held"][0] == {
        "reason": "not_valued",
        "text": "cannot value the portfolio: account of main",
    }
    assert made["summary"].startswith("hold: cannot value the portfolio: account of main")


def test_a_broke_portfolio_has_an_equity_and_no_weights() -> None:
    snapshot = healthy_snapshot(spot={}, futures={"USDT": 100}, pnl={"USDT": -300})
    made = document(HALF, snapshot=snapshot)
    assert made["equity"] == "-200"
    assert made["weights"] == {}
    assert made["held"] == [
        {
            "reason": "equity_too_low",
            "text": "equity -200.00 is not above 0.00: no weights, no orders",
        }
    ]


def test_a_missing_price_is_left_out_of_the_prices() -> None:
    snapshot = with_quote(healthy_snapshot(), BTC_PERP, mark=None, bid=None)
    prices = document(HALF, snapshot=snapshot)["prices"]
    assert prices == {"BTC/USDT": "100000", "SOL/USDT": "100", SOL_PERP: "100"}


def test_weights_of_a_cycle_that_decided_nothing_have_no_target() -> None:
    weights = document_of(make_report(), make_policy())["weights"]
    assert isinstance(weights, dict)
    assert [w["target"] for w in weights.values()] == [None, None, None]


# --- what was done


def test_results_fills_keeps_cancels_and_holds_are_told() -> None:
    order = make_order(state=OrderState.CANCELED, reason="superseded")
    market = make_order(price=1, type=OrderType.MARKET)
    report = make_report(
        results=(order,),
        fills=(make_fill(qty="0.10", fee=dec("0.5")),),
        plan=Plan(
            cancel=(Cancel(order=order, why="patience"),),
            keep=(replace(market, price=None),),
            holds=(Hold(symbol=BTC_PERP, reason=reason("unproven_order", symbol=BTC_PERP)),),
        ),
        refused=(
            Refused(order=order, guard="limits", reason=reason("trading_state", state="HALT")),
        ),
        wake_at=NOW + timedelta(seconds=1),
    )
    made: Any = document_of(report, make_policy())
    assert (made["results"][0]["state"], made["results"][0]["reason"]) == ("CANCELED", "superseded")
    assert made["fills"] == [
        {
            "venue": VENUE,
            "instrument": BTC_PERP,
            "trade_id": "1",
            "side": "sell",
            "qty": "0.1",
            "price": "100000",
            "fee": "0.5",
            "fee_asset": "USDT",
            "maker": True,
            "at": "2025-06-02T12:00:00.000Z",
        }
    ]
    assert made["cancels"][0]["why"] == "patience"
    assert (made["keeps"][0]["price"], made["keeps"][0]["notional"]) == (None, None)
    assert made["holds"][0]["reason"] == "unproven_order"
    assert made["wake_at"] == "2025-06-02T12:00:01.000Z"
    assert made["summary"] == (
        "1 fill, 1 cancel sent (patience), paused: would send 1 order,"
        f" an order on {BTC_PERP} has no proven outcome yet: nothing new is sent there"
    )


@pytest.mark.parametrize(
    ("results", "told"),
    [
        ([(OrderState.OPEN, None)], "1 order sent"),
        (
            [
                (OrderState.UNKNOWN, "HTTP 502"),
                (OrderState.REJECTED, "not sent: an earlier rung is unproven"),
            ],
            "1 order sent, 1 of them unproven, 1 order held back, not sent (an earlier rung is unproven)",
        ),
        (
            [(OrderState.OPEN, None), (OrderState.REJECTED, "-2019: Margin is insufficient.")],
            "2 orders sent, 1 of them refused by the venue (-2019: Margin is insufficient.)",
        ),
        (
            [(OrderState.REJECTED, "not sent: stopping")] * 2,
            "2 orders held back, not sent (stopping)",
        ),
    ],
)
def test_what_was_sent_refused_unproven_and_held_back_is_told_apart(
    results: list[tuple[OrderState, str | None]], told: str
) -> None:
    rows = tuple(make_order(state=state, reason=why) for state, why in results)
    assert make_report(results=rows).summary == told


def test_a_cycle_without_news_says_so() -> None:
    assert make_report().summary == "nothing to do"


def test_hedges_are_the_overlays_that_are_on() -> None:
    assert document(HALF, SHAPE)["hedges"] == [
        {"strategy": "half", "asset": "BTC", "overlay": "-0.5"},
        {"strategy": "shape", "asset": "BTC", "overlay": "-0.1"},
    ]


def test_positions_are_shown_beside_what_explains_them() -> None:
    snapshot = healthy_snapshot(positions={"BTC": "-0.4", "DOGE": 7, "SOL": 0})
    records = (
        PositionRecord(venue=VENUE, symbol=BTC_PERP, baseline_qty=dec("-0.1"), own_qty=dec("-0.3")),
        PositionRecord(venue=VENUE, symbol=SOL_PERP, own_qty=dec(5)),
        PositionRecord(venue=VENUE, symbol="XRP/USDT:USDT", own_qty=dec(5)),
        PositionRecord(venue="another", symbol="LTC/USDT:USDT", own_qty=dec(5)),
        PositionRecord(venue=VENUE, symbol="ADA/USDT:USDT"),
    )
    made: Any = document_of(make_report(snapshot, positions=records), make_policy())
    shown = [(p["symbol"], p["qty"], p["own"], p["baseline"]) for p in made["positions"]]
    assert shown == [
        (BTC_PERP, "-0.4", "-0.3", "-0.1"),
        ("DOGE/USDT:USDT", "7", "0", "0"),
        (SOL_PERP, "0", "5", "0"),
        ("XRP/USDT:USDT", "0", "5", "0"),
    ]


def test_notes_tell_what_the_clamp_cut() -> None:
    report = cycle_of(
        make_snapshot(spot={"BTC": 1}, futures={"USDT": 1_000_000}),
        make_policy(HedgePolicy(id="all", asset="BTC", qty=dec(3))),
    )
    made: Any = document_of(report, make_policy())
    assert made["notes"] == ["BTC may not go net short: overlay of all cut from -3 to -1"]


def test_instants_are_utc_to_the_millisecond() -> None:
    late = NOW + timedelta(microseconds=999_999)
    assert iso(late) == "2025-06-02T12:00:00.999Z"
    assert iso(late.astimezone()) == "2025-06-02T12:00:00.999Z"


# --- the judgement behind it


def test_a_held_judgement_remembers_nothing_for_the_strategies() -> None:
    policy = make_policy(HALF)
    snapshot = with_venue(healthy_snapshot(), account=None)
    judged = judge(snapshot, make_recorded(), policy, make_universe(policy, snapshot), {})
    assert isinstance(judged.view, Unvalued)
    assert judged.strategy_records(policy) == ()
    assert (judged.approved, judged.refused, judged.within_band) == ((), (), None)


def test_a_judgement_without_equity_holds_and_says_why() -> None:
    policy = make_policy(HALF, limits=LimitsPolicy(min_equity=dec(200_000)))
    snapshot = healthy_snapshot()
    judged = judge(snapshot, make_recorded(), policy, make_universe(policy, snapshot), {})
    assert isinstance(judged.view, Broke)
    assert [r.code for r in judged.held] == ["equity_too_low"]
    assert judged.held[0].numbers == {"equity": "150000", "floor": "200000"}
    assert judged.lowered == Lowering(
        state=TradingState.CANCEL_ONLY, why=judged.held[0], by="equity"
    )


def test_equity_on_stale_prices_lowers_nothing() -> None:
    policy = make_policy(HALF, limits=LimitsPolicy(min_equity=dec(200_000)))
    snapshot = healthy_snapshot()
    old = replace(snapshot, as_of=snapshot.as_of + timedelta(minutes=10))
    judged = judge(old, make_recorded(), policy, make_universe(policy, old), {})
    assert "stale" in [r.code for r in judged.held]
    assert judged.lowered is None


def test_what_cannot_be_valued_holds_even_when_nothing_is_stale() -> None:
    # SOL is in the portfolio and no venue lists it: freshness asks for no price of it
    policy = make_policy(HALF)
    snapshot = healthy_snapshot(prices={"BTC": 100_000})
    judged = judge(snapshot, make_recorded(), policy, make_universe(policy, snapshot), {})
    assert [r.text for r in judged.held] == ["cannot value the portfolio: any listing of SOL"]


def test_strategies_go_on_from_their_records() -> None:
    policy = make_policy(HALF)
    document = {
        "overlays": {"BTC": "-0.5"},
        "phase": "on",
        "opened_at": "2025-06-01T00:00:00+00:00",
    }
    record = StrategyRecord(id="half", kind="hedge", document=document)
    snapshot = healthy_snapshot(positions={"BTC": "-0.5"})
    own = PositionRecord(venue=VENUE, symbol=BTC_PERP, own_qty=dec("-0.5"))
    recorded = make_recorded(strategies={"half": record}, positions=(own,))
    judged = judge(snapshot, recorded, policy, make_universe(policy, snapshot), {})
    assert judged.decisions is not None
    assert not judged.decisions.decisions[0].changed
    assert judged.strategy_records(policy) == (record,)
    assert judged.plan.place == ()


def test_the_portfolio_of_a_report_is_the_one_that_was_looked_at() -> None:
    assert make_report().portfolio == PORTFOLIO
