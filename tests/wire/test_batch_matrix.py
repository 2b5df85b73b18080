"""Batches of which a part goes wrong, through stock ccxt, judged by the truth log; and that the judge is no fool.

``make test`` runs a share of the cases; ``pytest tests/wire/test_batch_matrix.py`` runs all of them.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from counterpoise.domain.order import Accepted, NotPlaced
from counterpoise.venue.ccxt import batches, faults
from tests.wire import fault_reference as ref
from tests.wire.batch_cases import CASES, PartCase
from tests.wire.test_faults_matrix import believing, refusing


def marked() -> list[object]:
    return [
        pytest.param(case, id=case.name, marks=() if n % 6 == 0 else pytest.mark.prove)
        for n, case in enumerate(CASES)
    ]


@pytest.mark.parametrize("case", marked())
async def test_case(case: PartCase) -> None:
    await case.run()


def test_there_are_enough_and_each_has_its_own_name() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 200
    for deed in (ref.PLACE_BATCH, ref.CANCEL_BATCH):
        mine = [c for c in CASES if c.deed == deed]
        assert min(Counter(c.lost for c in mine).values()) >= 25
        assert {t for c in mine for t in c._truths()} >= {"N", "P", "U"}


def case_of(deed: str, name: str, when: str) -> PartCase:
    return next(
        c for c in CASES if (c.deed, c.when) == (deed, when) and c.row.name.startswith(name)
    )


@pytest.mark.parametrize("deed", [ref.PLACE_BATCH, ref.CANCEL_BATCH])
@pytest.mark.parametrize("code", [-1007, -1006, -9999])
async def test_an_error_of_one_that_is_believed_too_much_is_caught(
    monkeypatch: pytest.MonkeyPatch, code: int, deed: str
) -> None:
    monkeypatch.setattr(faults, "BINANCE", believing(refusing(code)))
    with pytest.raises(AssertionError, match="refused, and it happened"):
        await case_of(deed, f"400 {code}", "after").run()


async def test_an_error_that_is_taken_for_all_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    real = batches._judged

    def for_all(*args: Any) -> list[Any]:
        told = real(*args)
        refused = [one for one in told if isinstance(one, NotPlaced)]
        return refused * len(told) if len(refused) == 1 else told

    monkeypatch.setattr(batches, "_judged", for_all)
    case = next(
        c for c in CASES if c.deed == ref.PLACE_BATCH and len(c.places) == 1 and "N" in c._truths()
    )
    with pytest.raises(AssertionError, match="refused, and it happened"):
        await case.run()


async def test_a_lost_reply_that_is_taken_for_a_yes_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = batches.judge_placed

    def believed(orders: Any, listing: Any, reply: Any, refused: Any) -> list[Any]:
        told = real(orders, listing, reply, refused)
        known = [one for one in told if isinstance(one, Accepted)]
        return known * len(told) if known else [Accepted(order=orders[0])] * len(told)

    monkeypatch.setattr(batches, "judge_placed", believed)
    with pytest.raises(AssertionError, match="expected U, was Accepted"):
        await case_of(ref.PLACE_BATCH, "200 empty", "after").run()
