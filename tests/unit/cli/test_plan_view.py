from __future__ import annotations

from typing import Any

import pytest

from counterpoise.cli.commands.plan import unvalued
from counterpoise.cli.plan_view import print_plan

ORDER: dict[str, Any] = {
    "venue": "main",
    "instrument": "BTC/USDT:USDT",
    "side": "sell",
    "qty": "0.05",
    "price": "100100",
    "type": "limit",
    "reduce_only": False,
    "post_only": True,
    "notional": "5005",
}


def document(**changes: Any) -> dict[str, Any]:
    return {
        "portfolio": "treasury",
        "as_of": "2025-06-02T12:00:00.000Z",
        "state": "RUN",
        "equity": "100000",
        "weights": {
            "BTC": {"spot": "0.7", "effective": "0.7", "target": "0.6", "band": "0.05"},
            "USDT": {"spot": "0.3", "effective": "0.3", "target": "0.4", "band": None},
        },
        "decisions": [],
        "orders": [],
        "cancels": [],
        "keeps": [],
        "refused": [],
        "holds": [],
        "held": [],
        "notes": [],
        "problems": [],
        "config_hash": "abc",
        "config_changed": False,
        **changes,
    }


def row(told: str, first: str) -> list[str]:
    (found,) = [line.split() for line in told.splitlines() if line.split()[:1] == [first]]
    return found


def shown(capsys: pytest.CaptureFixture[str], **changes: Any) -> str:
    print_plan(document(**changes))
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("ladder", "words"),
    [
        ({"kind": "resting", "rungs": 5, "patience_s": 120.0, "every_s": None}, None),
        (
            {"kind": "timed", "rungs": 5, "patience_s": 120.0, "every_s": 24.0},
            "Timed ladder: these are the parts of now; 5 in all, one each 24 s.",
        ),
        (
            {"kind": "chase", "rungs": 5, "patience_s": 120.0, "every_s": 5.0},
            "Chasing ladder: the order follows the best price, anew each 5 s at most; what is missing after 120 s",
        ),
    ],
)
def test_what_follows_the_orders_is_said(
    capsys: pytest.CaptureFixture[str], ladder: dict[str, Any], words: str | None
) -> None:
    told = " ".join(shown(capsys, orders=[ORDER], ladder=ladder).split())
    assert (words in told) if words is not None else ("ladder" not in told)
    assert "ladder" not in shown(capsys, orders=[], ladder=ladder)


def test_a_plan_shows_where_it_stands_and_what_it_would_send(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = shown(
        capsys,
        decisions=[
            {
                "strategy": "half",
                "text": "hedge 0.5 of 0.7 BTC",
                "overlay": {"asset": "BTC", "qty": "-0.35"},
                "previous": "0",
            }
        ],
        orders=[
            ORDER,
            {**ORDER, "price": None, "notional": None, "type": "market", "post_only": False},
        ],
    )
    head = "Portfolio treasury at 2025-06-02T12:00:00.000Z: equity 100,000.00 USDT, state RUN"
    assert told.startswith(head)
    assert " ".join(row(told, "BTC")) == "BTC 70.0 % 70.0 % 60.0 % ±5.0 pp"
    assert row(told, "half") == ["half", "BTC", "0", "-0.35", "hedge", "0.5", "of", "0.7", "BTC"]
    limit, market = (line for line in told.splitlines() if line.startswith("main"))
    assert "sell" in limit
    assert "100,100" in limit
    assert "5,005.00 USDT" in limit
    assert "limit, post-only" in limit
    assert market.split()[4:] == ["market", "-", "market"]


def test_a_plan_says_what_it_would_not_do_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(
        capsys,
        cancels=[{**ORDER, "why": "its target changed"}],
        keeps=[ORDER],
        refused=[{"order": ORDER, "guard": "limits", "text": "too big"}],
        holds=[{"symbol": "BTC/USDT:USDT", "text": "an order has no proven outcome"}],
        held=[{"text": "prices are 5m old"}],
        notes=["cut to zero"],
        problems=["main: no answer"],
    )
    line = "sell 0.05 BTC/USDT:USDT at 100,100 on main"
    assert told.splitlines()[-8:] == [
        "No order would be sent.",
        f"Would cancel: {line}: its target changed",
        "1 working order would stay as it is.",
        f"Refused by limits: {line}: too big",
        "Waiting on BTC/USDT:USDT: an order has no proven outcome",
        "No decision: prices are 5m old",
        "Note: cut to zero",
        "Problem: main: no answer",
    ]


def test_a_paused_plan_counts_what_it_would_send(capsys: pytest.CaptureFixture[str]) -> None:
    stopped = {
        "order": ORDER, "guard": "trading_state", "reason": "trading_state",
        "text": "trading state is CANCEL_ONLY",
    }  # fmt: skip
    told = shown(capsys, state="CANCEL_ONLY", refused=[stopped, stopped])
    assert "Trading is paused (CANCEL_ONLY): would send 2 orders." in told
    assert "Refused" not in told


def test_a_halted_plan_says_that_nothing_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    stopped = {
        "order": ORDER, "guard": "trading_state", "reason": "trading_state",
        "text": "trading state is HALT",
    }  # fmt: skip
    told = shown(capsys, state="HALT", refused=[stopped])
    assert "Trading is halted (HALT): nothing is sent; 1 order would be without it." in told


def test_what_a_guard_cuts_is_said_beside_the_strategy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    decision = {
        "strategy": "half", "reason": "hedge_ratio", "text": "hold -1",
        "overlay": {"asset": "BTC", "qty": "-1"}, "previous": "-1", "changed": False,
        "cut_by": ["BTC is cut to 0.1"],
    }  # fmt: skip
    assert "hold -1; but BTC is cut to 0.1" in shown(capsys, decisions=[decision])


def test_a_portfolio_that_cannot_be_valued_is_named() -> None:
    held = {"reason": "not_valued", "text": "cannot value the portfolio: any listing of SOL"}
    assert list(unvalued(document(held=[held]))) == [
        "portfolio treasury: cannot value the portfolio: any listing of SOL: nothing can be planned"
    ]
    assert list(unvalued(document(held=[{"reason": "stale", "text": "old"}]))) == []


def test_orders_that_stay_are_counted_apart_from_those_nobody_knows_of(
    capsys: pytest.CaptureFixture[str],
) -> None:
    states = ["OPEN", "PARTIALLY_FILLED", "UNKNOWN", "SUBMITTED"]
    keeps = [{**ORDER, "state": state} for state in states]
    assert shown(capsys, keeps=keeps).splitlines()[-2:] == [
        "2 working orders would stay as they are.",
        "2 orders without a proven outcome would be looked up; each counts in full.",
    ]
    lost = shown(capsys, keeps=keeps[2:3]).splitlines()
    assert lost[-1] == "1 order without a proven outcome would be looked up; it counts in full."


def test_a_table_in_a_pipe_has_no_trailing_blanks_and_minds_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    long = {"strategy": "half", "overlay": {"asset": "BTC", "qty": "-1"}, "previous": "0"}
    monkeypatch.setenv("COLUMNS", "60")
    told = shown(capsys, decisions=[{**long, "text": "why " * 20}], config_hash="a")
    assert all(line == line.rstrip() for line in told.splitlines())
    table = told[told.index("Decisions") : told.index("No order")].splitlines()
    assert 50 < max(map(len, table)) <= 60


def test_a_changed_config_says_how_to_accept_it(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys, config_changed=True)
    assert "counterpoise run -c counterpoise.yaml --accept-config abc" in told.splitlines()[-1]


def test_what_an_exchange_says_is_never_taken_for_markup(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = shown(capsys, orders=[{**ORDER, "instrument": "[red]BTC[/red]"}])
    assert "[red]BTC[/red]" in told


def test_a_portfolio_without_a_value_still_prints(capsys: pytest.CaptureFixture[str]) -> None:
    told = shown(capsys, weights={}, equity=None, held=[{"text": "equity is not above 0"}])
    assert "equity -, state RUN" in told
    assert "Weights" not in told


def test_a_plan_tells_what_would_change_a_mind_and_which_coins_move(
    capsys: pytest.CaptureFixture[str],
) -> None:
    wish = {
        "strategy": "out",
        "text": "no target yet",
        "overlay": {"asset": "BTC", "qty": "0"},
        "previous": "0",
        "waits_for": [{"reason": "x", "text": "BTC at or above 150000"}],
    }
    coins = [{"venue": "main", "symbol": "BTC/USDT", "traded": "-0.1", "target": "-0.5"}]
    told = shown(capsys, decisions=[wish, {**wish}], coins=coins)
    assert told.count("out, next: BTC at or above 150000") == 1
    assert "Coins in BTC/USDT: -0.1 traded so far, -0.5 wanted in all" in told
