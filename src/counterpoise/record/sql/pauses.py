"""Rows of ``pauses``: until when venues want not to be asked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from counterpoise.record.sql import tables
from counterpoise.record.sql.write import upsert

_PAUSES = tables.pauses
_PUT = upsert(_PAUSES)


async def read_pauses(connection: AsyncConnection, venue: str) -> Mapping[str, datetime]:
    """Return what may not be asked at ``venue`` -> until when."""
    found = await connection.execute(select(_PAUSES).where(_PAUSES.c.venue == venue))
    return {row.api: row.until for row in found}


async def read_all_pauses(connection: AsyncConnection) -> Mapping[tuple[str, str], datetime]:
    """Return (venue, what may not be asked there) -> until when."""
    found = await connection.execute(select(_PAUSES).order_by(_PAUSES.c.venue, _PAUSES.c.api))
    return {(row.venue, row.api): row.until for row in found}


async def write_pauses(
    connection: AsyncConnection, venue: str, pauses: Mapping[str, datetime]
) -> None:
    """Insert or replace the rows of ``pauses``."""
    rows = [{"venue": venue, "api": api, "until": until} for api, until in pauses.items()]
    await connection.execute(_PUT, rows)
