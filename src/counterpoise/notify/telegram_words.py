"""What a text from Telegram means: a question, a word, a code, or nothing that is known.

Strict: the whole text is a command with the few arguments it takes, each of letters, digits and ``- _ . :``. What is
not is refused whole, and nothing of it is repeated. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from counterpoise.domain.control import Code, Hush, NotUnderstood, Question, Said, Topic, Word
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.reporting import Period

#: No command is longer.
LONGEST = 160
#: The longest time for which alerts may be held back.
LONGEST_HUSH_S = 7 * 24 * 3600
_COMMAND = re.compile(r"/([A-Za-z_]{1,32})(?:@[A-Za-z0-9_]{1,64})?((?: +\S+)*) *")
_ADDRESSED = re.compile(r"/[A-Za-z0-9_]{1,32}@([A-Za-z0-9_]{1,64})")
_ARGUMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,79}")
_CODE = re.compile(r"[0-9]{6}")
_SPAN = re.compile(r"([1-9][0-9]{0,3})(m|h|d)")
_UNITS = {"m": 60, "h": 3600, "d": 24 * 3600}
_WORDS: Mapping[str, CommandKind] = {
    "pause": CommandKind.PAUSE,
    "resume": CommandKind.RESUME,
    "reduceonly": CommandKind.REDUCE_ONLY,
    "reduce_only": CommandKind.REDUCE_ONLY,
    "flatten": CommandKind.FLATTEN,
    "approve": CommandKind.APPROVE,
    "deny": CommandKind.DENY,
}
_ANSWERS = frozenset({CommandKind.APPROVE, CommandKind.DENY})
_TOPICS: Mapping[str, Topic] = {topic.value: topic for topic in Topic}
#: What a phone may not do: words of the command line that people try here.
_ELSEWHERE = frozenset({"halt", "strategy", "target"})
_UNKNOWN = NotUnderstood(why="no such command. /help lists those there are")

_UNCLEAR = NotUnderstood(why="not understood: expected a command and at most one name. /help")


def meaning(text: str, bot: str, *, private: bool) -> Said | None:
    """Return what ``text`` means to the bot named ``bot``; None where it is not for it.

    In a group people speak to each other and to other bots; in a ``private`` chat all of it is for us.
    """
    if not private and not text.startswith("/"):
        return None
    to = _ADDRESSED.match(text)
    if to is not None and to[1].lower() != bot.lower():
        return None
    if len(text) > LONGEST:
        return NotUnderstood(why=f"too long: expected a command of at most {LONGEST} characters")
    if not text.startswith("/"):
        return Code(code=text.strip()) if _CODE.fullmatch(text.strip()) else _UNKNOWN
    found = _COMMAND.fullmatch(text)
    if found is None:
        return _UNKNOWN
    name, rest = found[1].lower(), found[2].split()
    if not all(_ARGUMENT.fullmatch(argument) for argument in rest):
        return _UNCLEAR
    if name in _ELSEWHERE:
        return NotUnderstood(why=f"only on the command line: `counterpoise {name}`")
    if name == Topic.REPORT:
        return _report(rest)
    if len(rest) > 1:
        return _UNCLEAR
    return _command(name, rest[0] if rest else None)


def pressed(data: str) -> Said:
    """Return what a button says; see :func:`button`."""
    verb, _, about = data.partition(":")
    if verb == "yes" and _CODE.fullmatch(about):
        return Code(code=about)
    if verb in {"approve", "deny"} and _ARGUMENT.fullmatch(about):
        return Word(kind=CommandKind(verb), about=about)
    return NotUnderstood(why="this button is not known (any more)")


def button(text: str, verb: str, about: str) -> dict[str, str]:
    """Return a button that :func:`pressed` understands: ``yes`` and a code, ``approve`` or ``deny`` and a request."""
    return {"text": text, "callback_data": f"{verb}:{about}"}


def _command(name: str, about: str | None) -> Said:
    if name == "start":
        # what everybody's first message to a bot is; a strategy is not started from here
        return Question(topic=Topic.HELP)
    if name in _TOPICS:
        return Question(topic=_TOPICS[name], about=about)
    if name == "confirm":
        known = about is not None and _CODE.fullmatch(about) is not None
        return (
            Code(code=about) if known and about else NotUnderstood(why="expected /confirm 123456")
        )
    if name == "mute":
        return _hush(about)
    kind = _WORDS.get(name)
    if kind is None:
        return _UNKNOWN
    if kind in _ANSWERS and about is None:
        return NotUnderstood(why=f"expected /{name} and the id of a request; /status shows them")
    return Word(kind=kind, about=about)


def _report(rest: list[str]) -> Said:
    """``/report``, ``/report week``, ``/report NAME``, ``/report week NAME``."""
    weekly = rest[:1] == ["week"]
    names = rest[1:] if weekly else rest
    if len(names) > 1:
        return NotUnderstood(why="expected /report or /report week, and at most one portfolio")
    period = Period.WEEKLY if weekly else Period.DAILY
    return Question(topic=Topic.REPORT, about=names[0] if names else None, period=period)


def _hush(span: str | None) -> Said:
    if span == "off":
        return Hush(seconds=0)
    found = _SPAN.fullmatch(span or "")
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds <= LONGEST_HUSH_S:
        return NotUnderstood(why="expected /mute 30m, /mute 2h (at most 7d), or /mute off")
    return Hush(seconds=seconds)
