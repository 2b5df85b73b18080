"""What people are told of strategies: targets that were reached, tranches, what ended, and conversions into coins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from counterpoise.domain.course import Course
from counterpoise.domain.events import Alert, Severity, alert
from counterpoise.domain.instrument import is_spot, quote_of
from counterpoise.domain.numbers import ZERO, significant, text
from counterpoise.domain.order import Side
from counterpoise.domain.reasons import shown_percent
from counterpoise.domain.strategy import ProfitLadderPolicy, StrategyPolicy
from counterpoise.domain.strategy.conversion import AssetConversion
from counterpoise.notify.costs import Cost, cost_words
from counterpoise.notify.move_messages import readable


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One asset of a conversion: how it began, and what its fills did (symbol -> course)."""

    asset: str
    begun: AssetConversion
    courses: Mapping[str, Course]

    @property
    def coins(self) -> tuple[Course, ...]:
        """What was traded in coins."""
        return tuple(c for s, c in self.courses.items() if is_spot(s))

    @property
    def futures(self) -> tuple[Course, ...]:
        """What was let go in futures."""
        return tuple(c for s, c in self.courses.items() if not is_spot(s))


def target_hit(
    portfolio: str, policy: ProfitLadderPolicy, before: int, after: int, at: datetime
) -> Alert:
    """Return the alert for the targets after number ``before`` up to ``after`` that a profit ladder has reached."""
    reached, whole = policy.targets[before:after], len(policy.targets)
    price = reached[-1].price
    more = sum((t.add for t in reached), ZERO)
    share = sum((t.add for t in policy.targets[:after]), ZERO)
    which = f"target {after}" if len(reached) == 1 else f"targets {before + 1} to {after}"
    sentence = (
        f"{policy.asset} reached {readable(price)} ({which} of {whole} of {policy.id}): {shown_percent(more)} more of"
        f" what is held is to be hedged, {shown_percent(share)} in all"
    )
    data = {
        "strategy": policy.id,
        "asset": policy.asset,
        "price": text(price),
        "target": str(after),
        "targets": str(whole),
        "add": text(more),
        "share": text(share),
    }
    return alert(portfolio, "target_hit", Severity.INFO, sentence, at, data=data)


def tranche_taken(
    portfolio: str,
    strategy: str,
    asset: str,
    tranche: str,
    qty: str | None,
    said: str,
    at: datetime,
) -> Alert:
    """Return the alert for a long that its ``tranche`` opens or makes larger; ``said``: that, how far, and why.

    ``qty``: what is wanted in futures now, base units; None where that is not known.
    """
    data = {"strategy": strategy, "asset": asset, "tranche": tranche}
    if qty is not None:
        data["qty"] = qty
    return alert(portfolio, "tranche", Severity.INFO, f"{strategy} {said}", at, data=data)


def strategy_turned(
    portfolio: str,
    policy: StrategyPolicy,
    asset: str,
    phase: str,
    gives_up: Decimal,
    said: str,
    at: datetime,
) -> Alert:
    """Return the alert for a strategy that ended, was wrong, or began anew by itself; ``phase``: what it is now.

    ``gives_up``: what it held in futures until now (signed base units) and wants no more; zero for nothing.
    """
    data = {
        "strategy": policy.id,
        "strategy_kind": policy.kind,
        "asset": asset,
        "phase": phase,
    }
    if gives_up:
        data["qty"] = text(gives_up)
    sentence = said if policy.id in said else f"{policy.id}: {said}"
    return alert(portfolio, "strategy_turned", Severity.INFO, sentence, at, data=data)


def conversion_begun(
    portfolio: str, strategy: str, assets: Mapping[str, AssetConversion], at: datetime
) -> Alert:
    """Return the alert for a conversion that begins, with what it is to trade."""
    futures = any(p.futures or p.unfilled for p in assets.values())
    does = "turns futures into coins, rung by rung" if futures else "trades coins, rung by rung"
    ways = "; ".join(_way(asset, part) for asset, part in sorted(assets.items()))
    data = {"strategy": strategy, "assets": ",".join(sorted(assets)), "step": "begun"}
    sentence = f"{strategy} {does}: {ways}"
    return alert(portfolio, "conversion_begun", Severity.INFO, sentence, at, data=data)


def conversion_goes_on(portfolio: str, strategy: str, parts: Sequence[Part], at: datetime) -> Alert:
    """Return the alert for what a conversion has traded so far; its data tells what was not told before."""
    sentence = f"{strategy} goes on converting: {'; '.join(map(_so_far, parts))}"
    data = {"strategy": strategy, "step": "on", **_data(parts)}
    return alert(portfolio, "conversion", Severity.INFO, sentence, at, data=data)


def conversion_ended(
    portfolio: str,
    strategy: str,
    parts: Sequence[Part],
    cost: Cost | None,
    at: datetime,
    *,
    through: bool,
) -> Alert:
    """Return the alert for a conversion that is over, with its sum; ``through``: it came to its end by itself."""
    begins = "has converted" if through else "ends its conversion before it is through"
    sentence = f"{strategy} {begins}: {'; '.join(map(_so_far, parts))}"
    quotes = [quote_of(s) for p in parts for s in p.courses]
    if cost is not None and quotes:
        sentence += f". {cost_words(cost, quotes[0], 'its futures')}"
    data = {"strategy": strategy, "step": "done" if through else "left", **_data(parts)}
    if cost is not None:
        data |= cost.data
    return alert(portfolio, "conversion_ended", Severity.INFO, sentence, at, data=data)


def _way(asset: str, part: AssetConversion) -> str:
    """What is to become of one asset."""
    steps: list[str] = []
    if part.spot:
        steps.append(f"{'buy' if part.spot > 0 else 'sell'} {_short(abs(part.spot))} in coins")
    if part.unfilled:
        steps.append("close its futures once the orders that still work on them have ended")
    elif part.futures:
        held = "long" if part.futures > 0 else "short"
        steps.append(f"close the {held} of {_short(abs(part.futures))}")
    return f"{asset}: {' and '.join(steps)}" if steps else f"{asset}: nothing to trade"


def _so_far(part: Part) -> str:
    said: list[str] = []
    for course in part.coins:
        done = "bought" if course.side is Side.BUY else "sold"
        of = f" of {_short(abs(part.begun.spot))}" if part.begun.spot else ""
        said.append(f"{done} {_short(abs(course.net))}{of} in coins{_at(course.price)}")
    said += [
        f"futures {_short(c.before)} -> {_short(c.now_qty)}{_at(c.price)}" for c in part.futures
    ]
    return f"{part.asset}: {', '.join(said) if said else 'nothing was traded'}"


def _at(price: Decimal | None) -> str:
    return f" at {readable(price)} on average" if price is not None else ""


def _data(parts: Sequence[Part]) -> dict[str, str]:
    """``coins`` and ``futures``: by how much each asset moved there, as ``BTC=-0.5,ETH=2``."""
    trades = [t for p in parts for c in p.courses.values() for t in c.trades]
    return {
        "assets": ",".join(p.asset for p in parts),
        "coins": ",".join(f"{p.asset}={text(_net(p.coins))}" for p in parts if p.coins),
        "futures": ",".join(f"{p.asset}={text(_net(p.futures))}" for p in parts if p.futures),
        "trade_ids": ",".join(trades),
    }


def _net(courses: Sequence[Course]) -> Decimal:
    return sum((c.net for c in courses), ZERO)


def _short(qty: Decimal) -> str:
    return text(significant(qty))
