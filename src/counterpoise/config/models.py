"""The shape of a config file: keys, kinds of values, and one sentence on each (``counterpoise schema``).

Only shape is checked here. What must fit together is in ``checks``; defaults that are policy are the domain's
own (``build`` leaves out what was not written). Every number is a Decimal or text here, never a float.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from counterpoise.config.fields import (
    Always,
    Amount,
    Asset,
    BandSize,
    Count,
    Duration,
    EnvironmentName,
    EquityMultiple,
    Exchange,
    Existing,
    Identifier,
    Later,
    Multiple,
    Never,
    PriceDistance,
    Quantity,
    Resting,
    Share,
    ShareAboveZero,
    Text,
    Url,
)
from counterpoise.domain.strategy.drift import Legs, TradeTo

#: Strategy kinds that the contract promises and this version does not run.
LATER_KINDS = ("profit_ladder", "scale_in", "derisk", "dip_buy")


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class VenueModel(_Model):
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


class SleeveModel(_Model):
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


class SettleModel(_Model):
    """Whether futures are later settled in coins."""

    mode: Never = Field(description="never")
    deadline: Annotated[None, Later("settling comes with a later version")] = None


class DriftModel(_Model):
    """Keep every sleeve inside its band, through futures."""

    kind: Literal["drift"]
    id: Identifier = Field(description="a name of your choice, unique in the portfolio")
    trade_to: TradeTo = Field(default=TradeTo.TARGET, description="how far to trade back")
    legs: Legs = Field(default=Legs.BOTH, description="which side to correct")
    settle: SettleModel | None = Field(
        default=None, description="{mode: never}: futures stay futures"
    )
    calendar: Annotated[None, Later("calendars come with a later version")] = None


class HedgeModel(_Model):
    """Hold a short against an asset."""

    kind: Literal["hedge"]
    id: Identifier = Field(description="a name of your choice, unique in the portfolio")
    asset: Asset = Field(description="the asset to hedge, such as BTC")
    ratio: ShareAboveZero | None = Field(
        default=None, description="the part of the holding: 50%; or qty"
    )
    qty: Quantity | None = Field(
        default=None, description="a quantity in units of the asset; or ratio"
    )
    when: Always = Field(default="always", description="always")
    release: Annotated[None, Later("releasing on a condition comes with a later version")] = None


Strategy = Annotated[DriftModel | HedgeModel, Field(discriminator="kind")]


class ExecutionModel(_Model):
    """How a position is moved."""

    ladder: Resting = Field(
        default="resting", description="resting: limit orders at staggered prices"
    )
    rungs: Count | None = Field(default=None, description="orders per ladder; default 5")
    spacing: PriceDistance | None = Field(default=None, description="between rungs; default 5bps")
    patience: Duration | None = Field(
        default=None, description="how long to rest before crossing the book; default 2m"
    )
    max_slippage: PriceDistance | None = Field(
        default=None, description="how far from the mark crossing may go; default 20bps"
    )
    on_stop: Literal["cancel", "keep"] = Field(
        default="cancel", description="own working orders when the daemon stops: cancel or keep"
    )


class LimitsModel(_Model):
    """Hard limits on what may be sent."""

    max_order_notional: Amount | None = Field(default=None, description="per order: 25000 USDT")
    max_position_notional: Amount | None = Field(
        default=None, description="per position: 100000 USDT"
    )
    max_turnover_24h: EquityMultiple | None = Field(
        default=None, description="default 400% of equity"
    )
    max_leverage: Multiple | None = Field(default=None, description="futures / equity; default 3")
    max_orders_per_minute: Count | None = Field(default=None, description="default 60")
    max_open_orders: Count | None = Field(default=None, description="default 50")
    price_collar: PriceDistance | None = Field(
        default=None, description="from the mark; default 5%"
    )
    min_equity: Amount | None = Field(
        default=None, description="below it nothing is traded: 1000 USDT"
    )


class FreshnessModel(_Model):
    """How old data may be when a decision rests on it."""

    max_quote_age: Duration | None = Field(default=None, description="default 2m")
    max_account_age: Duration | None = Field(default=None, description="default 1m")


class GuardsModel(_Model):
    """What must never happen."""

    limits: LimitsModel = Field(
        default=LimitsModel(), description="hard limits on what may be sent"
    )
    freshness: FreshnessModel = Field(default=FreshnessModel(), description="how old data may be")
    margin: Annotated[None, Later("the margin guard comes with a later version")] = None
    funding: Annotated[None, Later("the funding guard comes with a later version")] = None
    basis: Annotated[None, Later("the basis guard comes with a later version")] = None
    plausibility: Annotated[None, Later("the plausibility guard comes with a later version")] = None


class PortfolioModel(_Model):
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
    strategies: list[Strategy] = Field(default=[], description="what to do, in order of priority")
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
    cost_basis: Annotated[None, Later("gain targets come with a later version")] = None
    approve: Annotated[None, Later("approvals come with a later version")] = None


class RootModel(_Model):
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
    alerts: Annotated[None, Later("alerts go to the log; other ways come with a later version")] = (
        None
    )
    web: Annotated[None, Later("the web page comes with a later version")] = None
