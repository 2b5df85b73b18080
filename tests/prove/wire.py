"""The wire stage: every documented fault with every operation, before and after its effect, through stock ccxt."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from tests.wire import batch_cases, fault_cases
from tests.wire.batch_cases import PartCase
from tests.wire.fault_cases import Case, FreezeCase, ReadCase

CASES = (*fault_cases.CASES, *batch_cases.CASES)
_BY_NAME = {case.name: case for case in CASES}
_KINDS = {
    Case: "mutations",
    ReadCase: "reads",
    FreezeCase: "pauses",
    PartCase: "batches of which a part goes wrong",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One case, by its name: what a worker process can be told."""

    name: str

    @property
    def command(self) -> str:
        """What to type to see it again."""
        return f'python -m tests.prove --wire "{self.name}"'

    @property
    def kind(self) -> str:
        """What is tried: a mutation, a read, a pause that was asked for, or a part of a batch."""
        return _KINDS[type(_BY_NAME[self.name])]


def trials(part: float) -> Iterator[Trial]:
    """Yield every case, or an even part of them."""
    yield from (Trial(name=case.name) for case in CASES[:: max(1, round(1 / part))])


def known(name: str) -> bool:
    """Whether there is a case of that name."""
    return name in _BY_NAME


def tried(name: str) -> tuple[str, ...]:
    """Run one case; what was not as the reference or the truth log has it comes back. Raises KeyError."""
    try:
        asyncio.run(_BY_NAME[name].run())
    except AssertionError as wrong:
        return (str(wrong) or "it was not as it should be",)
    return ()
