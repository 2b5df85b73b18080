"""What an alert is called on a lock screen: what happened, and to what. One table by kind. Pure.

A title is filled in from the exact values of its alert (:mod:`~counterpoise.domain.alert_fields`); where one that it
needs is missing the next one is taken, in the end the kind in words. So a kind of another version has a title too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from counterpoise.domain.alert_fields import values_of
from counterpoise.domain.events import Alert
from counterpoise.domain.numbers import dec, significant, text
from counterpoise.domain.reasons import shown_percent
from counterpoise.domain.templates import template

#: No title is longer, what is appended included.
LONGEST = 60
IS_OVER = " is over"
#: Kind, or kind and what it tells (state, step, tranche, kind and phase of a strategy) -> titles while it holds, the
#: first that can be filled in.
_TITLES: Mapping[str, tuple[str, ...]] = {
    "approval:asks": ("Answer needed: {strategy} on {asset}", "Answer needed"),
    "approval:expired": ("Not answered: {strategy} on {asset}", "Request not answered"),
    "barred": ("Venue takes no orders: {symbol}",),
    "basis": ("Basis is absurd: {symbol}",),
    "basis_late": ("Basis is still absurd: {symbol}",),
    "carry": ("Carry budget spent: {strategy}, {symbol}",),
    "carry_ask": ("Carry budget spent, your word: {strategy}, {symbol}",),
    "coins_traded": ("Coins {done}: {amount} {asset}",),
    "collateral": ("Collateral missing: {asset} at {venue}",),
    "collateral_moved:done": ("Collateral moved: {amount} {asset} at {venue}",),
    "collateral_moved:rejected": ("Collateral not moved: {amount} {asset} at {venue}",),
    "conversion": ("{strategy} goes on converting",),
    "conversion_begun": ("Conversion into coins: {strategy}",),
    "conversion_ended": ("{strategy} has converted",),
    "conversion_ended:left": ("Conversion called off: {strategy}",),
    "cross": ("Cross hedge cut: {strategy}",),
    "cross_unmeasured": ("Cross hedge unwatched: {strategy}",),
    "dead_man": ("Dead man's switch does not run",),
    "drawdown": ("Drawdown: {step}",),
    "flow": ("{came}: {amount} {asset} at {venue}",),
    "frozen": ("Frozen: {symbol} at {venue}",),
    "hedge_adjusted": ("{asset} {hedge} adjusted",),
    "hedge_adjusted:done": ("{asset} {hedge} as wanted",),
    "hedge_closed": ("{asset} {hedge} closed",),
    "hedge_opened": ("{asset} {hedge} opened",),
    "hold": ("No decisions: {code}",),
    "inactive": ("Not trading: {symbol}",),
    "key": ("API key needs a look",),
    "ladder": ("{asset} {hedge} on its way",),
    "ladder:crosses": ("{asset} {hedge}: the book offers too little",),
    "ladder:left": ("{asset} {hedge}: another goal",),
    "leaving": ("Order does not leave: {symbol} at {venue}",),
    "left_working": ("Orders may work unwatched",),
    "look:broke": ("Looking failed",),
    "look:late": ("A look is late",),
    "margin": ("Margin: {distance} from liquidation, {asset} at {venue}", "Margin: {asset} at {venue}"),
    "margin:stop_adding": ("No adding: {distance} from liquidation, {asset} at {venue}",),
    "margin:reduce": ("Reducing: {distance} from liquidation, {asset} at {venue}",),
    "margin:flatten": ("Closing futures: {distance} from liquidation, {venue}",),
    "margin_differs": ("Margin rules differ: {asset} at {venue}",),
    "margin_halted": ("HALT, {distance} from liquidation: {asset} at {venue}",),
    "margin_table": ("Margin table unknown: {symbol}",),
    "margin_unseen": ("Margin unseen: {venue}",),
    "off_peg": ("Off its peg: {asset}",),
    "operator:done": ("Done: {kind}, by {who}",),
    "operator:flattened": ("Own futures are closed",),
    "operator:override_ended": ("Override of weights ended",),
    "operator:refused": ("Refused: {kind}, by {who}",),
    "order": ("Outcome unknown: {symbol} at {venue}",),
    "owner_moved": ("Watched by another machine",),
    "position": ("Position unexplained: {symbol} at {venue}",),
    "position_accepted": ("Position taken as it is: {symbol}",),
    "price": ("Price doubted: {asset} at {venue}",),
    "recovered": ("Started after a crash",),
    "refused": ("Orders refused: {symbol}",),
    "rejected": ("Venue rejects orders: {symbol}",),
    "residue": ("Too little to trade: {symbol}",),
    "settings": ("Settings changed: {symbol} at {venue}",),
    "sink": ("No alerts get to {sink}",),
    "start_waits": ("Start waits for venue {venue}",),
    "report_daily": ("Daily report: {outcome}", "Daily report"),
    "report_weekly": ("Weekly report: {outcome}", "Weekly report"),
    "state_lowered": ("Trading state: {state}",),
    "strategy_turned": ("{strategy}: {phase} ({asset})",),
    "strategy_turned:dip_buy:ended": ("{strategy}: ended, selling {amount} {asset}", "{strategy}: ended ({asset})"),
    "strategy_turned:dip_buy:spending": ("{strategy}: profit taken, selling {amount} {asset}",),
    "strategy_turned:profit_ladder:armed": ("{strategy}: armed again ({asset})",),
    "strategy_turned:profit_ladder:ended": ("{strategy}: rally over, closing the hedge ({asset})",),
    "strategy_turned:scale_in:ended": ("{strategy}: wrong, closing ({asset})",),
    "strategy_turned:scale_in:hedging": ("{strategy}: wrong, hedging ({asset})",),
    "taken_by_venue:deleveraging": ("Deleveraged by the venue: {asset} {hedge}",),
    "taken_by_venue:liquidation": ("LIQUIDATED: {asset} {hedge}",),
    "taken_by_venue:settlement": ("Settled by the venue: {asset} {hedge}",),
    "taken_down": ("Taken down by others: {symbol}",),
    "target_hit": ("{strategy}: target {price} hit ({asset})",),
    "tranche": ("{strategy}: {tranche} ({asset})",),
    "tranche:commitment": ("{strategy}: committed ({asset})",),
    "tranche:confirmation": ("{strategy}: confirmed ({asset})",),
    "tranche:dip": ("{asset} dip: {strategy} buys {amount} {asset}", "{strategy}: dip in {asset}, buying"),
    "tranche:entry": ("{strategy}: entered ({asset})",),
    "transfer": ("Outcome unknown: transfer of collateral",),
    "unrestored": ("Not set back: {symbol} at {venue}",),
    "untimely": ("Venue {venue} refuses our clock",),
    "venue": ("Venue {venue} does not answer",),
    "waits": ("Conversion waits: {strategy}, {asset}",),
    "wrong_reply": ("Wrong reply: {side} {amount} {symbol}", "Wrong reply: order {order}"),
}  # fmt: skip
#: The same once it is over, before "is over".
_OVER: Mapping[str, tuple[str, ...]] = {
    "barred": ("Ban of orders on {symbol}",),
    "basis": ("Absurd basis of {symbol}",),
    "basis_late": ("Absurd basis of {symbol}",),
    "carry": ("Carry beyond budget of {strategy}",),
    "carry_ask": ("Carry beyond budget of {strategy}",),
    "collateral": ("Lack of {asset} at {venue}",),
    "cross": ("Cut of cross hedge {strategy}",),
    "cross_unmeasured": ("Blind time of cross hedge {strategy}",),
    "dead_man": ("Outage of the dead man's switch",),
    "drawdown": ("Drawdown ({step})",),
    "frozen": ("Freeze of {symbol}",),
    "hold": ("Hold of decisions ({code})",),
    "inactive": ("Halt of {symbol}",),
    "key": ("Refusal of the API key",),
    "leaving": ("Wait for orders to leave {symbol}",),
    "left_working": ("Unwatched work of orders",),
    "look:broke": ("Failure to look",),
    "look:late": ("Delay of a look",),
    "margin": ("Low margin of {asset} at {venue}",),
    "margin:stop_adding": ("Stop of adding, {asset} at {venue},",),
    "margin:reduce": ("Reducing, {asset} at {venue},",),
    "margin:flatten": ("Closing, {asset} at {venue},",),
    "margin_differs": ("Odd margin rule of {asset} at {venue}",),
    "margin_table": ("Lack of a margin table of {symbol}",),
    "margin_unseen": ("Blindness for margin at {venue}",),
    "off_peg": ("Depeg of {asset}",),
    "order": ("Doubt about orders on {symbol}",),
    "position": ("Unexplained position of {symbol}",),
    "price": ("Doubt about {asset} at {venue}",),
    "refused": ("Refusal of orders on {symbol}",),
    "rejected": ("Rejection of orders on {symbol}",),
    "residue": ("Residue of {symbol}",),
    "settings": ("Change of settings of {symbol}",),
    "sink": ("Silence of {sink}",),
    "start_waits": ("Wait for venue {venue}",),
    "transfer": ("Doubt about a transfer of collateral",),
    "unrestored": ("Changed setting of {symbol}",),
    "untimely": ("Refusal of our clock by {venue}",),
    "venue": ("Silence of venue {venue}",),
    "waits": ("Wait of {strategy} on {asset}",),
    "wrong_reply": ("Doubt about {side} {amount} {symbol}", "Doubt about order {order}"),
}  # fmt: skip


def title_of(alert: Alert) -> str:
    """Return the title of one alert, however long; what is over says so."""
    made = _filled(alert, _OVER if alert.cleared else _TITLES) or words(alert.kind)
    return f"{made}{IS_OVER}" if alert.cleared else made


def title_of_many(alerts: Sequence[Alert], kind: str) -> str:
    """Return the title of alerts about different things, all of one kind or of the category ``kind``."""
    titles = {title_of(a) for a in alerts}
    if len(titles) == 1:
        return titles.pop()
    heads = {title.partition(": ")[0] for title in titles}
    one_kind = {a.kind for a in alerts} == {kind}
    if one_kind and len(heads) == 1:
        return heads.pop()
    return f"{words(kind)}{IS_OVER}" if all(a.cleared for a in alerts) else words(kind)


def words(kind: str) -> str:
    """Return ``hedge_opened`` as ``Hedge opened``."""
    said = kind.replace("_", " ")
    return said[:1].upper() + said[1:]


def fitted(title: str, tail: str) -> str:
    """Return ``title`` and ``tail`` (whole) on one line of at most 60 characters, as long as half of that is left."""
    line = " ".join(title.split())
    if line.endswith(IS_OVER):
        line, tail = line.removesuffix(IS_OVER), f"{IS_OVER}{tail}"
    room = max(LONGEST - len(tail), LONGEST // 2)
    return f"{line if len(line) <= room else f'{line[: room - 3].rstrip()}...'}{tail}"


def _filled(alert: Alert, table: Mapping[str, tuple[str, ...]]) -> str | None:
    values = dict(values_of(alert))
    phase = f"{values.get('strategy_kind')}:{values.get('phase')}"
    which = values.get("state") or values.get("step") or values.get("tranche") or phase
    shown = {**values, **dict(_shown(values))}
    for written in (*table.get(f"{alert.kind}:{which}", ()), *table.get(alert.kind, ())):
        made = template(written).fill(shown)
        if made is not None:
            return made
    return None


def _shown(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield exact values as people read them, and words that follow from them; what is no number is left out."""
    numbers = {name: _number(values[name]) for name in _NUMBERS if name in values}
    distance, qty = numbers.get("distance"), numbers.get("qty")
    if distance is not None:
        yield "distance", shown_percent(distance)
    if qty is not None:
        yield "amount", text(significant(abs(qty)))
        yield "came", "Deposit" if qty > 0 else "Withdrawal"
    price = numbers.get("price")
    if price is not None:
        yield "price", f"{price.normalize():,f}"
    held = numbers.get("after_qty") or numbers.get("before_qty") or numbers.get("goal_qty")
    if held is not None:
        yield "hedge", "long" if held > 0 else "hedge"
    if "side" in values:
        yield "done", "bought" if values["side"] == "buy" else "sold"
    for name in ("code", "step"):
        if name in values:
            yield name, values[name].replace("_", " ")


_NUMBERS = ("distance", "qty", "after_qty", "before_qty", "goal_qty", "price")


def _number(written: str) -> Decimal | None:
    try:
        return dec(written)
    except ValueError:
        return None
