"""What the user asked for, as values: the configuration after every unit, default and cross-check is settled.

``config/`` builds these from YAML; everything else reads them. Weights and bands are fractions of equity (0.05 is
five percentage points), slippage and spacing are fractions of price, quantities are base units.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from counterpoise.domain.bars import Lookback
from counterpoise.domain.numbers import ZERO, dec, text
from counterpoise.domain.operator import TargetOverride
from counterpoise.domain.strategy import HedgePolicy, StrategyPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """How far a weight may stray: ``5pp`` is absolute, ``25%`` is relative to the target weight."""

    size: Decimal
    relative: bool = False

    def width(self, target_weight: Decimal) -> Decimal:
        """Return the half-width as a fraction of equity."""
        return self.size * abs(target_weight) if self.relative else self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleeve:
    """A named part of the portfolio: ``weight`` of equity, split over ``assets`` (shares that add up to 1)."""

    id: str
    weight: Decimal
    assets: Mapping[str, Decimal]
    band: Band
    inner: Band | None = None


class ContractChoice(StrEnum):
    """Which contracts a hedge may be opened in."""

    PERPETUAL = "perpetual"
    DATED = "dated"
    CHEAPEST = "cheapest"  # the one with the best expected carry over the horizon


#: How often a chasing order is priced anew at most, unless written.
_CHASE_EVERY = timedelta(seconds=5)


class LadderKind(StrEnum):
    """How the orders that move a position follow each other."""

    RESTING = "resting"  # all at once, at staggered prices
    TIMED = "timed"  # one equal part after the other
    CHASE = "chase"  # one order that follows the best price of its side


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionPolicy:
    """How a position is moved: by a ``ladder`` of post-only orders, then crossing under ``max_slippage``.

    Resting: ``rungs`` orders ``spacing`` apart. Timed: as many equal parts, one each ``every`` (None: ``patience`` /
    ``rungs``). Chase: one order, priced anew when the best price left by more than ``follow`` (fraction), once
    per ``every`` at most (None: 5 s). Crossing begins when ``patience`` has run out. ``contract``: which kind
    a new hedge is opened in, by carry over ``horizon`` with ``fee`` (fraction of notional) a trade; one that trades
    less than ``min_volume_24h`` (quote) is left alone. A dated future is rolled ``roll_before`` its expiry.
    """

    rungs: int = 5
    spacing: Decimal = dec("0.0005")
    patience: timedelta = timedelta(minutes=2)
    max_slippage: Decimal = dec("0.002")
    cancel_on_stop: bool = True
    ladder: LadderKind = LadderKind.RESTING
    every: timedelta | None = None
    follow: Decimal = dec("0.0002")
    contract: ContractChoice = ContractChoice.CHEAPEST
    horizon: timedelta = timedelta(days=30)
    fee: Decimal = dec("0.0005")
    roll_before: timedelta = timedelta(days=5)
    min_volume_24h: Decimal = dec(1_000_000)

    @property
    def slot(self) -> timedelta:
        """How long one part of a timed ladder has."""
        return self.every if self.every is not None else self.patience / self.rungs

    @property
    def pause(self) -> timedelta:
        """How long a chasing order stands before it is priced anew."""
        return self.every if self.every is not None else _CHASE_EVERY


#: Within what time rejected orders are counted together, and how long without one nothing is added then.
REJECTS_WITHIN = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawdownPolicy:
    """What losing equity does: fractions below its high, ascending; None leaves a tier out.

    ``slow`` halves orders that add to futures; ``reduce_only`` and ``cancel_only`` lower the trading state.
    ``window``: how far back the high is looked for, None for all time.
    """

    slow: Decimal | None = None
    reduce_only: Decimal | None = None
    cancel_only: Decimal | None = None
    window: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsPolicy:
    """Hard limits on what may be sent. Notionals are in the portfolio's quote, turnover and exposures in equities.

    ``max_leverage`` limits futures alone; ``max_gross_exposure`` coins (those outside included) and futures, each
    counted as positive; ``max_net_exposure`` the size of their signed sum. ``max_position``: asset -> base units in
    one contract. ``max_rejects``: that many orders not taken by the venue within :data:`REJECTS_WITHIN`, and at least
    half of those placed, stop everything that adds.
    """

    max_order_notional: Decimal | None = None
    max_position_notional: Decimal | None = None
    max_turnover_24h: Decimal = dec("4")
    max_leverage: Decimal = dec("3")
    max_orders_per_minute: int = 60
    max_open_orders: int = 50
    price_collar: Decimal = dec("0.05")
    min_equity: Decimal = ZERO
    max_position: Mapping[str, Decimal] = field(default_factory=dict)
    max_gross_exposure: Decimal | None = None
    max_net_exposure: Decimal | None = None
    max_orders_per_day: int = 2000
    max_rejects: int = 20
    drawdown: DrawdownPolicy | None = None


class OnChange(StrEnum):
    """What happens when leverage, margin or position mode changed behind our back; an alert goes out in any case."""

    ALERT = "alert"
    RESTORE = "restore"
    CANCEL_ONLY = "cancel_only"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginPolicy:
    """When the margin guard acts: adverse moves to liquidation (fractions, all assets together), descending.

    ``survive``: what an opening must survive with all collateral that can be reached. A level is left again only
    ``hysteresis`` beyond it.
    ``may_sell``: coins the guard may sell when collateral runs out. ``transfers``: whether it may move collateral
    between wallets of one venue at all; then ``keep_buffer`` (quote) stays in the spot wallet and no more than
    ``max_top_up_24h`` (quote; None: no limit) is moved in a day. What it moved is brought back once the distance was
    ``sweep_margin`` above ``warn`` for ``sweep_after``.
    ``max_slippage``: how far its orders may cross.
    ``tolerance``: by how much the venue's figures may differ from ours before people are told (a fraction).
    """

    survive: Decimal = dec("0.30")
    warn: Decimal = dec("0.30")
    top_up: Decimal = dec("0.25")
    stop_adding: Decimal = dec("0.20")
    reduce: Decimal = dec("0.12")
    flatten: Decimal = dec("0.05")
    hysteresis: Decimal = dec("0.02")
    may_sell: tuple[str, ...] = ()
    transfers: bool = True
    keep_buffer: Decimal = ZERO
    max_top_up_24h: Decimal | None = None
    sweep_margin: Decimal = dec("0.10")
    sweep_after: timedelta = timedelta(hours=24)
    max_slippage: Decimal = dec("0.01")
    tolerance: Decimal = dec("0.10")
    on_change: OnChange = OnChange.CANCEL_ONLY

    @property
    def cut_for(self) -> Decimal:
        """What an opening survives that is cut because all of it would not survive ``survive``.

        A little more: cut right at ``survive`` (= ``warn`` by default) it would be warned of at once, and grow by
        another bit with every tick that helps it.
        """
        return self.survive + self.hysteresis / 2


class Spent(StrEnum):
    """What happens to a hedge whose carry has left its budget; people are told in any case."""

    ALERT = "alert"
    ASK = "ask"  # people are told what to say to close it, and nothing is done before they do
    REDUCE = "reduce"  # it holds half of what its strategy wants
    CLOSE = "close"  # it holds nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryBudget:
    """What holding futures may cost: ``max_carry`` a year, ``max_cost`` in all, as fractions of notional.

    ``then`` happens when either was exceeded for ``over``, and ends when what is expected has been below half of
    ``max_carry`` for as long.
    """

    max_carry: Decimal = dec("0.15")
    max_cost: Decimal = dec("0.005")
    over: timedelta = timedelta(hours=24)
    then: Spent = Spent.ALERT


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPolicy:
    """The budget of every strategy, and those that have one of their own (by strategy id)."""

    budget: CarryBudget = CarryBudget()
    strategies: Mapping[str, CarryBudget] = field(default_factory=dict)

    def of(self, strategy: str) -> CarryBudget:
        """Return the budget of a strategy."""
        return self.strategies.get(strategy, self.budget)


@dataclass(frozen=True, slots=True, kw_only=True)
class BasisPolicy:
    """When a contract stands absurdly far from its coin, and how long adding to it waits for that to pass.

    ``max_basis``: fraction of the coin's price. ``max_zscore``: standard deviations from the mean of ``window`` of
    closed bars of ``interval`` (None: not looked at, and no bars are read). ``delay``: adding goes on after it.
    ``allow_cross``: whether one asset may be hedged with the futures of another; then only while they correlate by
    ``min_correlation`` and what such a hedge leaves deviates by no more than ``max_residual`` (a fraction) a year.
    """

    max_basis: Decimal = dec("0.03")
    max_zscore: Decimal | None = None
    window: timedelta = timedelta(days=14)
    interval: timedelta = timedelta(hours=1)
    delay: timedelta = timedelta(hours=6)
    allow_cross: bool = False
    min_correlation: Decimal = dec("0.70")
    max_residual: Decimal = dec("0.80")

    @property
    def bars(self) -> int:
        """How many closed bars the window has."""
        return max(self.window // self.interval, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class FreshnessPolicy:
    """How old data may be when a decision rests on it, and how long an approval stays good."""

    max_quote_age: timedelta = timedelta(minutes=2)
    max_account_age: timedelta = timedelta(minutes=1)
    approval: timedelta = timedelta(seconds=30)


class OnForeign(StrEnum):
    """What happens when a position changed and none of our fills explains it; an alert goes out in any case."""

    HOLD = "hold"
    ACCEPT = "accept"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlausibilityPolicy:
    """What is not believed. Distances are fractions of a price.

    ``max_disagreement``: how far mark, last and book of a contract may lie apart, or index and spot.
    ``max_jump``: a larger move since the last good look, if that is no older than ``jump_window``, is believed only
    when further looks agree. ``stuck_after``: a price that stands still for so long while others move is not
    believed. ``max_depeg``: how far a stable coin may lie off its peers. ``max_skew``: how far ahead of our clock
    anything read may claim to be.
    """

    max_disagreement: Decimal = dec("0.03")
    max_jump: Decimal = dec("0.30")
    jump_window: timedelta = timedelta(minutes=10)
    stuck_after: timedelta = timedelta(minutes=30)
    max_depeg: Decimal = dec("0.02")
    max_skew: timedelta = timedelta(seconds=5)
    on_foreign_change: OnForeign = OnForeign.HOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovePolicy:
    """What an operator is asked about first. ``deposits``: hedges that would grow because coins were deposited.

    ``plans``: futures of a strategy that would open, grow or change sides by more than this (quote, at the asset's
    price); 0: by however little, None: nobody is asked.
    A request that nobody answers within ``deadline`` counts as denied.
    """

    plans: Decimal | None = None
    deposits: bool = False
    deadline: timedelta = timedelta(hours=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioPolicy:
    """One portfolio: where it lives, its shape, its strategies in order of priority, and its limits.

    ``existing`` says per venue what to do with positions found at the first start: ``refuse``, ``keep`` or
    ``adopt:<strategy id>``. ``margin``, ``funding``, ``basis``: None leaves it unguarded.
    """

    id: str
    venues: tuple[str, ...]
    quote: str
    sleeves: tuple[Sleeve, ...]
    strategies: tuple[StrategyPolicy, ...]
    holdings: Mapping[str, Decimal] = field(default_factory=dict)
    execution: ExecutionPolicy = ExecutionPolicy()
    limits: LimitsPolicy = LimitsPolicy()
    freshness: FreshnessPolicy = FreshnessPolicy()
    margin: MarginPolicy | None = MarginPolicy()
    funding: FundingPolicy | None = field(default_factory=FundingPolicy)
    basis: BasisPolicy | None = BasisPolicy()
    plausibility: PlausibilityPolicy = PlausibilityPolicy()
    allow_net_short: bool = False
    existing: Mapping[str, str] = field(default_factory=dict)
    retire: Mapping[str, str] = field(default_factory=dict)
    approve: ApprovePolicy = ApprovePolicy()

    @property
    def assets(self) -> tuple[str, ...]:
        """Every asset of every sleeve but the quote, in the order of the config."""
        return tuple(a for s in self.sleeves for a in s.assets if a != self.quote)

    @property
    def counted(self) -> str:
        """What equity consists of, as far as the config says."""
        outside = [f"{asset} {text(qty)}" for asset, qty in sorted(self.holdings.items())]
        return "; ".join((self.quote, *sorted(self.venues), *sorted(self.assets), *outside))

    @property
    def cross_hedges(self) -> Mapping[str, str]:
        """Strategy -> asset, for those that hedge the asset with the futures of another."""
        return {
            s.id: s.asset
            for s in self.strategies
            if isinstance(s, HedgePolicy) and s.cross is not None
        }

    def target_weight(self, asset: str) -> Decimal:
        """Return the shape's weight of ``asset`` (0 for an asset in no sleeve)."""
        return sum((s.weight * s.assets[asset] for s in self.sleeves if asset in s.assets), ZERO)

    @property
    def lookbacks(self) -> tuple[Lookback, ...]:
        """The closed bars its strategies and guards need: per market and interval the longest."""
        longest: dict[tuple[str, timedelta, bool], int] = {}
        asks = [look for s in self.strategies for look in s.lookbacks]
        if self.basis is not None and self.basis.max_zscore is not None:
            rules = self.basis
            asks += [
                Lookback(asset=asset, interval=rules.interval, bars=rules.bars, coin=coin)
                for asset in self.assets
                for coin in (False, True)
            ]
        for asked in asks:
            key = (asked.asset, asked.interval, asked.coin)
            longest[key] = max(longest.get(key, 0), asked.bars)
        return tuple(
            Lookback(asset=a, interval=i, bars=n, coin=c) for (a, i, c), n in longest.items()
        )


def shaped(
    policy: PortfolioPolicy, override: TargetOverride | None, now: datetime
) -> PortfolioPolicy:
    """Return ``policy`` with the sleeve weights that hold at ``now``: the override's until it ends.

    A sleeve the override does not name (the config gained it later) keeps its own weight.
    """
    if override is None or now >= override.until_at:
        return policy
    sleeves = tuple(replace(s, weight=override.weights.get(s.id, s.weight)) for s in policy.sleeves)
    return replace(policy, sleeves=sleeves)
