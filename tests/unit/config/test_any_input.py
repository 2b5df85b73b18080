"""Whatever a file holds: it loads or it is refused with places; it never ends in another error."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from counterpoise.config import load, outline
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
