"""From a checked shape to domain policies. What was not written keeps the policy's own default."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from counterpoise.config import strategies
from counterpoise.config.approving import approving
from counterpoise.config.models import (
    BudgetModel,
    LimitsModel,
    PortfolioModel,
    SleeveModel,
    VenueModel,
)
from counterpoise.config.shape import given
from counterpoise.config.units import Money
from counterpoise.domain.access import Secret, VenueAccess
from counterpoise.domain.numbers import ONE
from counterpoise.domain.policy import (
    Band,
    BasisPolicy,
    CarryBudget,
    DrawdownPolicy,
    ExecutionPolicy,
    FreshnessPolicy,
    FundingPolicy,
    LimitsPolicy,
    MarginPolicy,
    PlausibilityPolicy,
    PortfolioPolicy,
    Sleeve,
)


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
        allow_withdraw_key=model.allow_withdraw_key,
        dead_man=model.dead_man,
    )
    return made if model.poll is None else replace(made, poll=model.poll)


def portfolio(name: str, model: PortfolioModel, existing: dict[str, str]) -> PortfolioPolicy:
    """Return the policy of the portfolio ``name``; ``existing`` is that of every venue of the file."""
    sleeves = tuple(_sleeve(key, sleeve) for key, sleeve in model.sleeves.items())
    return PortfolioPolicy(
        id=name,
        venues=tuple(model.venues),
        quote=model.quote,
        sleeves=sleeves,
        strategies=tuple(
            strategies.policy(strategy, sleeves, model.quote, model.cost_basis)
            for strategy in model.strategies
        ),
        holdings=dict(model.holdings),
        execution=_execution(model),
        limits=_limits(model),
        freshness=_freshness(model),
        margin=_margin(model),
        funding=_funding(model),
        basis=_basis(model),
        plausibility=_plausibility(model),
        allow_net_short=model.allow_net_short,
        existing={venue: existing[venue] for venue in model.venues},
        retire=dict(model.retire),
        approve=approving(model.approve),
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


def _execution(model: PortfolioModel) -> ExecutionPolicy:
    written = model.execution
    return ExecutionPolicy(
        cancel_on_stop=written.on_stop == "cancel",
        **given(
            ladder=written.ladder,
            rungs=written.rungs,
            spacing=written.spacing,
            patience=written.patience,
            every=written.every,
            follow=written.follow,
            max_slippage=written.max_slippage,
            contract=written.contract,
            horizon=written.horizon,
            fee=written.fee,
            roll_before=written.roll,
            min_volume_24h=_value(written.min_volume_24h),
        ),
    )


def _limits(model: PortfolioModel) -> LimitsPolicy:
    written = model.guards.limits
    return LimitsPolicy(
        **given(
            max_order_notional=_value(written.max_order_notional),
            max_position_notional=_value(written.max_position_notional),
            max_turnover_24h=written.max_turnover_24h,
            max_leverage=written.max_leverage,
            max_orders_per_minute=written.max_orders_per_minute,
            max_open_orders=written.max_open_orders,
            price_collar=written.price_collar,
            min_equity=_value(written.min_equity),
            max_gross_exposure=written.max_gross_exposure,
            max_net_exposure=written.max_net_exposure,
            max_orders_per_day=written.max_orders_per_day,
            max_rejects=written.max_rejects,
        ),
        max_position=dict(written.max_position),
        drawdown=_drawdown(written),
    )


def _drawdown(written: LimitsModel) -> DrawdownPolicy | None:
    tiers = written.drawdown
    if tiers is None:
        return None
    return DrawdownPolicy(
        slow=tiers.slow,
        reduce_only=tiers.reduce_only,
        cancel_only=tiers.cancel_only,
        window=written.drawdown_window,
    )


def _margin(model: PortfolioModel) -> MarginPolicy | None:
    written = model.guards.margin
    if not written.act:
        return None
    return MarginPolicy(
        may_sell=tuple(written.guard_may_sell),
        transfers=written.transfers,
        **given(
            survive=written.survive,
            warn=written.warn,
            top_up=written.top_up,
            stop_adding=written.stop_adding,
            reduce=written.reduce,
            flatten=written.flatten,
            keep_buffer=_value(written.keep_buffer),
            max_top_up_24h=_value(written.max_top_up_24h),
            sweep_after=written.sweep_after,
            max_slippage=written.max_slippage,
            on_change=written.on_change,
        ),
    )


def _funding(model: PortfolioModel) -> FundingPolicy | None:
    written = model.guards.funding
    if not written.act:
        return None
    budget = _budget(CarryBudget(), written)
    return FundingPolicy(
        budget=budget,
        strategies={name: _budget(budget, own) for name, own in written.strategies.items()},
    )


def _budget(usual: CarryBudget, written: BudgetModel) -> CarryBudget:
    """What a strategy's own budget does not say is as for all."""
    return replace(
        usual,
        **given(
            max_carry=written.max_carry,
            max_cost=written.max_cost,
            over=written.over,
            then=written.then,
        ),
    )


def _basis(model: PortfolioModel) -> BasisPolicy | None:
    written = model.guards.basis
    if not written.act:
        return None
    return BasisPolicy(
        **given(
            max_basis=written.max_basis,
            max_zscore=written.max_zscore,
            window=written.window,
            interval=written.interval,
            delay=written.delay,
            allow_cross=written.allow_cross,
            min_correlation=written.min_correlation,
            max_residual=written.max_residual,
        )
    )


def _freshness(model: PortfolioModel) -> FreshnessPolicy:
    written = model.guards.freshness
    return FreshnessPolicy(
        **given(max_quote_age=written.max_quote_age, max_account_age=written.max_account_age)
    )


def _plausibility(model: PortfolioModel) -> PlausibilityPolicy:
    written = model.guards.plausibility
    return PlausibilityPolicy(
        **given(
            max_disagreement=written.max_disagreement,
            max_jump=written.max_jump,
            stuck_after=written.stuck_after,
            max_depeg=written.max_depeg,
            on_foreign_change=written.on_foreign_change,
        )
    )


def _value(money: Money | None) -> Decimal | None:
    return None if money is None else money.value
