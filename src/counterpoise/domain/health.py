"""Margin health of whole collateral pools: how far an adverse move may go, and what would change that (MEANING 16-17).

A :class:`Pool` is collateral and all positions that can lose it: one cross wallet with its positions, or one isolated
position with its own wallet. Moves are fractions of the mark, all assets of the pool together unless said otherwise:
+0.3 is 30 % up. What is left of a pool after a move, its :func:`margin_left`, is piecewise linear and concave in the
move, because maintenance rates only rise with size; so its zeros are found exactly, one on each side of today.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from counterpoise.domain.margin import Tiers, liquidation_price, maintenance_margin
from counterpoise.domain.numbers import ONE, ZERO

#: The lowest move there is: the price is gone.
_BOTTOM = -ONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One linear position of a pool: ``qty`` in base units, signed; prices in the pool's collateral."""

    symbol: str
    asset: str
    qty: Decimal
    entry: Decimal
    mark: Decimal
    tiers: Tiers

    @property
    def notional(self) -> Decimal:
        """|position| at mark."""
        return abs(self.qty) * self.mark

    @property
    def unrealized_pnl(self) -> Decimal:
        """What closing at mark would realise."""
        return self.qty * (self.mark - self.entry)

    def maintenance(self, move: Decimal = ZERO) -> Decimal:
        """Return the maintenance margin after ``move``."""
        return maintenance_margin(self.notional * (ONE + move), self.tiers)

    def sized(self, qty: Decimal) -> Holding:
        """Return the position at another size, opened or closed at mark: its PnL is then elsewhere."""
        return replace(self, qty=qty, entry=self.mark)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Collateral of ``asset`` at ``venue`` and what can lose it. ``isolated`` names the one position it belongs to."""

    venue: str
    asset: str
    wallet: Decimal
    holdings: tuple[Holding, ...]
    isolated: str | None = None

    @property
    def balance(self) -> Decimal:
        """Wallet and unrealised PnL: what a venue calls the margin balance."""
        return self.wallet + sum((h.unrealized_pnl for h in self.holdings), ZERO)

    @property
    def maintenance(self) -> Decimal:
        """What must be left for the positions to live."""
        return sum((h.maintenance() for h in self.holdings), ZERO)

    @property
    def notional(self) -> Decimal:
        """All positions at mark, longs and shorts added up."""
        return sum((h.notional for h in self.holdings), ZERO)

    @property
    def ratio(self) -> Decimal | None:
        """Maintenance / balance, 1 = liquidation; None where nothing is open. A lost balance is beyond 1."""
        if not any(h.qty for h in self.holdings):
            return None
        balance = self.balance
        return self.maintenance / balance if balance > 0 else _LOST

    def with_sizes(self, sizes: Mapping[str, Decimal]) -> Pool:
        """Return the pool once the named symbols have other quantities, traded at mark and without fees."""
        booked = self.wallet
        held: list[Holding] = []
        for holding in self.holdings:
            if holding.symbol in sizes:
                booked += holding.unrealized_pnl
                held.append(holding.sized(sizes[holding.symbol]))
            else:
                held.append(holding)
        return replace(self, wallet=booked, holdings=tuple(held))

    def with_more(self, collateral: Decimal) -> Pool:
        """Return the pool with ``collateral`` more in its wallet (less, below 0)."""
        return replace(self, wallet=self.wallet + collateral)


#: The ratio of a pool that has nothing left.
_LOST = Decimal(999)


@dataclass(frozen=True, slots=True, kw_only=True)
class Distance:
    """The moves at which a pool is liquidated: ``up`` > 0 and ``down`` < 0; None: at none on that side."""

    up: Decimal | None
    down: Decimal | None

    @property
    def adverse(self) -> Decimal | None:
        """The smaller of both as a positive fraction, 0 when it is too late; None: it cannot be liquidated."""
        sides = [abs(m) for m in (self.up, self.down) if m is not None]
        return min(sides, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stress:
    """A pool after ``move`` of ``asset`` (None: of all assets): what would be left, and how far it would then be.

    ``balance`` and ``left`` are as if nothing were liquidated on the way. ``liquidated``: its positions are gone then.
    """

    asset: str | None
    move: Decimal
    balance: Decimal
    left: Decimal
    ratio: Decimal | None
    distance: Decimal | None
    liquidated: bool


def margin_left(pool: Pool, move: Decimal) -> Decimal:
    """Return balance less maintenance after all assets have moved by ``move``; at or below 0 it is liquidated."""
    gained = sum((h.qty * h.mark for h in pool.holdings), ZERO) * move
    return pool.balance + gained - sum((h.maintenance(move) for h in pool.holdings), ZERO)


def distance_of(pool: Pool) -> Distance:
    """Return how far the pool is from liquidation on both sides, exactly, tiers included."""
    if not any(h.qty for h in pool.holdings):
        return Distance(up=None, down=None)
    if margin_left(pool, ZERO) <= 0:
        return Distance(up=ZERO, down=ZERO)
    bends = _bends(pool)

    def left(move: Decimal) -> Decimal:
        return margin_left(pool, move)

    ups = sorted(b for b in bends if b > 0)
    downs = sorted((b for b in bends if _BOTTOM < b < 0), reverse=True)
    return Distance(
        up=_first_zero(left, ups, None),
        down=_first_zero(left, downs, _BOTTOM),
    )


def _bends(pool: Pool) -> set[Decimal]:
    """Moves at which some position changes its tier: between two of them everything is linear."""
    found: set[Decimal] = set()
    for holding in pool.holdings:
        if holding.qty == 0:
            continue
        edges = {t.floor for t in holding.tiers} | {t.cap for t in holding.tiers if t.cap}
        # where an amount eats the whole margin of the lowest sizes, maintenance starts later than 0
        edges |= {t.amount / t.rate for t in holding.tiers if t.rate > 0 and t.amount > 0}
        found |= {edge / holding.notional - ONE for edge in edges if edge > 0}
    return found


def _first_zero(
    value: Callable[[Decimal], Decimal], bends: Iterable[Decimal], end: Decimal | None
) -> Decimal | None:
    """Return where ``value``, above 0 at 0 and linear between ``bends``, first reaches 0; None: not before ``end``."""
    start, at_start = ZERO, value(ZERO)
    stops = [*bends] if end is None else [*bends, end]
    for bend in stops:
        at_bend = value(bend)
        if at_bend <= 0:
            return start + (bend - start) * at_start / (at_start - at_bend)
        start, at_start = bend, at_bend
    if end is not None:
        return None
    slope = value(start + ONE) - at_start
    return start - at_start / slope if slope < 0 else None


def missing_for(pool: Pool, distance: Decimal) -> Decimal:
    """Return the least collateral that must be added so that a move of ``distance`` either way is survived (>= 0)."""
    if not any(h.qty for h in pool.holdings):
        return ZERO
    worst = min(margin_left(pool, distance), margin_left(pool, max(-distance, _BOTTOM)))
    return max(-worst, ZERO)


def spare_above(pool: Pool, distance: Decimal) -> Decimal:
    """Return what may be taken out while a move of ``distance`` either way is still survived (>= 0).

    Never more than the wallet: unrealised profit cannot be moved.
    """
    if not any(h.qty for h in pool.holdings):
        return max(pool.wallet, ZERO)
    worst = min(margin_left(pool, distance), margin_left(pool, max(-distance, _BOTTOM)))
    return max(min(worst, pool.wallet), ZERO)


def share_that_survives(
    pool: Pool, sizes: Mapping[str, Decimal], distance: Decimal, collateral: Decimal = ZERO
) -> Decimal:
    """Return the largest share (0 to 1) of the way from today's sizes to ``sizes`` that survives ``distance``.

    ``collateral`` may be added for it. 0 where not even today's sizes do; 1 where all of it does.
    """
    richer = pool.with_more(collateral)
    now = {h.symbol: h.qty for h in pool.holdings}

    def enough(share: Decimal) -> bool:
        moved = {s: now[s] + (q - now[s]) * share for s, q in sizes.items()}
        return missing_for(richer.with_sizes(moved), distance) == 0

    if enough(ONE):
        return ONE
    if not enough(ZERO):
        return ZERO
    # what is left is concave in the share, so there is one point where it stops being enough
    low, high = ZERO, ONE
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if enough(middle) else (low, middle)
    return low


def share_to_cut(pool: Pool, sizes: Mapping[str, Decimal], distance: Decimal) -> Decimal:
    """Return the smallest share (0 to 1) of the way from today's sizes to ``sizes`` that survives ``distance``.

    1 where not even all of it is enough.
    """
    now = {h.symbol: h.qty for h in pool.holdings}

    def enough(share: Decimal) -> bool:
        moved = {s: now[s] + (q - now[s]) * share for s, q in sizes.items()}
        return missing_for(pool.with_sizes(moved), distance) == 0

    if enough(ZERO):
        return ZERO
    low, high = ZERO, ONE
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


#: Halvings of a share: 2^-40 of a position is below any lot.
_HALVINGS = 40


def stressed(pool: Pool, moves: Iterable[Decimal], *, alone: bool = True) -> tuple[Stress, ...]:
    """Return the pool after each of ``moves``: of all its assets together, then of each alone.

    How far it is after one asset alone has moved takes longer than all the rest; without ``alone`` that is None.
    """
    assets = list(dict.fromkeys(h.asset for h in pool.holdings if h.qty))
    whole, listed = distance_of(pool), tuple(moves)
    together = [
        replace(stressed_by(pool, None, move), distance=_rest(pool, move, whole)) for move in listed
    ]
    single = [
        stressed_by(pool, asset, move, far=alone)
        for asset in (assets if len(assets) > 1 else ())
        for move in listed
    ]
    return (*together, *single)


def stressed_by(pool: Pool, asset: str | None, move: Decimal, *, far: bool = False) -> Stress:
    """Return the pool after ``move`` of ``asset``, None: of all its assets; its distance only with ``far``."""
    moved = replace(
        pool,
        holdings=tuple(
            replace(h, mark=h.mark * (ONE + move)) if asset in {None, h.asset} else h
            for h in pool.holdings
        ),
    )
    balance, maintenance = moved.balance, moved.maintenance
    left = balance - maintenance
    return Stress(
        asset=asset,
        move=move,
        balance=balance,
        left=left,
        ratio=moved.ratio,
        distance=distance_of(moved).adverse if far else None,
        liquidated=left <= 0 and any(h.qty for h in pool.holdings),
    )


def _rest(pool: Pool, move: Decimal, whole: Distance) -> Decimal | None:
    """How far the pool is after all its assets have moved: what is left of the way, measured from there."""
    if whole.adverse is None:
        return None
    if margin_left(pool, move) <= 0:
        return ZERO
    return min(abs((ONE + m) / (ONE + move) - ONE) for m in (whole.up, whole.down) if m is not None)


def liquidation_prices(pool: Pool) -> dict[str, Decimal | None]:
    """Return symbol -> the mark at which it is liquidated while all others stand still, as venues show it."""
    prices: dict[str, Decimal | None] = {}
    for holding in pool.holdings:
        if holding.qty == 0:
            continue
        others = [h for h in pool.holdings if h is not holding]
        prices[holding.symbol] = liquidation_price(
            1 if holding.qty > 0 else -1,
            abs(holding.qty),
            holding.entry,
            pool.wallet,
            holding.tiers,
            others=sum((h.unrealized_pnl - h.maintenance() for h in others), ZERO),
        )
    return prices
