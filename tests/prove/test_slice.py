"""A slice of the proof programme, and proof that its judge can find something."""

from __future__ import annotations

from dataclasses import replace
from random import Random  # noqa: TID251 - seeded: the same slice at every run

import pytest

from counterpoise.domain.order import Accepted
from counterpoise.execute.executor import Executor
from tests.prove import crash
from tests.prove.scenarios import SCENARIOS, ladder_of_five


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


def test_an_order_that_is_sent_again_after_a_death_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An executor that forgets what it sent: the row is written after the answer, as other bots do it."""

    async def careless(self: Executor, changes, cancels, approved, transfers=()):  # type: ignore[no-untyped-def]  # a broken stand-in
        placed = []
        for approval in approved:
            outcome = await self._venues[approval.order.venue].place(approval.order)
            assert isinstance(outcome, Accepted)
            placed.append(replace(approval.order, state=outcome.order.state))
        await self._store.commit(replace(changes, orders=(*changes.orders, *placed)))
        return await real(self, replace(changes), cancels, (), transfers)

    real = Executor.execute
    monkeypatch.setattr(Executor, "execute", careless)
    points = crash.run(crash.Case(scenario="ladder of five"), ladder_of_five).points
    sent = [n for n, name in enumerate(points) if name == "venue.place after"]
    outcome = crash.run(crash.Case(scenario="ladder of five", deaths=(sent[0],)))
    assert any("does not know" in line for line in outcome.complaints), outcome.complaints
