from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from counterpoise.decide.guards.flows import GRACE, MARGIN, FlowVerdict, FlowWatch
from counterpoise.domain.ledger import EntryKind, LedgerEntry
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Fill, OrderState, Side
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.records import Flow, PositionRecord, StrategyRecord, WalletRecord
from tests.build import (
    BTC_PERP,
    NOW,
    VENUE,
    Number,
    make_account,
    make_fill,
    make_order,
    make_policy,
    make_recorded,
    make_venue_snapshot,
    make_venues_snapshot,
)

PAIR = "BTC/USDT"
#: Half past noon: no funding is due.
START_S = 1800.0


@dataclass
class Bank:
    """An account by what it shows, and the records that looks at it leave. Times are seconds after half past noon."""

    spot: dict[str, Decimal] = field(default_factory=lambda: {"BTC": dec(1), "SOL": dec(50)})
    futures: dict[str, Decimal] = field(default_factory=lambda: {"USDT": dec(10_000)})
    positions: dict[str, Number] = field(default_factory=dict)
    policy: PortfolioPolicy = field(default_factory=make_policy)
    wallets: dict[tuple[str, str], WalletRecord] = field(default_factory=dict)
    flows: list[Flow] = field(default_factory=list)
    prices: Mapping[str, Number] = field(default_factory=lambda: {"BTC": 100_000, "SOL": 100})

    def __post_init__(self) -> None:
        self.watch = FlowWatch(self.policy)

    def look(
        self,
        at_s: float,
        *events: Fill | LedgerEntry,
        answered: bool = True,
        ledger: bool = True,
        ledger_age_s: float = 0,
        commit: bool = True,
        read_s: float | None = None,
        **recorded: Any,
    ) -> FlowVerdict:
        at = NOW + timedelta(seconds=START_S + at_s)
        read_at = at if read_s is None else NOW + timedelta(seconds=START_S + read_s)
        account = make_account(self.spot, self.futures, self.positions, as_of=read_at)
        seen = make_venue_snapshot(account if answered else None, self.prices)
        asked_at = at - timedelta(seconds=ledger_age_s)
        seen = replace(seen, ledger=() if ledger else None, ledger_at=asked_at)
        verdict = self.watch.look(
            make_venues_snapshot(seen, as_of=at),
            make_recorded(
                *recorded.pop("orders", ()),
                wallets=dict(self.wallets),
                **{"positions": (), **recorded},
            ),
            [e for e in events if isinstance(e, Fill)],
            [e for e in events if isinstance(e, LedgerEntry)],
        )
        if commit:
            self.flows += verdict.flows
            self.wallets |= {(w.venue, w.asset): w for w in verdict.wallets}
        return verdict

    def codes(self, at_s: float, *events: Fill | LedgerEntry, **how: Any) -> list[str]:
        return [d.code for d in self.look(at_s, *events, **how).doubts]

    def restart(self) -> None:
        self.watch = FlowWatch(self.policy)

    @property
    def record(self) -> dict[str, Decimal]:
        return {asset: w.qty for (_, asset), w in self.wallets.items()}

    @property
    def found(self) -> list[tuple[str, Decimal, str]]:
        return [(f.asset, f.qty, f.source) for f in self.flows]


def known() -> Bank:
    """A bank whose balances are on record since a minute."""
    bank = Bank()
    assert bank.look(-60).doubts == ()
    return bank


def at(seconds: float) -> Any:
    return NOW + timedelta(seconds=START_S + seconds)


_IDS = iter(range(10_000))


def bought(qty: Number, at_s: float, price: Number = 100_000, **changes: Any) -> Fill:
    made = {"symbol": PAIR, "trade_id": f"t{next(_IDS)}", "filled_at": at(at_s), **changes}
    return make_fill(Side.BUY, qty, price, **made)


def entry(
    kind: EntryKind, qty: Number, at_s: float, asset: str = "USDT", **changes: Any
) -> LedgerEntry:
    made = LedgerEntry(
        venue=VENUE, id=f"e{next(_IDS)}", kind=kind, asset=asset, qty=dec(qty), at=at(at_s)
    )
    return replace(made, **changes)


# --- what goes on record


def test_the_first_look_records_balances_as_they_are_and_finds_no_flow() -> None:
    bank = Bank(spot={"BTC": dec(1), "USDT": dec(7), "DOGE": dec(5)})
    assert bank.look(0) == FlowVerdict(
        wallets=tuple(
            WalletRecord(venue=VENUE, asset=a, qty=dec(q), as_of=at(0))
            for a, q in (("BTC", 1), ("SOL", 0), ("USDT", 10_007))
        )
    )
    assert bank.look(30) == FlowVerdict(), "nothing changed: nothing is written"


def test_what_no_sleeve_holds_is_ignored() -> None:
    bank = known()
    bank.spot["DOGE"] = dec(1000)
    assert bank.look(0) == FlowVerdict()


def test_an_account_that_was_not_answered_goes_on_no_record() -> None:
    bank = Bank()
    assert bank.look(0, answered=False) == FlowVerdict()
    assert bank.look(30).wallets != ()


def test_a_balance_in_motion_waits_to_go_on_record() -> None:
    bank = Bank()
    bank.look(0, bought("0.1", -1), entry(EntryKind.FUNDING, 5, -1))
    assert set(bank.record) == {"SOL"}
    bank.look(30)
    assert bank.record == {"SOL": 50, "BTC": 1, "USDT": 10_000}


def test_an_asset_that_joins_the_portfolio_is_recorded_as_it_is() -> None:
    bank = known()
    del bank.wallets[VENUE, "SOL"]
    bank.spot["SOL"] = dec(99)
    assert bank.look(0).flows == ()
    assert bank.record["SOL"] == 99


# --- what own trades and the venue's books explain


def test_own_spot_fills_are_no_flow() -> None:
    bank = known()
    bank.spot |= {"BTC": dec("1.0999"), "USDT": dec(-10_000)}
    fill = bought("0.1", -30, fee=dec("0.0001"), fee_asset="BTC")
    assert bank.look(0, fill).doubts == ()
    assert bank.record == {"BTC": dec("1.0999"), "USDT": 0, "SOL": 50}
    assert bank.flows == []


@pytest.mark.parametrize(
    "kind",
    [EntryKind.FUNDING, EntryKind.REALIZED_PNL, EntryKind.COMMISSION, EntryKind.OTHER],
)
def test_what_the_venue_books_for_futures_is_no_flow(kind: EntryKind) -> None:
    bank = known()
    bank.futures["USDT"] -= 250
    assert bank.look(0, entry(kind, -250, -30)).doubts == ()
    assert (bank.record["USDT"], bank.flows) == (9750, [])


def test_the_same_amount_without_a_booking_is_one() -> None:
    bank = known()
    bank.futures["USDT"] -= 250
    assert bank.codes(0) == ["flow_unconfirmed"]
    assert (bank.record["USDT"], bank.flows) == (10_000, [])


def test_a_transfer_between_wallets_cancels_out() -> None:
    bank = known()
    bank.spot["USDT"] = dec(4000)
    bank.futures["USDT"] -= 4000
    assert bank.look(0, entry(EntryKind.TRANSFER, -4000, -30)) == FlowVerdict()


def test_a_fee_coin_is_watched_from_its_first_fee_on_and_holds_nobody_up() -> None:
    bank = known()
    bank.spot |= {"BNB": dec(2), "BTC": dec("1.1"), "USDT": dec(-10_000)}
    bank.look(0, bought("0.1", -30, fee=dec("0.01"), fee_asset="BNB"))
    assert bank.record["BNB"] == 2
    bank.spot |= {"BNB": dec("1.99"), "BTC": dec("1.2"), "USDT": dec(-20_000)}
    assert bank.look(30, bought("0.1", 10, fee=dec("0.01"), fee_asset="BNB")).doubts == ()
    assert bank.record["BNB"] == dec("1.99")
    bank.spot["BNB"] = dec(5)
    assert [bank.codes(s) for s in (60, 90, 120)] == [[], [], []]
    assert bank.found == [("BNB", dec("3.01"), "looks")]
    assert bank.flows[0].price is None


def test_what_was_booked_while_the_account_was_silent_is_expected_afterwards() -> None:
    bank = known()
    verdict = bank.look(0, entry(EntryKind.FUNDING, 5, -1), bought("0.1", -30), answered=False)
    assert verdict.doubts == verdict.flows == ()
    assert bank.record == {"BTC": dec("1.1"), "USDT": 5, "SOL": 50}
    bank.spot |= {"BTC": dec("1.1"), "USDT": dec(-10_000)}
    bank.futures["USDT"] += 5
    assert bank.look(30) == FlowVerdict()


# --- a flow is confirmed by looks


def test_coins_that_came_in_are_doubted_and_then_booked() -> None:
    bank = known()
    bank.spot["BTC"] = dec("1.5")
    (why,) = bank.look(0).doubts
    assert why.code == "flow_unconfirmed"
    assert "BTC at main is 0.5 more than trades, fees and funding explain (1.5, not 1)" in why.text
    assert bank.codes(30) == ["flow_unconfirmed"]
    verdict = bank.look(60)
    assert verdict.doubts == ()
    assert bank.found == [("BTC", dec("0.5"), "looks")]
    assert (bank.flows[0].price, bank.flows[0].at) == (100_000, at(60))
    assert bank.record["BTC"] == dec("1.5")
    assert bank.look(90) == FlowVerdict()


@pytest.mark.parametrize(
    ("looks", "doubted"),
    [
        pytest.param((0, 30, 60), [1, 1, 0], id="three looks over a minute"),
        pytest.param((0, 30, 59.999), [1, 1, 1], id="three looks in less"),
        pytest.param((0, 600), [1, 1], id="two looks over more"),
        pytest.param((0, 1, 2, 60), [1, 1, 1, 0], id="many looks, a minute at last"),
    ],
)
def test_equal_looks_over_a_minute_confirm(looks: tuple[float, ...], doubted: list[int]) -> None:
    bank = known()
    bank.spot["BTC"] = dec("0.5")
    assert [len(bank.codes(s)) for s in looks] == doubted


def test_one_answer_shown_again_is_one_look() -> None:
    bank = known()
    bank.spot["BTC"] = dec("0.5")
    assert [len(bank.codes(s, read_s=0)) for s in (0, 30, 60, 90)] == [1, 1, 1, 1]
    assert [len(bank.codes(s)) for s in (91, 92)] == [1, 0]


def test_a_bad_read_passes_without_a_trace() -> None:
    bank = known()
    bank.spot["BTC"] = dec("0.5")
    assert bank.codes(0) == ["flow_unconfirmed"]
    bank.spot["BTC"] = dec(1)
    assert bank.look(30) == FlowVerdict()
    bank.spot["BTC"] = dec("0.5")
    assert [len(bank.codes(s)) for s in (60, 90)] == [1, 1], "the row begins anew"


@pytest.mark.parametrize("broken", ["another amount", "unanswered"])
def test_only_an_unbroken_row_counts(broken: str) -> None:
    bank = known()
    bank.spot["BTC"] = dec("0.5")
    assert [len(bank.codes(s)) for s in (0, 30)] == [1, 1]
    bank.spot["BTC"] = dec("0.6")
    bank.look(45, answered=broken != "unanswered")
    bank.spot["BTC"] = dec("0.5")
    assert [len(bank.codes(s)) for s in (60, 90, 120)] == [1, 1, 0]
    assert bank.found == [("BTC", dec("-0.5"), "looks")]


def test_funding_and_fills_meanwhile_do_not_break_the_row() -> None:
    bank = known()
    bank.futures["USDT"] += 3000
    assert bank.codes(0) == ["flow_unconfirmed"]
    bank.futures["USDT"] -= 7
    assert bank.codes(30, entry(EntryKind.FUNDING, -7, 20)) == ["flow_unconfirmed"]
    bank.spot |= {"BTC": dec("1.01"), "USDT": dec(-1000)}
    assert bank.codes(60, bought("0.01", 40)) == []
    assert bank.found == [("USDT", dec(3000), "looks")]
    assert bank.record == {"BTC": dec("1.01"), "USDT": dec(11_993), "SOL": 50}


def test_a_trade_by_hand_is_two_flows() -> None:
    bank = known()
    bank.spot |= {"BTC": dec("0.5"), "USDT": dec(49_950)}
    assert [len(bank.codes(s)) for s in (0, 30, 60)] == [2, 2, 0]
    assert bank.found == [("BTC", dec("-0.5"), "looks"), ("USDT", dec(49_950), "looks")]


def test_the_same_amount_again_is_confirmed_anew() -> None:
    bank = known()
    bank.spot["BTC"] = dec("1.5")
    for s in (0, 30, 60):
        bank.look(s)
    bank.spot["BTC"] = dec(2)
    assert [len(bank.codes(s)) for s in (90, 120, 150)] == [1, 1, 0]
    assert [f.qty for f in bank.flows] == [dec("0.5"), dec("0.5")]
    assert len({f.id for f in bank.flows}) == 2


# --- a flow is confirmed by the venue's books


def test_a_deposit_in_the_books_is_believed_at_once() -> None:
    bank = known()
    bank.spot["BTC"] = dec("1.5")
    assert bank.look(0, entry(EntryKind.DEPOSIT, "0.5", -30, "BTC")).doubts == ()
    assert bank.found == [("BTC", dec("0.5"), "ledger")]
    assert bank.record["BTC"] == dec("1.5")


def test_old_books_confirm_nothing_until_they_are_new_again() -> None:
    bank = known()
    bank.spot["BTC"] = dec("1.5")
    deposit = entry(EntryKind.DEPOSIT, "0.5", -30, "BTC")
    assert bank.codes(0, deposit, ledger_age_s=61) == ["flow_unconfirmed"]
    assert bank.found == []
    assert bank.codes(10, ledger_age_s=60) == []
    assert bank.found == [("BTC", dec("0.5"), "ledger")]


def test_no_look_with_old_books_counts_for_collateral() -> None:
    bank = known()
    bank.futures["USDT"] += 3000
    looks = [(0, 61), (30, 61), (60, 61), (90, 0), (120, 0), (150, 0)]
    assert [len(bank.codes(s, ledger_age_s=age)) for s, age in looks] == [1, 1, 1, 1, 1, 0]


@pytest.mark.parametrize("shown", ["-0.5", "-0.51"])
def test_a_withdrawal_in_the_books_is_booked_as_the_balance_shows_it(shown: str) -> None:
    bank = known()
    bank.spot["BTC"] += dec(shown)
    assert bank.look(0, entry(EntryKind.WITHDRAWAL, "-0.5", -30, "BTC")).doubts == ()
    assert bank.found == [("BTC", dec(shown), "ledger")]


def test_books_that_tell_of_another_amount_or_asset_confirm_nothing() -> None:
    bank = known()
    bank.spot["BTC"] = dec("1.5")
    others = (entry(EntryKind.DEPOSIT, "0.4", 0, "BTC"), entry(EntryKind.DEPOSIT, "0.5", 0, "SOL"))
    assert bank.codes(0, *others) == ["flow_unconfirmed"]


def test_books_may_be_ahead_of_the_balance_or_behind_it() -> None:
    ahead = known()
    assert ahead.look(0, entry(EntryKind.DEPOSIT, "0.5", 0, "BTC")) == FlowVerdict()
    ahead.spot["BTC"] = dec("1.5")
    assert ahead.look(30).doubts == ()
    assert ahead.found == [("BTC", dec("0.5"), "ledger")]
    behind = known()
    behind.spot["BTC"] = dec("1.5")
    assert behind.codes(0) == ["flow_unconfirmed"]
    assert behind.codes(1, entry(EntryKind.DEPOSIT, "0.5", 0, "BTC")) == []
    assert behind.found == [("BTC", dec("0.5"), "ledger")]


def test_an_entry_confirms_once() -> None:
    bank = known()
    bank.spot["BTC"] = dec("1.5")
    bank.look(0, entry(EntryKind.DEPOSIT, "0.5", -30, "BTC"))
    bank.spot["BTC"] = dec(2)
    assert bank.codes(30) == ["flow_unconfirmed"]


def test_an_entry_that_comes_after_the_looks_books_nothing_more() -> None:
    bank = known()
    bank.spot["BTC"] = dec("1.5")
    for s in (0, 30, 60):
        bank.look(s)
    assert bank.look(90, entry(EntryKind.DEPOSIT, "0.5", 0, "BTC")) == FlowVerdict()
    assert bank.look(120) == FlowVerdict()
    assert len(bank.flows) == 1


# --- empty wallets


def test_a_wallet_read_as_nothing_is_told_once_and_believed_after_looks() -> None:
    bank = known()
    bank.spot["BTC"] = dec(0)
    (why,) = bank.look(0).doubts
    assert why.code == "wallet_gone"
    assert "the spot wallet of BTC at main shows nothing" in why.text
    assert [len(bank.codes(s)) for s in (30, 60)] == [1, 0]
    assert bank.found == [("BTC", dec(-1), "looks")]


def test_a_wallet_whose_withdrawal_is_in_the_books_is_believed() -> None:
    bank = known()
    bank.spot["BTC"] = dec(0)
    assert bank.look(0, entry(EntryKind.WITHDRAWAL, -1, -1, "BTC")).doubts == ()


def test_a_futures_wallet_that_is_not_shown_is_named_though_spot_has_the_quote() -> None:
    bank = Bank(spot={"BTC": dec(1), "SOL": dec(50), "USDT": dec(300)})
    bank.look(-60)
    bank.futures = {}
    (why,) = bank.look(0).doubts
    assert why.code == "wallet_gone"
    assert "the futures wallet of USDT at main" in why.text


def test_a_wallet_that_vanishes_breaks_the_rows_of_the_others() -> None:
    bank = known()
    bank.spot["BTC"] = dec("0.5")
    assert [len(bank.codes(s)) for s in (0, 30)] == [1, 1]
    bank.spot["SOL"] = dec(0)
    assert [len(bank.codes(s)) for s in (60, 90, 120)] == [2, 2, 0]


def test_a_vanished_wallet_is_told_once_while_another_is_not_on_record_yet() -> None:
    bank = known()
    del bank.wallets[VENUE, "SOL"]
    bank.spot["BTC"] = dec(0)
    assert bank.codes(0) == ["wallet_gone"]


def test_dust_that_reads_as_nothing_holds_nobody_up_and_is_not_believed_at_once() -> None:
    bank = Bank(spot={"BTC": dec("0.000001"), "SOL": dec(50)})
    bank.look(-60)
    bank.spot["BTC"] = dec(0)
    assert bank.look(0) == FlowVerdict()
    assert [len(bank.codes(s)) for s in (30, 60)] == [0, 0]
    assert bank.found == [("BTC", dec("-0.000001"), "looks")]


def test_without_a_record_an_empty_wallet_that_a_short_rests_on_is_not_recorded() -> None:
    bank = Bank(spot={"SOL": dec(50)})
    wish = StrategyRecord(id="half", kind="hedge", document={"overlays": {"BTC": "-0.5"}})
    assert bank.codes(0, strategies={"half": wish}) == ["wallet_gone"]
    assert bank.wallets == {}
    bank.spot["BTC"] = dec(1)
    assert bank.codes(30, strategies={"half": wish}) == []
    assert bank.record["BTC"] == 1


# --- dust


@pytest.mark.parametrize(("usdt", "held"), [("-1", 0), ("-1.01", 1), ("0.3", 0), ("1.01", 1)])
def test_what_is_worth_a_unit_of_the_quote_holds_nobody_up(usdt: str, held: int) -> None:
    bank = known()
    bank.futures["USDT"] += dec(usdt)
    assert [len(bank.codes(s)) for s in (0, 1)] == [held, held]
    assert [q for _, q, _ in bank.found] == ([] if held else [dec(usdt)])
    assert bank.record["USDT"] == 10_000 + (0 if held else dec(usdt))


def test_dust_that_one_read_shows_is_none() -> None:
    bank = known()
    bank.spot["USDT"] = dec("0.5")  # moved from the futures wallet, which was read before
    assert bank.look(0) == FlowVerdict()
    bank.futures["USDT"] -= dec("0.5")
    assert bank.look(1) == FlowVerdict()
    assert bank.flows == []


# --- two things at one time


def test_a_fill_that_the_account_does_not_show_yet_is_no_flow() -> None:
    bank = known()
    assert bank.look(0, bought("0.1", 0)).doubts == ()
    assert bank.record["BTC"] == dec("1.1"), "it will"
    bank.spot |= {"BTC": dec("1.1"), "USDT": dec(-10_000)}
    assert bank.look(30) == FlowVerdict()
    assert bank.flows == []


def test_an_account_that_stays_behind_a_fill_is_doubted_and_recovers() -> None:
    bank = known()
    bank.look(0, bought("0.1", 0))
    assert len(bank.codes(MARGIN.total_seconds())) == 0
    assert len(bank.codes(30)) == 2
    bank.spot |= {"BTC": dec("1.1"), "USDT": dec(-10_000)}
    assert bank.look(60) == FlowVerdict()


def test_an_old_fill_must_be_in_the_account() -> None:
    bank = known()
    late = MARGIN.total_seconds() + 0.001
    assert bank.codes(0, bought("0.1", -late)) == ["flow_unconfirmed"] * 2


def test_of_two_late_fills_the_account_may_show_the_first() -> None:
    bank = known()
    first, second = bought("0.1", -2), bought("0.2", -1)
    bank.spot |= {"BTC": dec("1.1"), "USDT": dec(-10_000)}
    assert bank.look(0, first, second).doubts == ()
    other = known()
    other.spot |= {"BTC": dec("1.2"), "USDT": dec(-20_000)}
    assert len(other.codes(0, first, second)) == 2, "not the second alone"


def test_a_transfer_seen_in_one_wallet_only_is_no_flow() -> None:
    bank = known()
    bank.spot["USDT"] = dec(4000)
    assert bank.look(0, entry(EntryKind.TRANSFER, -4000, -1)) == FlowVerdict()
    bank.futures["USDT"] -= 4000
    assert bank.look(30) == FlowVerdict()


def test_a_deposit_beside_a_late_fill_is_found_in_full() -> None:
    bank = known()
    bank.spot["BTC"] = dec("1.5")
    assert len(bank.codes(0, bought("0.1", 0))) == 1
    bank.spot |= {"BTC": dec("1.6"), "USDT": dec(-10_000)}
    assert [len(bank.codes(s)) for s in (30, 60, 90)] == [1, 1, 0]
    assert [f.qty for f in bank.flows] == [dec("0.5")]


# --- bookings on their way


def own_short(at_s: float, qty: Number = "0.1") -> Fill:
    return make_fill(
        Side.SELL, qty, 100_000, trade_id=f"t{next(_IDS)}", fee=dec(5), filled_at=at(at_s)
    )


def test_a_commission_that_the_books_do_not_show_yet_holds_nobody_up() -> None:
    bank = known()
    bank.futures["USDT"] -= 5
    assert bank.look(0, own_short(-10)) == FlowVerdict()
    assert bank.look(30, entry(EntryKind.COMMISSION, -5, -10, symbol=BTC_PERP)).doubts == ()
    assert (bank.record["USDT"], bank.flows) == (9995, [])


def test_nor_does_a_profit_below_what_was_traded_but_one_beyond_it() -> None:
    bank = known()
    bank.futures["USDT"] += 9999
    assert bank.codes(0, own_short(-10)) == []
    other = known()
    other.futures["USDT"] += 10_001
    assert other.codes(0, own_short(-10)) == ["flow_unconfirmed"]


def test_what_does_not_come_within_a_minute_is_doubted_and_then_booked() -> None:
    bank = known()
    bank.futures["USDT"] -= 500
    assert bank.codes(0, own_short(-1)) == []
    assert bank.codes(30) == []
    assert [len(bank.codes(s)) for s in (61, 91, 121)] == [1, 1, 0]
    assert bank.found == [("USDT", dec(-500), "looks")]


def test_funding_that_the_books_do_not_show_yet_holds_nobody_up() -> None:
    bank = known()
    bank.positions = {"BTC": "-0.5"}
    hour = 1800.0
    held = [_own("-0.5")]
    bank.look(hour - 30, positions=held)
    bank.futures["USDT"] += 20
    assert bank.look(hour + 5, positions=held) == FlowVerdict()
    paid = entry(EntryKind.FUNDING, 20, hour, symbol=BTC_PERP)
    assert bank.look(hour + 35, paid, positions=held).doubts == ()
    assert (bank.record["USDT"], bank.flows) == (10_020, [])


def _own(qty: str) -> Any:
    return PositionRecord(venue=VENUE, symbol=BTC_PERP, own_qty=dec(qty))


def test_a_spot_order_whose_fills_are_unread_explains_what_it_may() -> None:
    bank = known()
    order = make_order(
        Side.SELL, "0.5", symbol=PAIR, state=OrderState.FILLED, filled_qty=dec("0.5")
    )
    bank.spot |= {"BTC": dec("0.5"), "USDT": dec(50_000)}
    assert bank.codes(0, orders=[order]) == []
    bank.spot["BTC"] = dec("0.49")
    assert bank.codes(30, orders=[order]) == ["flow_unconfirmed"], "more than the order"


def test_patience_ends_although_something_is_always_on_its_way() -> None:
    bank = known()
    bank.futures["USDT"] -= 500
    doubted = [bank.codes(s, own_short(s - 1)) for s in range(0, 100, 10)]
    assert doubted[:7] == [[]] * 7
    assert all(doubted[int(GRACE.total_seconds() / 10) + 1 :])


# --- books that were not answered


def test_without_the_books_the_collateral_is_not_judged_by_looks() -> None:
    bank = known()
    bank.futures["USDT"] -= 250
    assert [len(bank.codes(s, ledger=False)) for s in (0, 30, 60, 90)] == [1, 1, 1, 1]
    assert bank.flows == []
    assert bank.codes(120, entry(EntryKind.FUNDING, -250, -1)) == []
    assert bank.flows == []


def test_without_the_books_cents_of_collateral_wait() -> None:
    bank = known()
    bank.futures["USDT"] -= dec("0.4")
    assert [bank.look(s, ledger=False) for s in (0, 30, 60, 90)] == [FlowVerdict()] * 4
    bank.look(120, entry(EntryKind.FUNDING, "-0.4", -1))
    assert (bank.record["USDT"], bank.flows) == (dec("9999.6"), [])


def test_without_the_books_coins_are_judged_by_looks() -> None:
    bank = known()
    bank.spot["BTC"] = dec("0.5")
    assert [len(bank.codes(s, ledger=False)) for s in (0, 30, 60)] == [1, 1, 0]


# --- restarts and crashes


def test_a_restart_remembers_the_balances_and_looks_anew() -> None:
    bank = known()
    bank.spot["BTC"] = dec("0.5")
    assert [len(bank.codes(s)) for s in (0, 30)] == [1, 1]
    bank.restart()
    assert [len(bank.codes(s)) for s in (60, 90, 120)] == [1, 1, 0]
    bank.restart()
    assert bank.look(150) == FlowVerdict()


def test_what_was_deposited_while_nobody_looked_is_found_at_the_next_start() -> None:
    bank = known()
    bank.restart()
    bank.spot["BTC"] = dec(3)
    assert bank.look(9000, entry(EntryKind.DEPOSIT, 2, 4000, "BTC")).doubts == ()
    assert bank.found == [("BTC", dec(2), "ledger")]


def test_a_look_that_could_not_be_committed_is_taken_again() -> None:
    bank = known()
    bank.spot["BTC"] = dec("1.5")
    deposit = entry(EntryKind.DEPOSIT, "0.5", -30, "BTC")
    first = bank.look(0, deposit, commit=False)
    second = bank.look(5, deposit)
    assert [f.qty for f in first.flows] == [f.qty for f in second.flows] == [dec("0.5")]
    assert bank.look(30) == FlowVerdict()


def test_fills_that_could_not_be_committed_count_once() -> None:
    bank = known()
    fill = bought("0.1", -30)
    bank.spot |= {"BTC": dec("1.1"), "USDT": dec(-10_000)}
    bank.look(0, fill, commit=False)
    assert bank.look(5, fill).doubts == ()
    assert bank.record["BTC"] == dec("1.1")
    assert bank.look(30) == FlowVerdict()


def test_a_late_fill_that_could_not_be_committed_is_late_once() -> None:
    bank = known()
    fill = bought("0.1", 0)
    assert bank.look(0, fill, commit=False).doubts == ()
    bank.spot["BTC"] = dec("0.9")
    assert bank.codes(1, fill) == ["flow_unconfirmed"], "twice the fill is missing, and 0.1 is gone"


def test_a_confirmed_flow_that_could_not_be_committed_is_booked_by_the_next_look() -> None:
    bank = known()
    bank.spot["BTC"] = dec("1.5")
    for s in (0, 30):
        bank.look(s)
    assert len(bank.look(60, commit=False).flows) == 1
    assert len(bank.look(65).flows) == 1
    assert bank.look(90) == FlowVerdict()
    assert bank.record["BTC"] == dec("1.5")


def test_a_booking_older_than_the_record_that_shows_it_is_not_counted_twice() -> None:
    """Funding of noon is in the first balance at five past, and in the books a minute later."""
    bank = Bank()
    bank.look(0)
    assert bank.look(60, entry(EntryKind.FUNDING, 20, -10)) == FlowVerdict()
    assert bank.record["USDT"] == 10_000
    bank.futures["USDT"] += 30
    assert bank.look(90, entry(EntryKind.FUNDING, 30, -10)).doubts == ()
    assert bank.record["USDT"] == 10_030, "but one that is not in it is"


# --- several venues


def two(
    side_btc: str, at_s: float, watch: FlowWatch, wallets: dict[Any, WalletRecord]
) -> FlowVerdict:
    accounts = {"main": make_account({"BTC": 1}), "side": make_account({"BTC": side_btc})}
    seen = [
        make_venue_snapshot(replace(a, as_of=at(at_s)), {"BTC": 100_000, "SOL": 100}, venue=v)
        for v, a in accounts.items()
    ]
    verdict = watch.look(
        make_venues_snapshot(*seen, as_of=at(at_s)), make_recorded(wallets=dict(wallets))
    )
    wallets |= {(w.venue, w.asset): w for w in verdict.wallets}
    return verdict


def test_each_account_explains_itself() -> None:
    watch = FlowWatch(make_policy(venues=("main", "side")))
    wallets: dict[Any, WalletRecord] = {}
    assert two("2", 0, watch, wallets).doubts == ()
    found: list[tuple[int, list[tuple[str, Decimal]]]] = []
    for s in (30, 60, 90):
        verdict = two("1", s, watch, wallets)
        found.append((len(verdict.doubts), [(f.venue, f.qty) for f in verdict.flows]))
    assert found == [(1, []), (1, []), (0, [("side", dec(-1))])]
