from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from string import Formatter

import pytest

from counterpoise.domain.alert_fields import KEYS, fields_of, values_of
from counterpoise.domain.categories import CATEGORIES
from counterpoise.domain.events import Alert, Severity, alert
from counterpoise.notify import titles
from counterpoise.notify.clearing import _CLEARED
from counterpoise.notify.composing import Wording, message_of
from counterpoise.notify.titles import LONGEST, title_of

NOW = datetime(2025, 4, 7, 12, tzinfo=UTC)
PERP = "BTC/USDT:USDT"
SEVERAL = Wording(names_portfolio=True)


def raised(key: str, /, **data: str) -> Alert:
    kind = key.partition(":")[0]
    return alert("treasury", kind, Severity.WARNING, f"about {key}", NOW, key=key, data=data)


def event(kind: str, /, **data: str) -> Alert:
    return alert("treasury", kind, Severity.INFO, f"about {kind}", NOW, data=data)


@pytest.mark.parametrize(
    ("one", "told", "over"),
    [
        (raised("venue:main"), "Venue main does not answer", "Silence of venue main is over"),
        (raised(f"refused:{PERP}:quarantined"), f"Orders refused: {PERP}", f"Refusal of orders on {PERP} is over"),
        (raised("margin:main/USDT:near", distance="0.1825"), "Margin: 18.25 % from liquidation, USDT at main",
         "Low margin of USDT at main is over"),
        (raised(f"margin:main/USDT/{PERP}:reduce", distance="0.04"), "Reducing: 4 % from liquidation, USDT at main",
         "Reducing, USDT at main, is over"),
        (raised("margin:main/USDT:near"), "Margin: USDT at main", "Low margin of USDT at main is over"),
        (raised(f"frozen:main:{PERP}"), f"Frozen: {PERP} at main", f"Freeze of {PERP} is over"),
        (raised(f"order:main:{PERP}"), f"Outcome unknown: {PERP} at main", f"Doubt about orders on {PERP} is over"),
        (raised("wrong_reply:cp123", venue="main", symbol=PERP, side="sell", qty="0.25"),
         f"Wrong reply: sell 0.25 {PERP}", f"Doubt about sell 0.25 {PERP} is over"),
        (raised("wrong_reply:cp123"), "Wrong reply: order cp123", "Doubt about order cp123 is over"),
        (raised("drawdown:reduce_only"), "Drawdown: reduce only", "Drawdown (reduce only) is over"),
        (raised(f"carry:btc-hedge/main/{PERP}"), f"Carry budget spent: btc-hedge, {PERP}",
         "Carry beyond budget of btc-hedge is over"),
        (raised("look:late"), "A look is late", "Delay of a look is over"),
        (raised("key:rejected"), "API key needs a look", "Refusal of the API key is over"),
    ],
)  # fmt: skip
def test_a_condition_tells_what_and_of_what_and_when_it_is_over(
    one: Alert, told: str, over: str
) -> None:
    assert message_of([one]).title == told
    assert message_of([replace(one, cleared=True)]).title == over


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (event("hedge_opened", asset="BTC", before_qty="0", after_qty="-0.5"), "BTC hedge opened"),
        (event("hedge_closed", asset="ETH", before_qty="2", after_qty="0"), "ETH long closed"),
        (event("coins_traded", asset="BTC", side="sell", qty="0.1"), "Coins sold: 0.1 BTC"),
        (event("flow", asset="USDT", venue="main", qty="-500"), "Withdrawal: 500 USDT at main"),
        (event("operator", kind="pause", who="mia", state="done"), "Done: pause, by mia"),
        (event("operator", kind="flatten", who="mia", state="refused"), "Refused: flatten, by mia"),
        (event("state_lowered", state="REDUCE_ONLY", by="margin"), "Trading state: REDUCE_ONLY"),
        (event("approval", approval="a1", state="asks", strategy="out", asset="BTC"), "Answer needed: out on BTC"),
        (event("ladder", asset="ETH", before_qty="0", after_qty="0", goal_qty="2", step="crosses"),
         "ETH long: the book offers too little"),
        (event("tranche", strategy="eth-dip", asset="ETH", tranche="dip", qty="8"), "ETH dip: eth-dip buys 8 ETH"),
        (event("tranche", strategy="eth-dip", asset="ETH", tranche="dip"), "eth-dip: dip in ETH, buying"),
        (event("tranche", strategy="eth-trend", asset="ETH", tranche="confirmation", qty="8"),
         "eth-trend: confirmed (ETH)"),
        (event("strategy_turned", strategy="eth-dip", strategy_kind="dip_buy", asset="ETH", phase="ended", qty="8"),
         "eth-dip: ended, selling 8 ETH"),
        (event("strategy_turned", strategy="eth-dip", strategy_kind="dip_buy", asset="ETH", phase="ended"),
         "eth-dip: ended (ETH)"),
        (event("strategy_turned", strategy="eth-trend", strategy_kind="scale_in", asset="ETH", phase="ended"),
         "eth-trend: wrong, closing (ETH)"),
        (event("strategy_turned", strategy="old", asset="ETH", phase="ended"), "old: ended (ETH)"),
        (event("target_hit", strategy="btc-out", asset="BTC", price="90000"), "btc-out: target 90,000 hit (BTC)"),
        (event("started"), "Started"),
    ],
)  # fmt: skip
def test_an_event_tells_what_and_of_what(one: Alert, told: str) -> None:
    assert message_of([one]).title == told


def test_a_kind_or_key_of_another_version_is_told_in_words() -> None:
    assert title_of(event("no_such_kind")) == "No such kind"
    assert title_of(raised("frozen:nonsense")) == "Frozen"
    assert title_of(event("hedge_opened", asset="BTC", after_qty="what")) == "Hedge opened"


def test_the_portfolio_is_named_where_there_are_several() -> None:
    one = raised("venue:main")
    assert message_of([one], wording=SEVERAL).title == "Venue main does not answer (treasury)"
    told = message_of([one, one, one], wording=SEVERAL).title
    assert told == "Venue main does not answer (treasury) (x3 in 1 s)"


def test_a_title_fits_a_lock_screen_and_keeps_its_end() -> None:
    long = f"1000SHIBINUPERPETUAL/USDT:USDT-{'2' * 40}"
    for one in (raised(f"refused:{long}:x"), raised(f"frozen:main:{long}")):
        for wording in (Wording(), SEVERAL):
            for told in ([one], [one] * 37, [replace(one, cleared=True)]):
                title = message_of(told, wording=wording).title
                assert len(title) <= LONGEST + 10
                assert title.endswith(("...", "(treasury)", "in 1 s)", "is over"))


def test_of_several_things_the_title_tells_what_holds_for_all() -> None:
    btc, eth = (event("hedge_adjusted", asset=a, after_qty="-1") for a in ("BTC", "ETH"))
    assert message_of([btc, btc]).title == "BTC hedge adjusted (x2 in 1 s)"
    assert message_of([btc, eth]).title == "Hedge adjusted (x2 in 1 s)"
    refused = [raised(f"refused:{a}/USDT:USDT:x") for a in ("BTC", "ETH")]
    assert message_of(refused).title == "Orders refused (x2 in 1 s)"


def test_every_title_can_be_filled_in_from_what_its_kind_tells() -> None:
    shown = {"amount", "came", "hedge", "done"}
    for table in (titles._TITLES, titles._OVER):
        for name, written in table.items():
            kind = name.partition(":")[0]
            assert kind in CATEGORIES
            for one in written:
                names = {field for _, field, _, _ in Formatter().parse(one) if field}
                assert names - shown <= {*fields_of(kind)}, name


def test_every_condition_has_a_title_and_one_for_its_end() -> None:
    assert {name.partition(":")[0] for name in titles._OVER} >= set(_CLEARED) - {"left_working"}
    assert {name.partition(":")[0] for name in titles._TITLES} >= set(_CLEARED) | set(KEYS)


def test_what_is_neither_a_key_nor_data_is_no_value() -> None:
    one = raised(f"waits:out:convert_spread:{'BTC'}")
    assert values_of(one) == {"strategy": "out", "code": "convert_spread", "asset": "BTC"}
    assert values_of(raised("settings:main:position_mode"))["symbol"] == "position_mode"
    assert values_of(event("started")) == {}
