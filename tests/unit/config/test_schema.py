from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from counterpoise.config import exchanges, units
from counterpoise.config.schema import json_schema
from counterpoise.domain.access import VenueAccess
from counterpoise.domain.policy import (
    ApprovePolicy,
    BasisPolicy,
    CarryBudget,
    ExecutionPolicy,
    FreshnessPolicy,
    LimitsPolicy,
)
from counterpoise.domain.strategy.conversion import ConvertPolicy
from counterpoise.domain.strategy.drift import SettlePolicy


def test_the_examples_carry_the_schema_of_this_version(repo: Path) -> None:
    carried = json.loads((repo / "config" / "schema.json").read_text())
    again = "scripts/describe-config"
    assert carried == json_schema(), f"expected the schema of this version; run {again}"


def objects(node: Any) -> list[dict[str, Any]]:
    found = [node] if isinstance(node, dict) and "properties" in node else []
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    return found + [one for child in children for one in objects(child)]


def test_every_key_is_described_and_no_other_is_allowed() -> None:
    for one in objects(json_schema()):
        assert one["additionalProperties"] is False
        for key, value in one["properties"].items():
            assert "description" in value or key == "kind"


def test_what_comes_later_is_not_offered() -> None:
    root, text = json_schema(), json.dumps(json_schema())
    assert set(root["properties"]) == {"store", "store_file", "venues", "portfolios", "alerts"}
    for later in ("x-not-yet", "paper"):
        assert later not in text


#: Keys that a policy calls otherwise.
NAMES = {"roll": "roll_before"}


@pytest.mark.parametrize(
    ("model", "policy"),
    [
        ("SettleModel", SettlePolicy()),
        ("DeriskConvertModel", ConvertPolicy()),
        ("ConvertExitModel", ConvertPolicy()),
        ("ApproveModel", ApprovePolicy()),
        ("FundingModel", CarryBudget()),
        ("BudgetModel", CarryBudget()),
        ("BasisModel", BasisPolicy()),
        ("ExecutionModel", ExecutionPolicy()),
        ("LimitsModel", LimitsPolicy()),
        ("FreshnessModel", FreshnessPolicy()),
        ("VenueModel", VenueAccess),
    ],
)
def test_a_told_default_is_the_policys(model: str, policy: Any) -> None:
    told = 0
    for key, value in json_schema()["$defs"][model]["properties"].items():
        match = re.search(r"default (\d[\w.%]*)", value["description"])
        if match is None:
            continue
        told += 1
        kept = (
            timedelta(seconds=30) if policy is VenueAccess else getattr(policy, NAMES.get(key, key))
        )
        if isinstance(kept, timedelta):
            assert units.duration(match[1]) == kept, key
        elif match[1].endswith("bps"):
            assert units.price_distance(match[1]) == kept, key
        elif match[1].endswith("%"):
            assert units.equity_multiple(match[1]) == kept, key
        else:
            assert units.positive(match[1]) == kept, key
    assert told > 0


def test_the_known_exchanges_are_those_of_ccxt() -> None:
    import ccxt

    assert set(ccxt.exchanges) == exchanges.KNOWN
    assert set(exchanges.SUPPORTED) <= exchanges.KNOWN
