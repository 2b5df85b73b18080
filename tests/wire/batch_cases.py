"""A part of a batch goes wrong: each answer about one order, and each way to lose the reply when a part is done.

As in ``fault_cases``: one fresh exchange, one real adapter over stock ccxt, one request, judged by the reference and by
the truth log. Run one alone with ``pytest tests/wire/test_batch_matrix.py -k "<its name>"``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Accepted, Order
from counterpoise.venue.ccxt.adapter import CcxtVenue
from tests.wire import fault_reference as ref
from tests.wire.fault_cases import AT, CALM_S, PERP, letter, orders_of
from tests.wire.fault_reference import ROWS, Row
from tests.wire.world import World, world

#: Which of three orders are answered with an error, or never done when the reply is lost.
PLACES = ((0,), (1,), (2,), (0, 2), (0, 1, 2))
LOST = ("timeout", "reset", "truncate", "cut", "empty", "html", "reply")


@dataclass(frozen=True)
class PartCase:
    """Of three orders those at ``places`` are answered with an error (``row``), or nothing is answered at all.

    With ``lost`` (a transport fault) the reply is lost after all but those at ``places`` were done.
    """

    row: Row
    deed: str
    when: str
    places: tuple[int, ...]

    @property
    def name(self) -> str:
        return f"{self.deed}: {self.row.name}, {self.when}, of {self.places}"

    @property
    def lost(self) -> bool:
        return self.row.kind != "code"

    async def run(self) -> None:
        """Raise AssertionError where the outcome of an order is not its own, or not what the log says."""
        async with world() as here:
            venue = here.venue()
            await venue.open()
            try:
                await self._judge(here, venue)
            finally:
                await venue.close()

    def _truths(self) -> list[str]:
        """What must be said of each order, in the letters of the reference."""
        if self.lost:
            return ["U"] * 3
        return [self.row.truth(self.deed) if n in self.places else "P" for n in range(3)]

    async def _judge(self, here: World, venue: CcxtVenue) -> None:
        orders, truths = self._orders(), self._truths()
        known = [o for n, o in enumerate(orders) if n in self.places and truths[n] == "P"]
        await self._prepare(here, venue, orders, known)
        begin = here.sim.log.next_seq
        method, path = AT[self.deed]
        args = {"orders": [*self.places]}
        if not self.lost:
            args |= {"code": self.row.args["code"], "msg": self.row.args["msg"]}
        when = "before" if self.lost else self.when
        armed = [here.arm("partial", path, method=method, when=when, args=args)]
        if self.lost:
            args = self.row.args
            armed.append(here.arm(self.row.kind, path, method=method, when="after", args=args))
        act = venue.place_batch if self.deed == ref.PLACE_BATCH else venue.cancel_batch
        outcomes = await act(orders)
        log = here.sim.log.after(begin)
        event = self.deed.split()[0]
        happened = {e["client_id"] for e in log if e["event"] == event}
        asked = [e for e in log if e["event"] == "request" and e["status"] == f"{method} {path}"]
        assert [here.fault(one)["struck"] for one in armed] == [1] * len(armed)
        assert len(asked) == 1, f"{self.name}: expected one request, was {len(asked)}"
        for n, (order, outcome) in enumerate(zip(orders, outcomes, strict=True)):
            name, said = order.client_order_id, letter(outcome)
            spared = n not in self.places
            effect = spared or (self.when == "after" and not self.lost)
            assert (name in happened) is effect, f"{self.name}: {n} is not what it says"
            assert not (said == "N" and effect), f"{self.name}: {n} refused, and it happened"
            assert said == truths[n], f"{self.name}: {n}: expected {truths[n]}, was {outcome}"
            if isinstance(outcome, Accepted):
                assert outcome.order.client_order_id == name
        await here.clock.sleep(CALM_S)
        await self._look(venue, orders, happened, {o.client_order_id for o in known})

    def _orders(self) -> list[Order]:
        """Three orders, those at ``places`` at the nearer price."""
        return [
            order if n in self.places else replace(order, price=dec(104_500))
            for n, order in enumerate(orders_of(self.deed))
        ]

    async def _prepare(
        self, here: World, venue: CcxtVenue, orders: list[Order], known: list[Order]
    ) -> None:
        """Let there be orders to cancel, and those that an error says were known, or have left the book, before."""
        cancels = self.deed == ref.CANCEL_BATCH
        for order in orders if cancels else known:
            assert isinstance(await venue.place(order), Accepted)
        if cancels and known:
            here.control("POST", "price", {"symbol": "BTCUSDT", "price": "101000"})

    async def _look(
        self, venue: CcxtVenue, orders: list[Order], happened: set[object], known: set[str]
    ) -> None:
        """When all is calm again, what a look finds is what the log says."""
        shown = {o.client_order_id for o in await venue.open_orders([PERP])}
        for order in orders:
            name = order.client_order_id
            found = await venue.order(PERP, name)
            if self.deed == ref.PLACE_BATCH:
                there = works = name in happened or name in known
            else:
                there, works = True, name not in happened and name not in known
            assert (found is not None) is there, f"{self.name}: the look-up says another thing"
            assert (name in shown) is works, f"{self.name}: the open orders say another thing"


def cases() -> Iterator[PartCase]:
    """Yield every case, in one order for ever."""
    deeds = (ref.PLACE_BATCH, ref.CANCEL_BATCH)
    # an answer about one order has no HTTP status: it is as one of 400
    told = [row for row in ROWS if row.kind == "code" and row.args["status"] == 400]
    for number, row in enumerate(told):
        for deed in deeds:
            for when in row.times(deed):
                yield PartCase(row, deed, when, PLACES[number % len(PLACES)])
    for row in ROWS:
        if row.kind in LOST and ref.PLACE_BATCH in row.tried:
            for n, deed in enumerate(deeds):
                yield PartCase(row, deed, "after", PLACES[(len(row.name) + n) % 4])


CASES = tuple(cases())
