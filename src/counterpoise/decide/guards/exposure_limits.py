"""Limits on how large things may become: turnover, leverage, exposure, positions, and what the wallets carry."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from counterpoise.decide.guards.tally import Tally, leverage_of, mark_of, shown, spent_by
from counterpoise.domain.instrument import is_spot
from counterpoise.domain.numbers import ONE, ZERO, dec, quantize, text
from counterpoise.domain.order import Order, Side
from counterpoise.domain.policy import PortfolioPolicy
from counterpoise.domain.portfolio import PortfolioView
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.records import Recorded
from counterpoise.domain.snapshot import Snapshot

_CENT = dec("0.01")


def net_refusal(
    order: Order, notional: Decimal, policy: PortfolioPolicy, view: PortfolioView, tally: Tally
) -> Reason | None:
    """Return why ``order`` would let the portfolio lean too far, or None.

    Everything that may still fill on its side counts, and nothing on the other. A close may lean as well.
    """
    limit = policy.limits.max_net_exposure
    if limit is None:
        return None
    buys = order.side is Side.BUY
    worst = tally.net + (tally.buys if buys else -tally.sells) + notional * order.side.sign
    if worst * order.side.sign <= limit * view.equity:
        return None
    return reason("max_net_exposure", net=shown(worst / view.equity), limit=shown(limit))


#: The part of the free margin that one order cut to it may take.
_SPENT = dec("0.98")


def size_refusal(
    order: Order,
    notional: Decimal,
    snapshot: Snapshot,
    recorded: Recorded,
    policy: PortfolioPolicy,
    view: PortfolioView,
    tally: Tally,
) -> Reason | None:
    """Return which limit on sizes an order that adds would break, or None."""
    limits = policy.limits
    if tally.unvalued is not None:
        return reason("not_valued", missing=tally.unvalued)
    if tally.turnover + notional > limits.max_turnover_24h * view.equity:
        return reason(
            "max_turnover_24h",
            turnover=shown(tally.turnover + notional),
            limit=shown(limits.max_turnover_24h * view.equity),
        )
    gross = tally.gross + tally.coins + notional
    most, sells_coins = limits.max_gross_exposure, is_spot(order.symbol) and order.side is Side.SELL
    if most is not None and not sells_coins and gross > most * view.equity:
        return reason("max_gross_exposure", gross=shown(gross / view.equity), limit=shown(most))
    if is_spot(order.symbol):
        return _purse_refusal(order, snapshot, tally)
    if tally.gross + notional > limits.max_leverage * view.equity:
        return reason(
            "max_leverage",
            leverage=shown((tally.gross + notional) / view.equity),
            limit=shown(limits.max_leverage),
        )
    why = _position_refusal(order, snapshot, recorded, policy, tally)
    return why or margin_refusal(order, notional, snapshot, tally, policy)


def _position_refusal(
    order: Order,
    snapshot: Snapshot,
    recorded: Recorded,
    policy: PortfolioPolicy,
    tally: Tally,
) -> Reason | None:
    """Whether one contract's position would be too large, in quote or in base units."""
    limits = policy.limits
    qty = _worst_position(order, snapshot, recorded, tally)
    notional = qty * (mark_of(snapshot, order.venue, order.symbol) or ZERO)
    if limits.max_position_notional is not None and notional > limits.max_position_notional:
        return reason(
            "max_position_notional",
            notional=shown(notional),
            limit=shown(limits.max_position_notional),
        )
    asset = snapshot.venues[order.venue].instruments[order.symbol].base
    most = limits.max_position.get(asset)
    if most is None or qty <= most:
        return None
    return reason("max_position", qty=text(qty), asset=asset, limit=text(most))


def _worst_position(order: Order, snapshot: Snapshot, recorded: Recorded, tally: Tally) -> Decimal:
    """|position| in base units if everything on this side fills: position + open + unproven + approved + this."""
    account = snapshot.venues[order.venue].account
    held = account.positions.get(order.symbol) if account is not None else None
    qty = held.qty if held is not None else ZERO
    for other in (*recorded.orders, *tally.approved):
        if (other.venue, other.symbol, other.side) == (order.venue, order.symbol, order.side):
            qty += other.remaining_qty * other.side.sign
    return abs(qty + order.qty * order.side.sign)


def _purse_refusal(order: Order, snapshot: Snapshot, tally: Tally) -> Reason | None:
    """Whether the spot wallet pays for it: the coins for a sale, the quote for a purchase."""
    asset, needed = spent_by(order, snapshot)
    account = snapshot.venues[order.venue].account
    balance = account.spot.get(asset) if account is not None else None
    available = balance.free if balance is not None else ZERO
    total = tally.spent.get((order.venue, asset), ZERO) + needed
    if total <= available:
        return None
    return reason(
        "coins_short",
        asset=asset,
        needed=text(total),
        available=text(available),
        missing=text(total - available),
    )


def margin_refusal(
    order: Order, notional: Decimal, snapshot: Snapshot, tally: Tally, policy: PortfolioPolicy
) -> Reason | None:
    """Return why the futures wallet does not carry the initial margin; a leverage nobody told counts as 1.

    It advises to move what is missing only where the spot wallet has it, beyond what ``keep_buffer`` keeps there.
    """
    seen = snapshot.venues[order.venue]
    settle = seen.instruments[order.symbol].settle
    if settle is None or seen.account is None:
        return None
    wallet = seen.account.futures.get(settle)
    available = wallet.available if wallet is not None else ZERO
    used = tally.margin.get((order.venue, settle), ZERO)
    needed = notional / leverage_of(snapshot, order.venue, order.symbol)
    if used + needed <= available:
        return None
    missing = quantize(used + needed - available, _CENT, ROUND_CEILING)
    coins = seen.account.spot.get(settle)
    spare = coins.free if coins is not None else ZERO
    spare -= tally.spent.get((order.venue, settle), ZERO)
    spare -= policy.margin.keep_buffer if policy.margin is not None else ZERO
    more = f"{text(missing)} {settle}"
    advice = f"move {more} from the spot wallet to the futures wallet"
    if spare < missing:
        advice = (
            f"bring {more} to the futures wallet of {order.venue} (its spot wallet can spare"
            f" {shown(max(spare, ZERO))}), or hedge less"
        )
    return reason(
        "margin_short",
        asset=settle,
        needed=shown(used + needed),
        available=shown(available),
        missing=text(missing),
        advice=advice,
    )


def affordable(order: Order, notional: Decimal, snapshot: Snapshot, tally: Tally) -> Decimal:
    """Return how much (base units) of an order of ``notional`` (> 0) the futures wallet carries, with a little left.

    Fees and the distance of its price from the mark are margin as well, so not all of it is spent.
    """
    seen = snapshot.venues[order.venue]
    instrument = seen.instruments[order.symbol]
    wallet = seen.account.futures.get(instrument.settle or "") if seen.account is not None else None
    if wallet is None:
        return ZERO
    used = tally.margin.get((order.venue, instrument.settle or ""), ZERO)
    needed = notional / leverage_of(snapshot, order.venue, order.symbol)
    share = max((wallet.available * _SPENT - used) / needed, ZERO)
    return instrument.shrink_qty(order.qty * min(share, ONE))
