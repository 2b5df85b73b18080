"""Regular reports over days of a simulated market, summer time, crashes and downtime included.

What is told is judged by the exchange's own word: its accounts, and the payments in its truth log.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from counterpoise.app.cycle import Cycle
from counterpoise.app.cycle_report import CycleReport
from counterpoise.app.pace import Pace
from counterpoise.app.start import first_start
from counterpoise.domain.errors import StoreError, VenueError
from counterpoise.domain.events import Alert
from counterpoise.domain.hedge_book import ClosedHedge
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import universe_of
from counterpoise.domain.records import Changes, GuardRecord
from counterpoise.domain.reporting import REPORTS, ReportPlan
from counterpoise.domain.snapshot import Account
from counterpoise.domain.strategy import HedgePolicy
from counterpoise.record.memory import MemoryStore
from counterpoise.venue.sim import Wallet
from counterpoise.venue.sim.venue import SimVenue
from tests.scenario.stage import REAL_FEES, Stage, make_shape, make_stage

BERLIN = ZoneInfo("Europe/Berlin")
PLAN = ReportPlan(zone=BERLIN)
#: A Friday; summer time begins on the Sunday after it.
FRIDAY = datetime(2026, 3, 27, 4, tzinfo=UTC)
HALF = HedgePolicy(id="half", asset="BTC", ratio=dec("0.5"))
POLICY = make_shape(HALF)
HOUR = timedelta(hours=1)


class CrashingStore(MemoryStore):
    """A database that is gone at the moment a commit fits ``falls``, once; while ``odd`` it gives no hedges."""

    falls: Callable[[Changes], bool] = staticmethod(lambda _: False)
    odd = False

    async def commit(self, changes: Changes) -> None:
        if self.falls(changes):
            self.falls = lambda _: False
            raise StoreError("the machine fell over")
        await super().commit(changes)

    async def closed_hedges(self, portfolio: str, since: datetime) -> tuple[ClosedHedge, ...]:
        if self.odd:
            raise ValueError("a row of another shape")
        return await super().closed_hedges(portfolio, since)


class Mute(SimVenue):
    """A venue whose account cannot be read at times."""

    silent = False

    async def account(self) -> Account:
        if self.silent:
            raise VenueError("no answer")
        return await super().account()


@dataclass(slots=True)
class Days:
    """Looks with reports, as processes that may be started anew."""

    stage: Stage
    store: CrashingStore
    venue: Mute
    policy: PortfolioPolicy = POLICY
    plan: ReportPlan | None = PLAN
    told: list[Alert] = field(default_factory=list)
    last: CycleReport | None = None
    looks: int = 0

    async def until(self, end: datetime, *, restarts: bool = False) -> None:
        """Look until ``end``; with ``restarts`` every look is that of a new process."""
        clock, pace, cycle = self.stage.clock, Pace(self.stage.every), self._started()
        while clock.now() <= end:
            try:
                self.last = await cycle.run()
            except StoreError:
                cycle = self._started()
                continue
            self.looks += 1
            self.told += [a for a in self.last.alerts if a.kind.startswith("report_")]
            due = pace.next_look(self.last, clock.now())
            await self.down(due)
            cycle = self._started() if restarts else cycle

    async def down(self, end: datetime) -> None:
        """Let time pass without a look."""
        span = end - self.stage.clock.now()
        await self.stage.clock.sleep(dec(span // timedelta(microseconds=1)) / 1_000_000)

    def _started(self) -> Cycle:
        venues = {self.venue.id: self.venue}
        return Cycle(self.policy, venues, self.store, self.stage.clock, reports=self.plan)

    def local(self) -> list[tuple[str, str]]:
        """Kinds and wall times in Berlin."""
        return [(a.kind, f"{a.raised_at.astimezone(BERLIN):%a %H:%M}") for a in self.told]


async def make_days(**changes: Any) -> Days:
    """1 BTC at 80,000 and 30,000 USDT, half of the coin hedged; funding every eight hours, real fees."""
    options: dict[str, Any] = {
        "futures": 30_000, "fees": REAL_FEES, "funding": "0.0001", "days": 100, "bar": HOUR, "every": HOUR, **changes,
    }  # fmt: skip
    stage = make_stage({"BTC": 80_000}, {"BTC": 1}, **options)
    store, venue = CrashingStore(), Mute("sim", stage.exchange, stage.api_key)
    days = Days(stage=stage, store=store, venue=venue)
    await days.down(FRIDAY)
    await venue.open()
    accounts = {"sim": await venue.account()}
    universe = universe_of(POLICY, {"sim": venue.instruments()})
    await store.commit(first_start(POLICY, "hash", accounts, universe, stage.clock.now()))
    return days


def money(alert: Alert, name: str) -> Decimal:
    return dec(alert.data[name])


def adds_up(alert: Alert) -> bool:
    """Start equity + price PnL + funding - fees + flows = end equity (MEANING 23)."""
    parts = [money(alert, n) for n in ("equity_start", "price", "funding", "flows")]
    return sum(parts, -money(alert, "fees")) == money(alert, "equity_end")


def paid(stage: Stage, kind: str, since: str, until: str) -> Decimal:
    """The exchange's own word on payments of a kind in a span."""
    first, last = datetime.fromisoformat(since), datetime.fromisoformat(until)
    rows = [e for e in stage.events(kind) if first.timestamp() < _seconds(e) <= last.timestamp()]
    return sum((dec(str(e["qty"])) for e in rows), ZERO)


def _seconds(event: dict[str, object]) -> float:
    return int(str(event["at"])) / 1000


async def test_a_report_a_day_across_the_beginning_of_summer_time() -> None:
    days = await make_days()
    jumps = {29: 84_000, 30: 76_000, 31: 90_000}
    for day, price in jumps.items():
        await days.until(datetime(2026, 3, day, 4, tzinfo=UTC))
        days.stage.price(BTC=price)
    await days.until(datetime(2026, 4, 1, 6, tzinfo=UTC))
    assert days.local() == [
        ("report_daily", "Fri 08:00"),
        ("report_daily", "Sat 08:00"),
        ("report_daily", "Sun 08:00"),
        ("report_weekly", "Mon 08:00"),
        ("report_daily", "Tue 08:00"),
        ("report_daily", "Wed 08:00"),
    ]
    assert [a.raised_at.hour for a in days.told] == [7, 7, 6, 6, 6, 6], "in UTC"
    first, saturday, sunday, monday, tuesday, wednesday = days.told
    assert "since reports began" in first.text
    assert all(adds_up(a) for a in days.told)
    # each begins where the one before it ended, the weekly one where reports began
    assert monday.data["starts_at"] == first.data["starts_at"]
    for before, after in ((first, saturday), (saturday, sunday), (monday, tuesday)):
        assert after.data["starts_at"] == before.data["ends_at"]
        assert after.data["equity_start"] == before.data["equity_end"]
    for told in days.told:
        assert money(told, "funding") == paid(
            days.stage, "funding", told.data["starts_at"], told.data["ends_at"]
        )
    assert (money(sunday, "price_coins"), money(sunday, "price_hedges")) == (4_000, -2_000)
    assert money(monday, "price_coins") == -4_000
    assert (money(tuesday, "price_coins"), money(tuesday, "price_hedges")) == (14_000, -7_000)
    assert money(wednesday, "equity_end") == days.stage.equity


async def test_what_is_paid_in_is_no_gain() -> None:
    days = await make_days()
    await days.until(FRIDAY + 4 * HOUR)
    days.stage.exchange.deposit(days.stage.api_key, Wallet.SPOT, "USDT", dec(5_000))
    await days.until(FRIDAY + 29 * HOUR)
    told = days.told[-1]
    assert (money(told, "flows"), adds_up(told)) == (5_000, True)
    assert money(told, "gain") == money(told, "funding") - money(told, "fees") + money(
        told, "price"
    )
    assert abs(money(told, "gain")) < 50
    assert "+5,000.00" in told.text
    assert "left out" in told.text


async def test_fees_are_those_that_the_exchange_took() -> None:
    days = await make_days()
    await days.until(FRIDAY + 24 * HOUR)
    days.policy = make_shape(HedgePolicy(id="half", asset="BTC", ratio=dec("0.25")))
    await days.until(FRIDAY + 28 * HOUR)
    told = days.told[-1]
    since = datetime.fromisoformat(told.data["starts_at"]).timestamp()
    fees = [dec(str(e["fee"])) for e in days.stage.events("fill") if _seconds(e) > since]
    assert fees
    assert money(told, "fees") == sum(fees)
    assert adds_up(told)
    assert "half: short 0.25 BTC" in told.text


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_crash_while_a_report_is_written_neither_loses_nor_doubles_it(
    restarts: bool,
) -> None:
    days = await make_days()
    days.store.falls = lambda changes: any(a.kind == "report_daily" for a in changes.alerts)
    await days.until(FRIDAY + 28 * HOUR, restarts=restarts)
    assert days.local() == [("report_daily", "Fri 08:00"), ("report_daily", "Sat 08:00")]
    assert all(adds_up(a) for a in days.told)
    assert sum(money(a, "funding") for a in days.told) == paid(
        days.stage, "funding", days.told[0].data["starts_at"], days.told[-1].data["ends_at"]
    )


async def test_a_crash_before_what_a_look_booked_is_durable_counts_it_once() -> None:
    days = await make_days()
    await days.until(FRIDAY + 24 * HOUR)
    days.store.falls = lambda changes: bool(changes.ledger)
    await days.until(FRIDAY + 53 * HOUR, restarts=True)
    for told in days.told:
        assert money(told, "funding") == paid(
            days.stage, "funding", told.data["starts_at"], told.data["ends_at"]
        )
        assert adds_up(told)


async def test_after_downtime_one_late_report_says_its_true_span() -> None:
    days = await make_days()
    await days.until(FRIDAY + 5 * HOUR)
    back = datetime(
        2026, 4, 2, 10, 30, tzinfo=UTC
    )  # Thursday, 12:30 in Berlin; Monday's was missed too
    await days.down(back)
    await days.until(back + 2 * HOUR)
    (_, late) = days.told
    assert (late.kind, late.raised_at) == ("report_weekly", back)
    assert late.data["due_at"] == "2026-03-30T06:00:00.000Z"
    assert "Late: it was due Mon 30 Mar 08:00." in late.text
    assert f"From {FRIDAY.astimezone(BERLIN):%a %d %b %H:%M}" in late.text
    await days.until(datetime(2026, 4, 3, 12, tzinfo=UTC))
    assert days.local()[2:] == [("report_daily", "Fri 08:00")]
    assert days.told[-1].data["starts_at"] == late.data["ends_at"]


async def test_a_report_waits_a_while_for_equity_to_be_known() -> None:
    days = await make_days(every=timedelta(minutes=5))
    await days.until(FRIDAY + 24 * HOUR)
    days.venue.silent = True
    await days.until(FRIDAY + 27 * HOUR + timedelta(minutes=4))
    assert len(days.told) == 1
    days.venue.silent = False
    await days.until(FRIDAY + 28 * HOUR)
    assert days.local()[1:] == [("report_daily", "Sat 08:05")]
    assert adds_up(days.told[-1])


async def test_where_equity_stays_unknown_that_is_said_and_the_next_report_covers_it() -> None:
    days = await make_days()
    await days.until(FRIDAY + 24 * HOUR)
    days.venue.silent = True
    await days.until(FRIDAY + 30 * HOUR)
    blind = days.told[-1]
    assert blind.kind == "report_daily"
    assert "equity_end" not in blind.data
    assert blind.text.startswith("Equity is not known now: ")
    assert "not known" in blind.text
    days.venue.silent = False
    await days.until(FRIDAY + 52 * HOUR)
    seen = days.told[-1]
    assert len(days.told) == 3
    assert seen.data["starts_at"] == days.told[0].data["ends_at"], "from the last one that knew"
    assert adds_up(seen)


async def test_a_config_that_counts_other_things_begins_anew() -> None:
    days = await make_days()
    await days.until(FRIDAY + 20 * HOUR)
    days.policy = make_shape(HALF, holdings={"BTC": dec("0.5")})
    await days.until(FRIDAY + 28 * HOUR)
    told = days.told[-1]
    assert "since the config changed what counts as equity" in told.text
    assert abs(money(told, "gain")) < 50, "40,000 in a cold wallet are no profit"


async def test_without_a_plan_nothing_is_counted_and_nothing_told() -> None:
    days = await make_days()
    days.plan = None
    await days.until(FRIDAY + 30 * HOUR)
    assert not days.told
    assert "reports" not in (await days.store.load("p", days.stage.clock.now())).guards


async def test_what_is_off_is_not_told_and_its_instants_go_on() -> None:
    days = await make_days()
    days.plan = ReportPlan(zone=BERLIN, told=frozenset())
    await days.until(FRIDAY + 80 * HOUR)
    assert not days.told
    days.plan = PLAN
    await days.until(datetime(2026, 3, 31, 8, tzinfo=UTC))
    assert days.local() == [("report_daily", "Tue 08:00")]
    assert days.told[0].data["starts_at"] == "2026-03-30T06:00:00.000Z"


async def test_reports_that_are_told_again_are_not_late_for_what_was_off() -> None:
    days = await make_days()
    days.plan = ReportPlan(zone=BERLIN, told=frozenset())
    await days.until(FRIDAY + 20 * HOUR)
    await days.down(FRIDAY + 33 * HOUR)  # Saturday, 14:00: nobody looked at eight
    days.plan = PLAN
    await days.until(FRIDAY + 52 * HOUR)
    assert days.local() == [("report_daily", "Sun 08:00")]
    assert "Late" not in days.told[0].text
    assert adds_up(days.told[0])


async def test_a_weekly_report_covers_its_day_when_the_config_moves_it() -> None:
    days = await make_days()
    days.plan = ReportPlan(zone=BERLIN, weekday=4, weekly=time(14, 15))
    await days.until(FRIDAY + 9 * HOUR + timedelta(minutes=20))
    days.plan = PLAN
    await days.until(FRIDAY + 29 * HOUR)
    assert days.local() == [("report_weekly", "Fri 14:15"), ("report_daily", "Sat 08:00")]


async def test_a_document_that_cannot_be_read_costs_the_figures_and_not_the_look() -> None:
    days = await make_days()
    await days.until(FRIDAY + 20 * HOUR)
    odd = GuardRecord(id=REPORTS, document={"of": "another version"})
    await days.store.commit(Changes(portfolio="p", guards=(odd,)))
    await days.until(FRIDAY + 28 * HOUR)
    told = days.told[-1]
    assert days.local()[-1] == ("report_daily", "Sat 08:00")
    assert "since reports began" in told.text
    assert adds_up(told)


async def test_a_report_that_cannot_be_made_keeps_no_look_from_being_recorded() -> None:
    days = await make_days()
    days.store.odd = True
    await days.until(FRIDAY + 4 * HOUR)
    assert not days.told
    assert len(await days.store.last("p", 99)) == days.looks > 3
    days.store.odd = False
    await days.until(FRIDAY + 5 * HOUR)
    assert [a.kind for a in days.told] == ["report_daily"], "as soon as it can be made"
