from __future__ import annotations

import base64
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.access import Secret
from counterpoise.domain.leaks import HIDDEN_WORDS, Leaks, secret_parts, spellings

VALUE = "s3ntinel+/=&of a:test_0123456789"


@pytest.mark.parametrize("before", ["", "u", "us", "user:", "bot:abc "])
@pytest.mark.parametrize("behind", ["", "!", "?!", "&more=1"])
def test_a_secret_is_found_in_base64_wherever_it_stands(before: str, behind: str) -> None:
    whole = f"{before}{VALUE}{behind}".encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        said = encode(whole).decode()
        assert any(one in said for one in spellings(VALUE))
        assert said in Leaks([Secret(VALUE)])


@pytest.mark.parametrize("write", [str, quote_plus, lambda v: quote(v, safe="")])
def test_six_characters_in_a_row_of_any_spelling_are_a_part_of_it(write: object) -> None:
    written = write(VALUE)  # type: ignore[operator]  # one of three functions
    leaks = Leaks([Secret(VALUE)])
    for n in range(len(written) - 5):
        assert f"so: {written[n : n + 6]}." in leaks
    assert f"so: {written[:5]}." not in leaks


def test_words_with_a_part_of_a_secret_are_not_shown() -> None:
    leaks = Leaks([Secret(VALUE)])
    assert leaks.words(f"refused {VALUE[:6]}...") == HIDDEN_WORDS
    assert leaks.words("s3\nntinel and s3ntin") == HIDDEN_WORDS
    assert leaks.words("not found\x1b[2J\nhere") == "not found [2J here"
    assert leaks.words("x " * 500).endswith("...")


def test_other_words_are_shown() -> None:
    leaks = Leaks([Secret("123456789:AAF-bot_token")])
    assert leaks.words("Bad Request: chat not found") == "Bad Request: chat not found"
    assert leaks.words("") == ""


@pytest.mark.parametrize(
    ("url", "found", "kept"),
    [
        ("mailto://me:hunter2@mail.example.org", {"hunter2"}, "mail.example.org"),
        ("mailto://me:a%40b%2Fc1@mail.example.org", {"a%40b%2Fc1", "a@b/c1"}, "me"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", {"T1JJ3T3L2", "A1BRTD4JD"}, "x"),
        ("https://h.example.org/services/t0kenoftest?k=abcd1234e", {"t0kenoftest"}, "services"),
        ("https://h.example.org/?k=abcd1234e", {"abcd1234e"}, "h.example.org"),
        ("json://127.0.0.1:8080/", set(), "127.0.0.1"),
        ("x://[broken/t0kenoftest", {"t0kenoftest"}, "broken"),
    ],
)
def test_the_secret_parts_of_an_address(url: str, found: set[str], kept: str) -> None:
    parts = {one.reveal() for one in secret_parts(url)}
    assert found <= parts
    assert kept not in parts


@given(st.text(alphabet="abc/+ %ä", max_size=12))
def test_no_spelling_is_so_short_that_it_hides_words(value: str) -> None:
    assert all(len(one) >= 6 for one in spellings(value))


ODD = "kJ7xQ2vN9bR4tZ8w"


@pytest.mark.parametrize("take", [6, 9, 16])
def test_parts_of_a_secret_are_blanked_out_of_somebody_elses_words(take: int) -> None:
    leaks = Leaks([Secret(ODD)])
    for n in range(len(ODD) - take + 1):
        part = ODD[n : n + take]
        assert leaks.masked(f"bad key {part}, ({part})") == "bad key ***, (***)"
    whole = base64.b64encode(f"user:{ODD}".encode()).decode()
    assert "***" in leaks.masked(f"Basic {whole} was refused")
    assert leaks.masked(f"Basic {whole} was refused") not in leaks
    assert leaks.masked("-1021 Timestamp for this request") == "-1021 Timestamp for this request"


def test_a_sentence_of_ours_keeps_its_words_numbers_and_ids() -> None:
    weak = [Secret("counterpoise"), Secret("98417263"), Secret("CANCEL_ONLY_MAIN"), Secret(ODD)]
    leaks = Leaks(weak)
    said = f"`counterpoise approve {ODD[:8]}`: sold 98417263.5 at main, CANCEL_ONLY now"
    assert leaks.cleaned(said) == said
    assert leaks.cleaned(f"{ODD[:9]}, {quote(ODD)} and {ODD}{ODD}") == "***, *** and ******"
    assert leaks.cleaned("is CANCEL_ONLY_MAIN") == "is ***"


@given(st.text(max_size=40), st.text(max_size=40))
def test_nothing_of_a_secret_is_left_and_nothing_else_is_lost(before: str, behind: str) -> None:
    leaks = Leaks([Secret(ODD)])
    told = leaks.masked(f"{before} {ODD} {behind}")
    assert told not in leaks
    assert told == f"{leaks.masked(before)} *** {leaks.masked(behind)}"
