"""One asset of a conversion: the arithmetic of what is traded, what is released for it, and what may come next.

Quantities here are counted in the direction of the coins to trade (buying or selling), so that one arithmetic serves
both: ``traded`` grows from 0 to ``total``, ``pledged`` is what those coins replace in futures (> 0), or what the
futures add to the same direction (<= 0).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

from counterpoise.domain.instrument import Instrument
from counterpoise.domain.numbers import (
    ONE,
    ZERO,
    ceil_step,
    dec,
    floor_step,
    quantize,
    shrink_step,
    text,
)
from counterpoise.domain.reasons import Reason, reason
from counterpoise.domain.scene import Held, Scene
from counterpoise.domain.strategy.conversion import AssetConversion

#: An order may be priced this much below the price seen here and must still be worth the venue's minimum.
_BELOW = dec("0.99")
_CENT = dec("0.01")
#: Where the digits of a quotient end and its rounding begins.
_NOISE = dec("1e-18")
#: Lots of an asset that no venue lists a spot pair for: nothing can be traded.
_NO_LOT = dec("1e-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a conversion goes: in ``steps`` parts, each when the one before is through, or one per ``every``.

    ``fee``: what trading coins costs, as a fraction.
    """

    steps: int
    every: timedelta | None = None
    fee: Decimal = ZERO


def in_lots(qty: Decimal, lot: Decimal) -> Decimal:
    """Return ``qty`` (signed) cut towards zero to ``lot``; what division left far behind the point is no lot less."""
    return shrink_step(quantize(qty, _NOISE), lot)


def least_of(instrument: Instrument, price: Decimal) -> Decimal:
    """Return the smallest quantity (base units) of ``instrument`` that is surely traded near ``price`` (quote)."""
    lots = ceil_step(instrument.min_notional / (price * _BELOW), instrument.lot_size)
    return max(instrument.min_qty, instrument.lot_size, lots)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One asset of a conversion as it stands. ``done_share``: what part of it may have been wished for by now.

    ``wallet``: the coins the spot wallets can deliver; ``live``: all coins that are there, locked ones included.
    ``wide``: the spread of the spot pair where it is above the limit. ``apart``: how far the pair is from the
    contract's mark (fraction) where that is above the price collar: coins and futures are not worth the same there.
    ``short``: what the asset is net short as a whole, where it may not be. Prices in quote.
    """

    asset: str
    part: AssetConversion
    held: Held
    pace: Pace
    done_share: Decimal
    pair: Instrument | None
    contract: Instrument | None
    price: Decimal
    mark: Decimal
    slippage: Decimal
    wallet: Decimal
    live: Decimal
    wide: Decimal | None
    apart: Decimal | None
    short: Decimal | None

    @property
    def buys(self) -> bool:
        """Whether coins are bought."""
        return self.part.spot > 0

    @property
    def side(self) -> int:
        """1 where coins are bought, -1 where they are sold or none are traded."""
        return 1 if self.buys else -1

    @property
    def lot(self) -> Decimal:
        """The step of the spot pair."""
        return self.pair.lot_size if self.pair is not None else _NO_LOT

    @property
    def least(self) -> Decimal:
        """The smallest quantity of coins that can be traded."""
        return least_of(self.pair, self.price) if self.pair is not None else _NO_LOT

    @property
    def least_future(self) -> Decimal:
        """The smallest quantity of futures that can be traded."""
        return least_of(self.contract, self.mark) if self.contract is not None else ZERO

    @property
    def total(self) -> Decimal:
        """The coins to trade in all."""
        return abs(self.part.spot)

    @property
    def traded(self) -> Decimal:
        """The coins traded so far, net of fees in the coin."""
        return (self.held.coins - self.part.spot_from) * self.side

    @property
    def wish(self) -> Decimal:
        """The coins wished for so far."""
        return abs(self.part.wish)

    @property
    def pledged(self) -> Decimal:
        """The futures it started from that coins replace; <= 0: they go the coins' own way."""
        return self.part.futures * self.side

    @property
    def matched(self) -> Decimal:
        """The coins that offset futures."""
        return max(min(self.total, self.pledged), ZERO)

    @property
    def missing(self) -> Decimal:
        """The coins wished for and not traded yet."""
        return self.wish - self.part.fees - self.traded

    @property
    def reached(self) -> bool:
        """Whether what was wished for is there, but for a fee in the coin or less than the venue trades."""
        taken = self.pace.fee * self.wish - self.part.fees if self.buys else ZERO
        return self.missing < self.least or self.missing <= taken

    @property
    def left_over(self) -> Decimal:
        """What was too small of the last wish to be traded: it goes along with the next one."""
        return max(self.wishing(ZERO).missing, ZERO)

    @property
    def sold(self) -> bool:
        """Whether no more coins have to move."""
        if not self.buys and self.live < self.least:
            return True  # what the wallet does not hold any more cannot be sold
        return self.total - self.wish < self.least and self.reached

    @property
    def overlay(self) -> Decimal:
        """The futures wanted now, signed: what no coin has replaced yet."""
        if self.contract is None:
            return self.held.futures
        if self.pair is None and self.total > 0:
            return self.part.futures
        if self.pledged <= 0 or self.total == 0:
            if self.done_share == 1:
                return ZERO
            return shrink_step(self.part.futures * (ONE - self.done_share), self.contract.lot_size)
        if self.sold:
            return ZERO
        return self.part.futures - self.released_by_now * self.side

    @property
    def released_by_now(self) -> Decimal:
        """The futures that the coins traded so far replace, in lots: never more than was traded."""
        lot = self.contract.lot_size if self.contract is not None else self.lot
        return floor_step(min(max(self.traded, ZERO), self.pledged), lot)

    @property
    def releasing(self) -> bool:
        """Whether futures that are no longer wanted are still there, and enough of them to be traded."""
        if self.contract is None:
            return False
        return abs(self.held.futures) - abs(self.overlay) >= self.least_future

    @property
    def done(self) -> bool:
        """Whether all coins were moved and no futures are left; less than the venue trades counts as nothing."""
        stays = self.contract is None and self.held.futures != 0
        finished = self.sold and self.done_share == 1 and not stays
        return finished and self.overlay == 0 and not self.releasing

    @property
    def coins(self) -> Decimal:
        """The level of coins wanted now, by the hedge book's count, signed.

        Once a wish is reached that is what is there: what a fee took, or what is too small, is not ordered again.
        """
        if self.reached:
            return self.held.coins
        return self.part.spot_from + (self.wish - self.part.fees) * self.side

    @property
    def margin(self) -> Decimal:
        """What a purchase may cost at most, per unit of its price here."""
        return ONE + self.slippage + self.pace.fee

    @property
    def deliverable(self) -> Decimal:
        """The coins a sale may still take, in lots."""
        return floor_step(max(min(self.wallet, self.live), ZERO), self.lot)

    @property
    def rung(self) -> Decimal:
        """By how much coins may lead."""
        whole = self.total if self.pace.every is not None else self.matched
        smallest = max(self.least, self.least_future)
        return max(floor_step(whole / self.pace.steps, self.lot), smallest * 2)

    def traded_lots(self, qty: Decimal) -> Decimal:
        """Return ``qty`` (signed) in lots of the spot pair; what it does not trade is nothing."""
        cut = in_lots(qty, self.lot)
        return cut if abs(cut) >= self.least else ZERO

    def step(self) -> tuple[Decimal, Reason | None]:
        """Return how many coins more are wished for next (0: none), and why not more where something is in the way."""
        if self.sold or not self.reached:
            return ZERO, None
        if self.pair is None:
            return ZERO, reason("convert_no_pair", asset=self.asset)
        if self.contract is None and self.held.futures != 0:
            return ZERO, reason("convert_no_contract", asset=self.asset)
        limit = self.total if self.done_share == 1 else self._tranche
        if limit < self.total and limit - self.wish < self.least:
            return ZERO, reason("convert_next_tranche", asset=self.asset)
        obstacle = self._obstacle()
        if obstacle is not None:
            return ZERO, obstacle
        if self.matched - self.wish < self.least:
            return limit - self.wish, None
        if self.releasing:
            return ZERO, reason(
                "convert_release_first", asset=self.asset, futures=text(self.held.futures)
            )
        return self._rung_step(min(limit, self.matched)), None

    @property
    def _tranche(self) -> Decimal:
        return floor_step(self.total * self.done_share, self.lot)

    def _rung_step(self, limit: Decimal) -> Decimal:
        """One rung, less what is wished for and not released yet; it leaves nothing that is too small to follow."""
        ahead = self.wish - self._taken - (self.pledged - self.held.futures * self.side)
        step = max(floor_step(self.rung - max(ahead, ZERO), self.lot), self.least)
        rest = limit - self.wish - step
        if rest <= 0:
            return limit - self.wish
        if rest < self.least and step - (self.least - rest) >= self.least:
            return step - (self.least - rest)
        return step

    @property
    def _taken(self) -> Decimal:
        """What fees in the coin took of a wish that was reached."""
        if not self.buys:
            return ZERO
        taken = min(max(self.wish - self.traded, ZERO), self.pace.fee * self.wish)
        return max(taken, self.part.fees)

    def _obstacle(self) -> Reason | None:
        """What in the market, or in the whole of the asset, keeps the next step waiting."""
        if self.wide is not None:
            limit = f"{text(quantize(self.slippage * 200, _CENT))} %"
            spread = f"{text(quantize(self.wide * 100, _CENT))} %"
            return reason("convert_spread", asset=self.asset, spread=spread, limit=limit)
        if self.apart is not None:
            distance = f"{text(quantize(self.apart * 100, _CENT))} %"
            return reason(
                "convert_apart",
                asset=self.asset,
                pair=self.money(self.price),
                mark=self.money(self.mark),
                distance=distance,
            )
        if self.short is not None and not self.buys:
            return reason("convert_net_short", asset=self.asset, short=text(self.short))
        return None

    def wishing(self, more: Decimal) -> Leg:
        """Return the leg with ``more`` coins wished for; what fees took of the last wish is not bought again."""
        wish = (self.wish + more) * self.side
        return replace(self, part=replace(self.part, wish=wish, fees=self._taken))

    def within(self, available: Decimal) -> Leg:
        """Return the leg with its wish cut to what ``available`` coins more can serve."""
        if self.reached or self.missing <= available:
            return self
        wish = max(self.traded, ZERO) + self.part.fees + available
        return replace(self, part=replace(self.part, wish=wish * self.side))

    def money(self, amount: Decimal) -> str:
        """Return an amount of quote as people read it."""
        return text(quantize(amount, _CENT))

    def summary(self) -> Reason:
        """Return where this leg stands."""
        numbers = {
            "asset": self.asset,
            "traded": text(self.traded * self.side),
            "spot": text(self.part.spot),
            "futures": text(self.held.futures),
        }
        if not self.done:
            return reason("converting", overlay=text(self.overlay), **numbers)
        left = self.total - self.traded
        if left > 0 or self.held.futures != 0:
            return reason("converted_but", left=text(max(left, ZERO)), **numbers)
        return reason("converted", **numbers)


def leg_of(
    asset: str,
    part: AssetConversion,
    held: Held,
    pace: Pace,
    scene: Scene,
    tranches_done: int = 0,
) -> Leg:
    """Return ``asset`` of a conversion as ``scene`` shows it."""
    view = scene.view.assets[asset]
    pair = scene.universe.spot.get(asset)
    contract = scene.universe.futures.get(asset)
    share = ONE if pace.every is None else min(dec(tranches_done) / pace.steps, ONE)
    return Leg(
        asset=asset,
        part=part,
        held=held,
        pace=pace,
        done_share=share,
        pair=pair.instrument if pair is not None else None,
        contract=contract.instrument if contract is not None else None,
        price=view.spot_price,
        mark=view.price,
        slippage=scene.policy.execution.max_slippage,
        wallet=scene.purse.get(asset, ZERO),
        live=view.spot_qty,
        wide=_wide(asset, scene),
        apart=_apart(asset, scene),
        short=_net_short(asset, scene),
    )


def _wide(asset: str, scene: Scene) -> Decimal | None:
    """The spread of the spot pair as a fraction of its middle, where no order under ``max_slippage`` could cross it."""
    quote = scene.coin_quotes.get(asset)
    if quote is None or quote.bid is None or quote.ask is None or quote.mid is None:
        return None
    spread = (quote.ask - quote.bid) / quote.mid
    return spread if spread > 2 * scene.policy.execution.max_slippage else None


def _apart(asset: str, scene: Scene) -> Decimal | None:
    """How far the pair is from the contract's mark, where that is more than the price collar."""
    if asset not in scene.universe.futures or asset not in scene.universe.spot:
        return None
    view = scene.view.assets[asset]
    distance = abs(view.spot_price / view.price - ONE)
    return distance if distance > scene.policy.limits.price_collar else None


def _net_short(asset: str, scene: Scene) -> Decimal | None:
    """What the asset is net short, spot + outside + futures, where it may not be: then coins are not sold on.

    What a cross hedge is short of here stands against other coins than these.
    """
    crossed = (scene.holding(s, asset).futures for s in scene.policy.cross_hedges)
    exposure = scene.view.assets[asset].exposure_qty - sum((min(q, ZERO) for q in crossed), ZERO)
    return -exposure if exposure < 0 and not scene.policy.allow_net_short else None
