"""The hedge book: which part of every position belongs to which strategy, and what it earned and cost (MEANING 8).

A :class:`BookLine` is one strategy in one contract (or one spot pair): what it wants there and what it has. Opposing
changes are first crossed between strategies at the decision's mark, so that only the net is traded; each fill then
goes to those that still want on its side, pro rata. Lines of one contract always add up to its own quantity, and

    value at the start + price PnL + funding - fees = value at the end

holds exactly, because what leaves a position takes a booked share of its cost along, and the last of it takes the
rest (MEANING 23). Pure: events in, lines out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from counterpoise.domain.numbers import ZERO, dec, quantize, shrink_step, split

#: Booked money is quantised to this (quote units).
CENT = dec("1e-8")
ROUNDING = ROUND_HALF_EVEN
_HOUR = timedelta(hours=1)
#: Who a fill is booked to when no strategy is left that wanted it; nobody wants it, so it is closed again.
UNCLAIMED = "unclaimed"

#: Strategy, venue, unified symbol.
LineKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookLine:
    """One strategy in one contract.

    ``wanted`` and ``qty`` are signed base units. The rest tells of the present position (or, when flat, the last):
    ``cost`` is the signed value paid for what is open, ``peak_qty`` its largest size, ``exit_value`` and
    ``exit_qty`` what left it, ``price_pnl``, ``funding`` (received > 0) and ``fees`` (paid > 0) in quote. ``hour``: the
    whole hour in which ``qty`` last changed; ``hour_qty``: what it was on its stroke, what came with it included:
    funding is paid on that, and venues tell of it later.
    """

    strategy: str
    venue: str
    symbol: str
    wanted: Decimal = ZERO
    qty: Decimal = ZERO
    cost: Decimal = ZERO
    opened_at: datetime | None = None
    peak_qty: Decimal = ZERO
    entry_value: Decimal = ZERO
    entry_qty: Decimal = ZERO
    exit_value: Decimal = ZERO
    exit_qty: Decimal = ZERO
    price_pnl: Decimal = ZERO
    funding: Decimal = ZERO
    fees: Decimal = ZERO
    hour: datetime | None = None
    hour_qty: Decimal | None = None

    @property
    def key(self) -> LineKey:
        """Strategy, venue, symbol."""
        return (self.strategy, self.venue, self.symbol)

    @property
    def pending(self) -> Decimal:
        """What is still missing, signed."""
        return self.wanted - self.qty

    @property
    def entry_price(self) -> Decimal | None:
        """Average price of what is open; None when flat."""
        return self.cost / self.qty if self.qty else None

    @property
    def earned(self) -> Decimal:
        """Realised: price PnL + funding - fees."""
        return self.price_pnl + self.funding - self.fees

    def qty_at(self, at: datetime) -> Decimal:
        """Quantity when the hour of ``at`` began; what is known next to it where more than an hour went by since."""
        if self.hour is None or self.hour_qty is None or self.hour < on_the_hour(at):
            return self.qty
        return self.hour_qty

    def unrealized(self, mark: Decimal) -> Decimal:
        """Price PnL of what is open at ``mark``, in quote."""
        return quantize(self.qty * mark - self.cost, CENT, ROUNDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedHedge:
    """A position of one strategy from flat to flat; ``qty`` is its largest size, signed. Prices are averages."""

    strategy: str
    venue: str
    symbol: str
    opened_at: datetime
    closed_at: datetime
    qty: Decimal
    entry: Decimal
    exit: Decimal
    price_pnl: Decimal
    funding: Decimal
    fees: Decimal

    @property
    def net(self) -> Decimal:
        """What it brought, in quote."""
        return self.price_pnl + self.funding - self.fees


@dataclass(frozen=True, slots=True, kw_only=True)
class Cross:
    """``qty`` (> 0, base units) that ``seller`` handed to ``buyer`` at ``price`` without a trade."""

    venue: str
    symbol: str
    buyer: str
    seller: str
    qty: Decimal
    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """Lines after some events (all of them, changed or not), and what the events left behind."""

    lines: Mapping[LineKey, BookLine]
    closed: tuple[ClosedHedge, ...] = ()
    crosses: tuple[Cross, ...] = ()

    def then(self, later: Booked | None) -> Booked:
        """Return both events' outcome, ``later`` having started from these lines."""
        if later is None:
            return self
        return Booked(
            lines=later.lines,
            closed=(*self.closed, *later.closed),
            crosses=(*self.crosses, *later.crosses),
        )

    def changed(self, before: Mapping[LineKey, BookLine]) -> tuple[BookLine, ...]:
        """Return the lines that differ from ``before``."""
        return tuple(x for k, x in self.lines.items() if before.get(k) != x)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """What is to be shared out: ``qty`` (signed, net of a fee in the coin) for ``value`` (signed like qty).

    ``fee`` is in quote (> 0 paid), without what was already taken out of ``qty``; ``lot`` is the step shares keep.
    """

    venue: str
    symbol: str
    qty: Decimal
    value: Decimal
    fee: Decimal
    at: datetime
    lot: Decimal = field(default=CENT)


def traded(
    line: BookLine, qty: Decimal, value: Decimal, fee: Decimal, at: datetime
) -> tuple[BookLine, ClosedHedge | None]:
    """Return ``line`` after ``qty`` for ``value`` (signed alike), and the position this ended, if it did.

    A trade through zero is two: the close, then the opening; value and fee are shared by quantity.
    """
    if qty == 0:
        return replace(line, fees=line.fees + fee), None
    line = _in_its_hour(line, qty, at)
    beyond = line.qty + qty
    if line.qty != 0 and beyond != 0 and (beyond > 0) != (line.qty > 0):
        part = quantize(value * -line.qty / qty, CENT, ROUNDING)
        share = quantize(fee * -line.qty / qty, CENT, ROUNDING)
        flat, closed = _reduced(line, -line.qty, part, share, at)
        return _added(flat, beyond, value - part, fee - share, at), closed
    if line.qty == 0 or (line.qty > 0) == (qty > 0):
        return _added(line, qty, value, fee, at), None
    return _reduced(line, qty, value, fee, at)


def on_the_hour(at: datetime) -> datetime:
    """Return the whole hour that ``at`` lies in; funding is paid on the stroke of one."""
    return at.replace(minute=0, second=0, microsecond=0)


def hour_of(at: datetime) -> datetime:
    """Return the hour that a trade at ``at`` counts to: what trades on the stroke counts as before it (MEANING 23)."""
    hour = on_the_hour(at)
    return hour - _HOUR if hour == at else hour


def _in_its_hour(line: BookLine, qty: Decimal, at: datetime) -> BookLine:
    """Keep what was held on the stroke."""
    hour = hour_of(at)
    if line.hour is None or line.hour_qty is None or line.hour < hour:
        return replace(line, hour=hour, hour_qty=line.qty)
    if line.hour > hour:  # a fill from before that is told late
        return replace(line, hour_qty=line.hour_qty + qty)
    return line


def _added(line: BookLine, qty: Decimal, value: Decimal, fee: Decimal, at: datetime) -> BookLine:
    if line.qty == 0:
        line = BookLine(
            strategy=line.strategy,
            venue=line.venue,
            symbol=line.symbol,
            wanted=line.wanted,
            opened_at=at,
            hour=line.hour,
            hour_qty=line.hour_qty,
        )
    after = line.qty + qty
    return replace(
        line,
        qty=after,
        cost=line.cost + value,
        entry_value=line.entry_value + abs(value),
        entry_qty=line.entry_qty + abs(qty),
        peak_qty=after if abs(after) > abs(line.peak_qty) else line.peak_qty,
        fees=line.fees + fee,
    )


def _reduced(
    line: BookLine, qty: Decimal, value: Decimal, fee: Decimal, at: datetime
) -> tuple[BookLine, ClosedHedge | None]:
    after = line.qty + qty
    # the last of a position takes all that is left of its cost: nothing stays behind by rounding
    cost = line.cost if after == 0 else quantize(line.cost * -qty / line.qty, CENT, ROUNDING)
    reduced = replace(
        line,
        qty=after,
        cost=line.cost - cost,
        exit_value=line.exit_value + abs(value),
        exit_qty=line.exit_qty + abs(qty),
        price_pnl=line.price_pnl - value - cost,
        fees=line.fees + fee,
    )
    if after != 0:
        return reduced, None
    return replace(reduced, opened_at=None), ClosedHedge(
        strategy=line.strategy,
        venue=line.venue,
        symbol=line.symbol,
        opened_at=line.opened_at or at,
        closed_at=at,
        qty=line.peak_qty,
        entry=quantize(reduced.entry_value / reduced.entry_qty, CENT, ROUNDING),
        exit=quantize(reduced.exit_value / reduced.exit_qty, CENT, ROUNDING),
        price_pnl=reduced.price_pnl,
        funding=reduced.funding,
        fees=reduced.fees,
    )


def wanting(
    lines: Mapping[LineKey, BookLine], wanted: Mapping[LineKey, Decimal], coins: Iterable[LineKey]
) -> dict[LineKey, BookLine]:
    """Return the lines with what strategies want now; one that ``wanted`` does not name wants nothing more.

    For futures that is zero; for coins (keys in ``coins``, spot pairs) it is what the line has: a conversion that
    ended leaves its coins where they are.
    """
    kept = set(coins)
    after: dict[LineKey, BookLine] = {}
    for key in sorted({*lines, *wanted}):
        line = lines.get(key, BookLine(strategy=key[0], venue=key[1], symbol=key[2]))
        idle = line.qty if key in kept else ZERO
        after[key] = replace(line, wanted=wanted.get(key, idle))
    return after


def crossed(
    lines: Mapping[LineKey, BookLine],
    marks: Mapping[tuple[str, str], Decimal],
    lots: Mapping[tuple[str, str], Decimal],
    at: datetime,
) -> Booked:
    """Cross opposing pending changes of each contract at its mark; what remains of a contract has one sign.

    A contract without a mark is left alone: nothing is booked at a price nobody knows.
    """
    after = dict(lines)
    closed: list[ClosedHedge] = []
    crosses: list[Cross] = []
    for contract in sorted({(v, s) for _, v, s in lines}):
        mark = marks.get(contract)
        mine = {k: x for k, x in after.items() if k[1:] == contract and x.pending != 0}
        buys = {k[0]: x.pending for k, x in mine.items() if x.pending > 0}
        sells = {k[0]: -x.pending for k, x in mine.items() if x.pending < 0}
        if mark is None or not buys or not sells:
            continue
        lot = lots.get(contract, CENT)
        size = min(sum(buys.values(), ZERO), sum(sells.values(), ZERO))
        gives = apportioned(size, sells, lot)
        takes = apportioned(size, buys, lot)
        for buyer, seller, qty in _matched(takes, gives):
            crosses.append(
                Cross(
                    venue=contract[0],
                    symbol=contract[1],
                    buyer=buyer,
                    seller=seller,
                    qty=qty,
                    price=mark,
                    at=at,
                )
            )
            for strategy, signed in ((buyer, qty), (seller, -qty)):
                key = (strategy, *contract)
                after[key], ended = traded(after[key], signed, signed * mark, ZERO, at)
                closed += [ended] if ended is not None else []
    return Booked(lines=after, closed=tuple(closed), crosses=tuple(crosses))


def _matched(
    takes: Mapping[str, Decimal], gives: Mapping[str, Decimal]
) -> list[tuple[str, str, Decimal]]:
    """Pair what is taken with what is given, in the order of names."""
    pairs: list[tuple[str, str, Decimal]] = []
    left = {s: q for s, q in sorted(gives.items()) if q > 0}
    for buyer, asked in sorted(takes.items()):
        need = asked
        for seller in list(left):
            qty = min(need, left[seller])
            if qty > 0:
                pairs.append((buyer, seller, qty))
                need -= qty
                left[seller] -= qty
            if left[seller] == 0:
                del left[seller]
            if need == 0:
                break
    return pairs


def apportioned(total: Decimal, weights: Mapping[str, Decimal], lot: Decimal) -> dict[str, Decimal]:
    """Split ``total`` (> 0) pro rata by ``weights`` (> 0) in steps of ``lot``, none above its weight.

    What does not divide goes to the largest first. A total above all weights together is shared in full: the
    excess goes to the largest.
    """
    whole = sum(weights.values(), ZERO)
    if whole <= 0:
        raise ValueError("expected weights that add up to more than 0")
    by_size = sorted(weights, key=lambda name: (-weights[name], name))
    shares = {n: min(shrink_step(total * w / whole, lot), w) for n, w in weights.items()}
    rest = total - sum(shares.values(), ZERO)
    for name in by_size:
        extra = min(rest, weights[name] - shares[name])
        shares[name] += extra
        rest -= extra
    shares[by_size[0]] += rest
    return shares


def executed(lines: Mapping[LineKey, BookLine], execution: Execution) -> Booked:
    """Share ``execution`` among the lines of its contract that still want on its side."""
    contract = (execution.venue, execution.symbol)
    mine = {k[0]: x for k, x in lines.items() if k[1:] == contract}
    buys = execution.qty > 0
    weights = {s: abs(x.pending) for s, x in mine.items() if x.pending and (x.pending > 0) is buys}
    if not weights:
        # a late fill of an order that nobody wants any more: whoever it would bring nearer to flat, else anyone
        weights = {s: abs(x.qty) for s, x in mine.items() if x.qty and (x.qty > 0) is not buys}
        weights = weights or {
            max(mine, key=lambda s: (abs(mine[s].qty), s), default=UNCLAIMED): CENT
        }
    shares = apportioned(abs(execution.qty), weights, execution.lot)
    shares = {s: q for s, q in shares.items() if q != 0}
    values = _signed_split(execution.value, shares)
    fees = _signed_split(execution.fee, shares)
    after = dict(lines)
    closed: list[ClosedHedge] = []
    for strategy, share in shares.items():
        key = (strategy, *contract)
        line = after.get(key, BookLine(strategy=strategy, venue=key[1], symbol=key[2]))
        signed = share if buys else -share
        after[key], ended = traded(line, signed, values[strategy], fees[strategy], execution.at)
        closed += [ended] if ended is not None else []
    return Booked(lines=after, closed=tuple(closed))


def _signed_split(total: Decimal, shares: Mapping[str, Decimal]) -> dict[str, Decimal]:
    return split(total, shares, CENT)
