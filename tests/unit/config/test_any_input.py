"""Whatever a file holds: it loads or it is refused with places; it never ends in another error."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from counterpoise.config import load, outline
from counterpoise.config.schema import json_schema
from counterpoise.domain.errors import ConfigError
from tests.conftest import REPO
from tests.unit.config.good import ENV, GOOD

WRITTEN = (
    "5|-1|1e999|5%|150%|5pp|7d|2026-03-01T08:00Z|always|x|''|[]|{}|[1]|{a: 1}|true|~|~x/y"
    "|${KEY}|'${KEY}'|*a|&a b|!!int x|'|#|: :|- -|0 BTC"
)
VALUES = st.sampled_from([*WRITTEN.split("|"), "\t", "é", "\u2028", r'"\0"', r'"\ud800"'])
TACTICS = (REPO / "config" / "tactics.yaml").read_text()
FILES = (
    GOOD,
    TACTICS.replace("${BINANCE_DEMO_KEY}", "${KEY}").replace("${BINANCE_DEMO_SECRET}", "${KEY}"),
)
#: Where a value can stand: after a colon or in a list.
PLACES = [(text, m.end()) for text in FILES for m in re.finditer(r"[:\[,] ?", text)]


def problems_of(path: Path) -> list[str]:
    try:
        load(path, ENV)
    except ConfigError as error:
        return error.problems
    return []


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(PLACES), length=st.integers(0, 25), value=VALUES)
@example(place=PLACES[0], length=10_000, value="")
def test_a_damaged_config_is_told_or_loads(
    tmp_path: Path, place: tuple[str, int], length: int, value: str
) -> None:
    (tmp_path / "secret").write_text("fake-secret-of-a-test")
    path = tmp_path / "c.yaml"
    text, start = place
    path.write_text(text[:start] + value + text[start + length :], encoding="utf-8")
    for problem in problems_of(path):
        assert re.match(re.escape(str(path)) + r":(\d+:\d+)? ", problem), problem
        assert "fake-" not in problem
    with contextlib.suppress(ConfigError):
        outline(path, ENV)


@pytest.mark.parametrize("content", [b"\x00", b"\xff\xfe", b"a: \x1b", b"%YAML 1.1\n---\na: yes"])
def test_no_bytes_end_in_another_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError):
        load(path, ENV)


#: Values that keys of strategies take, or might be thought to.
TAKEN = [
    "80000", "90000", "2900", "0.5", "1", "3", "20", "0", "5%",
    "50%", "100%", "150%", "30d", "7d", "90m", "1h", "4h", "1d",
    "mark", "last", "true", "false", "always", "manual", "BTC", "ETH", "SOL",
    "USDT", "core", "cash", "gradual", "at_once", "hedge", "close", "band", "never",
    "futures_first", "spot", "half", "short", "long", "2026-03-01T08:00Z",
    "2026-03-02T08:00Z", "'0 8 * * mon'", "take_profit", "convert",
]  # fmt: skip
SHAPES = json_schema()["$defs"]
NESTED = {
    "when": ["WhenModel"],
    "release": ["ReleaseModel"],
    "window": ["WindowModel"],
    "end": ["EndModel"],
    "tranches": ["TranchesModel"],
    "entry": ["EntryModel"],
    "confirm": ["ConfirmModel"],
    "commit": ["CommitModel"],
    "convert": ["DeriskConvertModel"],
    "exit": ["TakeProfitModel", "ConvertExitModel"],
    "settle": ["SettleModel"],
}
MODELS = {
    "hedge": "HedgeModel",
    "profit_ladder": "ProfitLadderModel",
    "scale_in": "ScaleInModel",
    "dip_buy": "DipBuyModel",
    "drift": "DriftModel",
    "derisk": "DeriskModel",
}


def test_the_generator_knows_every_shape_of_a_strategy() -> None:
    used = {*MODELS.values(), *(name for names in NESTED.values() for name in names), "TargetModel"}
    assert all(name in SHAPES for name in used)
    assert {kind: SHAPES[name]["properties"]["kind"]["const"] for kind, name in MODELS.items()} == {
        kind: kind for kind in MODELS
    }


def written(draw: st.DrawFn, name: str) -> str:
    """Some of the keys of a shape, mostly the needed ones, with values that may do."""
    shape, made = SHAPES[name], {}
    for key in shape["properties"]:
        likely = 9 if key in shape.get("required", ()) else 4
        if draw(st.integers(0, 9)) > likely:
            continue
        if key == "targets":
            made[key] = f"[{written(draw, 'TargetModel')}, {written(draw, 'TargetModel')}]"
        elif key in NESTED and draw(st.integers(0, 3)) > 0:
            made[key] = written(draw, draw(st.sampled_from(NESTED[key])))
        else:
            fixed = shape["properties"][key].get("const")
            made[key] = fixed or draw(st.sampled_from(TAKEN))
    return "{" + ", ".join(f"{key}: {value}" for key, value in made.items()) + "}"


@st.composite
def strategies_written(draw: st.DrawFn) -> str:
    return written(draw, draw(st.sampled_from(list(MODELS.values()))))


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=strategies_written())
def test_any_strategy_is_told_or_loads(tmp_path: Path, text: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("fake-secret-of-a-test")
    path = tmp_path / "c.yaml"
    path.write_text(GOOD.replace("{kind: hedge, id: half, asset: BTC, ratio: 50%}", text))
    for problem in problems_of(path):
        assert re.match(re.escape(str(path)) + r":\d+:\d+ ", problem), problem
