"""The key ``approve`` of a portfolio: what a person is asked about before it is traded."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import Discriminator, Field, PlainValidator, Tag, WithJsonSchema

from counterpoise.config import units
from counterpoise.config.draft import PortfolioDraft
from counterpoise.config.fields import ENV, Duration
from counterpoise.config.problems import spelled
from counterpoise.config.reading import Document
from counterpoise.config.section import Section, soft
from counterpoise.config.shape import Shape, given, word_or_mapping
from counterpoise.config.units import Expected, Money
from counterpoise.domain.numbers import ZERO
from counterpoise.domain.policy import ApprovePolicy

_ALWAYS, _ABOVE = "always", "above"


def plans(value: object) -> Money | str:
    """Return ``always``, or the amount of ``above 10000 USDT``."""
    expected = "always, or an amount such as above 10000 USDT"
    if not isinstance(value, str):
        raise Expected(expected)
    word, _, amount = value.strip().partition(" ")
    if word == _ALWAYS and not amount:
        return _ALWAYS
    if word != _ABOVE:
        raise Expected(expected)
    try:
        return units.money(amount)
    except Expected as error:
        raise Expected(expected, error.hint) from None


Plans = Annotated[
    Money | str,
    PlainValidator(plans),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": rf"^(always|above\s+[0-9.]+\s*[A-Z0-9._-]+|{ENV})$",
            "examples": ["always", "above 10000 USDT"],
        }
    ),
]


class ApproveModel(Shape):
    """What a person is asked about first."""

    plans: Plans | None = Field(
        default=None,
        description="which futures that open, grow or change sides wait for a yes: always, or above 10000 USDT",
    )
    deposits: bool = Field(
        default=False,
        strict=True,
        description="true: ask before a hedge grows because coins were deposited; default false",
    )
    deadline: Duration | None = Field(
        default=None, description="an answer that has not come by then is no; default 4h"
    )


Approve = Annotated[
    Annotated[ApproveModel, Tag("mapping")] | Annotated[Plans, Tag("word")],
    Discriminator(word_or_mapping),
]


def check_approve(document: Document, portfolio: PortfolioDraft, warnings: list[str]) -> None:
    """Complain of an amount that is not in the portfolio's quote, and warn of what is traded without asking."""
    for keys in (("approve",), ("approve", "plans")):
        path = (*portfolio.path, *keys)
        asked = soft(plans, document.find(path))
        if isinstance(asked, Money) and portfolio.quote not in {None, asked.asset}:
            document.complain(path, f"above an amount in the portfolio's quote, {portfolio.quote}")
        if asked is not None:
            _warn_of_coins(document, portfolio, warnings)


def _warn_of_coins(document: Document, portfolio: PortfolioDraft, warnings: list[str]) -> None:
    """Coins are asked about by their own key, ``on_command``: say where a strategy trades them by itself."""
    for strategy in portfolio.strategies:
        section = Section(document=document, path=strategy.path)
        key = "exit" if strategy.kind == "dip_buy" else "convert"
        triggers = section.at(key).written("at", "above", "below")
        takes = section.word("exit", "mode") == "convert" and not section.is_true(key, "on_command")
        settles = section.word("settle", "mode") not in {None, "never"}
        node = document.find((*strategy.path, "settle" if settles else key))
        if node is not None and ((strategy.kind == "derisk" and triggers) or takes or settles):
            named = f"{spelled(strategy.path)}: this trades coins by itself"
            told = f"{named}, and approve asks about futures only"
            warnings.append(document.problems.located(node.place, told))


def approving(model: ApproveModel | Money | str) -> ApprovePolicy:
    """Return what the key comes to."""
    if not isinstance(model, ApproveModel):
        return ApprovePolicy(plans=_least(model))
    return ApprovePolicy(
        plans=_least(model.plans), deposits=model.deposits, **given(deadline=model.deadline)
    )


def _least(asked: Money | str | None) -> Decimal | None:
    if asked is None:
        return None
    return asked.value if isinstance(asked, Money) else ZERO
