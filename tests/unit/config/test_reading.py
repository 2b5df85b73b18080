from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from counterpoise.config.problems import Place
from counterpoise.config.reading import parse, plain, read
from counterpoise.domain.errors import ConfigError


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("0.1", Decimal("0.1")),
        ("0.1234567890123456789012345678901", Decimal("0.1234567890123456789012345678901")),
        ("1e3", Decimal("1e3")),
        (".5", Decimal("0.5")),
        ("'5'", "5"),
        ('"true"', "true"),
        ("true", True),
        ("~", None),
        ("", None),
        # not what YAML 1.1 makes of them
        ("yes", "yes"),
        ("NO", "NO"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("2025-01-01", "2025-01-01"),
        ("12:30", "12:30"),
        ("!!str 5", "5"),
    ],
)
def test_a_scalar_is_what_it_looks_like(written: str, meant: object) -> None:
    read_back = plain(parse(f"key: {written}", Path("c.yaml")).root)["key"]
    assert (type(read_back), read_back) == (type(meant), meant)


def test_everything_knows_its_place() -> None:
    document = parse("a:\n  - b: {c: 5pp}\n", Path("c.yaml"))
    node = document.find(("a", 0, "b", "c"))
    assert node is not None
    assert (node.place, node.key) == (Place(line=2, column=12), Place(line=2, column=9))
    assert document.find(("a", 1)) is None
    assert document.find(("a", "b")) is None


ALIAS = (
    "expected a value, was an alias (*) of nothing; put a text that begins with * in quotes:"
    " '*/15 * * * *'"
)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a: [1", "c.yaml:1:6 expected ',' or ']' for the [ opened at 1:4, was the end of the file"),
        ("a: 1\n\tb: 2", "c.yaml:2:1 expected spaces, was a tab; use spaces for indentation, not tabs"),
        ("a: 1\n---\nb: 2", ("c.yaml:2:1 expected YAML, was not: but found another document"
         " (expected a single document in the stream)")),
        ("a: *b", f"c.yaml:1:4 {ALIAS}"),
        ("a: */15 8 * * *", f"c.yaml:1:4 {ALIAS}"),
        ("a: * 8 * * mon", f"c.yaml:1:4 {ALIAS}"),
        ("a: {b: ${NAME}}", ("c.yaml:1:9 expected ',' or '}' for the { opened at 1:4, was '{';"
         " inside { } and [ ] put ${NAME} in quotes")),
        ("a:\n    b: 1\n  c: 2", ("c.yaml:3:3 expected 'c' to stand as far in as the keys it belongs to,"
         " was 2 spaces in; 'b' on line 2 before it is 4 spaces in")),
        ("a: 1\n # why\n b: 2", ("c.yaml:3:2 expected 'b' to stand as far in as the keys it belongs to,"
         " was 1 space in; 'a' on line 1 before it is 0 spaces in")),
        ("a:\n  - b: 1\n   c: 2", ("c.yaml:3:4 expected 'c' to stand as far in as the keys it belongs to,"
         " was 3 spaces in; 'b' on line 2 before it is 4 spaces in")),
        ("a\nb: 1", "c.yaml:2:1 expected 'key: value' on the line before (1) too, was no key there"),
        ("a: b: c", ("c.yaml:1:5 expected one value, was another ':';"
         " put a text with ': ' in it in quotes")),
        ("a: 'x' y", ("c.yaml:1:8 expected the end of the value, was more text;"
         " put the whole value in quotes")),
        ("a: {b: 1\nc: 2", "c.yaml:2:2 expected ',' or '}' for the { opened at 1:4, was ':'"),
        ("a: 1\nb: 'x\nc: 2", "c.yaml:2:4 expected a closing ', was none; close the quote that begins here"),
        ("", ("c.yaml:1:1 expected a mapping with the keys store, venues and portfolios,"
         " was an empty file")),
        ("[1]", ("c.yaml:1:1 expected a mapping with the keys store, venues and portfolios,"
         " was a list")),
        ("a: \x00", "c.yaml: expected YAML text, was special characters are not allowed"),
        ("&a [*a]", "c.yaml:1:1 [0]: expected a file without endless aliases, was an alias of itself"),
    ],
)  # fmt: skip
def test_what_is_no_config_file_is_told(content: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse(content, Path("c.yaml"))
    assert error.value.problems == [told]


def test_aliases_that_unfold_without_end_are_stopped() -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for this, last in zip("bcdefgh", "abcdefg", strict=True):
        bomb += f"{this}: &{this} [{', '.join([f'*{last}'] * 10)}]\n"
    with pytest.raises(ConfigError, match="was more than 50000 values"):
        parse(bomb, Path("c.yaml"))


def test_a_tag_makes_no_object() -> None:
    document = parse("a: !!python/object:os.system x", Path("c.yaml"))
    assert document.problems.lines == [
        (
            "c.yaml:1:4 a: expected a plain value, was the tag"
            " tag:yaml.org,2002:python/object:os.system"
        )
    ]


def test_every_duplicate_key_is_told() -> None:
    document = parse("a: 1\nb: {c: 1, c: 2}\na: 2\n", Path("c.yaml"))
    assert document.problems.lines == [
        "c.yaml:2:11 b.c: expected each key once (first on line 2), was 'c' again",
        "c.yaml:3:1 a: expected each key once (first on line 1), was 'a' again",
    ]


def test_a_key_is_plain_text() -> None:
    document = parse("a: {[1]: 2}", Path("c.yaml"))
    assert document.problems.lines == [
        "c.yaml:1:5 a: expected a key that is a plain text, was a list or mapping"
    ]


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    with pytest.raises(ConfigError) as error:
        read(path)
    assert error.value.problems == [
        (
            f"{path}: expected a config file, was missing; write one, or name yours with -c FILE"
            " or $COUNTERPOISE_CONFIG"
        )
    ]


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="was a folder; name the file in it"):
        read(tmp_path)


def test_a_file_in_another_encoding_is_told(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes("store: grün".encode("latin-1"))
    with pytest.raises(ConfigError, match="was not UTF-8 at byte 9; save it as UTF-8"):
        read(path)
