"""Sending one transfer once. Its row is durable before; what is not proven stays UNKNOWN for later looks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from counterpoise.domain.errors import VenueError
from counterpoise.domain.order import NotPlaced, Unknown
from counterpoise.domain.transfer import NOT_SENT, Transfer, Transferred, TransferState
from counterpoise.ports import Clock, Treasury

#: Not sent later than this after it was decided on: what proves its absence counts from there.
SEND_WITHIN = timedelta(minutes=1)


async def send(
    treasury: Treasury, transfer: Transfer, clock: Clock, may_send: Callable[[], bool]
) -> Transfer:
    """Send ``transfer`` (PENDING, already durable) and return what became of it.

    A read that fails on the way leaves it UNKNOWN; a cancelled task and any other error leave the stored row
    PENDING, which the next look takes for UNKNOWN.
    """
    now = clock.now()
    if not may_send():
        return transfer.moved(TransferState.REJECTED, at=now, reason=f"{NOT_SENT}: stopping")
    if now - transfer.created_at > SEND_WITHIN:
        return transfer.moved(TransferState.REJECTED, at=now, reason=f"{NOT_SENT}: too late")
    try:
        outcome = await treasury.transfer(transfer)
    except VenueError as error:
        return transfer.moved(TransferState.UNKNOWN, at=clock.now(), reason=str(error))
    at = clock.now()
    match outcome:
        case Transferred(id=venue_id):
            return transfer.moved(TransferState.DONE, at=at, venue_id=venue_id)
        case NotPlaced(code=code, text=said):
            return transfer.moved(TransferState.REJECTED, at=at, reason=f"{code}: {said}")
        case Unknown(text=said):
            return transfer.moved(TransferState.UNKNOWN, at=at, reason=said)
