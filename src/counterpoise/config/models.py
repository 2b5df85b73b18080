"""The shape of a config file: keys, kinds of values, and one sentence on each (``counterpoise schema``).

Only shape is checked here. What must fit together is in ``checks``; defaults that are policy are the domain's
own (``build`` leaves out what was not written). Every number is a Decimal or text here, never a float.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from counterpoise.config.alerts import AlertsModel
from counterpoise.config.approving import Approve, ApproveModel
from counterpoise.config.execution import ExecutionModel
from counterpoise.config.fields import (
    Amount,
    Asset,
    BandSize,
    Cost,
    Count,
    Duration,
    EnvironmentName,
    EquityMultiple,
    Exchange,
    Existing,
    Identifier,
    Interval,
    Later,
    Multiple,
    Part,
    Price,
    PriceDistance,
    Quantity,
    Rise,
    Share,
    ShareAboveZero,
    Text,
    Url,
)
from counterpoise.config.plausibility import PlausibilityModel
from counterpoise.config.shape import Shape
from counterpoise.config.strategies import Strategy
from counterpoise.domain.policy import OnChange, Spent


class VenueModel(Shape):
    """One exchange account."""

    exchange: Exchange = Field(description="the exchange's ccxt id: binance")
    environment: EnvironmentName = Field(
        description="where orders go: local (a counterpoise testnet), testnet, demo or live"
    )
    url: Url | None = Field(
        default=None, description="the testnet server's address; only for local"
    )
    clock: Literal["wall", "venue"] = Field(
        default="wall",
        description="venue: the testnet server's market time is the time; only for local",
    )
    api_key: Text | None = Field(default=None, description="the API key, best as ${NAME}")
    api_key_file: Text | None = Field(default=None, description="a file that holds the API key")
    secret: Text | None = Field(default=None, description="the API secret, best as ${NAME}")
    secret_file: Text | None = Field(default=None, description="a file that holds the API secret")
    password: Text | None = Field(
        default=None, description="the API passphrase, where there is one"
    )
    password_file: Text | None = Field(default=None, description="a file that holds the passphrase")
    existing: Existing = Field(
        default="refuse",
        description="positions found at the first start: refuse, keep, adopt:<strategy id>",
    )
    i_understand: Literal["live"] | None = Field(
        default=None,
        description="live: consent to trade real money; needed for, and only for, live",
    )
    poll: Duration | None = Field(
        default=None, description="how often to look; default 30s, at least 1s"
    )
    allow_withdraw_key: bool = Field(
        default=False, strict=True, description="true: start even with a key that can withdraw"
    )
    dead_man: Duration | None = Field(
        default=None,
        description="after so long a silence of ours the venue cancels all futures orders: 2m; default never",
    )


class SleeveModel(Shape):
    """A named part of the portfolio."""

    weight: Share = Field(description="a share of equity such as 60% (all sleeves add up to 100%)")
    assets: dict[Asset, ShareAboveZero] = Field(
        description="assets and their shares of the sleeve, such as {BTC: 70%, ETH: 30%}"
    )
    band: BandSize | None = Field(
        default=None,
        description="how far the weight may stray: 5pp of equity, or 25% of the weight",
    )
    inner: BandSize | None = Field(
        default=None,
        description="how far from its target drift stops (trade_to: inner); default half the band",
    )


class DrawdownModel(Shape):
    """What losing equity does: how far below its high, deposits and withdrawals taken out; ascending."""

    slow: Part | None = Field(
        default=None, description="orders that add to futures are halved: 10%"
    )
    reduce_only: Part | None = Field(
        default=None, description="the trading state becomes REDUCE_ONLY until you resume: 20%"
    )
    cancel_only: Part | None = Field(
        default=None, description="the trading state becomes CANCEL_ONLY until you resume: 30%"
    )


class LimitsModel(Shape):
    """Hard limits on what may be sent."""

    max_order_notional: Amount | None = Field(default=None, description="per order: 25000 USDT")
    max_position_notional: Amount | None = Field(
        default=None, description="per position: 100000 USDT"
    )
    max_position: dict[Asset, Quantity] = Field(
        default={}, description="per position, in coins: {BTC: 2, ETH: 40}"
    )
    max_turnover_24h: EquityMultiple | None = Field(
        default=None, description="default 400% of equity"
    )
    max_leverage: Multiple | None = Field(default=None, description="futures / equity; default 3")
    max_gross_exposure: EquityMultiple | None = Field(
        default=None, description="coins and futures, each counted as positive: 250% of equity"
    )
    max_net_exposure: EquityMultiple | None = Field(
        default=None, description="coins and futures together, long or short: 100% of equity"
    )
    max_orders_per_minute: Count | None = Field(default=None, description="default 60")
    max_orders_per_day: Count | None = Field(
        default=None, description="within any 24 h; default 2000"
    )
    max_open_orders: Count | None = Field(default=None, description="default 50")
    price_collar: PriceDistance | None = Field(
        default=None, description="from the mark and from the mid; default 5%"
    )
    max_rejects: Count | None = Field(
        default=None,
        description="orders not taken within 10m, at least half of all, before nothing is added; default 20",
    )
    min_equity: Amount | None = Field(
        default=None, description="below it nothing is traded: 1000 USDT"
    )
    drawdown: DrawdownModel | None = Field(
        default=None, description="{slow: 10%, reduce_only: 20%, cancel_only: 30%}; default off"
    )
    drawdown_window: Duration | None = Field(
        default=None, description="how far back the high is looked for: 30d; default all time"
    )


class FreshnessModel(Shape):
    """How old data may be when a decision rests on it."""

    max_quote_age: Duration | None = Field(default=None, description="default 2m")
    max_account_age: Duration | None = Field(default=None, description="default 1m")


class MarginModel(Shape):
    """What keeps futures from being liquidated: adverse moves, all assets together, at which something is done."""

    act: bool = Field(
        default=True,
        strict=True,
        description="false: margin is shown, and nothing is done about it",
    )
    survive: Part | None = Field(
        default=None, description="the move an opening must survive; default 30%"
    )
    warn: Part | None = Field(default=None, description="people are told; default 30%")
    top_up: Part | None = Field(default=None, description="collateral is moved in; default 25%")
    stop_adding: Part | None = Field(default=None, description="nothing more is added; default 20%")
    reduce: Part | None = Field(
        default=None, description="futures are shrunk until stop_adding holds; default 12%"
    )
    flatten: Part | None = Field(default=None, description="futures are closed; default 5%")
    guard_may_sell: list[Asset] = Field(
        default=[], description="coins that may be sold beside a short that is shrunk: [BTC]"
    )
    transfers: bool = Field(
        default=True,
        strict=True,
        description="whether collateral may be moved between the wallets of one venue",
    )
    keep_buffer: Amount | None = Field(
        default=None, description="stays in the spot wallet whatever happens: 1000 USDT; default 0"
    )
    max_top_up_24h: Amount | None = Field(
        default=None, description="moved in a day at most: 20000 USDT; default no limit"
    )
    sweep_after: Duration | None = Field(
        default=None,
        description="what was moved in goes back after so long at 10pp above warn; default 24h",
    )
    max_slippage: PriceDistance | None = Field(
        default=None, description="how far from the mark the guard may cross; default 1%"
    )
    on_change: OnChange | None = Field(
        default=None,
        description="leverage or margin mode changed by someone else: alert, restore, or cancel_only (default)",
    )


class BudgetModel(Shape):
    """What a strategy's futures may cost to carry: funding, fees, and the basis of dated futures."""

    max_carry: Rise | None = Field(
        default=None, description="a year, as a part of what is open; default 15%"
    )
    max_cost: Cost | None = Field(
        default=None, description="in all since it was opened, as a part of it; default 0.5%"
    )
    over: Duration | None = Field(
        default=None, description="for so long it must be exceeded, or be small again; default 24h"
    )
    then: Spent | None = Field(
        default=None,
        description="alert (default), ask (tells the command that closes it), reduce (to half), or close",
    )


class FundingModel(BudgetModel):
    """What futures may cost to carry: funding, fees, and the basis of dated futures."""

    act: bool = Field(default=True, strict=True, description="false: carry is not looked at")
    strategies: dict[Identifier, BudgetModel] = Field(
        default={}, description="other budgets: {<strategy id>: {max_carry: 30%, then: close}}"
    )


class BasisModel(Shape):
    """When a contract stands absurdly far from its coin, so that adding to it waits."""

    act: bool = Field(default=True, strict=True, description="false: basis is not looked at")
    max_basis: PriceDistance | None = Field(
        default=None, description="from the coin's price; default 3%"
    )
    max_zscore: Multiple | None = Field(
        default=None,
        description="standard deviations from the mean of the window: 4; default not looked at",
    )
    window: Duration | None = Field(default=None, description="of closed bars; default 14d")
    interval: Interval | None = Field(default=None, description="of those bars; default 1h")
    delay: Duration | None = Field(
        default=None, description="adding waits no longer than this; default 6h"
    )
    allow_cross: bool = Field(
        default=False,
        strict=True,
        description="whether a hedge may hold the futures of another asset (cross: {by: ETH})",
    )
    min_correlation: Part | None = Field(
        default=None, description="a cross hedge needs at least this; default 70%"
    )
    max_residual: Rise | None = Field(
        default=None,
        description="what it leaves may move by no more than this a year; default 80%",
    )


class GuardsModel(Shape):
    """What must never happen."""

    limits: LimitsModel = Field(
        default=LimitsModel(), description="hard limits on what may be sent"
    )
    freshness: FreshnessModel = Field(default=FreshnessModel(), description="how old data may be")
    margin: MarginModel = Field(
        default=MarginModel(), description="what keeps futures from being liquidated"
    )
    funding: FundingModel = Field(
        default=FundingModel(), description="what futures may cost to carry"
    )
    basis: BasisModel = Field(
        default=BasisModel(), description="how far a contract may stand from its coin"
    )
    plausibility: PlausibilityModel = Field(
        default=PlausibilityModel(), description="what is not believed"
    )


class PortfolioModel(Shape):
    """One portfolio: where it lives, its shape, its strategies, its limits."""

    venues: list[Identifier] = Field(min_length=1, description="ids of venues: [main]")
    quote: Asset = Field(description="the asset everything is valued in, such as USDT")
    holdings: dict[Asset, Quantity] = Field(
        default={}, description="coins kept elsewhere: {BTC: 0.5}"
    )
    sleeves: dict[Identifier, SleeveModel] = Field(
        min_length=1,
        description="named parts: {core: {weight: 60%, assets: {BTC: 100%}, band: 5pp}}",
    )
    strategies: list[Strategy] = Field(
        default=[],
        description="what to do; hedges act first, derisk last, and of one kind the first here",
    )
    execution: ExecutionModel = Field(
        default=ExecutionModel(), description="how a position is moved"
    )
    guards: GuardsModel = Field(default=GuardsModel(), description="what must never happen")
    allow_net_short: bool = Field(
        default=False, strict=True, description="whether spot + futures of an asset may go below 0"
    )
    retire: dict[Identifier, Literal["close", "keep"]] = Field(
        default={},
        description="what happens to the hedge of a removed strategy: {<strategy id>: close}",
    )
    cost_basis: dict[Asset, Price] = Field(
        default={}, description="what one of each has cost, in the quote: {BTC: 60000}"
    )
    approve: Approve = Field(
        default=ApproveModel(),
        description="what a person is asked about first: always, above 10000 USDT, or {plans: ..., deposits: ...}",
    )


class RootModel(Shape):
    """A Counterpoise config file."""

    store: Text | None = Field(
        default=None, description="the database: sqlite:///counterpoise.db (relative to this file)"
    )
    store_file: Text | None = Field(
        default=None, description="a file that holds the database's address"
    )
    venues: dict[Identifier, VenueModel] = Field(
        min_length=1, description="exchange accounts: {main: {exchange: binance, ...}}"
    )
    portfolios: dict[Identifier, PortfolioModel] = Field(
        min_length=1, description="what to keep in shape: {treasury: {venues: [main], ...}}"
    )
    alerts: AlertsModel = Field(
        default=AlertsModel(), description="where alerts go: {zone: Europe/Berlin, ...}"
    )
    web: Annotated[None, Later("the web page comes with a later version")] = None
