"""A look as it is told: what it found and decided, and what follows from both for a contract or an asset."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from counterpoise.app.judge import Judgement
from counterpoise.app.strategy_news import Step, conversion_of
from counterpoise.domain.hedge_book import BookLine, LineKey, hour_of
from counterpoise.domain.instrument import base_of, is_spot
from counterpoise.domain.numbers import ZERO, dec
from counterpoise.domain.order import OrderState
from counterpoise.domain.plan import Target
from counterpoise.domain.policy import LadderKind, PortfolioPolicy
from counterpoise.domain.portfolio import Contract, PortfolioView, Universe
from counterpoise.domain.records import Recorded
from counterpoise.execute.reconcile import Reconciled
from counterpoise.notify.costs import Cost
from counterpoise.notify.move_messages import Place, Rungs
from counterpoise.plan.case import CROSSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a look found, in the form in which it is told. ``before``: the hedge book before its fills.

    ``marks``: what contracts are worth now, as far as that was read.
    """

    policy: PortfolioPolicy
    seen: Reconciled
    recorded: Recorded
    judged: Judgement
    universe: Universe
    at: datetime
    before: Mapping[LineKey, BookLine] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
    marks: Mapping[Contract, Decimal] = field(default_factory=dict)

    def asset(self, contract: Contract) -> str:
        """The asset a contract moves."""
        if is_spot(contract[1]):
            return base_of(contract[1])
        assets = {(x.venue, x.instrument.symbol): a for a, x in self.universe.contracts}
        return assets.get(contract, contract[1])

    def converter(self, asset: str, *, after: bool = False) -> str | None:
        """The strategy whose conversion of ``asset`` this look's fills served; ``after``: that has one from now on."""
        for step in self.steps:
            conversion = conversion_of(step.after if after else step.before)
            if conversion is not None and asset in conversion.assets:
                return step.policy.id
        return None

    def own(self, contract: Contract) -> Decimal:
        """Our own quantity now, this look's fills included."""
        known = self.recorded.positions.get(contract)
        return known.own_qty if known is not None else ZERO

    def goal(self, target: Target) -> Decimal:
        """What shall be ours of a target: what is not ours stays as it is."""
        known = self.recorded.positions.get((target.venue, target.symbol))
        foreign = known.baseline_qty if known is not None else ZERO
        return target.qty - foreign

    def following(self, contract: Contract) -> Target | None:
        """The target that holds once this look was decided."""
        for target in self.judged.plan.targets:
            if (target.venue, target.symbol) == contract:
                return target
        return self.recorded.targets.get(contract)

    def residue(self, contract: Contract) -> bool:
        """Whether what is missing is less than the venue trades, and no order works on it."""
        works = (*self.judged.plan.keep, *self.judged.plan.place)
        return not any((o.venue, o.symbol) == contract for o in works) and any(
            h.symbol == contract[1] and h.reason.code == "below_minimum"
            for h in self.judged.plan.holds
        )

    def rungs(self, decision: str) -> Rungs:
        """How many rungs of a decision's ladder were placed, and how many of them filled."""
        if self.policy.execution.ladder is LadderKind.CHASE:
            return Rungs()
        mine = [o for o in self.seen.orders if o.decision_id == decision]
        placed = {o.rung for o in mine if o.rung < CROSSING}
        whole = {o.rung for o in mine if o.state is OrderState.FILLED}
        filled = whole & placed
        if self.policy.execution.ladder is LadderKind.RESTING:
            crossed = any(o.rung >= CROSSING and not o.is_unsent for o in mine)
            return Rungs(filled=len(filled), placed=len(placed), crossed=crossed)
        parts = self.policy.execution.rungs
        for rung in whole - placed:
            # what crosses as part n begins ends all before it; without a part, what crosses in the end, all of them
            filled |= set(range(rung - CROSSING or parts))
        return Rungs(filled=len(filled), placed=parts)

    def hurried(self, decision: str, since: datetime | None = None) -> bool:
        """Whether patience ran out for a decision and the book filled what crossed it, first from ``since`` on.

        None: at any time. Not for parts of a timed ladder, which all end so; nor for a guard, which tells why itself.
        """
        if self.policy.execution.ladder is LadderKind.TIMED:
            return False
        mine = (o for o in self.seen.orders if o.decision_id == decision and o.guard is None)
        crossed = [o.created_at for o in mine if o.rung == CROSSING and o.filled_qty]
        return bool(crossed) and (since is None or min(crossed) >= since)

    def cost(self, lines: Iterable[LineKey], *, over: bool) -> Cost:
        """What the lines of the hedge book have earned and cost, this look's fills included.

        ``over``: together they hold nothing; what strategies still hold against each other is then as good as realised,
        at whatever price.
        """
        book = [self.seen.booked.lines[k] for k in lines if k in self.seen.booked.lines]
        price = sum((x.price_pnl for x in book), ZERO)
        if over:
            price -= sum((x.cost for x in book), ZERO)
        return Cost(
            price=price,
            funding=sum((x.funding for x in book), ZERO),
            fees=sum((x.fees for x in book), ZERO),
            over=over,
            open_price=self._open_price(book) if not over else None,
        )

    def _open_price(self, book: Iterable[BookLine]) -> Decimal | None:
        """What the open lines of ``book`` would bring at their marks; None where one is not known."""
        total = ZERO
        for line in (x for x in book if x.qty):
            mark = self.marks.get((line.venue, line.symbol))
            if mark is None:
                return None
            total += line.unrealized(mark)
        return total

    def _told(self, line: BookLine) -> bool:
        """Whether what a line earned and cost belongs to its contract's present move.

        It is open, was moved by this look's fills, or has ended since the target was decided: where strategies want
        opposite things, one of them may end by a cross, without a fill.
        """
        if line.qty != 0 or line != self.before.get(line.key):
            return True
        target = self.recorded.targets.get((line.venue, line.symbol))
        if target is None or line.hour is None or line.entry_qty == 0:
            return False
        return line.hour >= hour_of(target.decided_at)

    def place(
        self, contract: Contract, moved: Decimal, net: Decimal, why: str, decision: str
    ) -> Place:
        """Where something moved by ``net`` in all, ``moved`` of it in this look."""
        asset, view = self.asset(contract), self.judged.view
        before = after = None
        if isinstance(view, PortfolioView) and asset in view.assets:
            held = view.assets[asset]
            exposure = held.exposure_qty + _not_shown_yet(contract, self.seen, moved)
            after, before = held.weight_of(exposure), held.weight_of(exposure - net)
        lines = [
            k for k, x in self.seen.booked.lines.items() if k[1:] == contract and self._told(x)
        ]
        return Place(
            portfolio=self.policy.id,
            asset=asset,
            venue=contract[0],
            symbol=contract[1],
            weight_before=before,
            weight_after=after,
            cost=self.cost(lines, over=self.own(contract) == 0) if lines else None,
            why=why,
            decision=decision,
        )


def _not_shown_yet(contract: Contract, seen: Reconciled, moved: Decimal) -> Decimal:
    """What the position that was read lacks of the fills that were read after it, base units."""
    why = seen.unexplained.get(contract)
    if why is None or why.code != "position_unexplained":
        return ZERO
    gap = dec(why.numbers["expected"]) - dec(why.numbers["position"])
    newer = gap * moved > 0 and abs(gap) <= abs(moved)
    return gap if newer else ZERO
