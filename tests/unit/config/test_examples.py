"""The examples a user copies: each loads, and each is what its remarks say."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from counterpoise.config import Settings, load
from counterpoise.config.schema import json_schema
from tests.conftest import REPO

EXAMPLES = sorted(path.name for path in (REPO / "config").glob("*.yaml"))


def loaded(name: str, folder: Path) -> Settings:
    path = shutil.copy(REPO / "config" / name, folder)
    text = Path(path).read_text()
    for key, file in re.findall(r"\b(api_key|secret|password|url|token)_file: ([^\s,}]+)", text):
        secret = folder / file
        secret.parent.mkdir(exist_ok=True)
        made = {"url": "https://fake/url", "token": "123456789:AAF-fake_token"}
        secret.write_text(made.get(key, "fake-credential-of-a-test"))
        secret.chmod(0o600)
    code = "\n".join(line.partition("#")[0] for line in text.splitlines())
    env = {name: f"fake-{name}" for name in re.findall(r"\$\{(\w+)\}", code)}
    return load(path, env)


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_loads_without_a_warning(name: str, tmp_path: Path) -> None:
    settings = loaded(name, tmp_path)
    assert settings.portfolios
    assert settings.warnings == ()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_tells_an_editor_its_schema(name: str) -> None:
    first = (REPO / "config" / name).read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=schema.json"
    assert (REPO / "config" / "schema.json").is_file()


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_never_trades_real_money(name: str, tmp_path: Path) -> None:
    environments = {access.environment.value for access in loaded(name, tmp_path).venues.values()}
    assert "live" not in environments


#: Shapes outside strategies, whose keys docs/config.md and config/tactics.yaml show.
SHAPES = (
    "VenueModel", "PortfolioModel", "SleeveModel", "ExecutionModel", "ApproveModel", "GuardsModel", "LimitsModel",
    "DrawdownModel", "FreshnessModel", "MarginModel", "FundingModel", "BudgetModel", "BasisModel",
    "PlausibilityModel",
)  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_the_example_that_says_so_has_every_key(shape: str) -> None:
    text = (REPO / "config" / "binance-demo.yaml").read_text()
    assert "with every key this version has" in text
    keys = json_schema()["$defs"][shape]["properties"]
    assert [key for key in keys if not re.search(rf"\b{key}:", text)] == []


def test_there_are_examples() -> None:
    assert {"minimal.yaml", "local-testnet.yaml", "binance-demo.yaml"} <= set(EXAMPLES)
