"""``docs/config.md``: its tables are those of this version, and what it shows can be used as it stands."""

from __future__ import annotations

import re
import textwrap
from datetime import timedelta

import pytest

from counterpoise.config.reference import markdown
from counterpoise.config.schema import json_schema
from counterpoise.domain.numbers import dec
from counterpoise.domain.policy import BasisPolicy, CarryBudget, DrawdownPolicy, Spent
from counterpoise.domain.strategy import PRIORITY
from tests.conftest import REPO
from tests.unit.config.good import Load

DOCS = REPO / "docs" / "config.md"
MARK = "<!-- what follows is printed by: counterpoise schema --markdown -->\n\n"
SHOWN = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
STRATEGIES = [text for text in SHOWN if text.startswith("- ")]
EXECUTIONS = [text for text in SHOWN if text.startswith("execution:")]
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
    assert len(SHOWN) == len(STRATEGIES) + len(GUARDS) + len(EXECUTIONS) + 1


@pytest.mark.parametrize("text", EXECUTIONS)
def test_an_execution_that_is_shown_is_sound(text: str, loaded: Load) -> None:
    settings = loaded(("    execution: {rungs: 4, spacing: 5bps, patience: 2m}\n", f"    {text}"))
    assert f"ladder: {settings.portfolios[0].execution.ladder}" in text
    assert settings.warnings == ()


def test_the_page_on_guards_shows_sound_configs(loaded: Load) -> None:
    page = (REPO / "docs" / "guards.md").read_text(encoding="utf-8")
    shown = re.findall(r"```yaml\n(guards:.*?)```", page, re.DOTALL)
    assert len(shown) == 4
    whole = "    guards:\n      limits: {max_order_notional: 25000 USDT}\n"
    for text in shown:
        assert loaded((whole, textwrap.indent(text, " " * 4))).warnings == ()
    (cross,) = re.findall(r"```yaml\n(- .*?)```", page, re.DOTALL)
    allowed = next(text for text in shown if "allow_cross" in text)
    half = "      - {kind: hedge, id: half, asset: BTC, ratio: 50%}\n"
    made = loaded(
        (whole, textwrap.indent(allowed, " " * 4)), (half, textwrap.indent(cross, " " * 6))
    )
    assert made.portfolios[0].strategies[1].id == "sol-by-eth"


def test_guards_that_are_shown_are_sound(loaded: Load) -> None:
    policies = {}
    for text in GUARDS:
        written = textwrap.indent(text, " " * 4).replace("crash-brake", "half")
        whole = "    guards:\n      limits: {max_order_notional: 25000 USDT}\n"
        (policies[text.split()[1]],) = loaded((whole, written)).portfolios
    carry = policies["funding:"]
    assert carry.funding is not None
    assert carry.funding.of("half") == CarryBudget(max_carry=dec("0.4"), then=Spent.REDUCE)
    assert carry.funding.of("keep-shape") == CarryBudget()
    assert carry.basis == BasisPolicy(max_zscore=dec(4))
    limits = policies["limits:"].limits
    assert limits.max_position == {"BTC": dec(2)}
    assert limits.max_net_exposure == 1
    assert limits.drawdown == DrawdownPolicy(
        slow=dec("0.1"),
        reduce_only=dec("0.2"),
        cancel_only=dec("0.3"),
        window=timedelta(days=30),
    )
