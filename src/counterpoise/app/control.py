"""What people far away ask and say, answered and taken as from the command line: by the database alone.

The same judgement, the same rows: :mod:`~counterpoise.app.inquire` and :mod:`~counterpoise.app.steer`. A connection of
its own for each, as another process would have, so that trading waits for none of it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

from counterpoise.app import control_view, inquire, steer
from counterpoise.app.clock import WallClock
from counterpoise.app.desk import Voice
from counterpoise.app.report_view import reports
from counterpoise.config.settings import Outline, PortfolioOutline, Settings
from counterpoise.domain.control import Answer, Question, Speaker, Topic, Weighed, Word
from counterpoise.domain.errors import ConfigError
from counterpoise.domain.leaks import Leaks
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.records import TradingState
from counterpoise.domain.steering import STATES
from counterpoise.notify.report_messages import BOT
from counterpoise.ports import Clock

#: How much may be done in a state: who goes up asks for more.
_RANK = {
    TradingState.HALT: 0,
    TradingState.CANCEL_ONLY: 1,
    TradingState.REDUCE_ONLY: 2,
    TradingState.RUN: 3,
}
_ANSWERS = frozenset({CommandKind.APPROVE, CommandKind.DENY})
#: Orders and hedges that a message has room for.
_SHOWN = 15

#: Holds back what is not critical at a sink until then (None: no more); False where there is no such sink.
Mute = Callable[[str, datetime | None], bool]


class DatabaseControl:
    """The Control port over the database that ``outline`` names; ``clock`` is the wall clock."""

    def __init__(self, outline: Outline, clock: Clock, mute: Mute) -> None:
        self._outline = outline
        self._clock = clock
        self._mute = mute

    async def tell(self, question: Question) -> Answer:
        """Return what is asked for. Raises ConfigError, StoreError."""
        if question.topic is Topic.HELP:
            return control_view.HELP
        of_a_cycle = question.topic is Topic.EXPLAIN and question.about not in {None, *self._known}
        if of_a_cycle:
            found = await inquire.explain(self._outline, self._known, question.about)
            return control_view.explained(found["cycles"])
        chosen = self._chosen(question.about)
        if question.topic is Topic.REPORT:
            now = self._clock.now()
            found = await reports(self._outline, chosen, question.period, now, word=BOT)
            return control_view.reported(question.period, found["reports"])
        return await self._told(question.topic, chosen)

    async def weigh(self, word: Word, speaker: Speaker) -> Weighed:
        """Return what ``word`` would do now. Raises ConfigError, SafetyRefusal, StoreError."""
        if word.kind not in _ANSWERS:
            # from here on it is about this portfolio, whatever the config says by then
            word = Word(kind=word.kind, about=self._one(word.about))
        found = await self._spoken(word, speaker, rehearses=True)
        changes = found["command"] is not None
        # what a flattening closes changes with every fill, and is all of it in any case
        about = "" if word.kind is CommandKind.FLATTEN else found["effect"]
        outlook = (
            await self._outlook(word) if changes and word.kind is CommandKind.APPROVE else None
        )
        return Weighed(
            word=word,
            answer=control_view.weighed(word, found, outlook),
            changes=changes,
            needs_yes=_adds(word.kind, TradingState(found["state"])),
            basis=f"{found['state']} {about}",
        )

    async def say(self, word: Word, speaker: Speaker) -> Answer:
        """Write ``word`` down. Raises ConfigError, SafetyRefusal, StoreError."""
        return control_view.taken(word, await self._spoken(word, speaker, rehearses=False))

    def hush(self, sink: str, seconds: int) -> Answer:
        """Hold back what is not critical at ``sink``."""
        until = self._clock.now() + timedelta(seconds=seconds) if seconds else None
        return control_view.hushed(until, known=self._mute(sink, until))

    @property
    def _known(self) -> tuple[str, ...]:
        return tuple(p.id for p in self._outline.portfolios)

    def _chosen(self, about: str | None) -> tuple[str, ...]:
        if about is None:
            return self._known
        if about not in self._known:
            # what was said is not repeated: it may be anything
            raise ConfigError([f"expected a portfolio: {' or '.join(self._known)}"])
        return (about,)

    def _one(self, about: str | None) -> str:
        chosen = self._chosen(about)
        if len(chosen) != 1:
            raise ConfigError([f"several portfolios: say which ({', '.join(chosen)})"])
        return chosen[0]

    async def _told(self, topic: Topic, chosen: tuple[str, ...]) -> Answer:
        outline, now = self._outline, self._clock.now()
        if topic is Topic.HEDGES:
            return control_view.hedges(
                (await inquire.hedges(outline, chosen, now, limit=_SHOWN))["hedges"]
            )
        if topic is Topic.ORDERS:
            found = await inquire.orders(outline, chosen, live_only=True, limit=_SHOWN)
            return control_view.orders(found["orders"])
        if topic in {Topic.PLAN, Topic.EXPLAIN}:
            cycles = (await inquire.explain(outline, chosen, None))["cycles"]
            show = control_view.planned if topic is Topic.PLAN else control_view.explained
            return show(cycles)
        stand = await inquire.status(outline, chosen, now)
        return (control_view.margin if topic is Topic.MARGIN else control_view.status)(stand)

    async def _spoken(self, word: Word, speaker: Speaker, *, rehearses: bool) -> dict[str, Any]:
        voice = Voice(
            who=speaker.who,
            origin=speaker.origin,
            now=self._clock.now(),
            id=speaker.id,
            rehearses=rehearses,
        )
        if word.kind in _ANSWERS:
            return await steer.reply(self._outline, self._known, word.kind, word.about or "", voice)
        return await steer.steer(self._outline, self._one(word.about), word.kind, voice)

    async def _outlook(self, word: Word) -> str | None:
        """What the newest look says of a request: what would be traded, what it costs, and the margin after."""
        cycles = (await inquire.explain(self._outline, self._known, None))["cycles"]
        for cycle in cycles:
            for request in cycle.get("approvals", []):
                if request["id"] == word.about:
                    told = request.get("outlook")
                    return str(told) if told else None
        return None


def outline_of(settings: Settings) -> Outline:
    """Return what the commands that only know the database need of a whole config."""
    return Outline(
        path=settings.path,
        store_url=settings.store_url,
        portfolios=tuple(
            PortfolioOutline(
                id=policy.id,
                market_time=any(settings.venues[v].venue_clock for v in policy.venues),
                strategies={s.id: s.kind for s in policy.strategies},
                sleeves={s.id: s.weight for s in policy.sleeves},
            )
            for policy in settings.portfolios
        ),
    )


def open_control(settings: Settings, mute: Mute, stack: AsyncExitStack) -> None:
    """Begin to listen to people where the config says so; ``stack`` ends it. Nothing waits for it."""
    bot = settings.alerts.telegram
    if bot is None or bot.control is None:
        return
    from counterpoise.notify.telegram_api import BotApi
    from counterpoise.notify.telegram_bot import TelegramBot

    clock = WallClock()
    listening = TelegramBot(
        api=BotApi(base_url=bot.base_url, token=bot.token, leaks=Leaks(settings.secrets)),
        access=bot.control,
        control=DatabaseControl(outline_of(settings), clock, mute),
        clock=clock,
        fresh=_code,
        zone=settings.alerts.zone,
    )
    listening.start()
    stack.push_async_callback(listening.close)


def _code() -> str:
    return f"{secrets.randbelow(1_000_000):06}"


def _adds(kind: CommandKind, state: TradingState) -> bool:
    """Whether a word trades, or lets more be traded than ``state`` does."""
    if kind in STATES:
        return _RANK[STATES[kind]] > _RANK[state]
    return kind is not CommandKind.DENY
