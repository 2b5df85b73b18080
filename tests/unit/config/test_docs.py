"""``docs/config.md``: its tables are those of this version, and what it shows can be used as it stands."""

from __future__ import annotations

import re
import textwrap

import pytest

from counterpoise.config.reference import markdown
from counterpoise.config.schema import json_schema
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import BasisPolicy, CarryBudget, Spent
from counterpoise.domain.strategy import PRIORITY
from tests.conftest import REPO
from tests.unit.config.good import Load

DOCS = REPO / "docs" / "config.md"
MARK = "<!-- what follows is printed by: counterpoise schema --markdown -->\n\n"
SHOWN = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
STRATEGIES = [text for text in SHOWN if text.startswith("- ")]
GUARDS = [text for text in SHOWN if text.startswith("guards:")]


def test_the_tables_are_those_of_this_version() -> None:
    _, mark, tables = DOCS.read_text(encoding="utf-8").partition(MARK)
    assert mark
    assert tables == markdown(), "expected the keys of this version; run scripts/describe-config"


def test_every_key_stands_in_a_table() -> None:
    tables = markdown()
    for name, shape in json_schema()["$defs"].items():
        for key in shape.get("properties", ()):
            assert f"`{key}`" in tables, f"{name}.{key}"


@pytest.mark.parametrize("text", STRATEGIES)
def test_a_strategy_that_is_shown_is_sound(text: str, loaded: Load) -> None:
    settings = loaded(
        (
            "      - {kind: hedge, id: half, asset: BTC, ratio: 50%}\n",
            textwrap.indent(text, " " * 6),
        ),
        ("      - {kind: drift, id: keep-shape}\n", ""),
        ("    quote: USDT\n", "    quote: USDT\n    cost_basis: {BTC: 60000}\n"),
    )
    assert len(settings.portfolios[0].strategies) == text.count("kind:")
    assert settings.warnings == ()


def test_every_kind_is_shown() -> None:
    shown = set(re.findall(r"kind: (\w+)", "".join(STRATEGIES)))
    assert shown == set(PRIORITY)
    assert len(SHOWN) == len(STRATEGIES) + len(GUARDS) + 1


@pytest.mark.parametrize("text", GUARDS)
def test_a_guard_that_is_shown_is_sound(text: str, loaded: Load) -> None:
    settings = loaded(
        (
            "    guards:\n",
            textwrap.indent(text, " " * 4).replace("crash-brake", "half"),
        )
    )
    (portfolio,) = settings.portfolios
    assert portfolio.funding is not None
    assert portfolio.funding.of("half") == CarryBudget(max_carry=dec("0.4"), then=Spent.REDUCE)
    assert portfolio.funding.of("keep-shape") == CarryBudget()
    assert portfolio.basis == BasisPolicy(max_zscore=dec(4))
