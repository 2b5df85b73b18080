"""What guards remember, as documents that are saved with what they cause."""

from __future__ import annotations

from typing import TypeVar

from counterpoise.domain.codec import decoded, document_of
from counterpoise.domain.records import GuardRecord, Recorded

T = TypeVar("T")


def remembered(kind: type[T], recorded: Recorded, guard: str) -> T:
    """Return the state of ``guard``, a fresh one where nothing is kept. Raises ValueError for another shape."""
    known = recorded.guards.get(guard)
    return kind() if known is None else decoded(kind, known.document, f"guard {guard}")


def kept(guard: str, state: object) -> GuardRecord:
    """Return ``state`` as it is kept."""
    return GuardRecord(id=guard, document=document_of(state))
