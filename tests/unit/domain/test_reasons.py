from __future__ import annotations

import ast
from pathlib import Path

import pytest

from counterpoise.domain.reasons import SENTENCES, reason, shown_span


def test_a_reason_is_a_code_and_its_numbers_and_one_sentence() -> None:
    why = reason("stale", what="account of main", age="61 s", limit="60 s")
    assert (why.code, why.numbers["age"]) == ("stale", "61 s")
    assert why.text == "account of main is 1m 1s old, more than 1m"


def test_programs_read_fractions_and_people_read_percent() -> None:
    why = reason("hedge_ratio", ratio="0.5", held="0.7", asset="BTC", overlay="-0.35")
    assert why.numbers["ratio"] == "0.5"
    assert why.text == "hedge 50 % of 0.7 BTC: hold -0.35 in futures"


def test_a_code_without_a_sentence_fails_where_it_is_made() -> None:
    with pytest.raises(KeyError):
        reason("because")


def test_a_forgotten_number_fails_where_it_was_forgotten() -> None:
    with pytest.raises(KeyError, match="limit"):
        reason("stale", what="account of main", age="61 s")


def codes_in(source: str) -> set[str]:
    """Codes of every ``reason("...")`` in ``source``."""
    return {
        node.args[0].value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "reason"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


def test_every_reason_of_the_pure_core_has_a_sentence(repo: Path) -> None:
    package = repo / "src/counterpoise"
    used = {
        code
        for room in ("decide", "plan")
        for path in sorted((package / room).rglob("*.py"))
        for code in codes_in(path.read_text())
    }
    assert len(used) > 15
    assert used <= set(SENTENCES)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (59, "59s"),
        (60, "1m"),
        (5400, "1h 30m"),
        (14400, "4h"),
        (604778, "7d"),
        (604800, "7d"),
        (100_000, "1d 4h"),
    ],
)
def test_a_span_is_told_in_at_most_two_units(seconds: int, shown: str) -> None:
    assert shown_span(seconds) == shown


def test_numbers_are_told_with_eight_digits_and_kept_whole() -> None:
    why = reason("hedge_qty", qty="0.123456789123", asset="BTC", overlay="-123456789.123")
    assert why.text == "hedge a fixed 0.12345679 BTC: hold -123456789 in futures"
    assert why.numbers["qty"] == "0.123456789123"
