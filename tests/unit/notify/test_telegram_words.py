from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterpoise.domain.control import Code, Hush, NotUnderstood, Question, Said, Topic, Word
from counterpoise.domain.operator import CommandKind
from counterpoise.domain.reporting import Period
from counterpoise.notify.telegram_updates import Passed, Update, read
from counterpoise.notify.telegram_words import LONGEST, button, meaning, pressed

BOT = "Hedging_Bot"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/status", Question(topic=Topic.STATUS)),
        ("/STATUS@hedging_bot treasury ", Question(topic=Topic.STATUS, about="treasury")),
        ("/explain t-2026-01-05T00:00:00.000Z", Question(topic=Topic.EXPLAIN, about="t-2026-01-05T00:00:00.000Z")),
        ("/report", Question(topic=Topic.REPORT)),
        ("/report treasury", Question(topic=Topic.REPORT, about="treasury")),
        ("/Report week", Question(topic=Topic.REPORT, period=Period.WEEKLY)),
        ("/report week week", Question(topic=Topic.REPORT, about="week", period=Period.WEEKLY)),
        ("/start", Question(topic=Topic.HELP)),
        ("/start abc", Question(topic=Topic.HELP)),
        ("/pause", Word(kind=CommandKind.PAUSE)),
        ("/reduceonly  p", Word(kind=CommandKind.REDUCE_ONLY, about="p")),
        ("/flatten", Word(kind=CommandKind.FLATTEN)),
        ("/approve 0a1b2c3d", Word(kind=CommandKind.APPROVE, about="0a1b2c3d")),
        ("/confirm 012345", Code(code="012345")),
        (" 012345 ", None),
        ("012345", Code(code="012345")),
        ("/mute 2h", Hush(seconds=7200)),
        ("/mute 30m", Hush(seconds=1800)),
        ("/mute off", Hush(seconds=0)),
    ],
)  # fmt: skip
def test_what_is_understood(text: str, said: Said | None) -> None:
    assert meaning(text, BOT, private=True) == (said or Code(code=text.strip()))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "resume",
        "please /resume",
        "/halt",
        "/resume now please",
        "/report week treasury now",
        "/report treasury week",
        "/report week <b>p</b>",
        "/resume p;DROP TABLE commands",
        "/resume ' OR 1=1 --",
        "/resume <b>p</b>",
        "/resume p\n/flatten",
        "/pause\u202ep",
        "/\uff50ause",
        "/pause ../../etc/passwd",
        "/approve",
        "/approve -1",
        "/confirm",
        "/confirm 12345",
        "/confirm ١٢٣٤٥٦",
        "/mute",
        "/mute 0h",
        "/mute 8d",
        "/mute 2h30m",
        "/" + "a" * 40,
        "/pause " + "p" * LONGEST,
        "/pause" + " " * LONGEST,
    ],
)
def test_what_is_not_understood_is_refused_whole_and_not_repeated(text: str) -> None:
    said = meaning(text, BOT, private=True)
    assert isinstance(said, NotUnderstood)
    assert "DROP" not in said.why
    assert "<" not in said.why


@pytest.mark.parametrize("text", ["/status@other_bot", "hello", "123456", "/pause@hedging_bot2 p"])
def test_what_people_in_a_group_say_to_others_is_none_of_ours(text: str) -> None:
    assert meaning(text, BOT, private=False) is None


@given(st.text(max_size=300))
def test_any_text_is_something_or_nothing(text: str) -> None:
    said = meaning(text, BOT, private=True)
    if isinstance(said, Word):
        assert text.startswith("/")
    assert pressed(text) is not None


def test_a_button_is_read_back() -> None:
    assert pressed(button("Yes", "yes", "123456")["callback_data"]) == Code(code="123456")
    assert pressed("approve:0a1b") == Word(kind=CommandKind.APPROVE, about="0a1b")
    assert pressed("deny:0a1b") == Word(kind=CommandKind.DENY, about="0a1b")
    for other in ("", "resume:p", "yes:12345", "flatten", "approve:", "approve:<b>"):
        assert isinstance(pressed(other), NotUnderstood), other


MESSAGE = {
    "message_id": 1,
    "date": 1_767_571_200,
    "text": "/status",
    "chat": {"id": 4711, "type": "private"},
    "from": {"id": 815, "is_bot": False, "username": "ada"},
}


def test_a_message_is_read() -> None:
    assert read({"update_id": 7, "message": MESSAGE}) == Update(
        id=7, chat=4711, user=815, name="ada", text="/status", at=datetime(2026, 1, 5, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"text": None},
        {"text": {"a": 1}},
        {"from": {"id": 815, "is_bot": True}},
        {"from": {"id": 815}},
        {"from": {"id": "815", "is_bot": False}},
        {"from": {"id": True, "is_bot": False}},
        {"from": None},
        {"chat": {}},
        {"chat": []},
        {"date": "now"},
        {"date": 10**30},
        {"forward_origin": {}},
        {"forward_date": 1},
        {"via_bot": {}},
        {"sender_chat": {}},
        {"edit_date": 1},
    ],
)
def test_what_is_no_persons_own_new_text_is_passed(changes: dict[str, object]) -> None:
    assert isinstance(read({"update_id": 7, "message": {**MESSAGE, **changes}}), Passed)


@pytest.mark.parametrize(
    "kind", ["edited_message", "channel_post", "my_chat_member", "inline_query"]
)
def test_other_kinds_are_passed(kind: str) -> None:
    assert isinstance(read({"update_id": 7, kind: MESSAGE}), Passed)


@pytest.mark.parametrize("raw", [None, [], "x", {}, {"update_id": "7"}, {"update_id": True}])
def test_what_has_no_id_is_nothing(raw: object) -> None:
    assert read(raw) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "from", "chat", "text", "date", "data", "message", "is_bot", "message_id"]),
            inner,
            max_size=6,
        )
    ),
)  # fmt: skip


@given(st.sampled_from(["message", "callback_query", "poll"]), JSON)
def test_whatever_arrives_is_read_without_breaking(kind: str, content: object) -> None:
    assert read({"update_id": 7, kind: content}) is not None


@pytest.mark.parametrize("text", ["/halt", "/HALT treasury", "/strategy convert calm-down"])
def test_what_a_phone_may_not_do_is_said_to_be_on_the_command_line(text: str) -> None:
    said = meaning(text, BOT, private=True)
    name = text.split(maxsplit=1)[0].removeprefix("/").lower()
    assert said == NotUnderstood(why=f"only on the command line: `counterpoise {name}`")
