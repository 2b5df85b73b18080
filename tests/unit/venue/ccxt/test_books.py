"""The venue's bookings: every kind, every page once, and what a key may not read is not made up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from counterpoise.domain.errors import VenueError
from counterpoise.domain.ledger import EntryKind, LedgerEntry
from counterpoise.domain.numbers import dec
from counterpoise.venue.ccxt import books
from counterpoise.venue.ccxt.call import Call, CallFailed
from counterpoise.venue.ccxt.endpoints import Endpoint, Scope
from counterpoise.venue.ccxt.instants import to_ms
from counterpoise.venue.ccxt.instruments import Catalogue
from counterpoise.venue.ccxt.wire import Wire
from tests.build import NOW
from tests.wire.scripted import FUTURES_ROW

CATALOGUE = Catalogue({Scope.FUTURES: {"symbols": [FUTURES_ROW]}})
NOW_MS = to_ms(NOW)
HOUR = timedelta(hours=1)


def income(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "incomeType": "FUNDING_FEE",
        "income": "-0.00134317",
        "asset": "USDT",
        "time": NOW_MS - 1000 + number,
        "info": "",
        "tranId": 9_000_000_000_000_000_000 + number,
        "tradeId": "",
    } | changes


def deposit(**changes: Any) -> dict[str, Any]:
    return {
        "id": "769800519366885376",
        "amount": "0.5",
        "coin": "BTC",
        "status": 1,
        "txId": "98A3",
        "insertTime": NOW_MS - 7_200_000,
        "completeTime": NOW_MS - 600_000,
    } | changes


def withdrawal(**changes: Any) -> dict[str, Any]:
    return {
        "id": "69e53ad305124b96b43668ceab158a18",
        "amount": "28.75",
        "transactionFee": "0.25",
        "coin": "XRP",
        "status": 6,
        "txId": "19A5",
        "applyTime": f"{NOW - HOUR:%Y-%m-%d %H:%M:%S}",
    } | changes


class Venue:
    """Answers pages of fixed rows; ``refuses`` is the code with which the wallet history is refused."""

    def __init__(
        self,
        rows: Mapping[str, list[Any]],
        *,
        newest_first: bool = False,
        refuses: int | None = None,
    ) -> None:
        self.rows = rows
        self.newest_first = newest_first
        self.refuses = refuses
        self.asked: list[str] = []
        self.now = NOW

    def venue_now(self) -> datetime:
        return self.now

    def failed(self, failure: CallFailed) -> VenueError:
        return VenueError(failure.text)

    async def read(self, endpoint: Endpoint, params: Mapping[str, str]) -> Any:
        return await self.ask(endpoint, params)

    async def ask(self, endpoint: Endpoint, params: Mapping[str, str]) -> Any:
        self.asked.append(endpoint.method)
        if endpoint.scope is Scope.WALLET and self.refuses is not None:
            call = Call(endpoint=endpoint, sent=True)
            call.replied(400, {}, f'{{"code":{self.refuses},"msg":"no"}}')
            raise CallFailed(call, "no", sent=True)
        limit = int(params["limit"])
        rows = self.rows.get(endpoint.method, [])
        rows = rows[::-1] if self.newest_first else rows
        first = int(params["offset"]) if "offset" in params else (int(params["page"]) - 1) * limit
        return rows[first : first + limit]


def with_income(rows: list[Any], **more: Any) -> Venue:
    return Venue({"fapiPrivateGetIncome": rows}, **more)


def with_wallet(deposits: list[Any], withdrawals: list[Any] | None = None, **more: Any) -> Venue:
    return Venue(
        {
            "sapiGetCapitalDepositHisrec": deposits,
            "sapiGetCapitalWithdrawHistory": withdrawals or [],
        },
        **more,
    )


async def read_income(venue: Venue, since: datetime = NOW - HOUR) -> list[LedgerEntry]:
    return await books.read_income(cast("Wire", venue), "main", CATALOGUE, since)


async def read_flows(
    venue: Venue,
    since: datetime = NOW - HOUR,
    history: books.WalletHistory | None = None,
) -> list[LedgerEntry]:
    history = history or books.WalletHistory()
    return await history.read(cast("Wire", venue), "main", since)


async def test_a_booking_is_read_exactly() -> None:
    (entry,) = await read_income(with_income([income(0)]))
    assert entry == LedgerEntry(
        venue="main",
        id="FUNDING_FEE:9000000000000000000:BTCUSDT:USDT",
        kind=EntryKind.FUNDING,
        asset="USDT",
        qty=dec("-0.00134317"),
        at=NOW - timedelta(seconds=1),
        symbol="BTC/USDT:USDT",
    )


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("FUNDING_FEE", EntryKind.FUNDING),
        ("REALIZED_PNL", EntryKind.REALIZED_PNL),
        ("DELIVERED_SETTELMENT", EntryKind.REALIZED_PNL),
        ("COMMISSION", EntryKind.COMMISSION),
        ("TRANSFER", EntryKind.TRANSFER),
        ("INSURANCE_CLEAR", EntryKind.OTHER),
        ("COMMISSION_REBATE", EntryKind.OTHER),
        ("SOMETHING_NEW", EntryKind.OTHER),
    ],
)
async def test_every_kind_has_a_place(name: str, kind: EntryKind) -> None:
    (entry,) = await read_income(with_income([income(0, incomeType=name)]))
    assert entry.kind is kind


async def test_the_same_number_in_two_kinds_is_two_bookings() -> None:
    rows = [income(0, incomeType=name) for name in ("REALIZED_PNL", "DELIVERED_SETTELMENT")]
    found = await read_income(with_income(rows))
    assert len({entry.key for entry in found}) == 2


async def test_a_contract_that_is_gone_is_still_named() -> None:
    rows = [income(0, symbol="BTCUSDT_250328"), income(1, symbol="NEWUSDT"), income(2, symbol="")]
    found = await read_income(with_income(rows))
    assert [entry.symbol for entry in found] == ["BTC/USDT:USDT-250328", "NEWUSDT", None]


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("count", [0, 2, 3, 4, 7])
async def test_all_pages_are_read(
    count: int, newest_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books, "LIMIT", 3)
    venue = with_income([income(n) for n in range(count)], newest_first=newest_first)
    assert len({entry.id for entry in await read_income(venue)}) == count
    assert len(venue.asked) == count // 3 + 1


async def test_pages_that_never_end_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Deaf(Venue):
        async def ask(self, endpoint: Endpoint, params: Mapping[str, str]) -> Any:
            return await super().ask(endpoint, {**params, "page": "1"})

    monkeypatch.setattr(books, "LIMIT", 3)
    with pytest.raises(VenueError, match="page 2, was the same again"):
        await read_income(Deaf({"fapiPrivateGetIncome": [income(n) for n in range(9)]}))


@pytest.mark.parametrize(
    "row",
    [
        income(0, income=None),
        income(0, time=0),
        income(0, incomeType=""),
        {"symbol": ""},
        "x",
        None,
    ],
)
async def test_a_garbled_booking_is_a_venue_error(row: Any) -> None:
    with pytest.raises(VenueError, match="income: the reply was not understood"):
        await read_income(with_income([row]))


async def test_a_deposit_counts_from_when_it_was_credited() -> None:
    # first seen two hours ago, before what is asked for; credited ten minutes ago
    (entry,) = await read_flows(with_wallet([deposit()]))
    assert (entry.kind, entry.asset, entry.qty) == (EntryKind.DEPOSIT, "BTC", dec("0.5"))
    assert (entry.id, entry.at) == ("769800519366885376", NOW - timedelta(minutes=10))
    assert await read_flows(with_wallet([deposit()]), NOW - timedelta(minutes=9)) == []
    old = deposit(insertTime=NOW_MS - 60_000)
    del old["completeTime"], old["id"]
    (entry,) = await read_flows(with_wallet([old]))
    assert (entry.id, entry.at) == ("98A3", NOW - timedelta(minutes=1))


@pytest.mark.parametrize(("status", "counts"), [(0, 0), (1, 1), (2, 0), (6, 1), (7, 0), (8, 0)])
async def test_only_credited_deposits_count(status: int, counts: int) -> None:
    assert len(await read_flows(with_wallet([deposit(status=status)]))) == counts


async def test_a_withdrawal_leaves_with_its_fee_when_it_is_asked_for() -> None:
    (entry,) = await read_flows(with_wallet([], [withdrawal()]))
    assert (entry.kind, entry.asset, entry.qty) == (EntryKind.WITHDRAWAL, "XRP", dec(-29))
    assert (entry.id, entry.at) == ("69e53ad305124b96b43668ceab158a18", NOW - HOUR)


@pytest.mark.parametrize(
    ("status", "counts"), [(0, 1), (1, 0), (2, 1), (3, 0), (4, 1), (5, 0), (6, 1)]
)
async def test_a_withdrawal_that_failed_does_not_count(status: int, counts: int) -> None:
    assert len(await read_flows(with_wallet([], [withdrawal(status=status)]))) == counts


async def test_all_rows_of_the_wallet_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(books, "LIMIT", 3)
    many = [deposit(id=str(n)) for n in range(7)]
    assert len(await read_flows(with_wallet(many))) == 7


@pytest.mark.parametrize("code", [-2014, -2015, -1022])
async def test_a_key_that_may_not_read_the_wallet_is_not_tried_again(code: int) -> None:
    venue, history = with_wallet([deposit()], refuses=code), books.WalletHistory()
    for minutes in range(5):
        venue.now = NOW + timedelta(minutes=minutes)
        assert await read_flows(venue, history=history) == []
    assert venue.asked == ["sapiGetCapitalDepositHisrec"]


async def test_an_answer_is_good_for_a_moment_and_for_what_it_covers() -> None:
    venue, history = with_wallet([deposit()], [withdrawal()]), books.WalletHistory()

    async def questions(seconds: int, since: datetime) -> tuple[int, int]:
        venue.asked.clear()
        venue.now = NOW + timedelta(seconds=seconds)
        found = await read_flows(venue, since, history)
        return len(venue.asked), len(found)

    assert await questions(0, NOW - HOUR) == (2, 2)
    assert await questions(14, NOW - HOUR) == (0, 2)
    assert await questions(14, NOW - HOUR / 2) == (0, 1)
    assert await questions(14, NOW - 2 * HOUR) == (2, 2)  # earlier than what was asked for
    assert await questions(29, NOW - HOUR) == (2, 2)


async def test_another_failure_is_no_empty_wallet() -> None:
    history = books.WalletHistory()
    for _ in range(2):
        with pytest.raises(VenueError):
            await read_flows(with_wallet([deposit()], refuses=-1000), history=history)
