"""Why something was decided, held or refused: a code, the numbers behind it, and one sentence for people.

The code is for programs and tests, the numbers are what it was decided on, the sentence is the only place where
the wording lives (web, messages and command line all use it).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from counterpoise.domain.numbers import dec, quantize, significant, text

#: code -> sentence; ``{name}`` is replaced by the number of that name.
SENTENCES: Mapping[str, str] = {
    # margin
    "margin_unseen": "the margin at {venue} cannot be judged: {what} was not read",
    "margin_stops_adding": "nothing is added at {venue}: {asset} collateral is {distance} from liquidation ({step})",
    "margin_lowers": "{asset} collateral at {venue} came within {distance} of liquidation ({step})",
    "margin_tops_up": "liquidation is {distance} away, {wanted} is wanted",
    "margin_sweeps": "it is needed there no more, liquidation is {distance} away",
    "margin_reduces": "{symbol} is cut to {cap}: {asset} collateral at {venue} is {distance} from liquidation",
    "margin_closes": "{symbol} is closed: {asset} collateral at {venue} is {distance} from liquidation",
    "margin_sells": "{qty} {asset} are sold in coins beside the futures that are cut, as guard_may_sell allows: {why}",
    "not_survivable": "a move of {survive} against {symbol} would need {missing} {asset} more collateral than can be"
    " reached at {venue}",
    # carry
    "carry_expected": "its carry is expected to cost {yearly} a year, more than {most}",
    "carry_paid": "its carry has cost {yearly} a year, more than {most}",
    "carry_spent": "it has cost {cost} of its notional, more than {most}",
    "carry_lasts": "its carry is expected to cost {yearly} a year, and stays below {most} not long enough yet",
    "brakes_cut": "{strategy} holds {given} of the {asked} {asset} it wants: {why}",
    "brakes_close": "{strategy} holds no futures on {asset}: {why}",
    # basis
    "basis_level": "{symbol} stands {basis} off its coin, more than {most}",
    "basis_unusual": "{symbol} stands {basis} off its coin, {zscore} standard deviations from its usual {usual}",
    "basis_unknown": "how far {symbol} stands off its coin is not known, and was absurd when it last was",
    "basis_waits": "{asset}: futures stay at {given} instead of {asked} before {until}: {why}",
    # cross hedges
    "relation_loose": "{asset} and {by} correlate by {correlation}, less than {least}{back}",
    "relation_unsure": "how {asset} moves with {by} is not sure: {beta} for 1, with a standard error of {error}",
    "relation_leaves": "hedging {asset} with {by} leaves moves of {residual} a year, more than {most}{back}",
    "relation_unknown": "how {asset} moves with {by} cannot be measured, and was not good enough when it last could",
    "relation_unmeasured": "how {asset} moves with {by} is not known yet: {bars} closed bars of {interval} are needed",
    "cross_sized": "hedge {held} {asset} with {by}, {beta} for 1 (standard error {error}, correlation"
    " {correlation}): hold {overlay} {by} in futures",
    "cross_kept": "hedge {held} {asset} with {by}: {overlay} {by} in futures are within {room} of the {ideal} it takes"
    " now",
    "cross_unmeasured": "hedge {held} {asset} with {by}: {overlay} {by} in futures stay, as how they move together"
    " cannot be measured",
    # drift
    "inside_band": "{sleeve} weighs {weight}, within {band} of its target {target}: nothing to do",
    "inside_band_held": "{sleeve} weighs {weight}, within {band} of its target {target}, with {overlay} {asset} in"
    " futures",
    "outside_band": "{sleeve} weighs {weight}, more than {band} away from its target {target}: trade back to {to}",
    "leg_excluded": "{sleeve} weighs {weight} against a target of {target}, but legs: {legs} leaves it alone",
    "calendar_due": "{sleeve} weighs {weight}, the calendar is due: trade back to its target {target}",
    "drift_waits_band": "acts when {sleeve} is more than {band} away from its target {target}: it weighs {weight}",
    "drift_waits_calendar": "acts when its calendar is due: {calendar}",
    "drift_trades_coins": "{asset} is brought to its share in coins: {because}",
    "settle_waits_at": "coins take over from futures at {at}",
    "settle_waits_carry": "coins take over when carrying the futures over {span} costs more than trading coins in two"
    " cycles: {carry} {quote} against {cost}",
    "settle_carry_unknown": "what carrying futures costs is not known: no funding rate of {asset}",
    # what a strategy waits for, or what has come about
    "if_above": "{asset} at or above {level} in two cycles ({source} is {price})",
    "if_below": "{asset} at or below {level} in two cycles ({source} is {price})",
    "if_dropped": "{asset} {size} or more below its high of {high} in {lookback}: at or below {level}"
    " in two cycles ({source} is {price})",
    "if_rebounded": "{asset} {size} or more above its lowest since then, {low}: at or above {level} in two cycles"
    " ({source} is {price})",
    "if_volatile": "{asset} moving {volatility_limit} a year or more over {bars} bars of {interval} (now {volatility})",
    "if_calm": "{asset} moving {volatility_limit} a year or less over {bars} bars of {interval} (now {volatility})",
    "if_time": "{at} or later (now {now})",
    "if_window": "from {start_at} until {end_at} (now {now})",
    "if_always": "at all times",
    "if_asked": "an operator's word",
    "if_no_longer": "that this has passed in two cycles: {what}",
    "price_unknown": "the {source} price of {asset} is not known: nothing is decided on it",
    "no_low_yet": "{asset} has no lowest price of two cycles yet ({source} is {price})",
    "warming_up": "{asset} has {have} of the {need} closed bars of {interval} that are needed: nothing is decided on"
    " fewer",
    "bars_absurd": "closed bars of {interval} of {asset} have a price that is not above 0: nothing is decided on them",
    # hedge
    "hedge_waits": "no hedge of {asset} yet",
    "hedge_opens": "hedge {asset}, {overlay} in futures: {because}",
    "hedge_release_holds": "no hedge of {asset} while what would release it holds: {because}",
    "hedge_released": "the hedge of {asset} is closed: {because}",
    "hedge_rests": "the hedge of {asset} is closed until what opened it has passed and comes about anew",
    "hedge_rests_always": "the hedge of {asset} is closed, and only an operator's start opens it anew",
    "strategy_ends": "{strategy} ends and holds no futures on {asset}: {because}",
    "strategy_ended": "{strategy} has ended: an operator's start lets it begin anew",
    "hedge_ratio": "hedge {ratio} of {held} {asset}: hold {overlay} in futures",
    "hedge_qty": "hedge a fixed {qty} {asset}: hold {overlay} in futures",
    "nothing_held": "no {asset} is held: nothing to hedge",
    # profit_ladder
    "if_fallen": "{asset} {size} or more below the highest of its rally, {high}: at or below {level} in two cycles"
    " ({source} is {price})",
    "ladder_armed": "no target was reached yet: no short on {asset}",
    "ladder_hit": "target {hit} of {targets} was reached, {because}: short {share} of {held} {asset},"
    " {overlay} in futures",
    "ladder_holds": "{hit} of {targets} targets were reached: short {share} of {held} {asset}, {overlay} in futures",
    "ladder_over": "the rally of {asset} is over: no short before {strategy} is armed anew",
    "ladder_arms": "{strategy} is armed anew: {because}",
    # scale_in
    "if_at_once": "at once",
    "if_bounced": "{asset} at or above {level}, {size} off its support {support}, and above its resistance"
    " {resistance}, in two cycles ({source} is {price})",
    "if_new_high": "a bar of {interval} closing above {high}, the high of the {bars} before it, after the tranche"
    " before ({asset} last closed at {close})",
    "if_average_rises": "a rising average of {bars} closes of {interval} with {asset} above it in two cycles, after the"
    " tranche before (average {average} after {before}, {source} is {price})",
    "scale_waits": "no long on {asset} yet",
    "scale_wrong_already": "no long on {asset} while the price says that it would be wrong: {because}",
    "scale_adds": "{tranche}, {because}: hold {overlay} {asset} in futures",
    "scale_holds": "hold {overlay} {asset} in futures",
    "scale_loses": "no {tranche} on top of a loss: {asset} is at {mark}, below the entry at {entry}",
    "scale_hedges": "the long on {asset} was wrong, {because}: it becomes a hedge of the coins held,"
    " {overlay} in futures",
    "scale_hedge_holds": "hedge {qty} of {held} {asset} in place of the long that was wrong: {overlay} in futures",
    # converting futures into coins
    "converting": "{asset}: {traded} of {spot} traded in coins, {futures} in futures on the way to {overlay}",
    "converted": "{asset}: {traded} traded in coins, no futures are left",
    "converted_but": "{asset}: {traded} of {spot} traded in coins, {futures} left in futures: the missing {left} was"
    " a fee in the coin, is below what the venue trades, or is not in the wallet",
    "convert_nothing": "{asset}: no coins to trade and no futures to release",
    "convert_release_first": "the futures that the last rung of {asset} replaces must be released first: {futures}"
    " is still there",
    "convert_orders_first": "{asset} is converted when the orders for its futures from before have ended: {futures} in"
    " futures so far",
    "convert_next_tranche": "the next tranche of {asset} is not due yet",
    "convert_sales_first": "{asset} is bought when the sales are through",
    "convert_quote_short": "buying {step} more {asset} needs {needed} {quote} in the spot wallet, fee and"
    " slippage included, {available} is free: {missing} {quote} is missing",
    "convert_coins_locked": "selling {step} more {asset} needs them free in the spot wallet, {available} are",
    "convert_spread": "the spread of {asset} is {spread}, above the limit of {limit}: not traded before it narrows;"
    " trade the coins by hand or cancel the conversion if it must not wait",
    "convert_apart": "coins of {asset} cost {pair}, its contract {mark}: {distance} apart, more than the price collar;"
    " not traded before they meet, or trade the coins by hand, or cancel the conversion",
    "convert_net_short": "{asset} is {short} net short at the moment: no coins are sold before its futures are cut",
    "convert_no_pair": "no venue of this portfolio lists a spot pair of {asset}: its futures stay",
    "convert_no_contract": "the contract of {asset} is not listed at present: its coins and futures stay",
    "convert_waits_at": "converts at {at}",
    "convert_waits_above": "converts when {what} is at or above {level} in two cycles in a row: it is {price}",
    "convert_waits_below": "converts when {what} is at or below {level} in two cycles in a row: it is {price}",
    "convert_waits_command": "converts when an operator says so: counterpoise strategy convert {strategy}",
    "start_waits_command": "begins anew when an operator says so: counterpoise strategy start {strategy}",
    "release_waits_command": "closes when an operator says so: counterpoise strategy release {strategy}",
    # derisk
    "derisk_waiting": "{what} weighs {weight}, not above its target {target}: nothing to take off",
    "derisk_sized": "{what} weighs {weight} against a target of {target}: short {short} {asset} of {exposure} at once",
    "derisk_hedged": "{what} is held at {weight} by a short of {short} {asset}, target {target}",
    "derisk_capped": "short {short} {asset}: frozen at {frozen}, but only {held} is held",
    "derisk_retargeted": "{what} left its band of {band} around {target}: the short of {asset} is now {short}",
    "derisk_uncovered": "{what} weighs {weight} against a target of {target}, but nothing of the excess of {asset} can"
    " be sold in futures",
    "derisk_waits_weight": "acts when {what} weighs more than {target}",
    "derisk_waits_band": "is sized anew when {what} leaves {band} around {target}",
    # dip_buy
    "dip_waits": "no dip yet: no long on {asset}",
    "dip_bought": "the dip is there, {because}: hold {overlay} {asset} in futures",
    "dip_nothing": "the dip of {asset} is there, but {held} is held: a long of {qty} is below what the venue trades",
    "dip_holds": "hold {overlay} {asset} in futures, bought when it was at {entry}",
    "dip_leverage": "the long on {asset} is cut to {overlay}: {leverage} x equity is the most it may be",
    "dip_closes": "the long on {asset} is closing, {futures} is left: its profit is spent afterwards",
    "dip_no_profit": "the long on {asset} is closed and earned {earned}: nothing to spend",
    # combining
    "net_short_clamp": "{asset} may not go net short: overlay of {strategy} cut from {asked} to {given}",
    "awaits_other_leg": "{strategy} wants {asked} {asset} in futures, {given} is given until request {id} on {other} is"
    " answered: its legs move together",
    "awaits_approval": "{strategy} wants {asked} {asset} in futures, {given} is allowed: request {id} is {state}",
    "flattening": "an operator closes all own futures: whatever strategies want, nothing is granted",
    "no_instrument": "no venue of this portfolio lists a perpetual for {asset} in {quote} that may be traded: where a"
    " position or an order is, nothing is opened elsewhere",
    # holding
    "equity_too_low": "equity {equity} is not above {floor}: no weights, no orders",
    "not_valued": "cannot value the portfolio: {missing}",
    "stale": "{what} is {age} old, more than {limit}",
    "ahead": "{what} claims to be {age} ahead of our clock, more than {limit}",
    "price_apart": "prices of {asset} are {distance} apart, more than {most} ({prices}): nothing is decided on them"
    " before they agree in {looks} looks",
    "price_jumped": "{symbol} went from {before} to {price} within {age}, more than {most}: not believed before {looks}"
    " further looks agree",
    "price_stuck": "{symbol} has stood still at {price} since {since} while other prices at {venue} move: not believed",
    "off_peg": "{asset} is {distance} off {peers}, more than {most}: none of it is bought, and conversions pay and"
    " receive none",
    "taken_by_venue": "{symbol}: the venue itself traded {qty} of it away ({how}): nothing is sent before the next"
    " look",
    "foreign_accepted": "{symbol}: its position changed by {change}, and none of our fills explains it: taken as"
    " it is, {own} ours and {baseline} not, as on_foreign_change says",
    "setting_changed": "{what} of {symbol} at {venue} changed from {before} to {now}, and not by us",
    "hedge_mode": "{venue} keeps longs and shorts of a contract apart (hedge mode): nothing is sent before it is"
    " switched back to one-way mode",
    "below_minimum": "the missing {qty} {asset} is less than the venue trades: at least {least}",
    "change_unworthy": "{change} {asset} more or less is not worth new orders while the way to {goal} is not done: a"
    " change of {least} or more is",
    "order_refused": "the venue did not take the order to {side} {qty} {symbol} ({why}): tried again at {until}",
    "rungs_refused": "resting orders on {symbol} were refused {attempts} times each: crossing comes after patience",
    "unproven_order": "an order on {symbol} has no proven outcome yet: nothing new is sent there",
    "position_unexplained": "position of {symbol} is {position}, but fills and baseline explain {expected}",
    "settling": "{symbol} has expired: the {expected} held in it were closed, at a price that is not known yet",
    "fills_on_their_way": "{symbol}: the venue filled {filled} of an order, {booked} of it was read so far",
    "orphan_order": "{orders} at {venue} look like ours, but the database does not know them: cancel them there,"
    " or stop and restore the database they were recorded in",
    "wallet_gone": "{wallet} shows nothing, where there was something or a hedge rests on it: not believed before"
    " {looks} equal looks over {span}",
    "flow_unconfirmed": "{asset} at {venue} is {change} than trades, fees and funding explain ({shown}, not"
    " {expected}): no strategy trades before the venue's own books, or {looks} equal looks over {span}, say that it"
    " was deposited or withdrawn",
    "waiting_for_cancel": "orders of an older decision on {symbol} must be gone first",
    "instrument_inactive": "{symbol} is not trading at the venue",
    # refusals of the limits guard
    "max_order_notional": "order of {notional} is above the limit of {limit}",
    "max_position_notional": "position would reach {notional}, above the limit of {limit}",
    "max_turnover_24h": "turnover of the last 24 h would reach {turnover}, above the limit of {limit}",
    "max_leverage": "futures would reach {leverage} x equity, above the limit of {limit}",
    "max_position": "position would reach {qty} {asset}, above the limit of {limit}",
    "max_gross_exposure": "coins and futures together would reach {gross} x equity, above the limit of {limit}",
    "max_net_exposure": "net exposure would reach {net} x equity, beyond the limit of {limit}",
    "max_orders_per_day": "more than {limit} orders within 24 h",
    "quarantined": "the venue did not take orders on {symbol} {times} times within {span} ({why}): none is sent before"
    " {until}",
    "quarantined_at_once": "the venue does not take it, nor would it take another ({why}): {advice}. Nothing more of"
    " the kind is sent on {symbol} before {until}",
    "untimely": "{venue} refused {times} requests in a row for their time, its clock measured anew each time: our"
    " clock, {ahead}, is steady, and its time came within {took} s: something on the way holds signed requests up for"
    " more than the {window} s they are good for. Nothing is added there until it takes them again; orders that close"
    " go on being tried",
    "untimely_clock": "{venue} refused {times} requests in a row for their time: our clock is off, {ahead}, and moved"
    " by {moved} s from one measurement to another: let the machine keep its time (NTP, chrony). Nothing is added there"
    " until it takes them again; orders that close go on being tried",
    "untimely_line": "{venue} refused {times} requests in a row for their time, its clock measured anew each time: the"
    " line is slow, its time took {took} s to come and a request is good for {window} s (our clock: {ahead}). Nothing"
    " is added there until it takes them again; orders that close go on being tried",
    "max_rejects": "the venue did not take {refused} of {placed} orders within {window}: nothing is added before"
    " {window} pass without that",
    "drawdown_slow": "equity is {drawdown} below its high of {peak} {quote}: orders that add to futures are halved",
    "drawdown": "equity fell to {equity} {quote}, {drawdown} below its high of {peak}; the limit is {limit}",
    "max_orders_per_minute": "more than {limit} orders within a minute",
    "max_open_orders": "more than {limit} open orders",
    "price_collar": "price {price} is {distance} away from the {what} {mark}, more than {limit}",
    "margin_short": "needs {needed} {asset} of free futures margin, {available} is there: {advice}",
    "trading_state": "trading state is {state}",
    "flattening_adds": "own futures are being closed, and this order would add to |position|",
    "flattening_foreign": "closing our {own} of {symbol} would add to |position|, because {baseline} that are not ours"
    " are on the other side: close it by hand, or resume",
    "trading_state_reduce_only": "trading state is REDUCE_ONLY and this order would add to |position|",
    "trading_state_coins": "trading state is REDUCE_ONLY: no coins are traded",
    "coins_short": "needs {needed} {asset} in the spot wallet, {available} is free: {missing} {asset} is missing",
    "trading_state_net_exposure": "trading state is REDUCE_ONLY and this close would leave {asset} more exposed:"
    " an operator allows it with resume",
}


#: Numbers that are fractions: programs read 0.0312, people read 3.12 %.
_FRACTIONS = frozenset(
    {"weight", "target", "to", "ratio", "size", "share", "volatility", "volatility_limit"}
)
#: Distances between weights: 0.03 is 3 percentage points, not 3 % of something.
_POINTS = frozenset({"band"})
#: Sums in quote: programs read 75000, people read 75,000.00.
_MONEY = frozenset({"equity", "peak", "floor"})
#: Spans of time: programs read 604800s, people read 7d.
_SPANS = frozenset({"interval", "span", "age", "limit"})
_SPAN = re.compile(r"(\d+) ?s")
_NUMBER = re.compile(r"-?\d+\.\d+")
_SUM = re.compile(r"-?\d+(\.\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A code of :data:`SENTENCES` and the numbers it was decided on (text form)."""

    code: str
    numbers: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The sentence with its numbers in place; fractions of equity read as percent."""
        shown = {k: _shown(k, v) for k, v in self.numbers.items()}
        return SENTENCES[self.code].format_map(shown)


def reason(code: str, **numbers: object) -> Reason:
    """Return a Reason; raises KeyError for a code without a sentence or a number the sentence misses."""
    made = Reason(code=code, numbers={k: str(v) for k, v in numbers.items()})
    made.text  # noqa: B018 - a missing number must fail where it was forgotten, not where it is shown
    return made


def _shown(name: str, number: str) -> str:
    unit = "%" if name in _FRACTIONS else "pp" if name in _POINTS else None
    if name in _MONEY and _SUM.fullmatch(number):
        return f"{quantize(dec(number), dec('0.01')):,}"
    if unit is None:
        span = _SPAN.fullmatch(number) if name in _SPANS else None
        if span is not None:
            return shown_span(int(span[1]))
        return text(significant(dec(number))) if _NUMBER.fullmatch(number) else number
    return f"{text(quantize(dec(number) * 100, dec('0.01')))} {unit}"


def shown_percent(fraction: Decimal) -> str:
    """Return a fraction as people read it, to a hundredth of a percent: ``12.5 %``."""
    return f"{text(quantize(fraction * 100, dec('0.01')))} %"


def shown_span(seconds: int) -> str:
    """Return a span of time as people read it, in at most two units: ``90m``, ``6h 30m``, ``7d``."""
    units = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
    for (unit, size), (smaller, part) in pairwise(units):
        if seconds >= size:
            # rounded in the smaller unit, so that 6d 23h 59m reads 7d
            whole, rest = divmod((seconds + part // 2) // part, size // part)
            return f"{whole}{unit} {rest}{smaller}" if rest else f"{whole}{unit}"
    return f"{seconds}s"
