from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.templates import template

VALUES = {"asset": "BTC", "qty": "0.25", "nasty": "{qty} {{ <b> }"}


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{asset}: {qty}", "BTC: 0.25"),
        ("no names", "no names"),
        ("{{{asset}}} {{asset}}", "{BTC} {asset}"),
        ("{nasty}", "{qty} {{ <b> }"),
        ("{asset}{asset}\n%s $asset \\", "BTCBTC\n%s $asset \\"),
    ],
)
def test_names_are_filled_in_once_and_nothing_else_is_read(written: str, told: str) -> None:
    assert template(written).fill(VALUES) == told


@pytest.mark.parametrize(
    "written",
    [
        "{", "}", "{asset", "asset}", "{}", "{0}", "{asset.__class__}", "{asset[0]}", "{asset!r}", "{asset:>999999999}",
        "{ asset }", "{Asset}", "{asset}}", "{{asset}", "{a{b}}", "{_x}",
    ],
)  # fmt: skip
def test_anything_but_names_and_doubled_braces_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="plain name"):
        template(written)


def test_a_missing_value_fills_nothing() -> None:
    assert template("{asset} {price}").fill(VALUES) is None
    assert template("{asset} {price}").names == ("asset", "price")


@given(st.text())
def test_any_text_is_a_template_or_refused_and_comes_back_as_it_is_with_braces_doubled(
    written: str,
) -> None:
    doubled = written.replace("{", "{{").replace("}", "}}")
    assert template(doubled).fill({}) == written
    try:
        made = template(written)
    except ValueError:
        return
    values = dict.fromkeys(made.names, "x" * 10)
    filled = made.fill(values)
    assert filled is not None
    assert len(filled) <= 10 * len(written)
