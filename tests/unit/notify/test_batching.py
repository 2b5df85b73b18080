from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.events import Severity, alert
from counterpoise.domain.records import OutboxRow
from counterpoise.domain.routing import QuietHours
from counterpoise.notify.batching import Case, batches, due, lot_of

MIDNIGHT = datetime(2025, 4, 7, tzinfo=UTC)
NIGHT = QuietHours(start=time(22), end=time(7))
MATTERS = (
    ("hedge_opened", None),
    ("hedge_closed", None),
    ("venue", "venue:main"),
    ("venue", "venue:side"),
    ("hold", "hold:stale"),
    ("state_lowered", "hold:equity_too_low"),
    ("margin", "margin:main/USDT:near"),
)


@st.composite
def outboxes(draw: st.DrawFn) -> tuple[OutboxRow, ...]:
    """Rows of two days, of a few topics, some critical."""
    picks = draw(st.lists(st.tuples(st.sampled_from(MATTERS), st.integers(0, 5)), max_size=40))
    minutes = sorted(draw(st.lists(st.integers(0, 2880), min_size=40, max_size=40)))
    return tuple(
        OutboxRow(
            seq=n + 1,
            alert=alert(
                "p",
                kind,
                Severity.CRITICAL if loud == 0 else Severity.INFO,
                f"{n}",
                MIDNIGHT + timedelta(minutes=minutes[n]),
                key=key,
            ),
        )
        for n, ((kind, key), loud) in enumerate(picks)
    )


def topic(row: OutboxRow) -> str:
    return row.alert.key or row.alert.kind


@given(
    rows=outboxes(),
    room=st.none() | st.integers(1, 12),
    hour=st.integers(0, 47),
    quiet=st.none() | st.just(NIGHT),
    failing=st.booleans(),
)
def test_all_that_is_due_goes_once_and_no_topic_overtakes_itself(
    rows: tuple[OutboxRow, ...],
    room: int | None,
    hour: int,
    quiet: QuietHours | None,
    failing: bool,
) -> None:
    now = MIDNIGHT + timedelta(hours=hour)
    last = {lot_of(rows[0].alert)} if rows and failing else set()
    apart = {row.seq: row.seq % 2 for row in rows[: len(rows) // 4]} if failing else {}
    case = Case(now=now, quiet=quiet, room=room, apart=apart, last=last)
    may_go = due(rows, case)
    made = batches(may_go, case)
    sent = [row for batch in made for row in batch.rows]
    assert sorted(r.seq for r in sent) == [r.seq for r in may_go]
    if not failing:
        for one in {topic(r) for r in sent}:
            seqs = [r.seq for r in sent if topic(r) == one]
            assert seqs == sorted(seqs)
    for batch in made:
        assert len({lot_of(r.alert) for r in batch.rows}) == 1
    if quiet is not None and quiet.covers(now):
        held = {r.seq for r in rows} - {r.seq for r in may_go}
        assert all(r.alert.severity is not Severity.CRITICAL for r in rows if r.seq in held)
        for row in may_go:
            later = [r for r in rows if topic(r) == topic(row) and r.seq >= row.seq]
            assert any(r.alert.severity is Severity.CRITICAL for r in later)
    else:
        assert may_go == rows


@given(rows=outboxes(), hour=st.integers(0, 47))
def test_with_room_for_all_each_is_a_message_of_its_own(
    rows: tuple[OutboxRow, ...], hour: int
) -> None:
    case = Case(now=MIDNIGHT + timedelta(hours=hour), room=len(rows) or 1)
    assert all(len(b.rows) == 1 for b in batches(rows, case))


@given(rows=outboxes(), room=st.integers(7, 40))
def test_no_more_messages_are_made_than_there_is_room_where_categories_allow_it(
    rows: tuple[OutboxRow, ...], room: int
) -> None:
    assert len(batches(rows, Case(now=MIDNIGHT, room=room))) <= room


def test_where_there_is_not_room_for_all_the_louder_go_first() -> None:
    said = (
        ("hedge_opened", Severity.INFO),
        ("hedge_closed", Severity.INFO),
        ("refused", Severity.WARNING),
        ("flow", Severity.INFO),
        ("venue", Severity.CRITICAL),
    )
    rows = tuple(
        OutboxRow(seq=n, alert=alert("p", kind, loud, kind, MIDNIGHT))
        for n, (kind, loud) in enumerate(said)
    )
    made = batches(rows, Case(now=MIDNIGHT, room=4))
    assert [[r.seq for r in b.rows] for b in made] == [[4], [2], [0, 1], [3]]
    after_the_night = batches(rows, Case(now=MIDNIGHT + timedelta(hours=8), quiet=NIGHT))
    assert [b.rows[0].alert.kind for b in after_the_night][:2] == ["venue", "refused"]
    # with room for all of them the story is told as it went
    assert [b.rows[0].seq for b in batches(rows, Case(now=MIDNIGHT))] == [4, 0, 1, 2, 3]
