"""Control from Telegram: what listed people say in listed chats is asked of, or passed on to, the Control port.

It runs in a task of its own, is awaited by nobody, and knows nothing of trading. Whoever is not listed gets no answer.
What trades, or lets more be traded, is done only after a yes with a code. An update counts once: those up to the last
one are let go of at Telegram with the next question, and what is written down has an id made of the update's.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, timedelta, tzinfo
from decimal import Decimal

import structlog

from counterpoise.domain.access import ControlAccess
from counterpoise.domain.control import (
    Answer,
    Code,
    Hush,
    NotUnderstood,
    Question,
    Said,
    Speaker,
    Weighed,
    Word,
)
from counterpoise.domain.errors import (
    ConfigError,
    SafetyRefusal,
    SinkBusy,
    SinkError,
    StoreError,
)
from counterpoise.domain.instants import in_zone
from counterpoise.domain.numbers import dec
from counterpoise.notify.composing import span
from counterpoise.notify.confirming import Confirmations
from counterpoise.notify.telegram_api import BotApi, Buttons
from counterpoise.notify.telegram_updates import Passed, Update, read
from counterpoise.notify.telegram_words import button, meaning, pressed
from counterpoise.ports import Clock, Control

_LOG = structlog.get_logger(__name__)

#: What was written earlier is not heeded: it was meant for another moment.
OLDEST = timedelta(minutes=5)
#: After so long without an update Telegram begins to count anew, anywhere.
_COUNTS_ANEW = timedelta(days=6)
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1, 60
#: Strangers that are told of in the log one by one.
_STRANGERS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What is said back. ``settled``: the buttons that led here have nothing more to say."""

    answer: Answer
    buttons: Buttons = ()
    settled: bool = False


class TelegramBot:
    """Listens through ``api`` to those whom ``access`` lists. ``fresh`` makes codes of six digits.

    Times are shown by the clock of ``zone``.
    """

    def __init__(
        self,
        *,
        api: BotApi,
        access: ControlAccess,
        control: Control,
        clock: Clock,
        fresh: Callable[[], str],
        zone: tzinfo = UTC,
    ) -> None:
        self._api = api
        self._access = access
        self._control = control
        self._clock = clock
        self._zone = zone
        self._codes = Confirmations(access.confirm_within, fresh)
        self._name: str | None = None
        self._next: int | None = None
        self._heard_at = clock.now()
        self._failures = 0
        self._strangers: set[tuple[int, int]] = set()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen, in a task of its own."""
        self._task = asyncio.create_task(self.run(), name="telegram control")

    async def close(self) -> None:
        """End it; safe to call twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def run(self) -> None:
        """Listen until cancelled. What fails is tried again, after pauses that grow."""
        while True:
            began = self._clock.now()
            try:
                heard = await self.listen()
            except SinkBusy as error:
                await self._failed(error, _seconds(error.retry_after))
            except Exception as error:  # noqa: BLE001 - whatever the other side does is the bot's trouble only
                await self._failed(error, dec(FIRST_PAUSE_S << min(self._failures, 10)))
            else:
                if self._failures:
                    _LOG.info("telegram_control_recovered", failures=self._failures)
                self._failures = 0
                if not heard and self._clock.now() - began < timedelta(seconds=FIRST_PAUSE_S):
                    # whoever answers at once with nothing is not asked again at once
                    await self._clock.sleep(dec(FIRST_PAUSE_S))

    async def listen(self) -> int:
        """Ask once what arrived, and heed it; return how many updates were new. Raises SinkBusy, SinkError."""
        if self._name is None:
            self._name = await self._api.name()
        now = self._clock.now()
        if now - self._heard_at > _COUNTS_ANEW:
            self._next = None
        late: Counter[int] = Counter()
        heard = 0
        for raw in await self._api.updates(self._next):
            found = read(raw)
            if found is None or (self._next is not None and found.id < self._next):
                _LOG.warning("telegram_refused", why="no id, or an update that was heeded before")
                continue
            # let go of whatever comes of it: what breaks once would break for ever
            self._next, self._heard_at = found.id + 1, self._clock.now()
            heard += 1
            if isinstance(found, Passed):
                _LOG.warning("telegram_refused", update=found.id, why=found.why)
            elif self._is_listed(found):
                await self._heed(found, late)
            elif found.callback is not None:
                await self._notice(found, "You are not listed for this")
        for chat, count in late.items():
            told = (
                f"{count} older than {span(OLDEST)} when I read "
                f"{'it' if count == 1 else 'them'}: nothing was done. Say again what you still mean"
            )
            await self._answer(chat, Answer(head="Came too late", text=told))
        return heard

    def _is_listed(self, update: Update) -> bool:
        if update.chat in self._access.chats and update.user in self._access.users:
            return True
        stranger = (update.chat, update.user)
        known = stranger in self._strangers or len(self._strangers) >= _STRANGERS
        (_LOG.debug if known else _LOG.warning)(
            "telegram_refused",
            update=update.id,
            why="chat or user not listed",
            chat=update.chat,
            user=update.user,
        )
        if not known:
            self._strangers.add(stranger)
        return False

    async def _heed(self, update: Update, late: Counter[int]) -> None:
        """Do what one listed person said; never raises but for being cancelled."""
        said = self._meant(update)
        if said is None:
            return
        if update.at is not None and self._clock.now() - update.at > OLDEST:
            _LOG.warning("telegram_refused", update=update.id, why="too old", who=update.who)
            late[update.chat] += 1
            return
        try:
            outcome = await self._done(update, said)
        except (ConfigError, SafetyRefusal) as error:
            _LOG.warning("telegram_refused", update=update.id, why=str(error), who=update.who)
            outcome = _not_done(str(error))
        except StoreError as error:
            _LOG.exception("database_failed", error=str(error))
            outcome = _not_done(f"The database cannot be used now: {error}")
        except Exception as error:  # noqa: BLE001 - a bug in an answer must not end the listening
            _LOG.exception("telegram_command_broke", update=update.id, error=str(error))
            outcome = _not_done("Something is wrong with me: see the log")
        if update.callback is not None:
            await self._notice(update, outcome.answer.head, settled=outcome.settled)
        await self._answer(update.chat, outcome.answer, outcome.buttons)

    def _meant(self, update: Update) -> Said | None:
        if update.callback is not None:
            return pressed(update.text)
        # the ids of groups are negative
        return meaning(update.text, self._name or "", private=update.chat > 0)

    async def _done(self, update: Update, said: Said) -> _Outcome:
        _LOG.info("telegram_command", update=update.id, who=update.who, what=_shown(said))
        if isinstance(said, NotUnderstood):
            _LOG.warning("telegram_refused", update=update.id, why=said.why, who=update.who)
            return _not_done(said.why)
        if isinstance(said, Question):
            return _Outcome(answer=await self._control.tell(said))
        if isinstance(said, Hush):
            return _Outcome(answer=self._control.hush(f"telegram:{update.chat}", said.seconds))
        speaker = Speaker(who=update.who, origin=f"telegram@{update.chat}", id=update.token)
        if isinstance(said, Code):
            word = self._codes.take(update.chat, update.user, said.code, self._clock.now())
            if isinstance(word, str):
                _LOG.warning("telegram_refused", update=update.id, why=word, who=update.who)
                return _not_done(word)
            return _Outcome(answer=await self._control.say(word, speaker), settled=True)
        weighed = await self._control.weigh(said, speaker)
        if not weighed.changes:
            return _Outcome(answer=weighed.answer, settled=True)
        if not weighed.needs_yes:
            return _Outcome(answer=await self._control.say(weighed.word, speaker), settled=True)
        return self._asked(update, weighed)

    def _asked(self, update: Update, weighed: Weighed) -> _Outcome:
        code = self._codes.ask(update.chat, update.user, weighed.word, self._clock.now())
        within = span(self._access.confirm_within)
        text = f"{weighed.answer.text}\n\nSure? Within {within}: the button, or /confirm {code}"
        return _Outcome(
            answer=Answer(head=weighed.answer.head, text=text),
            buttons=[[button(f"Yes: {weighed.word.kind.value}", "yes", code)]],
        )

    async def _answer(self, chat: int, answer: Answer, buttons: Buttons = ()) -> None:
        """Send an answer; one that does not get through is lost, and what it tells of is not."""
        try:
            shown = Answer(head=self._local(answer.head), text=self._local(answer.text))
            await self._api.say(chat, shown, buttons)
        except SinkError as error:
            _LOG.warning("telegram_answer_lost", chat=chat, error=str(error))

    async def _notice(self, update: Update, text: str, *, settled: bool = False) -> None:
        """Let a pressed button rest, and take it away once it is ``settled``; of no consequence when it fails."""
        try:
            await self._api.noticed(update.callback or "", self._local(text))
            if update.message is not None and settled:
                await self._api.without_buttons(update.chat, update.message)
        except SinkError as error:
            _LOG.debug("telegram_answer_lost", chat=update.chat, error=str(error))

    def _local(self, said: str) -> str:
        return in_zone(said, self._zone, self._clock.now())

    async def _failed(self, error: Exception, pause_s: Decimal) -> None:
        self._failures += 1
        (_LOG.warning if self._failures == 1 else _LOG.debug)(
            "telegram_control_failed", error=f"{type(error).__name__}: {error}"
        )
        longest = pause_s if isinstance(error, SinkBusy) else dec(LONGEST_PAUSE_S)
        await self._clock.sleep(max(min(pause_s, longest), dec(FIRST_PAUSE_S)))


def _seconds(length: timedelta) -> Decimal:
    return dec(length // timedelta(milliseconds=1)) / 1000


def _not_done(why: str) -> _Outcome:
    return _Outcome(answer=Answer(head="Not done", text=why))


def _shown(said: Said) -> str:
    """What was said, for the log: parts that were understood, never the text."""
    if isinstance(said, Question):
        return said.topic.value
    if isinstance(said, Word):
        return f"{said.kind.value} {said.about or ''}".strip()
    return type(said).__name__.lower()
