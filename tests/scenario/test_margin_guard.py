"""The margin guard with real fills: it acts, it leaves things alone, it lets go; lost answers move nothing twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from counterpoise.domain.events import Severity
from counterpoise.domain.instrument import is_spot
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import NotPlaced, Order, PlaceOutcome, Unknown
from counterpoise.domain.policy import LimitsPolicy, MarginPolicy, PortfolioPolicy
from counterpoise.domain.records import TradingState
from counterpoise.domain.snapshot import Account
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.domain.transfer import Transfer, TransferOutcome
from counterpoise.ports import Venue
from counterpoise.venue.sim import Wallet
from counterpoise.venue.sim.model import MarginType
from tests.batched import Batched
from tests.scenario.stage import Stage, make_shape, make_stage

FULL = HedgePolicy(id="full", asset="BTC", ratio=dec(1))


def guarded(**changes: object) -> PortfolioPolicy:
    return make_shape(
        FULL,
        shape={"core": (60, ["BTC"]), "buffer": (40, ["USDT"])},
        limits=LimitsPolicy(max_turnover_24h=dec(100), max_leverage=dec(10)),
        margin=MarginPolicy(**changes),  # type: ignore[arg-type]  # keyword table of one dataclass
    )


async def hedged(futures: int, spot: int, leverage: int = 5) -> Stage:
    """1 BTC at 100,000, hedged in full."""
    stage = make_stage(
        {"BTC": 100_000},
        {"BTC": 1, "USDT": spot},
        futures=futures,
        leverage=leverage,
        every=timedelta(minutes=1),
    )
    await stage.run(guarded(), hours=0.5)
    assert stage.position() == -1
    stage.reports.clear()
    return stage


def alerts(stage: Stage) -> list[tuple[str, Severity, bool]]:
    return [(a.key or a.kind, a.severity, a.cleared) for r in stage.reports for a in r.alerts]


def moved(stage: Stage) -> list[object]:
    return [e["qty"] for e in stage.events("transfer")]


async def test_collateral_is_moved_in_told_and_later_brought_back() -> None:
    stage = await hedged(futures=36_000, spot=60_000)
    stage.price(BTC=110_000)  # 26,000 left of 110,000: 23.1 %
    await stage.run(guarded(), hours=0.2)
    assert len(moved(stage)) == 1
    assert stage.position() == -1
    told = alerts(stage)
    assert ("margin:sim/USDT:near", Severity.WARNING, False) in told
    assert ("collateral_moved", Severity.INFO, False) in told
    assert ("margin:sim/USDT:near", Severity.INFO, True) in told, "and it is over"
    summary = next(r.summary for r in stage.reports if r.transfers)
    assert "USDT spot -> futures (done)" in summary
    stage.price(BTC=95_000)
    await stage.run(guarded(), hours=25)
    there, back = moved(stage)
    assert there == back, "all of it, and nothing that was there before"


async def test_near_the_level_nothing_happens() -> None:
    stage = await hedged(futures=36_000, spot=60_000)
    stage.price(BTC=108_000)  # 28,000 left of 108,000: 25.4 %
    await stage.run(guarded(), hours=0.2)
    assert moved(stage) == []
    assert [a for a, _, _ in alerts(stage)] == ["margin:sim/USDT:near"]


async def test_without_collateral_the_hedge_shrinks_and_comes_back() -> None:
    stage = await hedged(futures=31_500, spot=0)
    stage.price(BTC=118_500)  # 13,000 left of 118,500: 10.6 %
    await stage.run(guarded(), hours=0.5)
    left = -stage.position()
    assert ZERO < left < dec("0.65")
    assert all(e["reduce_only"] for e in stage.events("place") if e["side"] == "buy")
    keys = [k for k, _, cleared in alerts(stage) if not cleared]
    assert "margin:sim/USDT:reduce" in keys
    assert "collateral:sim/USDT" in keys, "what people could do about it"
    assert not any(e["event"] == "liquidation" for e in stage.exchange.log.after(0))
    closing = [a for r in stage.reports for a in r.alerts if a.kind.startswith("hedge_")]
    assert any("is cut to" in a.text for a in closing), "the guard is why, not the strategy"
    lines = await stage.lines()
    assert lines["full"].qty == stage.position(), "the book follows"
    # the price comes back and money is deposited: the hedge grows again as far as collateral carries it
    stage.price(BTC=100_000)
    stage.exchange.deposit(stage.api_key, Wallet.FUTURES, "USDT", dec(25_000))
    await stage.run(guarded(), hours=0.5)
    assert stage.position() == -1


async def test_what_collateral_does_not_carry_is_not_opened() -> None:
    stage = make_stage(
        {"BTC": 100_000},
        {"BTC": 1, "USDT": 10_000},
        futures=10_000,
        leverage=10,
        every=timedelta(minutes=1),
    )
    await stage.run(guarded(), hours=0.5)
    # 20,000 / (31,000 + 131,000 x 0.4 %): whatever a rung is
    assert stage.position() == dec("-0.634")
    refused = [r for report in stage.reports for r in report.refused]
    assert {r.guard for r in refused} == {"margin"}
    assert any("more collateral than can be reached" in r.reason.text for r in refused)
    assert all(r.margin_missing for r in refused)


async def test_what_the_venue_leverage_does_not_carry_keeps_no_other_part_from_being_hedged() -> (
    None
):
    stage = make_stage(
        {"BTC": 100_000}, {"BTC": 2, "USDT": 0}, futures=30_000, every=timedelta(minutes=1)
    )
    # 2 BTC at 5x ask for 40,000 at once: what crosses after the rungs is one order
    await stage.run(guarded(), hours=0.5)
    # 30,000 / (30,000 + 130,000 x 0.4 %), a point more where it is cut
    assert dec("-0.983") <= stage.position() <= dec("-0.95")


async def test_at_the_last_step_everything_of_ours_is_closed_and_stays_so() -> None:
    stage = await hedged(futures=31_500, spot=0)
    stage.price(BTC=126_000)  # 5,500 left of 126,000: under 4 %
    await stage.run(guarded(), hours=0.2)
    assert stage.position() == 0
    assert (await stage.recorded()).portfolio.trading_state is TradingState.CANCEL_ONLY
    assert "state_lowered" in [k for k, _, _ in alerts(stage)]
    assert not any(e["event"] == "liquidation" for e in stage.exchange.log.after(0))
    stage.price(BTC=90_000)
    await stage.run(guarded(), hours=1)
    assert stage.position() == 0, "only a person goes on"


async def test_isolated_margin_that_was_added_is_told_once() -> None:
    stage = make_stage(
        {"BTC": 100_000}, {"BTC": 1}, futures=60_000, leverage=5, every=timedelta(minutes=1)
    )
    stage.exchange.set_margin_type(stage.api_key, "BTCUSDT", MarginType.ISOLATED)
    await stage.run(guarded(), hours=0.5)
    assert stage.position() == -1
    told = [a for r in stage.reports for a in r.alerts if a.kind == "collateral_moved"]
    assert len(told) == 1
    assert "to the position" in told[0].text


async def test_too_little_equity_takes_working_orders_down_and_only_a_person_goes_on() -> None:
    stage = await hedged(futures=31_500, spot=0)
    poor = replace(guarded(), limits=LimitsPolicy(min_equity=dec(200_000)))
    await stage.run(poor, hours=0.1)
    assert (await stage.recorded()).portfolio.trading_state is TradingState.CANCEL_ONLY
    assert [k for k, _, _ in alerts(stage)] == ["hold:equity_too_low"], "told once, with the state"
    assert stage.position() == -1, "what is hedged stays hedged"


async def test_coins_are_sold_beside_the_short_where_that_is_allowed() -> None:
    stage = await hedged(futures=31_500, spot=0)
    stage.price(BTC=118_500)
    await stage.run(guarded(may_sell=("BTC",)), hours=0.5)
    view = stage.reports[-1].view
    assert abs(view.assets["BTC"].exposure_qty) < dec("0.002"), "the whole stays hedged"  # type: ignore[union-attr]  # a valued portfolio
    assert stage.coins("BTC") < 1
    assert not any(e["event"] == "liquidation" for e in stage.exchange.log.after(0))


async def test_only_coins_that_are_there_are_sold_and_none_that_come_later() -> None:
    stage = make_stage(
        {"BTC": 100_000}, {"BTC": "0.1", "USDT": 0}, futures=31_500, every=timedelta(minutes=1)
    )
    policy = replace(guarded(may_sell=("BTC",)), holdings={"BTC": dec("0.9")})
    await stage.run(policy, hours=0.5)
    assert stage.position() == -1
    stage.price(BTC=118_500)
    await stage.run(policy, hours=0.2)
    assert stage.position() > dec("-0.7"), (
        "cut, and grown again as far as what the coins brought carries"
    )
    assert stage.coins("BTC") == 0, "what is elsewhere cannot be sold"
    stage.exchange.deposit(stage.api_key, Wallet.SPOT, "BTC", dec(1))
    await stage.run(policy, hours=0.5)
    assert stage.coins("BTC") == 1


async def test_spot_that_cannot_be_priced_does_not_stop_it() -> None:
    stage = await hedged(futures=31_500, spot=0)
    stage.wrap = _Blind  # type: ignore[assignment,return-value]  # a Venue by __getattr__
    stage.price(BTC=126_000)
    await stage.run(guarded(), hours=0.3)
    assert all(r.held for r in stage.reports)
    assert stage.position() == 0


async def test_a_futures_wallet_that_reads_as_empty_once_closes_nothing() -> None:
    stage = await hedged(futures=40_000, spot=60_000)
    stage.wrap = _Emptied  # type: ignore[assignment,return-value]  # a Venue by __getattr__
    await stage.run(guarded(), hours=0.05)
    assert stage.position() == -1
    assert (await stage.recorded()).portfolio.trading_state is TradingState.RUN


@pytest.mark.parametrize("arrives", [True, False])
async def test_a_lost_answer_moves_nothing_twice(arrives: bool) -> None:
    stage = await hedged(futures=36_000, spot=60_000)
    stage.wrap = lambda venue: _Losing(venue, arrives)  # type: ignore[assignment,return-value]  # a Venue by __getattr__
    stage.price(BTC=110_000)
    await stage.run(guarded(), hours=0.4)
    assert len(moved(stage)) == 1, "once, now or after it was proven not to have arrived"
    transfers = (await stage.recorded()).transfers
    assert [t.state.value for t in transfers] == (["DONE"] if arrives else ["REJECTED", "DONE"])
    assert stage.position() == -1


async def test_a_venue_that_moves_no_collateral_does_not_keep_the_hedge_from_shrinking() -> None:
    stage = await hedged(futures=31_500, spot=60_000)
    stage.wrap = _Refusing  # type: ignore[assignment,return-value]  # a Venue by __getattr__
    stage.price(BTC=118_500)
    await stage.run(guarded(), hours=0.2)
    assert stage.position() > dec("-0.65"), "it does not wait for money that does not come"
    told = alerts(stage)
    assert told.count(("collateral_moved", Severity.CRITICAL, False)) == 3, "0, 1 and 11 minutes in"
    assert [t for t in told if t[0] == "collateral:sim/USDT"] == [
        ("collateral:sim/USDT", Severity.CRITICAL, False)
    ]
    left, orders = stage.position(), len(stage.events("place"))
    stage.price(BTC=112_000)  # beyond where adding is stopped, short of what must be survived
    await stage.run(guarded(), hours=0.2)
    assert stage.position() == left, "and that money carries no hedge"
    assert len(stage.events("place")) == orders


async def test_a_cut_that_was_let_go_before_it_was_done_sells_no_coins() -> None:
    stage = await hedged(futures=31_500, spot=0)
    stage.price(BTC=118_500)
    await stage.run(guarded(may_sell=("BTC",)), hours=0.01)
    held, coins = stage.position(), stage.coins("BTC")
    stage.exchange.deposit(stage.api_key, Wallet.FUTURES, "USDT", dec(50_000))
    await stage.run(guarded(may_sell=("BTC",)), hours=0.5)
    assert (held, coins) == (-1, 1), "nothing had been filled yet"
    assert stage.coins("BTC") == 1
    assert stage.position() == -1


async def test_what_is_near_is_not_over_because_it_is_not_seen() -> None:
    stage = await hedged(futures=31_500, spot=0)
    stage.price(BTC=108_000)
    await stage.run(guarded(), hours=0.05)
    raised = {k for k, _, cleared in alerts(stage) if k.startswith("margin:") and not cleared}
    assert raised
    stage.reports.clear()
    stage.wrap = _Walletless  # type: ignore[assignment,return-value]  # a Venue by __getattr__
    await stage.run(guarded(), hours=0.05)
    told = alerts(stage)
    assert ("margin_unseen:sim", Severity.CRITICAL, False) in told
    assert not [k for k, _, cleared in told if cleared and k.startswith(("margin:", "collateral:"))]


class _Wrapped(Batched):
    def __init__(self, inner: Venue) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)


class _Blind(_Wrapped):
    """Spot has no price."""

    async def quotes(self, symbols: object) -> object:
        found = await self._inner.quotes(symbols)  # type: ignore[arg-type]  # symbols as they came
        return {
            s: q if ":" in s else replace(q, bid=None, ask=None, last=None)
            for s, q in found.items()
        }


class _Emptied(_Wrapped):
    """The first reads show an empty futures wallet."""

    def __init__(self, inner: Venue) -> None:
        super().__init__(inner)
        self._reads = 0

    async def account(self) -> Account:
        found = await self._inner.account()
        self._reads += 1
        if self._reads > 1:
            return found
        empty = replace(
            found.futures["USDT"], wallet_balance=ZERO, unrealized_pnl=ZERO, available=ZERO
        )
        return replace(found, futures={"USDT": empty})


class _Refusing(_Wrapped):
    """Its key may not move collateral."""

    async def transfer(self, transfer: Transfer) -> TransferOutcome:
        return NotPlaced(code="-1002", text=f"not authorised to move {transfer.asset}")


class _Walletless(_Wrapped):
    """It does not tell its collateral."""

    async def account(self) -> Account:
        return replace(await self._inner.account(), futures={})


class _Losing(_Wrapped):
    """The answer to the first transfer is lost, before it arrives or after."""

    def __init__(self, inner: Venue, arrives: bool) -> None:
        super().__init__(inner)
        self._arrives = arrives
        self._lost = False

    async def transfer(self, transfer: Transfer) -> TransferOutcome:
        if self._lost:
            return await self._inner.transfer(transfer)  # type: ignore[attr-defined,no-any-return]  # an Exchange, typed as Venue
        self._lost = True
        if self._arrives:
            await self._inner.transfer(transfer)  # type: ignore[attr-defined]  # an Exchange, typed as Venue
        return Unknown(text="time-out")


class _CoinsWait(_Wrapped):
    """A venue that takes no orders for coins."""

    async def place(self, order: Order) -> PlaceOutcome:
        if is_spot(order.symbol):
            return NotPlaced(code="halted", text="coins are not traded now")
        return await self._inner.place(order)


@pytest.mark.parametrize("falls", [False, True])
async def test_a_price_that_falls_back_before_the_coins_are_sold_costs_no_round_trip(
    falls: bool,
) -> None:
    """The short is cut, its coins are not sold yet when the price is back: the short is opened again, no more."""
    stage = await hedged(futures=31_500, spot=0)
    policy = guarded(may_sell=("BTC",))
    stage.wrap = _CoinsWait  # type: ignore[assignment,return-value]  # a Venue by __getattr__
    stage.price(BTC=118_500)
    while stage.position() == -1:
        await stage.run(policy, hours=1 / 60)
    assert stage.coins("BTC") == 1
    cut = stage.position()
    if falls:
        stage.price(BTC=100_000)
        await stage.run(policy, hours=1 / 30)
    stage.wrap = lambda venue: venue
    before = len(stage.events("fill"))
    await stage.run(policy, hours=1)
    view = stage.reports[-1].view
    assert abs(view.assets["BTC"].exposure_qty) < dec("0.002")  # type: ignore[union-attr]  # a valued portfolio
    if falls:
        # the loss that was realised is gone: 22,897 survive 30 % with a short of 22,897 / 30,520 = 0.75
        assert stage.position() == dec("-0.750")
        bought = [f for f in stage.events("fill")[before:] if f["side"] == "buy"]
        assert bought == [], "nothing that was opened again is closed again"
    else:
        assert stage.coins("BTC") < dec("0.9")
        assert stage.position() >= cut
