"""What a file may say about strategies, one module per kind: its shape, what must fit, and the policy it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from counterpoise.config.draft import PortfolioDraft
from counterpoise.config.section import Section
from counterpoise.config.strategies import derisk, dip_buy, drift, hedge, profit_ladder, scale_in
from counterpoise.domain.policy import Sleeve
from counterpoise.domain.strategy import StrategyPolicy

StrategyModel = (
    hedge.HedgeModel
    | profit_ladder.ProfitLadderModel
    | scale_in.ScaleInModel
    | dip_buy.DipBuyModel
    | drift.DriftModel
    | derisk.DeriskModel
)
Strategy = Annotated[StrategyModel, Field(discriminator="kind")]


def check(strategy: Section, kind: str | None, portfolio: PortfolioDraft) -> None:
    """Complain of what one strategy cannot mean; a kind nobody knows is the shape check's matter."""
    if kind == "hedge":
        hedge.check(strategy, portfolio)
    elif kind == "profit_ladder":
        profit_ladder.check(strategy, portfolio)
    elif kind == "scale_in":
        scale_in.check(strategy)
    elif kind == "dip_buy":
        dip_buy.check(strategy)
    elif kind == "drift":
        drift.check(strategy)
    elif kind == "derisk":
        derisk.check(strategy, portfolio)


def policy(
    model: StrategyModel, sleeves: tuple[Sleeve, ...], quote: str, cost_basis: Mapping[str, Decimal]
) -> StrategyPolicy:
    """Return what a strategy of the portfolio with ``sleeves`` and ``quote`` is asked for."""
    if isinstance(model, hedge.HedgeModel):
        return hedge.policy(model)
    if isinstance(model, profit_ladder.ProfitLadderModel):
        return profit_ladder.policy(model, cost_basis)
    if isinstance(model, scale_in.ScaleInModel):
        return scale_in.policy(model)
    if isinstance(model, dip_buy.DipBuyModel):
        return dip_buy.policy(model)
    if isinstance(model, drift.DriftModel):
        return drift.policy(model)
    return derisk.policy(model, sleeves, quote)
