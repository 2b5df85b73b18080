"""Margin of one position: what it must keep, when it is liquidated, when it is bankrupt. Pure formulas.

``side`` is +1 for a long, -1 for a short; quantities and prices are positive. Maintenance margin of a notional N in
tier n is N x rate_n - amount_n, where the amounts make it continuous over the tiers (Binance, "Leverage and Margin
of USD-M Futures"). Inverse contracts count their notional in the coin, contracts / price.

A price that solves an equation is returned as it is, also where it lies on the wrong side of the entry: such a
position would be liquidated at once. A price that no positive number solves is None: it cannot be liquidated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from counterpoise.domain.numbers import ONE, ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginTier:
    """One step of a venue's table: up to ``cap`` of notional (quote; None: no end) at ``rate`` less ``amount``.

    ``floor`` is where it begins. ``max_leverage`` bounds the size a position may have at a leverage.
    """

    floor: Decimal
    cap: Decimal | None
    rate: Decimal
    amount: Decimal = ZERO
    max_leverage: Decimal | None = None


#: A venue's table, lowest tier first.
Tiers = tuple[MarginTier, ...]


def flat_tier(rate: Decimal) -> Tiers:
    """Return the table of a venue that knows one rate."""
    return (MarginTier(floor=ZERO, cap=None, rate=rate),)


def maintenance_amount(
    floor: Decimal, rate: Decimal, rate_before: Decimal, amount_before: Decimal
) -> Decimal:
    """Return what a tier takes off, so that maintenance is continuous where it begins (quote)."""
    return floor * (rate - rate_before) + amount_before


def tier_at(notional: Decimal, tiers: Tiers) -> MarginTier:
    """Return the tier of ``notional`` (>= 0); beyond the last cap it is the last. Raises ValueError for no tiers."""
    if not tiers:
        raise ValueError("expected at least one margin tier, was none")
    for tier in tiers:
        if tier.cap is None or notional <= tier.cap:
            return tier
    return tiers[-1]


def maintenance_margin(notional: Decimal, tiers: Tiers) -> Decimal:
    """Return the maintenance margin of a position of ``notional`` (>= 0), in the unit of the notional."""
    tier = tier_at(notional, tiers)
    return max(notional * tier.rate - tier.amount, ZERO)


def at_least(tiers: Tiers, rate: Decimal) -> Tiers:
    """Return the table that asks for ``rate`` of the notional, or for what ``tiers`` ask for where that is more."""
    found: list[MarginTier] = []
    for tier in tiers:
        floor_tier = replace(tier, rate=rate, amount=ZERO)
        ends = tier.cap is not None and tier is not tiers[-1]
        # from here on the tier asks for more: notional x tier.rate - amount = notional x rate
        crossing = tier.amount / (tier.rate - rate) if tier.rate > rate else None
        if crossing is None or (ends and crossing >= (tier.cap or ZERO)):
            found.append(floor_tier)
        elif crossing <= tier.floor:
            found.append(tier)
        else:
            found += [replace(floor_tier, cap=crossing), replace(tier, floor=crossing)]
    return tuple(found)


def liquidation_price(
    side: int,
    qty: Decimal,
    entry: Decimal,
    wallet: Decimal,
    tiers: Tiers,
    *,
    others: Decimal = ZERO,
    taker: Decimal = ZERO,
) -> Decimal | None:
    """Return the mark at which a linear position is liquidated, all else standing still.

    ``wallet`` is what it may lose: its isolated wallet, or the cross wallet. ``others`` is what the other positions of
    a cross wallet add: their unrealised PnL less their maintenance. ``taker`` is the closing fee where the venue
    counts it in. Solves wallet + others + side x qty x (p - entry) = maintenance(qty x p) in the tier p falls into.
    """
    for tier in tiers:
        price = linear_liquidation(
            side, qty, entry, wallet, tier.rate, amount=tier.amount, others=others, taker=taker
        )
        if price is None or price <= 0:
            continue
        notional = qty * price
        # a position larger than the table's end keeps to its last tier
        ends = tier.cap is not None and tier is not tiers[-1]
        if notional >= tier.floor and (not ends or notional <= (tier.cap or ZERO)):
            return price
    return None


def linear_liquidation(
    side: int,
    qty: Decimal,
    entry: Decimal,
    wallet: Decimal,
    rate: Decimal,
    *,
    amount: Decimal = ZERO,
    others: Decimal = ZERO,
    taker: Decimal = ZERO,
) -> Decimal | None:
    """Return the liquidation price of a linear position within one tier.

    Binance (USD-M, isolated and cross): (wallet + others + amount - side x qty x entry) / (qty x (rate - side)); gate
    and OKX add the taker fee to the rate. None where rate + taker reaches 1.
    """
    slope = qty * (rate + taker - side)
    return (wallet + others + amount - side * qty * entry) / slope if slope != 0 else None


def fixed_margin_liquidation(
    side: int,
    entry: Decimal,
    leverage: Decimal,
    rate: Decimal,
    *,
    deduction: Decimal = ZERO,
    extra: Decimal = ZERO,
    qty: Decimal = ONE,
) -> Decimal:
    """Return the liquidation price where maintenance is fixed at the entry (Bybit linear, isolated).

    entry - side x (initial - maintenance) / qty - side x extra / qty, with initial = qty x entry / leverage and
    maintenance = qty x entry x rate - deduction; ``extra`` is margin that was added.
    """
    initial = qty * entry / leverage
    maintenance = qty * entry * rate - deduction
    return entry - side * (initial - maintenance) / qty - side * extra / qty


def bankruptcy_price(side: int, entry: Decimal, leverage: Decimal) -> Decimal:
    """Return the price at which an isolated linear position has lost its initial margin."""
    return entry * (ONE - side / leverage)


# inverse contracts: notional in quote, margin and PnL in the coin


def inverse_pnl(side: int, notional: Decimal, entry: Decimal, exit_price: Decimal) -> Decimal:
    """Return what an inverse position of ``notional`` (quote) earned, in the coin."""
    return side * notional * (ONE / entry - ONE / exit_price)


def inverse_initial_margin(
    notional: Decimal, price: Decimal, rate: Decimal, leverage: Decimal
) -> Decimal:
    """Return the initial margin in the coin; ``rate`` is what the venue asks at leverage 1."""
    return notional / price * rate / leverage


def inverse_maintenance_margin(notional: Decimal, price: Decimal, rate: Decimal) -> Decimal:
    """Return the maintenance margin in the coin."""
    return notional / price * rate


def inverse_bankruptcy_price(side: int, entry: Decimal, leverage: Decimal) -> Decimal | None:
    """Return the price at which an isolated inverse position has lost its initial margin; None: at none."""
    slope = leverage + side
    return entry * leverage / slope if slope > 0 else None


def inverse_liquidation(
    side: int, entry: Decimal, leverage: Decimal, rate: Decimal
) -> Decimal | None:
    """Return the liquidation price of an isolated inverse position, maintenance fixed at the entry.

    value / (value + side x (initial - maintenance)) x entry, all in the coin. None: at no price.
    """
    slope = leverage + side - side * rate * leverage
    return entry * leverage / slope if slope > 0 else None


def inverse_cross_liquidation(
    side: int,
    notional: Decimal,
    entry: Decimal,
    wallet: Decimal,
    rate: Decimal,
    amount: Decimal = ZERO,
) -> Decimal | None:
    """Return the liquidation price of an inverse position on a cross wallet (Binance COIN-M).

    notional x (rate + side) / (wallet + amount + side x notional / entry); ``wallet`` and ``amount`` in the coin.
    """
    worth = wallet + amount + side * notional / entry
    price = notional * (rate + side) / worth if worth != 0 else None
    return price if price is not None and price > 0 else None


def inverse_cross_bankruptcy(
    side: int, notional: Decimal, entry: Decimal, wallet: Decimal, taker: Decimal
) -> Decimal | None:
    """Return the price at which a cross wallet (coin, less what orders hold) is gone, closing fee included."""
    worth = notional / entry + side * wallet
    return (ONE + side * taker) * notional / worth if worth > 0 else None


def inverse_cross_liquidation_with_fee(
    side: int,
    notional: Decimal,
    entry: Decimal,
    wallet: Decimal,
    rate: Decimal,
    taker: Decimal,
    bankruptcy: Decimal,
) -> Decimal | None:
    """Return the liquidation price where maintenance holds the fee of closing at ``bankruptcy`` (Bybit, older rule).

    ``wallet`` is the coin balance less what orders hold.
    """
    spare = wallet - notional / entry * rate - notional * taker / bankruptcy
    worth = notional / entry + side * spare
    return notional / worth if worth > 0 else None


def max_leverage_at(notional: Decimal, tiers: Sequence[MarginTier]) -> Decimal | None:
    """Return the leverage a position of ``notional`` may have at most; None where the venue does not tell."""
    return tier_at(notional, tuple(tiers)).max_leverage
