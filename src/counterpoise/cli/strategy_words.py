"""What a strategy is asked for, in a sentence: for a person who checks that the config says what was meant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from counterpoise.cli.figures import quantity
from counterpoise.config.words import duration, percent
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.strategy import (
    DeriskPolicy,
    DipBuyPolicy,
    DriftPolicy,
    HedgePolicy,
    ProfitLadderPolicy,
    ScaleInPolicy,
    StrategyPolicy,
)
from counterpoise.domain.strategy.conditions import (
    Above,
    Always,
    At,
    Below,
    Calm,
    Drop,
    During,
    Manual,
    PriceSource,
    Rebound,
    Release,
    When,
)
from counterpoise.domain.strategy.conversion import ConvertMode, ConvertPolicy, Level
from counterpoise.domain.strategy.dip_buy import TakeProfit
from counterpoise.domain.strategy.drift import Legs, SettleMode, TradeTo
from counterpoise.domain.strategy.scale_in import Commit, Confirm, Entry, OnInvalid

_TRADE_TO = {
    TradeTo.TARGET: "to its target",
    TradeTo.INNER: "to its inner band",
    TradeTo.HALF: "half-way",
}
_SOURCE = {PriceSource.MARK: "mark", PriceSource.LAST: "last price"}
_BY_WORD = "an operator says so"


def told(policy: StrategyPolicy) -> str:
    """Return what ``policy`` asks for as one sentence, without its id and kind."""
    match policy:
        case HedgePolicy():
            return _hedge(policy)
        case ProfitLadderPolicy():
            return _ladder(policy)
        case ScaleInPolicy():
            return _scale_in(policy)
        case DipBuyPolicy():
            return _dip_buy(policy)
        case DriftPolicy():
            return _drift(policy)
        case DeriskPolicy():
            return _derisk(policy)


def _hedge(policy: HedgePolicy) -> str:
    size = quantity(policy.qty) if policy.qty is not None else percent(policy.ratio or ZERO)
    of = "of the " if policy.qty is None else ""
    by = "" if policy.cross is None else f" with futures on {policy.cross.by}"
    parts = [f"{policy.side.value} {size} {of}{policy.asset}{by}", _when(policy.when)]
    if not isinstance(policy.release, Manual) or not isinstance(policy.when, Always | During):
        parts.append(f"until {_release(policy.release)}")
    return " ".join(part for part in parts if part)


def _when(when: When) -> str:
    match when:
        case Always():
            return ""
        case During():
            return f"from {_at(when.start_at)} to {_at(when.end_at)}"
        case Above() | Below():
            return f"when {_price(when)}"
        case Drop():
            past = _past(when.interval, when.bars)
            return (
                f"when the {_SOURCE[when.source]} is {percent(when.size)} below its high of {past}"
            )
        case _:
            past = _past(when.interval, when.bars)
            return f"when volatility over {past} is {percent(when.above)} a year or more"


def _release(release: Release) -> str:
    match release:
        case Manual():
            return _BY_WORD
        case At():
            return _at(release.at)
        case Above() | Below():
            return _price(release)
        case Rebound():
            return f"the {_SOURCE[release.source]} is {percent(release.size)} above its low since"
        case Calm():
            past = _past(release.interval, release.bars)
            return f"volatility over {past} is {percent(release.below)} a year or less"


def _ladder(policy: ProfitLadderPolicy) -> str:
    total, steps = ZERO, []
    for target in policy.targets:
        total += target.add
        steps.append(f"{percent(total)} from {quantity(target.price)}")
    ends = []
    if policy.end.trail is not None:
        ends.append(f"{percent(policy.end.trail)} below the high of the rally")
    if policy.end.below is not None:
        ends.append(f"at {quantity(policy.end.below)}")
    if policy.end.at is not None:
        ends.append(f"at {_at(policy.end.at)}")
    over = f"closed {_either(ends)}" if ends else f"closed when {_BY_WORD}"
    anew = f"; anew from {quantity(policy.rearm)} down" if policy.rearm is not None else ""
    return f"short {policy.asset}: {', '.join(steps)} ({policy.source.value}); {over}{anew}"


def _scale_in(policy: ScaleInPolicy) -> str:
    steps = [_entry(policy.entry)]
    so_far = policy.entry.qty
    if policy.confirm is not None:
        so_far += policy.confirm.qty
        steps.append(_confirm(policy.confirm, so_far))
    if policy.commit is not None:
        steps.append(_commit(policy.commit))
    wrong = "closed" if policy.on_invalid is OnInvalid.CLOSE else "turned into a hedge"
    adds = "; adds to a loser" if policy.add_to_loser else ""
    return (
        f"long {policy.asset}: {', '.join(steps)} ({policy.source.value});"
        f" {wrong} at {quantity(policy.invalidate)}{adds}"
    )


def _entry(entry: Entry) -> str:
    if entry.above is not None:
        return f"{quantity(entry.qty)} from {quantity(entry.above)} up"
    if entry.below is not None:
        return f"{quantity(entry.qty)} from {quantity(entry.below)} down"
    return f"{quantity(entry.qty)} at once"


def _confirm(confirm: Confirm, so_far: Decimal) -> str:
    return (
        f"{quantity(so_far)} after {percent(confirm.bounce)} off {quantity(confirm.support)}"
        f" and from {quantity(confirm.resistance)} up"
    )


def _commit(commit: Commit) -> str:
    bar = duration(commit.interval)
    if commit.high_bars is not None:
        return f"{quantity(commit.to)} at a new high of {commit.high_bars} bars of {bar}"
    return f"{quantity(commit.to)} on a rising average of {commit.average_bars} bars of {bar}"


def _dip_buy(policy: DipBuyPolicy) -> str:
    size = (
        f"{quantity(policy.qty)} {policy.asset}"
        if policy.qty is not None
        else f"{policy.asset} up to {quantity(policy.to)}"
    )
    parts = [
        (
            f"long {size} when the {_SOURCE[policy.source]} is {percent(policy.drop)} below its high of"
            f" {_past(policy.interval, policy.bars)}"
        )
    ]
    if isinstance(policy.exit, TakeProfit):
        spent = ", the profit spent on coins" if policy.exit.buy_spot else ""
        parts.append(f"closed {_level(policy.exit.level, 'above')}{spent}")
    else:
        at_once = not policy.exit.on_command
        parts.append(_convert(policy.exit, "once it is on" if at_once else f"when {_BY_WORD}"))
    if policy.stop is not None:
        parts.append(f"stopped {_level(policy.stop, 'below')}")
    parts.append(f"at most {quantity(policy.max_leverage)} x equity")
    return "; ".join(parts)


def _drift(policy: DriftPolicy) -> str:
    legs = "every sleeve" if policy.legs is Legs.BOTH else f"every {policy.legs.value} sleeve"
    parts = [f"{legs} outside its band back {_TRADE_TO[policy.trade_to]}"]
    if policy.calendar is not None:
        parts.append(f"also at {policy.calendar} (UTC)")
    settle = policy.settle
    if settle.mode is SettleMode.SPOT:
        parts.append("in coins")
    elif settle.mode is SettleMode.FUTURES_FIRST:
        when = "when carry says so"
        if settle.deadline is not None:
            when = f"within {duration(settle.deadline)}"
        parts.append(f"coins follow {when}")
    return "; ".join(parts)


def _derisk(policy: DeriskPolicy) -> str:
    what = f"sleeve {policy.sleeve}" if policy.sleeve is not None else "all crypto"
    band = "; follows its band" if policy.retarget.value == "band" else ""
    ends = _convert(policy.convert, f"when {_BY_WORD}")
    return f"short {what} down to {percent(policy.target)} of equity{band}; {ends}"


def _convert(policy: ConvertPolicy, otherwise: str) -> str:
    """``otherwise``: when it begins where the policy names neither time nor price."""
    begins = []
    if policy.at is not None:
        begins.append(f"at {_at(policy.at)}")
    if policy.above is not None:
        begins.append(_level(policy.above, "above"))
    if policy.below is not None:
        begins.append(_level(policy.below, "below"))
    if policy.on_command and begins:
        begins.append(f"when {_BY_WORD}")
    pace = ""
    if policy.mode is ConvertMode.GRADUAL:
        pace = f", in {policy.tranches} parts {duration(policy.every)} apart"
    return f"turned into coins {_either(begins) if begins else otherwise}{pace}"


def _level(level: Level, side: str) -> str:
    if level.relative:
        return f"{percent(level.value)} {side} the entry"
    return f"at {quantity(level.value)}"


def _price(condition: Above | Below) -> str:
    side = "or more" if isinstance(condition, Above) else "or less"
    return f"the {_SOURCE[condition.source]} is {quantity(condition.price)} {side}"


def _past(interval: timedelta, bars: int) -> str:
    return f"{duration(interval * bars)} ({duration(interval)} bars)"


def _at(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _either(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"
