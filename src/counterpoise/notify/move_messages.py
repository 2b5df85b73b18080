"""What people are told of a position that moves: what was traded at what price, how far it is, what it cost, and why.

Pure functions from values to alerts. A number in a sentence is rounded for reading where it is long; exact it stands
in ``data`` (what was divided, weights and average prices, to digits enough).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.course import Course
from counterpoise.domain.events import Alert, Severity, alert
from counterpoise.domain.instrument import base_of, quote_of
from counterpoise.domain.numbers import ZERO, counted, quantize, significant, text
from counterpoise.domain.order import Fill, Forced, Order, Side
from counterpoise.notify.costs import Cost, cost_words

_CENT = Decimal("0.01")
_CENTS_FROM = 1_000
_DIGITS = 8
#: To these what is divided is given to programs: a weight, and the digits of a price.
_SHARE, _EXACT = Decimal("1e-8"), 12
_FORCED = {
    Forced.LIQUIDATION: "Liquidated",
    Forced.DELEVERAGING: "Auto-deleveraged",
    Forced.SETTLEMENT: "Settled, as the venue takes the contract from its list",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something moves: ``asset`` in ``symbol`` of ``venue``, and the effective weights before and after.

    ``hurried``: some of it took what the book offers, as patience ran out, and that is not told yet.
    """

    portfolio: str
    asset: str
    venue: str
    symbol: str
    weight_before: Decimal | None = None
    weight_after: Decimal | None = None
    cost: Cost | None = None
    why: str = ""
    decision: str = ""
    hurried: bool = False

    @property
    def data(self) -> Mapping[str, str]:
        """What programs are given beside the sentence, all text; a weight that is not known is ``unknown``."""
        reason = {"reason": self.why} if self.why else {}
        return {
            "asset": self.asset,
            "venue": self.venue,
            "symbol": self.symbol,
            "weight_before": _weight(self.weight_before),
            "weight_after": _weight(self.weight_after),
            "decision": self.decision,
            **reason,
            **(self.cost.data if self.cost is not None else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Rungs:
    """How many of a ladder's ``placed`` rungs are ``filled``; none where it is not made of rungs.

    ``crossed``: what was left of them was taken down to cross the book, so that their number says nothing any more.
    """

    filled: int = 0
    placed: int = 0
    crossed: bool = False

    @property
    def words(self) -> str:
        """``2 of 5 rungs filled``; empty without rungs, with none that filled, and once the ladder crosses."""
        if not self.filled or self.placed < 2 or self.crossed:
            return ""
        return f"{self.filled} of {counted(self.placed, 'rung')} filled"


def hedge_moved(
    place: Place, before_qty: Decimal, after_qty: Decimal, fills: Sequence[Fill], at: datetime
) -> Alert:
    """Return the alert for our futures position going from ``before_qty`` to ``after_qty`` by ``fills``.

    Quantities are base units, signed (short < 0), our own part only.
    """
    verb, moved = _verb(before_qty, after_qty), after_qty - before_qty
    side = Side.BUY if moved > 0 else Side.SELL
    price = average_price(f for f in fills if f.side is side)
    sentence = (
        f"{_noun(before_qty, after_qty)} of {place.asset} {verb}:"
        f" {_traded(place, side, abs(moved), price)}{_patience(place)};"
        f" {_position(place, before_qty, after_qty)}{_rest(place)}"
    )
    data = {
        **_traded_data(side, abs(moved), price, (f.trade_id for f in fills)),
        "before_qty": text(before_qty),
        "after_qty": text(after_qty),
    }
    return _told(place, f"hedge_{verb}", sentence, at, data)


def hedge_settled(place: Place, before_qty: Decimal, price: Decimal | None, at: datetime) -> Alert:
    """Return the alert for our position of ``before_qty`` in a dated future that expired, settled at ``price``."""
    side = Side.SELL if before_qty > 0 else Side.BUY
    settled = f" at {readable(price)}" if price is not None else ""
    sentence = (
        f"{_noun(before_qty, ZERO)} of {place.asset} closed: {place.symbol} expired, and the venue settled"
        f" {_short(abs(before_qty))} {place.asset}{settled}; {_position(place, before_qty, ZERO)}{_costs(place)}"
    )
    data = {
        **_traded_data(side, abs(before_qty), price, ()),
        "before_qty": text(before_qty),
        "after_qty": text(ZERO),
    }
    return _told(place, "hedge_closed", sentence, at, data)


def taken_by_venue(
    place: Place,
    before_qty: Decimal,
    after_qty: Decimal,
    fills: Sequence[Fill],
    how: Forced,
    total: Decimal,
    at: datetime,
) -> Alert:
    """Return the alert for a position of ours that the venue itself closed, in whole or in part, by ``fills``.

    ``total``: how much of the contract it took, with what was never ours; base units (> 0).
    """
    moved = after_qty - before_qty
    side = Side.BUY if moved > 0 else Side.SELL
    price = average_price(fills)
    held = (
        f"{_short(after_qty)} {place.asset} of it is left" if after_qty else "nothing of it is left"
    )
    others = (
        f" It took {_short(total)} in all: the rest was not ours." if total != abs(moved) else ""
    )
    sentence = (
        f"{_FORCED[how]}: the venue itself {_traded(place, side, abs(moved), price)}, against our"
        f" {_noun(before_qty, after_qty).lower()} of {place.asset}; {held},"
        f" {_position(place, before_qty, after_qty)}{_costs(place)}.{others} Strategies that still want it trade"
        " again with the next look, as far as margin carries it"
    )
    data = {
        **_traded_data(side, abs(moved), price, (f.trade_id for f in fills)),
        "before_qty": text(before_qty),
        "after_qty": text(after_qty),
        "step": how.value,
    }
    told = _told(place, "taken_by_venue", sentence, at, data)
    return replace(told, severity=Severity.CRITICAL)


def ladder_begun(place: Place, course: Course, rungs: Rungs, at: datetime) -> Alert:
    """Return the alert for a position whose first fills came, and that has some way to go to its goal."""
    before, after = course.before, course.now_qty
    verb = _verb(before, after)
    way = f" on the way to {_short(course.goal)} {place.asset}" if course.goal is not None else ""
    filled = f" ({rungs.words})" if rungs.words else ""
    sentence = (
        f"{_noun(before, after)} of {place.asset} {verb}:"
        f" {_traded(place, course.side, abs(course.net), course.price)}{_patience(place)};"
        f" futures position {_short(before)} -> {_short(after)} {place.asset}{way}{filled}"
        f"{_weights(place)}{_rest(place)}"
    )
    return _told(place, f"hedge_{verb}", sentence, at, {**_course(course, rungs), "step": "begun"})


def ladder_goes_on(place: Place, course: Course, rungs: Rungs, at: datetime) -> Alert:
    """Return the alert for what has filled since a ladder was last spoken of."""
    filled = f", {rungs.words}" if rungs.words else ""
    more = _traded(place, course.side, course.untold_qty, course.untold_price)
    sentence = (
        f"{_noun(course.before, course.now_qty)} of {place.asset} at {_short(course.now_qty)} of"
        f" {_goal(course)} {place.asset}{filled}: {more} since the last word"
        f"{_patience(place)}{_weights(place)}"
    )
    data = {
        **_course(course, rungs),
        **_traded_data(course.side, course.untold_qty, course.untold_price, course.trades),
        "before_qty": text(course.now_qty - course.untold_net),
        "step": "on",
    }
    return _told(place, "ladder", sentence, at, data)


def ladder_done(place: Place, course: Course, rungs: Rungs, last: Decimal, at: datetime) -> Alert:
    """Return the alert for a position that has arrived; ``last``: by how much this look's fills moved it.

    Why was said when it began, and stands in the data.
    """
    after = course.now_qty
    verb = _verb(after - last, after)
    word = "complete" if verb == "adjusted" and course.before == 0 else verb
    sentence = (
        f"{_noun(course.before, after)} of {place.asset} {word}: in all"
        f" {_traded(place, course.side, abs(course.net), course.price)}{_patience(place)};"
        f" {_position(place, course.before, after)}{_costs(place)}"
    )
    return _told(place, f"hedge_{verb}", sentence, at, {**_course(course, rungs), "step": "done"})


def ladder_left(place: Place, course: Course, rungs: Rungs, instead: str, at: datetime) -> Alert:
    """Return the alert for a ladder that ends before its goal; ``instead`` says what is wanted now, and why."""
    after = course.now_qty
    sentence = (
        f"{_noun(course.before, after)} of {place.asset}: the way to {_goal(course)} {place.asset} ends at"
        f" {_short(after)}, {instead}. In all"
        f" {_traded(place, course.side, abs(course.net), course.price)};"
        f" {_position(place, course.before, after)}{_costs(place)}"
    )
    return _told(place, "ladder", sentence, at, {**_course(course, rungs), "step": "left"})


def ladder_crosses(
    place: Place,
    held: Decimal,
    goal: Decimal,
    rest: Decimal,
    tried: Order,
    within: Decimal,
    at: datetime,
) -> Alert:
    """Return the alert for a book that does not offer what a ladder lacks once its patience is over.

    ``tried``: the order that crossed and was not filled in full; ``rest`` (> 0) is tried now. ``within``: how far from
    the mark, as a fraction.
    """
    asset, far = place.asset, text(quantize(within * 100, _CENT))
    got = f"{_short(tried.filled_qty)} of" if tried.filled_qty else "none of"
    sentence = (
        f"{_noun(held, goal)} of {asset}: patience ran out, and the book of {place.symbol} offers too little within"
        f" {far} % of the mark: {got} {_short(tried.qty)} {asset} {_done(tried.side)}. {_short(held)} of"
        f" {_short(goal)} {asset} is held; {_short(rest)} {asset} is missing and tried again"
    )
    data = {
        "tried_qty": text(tried.qty),
        "got_qty": text(tried.filled_qty),
        "side": (Side.BUY if goal > held else Side.SELL).value,
        "qty": text(rest),
        "before_qty": text(held),
        "after_qty": text(held),
        "goal_qty": text(goal),
        "step": "crosses",
    }
    return _told(place, "ladder", sentence, at, data)


def coins_traded(place: Place, fills: Sequence[Fill], at: datetime) -> Alert:
    """Return the alert for coins that were bought or sold in the spot pair of ``place`` by ``fills``."""
    asset = base_of(place.symbol)
    moved = sum((f.signed_qty for f in fills), ZERO)
    net = sum((f.net_qty for f in fills), ZERO)
    side = Side.BUY if moved > 0 else Side.SELL
    price = average_price(f for f in fills if f.side is side)
    done = "Bought" if side is Side.BUY else "Sold"
    sentence = f"{done} {_short(abs(moved))} {asset} in coins with {place.symbol}"
    if price is not None:
        sentence += f" at {readable(price)} on average"
    if net != moved:
        sentence += f", {_short(net)} after the fee"
    if place.why:
        sentence += f". Why: {place.why}"
    data = {
        **_traded_data(side, abs(moved), price, (f.trade_id for f in fills)),
        "net_qty": text(net),
    }
    return _told(place, "coins_traded", sentence, at, data)


def average_price(fills: Iterable[Fill]) -> Decimal | None:
    """Return the quantity-weighted price of ``fills``, None when there are none."""
    total_qty, total_notional = ZERO, ZERO
    for fill in fills:
        total_qty += fill.qty
        total_notional += fill.qty * fill.price
    return total_notional / total_qty if total_qty else None


def readable(price: Decimal) -> str:
    """Return ``price`` to 8 significant digits, from 1,000 on to cents and with separators: ``83,000.67``."""
    finest = Decimal((0, (1,), price.adjusted() - _DIGITS + 1))
    rounded = quantize(price, max(finest, _CENT) if price >= _CENTS_FROM else finest)
    return f"{rounded.normalize():,f}"


def _told(place: Place, kind: str, sentence: str, at: datetime, data: Mapping[str, str]) -> Alert:
    return alert(place.portfolio, kind, Severity.INFO, sentence, at, data={**place.data, **data})


def _traded(place: Place, side: Side, qty: Decimal, price: Decimal | None) -> str:
    said = f"{_done(side)} {_short(qty)} {place.asset}" if qty else "no net move"
    said += f" with {place.symbol}"
    return f"{said} at {readable(price)} on average" if price is not None else said


def _done(side: Side) -> str:
    return "bought" if side is Side.BUY else "sold"


def _patience(place: Place) -> str:
    return ", after patience ran out" if place.hurried else ""


def _position(place: Place, before: Decimal, after: Decimal) -> str:
    return f"futures position {_short(before)} -> {_short(after)} {place.asset}{_weights(place)}"


def _weights(place: Place) -> str:
    if place.weight_before is None and place.weight_after is None:
        return ""
    return f", effective weight {_percent(place.weight_before)} -> {_percent(place.weight_after)}"


def _rest(place: Place) -> str:
    return f"{_costs(place)}. Why: {place.why}" if place.why else _costs(place)


def _costs(place: Place) -> str:
    return f". {cost_words(place.cost, quote_of(place.symbol))}" if place.cost is not None else ""


def _course(course: Course, rungs: Rungs) -> dict[str, str]:
    found = {
        **_traded_data(course.side, abs(course.net), course.price, course.trades),
        "before_qty": text(course.before),
        "after_qty": text(course.now_qty),
        "goal_qty": _maybe(course.goal),
    }
    if rungs.placed:
        found |= {"rungs": str(rungs.placed), "rungs_filled": str(rungs.filled)}
    return found


def _traded_data(
    side: Side, qty: Decimal, price: Decimal | None, trades: Iterable[str]
) -> dict[str, str]:
    return {
        "side": side.value,
        "qty": text(qty),
        "avg_price": _maybe(significant(price, _EXACT) if price is not None else None),
        "trade_ids": ",".join(trades),
    }


def _goal(course: Course) -> str:
    return "its goal" if course.goal is None else _short(course.goal)


def _short(qty: Decimal | None) -> str:
    return "unknown" if qty is None else text(significant(qty))


def _verb(before_qty: Decimal, after_qty: Decimal) -> str:
    if not before_qty and after_qty:
        return "opened"
    return "closed" if before_qty and not after_qty else "adjusted"


def _noun(before_qty: Decimal, after_qty: Decimal) -> str:
    """A short is what people call a hedge; a long makes a position larger and must not read like one."""
    held = after_qty or before_qty
    return "Long" if held > 0 else "Hedge"


def _percent(weight: Decimal | None) -> str:
    return "unknown" if weight is None else f"{text(quantize(weight * 100, _CENT))} %"


def _weight(weight: Decimal | None) -> str:
    return _maybe(quantize(weight, _SHARE) if weight is not None else None)


def _maybe(value: Decimal | None) -> str:
    return "unknown" if value is None else text(value)
