"""What a look tells of what moved: positions and coins that our fills traded, and how far ladders have come.

The first fill tells that something began and where it leads, the last one its sum; between them it is spoken of now
and then. What was told is kept with the fills (:mod:`counterpoise.domain.course`), so that every fill is in the data
of exactly one alert, or in the sum, whatever crashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from counterpoise.app.look import Look
from counterpoise.domain.course import CONVERTS, Course, contract_of, written
from counterpoise.domain.events import Alert, Severity
from counterpoise.domain.guarding import SELLER
from counterpoise.domain.hedge_book import CENT, BookLine, ClosedHedge
from counterpoise.domain.instrument import base_of, expiry_of, is_spot
from counterpoise.domain.numbers import ZERO, dec, significant, text
from counterpoise.domain.order import Fill, Forced, Order, OrderState, Side
from counterpoise.domain.plan import Target
from counterpoise.domain.policy import LadderKind
from counterpoise.domain.portfolio import Contract
from counterpoise.notify.move_messages import (
    Place,
    coins_traded,
    hedge_moved,
    hedge_settled,
    ladder_begun,
    ladder_crosses,
    ladder_done,
    ladder_goes_on,
    ladder_left,
    taken_by_venue,
)
from counterpoise.plan.case import CROSSING

#: How long nothing is said of what is on its way after it was spoken of.
PAUSE = timedelta(minutes=5)


class Teller:
    """Tells one look: alerts come out, and the courses that go on stay in ``ways``."""

    def __init__(self, look: Look, ways: Mapping[str, Course]) -> None:
        self.ways = dict(ways)
        self._look = look

    def moved(self) -> Iterator[Alert]:
        """Tell what fills moved, and what is over without one."""
        look = self._look
        busy: set[str] = set()
        for position in look.seen.positions:
            contract = (position.venue, position.symbol)
            fills = tuple(f for f in look.seen.fills if (f.venue, f.symbol) == contract)
            if fills:
                busy.add(written(contract))
                yield from self._contract(contract, fills)
            else:
                yield from self._settled(contract)
        for name, course in tuple(self.ways.items()):
            if name not in busy and not course.of.startswith(CONVERTS):
                yield from self._still(contract_of(name), course)
        yield from self._crossings()

    def _settled(self, contract: Contract) -> Iterator[Alert]:
        """A dated future that expired: what was ours in it is gone without a fill."""
        look, expiry = self._look, expiry_of(contract[1])
        lines = [x for k, x in look.before.items() if k[1:] == contract]
        was = sum((x.qty for x in lines), ZERO)
        if expiry is None or expiry > look.at or was == 0 or look.own(contract) != 0:
            return
        yield from self._leave(written(contract), "as it expired", -was)
        ended = {c.strategy: c for c in look.seen.booked.closed if (c.venue, c.symbol) == contract}
        found = {_settled_at(x, ended.get(x.strategy)) for x in lines if x.qty}
        price = found.pop() if len(found) == 1 else None
        place = look.place(contract, -was, -was, "", "")
        yield hedge_settled(place, was, price, look.at)

    def _contract(self, contract: Contract, fills: tuple[Fill, ...]) -> Iterator[Alert]:
        look, name = self._look, written(contract)
        asset = look.asset(contract)
        target = look.recorded.targets.get(contract)
        why = target.why if target is not None else ""
        decision = target.decision_id if target is not None else ""
        if contract in look.seen.forced:
            yield from self._leave(name, "as the venue itself traded", sum_of(fills))
            yield self._taken(contract, fills)
            return
        if is_spot(contract[1]) and _sold_by_guard(contract, look):
            # coins go only where people allowed it: they are told louder than of a strategy's trade
            yield _loud(self._coins(contract, fills, why, decision), Severity.WARNING)
            return
        converter = look.converter(asset)
        if converter is not None:
            yield from self._converted(contract, fills, CONVERTS + converter)
            return
        if is_spot(contract[1]):
            yield self._coins(contract, fills, why, decision)
            return
        yield from self._laddered(contract, fills, target)

    def _laddered(
        self, contract: Contract, fills: tuple[Fill, ...], target: Target | None
    ) -> Iterator[Alert]:
        """Fills of a ladder in futures; those of orders from before its decision are told by themselves."""
        look, name = self._look, written(contract)
        own = look.own(contract)
        decision = target.decision_id if target is not None else ""
        ours = [o for o in look.seen.orders if (o.venue, o.symbol) == contract]
        decided = {o.venue_order_id: o.decision_id for o in ours}
        mine = tuple(f for f in fills if decided.get(f.venue_order_id) == decision)
        late = tuple(f for f in fills if f not in mine)
        course = self.ways.get(name)
        if course is not None and course.of != decision:
            yield from self._leave(name, "as something else is wanted", sum_of(fills))
            course = None
        if target is None:
            yield self._once(contract, fills, own, "", "")
            return
        if late:
            yield self._once(contract, late, own - sum_of(mine), target.why, "")
            if course is not None:
                course = replace(course, before=course.before + sum_of(late))
        if mine:
            yield from self._on(contract, course, mine, target)
        elif course is not None:
            self.ways[name] = course

    def _on(
        self, contract: Contract, course: Course | None, fills: tuple[Fill, ...], target: Target
    ) -> Iterator[Alert]:
        """A ladder whose fills came: told as begun, going on, done, or left."""
        look, name = self._look, written(contract)
        moved = sum_of(fills)
        ends = self._ends(contract, target)
        if course is None:
            if ends is not None:
                yield self._once(
                    contract, fills, look.own(contract), target.why, target.decision_id
                )
                return
            course = self._begun(contract, target.decision_id, fills, look.goal(target))
            place = look.place(contract, moved, moved, target.why, target.decision_id)
            place = replace(place, hurried=look.hurried(course.of))
            yield ladder_begun(place, course, look.rungs(course.of), look.at)
            self.ways[name] = course.told(look.at)
            return
        self.ways[name] = course = course.plus(fills)
        if ends is not None:
            yield from self._over(contract, course, moved, target, ends)
        elif look.at - course.told_at >= PAUSE:
            place = look.place(contract, moved, course.untold_net, target.why, course.of)
            place = replace(place, hurried=look.hurried(course.of, course.told_at))
            yield ladder_goes_on(place, course, look.rungs(course.of), look.at)
            self.ways[name] = course.told(look.at)

    def _still(self, contract: Contract, course: Course) -> Iterator[Alert]:
        """A ladder that had no fill in this look: it may be over all the same."""
        look = self._look
        target = look.recorded.targets.get(contract)
        if target is None or target.decision_id != course.of:
            yield from self._leave(written(contract), "as something else is wanted", ZERO)
        elif look.own(contract) != course.now_qty:
            own = text(significant(look.own(contract)))
            yield from self._leave(written(contract), f"as {own} is held without our trades", ZERO)
        else:
            ends = self._ends(contract, target)
            if ends is not None:
                yield from self._over(contract, course, ZERO, target, ends)

    def _ends(self, contract: Contract, target: Target) -> str | None:
        """Why a ladder is over: empty when it arrived, what takes its place when it did not; None: it goes on."""
        look = self._look
        following = look.following(contract)
        if look.own(contract) == look.goal(target):
            return ""
        asset = look.asset(contract)
        if look.converter(asset, after=True) is not None:
            return f"as {asset} is converted now"
        if following is None or following.decision_id != target.decision_id:
            if following is None:
                return "as nothing is wanted there now"
            goal = text(significant(look.goal(following)))
            why = f": {following.why}" if following.why else ""
            return f"as {goal} {asset} is wanted now{why}"
        return "" if look.residue(contract) else None

    def _over(
        self, contract: Contract, course: Course, moved: Decimal, target: Target, ends: str
    ) -> Iterator[Alert]:
        look, name = self._look, written(contract)
        if ends:
            yield from self._leave(name, ends, moved)
            return
        place = look.place(contract, moved, course.net, target.why, course.of)
        place = replace(place, hurried=look.hurried(course.of, course.told_at))
        yield ladder_done(place, course, look.rungs(course.of), moved, look.at)
        self.ways.pop(name, None)

    def _leave(self, name: str, instead: str, moved: Decimal) -> Iterator[Alert]:
        """Tell the sum of a ladder that ends before its goal; a conversion tells its own."""
        course = self.ways.get(name)
        if course is None or course.of.startswith(CONVERTS):
            return
        look = self._look
        place = look.place(contract_of(name), moved, course.net, "", course.of)
        yield ladder_left(place, course, look.rungs(course.of), instead, look.at)
        self.ways.pop(name)

    def _converted(self, contract: Contract, fills: tuple[Fill, ...], of: str) -> Iterator[Alert]:
        """Fills of a conversion: its coins and its futures are spoken of together."""
        name = written(contract)
        course = self.ways.get(name)
        if course is not None and course.of != of:
            asset = self._look.asset(contract)
            yield from self._leave(name, f"as {asset} is converted now", sum_of(fills))
            course = None
        if course is None:
            course = self._begun(contract, of, fills, None)
        else:
            course = course.plus(fills)
        self.ways[name] = course

    def _begun(
        self, contract: Contract, of: str, fills: tuple[Fill, ...], goal: Decimal | None
    ) -> Course:
        look, moved = self._look, sum_of(fills)
        return Course(
            of=of,
            asset=look.asset(contract),
            side=Side.BUY if moved > 0 else Side.SELL,
            began_at=look.at,
            told_at=look.at,
            goal=goal,
            before=look.own(contract) - moved,
        ).plus(fills)

    def _once(
        self,
        contract: Contract,
        fills: tuple[Fill, ...],
        after: Decimal,
        why: str,
        decision: str,
    ) -> Alert:
        """Everything in one alert: it began and came to its end in this look, or belongs to nothing that goes on."""
        look, moved = self._look, sum_of(fills)
        place = look.place(contract, moved, moved, why, decision)
        place = replace(place, hurried=look.hurried(decision) if decision else False)
        return hedge_moved(place, after - moved, after, fills, look.at)

    def _taken(self, contract: Contract, fills: tuple[Fill, ...]) -> Alert:
        """What the venue itself traded away, and what of ours filled in the same look."""
        look, moved = self._look, sum_of(fills)
        how = next((f.forced for f in fills if f.forced is not None), Forced.LIQUIDATION)
        why, after = look.seen.forced[contract], look.own(contract)
        place = look.place(contract, moved, moved, why.text, "")
        total = dec(why.numbers["qty"])
        return taken_by_venue(place, after - moved, after, fills, how, total, look.at)

    def _coins(self, contract: Contract, fills: tuple[Fill, ...], why: str, decision: str) -> Alert:
        look = self._look
        place = Place(
            portfolio=look.policy.id,
            asset=base_of(contract[1]),
            venue=contract[0],
            symbol=contract[1],
            why=why,
            decision=decision,
        )
        return coins_traded(place, fills, look.at)

    def _crossings(self) -> Iterator[Alert]:
        """Ladders that try to cross again, as the book did not offer all they lacked: told of a decision once.

        A first order that crosses is told with what it filled; a guard that hurries tells why by itself.
        """
        look = self._look
        if look.policy.execution.ladder is LadderKind.TIMED:
            return  # crossing is how each of its parts ends
        for approved in look.judged.approved:
            order, contract = approved.order, (approved.order.venue, approved.order.symbol)
            if order.rung != CROSSING or order.guard is not None or is_spot(order.symbol):
                continue
            tried = _fell_short(look.recorded.orders, order)
            target = look.following(contract)
            if tried is None or target is None or look.converter(look.asset(contract)):
                continue
            goal, held = look.goal(target), look.own(contract)
            place = look.place(contract, ZERO, ZERO, target.why, order.decision_id)
            within = look.policy.execution.max_slippage
            yield ladder_crosses(place, held, goal, order.qty, tried, within, look.at)


def sum_of(fills: Iterable[Fill]) -> Decimal:
    """Return by how much ``fills`` moved what we hold, signed base units."""
    return sum((f.net_qty for f in fills), ZERO)


def _settled_at(line: BookLine, ended: ClosedHedge | None) -> Decimal | None:
    """At what price the rest of a hedge was settled; None where its exit is an average with what was closed before."""
    if ended is None:
        return None
    here = line.cost + ended.price_pnl - line.price_pnl
    return ended.exit if abs(ended.exit * line.qty - here) <= 2 * CENT else None


def _fell_short(known: Iterable[Order], again: Order) -> Order | None:
    """The order that crossed before ``again`` and got less than it should, as the first of its decision."""
    mine = [o for o in known if o.decision_id == again.decision_id and o.rung == CROSSING]
    short = [o for o in mine if o.state is not OrderState.REJECTED and o.filled_qty < o.qty]
    last = max(mine, key=lambda o: o.created_at, default=None)
    return last if short == [last] else None


def _loud(told: Alert, severity: Severity) -> Alert:
    return replace(told, severity=severity)


def _sold_by_guard(pair: Contract, look: Look) -> bool:
    """Whether the margin guard's own line in ``pair`` was moved."""
    key = (SELLER, *pair)
    line, was = look.seen.booked.lines.get(key), look.before.get(key)
    return line is not None and line.qty != (was.qty if was is not None else ZERO)
