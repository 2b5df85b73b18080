"""What a look proves about transfers whose outcome is not proven. Pure. Nothing is ever sent again.

The venue's history proves that one was done. That it was not done takes more: the history was read and lacks it,
both purses are told and neither moved by as much as half of it in its direction, it is old enough that its request
can no longer be accepted, and looks at least a minute apart all said so. Half, because interest, funding and small
trades move purses all the time, and a larger coincidence in both at once is no proof of anything. After an hour the
history alone says it: purses that were used meanwhile never come back to what they were, and by then they have long
been read with or without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from counterpoise.domain.snapshot import Snapshot, VenueSnapshot
from counterpoise.domain.transfer import (
    ABSENT,
    Transfer,
    TransferState,
    VenueTransfer,
)

#: How far the venue's clock may be behind ours when it dates a transfer.
SKEW = timedelta(seconds=5)
#: How long after it was decided on the venue may date it; the same amount later is another transfer.
ARRIVES_WITHIN = timedelta(minutes=5)
#: Before this age a transfer is never held for absent: sending it, the signature window and the venue's time-out.
ABSENT_AFTER = timedelta(minutes=2)
#: From this age on the purses are not asked any more.
OVERDUE = timedelta(hours=1)
#: Looks that speak against it must lie this far apart.
SPACING = timedelta(minutes=1)

S = TransferState


def settled(
    transfers: Iterable[Transfer],
    snapshot: Snapshot,
    missing: Mapping[str, datetime] = MappingProxyType({}),
) -> tuple[Transfer, ...]:
    """Return ``transfers`` as they are after the look, in their order.

    ``missing`` is id -> since when every look spoke against it (see :func:`missing_from`), this look included.
    """
    rows = tuple(transfers)
    shown = _shown(rows, snapshot)
    return tuple(
        _after(t, shown.get(t.id), missing.get(t.id), snapshot) if t.venue in snapshot.venues else t
        for t in rows
    )


def proven(before: Iterable[Transfer], after: Iterable[Transfer]) -> tuple[Transfer, ...]:
    """Return those of ``after`` whose outcome is another than before; only a new venue id is no news."""
    stood = {t.id: t.state for t in before}
    return tuple(t for t in after if stood.get(t.id) is not t.state)


def missing_from(snapshot: Snapshot, transfers: Iterable[Transfer]) -> frozenset[str]:
    """Return the ids of unproven ``transfers`` that this look speaks against."""
    rows = tuple(transfers)
    shown = _shown(rows, snapshot)
    return frozenset(
        t.id
        for t in rows
        if not t.state.is_final
        and t.id not in shown
        and t.venue in snapshot.venues
        and snapshot.as_of - t.created_at > ABSENT_AFTER
        and _against(t, snapshot.venues[t.venue], snapshot.as_of - t.created_at)
    )


def _after(
    transfer: Transfer,
    row: VenueTransfer | None,
    missing_since: datetime | None,
    snapshot: Snapshot,
) -> Transfer:
    now = snapshot.as_of
    if row is not None and transfer.state is S.DONE:
        # only its id is new: when it was done is known
        return replace(transfer, venue_id=row.id)
    if row is not None:
        return transfer.moved(S.DONE, at=now, venue_id=row.id)
    if transfer.state.is_final:
        return transfer
    if missing_since is not None and now - missing_since >= SPACING:
        return transfer.moved(S.REJECTED, at=now, reason=ABSENT)
    if transfer.state is S.PENDING:
        return transfer.moved(S.UNKNOWN, at=now, reason="nobody knows whether it was sent")
    return transfer


def _shown(transfers: tuple[Transfer, ...], snapshot: Snapshot) -> dict[str, VenueTransfer]:
    """Find the row of the history that each transfer without a venue id is. One row proves one transfer.

    What is known to be done comes first, then what is not proven, then what was held for absent.
    """
    claimed = {(t.venue, t.venue_id) for t in transfers if t.venue_id is not None}
    found: dict[str, VenueTransfer] = {}
    for transfer in _claimants(transfers):
        seen = snapshot.venues.get(transfer.venue)
        for row in sorted((seen.transfers or ()) if seen else (), key=lambda r: (r.at, r.id)):
            if (transfer.venue, row.id) not in claimed and _same(transfer, row):
                claimed.add((transfer.venue, row.id))
                found[transfer.id] = row
                break
    return found


def _claimants(transfers: tuple[Transfer, ...]) -> Iterator[Transfer]:
    rest = sorted((t for t in transfers if t.venue_id is None), key=lambda t: (t.created_at, t.id))
    yield from (t for t in rest if t.state is S.DONE)
    yield from (t for t in rest if not t.state.is_final)
    yield from (t for t in rest if t.is_absent)


def _same(transfer: Transfer, row: VenueTransfer) -> bool:
    return (
        (row.asset, row.qty, row.source, row.target, row.symbol)
        == (transfer.asset, transfer.qty, transfer.source, transfer.target, transfer.symbol)
        and transfer.created_at - SKEW <= row.at <= transfer.created_at + ARRIVES_WITHIN
    )  # fmt: skip


def _against(transfer: Transfer, seen: VenueSnapshot, age: timedelta) -> bool:
    """Whether the history was read, is not old, and neither purse moved by half of the transfer in its direction."""
    if not seen.transfers_are_sound(transfer.created_at + age) or seen.account is None:
        return False
    if age > OVERDUE:
        return True
    source = seen.account.purse(transfer.source, transfer.asset, transfer.symbol)
    target = seen.account.purse(transfer.target, transfer.asset, transfer.symbol)
    if source is None or target is None:
        return False
    half = transfer.qty / 2
    return source > transfer.source_before - half and target < transfer.target_before + half
