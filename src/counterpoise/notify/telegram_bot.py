"""Control from Telegram: what listed people say in listed chats is asked of, or passed on to, the Control port.

It runs in a task of its own, is awaited by nobody, and knows nothing of trading. Whoever is not listed gets no answer.
What trades, or lets more be traded, is done only after a yes with a code. An update counts once: those up to the last
one are let go of at Telegram with the next question, and what is written down has an id made of the update's.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
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
from counterpoise.notify.http import LONGEST_WAIT
from counterpoise.notify.telegram_api import AT_ONCE, BotApi, Buttons
from counterpoise.notify.telegram_updates import Passed, Update, read
from counterpoise.notify.telegram_words import button, meaning, pressed
from counterpoise.notify.turns import Turns
from counterpoise.ports import Clock, Control

_LOG = structlog.get_logger(__name__)

#: What was written earlier is not heeded: it was meant for another moment.
OLDEST = timedelta(minutes=5)
#: After so long without an update Telegram begins to count anew, anywhere.
_COUNTS_ANEW = timedelta(days=6)
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1, 60
#: Strangers that are told of in the log one by one, and refusals of any kind within an hour.
_STRANGERS = _REFUSALS = 100
#: What one person may say within a minute. A command asks the database, and its answer Telegram.
MOST = 30


_CHANGED = "Something changed since you were asked: nothing was done. Now it would mean:"


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
        self._turns = Turns(MOST, timedelta(minutes=1))
        self._told = Turns(_REFUSALS, timedelta(hours=1))
        self._late: Counter[int] = Counter()
        #: Until when Telegram wants no answers: alerts go through the same bot, and would be kept out with them.
        self._silent_until: datetime | None = None
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
        heard = 0
        arrived = await self._api.updates(self._next)
        for raw in arrived:
            found = read(raw)
            if found is None or (self._next is not None and found.id < self._next):
                self._refuse("no id, or an update that was heeded before")
                continue
            # let go of whatever comes of it: what breaks once would break for ever
            self._next, self._heard_at = found.id + 1, self._clock.now()
            heard += 1
            if isinstance(found, Passed):
                self._refuse(found.why, update=found.id)
            elif self._is_listed(found):
                await self._heed(found)
            elif found.callback is not None:
                await self._notice(found, "You are not listed for this")
        if len(arrived) < AT_ONCE:
            await self._tell_late()
        return heard

    async def _tell_late(self) -> None:
        """Say what came too late, once all that waited was read."""
        late, self._late = self._late, Counter()
        for chat, count in late.items():
            told = (
                f"{count} older than {span(OLDEST)} when I read "
                f"{'it' if count == 1 else 'them'}: nothing was done. Say again what you still mean"
            )
            await self._answer(chat, Answer(head="Came too late", text=told))

    def _refuse(self, why: str, **about: object) -> None:
        """Log what is not heeded; a flood of it does not fill the log."""
        many = self._told.take("all", self._clock.now())
        if many == 1:
            _LOG.warning("telegram_refused_often", within="1h", logged=_REFUSALS)
        (_LOG.debug if many else _LOG.warning)("telegram_refused", why=why, **about)

    def _is_listed(self, update: Update) -> bool:
        if update.chat in self._access.chats and update.user in self._access.users:
            return True
        stranger = (update.chat, update.user)
        why, about = "chat or user not listed", {"chat": update.chat, "user": update.user}
        if stranger in self._strangers or len(self._strangers) >= _STRANGERS:
            _LOG.debug("telegram_refused", update=update.id, why=why, **about)
        else:
            self._strangers.add(stranger)
            self._refuse(why, update=update.id, **about)
        return False

    async def _heed(self, update: Update) -> None:
        """Do what one listed person said; never raises but for being cancelled."""
        said = self._meant(update)
        if said is None:
            return
        if update.at is not None and self._clock.now() - update.at > OLDEST:
            self._refuse("too old", update=update.id, who=update.who)
            self._late[update.chat] += 1
            return
        often = (
            0
            if self._is_awaited(update, said)
            else self._turns.take(update.user, self._clock.now())
        )
        if often:
            self._refuse("too many at once", update=update.id, who=update.who)
            if often == 1:
                told = f"More than {MOST} within a minute are not heeded: wait a minute"
                await self._answer(update.chat, Answer(head="Too many at once", text=told))
            return
        try:
            outcome = await self._done(update, said)
        except (ConfigError, SafetyRefusal) as error:
            self._refuse(str(error), update=update.id, who=update.who)
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

    def _is_awaited(self, update: Update, said: Said) -> bool:
        """Whether it answers a question of ours: no more of these get through than were asked, three tries each."""
        return isinstance(said, Code) and self._codes.waits(update.chat, update.user)

    def _meant(self, update: Update) -> Said | None:
        if update.callback is not None:
            return pressed(update.text)
        # the ids of groups are negative
        return meaning(update.text, self._name or "", private=update.chat > 0)

    async def _done(self, update: Update, said: Said) -> _Outcome:
        _LOG.info("telegram_command", update=update.id, who=update.who, what=_shown(said))
        if isinstance(said, NotUnderstood):
            self._refuse(said.why, update=update.id, who=update.who)
            return _not_done(said.why)
        if isinstance(said, Question):
            return _Outcome(answer=await self._control.tell(said))
        if isinstance(said, Hush):
            return _Outcome(answer=self._control.hush(f"telegram:{update.chat}", said.seconds))
        speaker = Speaker(who=update.who, origin=f"telegram@{update.chat}", id=update.token)
        if isinstance(said, Code):
            return await self._confirmed(update, said, speaker)
        weighed = await self._control.weigh(said, speaker)
        if not weighed.changes:
            return _Outcome(answer=weighed.answer, settled=True)
        if not weighed.needs_yes:
            return _Outcome(answer=await self._control.say(weighed.word, speaker), settled=True)
        return self._asked(update, weighed)

    async def _confirmed(self, update: Update, said: Code, speaker: Speaker) -> _Outcome:
        """Do what a code stands for, unless it would be something else by now than what the yes was said to."""
        meant = self._codes.take(update.chat, update.user, said.code, self._clock.now())
        if isinstance(meant, str):
            self._refuse(meant, update=update.id, who=update.who)
            return _not_done(meant)
        now = await self._control.weigh(meant.word, speaker)
        if now.changes and now.basis != meant.basis:
            self._refuse("something changed since it was asked", update=update.id, who=update.who)
            told = f"{_CHANGED}\n{now.answer.text}"
            anew = replace(now, answer=Answer(head=now.answer.head, text=told))
            return replace(self._asked(update, anew), settled=True)
        return _Outcome(answer=await self._control.say(meant.word, speaker), settled=True)

    def _asked(self, update: Update, weighed: Weighed) -> _Outcome:
        code = self._codes.ask(update.chat, update.user, weighed, self._clock.now())
        within = span(self._access.confirm_within)
        text = f"{weighed.answer.text}\n\nSure? Within {within}: the button, or /confirm {code}"
        return _Outcome(
            answer=Answer(head=weighed.answer.head, text=text),
            buttons=[[button(f"Yes: {weighed.word.kind.value}", "yes", code)]],
        )

    async def _answer(self, chat: int, answer: Answer, buttons: Buttons = ()) -> None:
        """Send an answer; one that does not get through is lost, and what it tells of is not."""
        if self._is_silent():
            _LOG.debug("telegram_answer_lost", chat=chat, error="429 before")
            return
        try:
            shown = Answer(head=self._local(answer.head), text=self._local(answer.text))
            await self._api.say(chat, shown, buttons)
        except SinkBusy as error:
            self._silent_until = self._clock.now() + error.retry_after
            _LOG.warning("telegram_answer_lost", chat=chat, error=str(error))
        except SinkError as error:
            _LOG.warning("telegram_answer_lost", chat=chat, error=str(error))

    async def _notice(self, update: Update, text: str, *, settled: bool = False) -> None:
        """Let a pressed button rest, and take it away once it is ``settled``; of no consequence when it fails."""
        if self._is_silent():
            return
        try:
            await self._api.noticed(update.callback or "", self._local(text))
            if update.message is not None and settled:
                await self._api.without_buttons(update.chat, update.message)
        except SinkError as error:
            if isinstance(error, SinkBusy):
                self._silent_until = self._clock.now() + error.retry_after
            _LOG.debug("telegram_answer_lost", chat=update.chat, error=str(error))

    def _is_silent(self) -> bool:
        """Whether Telegram wants to be left alone; after a clock was set back it is asked."""
        until = self._silent_until
        return until is not None and timedelta(0) < until - self._clock.now() <= LONGEST_WAIT

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
