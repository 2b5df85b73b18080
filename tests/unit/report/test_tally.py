"""What counts as funding, fees and flows. Figures are reckoned by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from counterpoise.domain.hedge_book import BookLine, traded
from counterpoise.domain.ledger import EntryKind, LedgerEntry
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import Fill, Side
from counterpoise.domain.records import Flow
from counterpoise.domain.reporting import ReportState
from counterpoise.report.tally import Booked, tallied

AT = datetime(2026, 1, 6, tzinfo=UTC)
PERP = "BTC/USDT:USDT"
ASSETS = ("BTC", "ETH")
PRICES = {"BTC": dec(80_000), "ETH": dec(3_000)}
EMPTY = ReportState(quote="USDT")


def entry(kind: EntryKind, qty: object, asset: str = "USDT") -> LedgerEntry:
    return LedgerEntry(
        venue="main",
        id=f"{kind}{qty}",
        kind=kind,
        asset=asset,
        qty=dec(str(qty)),
        at=AT,
        symbol=PERP,
    )


def fill(symbol: str, side: Side, qty: object, price: object, fee: object, asset: str) -> Fill:
    return Fill(
        venue="main",
        symbol=symbol,
        trade_id="1",
        venue_order_id="1",
        side=side,
        qty=dec(str(qty)),
        price=dec(str(price)),
        fee=dec(str(fee)),
        fee_asset=asset,
        maker=True,
        filled_at=AT,
    )


def flow(asset: str, qty: object, price: object | None) -> Flow:
    worth = dec(str(price)) if price is not None else None
    return Flow(
        id="1", venue="main", asset=asset, qty=dec(str(qty)), at=AT, source="looks", price=worth
    )


def after(state: ReportState = EMPTY, **booked: object) -> ReportState:
    given: dict[str, object] = {"prices": PRICES, **booked}
    return tallied(state, Booked(**given), ASSETS)  # type: ignore[arg-type]  # keyword table of one dataclass


def sums(state: ReportState) -> tuple[Decimal, Decimal, Decimal]:
    return state.tally.funding, state.tally.fees, state.tally.flows


def test_funding_received_is_positive_and_commissions_are_paid() -> None:
    entries = (
        entry(EntryKind.FUNDING, 8),
        entry(EntryKind.FUNDING, "-1.5"),
        entry(EntryKind.COMMISSION, "-20"),
        entry(EntryKind.COMMISSION, "0.4"),  # a rebate
        entry(EntryKind.OTHER, "-3"),  # a liquidation's fee
        entry(EntryKind.REALIZED_PNL, 500),  # price
        entry(EntryKind.TRANSFER, 1_000),
        entry(EntryKind.DEPOSIT, 9_000),  # confirms a flow, and is none itself
    )
    assert sums(after(entries=entries)) == (dec("6.5"), dec("22.6"), 0)


def test_what_looks_book_adds_up() -> None:
    first = after(entries=(entry(EntryKind.FUNDING, 8),))
    second = after(first, entries=(entry(EntryKind.FUNDING, -3), entry(EntryKind.COMMISSION, -2)))
    assert sums(second) == (5, 2, 0)


def test_fees_of_coins_are_worth_the_price_of_their_fill_and_futures_pay_by_entry() -> None:
    fills = (
        fill("ETH/USDT", Side.BUY, 2, 3_100, "0.001", "ETH"),  # 3.10
        fill("ETH/USDT", Side.SELL, 1, 3_000, "1.5", "USDT"),
        fill(PERP, Side.SELL, 1, 80_000, 40, "USDT"),  # its commission is an entry
    )
    assert sums(after(fills=fills)) == (0, dec("4.6"), 0)


def test_a_fee_coin_that_is_no_part_of_equity_is_kept_apart() -> None:
    fills = (fill("ETH/USDT", Side.BUY, 2, 3_100, "0.01", "BNB"),)
    state = after(fills=fills, entries=(entry(EntryKind.COMMISSION, "-0.02", "BNB"),))
    assert sums(state) == (0, 0, 0)
    assert state.tally.outside == {"BNB": dec("0.03")}
    assert not state.owes


def test_flows_count_at_their_price_and_only_of_what_is_equity() -> None:
    flows = (
        flow("BTC", "0.1", 79_000),
        flow("USDT", -500, 1),
        flow("BNB", 3, 600),
        flow("XYZ", 9, None),
    )
    assert sums(after(flows=flows)) == (0, 0, 7_400)


def test_what_has_no_value_yet_is_owed_until_a_look_gives_one() -> None:
    blind = after(
        prices=None, flows=(flow("BTC", "0.1", None),), entries=(entry(EntryKind.FUNDING, 2),)
    )
    assert sums(blind) == (2, 0, 0)
    assert (blind.owes, blind.owed_flows) == (True, {"BTC": dec("0.1")})
    seen = after(blind)
    assert sums(seen) == (2, 0, 8_000)
    assert not seen.owes


def test_hedges_count_what_they_realised_closed_or_open() -> None:
    line = BookLine(strategy="half", venue="main", symbol=PERP)
    opened, _ = traded(line, dec(-2), dec(-200), ZERO, AT)
    half, _ = traded(opened, dec(1), dec(90), ZERO, AT)  # 100 sold, 90 paid: +10
    flat, closed = traded(half, dec(1), dec(105), ZERO, AT)  # -5
    assert closed is not None
    state = after(before=(line,), after=(opened,))
    assert state.tally.hedges == 0
    state = after(state, before=(opened,), after=(half,))
    assert state.tally.hedges == 10
    state = after(state, before=(half,), after=(flat,), closed=(closed,))
    assert state.tally.hedges == 5
    again, _ = traded(flat, dec(-1), dec(-100), ZERO, AT)
    assert after(state, before=(flat,), after=(again,)).tally.hedges == 5, "told once"
    coins = replace(half, symbol="BTC/USDT")
    assert after(state, before=(), after=(coins,)).tally.hedges == 5, "coins are no hedge"
