from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from counterpoise.domain.flows import (
    Movement,
    confirming,
    is_dust,
    moved,
    movements_of,
    price_of,
    total_of,
    unseen_yet,
)
from counterpoise.domain.ledger import EntryKind, LedgerEntry
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Fill, Side
from counterpoise.domain.snapshot import Balance
from tests.build import (
    NOW,
    VENUE,
    make_account,
    make_fill,
    make_snapshot,
    with_quote,
)

S = timedelta(seconds=1)


def entry(
    kind: EntryKind, qty: str, id_: str = "1", asset: str = "USDT", **at: float
) -> LedgerEntry:
    return LedgerEntry(
        venue=VENUE, id=id_, kind=kind, asset=asset, qty=dec(qty), at=NOW + timedelta(**at)
    )


def changes(*events: Fill | LedgerEntry) -> dict[str, Decimal]:
    found = tuple(movements_of(events))
    return {a: moved(found, a) for a in sorted({m.asset for m in found})}


# --- totals


def test_a_total_counts_both_wallets_and_no_unrealised_profit() -> None:
    account = make_account({"BTC": 1, "USDT": 5}, {"USDT": 100}, pnl={"USDT": 40})
    assert {a: total_of(account, a) for a in ("BTC", "USDT", "ETH")} == {
        "BTC": 1,
        "USDT": 105,
        "ETH": 0,
    }


def test_coins_that_orders_lock_are_there() -> None:
    locked = Balance(asset="BTC", free=dec("0.4"), locked=dec("0.6"))
    assert total_of(replace(make_account(), spot={"BTC": locked}), "BTC") == 1


# --- what own trades and the venue's books explain


def test_coins_bought_lose_the_fee_paid_in_them() -> None:
    fill = make_fill(Side.BUY, "2", 3000, symbol="ETH/USDT", fee=dec("0.001"), fee_asset="ETH")
    assert changes(fill) == {"ETH": dec("1.999"), "USDT": dec(-6000)}


def test_coins_sold_bring_quote_net_of_its_fee() -> None:
    fill = make_fill(Side.SELL, "2", 3000, symbol="ETH/USDT", fee=dec(3), fee_asset="USDT")
    assert changes(fill) == {"ETH": dec(-2), "USDT": dec(5997)}


def test_a_fee_in_another_coin_is_that_coins() -> None:
    fill = make_fill(Side.BUY, "2", 3000, symbol="ETH/USDT", fee=dec("0.01"), fee_asset="BNB")
    assert changes(fill) == {"BNB": dec("-0.01"), "ETH": dec(2), "USDT": dec(-6000)}


def test_a_rebate_and_a_fee_nobody_names() -> None:
    rebate = make_fill(Side.SELL, "1", 100, symbol="ETH/USDT", fee=dec(-1), fee_asset="USDT")
    assert changes(rebate) == {"ETH": dec(-1), "USDT": dec(101)}
    unnamed = make_fill(Side.SELL, "1", 100, symbol="ETH/USDT", fee=dec(0), fee_asset=None)
    assert changes(unnamed) == {"ETH": dec(-1), "USDT": dec(100)}


def test_a_futures_fill_itself_moves_no_money() -> None:
    assert changes(make_fill(Side.SELL, "1", 100_000, fee=dec(50))) == {}


@pytest.mark.parametrize("kind", list(EntryKind))
def test_entries_for_futures_count_but_deposits_and_transfers_do_not(kind: EntryKind) -> None:
    money = {EntryKind.FUNDING, EntryKind.REALIZED_PNL, EntryKind.COMMISSION, EntryKind.OTHER}
    found = tuple(movements_of([entry(kind, "-7")]))
    assert moved(found, "USDT") == (-7 if kind in money else 0)
    assert bool(found) is (kind in money or kind is EntryKind.TRANSFER)


# --- what happens while it is read


def late(*moves: tuple[str, float, bool], between: tuple[str, ...] = ()) -> frozenset[Decimal]:
    made = [
        Movement(asset="USDT", qty=dec(q), at=NOW + t * S, futures=futures)
        for q, t, futures in moves
    ]
    made += [
        Movement(asset="USDT", qty=dec(q), at=NOW, futures=True, between=True) for q in between
    ]
    return unseen_yet(made, "USDT", NOW)


def test_nothing_late_leaves_nothing_open() -> None:
    assert late() == {0}
    assert late(("5", -0.001, True)) == {0}, "long enough ago to be in"
    assert unseen_yet([Movement(asset="BTC", qty=dec(1), at=NOW, futures=True)], "USDT", NOW) == {0}


def test_the_newest_of_a_wallet_may_be_missing_but_not_an_older_one_alone() -> None:
    assert late(("5", 0, True)) == {0, -5}
    assert late(("5", 0, True), ("7", 1, True)) == {0, -7, -12}


def test_each_wallet_was_read_at_its_own_moment() -> None:
    assert late(("5", 0, True), ("70", 1, False)) == {0, -5, -70, -75}


def test_a_transfer_may_be_seen_twice_or_not_at_all() -> None:
    assert late(between=("9",)) == {0, 9, -9}
    assert {0, 9, -9, 4, -4, 13, -13} <= late(between=("9", "4"))


# --- confirmation by the venue's books


DEPOSIT, WITHDRAWAL = EntryKind.DEPOSIT, EntryKind.WITHDRAWAL


@pytest.mark.parametrize(
    ("told", "change", "ids"),
    [
        pytest.param(["0.5"], "0.5", "0", id="one"),
        pytest.param(["0.5"], "0.50000001", "0", id="rounding"),
        pytest.param(["0.5"], "0.5000001", "", id="more than rounding"),
        pytest.param(["0.5"], "-0.5", "", id="the other way"),
        pytest.param(["0.5"], "0.499", "", id="a deposit has no fee"),
        pytest.param(["0.5", "0.2"], "0.2", "1", id="one of two"),
        pytest.param(["0.5", "0.2"], "0.7", "01", id="both"),
        pytest.param(["0.5", "0.2", "0.1"], "0.6", "", id="no neighbours"),
        pytest.param(["0.5", "-0.2"], "0.3", "01", id="in and out"),
        pytest.param(["-1"], "-1", "0", id="a withdrawal"),
        pytest.param(["-1"], "-1.02", "0", id="with its network fee"),
        pytest.param(["-1"], "-1.0201", "", id="more than a network fee"),
        pytest.param(["-1"], "-0.99", "", id="less than was withdrawn"),
        pytest.param(["-1", "-1.01"], "-1.01", "1", id="exact goes before near"),
        pytest.param([], "0.5", "", id="nothing told"),
    ],
)
def test_the_books_confirm_a_change_of_their_size(told: list[str], change: str, ids: str) -> None:
    entries = [
        entry(DEPOSIT if dec(q) > 0 else WITHDRAWAL, q, str(n), "BTC") for n, q in enumerate(told)
    ]
    assert "".join(e.id for e in confirming(dec(change), entries)) == ids


# --- worth


def test_dust_is_rounding_or_a_unit_of_the_quote() -> None:
    assert is_dust(dec("1e-8"), None)
    assert not is_dust(dec("1.1e-8"), None), "what is not priced is never small"
    assert is_dust(dec("-0.00001"), dec(100_000))
    assert not is_dust(dec("-0.0000101"), dec(100_000))


def test_prices_come_from_the_pair_and_else_from_the_contract() -> None:
    snapshot = make_snapshot({"BTC": 100_000, "SOL": 100})
    assert price_of("USDT", "USDT", snapshot) == 1
    assert price_of("BTC", "USDT", snapshot) == 100_000
    assert price_of("BNB", "USDT", snapshot) is None
    other = with_quote(snapshot, "BTC/USDT", bid=None)
    other = with_quote(other, "BTC/USDT:USDT", mark=dec(99_000))
    assert price_of("BTC", "USDT", other) == 99_000
