"""What a person can say from afar, and what is said back: shared by channels (Telegram) and the program."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from counterpoise.domain.operator import CommandKind
from counterpoise.domain.reporting import Period


class Topic(StrEnum):
    """What can be asked about; nothing of it changes anything."""

    STATUS = "status"
    HEDGES = "hedges"
    ORDERS = "orders"
    MARGIN = "margin"
    PLAN = "plan"
    EXPLAIN = "explain"
    REPORT = "report"
    HELP = "help"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question about ``topic``; ``about`` is a portfolio (for EXPLAIN: a cycle), None for all there are.

    ``period`` is how far a REPORT looks back.
    """

    topic: Topic
    about: str | None = None
    period: Period = Period.DAILY


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word that changes something. ``about``: a portfolio, for APPROVE and DENY the request's id."""

    kind: CommandKind
    about: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A word said before is meant: here is the code that was asked for."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hush:
    """Nothing that is not critical shall be told for a while; ``seconds`` is 0 to end that."""

    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotUnderstood:
    """Nothing that is known; ``why`` is for the person who said it and holds nothing of what was said."""

    why: str


Said = Question | Word | Code | Hush | NotUnderstood


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """Who speaks: ``who`` and ``origin`` as they go into the audited row.

    ``id`` names what was said, whenever and however often it arrives: the command's id is made of it.
    """

    who: str
    origin: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is said back: a head line and the rest, plain text of a few lines."""

    head: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What a word would do, before it is done.

    ``changes``: whether anything would be written at all. ``needs_yes``: it trades, or lets more be traded than now.
    ``word``: the same word with the portfolio it is about, exactly what is done after a yes. ``basis``: what a yes is
    said to, which holds no longer where a later judgement has another one.
    """

    word: Word
    answer: Answer
    changes: bool
    needs_yes: bool
    basis: str
