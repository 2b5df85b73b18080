"""A world that goes wrong by chance: requests get lost, reads fail or lag, the disk locks, the sink is down.

:class:`Weather` says how likely each of it is, and whether it is on at all; everything is drawn from its one seeded
source, so that a seed is a run. The rough venue, disk and sink stand between the daemon and the real parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from random import Random  # noqa: TID251 - seeded: the same weather for the same seed
from typing import Any

from counterpoise.domain.errors import StoreError, VenueError
from counterpoise.domain.message import Message
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.operator import Command, CommandState
from counterpoise.domain.order import CancelOutcome, NotPlaced, Order, PlaceOutcome, Unknown
from counterpoise.domain.records import Changes
from counterpoise.domain.snapshot import Account
from counterpoise.domain.transfer import Transfer, TransferOutcome
from counterpoise.venue.sim import MarketKind, SimExchange
from counterpoise.venue.sim.venue import SimVenue
from tests.prove.boundaries import Boundaries
from tests.prove.life import VENUE, Ear, Play
from tests.prove.trace import Trace

#: Documented codes of a placement that was not taken: what passes by itself, and what does not.
PASSING = ("-1003", "-1008", "-1015", "-1021", "503")
LASTING = ("-2019", "-2027", "-4131", "-4400")


@dataclass(slots=True)
class Weather:
    """``rates``: fault -> chance per request (or point, for ``death``). Off: nothing goes wrong any more.

    ``passing`` and ``lasting`` are how many refusals of either sort are left: more of them stop a daemon for good
    reason, and then it proves nothing else. ``blind``, ``lag``, ``locked`` and ``deaf`` are states that last.
    """

    random: Random
    rates: Mapping[str, float] = field(default_factory=dict)
    on: bool = True
    passing: int = 6
    lasting: int = 2
    lasting_code: str = LASTING[0]
    blind: bool = False
    lagging: SimExchange | None = None
    locked: bool = False
    deaf: bool = False
    #: What the next placement or cancel comes to, before chance is asked: set by a script.
    next_place: list[str] = field(default_factory=list)
    next_cancel: list[str] = field(default_factory=list)
    struck: dict[str, int] = field(default_factory=dict)

    def strikes(self, fault: str) -> bool:
        """Whether ``fault`` happens now."""
        rate = self.rates.get(fault, 0.0) if self.on else 0.0
        return rate > 0 and self.random.random() < rate and self.count(fault)

    def count(self, fault: str) -> bool:
        """Note that ``fault`` happened."""
        self.struck[fault] = self.struck.get(fault, 0) + 1
        return True

    def clear(self) -> None:
        """Let everything be well from here on."""
        self.on = self.blind = self.locked = self.deaf = False
        self.lagging = None
        self.next_place.clear()
        self.next_cancel.clear()


class Mortal(Boundaries):
    """Points at which the process dies by chance."""

    def __init__(self, weather: Weather) -> None:
        super().__init__()
        self._weather = weather
        self._last: int | None = None

    def die_in(self, points: int) -> None:
        """Die so many points from here."""
        self._last = len(self.names) + points

    def live_on(self) -> None:
        """Die no more, if it has not."""
        self._last = None

    def point(self, name: str) -> None:
        """Pass a point, or die at it."""
        if not self.dead and (self._last == len(self.names) or self._weather.strikes("death")):
            self._deaths.add(len(self.names))
        super().point(name)


class Witness:
    """``inner``, any venue, with every read and request written into the trace."""

    def __init__(self, inner: Any, scene: Play, trace: Trace) -> None:
        self._inner = inner
        self._scene = scene
        self._trace = trace
        self._told: dict[str, Decimal] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def _read(self, name: str, symbol: str, call: Callable[[], Any]) -> Any:
        try:
            answer = await call()
        except VenueError:
            self._trace.note("read", self._now, name=name, symbol=symbol, ok=False)
            raise
        self._trace.note("read", self._now, name=name, symbol=symbol)
        return answer

    @property
    def _now(self) -> Any:
        return self._scene.clock.market_now

    async def account(self) -> Account:
        """Read."""
        answer: Account = await self._read("account", "", self._inner.account)
        return answer

    async def quotes(self, symbols: Iterable[str]) -> Any:
        """Read, and remember what was told."""
        wanted = list(symbols)
        answer = await self._read("quotes", "", lambda: self._inner.quotes(wanted))
        for symbol, quote in answer.items():
            if quote.fair is not None:
                self._told[symbol] = quote.fair
        return answer

    async def open_orders(self, symbols: Iterable[str]) -> Any:
        """Read."""
        wanted = list(symbols)
        return await self._read("open_orders", "", lambda: self._inner.open_orders(wanted))

    async def fills(self, symbol: str, since: Any) -> Any:
        """Read."""
        return await self._read("fills", symbol, lambda: self._inner.fills(symbol, since))

    async def place(self, order: Order) -> PlaceOutcome:
        """Send, and note what the daemon was told of it."""
        equity, at = equity_of(self._scene), self._now
        outcome: PlaceOutcome = await self._inner.place(order)
        self._note(order, outcome, at, equity)
        return outcome

    async def place_batch(self, orders: Sequence[Order]) -> tuple[PlaceOutcome, ...]:
        """Send together, and note what the daemon was told of each."""
        equity, at = equity_of(self._scene), self._now
        outcomes: tuple[PlaceOutcome, ...] = await self._inner.place_batch(orders)
        for order, outcome in zip(orders, outcomes, strict=True):
            self._note(order, outcome, at, equity)
        return outcomes

    def _note(self, order: Order, outcome: PlaceOutcome, at: Any, equity: Decimal) -> None:
        match outcome:
            case NotPlaced(code=code):
                fate = code
            case Unknown():
                fate = "unknown"
            case _:
                fate = "placed"
        self._trace.note(
            "place",
            at,
            name=order.client_order_id,
            symbol=order.symbol,
            fate=fate,
            told=self._told.get(order.symbol),
            price=order.price,
            qty=order.qty,
            reduces=order.reduce_only,
            equity=equity,
        )

    async def cancel(self, order: Order) -> CancelOutcome:
        """Send."""
        outcome: CancelOutcome = await self._inner.cancel(order)
        self._trace.note("cancel", self._now, name=order.client_order_id, symbol=order.symbol)
        return outcome

    async def cancel_batch(self, orders: Sequence[Order]) -> tuple[CancelOutcome, ...]:
        """Send together."""
        outcomes: tuple[CancelOutcome, ...] = await self._inner.cancel_batch(orders)
        for order in orders:
            self._trace.note("cancel", self._now, name=order.client_order_id, symbol=order.symbol)
        return outcomes


class RoughVenue:
    """The simulated venue as ``weather`` lets it be reached."""

    def __init__(self, inner: SimVenue, scene: Play, weather: Weather) -> None:
        self._inner = inner
        self._scene = scene
        self._weather = weather

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def _read(self, name: str, *args: Any) -> Any:
        weather = self._weather
        if weather.blind or weather.strikes(f"{name} fails"):
            raise VenueError(f"sim: time-out reading {name}")
        source = self._inner
        if weather.lagging is not None:
            source = SimVenue(VENUE, weather.lagging, self._scene.api_key)
            await source.open()
        answer = await getattr(source, name)(*args)
        if name == "account":
            # what lags does not say so
            return replace(answer, as_of=self._scene.exchange.now)
        return answer

    async def account(self) -> Any:
        """Read."""
        return await self._read("account")

    async def open_orders(self, symbols: Any) -> Any:
        """Read."""
        return await self._read("open_orders", symbols)

    async def order(self, symbol: str, client_order_id: str) -> Any:
        """Read."""
        return await self._read("order", symbol, client_order_id)

    async def fills(self, symbol: str, since: Any) -> Any:
        """Read."""
        return await self._read("fills", symbol, since)

    async def ledger(self, since: Any) -> Any:
        """Read."""
        return await self._read("ledger", since)

    async def transfers(self, since: Any) -> Any:
        """Read."""
        return await self._read("transfers", since)

    async def quotes(self, symbols: Any) -> Any:
        """Read; prices do not lag."""
        if self._weather.blind or self._weather.strikes("quotes fails"):
            raise VenueError("sim: time-out reading quotes")
        return await self._inner.quotes(symbols)

    async def margin_tiers(self, symbols: Any) -> Any:
        """Read."""
        if self._weather.blind or self._weather.strikes("margin_tiers fails"):
            raise VenueError("sim: time-out reading margin_tiers")
        return await self._inner.margin_tiers(symbols)

    async def place(self, order: Order) -> PlaceOutcome:
        """Place, or lose it on the way there or back, or refuse it, or do it later."""
        weather = self._weather
        fate = weather.next_place.pop(0) if weather.next_place else self._place_fate()
        await self._slowly(fate)
        if fate == "lost":
            return Unknown(text="time-out")
        if _refuses(fate):
            return NotPlaced(code=fate, text="as the exchange says")
        with self._later(fate):
            outcome = await self._inner.place(order)
        return Unknown(text="time-out") if fate.startswith("unanswered") else outcome

    async def place_batch(self, orders: Sequence[Order]) -> tuple[PlaceOutcome, ...]:
        """Place together, in any order: lose all of it, or part of it and the answer, or refuse all or one of it."""
        weather = self._weather
        if weather.next_place:
            return tuple([await self.place(order) for order in orders])
        fate = self._place_fate()
        await self._slowly(fate)
        if fate == "lost":
            return (Unknown(text="time-out"),) * len(orders)
        told: dict[str, PlaceOutcome] = {}
        if _refuses(fate):
            whole = fate in PASSING and weather.passing >= len(orders) - 1
            if whole:
                weather.passing -= len(orders) - 1
            refusal = NotPlaced(code=fate, text="as the exchange says")
            refused = orders if whole else [weather.random.choice(orders)]
            told = {order.client_order_id: refusal for order in refused}
        done = [order for order in orders if order.client_order_id not in told]
        if weather.on:
            weather.random.shuffle(done)
        if fate.startswith("unanswered"):
            # what the exchange had done of it when it broke down
            done = done[: weather.random.randrange(len(done) + 1)]
        with self._later(fate):
            for order in done:
                told[order.client_order_id] = await self._inner.place(order)
        if fate.startswith("unanswered"):
            return (Unknown(text="time-out"),) * len(orders)
        return tuple(told[order.client_order_id] for order in orders)

    async def _slowly(self, fate: str) -> None:
        if fate == "slow":
            # within the receive window, as the venue would refuse it after that
            delay = self._weather.random.choice(["0.3", "2", "4.5"])
            await self._scene.clock.sleep(dec(delay))

    def _later(self, fate: str) -> AbstractContextManager[object]:
        if fate not in {"later", "unanswered later"}:
            return nullcontext()
        # within the venue's own time-out
        delay = timedelta(milliseconds=self._weather.random.randrange(100, 8_000))
        return self._scene.exchange.acting_after(delay)

    def _place_fate(self) -> str:
        weather = self._weather
        for fate in ("lost", "unanswered", "unanswered later", "later", "slow"):
            if weather.strikes(f"place {fate}"):
                return fate
        if weather.passing and weather.strikes("place refused for now"):
            weather.passing -= 1
            return weather.random.choice(PASSING)
        if weather.lasting and weather.strikes("place refused"):
            weather.lasting -= 1
            return weather.lasting_code
        return ""

    async def cancel(self, order: Order) -> CancelOutcome:
        """Cancel, or lose it on the way there or back, or refuse it, or do it later."""
        (outcome,) = await self.cancel_batch([order])
        return outcome

    async def cancel_batch(self, orders: Sequence[Order]) -> tuple[CancelOutcome, ...]:
        """Cancel together: what befalls the request befalls all of it."""
        weather, many = self._weather, len(orders)
        fate = weather.next_cancel.pop(0) if weather.next_cancel else ""
        if fate == "lost" or (not fate and weather.strikes("cancel lost")):
            return (Unknown(text="time-out"),) * many
        if not fate and weather.strikes("cancel refused"):
            return (NotPlaced(code="-1008", text="as the exchange says"),) * many
        if not fate and weather.strikes("cancel later"):
            with self._scene.exchange.acting_after(timedelta(seconds=3)):
                return await self._inner.cancel_batch(orders)
        outcomes = await self._inner.cancel_batch(orders)
        if fate == "unanswered" or weather.strikes("cancel unanswered"):
            return (Unknown(text="time-out"),) * many
        return outcomes

    async def transfer(self, transfer: Transfer) -> TransferOutcome:
        """Move collateral, or lose it on the way there or back."""
        if self._weather.strikes("transfer lost"):
            return Unknown(text="time-out")
        outcome = await self._inner.transfer(transfer)
        if self._weather.strikes("transfer unanswered"):
            return Unknown(text="time-out")
        return outcome


def _refuses(fate: str) -> bool:
    return fate.startswith("-") or fate.isdigit()


class RoughStore:
    """``inner`` that can be locked, or lose its answer; operators write their ``said`` beside the daemon."""

    def __init__(
        self, inner: Any, scene: Play, weather: Weather, trace: Trace, said: list[Command]
    ) -> None:
        self._inner = inner
        self._scene = scene
        self._weather = weather
        self._trace = trace
        self._said = said

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def load(self, portfolio: str, now: Any) -> Any:
        """Begin a look: what operators wrote until now is in it."""
        self._trace.note("look", self._scene.clock.market_now)
        if self._said and await self._inner.portfolio(portfolio) is not None:
            await self._inner.commit(Changes(portfolio=portfolio, commands=tuple(self._said)))
            self._said.clear()
        return await self._inner.load(portfolio, now)

    async def commit(self, changes: Changes) -> None:
        """Write, unless it is locked; the answer may get lost."""
        at = self._scene.clock.market_now
        if self._weather.locked or self._weather.strikes("commit fails"):
            self._trace.note("commit", at, ok=False)
            raise StoreError("database is locked")
        await self._inner.commit(changes)
        if changes.record is not None:
            record = changes.record
            name = "FLATTENING" if record.flattening else record.trading_state.value
            asked = any(c.state is CommandState.DONE for c in changes.commands)
            self._trace.note("state", at, name=name, asked=asked)
        if self._weather.strikes("commit unanswered"):
            self._trace.note("commit", at, ok=False)
            raise StoreError("connection lost")
        self._trace.note("commit", at)


class RoughEar(Ear):
    """A sink that can be down; what it took it took, even where it did not say so."""

    def __init__(self, weather: Weather) -> None:
        super().__init__()
        self._weather = weather

    async def deliver(self, message: Message) -> None:
        """Hear, or raise."""
        if self._weather.deaf or self._weather.strikes("sink fails"):
            raise ConnectionError("no route to the broker")
        await super().deliver(message)
        if self._weather.strikes("sink unanswered"):
            raise ConnectionError("connection lost")


def equity_of(scene: Play) -> Decimal:
    """Return what the account is worth at the marks, in USDT, by the exchange's own figures."""
    view = scene.exchange.account(scene.api_key)
    worth = sum((w.margin_balance for w in view.futures.values()), ZERO)
    for balance in view.spot.values():
        if balance.asset == "USDT":
            worth += balance.total
        elif balance.total:
            book = scene.exchange.book(MarketKind.SPOT, f"{balance.asset}USDT")
            worth += balance.total * book.last
    return worth
