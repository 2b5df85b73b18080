"""One suite for the outbox of every store: who is told what, and what is remembered of it over a restart."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random  # noqa: TID251 - seeded: the same steps for the same seed

import pytest

from counterpoise.domain.errors import StoreError
from counterpoise.domain.events import Severity, alert
from counterpoise.domain.records import Handed
from tests.contract.stores import NOW, Kept, commit

LATER = NOW + timedelta(minutes=1)


async def say(kept: Kept, *texts: str, at: datetime = NOW) -> None:
    alerts = tuple(alert("treasury", "flow", Severity.INFO, text, at) for text in texts)
    await commit(kept, alerts=alerts)


async def texts(kept: Kept, sink: str, after: int = 0, limit: int = 99) -> list[str]:
    return [row.alert.text for row in await kept.outbox.pending(sink, after, limit)]


async def settle(kept: Kept, sink: str, *words: str, how: Handed = Handed.TAKEN) -> None:
    rows = await kept.outbox.pending(sink, 0, 99)
    await kept.outbox.settled(sink, [r.seq for r in rows if r.alert.text in words], how, LATER)


async def counts(kept: Kept) -> tuple[int, int]:
    found = await kept.outbox.counts()
    return found["pending"], found["dead"]


async def test_an_alert_is_told_once_however_often_it_is_committed(started: Kept) -> None:
    await started.outbox.enrol(["ear"], NOW)
    for _ in range(2):
        await say(started, "one", "one")
    assert await texts(started, "ear") == ["one"]
    await settle(started, "ear", "one")
    await say(started, "one")
    assert await texts(started, "ear") == []


async def test_the_outbox_keeps_the_order_of_commits(started: Kept) -> None:
    # an earlier instant committed later still comes later
    said = ["third", "first", "second"]
    for number, message in enumerate(said):
        await say(started, message, at=NOW - timedelta(hours=number))
    await started.outbox.enrol(["ear"], NOW)
    await started.restart()
    rows = await started.outbox.pending("ear", 0, 9)
    assert [row.alert.text for row in rows] == said
    assert [row.seq for row in rows] == sorted({row.seq for row in rows})
    assert await started.outbox.pending("ear", 0, 2) == rows[:2]
    assert await started.outbox.pending("ear", rows[0].seq, 9) == rows[1:]

    await started.outbox.settled("ear", [rows[0].seq, rows[2].seq], Handed.TAKEN, NOW)
    await started.restart()
    assert await started.outbox.pending("ear", 0, 9) == (rows[1],)
    await started.outbox.settled("ear", [rows[0].seq, 4711], Handed.TAKEN, NOW)
    await started.outbox.settled("ear", [], Handed.TAKEN, NOW)
    assert await counts(started) == (1, 0)
    await say(started, "fourth")
    assert await texts(started, "ear") == ["first", "fourth"]


async def test_each_sink_has_its_own_and_an_alert_is_done_with_when_all_are(started: Kept) -> None:
    await started.outbox.enrol(["phone", "log"], NOW)
    await say(started, "a", "b", "c")
    await settle(started, "log", "a", "b", "c")
    await settle(started, "phone", "b", how=Handed.OFF)
    await started.restart()
    assert await texts(started, "log") == []
    assert await texts(started, "phone") == ["a", "c"]
    assert await counts(started) == (2, 0)
    log, phone = await started.outbox.sinks()
    assert (log.name, log.pending, phone.name, phone.pending) == ("log", 0, "phone", 2)
    await settle(started, "phone", "a", "c")
    assert await counts(started) == (0, 0)


async def test_the_first_sinks_get_what_waits_and_one_that_joins_later_does_not(
    started: Kept,
) -> None:
    await say(started, "old")
    await started.outbox.enrol(["log"], NOW)
    assert await texts(started, "log") == ["old"]
    await started.outbox.enrol(["log", "phone"], LATER)
    await started.outbox.enrol(["log", "phone"], LATER + timedelta(hours=1))
    await say(started, "new")
    await started.restart()
    assert await texts(started, "log") == ["old", "new"]
    assert await texts(started, "phone") == ["new"]
    assert [s.joined_at for s in await started.outbox.sinks()] == [NOW, LATER]


async def test_one_that_joins_when_all_was_told_gets_what_comes_then(started: Kept) -> None:
    await started.outbox.enrol(["log"], NOW)
    await say(started, "told")
    await settle(started, "log", "told")
    await started.outbox.enrol(["phone"], LATER)
    await say(started, "new")
    assert await texts(started, "phone") == ["new"]


async def test_a_removed_sink_holds_nothing_back_and_joins_anew(started: Kept) -> None:
    await started.outbox.enrol(["log", "phone"], NOW)
    await say(started, "a", "b", "c")
    await settle(started, "log", "a", "c")
    await settle(started, "phone", "c", how=Handed.DEAD)
    assert await counts(started) == (2, 1)
    await started.outbox.enrol(["log"], LATER)
    assert await counts(started) == (1, 0)
    assert await texts(started, "log") == ["b"]
    with pytest.raises(StoreError, match="phone was never enrolled"):
        await started.outbox.pending("phone", 0, 9)
    await started.outbox.enrol(["log", "phone"], LATER)
    assert await texts(started, "phone") == []
    assert [s.dead for s in await started.outbox.sinks()] == [0, 0]


async def test_what_a_sink_was_given_up_for_is_counted_and_waits_for_nobody(started: Kept) -> None:
    await started.outbox.enrol(["log", "phone"], NOW)
    await say(started, "a", "poison", "b")
    await settle(started, "phone", "poison", how=Handed.DEAD)
    await settle(started, "phone", "a", "b")
    await settle(started, "log", "a", "poison", "b")
    await started.restart()
    assert await counts(started) == (0, 1)
    log, phone = await started.outbox.sinks()
    assert (log.dead, phone.dead, phone.pending) == (0, 1, 0)
    assert (phone.last_error, phone.failures) == (None, 0)
    # the first word stays
    rows = range(1, 4)
    await started.outbox.settled("phone", rows, Handed.TAKEN, LATER)
    assert await counts(started) == (0, 1)
    await say(started, "c")
    (row,) = await started.outbox.pending("phone", 0, 9)
    await started.outbox.settled("phone", [row.seq], Handed.DEAD, LATER, "too long")
    phone = (await started.outbox.sinks())[1]
    assert (phone.last_error, phone.last_error_at, phone.failures) == ("too long", LATER, 0)


async def test_failures_are_remembered_until_something_is_taken(started: Kept) -> None:
    await started.outbox.enrol(["phone"], NOW)
    await say(started, "a", "b")
    await started.outbox.failed("phone", "no route", NOW)
    await started.outbox.failed("phone", "still none", LATER)
    await settle(started, "phone", "a", how=Handed.OFF)
    await started.restart()
    (phone,) = await started.outbox.sinks()
    assert (phone.failures, phone.failing_since) == (2, NOW)
    assert (phone.last_error, phone.last_error_at) == ("still none", LATER)
    await settle(started, "phone", "b")
    (phone,) = await started.outbox.sinks()
    assert (phone.failures, phone.failing_since, phone.last_error) == (0, None, "still none")
    await started.outbox.failed("phone", "again", LATER)
    (phone,) = await started.outbox.sinks()
    assert (phone.failures, phone.failing_since) == (1, LATER)


async def test_who_is_not_enrolled_is_told_so(started: Kept) -> None:
    with pytest.raises(ValueError, match="at least one sink"):
        await started.outbox.enrol([], NOW)
    for call in (
        started.outbox.pending("nobody", 0, 9),
        started.outbox.settled("nobody", [1], Handed.TAKEN, NOW),
        started.outbox.failed("nobody", "no", NOW),
    ):
        with pytest.raises(StoreError, match="nobody was never enrolled"):
            await call


@pytest.mark.parametrize("seed", range(6))
async def test_any_order_of_joining_leaving_and_telling_agrees_with_a_list(
    started: Kept, seed: int
) -> None:
    """Against the plainest model there is: per sink a list of what it waits for."""
    dice = Random(seed)  # noqa: S311 - no secret
    waiting: dict[str, list[str]] = {"a": []}
    dead: dict[str, set[str]] = {"a": set()}
    await started.outbox.enrol(["a"], NOW)
    for step in range(60):
        sink = dice.choice(sorted(waiting))
        what = dice.randrange(10)
        if what < 4:
            words = [f"{step}.{n}" for n in range(dice.randint(1, 4))]
            await say(started, *words)
            for known in waiting.values():
                known.extend(words)
        elif what < 8 and waiting[sink]:
            words = dice.sample(waiting[sink], dice.randint(1, len(waiting[sink])))
            how = dice.choice(list(Handed))
            await settle(started, sink, *words, how=how)
            dead[sink] |= set(words) if how is Handed.DEAD else set()
            waiting[sink] = [w for w in waiting[sink] if w not in words]
        elif what == 8:
            names = set(dice.sample("abc", dice.randint(1, 3)))
            await started.outbox.enrol(names, NOW)
            waiting = {n: waiting.get(n, []) for n in names}
            dead = {n: dead.get(n, set()) for n in names}
        else:
            await started.restart()
        for name, words in waiting.items():
            assert await texts(started, name, limit=999) == words
        assert await counts(started) == (
            len(set().union(*waiting.values())),
            len(set().union(*dead.values())),
        )
        stand = {s.name: (s.pending, s.dead) for s in await started.outbox.sinks()}
        assert stand == {n: (len(w), len(dead[n])) for n, w in waiting.items()}


@pytest.mark.parametrize(
    "poison", ["a \ud800 b", "a\0b", "\x1b[31m\x07", "\u202eabc", "x" * 1_000_000]
)
async def test_whatever_a_venue_wrote_can_be_told(started: Kept, poison: str) -> None:
    """A text that cannot be kept would undo the commit it is part of, and with it the look."""
    await started.outbox.enrol(["ear"], NOW)
    await say(started, poison, "after")
    told = await texts(started, "ear")
    assert len(told) == 2
    assert told[1] == "after"
    assert told[0].encode()
