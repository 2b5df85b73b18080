"""Where an operator's word is written: one portfolio as the database knows it, and who seems to read there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from counterpoise.app.inquire import opened, owner_of
from counterpoise.app.operator_view import command_row
from counterpoise.config.settings import Outline, PortfolioOutline
from counterpoise.domain.errors import ConfigError
from counterpoise.domain.instants import iso
from counterpoise.domain.numbers import dec, text
from counterpoise.domain.operator import Command, CommandKind, short_id
from counterpoise.domain.records import Changes, PortfolioRecord, Recorded
from counterpoise.domain.steering import STEERING, steered
from counterpoise.record.sql import SqlRecord

_TICK = timedelta(microseconds=1)
#: Among so many of the newest words one that comes again is found.
_RECENT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Who speaks, from where, and at what wall time.

    ``id`` names what was said, however often it arrives (None: each time is another word). ``rehearses``: only what
    would happen is wanted, nothing is written.
    """

    who: str
    origin: str
    now: datetime
    id: str | None = None
    rehearses: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One portfolio as the database knows it. ``age`` of its last cycle is None in market time."""

    record: SqlRecord
    outline: PortfolioOutline
    recorded: Recorded
    now: datetime
    asked_at: datetime
    age: timedelta | None
    owner: str | None
    rehearses: bool = False

    @property
    def after(self) -> PortfolioRecord:
        """The portfolio once the words that wait were heeded."""
        known = self.recorded.portfolio
        for command in self.recorded.commands:
            if command.kind in STEERING and command.due_at is None:
                known = steered(known, command, self.now).record
        return known

    def command(
        self,
        kind: CommandKind,
        voice: Voice,
        args: Mapping[str, str] | None = None,
        due_at: datetime | None = None,
    ) -> Command:
        """The word as a row."""
        # by what was said, not by who: names change, and what arrives again is the same word
        once = (voice.id,) if voice.id is not None else (voice.who, self.asked_at.isoformat())
        said = (self.outline.id, kind.value, *once)
        return Command(
            id=short_id(*said, *(args or {}).values(), str(due_at)),
            portfolio=self.outline.id,
            kind=kind,
            who=voice.who,
            origin=voice.origin,
            asked_at=self.asked_at,
            args=args or {},
            due_at=due_at,
        )


@asynccontextmanager
async def desk_of(outline: Outline, portfolio: str, voice: Voice) -> AsyncIterator[Desk]:
    """Open the database for a portfolio; raises ConfigError when it was never run, WrongSchema, StoreError."""
    (shape,) = (p for p in outline.portfolios if p.id == portfolio)
    async with opened(outline) as record:
        known = await record.store.portfolio(portfolio) if record is not None else None
        if record is None or known is None:
            told = (
                f"--portfolio: expected a portfolio that was run, was {portfolio}:"
                f" start it with `counterpoise run -c {outline.path}`"
            )
            raise ConfigError([told])
        rows = await record.journal.last(portfolio, 1)
        seen_at = rows[0].at if rows else known.started_at
        # in market time the database knows best what time it is
        now = seen_at if shape.market_time else voice.now
        newest = await record.store.commands(portfolio, 1)
        yield Desk(
            record=record,
            outline=shape,
            recorded=await record.store.load(portfolio, now),
            now=now,
            # words count in the order they were said, also when the clock has not moved in between
            asked_at=max([now, *(c.asked_at + _TICK for c in newest)]),
            age=voice.now - seen_at if rows and not shape.market_time else None,
            owner=owner_of(outline),
            rehearses=voice.rehearses,
        )


async def written(desk: Desk, command: Command, effect: str) -> dict[str, Any]:
    """Write the command and return what is to be told; where that is rehearsed, what would be told."""
    for known in await desk.record.store.commands(command.portfolio, _RECENT):
        if known.id == command.id:
            return unwritten(desk, f"already taken: {known.id} is {known.state.value}")
    if not desk.rehearses:
        await desk.record.store.commit(Changes(portfolio=command.portfolio, commands=(command,)))
    return {
        "portfolio": desk.outline.id,
        "written": not desk.rehearses,
        "command": command_row(command),
        "effect": effect,
        **_daemon(desk),
    }


def unwritten(desk: Desk, effect: str) -> dict[str, Any]:
    """Return what is to be told where nothing has to be written."""
    return {
        "portfolio": desk.outline.id,
        "written": False,
        "command": None,
        "effect": effect,
        **_daemon(desk),
    }


def _daemon(desk: Desk) -> dict[str, Any]:
    """The state once what waits was heeded, and whether someone seems to be there to read it."""
    age = text(dec(desk.age // timedelta(seconds=1))) if desk.age is not None else None
    return {
        "asked_at": iso(desk.asked_at),
        "state": desk.after.trading_state.value,
        "owner": desk.owner,
        "last_cycle_age_s": age,
    }


def already(desk: Desk, answer: str) -> str:
    """Return what to say of a word that changes nothing: it is so, or it will be."""
    if desk.after == desk.recorded.portfolio:
        return answer
    waiting = ", ".join(c.id for c in desk.recorded.commands if c.kind in STEERING)
    return f"already asked for: {waiting} waits for the daemon"
