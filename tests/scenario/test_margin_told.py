"""What people are told while the margin guard acts: causes, no all-clear too early, nothing twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from counterpoise.app.cycle_report import document_of
from counterpoise.domain.events import Alert, Severity
from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import Command, CommandKind
from counterpoise.domain.order import OrderState
from counterpoise.domain.policy import DrawdownPolicy, LimitsPolicy
from counterpoise.domain.records import Changes, TradingState
from counterpoise.domain.standing import standing_of
from counterpoise.venue.sim import Wallet
from tests.scenario.stage import Stage, make_stage
from tests.scenario.test_margin_guard import guarded, hedged


def told(stage: Stage) -> list[Alert]:
    return [a for r in stage.reports for a in r.alerts]


def over(stage: Stage) -> set[str | None]:
    return {a.key for a in told(stage) if a.cleared}


async def said(stage: Stage, kind: CommandKind) -> None:
    word = Command(
        id=f"c-{kind.value}",
        portfolio="p",
        kind=kind,
        who="ann",
        origin="test",
        asked_at=stage.clock.now(),
    )
    await stage.say(Changes(portfolio="p", commands=(word,)))


async def test_a_state_a_guard_lowered_says_since_when_and_why() -> None:
    stage = await hedged(futures=31_500, spot=0)
    stage.price(BTC=126_000)
    await stage.run(guarded(), hours=0.2)
    (first,) = [r for r in stage.reports if r.state is TradingState.CANCEL_ONLY][:1]
    found = standing_of(await stage.recorded())
    assert found is not None
    assert (found.state, found.since) == ("CANCEL_ONLY", first.as_of)
    assert found.why == "USDT collateral at sim came within 3.95 % of liquidation (flatten)"
    shown = document_of(stage.reports[-1], guarded())
    assert shown["state_why"] == found.why, "in every look after it too"
    assert shown["state_by"] == "margin guard"


async def test_a_step_that_comes_at_once_is_told_once() -> None:
    stage = await hedged(futures=31_500, spot=0)
    stage.price(BTC=118_500)  # 10.6 %: near, top_up, stop_adding and reduce in one look
    await stage.run(guarded(), hours=0.01)
    texts = [a.text for a in told(stage)]
    assert len(texts) == len(set(texts))
    assert [a.key for a in told(stage)] == ["margin:sim/USDT:reduce", "collateral:sim/USDT"]


async def test_nothing_is_allowed_again_while_the_state_forbids_it() -> None:
    stage = await hedged(futures=31_500, spot=0)
    stage.price(BTC=113_500)  # 15.9 %
    await stage.run(guarded(), hours=0.05)
    stage.price(BTC=126_000)
    await stage.run(guarded(), hours=0.3)
    assert stage.position() == 0
    lowered = next(a.text for a in told(stage) if a.kind == "state_lowered")
    assert lowered == (
        "The trading state is CANCEL_ONLY now, because USDT collateral at sim came within 3.95 % of liquidation"
        " (flatten): own futures are closed, and nothing else is sent. Only you can raise it again:"
        " counterpoise resume"
    )
    assert "margin:sim/USDT:stop_adding" not in over(stage)
    assert not [k for k in over(stage) if k is not None and k.startswith("refused:")]
    assert {a.text for a in told(stage) if a.cleared and a.kind == "margin"} == {
        "The USDT futures wallet at sim: own futures are closed"
    }
    stage.price(BTC=100_000)
    await said(stage, CommandKind.RESUME)
    await stage.run(guarded(), hours=0.05)
    assert "margin:sim/USDT:stop_adding" in over(stage), "once a person has raised it"


async def test_collateral_is_missing_until_the_distance_is_reached() -> None:
    stage = await hedged(futures=31_500, spot=0)
    stage.price(BTC=106_500)  # 25,000 left: 23.4 %
    await stage.run(guarded(), hours=0.05)
    stage.exchange.deposit(stage.api_key, Wallet.FUTURES, "USDT", dec(6_000))  # 29.1 %
    await stage.run(guarded(), hours=0.05)
    assert "collateral:sim/USDT" not in over(stage)
    stage.exchange.deposit(stage.api_key, Wallet.FUTURES, "USDT", dec(10_000))  # 38.5 %
    await stage.run(guarded(), hours=0.05)
    (alert,) = [a for a in told(stage) if a.cleared and a.kind == "collateral"]
    assert alert.text == "The USDT futures wallet at sim: no collateral is missing any more"


async def test_more_that_is_missing_by_a_quarter_is_told_again() -> None:
    stage = await hedged(futures=31_500, spot=0)
    for price in (106_000, 106_500, 110_500):  # 24.1 %, 23.5 %, 19.0 %
        stage.price(BTC=price)
        await stage.run(guarded(), hours=0.05)
    found = [a for a in told(stage) if a.kind == "collateral"]
    assert [(a.severity, a.cleared) for a in found] == [
        (Severity.WARNING, False),
        (Severity.CRITICAL, False),
    ], "louder from where nothing is added any more"
    amounts = [a.text.split(" needs ")[1].split(" more")[0] for a in found]
    assert amounts == ["8,979.69 USDT", "14,943.45 USDT"]


async def test_halted_it_says_what_would_be_done_and_that_nothing_is() -> None:
    stage = await hedged(futures=31_500, spot=0)
    await said(stage, CommandKind.HALT)
    stage.price(BTC=126_000)
    await stage.run(guarded(), hours=0.05)
    (alert,) = [a for a in told(stage) if a.key == "margin:sim/USDT:flatten"]
    assert alert.text.endswith(
        ": own futures would be closed, but HALT keeps everything from being sent"
    )


async def test_collateral_that_is_not_there_is_not_said_to_be_moved() -> None:
    stage = await hedged(futures=31_500, spot=0)
    stage.price(BTC=106_500)
    await stage.run(guarded(), hours=0.05)
    (alert,) = [a for a in told(stage) if a.key == "margin:sim/USDT:near"]
    assert alert.text.endswith(": no more collateral can be reached")


async def test_lost_equity_is_told_once_with_the_state_it_lowered() -> None:
    stage = await hedged(futures=31_500, spot=0)
    poor = replace(guarded(), limits=LimitsPolicy(min_equity=dec(200_000)))
    await stage.run(poor, hours=0.1)
    (alert,) = [a for a in told(stage) if "equity" in a.text]
    assert (alert.kind, alert.key) == ("state_lowered", "hold:equity_too_low")


async def test_a_milder_tier_is_not_over_while_a_deeper_one_holds() -> None:
    tiers = DrawdownPolicy(slow=dec("0.1"), reduce_only=dec("0.2"))
    policy = replace(guarded(), strategies=(), limits=LimitsPolicy(drawdown=tiers))
    stage = make_stage({"BTC": 100_000}, {"BTC": 1}, every=timedelta(minutes=1))
    await stage.run(policy, hours=0.1)
    for price in (88_000, 78_000):
        stage.price(BTC=price)
        await stage.run(policy, hours=0.1)
    texts = [a.text for a in told(stage)]
    assert len(texts) == 2
    assert texts[0].startswith("Drawdown: equity is ")
    assert texts[1].startswith("The trading state is REDUCE_ONLY now, because equity fell to ")
    await said(stage, CommandKind.RESUME)
    await stage.run(policy, hours=0.1)
    assert over(stage) == {"drawdown:slow", "drawdown:reduce_only"}


async def test_where_the_guard_cuts_a_hedge_it_says_so_beside_the_strategy() -> None:
    stage = await hedged(futures=31_500, spot=0)
    stage.price(BTC=118_500)
    await stage.run(guarded(), hours=0.1)
    (row,) = document_of(stage.reports[0], guarded())["decisions"]  # type: ignore[misc]  # a list of objects
    (cut,) = row["cut_by"]
    assert cut.startswith("BTC/USDT:USDT is cut to 0.")
    assert cut.endswith(": USDT collateral at sim is 10.53 % from liquidation")
    orders = await stage.store.orders("p", live_only=False, limit=100)
    closing = [o for o in orders if o.guard is not None]
    assert closing
    # what was taken down to cross says that instead
    assert {(o.reason or "").split(" 0.")[0] for o in closing} <= {
        "BTC/USDT:USDT is cut to",
        "patience",
    }
    assert all(o.reason != "patience" for o in closing if o.state is OrderState.FILLED)


async def test_coins_the_guard_sells_are_told_loudly_and_with_the_cause() -> None:
    stage = await hedged(futures=31_500, spot=0)
    stage.price(BTC=118_500)
    await stage.run(guarded(may_sell=("BTC",)), hours=0.5)
    sold = [a for a in told(stage) if a.kind == "coins_traded"]
    assert sold
    assert {a.severity for a in sold} == {Severity.WARNING}
    assert all(" are sold in coins beside the futures that are cut, as" in a.text for a in sold)
    assert all("collateral at sim is " in a.text for a in sold)


async def test_orders_that_a_lowered_state_takes_down_say_so() -> None:
    stage = make_stage(
        {"BTC": 100_000}, {"BTC": 1, "USDT": 0}, futures=60_000, every=timedelta(minutes=1)
    )
    await stage.run(guarded(), hours=0.01)
    assert any(o.state is OrderState.OPEN for o in (await stage.recorded()).orders)
    await said(stage, CommandKind.PAUSE)
    await stage.run(guarded(), hours=0.05)
    orders = await stage.store.orders("p", live_only=False, limit=100)
    gone = [o for o in orders if o.state is OrderState.CANCELED]
    assert gone
    assert {o.reason for o in gone} == {"trading state CANCEL_ONLY"}
