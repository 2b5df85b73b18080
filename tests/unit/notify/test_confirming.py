from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from counterpoise.domain.control import Answer, Weighed, Word
from counterpoise.domain.operator import CommandKind
from counterpoise.notify.confirming import Confirmations

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def weighed(kind: CommandKind) -> Weighed:
    return Weighed(
        word=Word(kind=kind, about="p"),
        answer=Answer(head=kind.value),
        changes=True,
        needs_yes=True,
        basis="RUN",
    )


FLATTEN, RESUME = weighed(CommandKind.FLATTEN), weighed(CommandKind.RESUME)


@pytest.fixture
def codes() -> Confirmations:
    numbers = count(111_111)
    return Confirmations(timedelta(minutes=2), lambda: f"{next(numbers):06}")


def test_a_code_stands_for_its_word_once(codes: Confirmations) -> None:
    code = codes.ask(1, 2, FLATTEN, NOW)
    assert codes.take(1, 2, code, NOW + timedelta(seconds=119)) == FLATTEN
    assert "nothing of yours waits" in str(codes.take(1, 2, code, NOW))


def test_it_expires(codes: Confirmations) -> None:
    code = codes.ask(1, 2, FLATTEN, NOW)
    assert "expired" in str(codes.take(1, 2, code, NOW + timedelta(minutes=2)))
    assert "nothing" in str(codes.take(1, 2, code, NOW))


@pytest.mark.parametrize(("chat", "user"), [(1, 3), (9, 2)])
def test_it_holds_for_that_person_in_that_chat(codes: Confirmations, chat: int, user: int) -> None:
    code = codes.ask(1, 2, FLATTEN, NOW)
    assert isinstance(codes.take(chat, user, code, NOW), str)
    assert codes.take(1, 2, code, NOW) == FLATTEN, "another's try does not use it up"


def test_a_new_word_takes_the_place_of_the_older(codes: Confirmations) -> None:
    old = codes.ask(1, 2, FLATTEN, NOW)
    new = codes.ask(1, 2, RESUME, NOW)
    assert isinstance(codes.take(1, 2, old, NOW), str)
    assert codes.take(1, 2, new, NOW) == RESUME


def test_the_third_wrong_code_ends_it(codes: Confirmations) -> None:
    code = codes.ask(1, 2, FLATTEN, NOW)
    told = [str(codes.take(1, 2, "999999", NOW)) for _ in range(3)]
    assert "third" in told[-1]
    assert isinstance(codes.take(1, 2, code, NOW), str)


def test_it_expires_where_the_clock_was_set_back(codes: Confirmations) -> None:
    code = codes.ask(1, 2, FLATTEN, NOW)
    assert "expired" in str(codes.take(1, 2, code, NOW - timedelta(hours=1)))
    assert "nothing" in str(codes.take(1, 2, code, NOW))
