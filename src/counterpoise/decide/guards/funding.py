"""The funding guard: what every hedge costs to carry, against the budget of its strategy (MEANING 20).

Carry is funding, fees and, for dated futures, basis, per strategy and contract: what it has been so far and what is
expected now. A budget that was exceeded for ``over`` is spent; from then on the hedge is told of, halved or closed,
until what is expected has been below half of it for as long. Then it counts anew. A rate that is not known changes
nothing: neither is a budget spent by it, nor does a hedge come back. Pure; what it remembers is a document.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.carrying import (
    FUNDING,
    CarryCheck,
    CarryState,
    CarryVerdict,
    Cut,
    LineCarry,
)
from counterpoise.domain.funding import yearly_basis, yearly_funding
from counterpoise.domain.guard_documents import kept, remembered
from counterpoise.domain.hedge_book import BookLine
from counterpoise.domain.instrument import Instrument, InstrumentKind, base_of, is_spot
from counterpoise.domain.numbers import ONE, ZERO, dec
from counterpoise.domain.policy import CarryBudget, PortfolioPolicy, Spent
from counterpoise.domain.portfolio import Universe
from counterpoise.domain.reasons import Reason, reason, shown_percent
from counterpoise.domain.records import GuardRecord, Recorded
from counterpoise.domain.snapshot import Quote, Snapshot

#: The funding interval of a venue that does not tell it.
_EIGHT_HOURS = timedelta(hours=8)
#: What was paid is put on a year from no less than this: one payment says little of a year.
_DAY = timedelta(days=1)
_YEAR = timedelta(days=365)
_CENT = dec("0.01")
_SHARES = {Spent.REDUCE: dec("0.5"), Spent.CLOSE: ZERO}


def carry_state(recorded: Recorded) -> CarryState:
    """Return what the guard remembers. Raises ValueError for a document of another shape."""
    return remembered(CarryState, recorded, FUNDING)


def carry_record(state: CarryState) -> GuardRecord:
    """Return ``state`` as it is kept."""
    return kept(FUNDING, state)


def guard_funding(
    snapshot: Snapshot, recorded: Recorded, policy: PortfolioPolicy, universe: Universe
) -> CarryVerdict:
    """Return what the carry of every hedge asks for now."""
    if policy.funding is None:
        return CarryVerdict()
    standing = carry_state(recorded).lines
    known = {s.id for s in policy.strategies}
    checks: list[CarryCheck] = []
    states: dict[str, LineCarry] = {}
    cuts: dict[tuple[str, str], Cut] = {}
    ends: list[datetime] = []
    for (strategy, venue, symbol), line in sorted(recorded.book.items()):
        key = f"{strategy}/{venue}/{symbol}"
        before, budget = standing.get(key), policy.funding.of(strategy)
        if is_spot(symbol) or strategy not in known or venue not in snapshot.venues:
            continue
        listed = symbol in snapshot.venues[venue].instruments
        closed = before is not None and before.spent and budget.then is Spent.CLOSE and listed
        if line.qty == 0 and not closed:
            continue
        case = _case(line, before, budget, snapshot, policy, universe)
        check, after = _judged(case)
        checks.append(check)
        states[key] = after
        asset = base_of(symbol)
        share = _SHARES.get(budget.then, ONE) if after.spent else ONE
        if share < cuts.get((strategy, asset), Cut()).share:
            cuts[strategy, asset] = Cut(share=share, why=check.why)
        since = after.calm_since if after.spent else after.over_since
        ends += [since + budget.over] if since is not None else []
    wake_at = min((at for at in ends if at > snapshot.as_of), default=None)
    return CarryVerdict(
        state=CarryState(lines=states), checks=tuple(checks), cuts=cuts, wake_at=wake_at
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One line, what is remembered of it, and the prices it is judged by (None: not known or too old)."""

    line: BookLine
    before: LineCarry
    budget: CarryBudget
    mark: Decimal | None
    expected: Decimal | None
    earned: Decimal
    horizon: timedelta
    now: datetime


def _case(
    line: BookLine,
    before: LineCarry | None,
    budget: CarryBudget,
    snapshot: Snapshot,
    policy: PortfolioPolicy,
    universe: Universe,
) -> _Case:
    now, seen = snapshot.as_of, snapshot.venues[line.venue]
    side = before.side if line.qty == 0 and before is not None else (1 if line.qty > 0 else -1)
    quote = _fresh(seen.quotes.get(line.symbol), policy, now)
    spot = universe.spot.get(base_of(line.symbol))
    coin = (
        _fresh(snapshot.venues[spot.venue].quotes.get(spot.instrument.symbol), policy, now)
        if spot is not None
        else None
    )
    instrument = seen.instruments.get(line.symbol)
    mark, coin_price = (q.fair if q is not None else None for q in (quote, coin))
    basis = _basis(instrument, mark, coin_price)
    state = _continued(line, before, side, basis)
    return _Case(
        line=line,
        before=state,
        budget=budget,
        mark=mark,
        expected=_expected(instrument, quote, basis, side, now),
        earned=_earned(line, state, instrument, now),
        horizon=policy.execution.horizon,
        now=now,
    )


def _basis(
    instrument: Instrument | None, mark: Decimal | None, coin: Decimal | None
) -> Decimal | None:
    """How far a dated future stands off its coin; a perpetual's basis is what its funding is for."""
    if instrument is None or instrument.expiry_at is None or mark is None or not coin:
        return None
    return mark / coin - ONE


def _expected(
    instrument: Instrument | None,
    quote: Quote | None,
    basis: Decimal | None,
    side: int,
    now: datetime,
) -> Decimal | None:
    """What ``side`` pays in a year as things are now."""
    if instrument is None or quote is None:
        return None
    if instrument.expiry_at is not None:
        left = max(instrument.expiry_at - now, _DAY)
        return side * yearly_basis(basis, left) if basis is not None else None
    if instrument.kind is not InstrumentKind.PERPETUAL or quote.funding_rate is None:
        return None
    return side * yearly_funding(quote.funding_rate, quote.funding_interval or _EIGHT_HOURS)


def _earned(
    line: BookLine, state: LineCarry, instrument: Instrument | None, now: datetime
) -> Decimal:
    """What a dated future's basis has brought: what it stood off its coin comes back evenly until its end."""
    expiry_at = instrument.expiry_at if instrument is not None else None
    if state.basis is None or state.opened_at is None or expiry_at is None:
        return ZERO
    return (
        -line.cost
        * state.basis
        * min(_ratio(now - state.opened_at, expiry_at - state.opened_at), ONE)
    )


def _fresh(quote: Quote | None, policy: PortfolioPolicy, now: datetime) -> Quote | None:
    stale = quote is not None and now - quote.as_of > policy.freshness.max_quote_age
    return None if stale else quote


def _continued(
    line: BookLine, before: LineCarry | None, side: int, basis: Decimal | None
) -> LineCarry:
    """What is remembered, or a new beginning where the position is another one."""
    if before is None or (line.qty != 0 and before.opened_at != line.opened_at):
        spent = before is not None and before.spent
        return LineCarry(side=side, opened_at=line.opened_at, basis=basis, spent=spent)
    return before if before.basis is not None else replace(before, basis=basis)


def _judged(case: _Case) -> tuple[CarryCheck, LineCarry]:
    line, state = case.line, case.before
    carried = -line.funding - case.earned - state.carried
    fees = line.fees - state.fees
    notional = _notional(line, case.mark)
    realised = cost = None
    if notional:
        since = state.since or line.opened_at or case.now
        age = case.now - since
        # opening is paid for once: spread over as long as a hedge is reckoned to be held
        yearly = carried * _ratio(_YEAR, max(age, _DAY)) + fees * _ratio(
            _YEAR, max(age, case.horizon)
        )
        realised, cost = yearly / notional, (carried + fees) / notional
    why = _excess(case, realised, cost)
    after = _stepped(case, exceeded=why is not None)
    if state.spent and not after.spent:
        after = replace(after, since=case.now, carried=-line.funding - case.earned, fees=line.fees)
    check = CarryCheck(
        strategy=line.strategy,
        venue=line.venue,
        symbol=line.symbol,
        qty=line.qty,
        notional=notional,
        funding=line.funding,
        basis=case.earned,
        fees=line.fees,
        realised=realised,
        expected=case.expected,
        cost=cost,
        max_carry=case.budget.max_carry,
        max_cost=case.budget.max_cost,
        then=case.budget.then,
        over_since=after.over_since,
        spent=after.spent,
        why=(why or _lasting(case)) if after.spent else why,
    )
    return check, after


def _notional(line: BookLine, mark: Decimal | None) -> Decimal | None:
    """About what was open on average: between entry and now in price, between the largest and now in size."""
    if line.qty == 0 or line.entry_price is None:
        return None
    price = line.entry_price if mark is None else (line.entry_price + mark) / 2
    return (abs(line.peak_qty) + abs(line.qty)) / 2 * price


def _excess(case: _Case, realised: Decimal | None, cost: Decimal | None) -> Reason | None:
    """Why the line is beyond its budget."""
    budget, expected = case.budget, case.expected
    if expected is not None and expected > budget.max_carry:
        return _yearly("carry_expected", expected, budget)
    if realised is not None and realised > budget.max_carry:
        return _yearly("carry_paid", realised, budget)
    # a hedge that is paid by now is not taken down for what it cost before
    paying = expected is None or expected > 0
    if cost is not None and cost > budget.max_cost and paying:
        return reason("carry_spent", cost=shown_percent(cost), most=shown_percent(budget.max_cost))
    return None


def _lasting(case: _Case) -> Reason:
    """Why a line that is no longer beyond its budget is not let go yet."""
    expected = case.expected if case.expected is not None else case.budget.max_carry
    return _yearly("carry_lasts", expected, case.budget)


def _yearly(code: str, yearly: Decimal, budget: CarryBudget) -> Reason:
    most = budget.max_carry / 2 if code == "carry_lasts" else budget.max_carry
    return reason(code, yearly=shown_percent(yearly), most=shown_percent(most))


def _stepped(case: _Case, *, exceeded: bool) -> LineCarry:
    """The line one look on: a budget is spent, and given back, only after ``over``."""
    state, budget, now = case.before, case.budget, case.now
    if not state.spent:
        if not exceeded and case.expected is None:
            return state
        since = (state.over_since or now) if exceeded else None
        spent = since is not None and now - since >= budget.over
        return replace(state, over_since=since, spent=spent, calm_since=None)
    if case.expected is None:
        return state
    calm = case.expected < budget.max_carry / 2
    since = (state.calm_since or now) if calm else None
    if since is not None and now - since >= budget.over:
        return replace(state, spent=False, over_since=None, calm_since=None)
    return replace(state, calm_since=since)


def _ratio(span: timedelta, unit: timedelta) -> Decimal:
    second = timedelta(seconds=1)
    return dec(span // second) / dec(max(unit // second, 1))
