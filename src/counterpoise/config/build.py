"""From a checked shape to domain policies. What was not written keeps the policy's own default."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from counterpoise.config.models import (
    DriftModel,
    HedgeModel,
    PortfolioModel,
    SleeveModel,
    VenueModel,
)
from counterpoise.config.units import Money
from counterpoise.domain.access import Secret, VenueAccess
from counterpoise.domain.numbers import ONE
from counterpoise.domain.policy import (
    Band,
    ExecutionPolicy,
    FreshnessPolicy,
    LimitsPolicy,
    PortfolioPolicy,
    Sleeve,
)
from counterpoise.domain.strategy import DriftPolicy, HedgePolicy, StrategyPolicy


def access(
    name: str, model: VenueModel, api_key: Secret, secret: Secret, password: Secret | None
) -> VenueAccess:
    """Return how the venue ``name`` is reached."""
    made = VenueAccess(
        id=name,
        exchange=model.exchange,
        environment=model.environment,
        api_key=api_key,
        secret=secret,
        password=password,
        url=model.url,
        venue_clock=model.clock == "venue",
    )
    return made if model.poll is None else replace(made, poll=model.poll)


def portfolio(name: str, model: PortfolioModel, existing: dict[str, str]) -> PortfolioPolicy:
    """Return the policy of the portfolio ``name``; ``existing`` is that of every venue of the file."""
    return PortfolioPolicy(
        id=name,
        venues=tuple(model.venues),
        quote=model.quote,
        sleeves=tuple(_sleeve(key, sleeve) for key, sleeve in model.sleeves.items()),
        strategies=tuple(_strategy(strategy) for strategy in model.strategies),
        holdings=dict(model.holdings),
        execution=_execution(model),
        limits=_limits(model),
        freshness=_freshness(model),
        allow_net_short=model.allow_net_short,
        existing={venue: existing[venue] for venue in model.venues},
        retire=dict(model.retire),
    )


def _sleeve(name: str, model: SleeveModel) -> Sleeve:
    """Without a band a sleeve is never corrected; the checks ask for one where drift could."""
    return Sleeve(
        id=name,
        weight=model.weight,
        assets=dict(model.assets),
        band=model.band if model.band is not None else Band(size=ONE),
        inner=model.inner,
    )


def _strategy(model: DriftModel | HedgeModel) -> StrategyPolicy:
    if isinstance(model, DriftModel):
        return DriftPolicy(id=model.id, trade_to=model.trade_to, legs=model.legs)
    return HedgePolicy(id=model.id, asset=model.asset, ratio=model.ratio, qty=model.qty)


def _execution(model: PortfolioModel) -> ExecutionPolicy:
    written, default = model.execution, ExecutionPolicy()
    return ExecutionPolicy(
        rungs=default.rungs if written.rungs is None else written.rungs,
        spacing=default.spacing if written.spacing is None else written.spacing,
        patience=default.patience if written.patience is None else written.patience,
        max_slippage=(
            default.max_slippage if written.max_slippage is None else written.max_slippage
        ),
        cancel_on_stop=written.on_stop == "cancel",
    )


def _limits(model: PortfolioModel) -> LimitsPolicy:
    written = model.guards.limits
    made = LimitsPolicy(
        max_order_notional=_value(written.max_order_notional),
        max_position_notional=_value(written.max_position_notional),
    )
    if written.max_turnover_24h is not None:
        made = replace(made, max_turnover_24h=written.max_turnover_24h)
    if written.max_leverage is not None:
        made = replace(made, max_leverage=written.max_leverage)
    if written.max_orders_per_minute is not None:
        made = replace(made, max_orders_per_minute=written.max_orders_per_minute)
    if written.max_open_orders is not None:
        made = replace(made, max_open_orders=written.max_open_orders)
    if written.price_collar is not None:
        made = replace(made, price_collar=written.price_collar)
    if written.min_equity is not None:
        made = replace(made, min_equity=written.min_equity.value)
    return made


def _freshness(model: PortfolioModel) -> FreshnessPolicy:
    written, made = model.guards.freshness, FreshnessPolicy()
    if written.max_quote_age is not None:
        made = replace(made, max_quote_age=written.max_quote_age)
    if written.max_account_age is not None:
        made = replace(made, max_account_age=written.max_account_age)
    return made


def _value(money: Money | None) -> Decimal | None:
    return None if money is None else money.value
