"""Pauses that outlive a process: what the limiter learns goes to the store, what earlier ones learnt comes from it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime

from counterpoise.domain.access import VenueAccess
from counterpoise.domain.errors import StoreError
from counterpoise.ports import Pauses
from counterpoise.venue.ccxt.limiter import Limiter


class KeptPauses:
    """The pauses of one access. A ban is of a host: what the same name was told in another environment is not its."""

    def __init__(self, access: VenueAccess, limiter: Limiter, store: Pauses | None) -> None:
        self._venue = access.id
        self._prefix = f"{access.environment}/"
        self._limiter = limiter
        self._store = store

    async def known(self) -> Mapping[str, datetime]:
        """Return which APIs may not be asked, and until when; the limiter heeds them. Raises StoreError."""
        if self._store is not None:
            kept = await self._store.pauses(self._venue)
            mine = {k: until for k, until in kept.items() if k.startswith(self._prefix)}
            self._limiter.heed({k.removeprefix(self._prefix): u for k, u in mine.items()})
        return self._limiter.pauses

    async def keep(self) -> None:
        """Write what the limiter knows. A database that fails changes nothing of what an answer proves."""
        if self._store is None:
            return
        pauses = {f"{self._prefix}{api}": until for api, until in self._limiter.pauses.items()}
        with contextlib.suppress(StoreError):
            await self._store.keep_pauses(self._venue, pauses)
