"""The margin guard, step by step: what it does, what it must not do, and when it lets go."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from counterpoise.app.safekeeping import sold_by_guard
from counterpoise.decide.guards.margin import guard_margin, margin_record, margin_state
from counterpoise.decide.guards.wallets import futures_wallet
from counterpoise.domain.guarding import (
    SELLER,
    MarginState,
    MarginVerdict,
    PoolCheck,
    PoolState,
    Step,
)
from counterpoise.domain.hedge_book import BookLine
from counterpoise.domain.margin import Tiers, flat_tier
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.policy import MarginPolicy, PortfolioPolicy
from counterpoise.domain.portfolio import Listing, Universe
from counterpoise.domain.reasons import reason
from counterpoise.domain.records import PositionRecord, Recorded, TradingState
from counterpoise.domain.snapshot import MarginMode, Snapshot
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.domain.strategy.hedge import Cross
from counterpoise.domain.transfer import Purse, Transfer, TransferState
from tests.build import (
    BTC_PERP,
    NOW,
    SOL_PERP,
    VENUE,
    Number,
    make_instrument,
    make_policy,
    make_recorded,
    make_snapshot,
    make_transfer,
    with_venue,
)

KEY = f"{VENUE}/USDT"
TIERS = {BTC_PERP: flat_tier(dec("0.004"))}


def world(
    futures: Number, spot: Number = 0, qty: Number = -1, at: datetime = NOW, **prices: Number
) -> Snapshot:
    """Short ``qty`` BTC entered at 100,000 with ``futures`` in the futures wallet and ``spot`` USDT beside it."""
    price = dec(prices.get("price", 100_000))
    pnl = dec(qty) * (price - 100_000)
    made = make_snapshot(
        prices={"BTC": price, "SOL": 100},
        spot={"BTC": 1, "USDT": spot},
        futures={"USDT": futures},
        positions={BTC_PERP: qty},
        pnl={"USDT": pnl},
        as_of=at,
    )
    account = made.venues[VENUE].account
    assert account is not None
    held = replace(account.positions[BTC_PERP], entry_price=dec(100_000), mark_price=price)
    positions = {BTC_PERP: held} if dec(qty) else {}
    return with_venue(made, account=replace(account, positions=positions), tiers=TIERS)


def book(
    own: Number = -1,
    state: PoolState | None = None,
    transfers: tuple[Transfer, ...] = (),
    **changes: Any,
) -> Recorded:
    guards = {}
    if state is not None:
        record = margin_record(MarginState(pools={KEY: state}))
        guards = {record.id: record}
    position = PositionRecord(venue=VENUE, symbol=BTC_PERP, own_qty=dec(own))
    return make_recorded(positions=[position], guards=guards, transfers=transfers, **changes)


def policy(**changes: Any) -> PortfolioPolicy:
    return make_policy(margin=MarginPolicy(**changes))


def step(verdict: MarginVerdict) -> Step:
    (check,) = verdict.checks
    return check.step


@pytest.mark.parametrize(
    ("futures", "expected"),
    [
        ("30521", Step.SAFE),  # 30.0 % and a little: 100,400 x 1.3 - 100,000 = 30,520
        ("30519", Step.WARN),
        ("25501", Step.WARN),
        ("25499", Step.TOP_UP),
        ("20481", Step.TOP_UP),
        ("20479", Step.STOP_ADDING),
        ("12449", Step.STOP_ADDING),
        ("12447", Step.REDUCE),
        ("5421", Step.REDUCE),
        ("5419", Step.FLATTEN),
        ("0", Step.FLATTEN),
    ],
)
def test_every_level_is_the_adverse_move_to_liquidation(futures: str, expected: Step) -> None:
    assert step(guard_margin(world(futures), book(), policy())) is expected


@pytest.mark.parametrize(
    ("before", "futures", "expected"),
    [
        (Step.WARN, "31900", Step.WARN),  # 31.4 %: not yet 2 points clear of 30 %
        (Step.WARN, "32600", Step.SAFE),
        (Step.TOP_UP, "27000", Step.TOP_UP),
        (Step.TOP_UP, "27600", Step.WARN),
        (Step.STOP_ADDING, "22000", Step.STOP_ADDING),
        (Step.STOP_ADDING, "22600", Step.TOP_UP),
        (Step.REDUCE, "16000", Step.REDUCE),  # goes on half-way up to where adding is stopped
        (Step.REDUCE, "16500", Step.STOP_ADDING),
        (Step.FLATTEN, "12400", Step.FLATTEN),
        (Step.FLATTEN, "12500", Step.REDUCE),
    ],
)
def test_a_step_is_left_only_well_beyond_its_level(
    before: Step, futures: str, expected: Step
) -> None:
    remembered = book(state=PoolState(step=int(before), caps={BTC_PERP: dec("0.5")}))
    assert step(guard_margin(world(futures), remembered, policy())) is expected


def test_collateral_is_moved_by_the_least_that_ends_the_warning() -> None:
    verdict = guard_margin(world(25_000, spot=50_000), book(), policy())
    (moved,) = verdict.transfers
    # a move of 32 %: 100,000 x 0.32 + 132,000 x 0.4 % - 25,000
    assert moved.qty == dec("7528")
    assert (moved.source, moved.target, moved.asset) == (Purse.SPOT, Purse.FUTURES, "USDT")
    assert (moved.source_before, moved.target_before) == (50_000, 25_000)
    assert moved.state is TransferState.PENDING
    assert "32 % is wanted" in moved.why
    assert step(verdict) is Step.TOP_UP
    (check,) = verdict.checks
    assert check.missing == 0


def test_what_cannot_be_reached_is_told() -> None:
    (check,) = guard_margin(world(25_000, spot=1000), book(), policy()).checks
    assert check.missing == 6528
    (alone,) = guard_margin(world(25_000, spot=50_000), book(), policy(transfers=False)).checks
    assert (alone.reachable, alone.missing) == (0, 7528)


def test_near_the_level_nothing_is_moved() -> None:
    assert guard_margin(world(25_600, spot=50_000), book(), policy()).transfers == ()


def test_the_buffer_and_the_days_limit_hold() -> None:
    (kept,) = guard_margin(world(25_000, 10_000), book(), policy(keep_buffer=dec(9000))).transfers
    assert kept.qty == 1000
    done = make_transfer(
        state=TransferState.DONE, qty=dec(4000), created_at=NOW - timedelta(hours=23)
    )
    limit = policy(max_top_up_24h=dec(5000))
    (some,) = guard_margin(world(25_000, 50_000), book(transfers=(done,)), limit).transfers
    assert some.qty == 1000
    old = replace(done, created_at=NOW - timedelta(hours=24))
    (more,) = guard_margin(world(25_000, 50_000), book(transfers=(old,)), limit).transfers
    assert more.qty == 5000


def test_nothing_is_moved_while_a_move_is_not_proven() -> None:
    for state in (TransferState.PENDING, TransferState.UNKNOWN):
        lost = make_transfer(state=state, qty=dec(7528))
        verdict = guard_margin(world(25_000, 50_000), book(transfers=(lost,)), policy())
        assert verdict.transfers == ()
        (check,) = verdict.checks
        assert check.reachable == 50_000 - 7528, "counted as gone where it came from"


def test_what_may_have_left_the_futures_wallet_is_counted_as_gone() -> None:
    lost = make_transfer(
        state=TransferState.UNKNOWN, qty=dec(10_000), source=Purse.FUTURES, target=Purse.SPOT
    )
    assert step(guard_margin(world(31_000), book(transfers=(lost,)), policy())) is Step.TOP_UP


def test_a_refusal_of_the_venue_is_not_repeated_at_once() -> None:
    no = make_transfer(state=TransferState.REJECTED, updated_at=NOW - timedelta(seconds=59))
    assert guard_margin(world(25_000, 50_000), book(transfers=(no,)), policy()).transfers == ()
    earlier = replace(no, updated_at=NOW - timedelta(seconds=60))
    assert guard_margin(world(25_000, 50_000), book(transfers=(earlier,)), policy()).transfers


def test_collateral_that_is_on_its_way_spares_the_hedge() -> None:
    verdict = guard_margin(world(10_000, spot=50_000), book(), policy())
    assert verdict.transfers[0].qty == dec("22528")
    assert verdict.caps == {}
    assert step(verdict) is Step.TOP_UP


def test_without_collateral_the_hedge_shrinks_until_adding_could_stop() -> None:
    verdict = guard_margin(world(10_000), book(), policy())
    cap = verdict.caps[VENUE, BTC_PERP]
    # a share s of the short survives 20 %: s x (20,000 + 120,000 x 0.4 %) = 10,000, cut to a lot
    assert cap == dec("0.488")
    assert step(verdict) is Step.REDUCE
    assert verdict.urgent == frozenset()
    assert (VENUE, "USDT") in verdict.stops
    assert "cut to 0.488" in verdict.why[VENUE, BTC_PERP].text
    assert verdict.lower is None


def test_a_cap_stands_until_it_is_reached_and_falls_with_the_market() -> None:
    first = guard_margin(world(10_000), book(), policy())
    remembered = first.state.pools[KEY]
    half_way = guard_margin(world(10_000, qty="-0.7"), book("-0.7", remembered), policy())
    assert half_way.caps == first.caps
    # 0.488 are left and the price went on to 115,000: 10,000 - 7,320 remain
    later = guard_margin(
        world(10_000, qty="-0.488", price=115_000), book("-0.488", remembered), policy()
    )
    assert later.caps[VENUE, BTC_PERP] < dec("0.2")


def test_at_the_last_level_own_futures_are_closed_and_only_a_person_goes_on() -> None:
    verdict = guard_margin(world(4000), book(), policy())
    assert verdict.caps == {(VENUE, BTC_PERP): 0}
    assert verdict.urgent == {(VENUE, BTC_PERP)}
    assert getattr(verdict.lower, "state", None) is TradingState.CANCEL_ONLY
    assert "is closed" in verdict.why[VENUE, BTC_PERP].text


def test_foreign_positions_are_never_shrunk() -> None:
    foreign = PositionRecord(venue=VENUE, symbol=BTC_PERP, baseline_qty=dec(-1))
    recorded = make_recorded(positions=[foreign])
    verdict = guard_margin(world(4000), recorded, policy())
    assert (verdict.caps, verdict.lower) == ({}, None)
    assert verdict.checks[0].step is Step.FLATTEN, "told all the same"
    both = PositionRecord(
        venue=VENUE, symbol=BTC_PERP, baseline_qty=dec("-0.8"), own_qty=dec("-0.2")
    )
    caps = guard_margin(world(10_000), make_recorded(positions=[both]), policy()).caps
    assert caps == {(VENUE, BTC_PERP): 0}, "all that is ours, and it is not enough"


def test_in_halt_nothing_is_sent() -> None:
    running = book()
    halted = replace(running, portfolio=replace(running.portfolio, trading_state=TradingState.HALT))
    verdict = guard_margin(world(4000, spot=50_000), halted, policy())
    assert (verdict.transfers, verdict.caps, verdict.lower) == ((), {}, None)
    assert verdict.checks[0].step > Step.SAFE


def test_stale_coins_do_not_stop_it_and_a_missing_account_does() -> None:
    unread = with_venue(world(10_000), account=None)
    verdict = guard_margin(unread, book(state=PoolState(step=3)), policy())
    assert verdict.checks == ()
    assert VENUE in verdict.unseen
    assert (VENUE, "USDT") in verdict.stops, "nothing is added to what cannot be seen"
    assert verdict.state.pools[KEY].step == 3, "and nothing is forgotten"
    no_spot = with_venue(world(10_000), quotes={})
    assert step(guard_margin(no_spot, book(), policy())) is Step.REDUCE, "the position has a mark"


def test_a_position_without_any_price_is_not_guessed() -> None:
    seen = world(10_000)
    account = seen.venues[VENUE].account
    assert account is not None
    bare = replace(account.positions[BTC_PERP], mark_price=None)
    blind = with_venue(seen, account=replace(account, positions={BTC_PERP: bare}), quotes={})
    verdict = guard_margin(blind, book(), policy())
    assert "mark or entry price of BTC/USDT:USDT" in verdict.unseen[VENUE].text


def test_a_wallet_that_reads_as_empty_once_closes_nothing() -> None:
    doubt = reason(
        "flow_unconfirmed",
        asset="USDT",
        venue=VENUE,
        change="40000 less",
        shown="0",
        expected="40000",
        looks=3,
        span="60 s",
    )
    verdict = guard_margin(world(0), book(), policy(), (doubt,))
    assert step(verdict) is Step.STOP_ADDING
    assert (verdict.caps, verdict.lower) == ({}, None)
    name = f"{futures_wallet('USDT')} at {VENUE}"
    gone = reason("wallet_gone", wallet=name, looks=3, span="60 s")
    assert step(guard_margin(world(0), book(), policy(), (gone,))) is Step.STOP_ADDING
    assert step(guard_margin(world(0), book(), policy())) is Step.FLATTEN, "believed, it does"


def test_a_market_that_comes_back_lets_everything_go() -> None:
    deep = PoolState(step=int(Step.REDUCE), caps={BTC_PERP: dec("0.4")})
    verdict = guard_margin(world(40_000, qty="-0.4"), book("-0.4", deep), policy())
    assert (verdict.caps, verdict.stops, verdict.urgent) == ({}, {}, frozenset())
    assert step(verdict) is Step.SAFE
    assert verdict.state.pools == {}


def test_what_was_moved_in_goes_back_after_a_quiet_day() -> None:
    done = make_transfer(state=TransferState.DONE, qty=dec(7528), updated_at=NOW)
    first = guard_margin(world(60_000), book(transfers=(done,)), policy())
    state = first.state.pools[KEY]
    assert (state.lent, state.spare_since, first.transfers) == (7528, NOW, ())
    soon = world(60_000, at=NOW + timedelta(hours=23))
    waits = guard_margin(soon, book(state=state, transfers=(done,)), policy())
    assert waits.transfers == ()
    assert waits.state.pools[KEY].lent == 7528, "counted once"
    late = world(60_000, at=NOW + timedelta(hours=24))
    (back,) = guard_margin(late, book(state=state, transfers=(done,)), policy()).transfers
    assert (back.source, back.target) == (Purse.FUTURES, Purse.SPOT)
    assert back.qty == 7528
    # no more than leaves 40 %: 42,000 - 40,560
    tight = guard_margin(
        world(42_000, at=NOW + timedelta(hours=24)), book(state=state, transfers=(done,)), policy()
    )
    assert [t.qty for t in tight.transfers] == [1440]


def test_what_people_moved_in_themselves_stays() -> None:
    assert guard_margin(world(90_000), book(), policy()).state.pools == {}


@pytest.mark.parametrize(("crossed", "sold"), [("-1", None), ("-0.5", "-0.256"), ("0", "-0.512")])
def test_coins_that_a_cross_hedge_does_not_stand_against_are_not_sold(
    crossed: str, sold: str | None
) -> None:
    """1 BTC is short and 0.512 of it is cut; what of it stands against SOL covers no BTC."""
    cross = HedgePolicy(id="h", asset="SOL", ratio=dec(1), cross=Cross(by="BTC"))
    shape = make_policy(cross, margin=MarginPolicy(may_sell=("BTC",)))
    line = BookLine(strategy="h", venue=VENUE, symbol=BTC_PERP, qty=dec(crossed))
    verdict = guard_margin(world(10_000), book(book={line.key: line}), shape)
    assert verdict.caps[VENUE, BTC_PERP] == dec("0.488")
    assert verdict.coins == ({"BTC": dec(sold)} if sold is not None else {})


def test_coins_are_sold_beside_the_short_only_where_that_is_allowed() -> None:
    assert guard_margin(world(10_000), book(), policy()).coins == {}
    verdict = guard_margin(world(10_000), book(), policy(may_sell=("BTC",)))
    assert verdict.coins == {"BTC": dec("0.488") - 1}
    again = guard_margin(
        world(10_000, qty="-0.7"), book("-0.7", verdict.state.pools[KEY]), policy(may_sell=("BTC",))
    )
    assert again.coins == verdict.coins, "once, not in every look"


def opposed(state: PoolState | None = None, own: Number = -3) -> Recorded:
    """Own shorts around a foreign long of 2."""
    made = book(own, state)
    position = PositionRecord(venue=VENUE, symbol=BTC_PERP, own_qty=dec(own), baseline_qty=dec(2))
    return replace(made, positions={(VENUE, BTC_PERP): position})


def test_an_own_short_around_a_foreign_long_is_cut_by_as_much_as_the_position() -> None:
    verdict = guard_margin(world(10_000), opposed(), policy())
    # the position, 1 short, becomes 0.488; ours goes from 3 to 2.488
    assert verdict.caps == {(VENUE, BTC_PERP): dec("2.488")}
    again = guard_margin(world(10_000), opposed(verdict.state.pools[KEY]), policy())
    assert again.caps == verdict.caps, "not cut again before that is done"


def test_an_own_short_around_a_foreign_long_is_closed_as_far_as_it_can_be() -> None:
    verdict = guard_margin(world(5000), opposed(), policy())
    assert verdict.caps == {(VENUE, BTC_PERP): 2}, "what lies within the foreign long hurts nobody"


def test_nothing_is_put_off_for_money_that_was_refused() -> None:
    refused = make_transfer(
        venue=VENUE, state=TransferState.REJECTED, reason="-1: no", updated_at=NOW
    )
    later = NOW + timedelta(minutes=2)
    seen = world(10_000, spot=60_000, at=later)
    verdict = guard_margin(seen, book(transfers=(refused,)), policy())
    assert verdict.transfers, "it is tried again"
    assert step(verdict) is Step.REDUCE
    assert verdict.caps


@pytest.mark.parametrize(
    ("futures", "seconds", "count"),
    [
        pytest.param(25_000, 1, 0, id="not shown yet"),
        pytest.param(25_000, 11, 1, id="it was spent meanwhile"),
        pytest.param("28764", 1, 1, id="shown, and not enough"),
    ],
)
def test_what_was_just_moved_in_is_not_moved_again_because_a_wallet_lags(
    futures: Number, seconds: int, count: int
) -> None:
    done = make_transfer(
        venue=VENUE, qty=dec(7528), target_before=dec(25_000), state=TransferState.DONE
    )
    seen = world(futures, spot=50_000, at=NOW + timedelta(seconds=seconds), price=104_000)
    assert len(guard_margin(seen, book(transfers=(done,)), policy()).transfers) == count


def test_nothing_is_brought_back_in_states_that_allow_top_ups_alone() -> None:
    state = PoolState(lent=dec(5000), spare_since=NOW - timedelta(days=2))
    for trading, expected in (("RUN", 1), ("REDUCE_ONLY", 1), ("CANCEL_ONLY", 0), ("HALT", 0)):
        remembered = book(state=state)
        remembered = replace(
            remembered,
            portfolio=replace(remembered.portfolio, trading_state=TradingState(trading)),
        )
        verdict = guard_margin(world(90_000), remembered, policy())
        assert len(verdict.transfers) == expected, trading


def test_halt_tells_how_near_it_is_whatever_could_be_moved() -> None:
    remembered = book()
    halted = replace(remembered.portfolio, trading_state=TradingState.HALT)
    verdict = guard_margin(
        world(5000, spot=90_000), replace(remembered, portfolio=halted), policy()
    )
    assert step(verdict) is Step.FLATTEN
    assert verdict.transfers == ()


def test_coins_sold_for_two_pools_add_up_and_outlive_them() -> None:
    other = f"{VENUE}/USDC"
    states = {
        KEY: PoolState(sold={"BTC": dec("-0.4")}),
        other: PoolState(sold={"BTC": dec("-0.2")}, lent=dec(5)),
    }
    record = margin_record(MarginState(pools=states))
    remembered = replace(book(), guards={record.id: record})
    verdict = guard_margin(world(90_000), remembered, policy(may_sell=("BTC",)))
    assert verdict.coins == {"BTC": dec("-0.6")}
    assert verdict.state.pools[other].sold == {"BTC": dec("-0.2")}, "a pool may come back"


def test_the_guard_buys_no_coins_back_and_counts_those_it_sold_in_another_pair() -> None:
    pair = make_instrument("BTC/USDT")
    universe = Universe(futures={}, spot={"BTC": Listing(venue="main", instrument=pair)})
    line = BookLine(strategy=SELLER, venue="main", symbol="BTC/USDT", qty=dec("-0.3"))
    other = BookLine(strategy=SELLER, venue="main", symbol="BTC/USDC", qty=dec("-0.1"))
    book = {x.key: x for x in (line, other)}

    def claimed(qty: str) -> Decimal:
        margin = MarginVerdict(coins={"BTC": dec(qty)})
        return sold_by_guard(margin, universe, book)[line.key]

    assert claimed("-0.5") == dec("-0.4")
    assert claimed("-0.2") == dec("-0.3")


def test_an_isolated_position_is_a_pool_of_its_own() -> None:
    seen = world(50_000, spot=20_000)
    account = seen.venues[VENUE].account
    assert account is not None
    alone = replace(
        account.positions[BTC_PERP], margin_mode=MarginMode.ISOLATED, isolated_wallet=dec(20_000)
    )
    seen = with_venue(
        seen,
        account=replace(
            account,
            positions={BTC_PERP: alone},
            futures={"USDT": replace(account.futures["USDT"], available=dec(30_000))},
        ),
    )
    verdict = guard_margin(seen, book(), policy())
    own = next(c for c in verdict.checks if c.pool.isolated == BTC_PERP)
    assert own.pool.wallet == 20_000
    assert own.step is Step.TOP_UP
    (moved,) = verdict.transfers
    assert (moved.source, moved.target, moved.symbol) == (Purse.FUTURES, Purse.POSITION, BTC_PERP)
    assert moved.qty == dec("12528")
    shared = next(c for c in verdict.checks if c.pool.isolated is None)
    assert (shared.pool.wallet, shared.step) == (30_000, Step.SAFE)


def test_a_table_that_is_not_told_is_assumed_and_said() -> None:
    verdict = guard_margin(with_venue(world(30_600), tiers={}), book(), policy())
    (check,) = verdict.checks
    assert check.assumed == (BTC_PERP,)
    assert check.step is Step.WARN, "2.5 % leaves less room than 0.4 %"


def test_a_table_of_yesterday_is_used_no_less_carefully_than_none() -> None:
    def judged(hours: int, tiers: Tiers) -> PoolCheck:
        told: dict[str, Any] = {
            "tiers": {BTC_PERP: tiers},
            "tiers_at": NOW - timedelta(hours=hours),
        }
        (check,) = guard_margin(with_venue(world(30_600), **told), book(), policy()).checks
        return check

    (none,) = guard_margin(with_venue(world(30_600), tiers={}), book(), policy()).checks
    low, high = TIERS[BTC_PERP], flat_tier(dec("0.05"))
    fresh, old = judged(24, low), judged(25, low)
    assert (fresh.assumed, old.assumed) == ((), (BTC_PERP,))
    assert fresh.distance != old.distance == none.distance
    assert judged(25, high).distance == judged(24, high).distance, "it asked for more"


def test_figures_that_differ_from_the_venues_are_seen() -> None:
    def told(maintenance: Decimal | None) -> Decimal | None:
        seen = world(40_000)
        account = seen.venues[VENUE].account
        assert account is not None
        held = replace(account.positions[BTC_PERP], maintenance_margin=maintenance)
        shown = with_venue(seen, account=replace(account, positions={BTC_PERP: held}))
        return guard_margin(shown, book(), policy()).checks[0].differs

    assert told(None) is None
    assert told(dec(400)) == 0
    assert told(dec(500)) == dec("0.25")


def test_unguarded_margin_is_shown_and_left_alone() -> None:
    verdict = guard_margin(world(1000, spot=50_000), book(), make_policy(margin=None))
    assert verdict.checks[0].distance.adverse is not None
    assert (verdict.transfers, verdict.caps, verdict.stops) == ((), {}, {})


def test_the_document_survives_being_written_down() -> None:
    state = MarginState(
        pools={KEY: PoolState(step=4, caps={BTC_PERP: dec("0.1")}, lent=dec(5), lent_at=NOW)}
    )
    record = margin_record(state)
    assert margin_state(make_recorded(guards={record.id: record})) == state
    assert margin_state(make_recorded()) == MarginState()


def test_longs_are_shrunk_when_the_market_falls() -> None:
    verdict = guard_margin(world(10_000, qty=1), book(1), policy())
    assert verdict.caps[VENUE, BTC_PERP] < 1
    assert ZERO not in verdict.caps.values()


def test_an_isolated_position_is_not_saved_by_endangering_the_others() -> None:
    seen = world(32_000)
    account = seen.venues[VENUE].account
    assert account is not None
    shared = account.positions[BTC_PERP]
    alone = replace(
        shared,
        symbol=SOL_PERP,
        qty=dec(-100),
        entry_price=dec(100),
        mark_price=dec(100),
        margin_mode=MarginMode.ISOLATED,
        isolated_wallet=dec(1500),
    )
    wallet = replace(account.futures["USDT"], wallet_balance=dec(33_500), available=dec(12_000))
    seen = with_venue(
        seen,
        account=replace(
            account, positions={BTC_PERP: shared, SOL_PERP: alone}, futures={"USDT": wallet}
        ),
    )
    (moved,) = guard_margin(seen, book(), policy()).transfers
    # the cross wallet keeps what survives 30 %: 100,000 x 0.3 + 130,000 x 0.4 %
    assert (moved.source, moved.target) == (Purse.FUTURES, Purse.POSITION)
    assert moved.qty == 32_000 - 30_520


def selling(done: Number = 0) -> Recorded:
    """The short was cut from 1 to 0.512, and of the 0.488 coins to be sold beside it ``done`` are sold."""
    state = PoolState(
        step=int(Step.REDUCE), caps={BTC_PERP: dec("0.512")}, sold={"BTC": dec("-0.488")}
    )
    line = BookLine(strategy=SELLER, venue=VENUE, symbol="BTC/USDT", qty=-dec(done))
    return book("-0.512", state, book={line.key: line} if dec(done) else {})


@pytest.mark.parametrize(
    ("futures", "done", "coins"),
    [
        # 0.512 short, 20 % away: nothing is added, so the sale goes on
        (10_450, 0, "-0.488"),
        # 23 % away strategies may add again, but an opening has to survive 30 %: the sale goes on
        (12_000, 0, "-0.488"),
        (12_000, "0.2", "-0.488"),
        # 20,000 carry a short of 20,000 / 30,520 = 0.655: so much of the sale ends
        (20_000, 0, "-0.345"),
        # all that is not sold yet may be hedged again
        (40_000, 0, None),
        (40_000, "0.2", "-0.2"),
        (40_000, "0.488", "-0.488"),
    ],
)
def test_a_sale_ends_where_its_hedge_may_be_opened_again(
    futures: Number, done: Number, coins: str | None
) -> None:
    """Else the coins would be sold although their short is opened again: a round trip for nothing."""
    verdict = guard_margin(world(futures, qty="-0.512"), selling(done), policy(may_sell=("BTC",)))
    assert verdict.caps == {}
    assert verdict.coins.get("BTC", ZERO) == dec(coins or 0)
    assert step(verdict) < Step.REDUCE


def test_a_sale_counts_on_what_may_be_moved_in_as_an_opening_does() -> None:
    seen = world(20_000, spot=15_000, qty="-0.512")
    sells = guard_margin(seen, selling(), policy(may_sell=("BTC",)))
    assert sells.coins == {}
    apart = guard_margin(seen, selling(), policy(may_sell=("BTC",), transfers=False))
    assert apart.coins == {"BTC": dec("-0.345")}
    again = guard_margin(
        world(20_000, spot=15_000, qty="-0.512"),
        book("-0.512", apart.state.pools[KEY]),
        policy(may_sell=("BTC",), transfers=False),
    )
    assert again.coins == apart.coins, "once, not in every look"


def test_what_filled_after_a_sale_was_given_up_does_not_count_for_the_next() -> None:
    line = BookLine(strategy=SELLER, venue=VENUE, symbol="BTC/USDT", qty=dec("-0.1"))
    verdict = guard_margin(world(10_000), book(book={line.key: line}), policy(may_sell=("BTC",)))
    assert verdict.coins == {"BTC": dec("0.488") - 1 - dec("0.1")}


def test_what_another_pool_sells_is_left_to_it() -> None:
    """Who of them sold what is not known: then nothing is given back."""
    remembered = selling()
    other = f"{VENUE}/USDT/{SOL_PERP}"
    state = margin_state(remembered)
    pools = {**state.pools, other: PoolState(sold={"BTC": dec("-0.1")})}
    record = margin_record(replace(state, pools=pools))
    remembered = replace(remembered, guards={record.id: record})
    verdict = guard_margin(world(40_000, qty="-0.512"), remembered, policy(may_sell=("BTC",)))
    assert verdict.coins == {"BTC": dec("-0.588")}
