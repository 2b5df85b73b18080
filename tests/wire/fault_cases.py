"""Each fault of the reference, with each operation, before and after its effect: what is said, and what happened.

One case is one fresh exchange, one real adapter over stock ccxt, one fault and one request. It is judged twice: by the
reference (what such an answer means) and by the exchange's truth log (what really happened). Run one alone with
``pytest tests/wire/test_faults_matrix.py -k "<its name>"``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from counterpoise.domain.errors import VenueError
from counterpoise.domain.instrument import is_spot
from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Accepted, Gone, NotPlaced, Order, Side
from counterpoise.domain.transfer import Transferred
from counterpoise.venue.ccxt.adapter import CcxtVenue
from counterpoise.venue.sim import MarketKind
from tests.build import NOW, make_order, make_transfer
from tests.wire import fault_reference as ref
from tests.wire.fault_reference import DONE, RATE, ROWS, Row
from tests.wire.world import World, world

CID = "cp-one"
SPOT, PERP = "BTC/USDT", "BTC/USDT:USDT"
#: Longer than every pause the reference's answers ask for, and than what a firewall's block lasts.
CALM_S = dec(400)
AT = {
    ref.PLACE_SPOT: ("POST", "/api/v3/order"),
    ref.PLACE_FUTURES: ("POST", "/fapi/v1/order"),
    ref.PLACE_BATCH: ("POST", "/fapi/v1/batchOrders"),
    ref.CANCEL_BATCH: ("DELETE", "/fapi/v1/batchOrders"),
    ref.CANCEL_SPOT: ("DELETE", "/api/v3/order"),
    ref.CANCEL_FUTURES: ("DELETE", "/fapi/v1/order"),
    ref.TRANSFER: ("POST", "/sapi/v1/asset/transfer"),
}
HOUR = timedelta(hours=1)
SIGNATURE = re.compile(r"[0-9a-f]{32}")


def order_of(deed: str) -> Order:
    symbol = SPOT if deed.endswith("spot") else PERP
    return make_order(Side.SELL, "0.1", "100500", client_order_id=CID, symbol=symbol)


def orders_of(deed: str) -> list[Order]:
    """Return what the deed is done with: one order, or a batch's three."""
    one = order_of(deed)
    count = 3 if deed in ref.BATCHES else 1
    return [replace(one, client_order_id=f"{CID}{n or ''}") for n in range(count)]


@dataclass(frozen=True)
class Case:
    """One fault with one operation, before or after the effect."""

    row: Row
    deed: str
    when: str

    @property
    def name(self) -> str:
        return f"{self.deed}: {self.row.name}, {self.when}"

    async def run(self) -> None:
        """Raise AssertionError where the outcome is not the reference's, or not what the log says."""
        async with world() as here:
            venue = here.venue()
            await venue.open()
            try:
                await self._judge(here, venue)
            finally:
                await venue.close()

    async def _judge(self, here: World, venue: CcxtVenue) -> None:
        truth = self.row.truth(self.deed)
        await self._prepare(here, venue, truth)
        begin = here.sim.log.next_seq
        method, path = AT[self.deed]
        fault = here.arm(self.row.kind, path, method=method, when=self.when, args=self.row.args)
        outcome = await self._do(venue)
        said = letter(outcome)
        log = here.sim.log.after(begin)
        happened = any(e["event"] == self.deed.split()[0] for e in log)
        asked = [e for e in log if e["event"] == "request" and e["status"] == f"{method} {path}"]
        assert here.fault(fault)["struck"] == 1, f"{self.name}: the fault never struck"
        assert len(asked) == 1, f"{self.name}: expected one request, was {len(asked)}"
        assert happened == (self.when == "after"), f"{self.name}: it is not what it says"
        assert not (said == "N" and happened), f"{self.name}: refused, says it, and it happened"
        assert said == truth, f"{self.name}: expected {truth}, was {said} ({outcome})"
        assert not SIGNATURE.search(str(outcome)), f"{self.name}: tells the signature"
        await here.clock.sleep(CALM_S)
        await self._look(here, venue, happened=happened, prepared=truth == "P")

    async def _prepare(self, here: World, venue: CcxtVenue, truth: str) -> None:
        """Let there be an order to cancel, or one that a duplicate is told of."""
        if self.deed in ref.CANCELS or (self.deed in ref.PLACES and truth == "P"):
            for order in orders_of(self.deed):
                assert isinstance(await venue.place(order), Accepted)
        if self.deed in ref.CANCELS and truth == "P":
            # what has left the book before it is cancelled: filled by a price beyond it
            here.control("POST", "price", {"symbol": "BTCUSDT", "price": "101000"})

    async def _do(self, venue: CcxtVenue) -> object:
        if self.deed in ref.BATCHES:
            act = venue.place_batch if self.deed in ref.PLACES else venue.cancel_batch
            outcomes = await act(orders_of(self.deed))
            told = {letter(outcome) for outcome in outcomes}
            assert len(told) == 1, f"{self.name}: expected one answer for all, was {outcomes}"
            return outcomes[0]
        if self.deed in ref.PLACES:
            return await venue.place(order_of(self.deed))
        if self.deed in ref.CANCELS:
            return await venue.cancel(order_of(self.deed))
        return await venue.transfer(make_transfer(qty=dec(100)))

    async def _look(self, here: World, venue: CcxtVenue, *, happened: bool, prepared: bool) -> None:
        """When all is calm again, what a look finds is what the log says: an unknown outcome can be resolved."""
        if self.deed == ref.TRANSFER:
            moves = await venue.transfers(NOW - HOUR)
            assert bool(moves) == happened, f"{self.name}: history does not show what happened"
            return
        orders = orders_of(self.deed)
        symbol = orders[0].symbol
        shown = {o.client_order_id for o in await venue.open_orders([symbol])}
        there = happened if self.deed in ref.PLACES and not prepared else True
        works = there and not (self.deed in ref.CANCELS and (happened or prepared))
        for name in (o.client_order_id for o in orders):
            found = await venue.order(symbol, name)
            assert (found is not None) is there, f"{self.name}: the look-up says another thing"
            assert (name in shown) is works, f"{self.name}: the open orders say another thing"
        kind = MarketKind.SPOT if is_spot(symbol) else MarketKind.PERP
        (key,) = here.sim.accounts()
        count = len(here.sim.orders(key, kind))
        assert count == there * len(orders), f"{self.name}: expected no other order, was {count}"


def letter(outcome: object) -> str:
    """Return what an outcome claims, in the letters of the reference."""
    if isinstance(outcome, Accepted | Transferred | Gone):
        return "P"
    return "N" if isinstance(outcome, NotPlaced) else "U"


Read = Callable[[CcxtVenue], Awaitable[Any]]
READS: dict[str, tuple[str, Read]] = {
    "order spot": ("/api/v3/order", lambda v: v.order(SPOT, CID)),
    "order futures": ("/fapi/v1/order", lambda v: v.order(PERP, CID)),
    "open orders": ("/fapi/v1/openOrders", lambda v: v.open_orders([PERP])),
    "spot wallet": ("/api/v3/account", lambda v: v.account()),
    "futures wallet": ("/fapi/v3/account", lambda v: v.account()),
    "positions": ("/fapi/v3/positionRisk", lambda v: v.account()),
    "settings": ("/fapi/v1/symbolConfig", lambda v: v.account()),
    "position mode": ("/fapi/v1/accountConfig", lambda v: v.account()),
    "transfers": ("/sapi/v1/asset/transfer", lambda v: v.transfers(NOW - HOUR)),
    "margin tables": ("/fapi/v1/leverageBracket", lambda v: v.margin_tiers([PERP])),
    "income": ("/fapi/v1/income", lambda v: v.ledger(NOW - HOUR)),
    "prices": ("/fapi/v1/ticker/bookTicker", lambda v: v.quotes([PERP])),
    "bars": ("/fapi/v1/klines", lambda v: v.bars(PERP, HOUR, NOW - HOUR, NOW)),
    "countdown": ("/fapi/v1/countdownCancelAll", lambda v: v.countdown([PERP], HOUR)),
    "fills": ("/fapi/v1/userTrades", lambda v: v.fills(PERP, NOW - HOUR)),
}
#: Answers that a read may take for what they say: an order that is not there.
ABSENT = {"order spot": {-2013, -2026}, "order futures": {-2013}}


@dataclass(frozen=True)
class ReadCase:
    """One fault with one read: it fails, and what it says when all is calm again is what it said before."""

    row: Row
    read: str

    @property
    def name(self) -> str:
        return f"read {self.read}: {self.row.name}"

    async def run(self) -> None:
        """Raise AssertionError where a failed read looks like an answer."""
        path, read = READS[self.read]
        async with world() as here:
            venue = here.venue()
            await venue.open()
            try:
                for deed in (ref.PLACE_SPOT, ref.PLACE_FUTURES):
                    assert isinstance(await venue.place(order_of(deed)), Accepted)
                before = await read(venue)
                fault = here.arm(self.row.kind, path, args=self.row.args, when=self._when)
                answer = await self._ask(venue, read)
                assert here.fault(fault)["struck"] == 1, f"{self.name}: the fault never struck"
                assert not SIGNATURE.search(str(answer)), f"{self.name}: tells the signature"
                self._judge(answer, before)
                await here.clock.sleep(CALM_S)
                after = await read(venue)
                assert plain(after) == plain(before), f"{self.name}: it was not the same again"
            finally:
                await venue.close()

    @property
    def _when(self) -> str:
        return self.row.whens[-1]

    async def _ask(self, venue: CcxtVenue, read: Read) -> object:
        try:
            return await read(venue)
        except VenueError as error:
            return error

    def _judge(self, answer: object, before: object) -> None:
        number, status = self.row.args.get("code"), self.row.args.get("status", 200)
        if number == -1021:
            # the clock is measured anew and the question asked again
            assert plain(answer) == plain(before), f"{self.name}: expected the answer, was {answer}"
        elif status < 500 and number in ABSENT.get(self.read, ()):
            assert answer is None, f"{self.name}: expected nothing found, was {answer}"
        else:
            assert isinstance(answer, VenueError), f"{self.name}: expected an error, was {answer}"


def plain(answer: Any) -> Any:
    """Return an answer without the instants at which it was given."""
    if isinstance(answer, dict):
        return {key: plain(each) for key, each in answer.items()}
    return replace(answer, as_of=None) if getattr(answer, "as_of", None) is not None else answer


@dataclass(frozen=True)
class FreezeCase:
    """After an answer that asks for a pause nothing is sent to that scope until it is over, and then it goes on."""

    row: Row
    deed: str

    @property
    def name(self) -> str:
        return f"pause after {self.deed}: {self.row.name}"

    async def run(self) -> None:
        """Raise AssertionError where a pause is not kept, or kept for ever."""
        method, path = AT[self.deed]
        async with world() as here:
            venue = here.venue()
            await venue.open()
            try:
                here.arm(self.row.kind, path, method=method, args=self.row.args)
                await Case(self.row, self.deed, "before")._do(venue)
                pause_s = self._pause_s()
                begin = here.sim.log.next_seq
                await here.clock.sleep(pause_s - dec("0.001"))
                held = await self._again(venue)
                assert isinstance(held, NotPlaced), f"{self.name}: expected no order, was {held}"
                assert here.sim.log.after(begin) == [], f"{self.name}: something was sent"
                await here.clock.sleep(dec("0.001"))
                done = await self._again(venue)
                assert letter(done) == "P", f"{self.name}: expected to go on, was {done}"
            finally:
                await venue.close()

    async def _again(self, venue: CcxtVenue) -> object:
        if self.deed == ref.TRANSFER:
            return await venue.transfer(make_transfer(qty=dec(100)))
        if self.deed in ref.BATCHES:
            return (await venue.place_batch(orders_of(self.deed)))[0]
        return await venue.place(order_of(self.deed))

    def _pause_s(self) -> Any:
        stated = self.row.args.get("headers", {}).get("Retry-After")
        default = {429: 60, 418: 120, 403: 300}[self.row.args["status"]]
        return dec(stated) if str(stated).isdecimal() else dec(default)


def cases() -> Iterator[Case | ReadCase | FreezeCase]:
    """Yield every case, in one order for ever."""
    for row in ROWS:
        for deed in ref.DEEDS:
            if deed in row.tried and not (row in DONE and deed not in row.proves):
                yield from (Case(row, deed, when) for when in row.times(deed))
    for row in ROWS:
        if row.of_reads:
            yield from (ReadCase(row, read) for read in READS)
    pausing = [r for r in ref.TRANSPORT if r.args.get("status") in {403, 418, 429}]
    for row in (*RATE, *pausing):
        yield from (FreezeCase(row, deed) for deed in ref.DEEDS)


CASES = tuple(cases())


def share() -> set[str]:
    """Return the names of the cases that every run has: each fault as proof and as none, each read, each pause."""
    chosen: set[str] = set()
    for n, row in enumerate(ROWS):
        mine = [c for c in CASES if isinstance(c, Case) and c.row is row]
        proofs = [c for c in mine if c.deed in row.proves]
        others = [c for c in mine if c.deed not in row.proves]
        chosen |= {group[n % len(group)].name for group in (proofs, others) if group}
    for n, read in enumerate(READS):
        mine_too = [c for c in CASES if isinstance(c, ReadCase) and c.read == read]
        chosen |= {mine_too[(7 * n + k * 31) % len(mine_too)].name for k in range(3)}
    pauses = [c for c in CASES if isinstance(c, FreezeCase)]
    return chosen | {c.name for c in pauses[::4]}


def counted() -> str:
    """Return how many cases there are, for people: all, and of each kind."""
    kinds = Counter(type(case).__name__ for case in CASES)
    shown = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
    return f"{len(CASES)} wire fault cases of {len(ROWS)} faults: {shown}"
