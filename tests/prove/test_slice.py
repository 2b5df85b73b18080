"""A slice of the proof programme, and proof that its judge can find something."""

from __future__ import annotations

from random import Random  # noqa: TID251 - seeded: the same slice at every run

import pytest

from tests.prove import crash
from tests.prove.bugs import BUGS, caught, planted
from tests.prove.scenarios import SCENARIOS


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_undisturbed_run_and_two_deaths(scenario: str) -> None:
    whole = crash.run(crash.Case(scenario=scenario))
    assert whole.complaints == ()
    random = Random(scenario)  # noqa: S311 - no secret, a choice of points
    for _ in range(2):
        died = crash.run(
            crash.Case(scenario=scenario, deaths=(random.randrange(len(whole.points)),))
        )
        assert died.complaints == (), died.case.command
        assert died.lives == 2


def test_a_run_is_the_same_each_time() -> None:
    case = crash.Case(scenario="ladder of five", deaths=(90,))
    assert crash.run(case) == crash.run(case)


def test_a_death_on_a_database_file() -> None:
    case = crash.Case(scenario="unknown but placed", deaths=(120,), sqlite=True)
    assert crash.run(case).complaints == ()


@pytest.mark.parametrize("bug", BUGS)
def test_a_bug_can_be_planted_and_taken_out_again(bug: str) -> None:
    with planted(BUGS[bug]):
        pass


@pytest.mark.parametrize(
    "bug",
    ["a time-out is taken for a no", "working orders do not count", "a close is not reduce-only"],
)
def test_a_bug_is_caught(bug: str) -> None:
    assert caught(BUGS[bug])
