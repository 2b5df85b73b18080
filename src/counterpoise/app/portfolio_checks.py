"""What ``doctor`` finds in a portfolio: markets, settings, data, what is not ours, and how far hedges carry.

It looks as ``plan`` looks (:mod:`counterpoise.app.preview`) and reads what guards made of that look.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from counterpoise.app.diagnosis import Check, Result, failed, fine, warned
from counterpoise.app.preview import Foreseen
from counterpoise.decide.guards.collateral import reach
from counterpoise.decide.guards.pool_case import percent
from counterpoise.decide.guards.pools import holding_of, merged, pools_of
from counterpoise.domain.guarding import PoolCheck, Step
from counterpoise.domain.health import Holding, Pool, distance_of, missing_for
from counterpoise.domain.instrument import is_spot, settle_of
from counterpoise.domain.numbers import ZERO, counted, dec, quantize, text
from counterpoise.domain.policy import MarginPolicy, PortfolioPolicy
from counterpoise.domain.portfolio import Listing, PortfolioView, Universe
from counterpoise.domain.records import Recorded, TradingState
from counterpoise.domain.snapshot import MarginMode, VenueSnapshot
from counterpoise.plan.ids import is_own

_CENT = dec("0.01")


def market_checks(policy: PortfolioPolicy, universe: Universe) -> Iterator[Check]:
    """Give per asset where its coins and its futures are traded."""
    for asset in policy.assets:
        if asset == policy.quote:
            continue
        pair, contract = universe.spot.get(asset), universe.futures.get(asset)
        coins = _named(pair) if pair is not None else "none"
        futures = _named(contract) if contract is not None else "none"
        said = f"{asset}: coins {coins}, futures {futures}"
        if contract is None:
            what = f"{said}: it cannot be hedged, only held"
            yield warned("market", what, _listing_advice(policy))
        elif pair is None:
            what = f"{said}: it is valued at its contract, and no coins of it can be traded"
            yield warned("market", what, _listing_advice(policy))
        elif not (pair.instrument.active and contract.instrument.active):
            yield warned("market", f"{said}: not open for trading now", "wait for the exchange")
        else:
            yield fine("market", said)


def _listing_advice(policy: PortfolioPolicy) -> str:
    return f"add a venue that lists it against {policy.quote}, or leave it out of the strategies"


def _named(listing: Listing) -> str:
    return f"{listing.instrument.symbol} at {listing.venue}"


def look_checks(foreseen: Foreseen) -> Iterator[Check]:
    """Give what one look at the venues shows."""
    yield from _state(foreseen.recorded)
    yield from _data(foreseen)
    yield from _settings(foreseen)
    yield from _foreign(foreseen)
    yield from _margin(foreseen)
    yield from _survival(foreseen)


def _state(recorded: Recorded) -> Iterator[Check]:
    state = recorded.portfolio.trading_state
    if state is TradingState.RUN:
        yield fine("state", "trading is allowed (RUN)")
        return
    advice = f"when its cause is settled: counterpoise resume --portfolio {recorded.portfolio.id}"
    yield warned("state", f"the trading state is {state.value}: not everything is sent", advice)


def _data(foreseen: Foreseen) -> Iterator[Check]:
    """Stale, missing or implausible data: what would keep a look from deciding."""
    for why in foreseen.judged.held:
        yield failed("data", f"nothing would be decided: {why.text}")
    problems = foreseen.report.snapshot.problems
    for problem in problems:
        yield warned("data", problem, "try again; what is not read is not acted on")
    view = foreseen.judged.view
    if isinstance(view, PortfolioView) and not foreseen.judged.held and not problems:
        equity = text(quantize(view.equity, _CENT))
        yield fine("data", f"everything is read and fresh; equity {equity} {view.quote}")


def _settings(foreseen: Foreseen) -> Iterator[Check]:
    """Position mode, margin mode and leverage, against the config and what was found first."""
    changes = foreseen.judged.margin.changes
    for change in changes:
        result = Result.FAIL if change.stops else Result.WARN
        advice = "set it back at the exchange; `counterpoise resume` takes it as it is now"
        yield Check(
            name="settings",
            result=result,
            text=change.why.text,
            advice=advice,
            venue=change.venue,
        )
    odd = {(c.venue, c.symbol) for c in changes}
    most = foreseen.policy.limits.max_leverage
    for _, listing in foreseen.universe.contracts:
        venue, symbol = listing.venue, listing.instrument.symbol
        account = foreseen.report.snapshot.venues[venue].account
        if account is None or (venue, symbol) in odd:
            continue
        held = account.positions.get(symbol)
        leverage = (
            account.leverage.get(symbol) if held is None or not held.leverage else held.leverage
        )
        mode = account.margin_modes.get(symbol)
        mode = held.margin_mode if held is not None and held.margin_mode is not None else mode
        sided = {None: "not told", True: "hedge", False: "one-way"}[account.hedged]
        told = text(leverage) if leverage is not None else "not told"
        margin = mode.value if mode is not None else "not told"
        said = f"{symbol}: position mode {sided}, margin mode {margin}, leverage {told}"
        yield _setting(venue, said, mode, leverage, most)


def _setting(
    venue: str, said: str, mode: MarginMode | None, leverage: Decimal | None, most: Decimal
) -> Check:
    result, advice = Result.OK, None
    if leverage is not None and leverage < most:
        said += f", less than limits.max_leverage ({text(most)})"
        result = Result.WARN
        advice = "raise the leverage at the exchange (it is only a ceiling), or lower limits.max_leverage"
    if mode is MarginMode.ISOLATED:
        said += ": its own wallet alone carries it"
        result = Result.WARN
        advice = (
            "set the contract to cross margin at the exchange, so that all collateral carries it"
        )
    return Check(name="settings", result=result, text=said, advice=advice, venue=venue)


def _foreign(foreseen: Foreseen) -> Iterator[Check]:
    """Positions and orders that nobody looks after, or whose outcome is open."""
    found: list[Check] = []
    for (venue, _), why in foreseen.shut.items():
        advice = (
            "look at it at the exchange; nothing is sent on this contract before it is explained"
        )
        found.append(
            Check(name="foreign", result=Result.FAIL, text=why.text, advice=advice, venue=venue)
        )
    unproven = sum(o.state.is_unproven for o in foreseen.recorded.orders)
    if unproven:
        said = f"{counted(unproven, 'order')} without a proven outcome: each counts in full"
        found.append(warned("foreign", said, "`counterpoise run` looks each of them up first"))
    for (venue, symbol), record in foreseen.recorded.positions.items():
        if record.baseline_qty != 0 and not is_spot(symbol):
            said = (
                f"{text(record.baseline_qty)} {symbol} is not ours: it counts, and is never traded"
            )
            found.append(Check(name="foreign", result=Result.OK, text=said, venue=venue))
    for venue, seen in foreseen.report.snapshot.venues.items():
        others = [o for o in seen.open_orders or () if not is_own(o.client_order_id)]
        if others:
            symbols = ", ".join(sorted({o.symbol for o in others}))
            one = len(others) == 1
            said = (
                f"{counted(len(others), 'open order')} {'is' if one else 'are'} not ours ({symbols}):"
                f" {'it is' if one else 'they are'} never touched"
            )
            found.append(Check(name="foreign", result=Result.WARN, text=said, venue=venue))
    yield from found
    if not found:
        yield fine("foreign", "no position and no order that is not ours")


def _margin(foreseen: Foreseen) -> Iterator[Check]:
    """How far every pool with a position is from liquidation, and how far it carries with all it can reach."""
    margin, policy = foreseen.judged.margin, foreseen.policy.margin
    for venue, why in margin.unseen.items():
        yield Check(name="margin", result=Result.FAIL, text=why.text, venue=venue)
    for check in margin.checks:
        if any(h.qty for h in check.pool.holdings):
            yield _pool(check, policy)


def _pool(check: PoolCheck, policy: MarginPolicy | None) -> Check:
    pool = check.pool
    said = f"{_pool_name(pool)}: liquidation after an adverse move of {percent(check.distance.adverse)}"
    if policy is None:
        return Check(
            name="margin",
            result=Result.WARN,
            text=f"{said}; margin is not guarded",
            advice="let guards.margin be on",
            venue=pool.venue,
        )
    carries = _carries(pool, check.reachable, policy)
    result = Result.WARN if check.step > Step.SAFE or carries.missing else Result.OK
    if check.step >= Step.STOP_ADDING:
        result = Result.FAIL
    return Check(
        name="margin",
        result=result,
        text=f"{said}; {carries.said}",
        advice=carries.advice,
        venue=pool.venue,
    )


def _survival(foreseen: Foreseen) -> Iterator[Check]:
    """Whether the hedges that are wanted would survive with all collateral in reach (MEANING 17)."""
    policy = foreseen.policy.margin
    if policy is None:
        return
    wanted = {
        (t.venue, t.symbol): t.qty
        for t in foreseen.judged.plan.targets
        if not is_spot(t.symbol) and t.venue in foreseen.report.snapshot.venues
    }
    for venue, seen in foreseen.report.snapshot.venues.items():
        sizes = {s: q for (v, s), q in wanted.items() if v == venue}
        for pool in _led_to(seen, sizes, foreseen.recorded):
            mine = {h.symbol: sizes.get(h.symbol, h.qty) for h in pool.holdings}
            if not any(mine.values()) or all(h.qty == mine[h.symbol] for h in pool.holdings):
                continue  # nothing is wanted, or it is there: the margin check tells of it
            moved = pool.with_sizes(mine)
            reachable = reach(foreseen.recorded, seen, pool, policy, foreseen.report.as_of)
            carries = _carries(moved, reachable, policy)
            yield Check(
                name="survival",
                result=Result.WARN if carries.missing else Result.OK,
                text=f"{_pool_name(pool)}, hedged as wanted: {carries.said}",
                advice=carries.advice,
                venue=venue,
            )


def _in(pool: Pool, symbol: str) -> bool:
    return any(h.symbol == symbol for h in pool.holdings)


def _led_to(seen: VenueSnapshot, sizes: Mapping[str, Decimal], recorded: Recorded) -> list[Pool]:
    """The pools as they are, with an empty holding in each for the contracts that are yet to be opened."""
    found = pools_of(seen, recorded.transfers)
    if found.unseen is not None or seen.account is None:
        return []
    pools = list(found.pools)
    for symbol in sizes:
        holding = holding_of(symbol, ZERO, None, seen)
        if holding is None or any(_in(pool, symbol) for pool in pools):
            continue
        alone = seen.account.margin_modes.get(symbol) is MarginMode.ISOLATED
        pools = _joined(pools, holding, seen.venue, alone=alone)
    return pools


def _joined(pools: list[Pool], holding: Holding, venue: str, *, alone: bool) -> list[Pool]:
    """``pools`` with a holding where it would be opened: in the shared wallet, or in one of its own."""
    asset = settle_of(holding.symbol) or ""
    shared = [p for p in pools if p.asset == asset and p.isolated is None]
    if alone or not shared:
        isolated = holding.symbol if alone else None
        new = Pool(venue=venue, asset=asset, wallet=ZERO, holdings=(holding,), isolated=isolated)
        return [*pools, new]
    return [merged(p, {holding.symbol: holding}) if p in shared else p for p in pools]


def _pool_name(pool: Pool) -> str:
    return (
        f"{pool.isolated} (isolated)" if pool.isolated is not None else f"{pool.asset} collateral"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Carries:
    """What a pool carries with all it can reach; ``missing`` is what it lacks for what is asked for."""

    said: str
    missing: Decimal
    advice: str | None


def _carries(pool: Pool, reachable: Decimal, policy: MarginPolicy) -> _Carries:
    richer = pool.with_more(reachable)
    distance = distance_of(richer).adverse
    missing = missing_for(richer, policy.survive)
    more = (
        f"with {text(reachable)} {pool.asset} in reach"
        if reachable
        else "with nothing more in reach"
    )
    far = f"a move of {percent(distance)}" if distance is not None else "any move"
    said = f"{more} it carries {far}, {percent(policy.survive)} is asked for"
    if not missing:
        return _Carries(said=said, missing=missing, advice=None)
    amount = text(quantize(missing, _CENT, ROUND_CEILING))
    return _Carries(
        said=f"{said}: {amount} {pool.asset} are missing",
        missing=missing,
        advice=(
            f"bring {amount} {pool.asset} to {pool.venue}, or hedge less: only what survives is opened"
        ),
    )
