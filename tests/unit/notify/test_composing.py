from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from counterpoise.domain.categories import Category
from counterpoise.domain.events import Alert, Severity, alert
from counterpoise.domain.templates import AlertTemplate, template
from counterpoise.notify.composing import Wording, message_of, span

NOW = datetime(2025, 4, 7, 6, 30, tzinfo=UTC)


def said(
    text: str,
    minutes: float = 0,
    *,
    kind: str = "hedge_adjusted",
    severity: Severity = Severity.INFO,
    key: str | None = None,
    cleared: bool = False,
) -> Alert:
    at = NOW + timedelta(minutes=minutes)
    data = {"qty": text}
    return alert("treasury", kind, severity, text, at, key=key, cleared=cleared, data=data)


def test_one_alert_is_told_as_it_is() -> None:
    one = said("Hedge of BTC adjusted")
    message = message_of([one], silent=True)
    assert (message.ids, message.count, message.silent) == ((one.id,), 1, True)
    assert (message.title, message.text) == ("Hedge adjusted", "Hedge of BTC adjusted")
    assert (message.kind, message.category) == ("hedge_adjusted", Category.HEDGE)
    assert (message.at, message.since, message.data) == (NOW, NOW, {"qty": one.text})


def test_repeats_are_counted() -> None:
    many = [said("Orders on BTC are refused", n, kind="refused") for n in range(15)]
    message = message_of(many)
    assert message.title == "Refused (x15 in 14 min)"
    assert message.text == "Orders on BTC are refused (x15 in 14 min)"
    assert message.ids == tuple(a.id for a in many)
    assert (message.since, message.at) == (NOW, NOW + timedelta(minutes=14))


def test_of_different_texts_the_newest_are_shown_and_the_loudest() -> None:
    many = [
        said(f"line {n}", n, severity=Severity.CRITICAL if n == 2 else Severity.INFO)
        for n in range(9)
    ]
    message = message_of(many)
    assert message.severity is Severity.CRITICAL
    assert message.text == (
        "x9 in 8 min, 4 earlier not shown:\n- line 2\n- line 5\n- line 6\n- line 7\n- line 8"
    )


def test_equal_texts_among_others_are_one_line_at_their_last_place() -> None:
    message = message_of([said(t, n) for n, t in enumerate("abab")])
    assert message.text == "x4 in 3 min:\n- a\n- b"


def test_a_condition_that_came_and_went_is_told_as_over_and_as_loud_as_it_was() -> None:
    key = "venue:main"
    came = said("main does not answer", 0, kind="venue", severity=Severity.WARNING, key=key)
    went = said("main answers again", 3, kind="venue", key=key, cleared=True)
    message = message_of([came, went])
    assert (message.key, message.cleared) == (key, True)
    assert message.title == "Silence of venue main is over (x2 in 3 min)"
    assert message.severity is Severity.WARNING
    assert message.text == "x2 in 3 min:\n- main does not answer\n- main answers again"


def test_what_is_of_several_kinds_is_told_by_its_category_and_carries_no_numbers() -> None:
    message = message_of([said("opened", kind="hedge_opened"), said("closed", kind="hedge_closed")])
    assert (message.kind, message.title) == ("hedge", "Hedge (x2 in 1 s)")
    assert (message.key, message.cleared, message.data) == (None, False, {})


def test_an_earlier_instant_that_was_committed_later_makes_no_negative_time() -> None:
    message = message_of([said("late", 4), said("early", 0)])
    assert (message.since, message.at) == (NOW, NOW + timedelta(minutes=4))
    assert message.text == "x2 in 4 min:\n- late\n- early"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "1 s"), (0.4, "1 s"), (1, "1 s"), (90, "90 s"), (119, "119 s"), (120, "2 min"),
        (121, "3 min"), (900, "15 min"), (7199, "120 min"), (7200, "2 h"), (7201, "3 h"),
        (172_800, "2 d"),
    ],
)  # fmt: skip
def test_a_span_is_told_in_the_unit_people_use(seconds: float, told: str) -> None:
    assert span(timedelta(seconds=seconds)) == told


def test_times_in_a_text_are_told_by_the_readers_clock_and_values_stay_exact() -> None:
    one = alert(
        "treasury", "operator", Severity.INFO, "holds until 2025-04-07 12:00:00Z", NOW,
        data={"asked_at": "2025-04-07T06:30:00.000Z"},
    )  # fmt: skip
    there = Wording(zone=ZoneInfo("Europe/Berlin"))
    message = message_of([one], wording=there)
    assert message.text == "holds until 14:00 CEST"
    assert (message.at, message.data) == (NOW, one.data)
    later = replace(one, id="b", text="over", raised_at=NOW + timedelta(days=1))
    assert "- holds until Mon 7 Apr 14:00 CEST" in message_of([one, later], wording=there).text


OWN = Wording(
    zone=ZoneInfo("Europe/Berlin"),
    templates={
        "hedge_adjusted": AlertTemplate(
            title=template("{portfolio} {asset} x{count}"), text=template("{at} {asset}: {text}")
        ),
        "venue": AlertTemplate(title=template("{venue} DOWN"), text=template("{title}!")),
    },
)


def adjusted(asset: str | None, minutes: float = 0) -> Alert:
    data = {"asset": asset} if asset is not None else {}
    at = NOW + timedelta(minutes=minutes)
    return alert("treasury", "hedge_adjusted", Severity.INFO, f"moved {asset}", at, data=data)


def test_peoples_own_words_are_used() -> None:
    message = message_of([adjusted("BTC")], wording=OWN)
    assert (message.title, message.text) == ("treasury BTC x1", "08:30 CEST BTC: moved BTC")


def test_a_value_that_is_missing_means_the_standard_words() -> None:
    message = message_of([adjusted(None)], wording=OWN)
    assert (message.title, message.text) == ("Hedge adjusted", "moved None")


def test_what_is_over_is_told_in_the_standard_words() -> None:
    key = "venue:main"
    came = said("silent", kind="venue", key=key)
    went = said("answers again", 1, kind="venue", key=key, cleared=True)
    assert message_of([came], wording=OWN).title == "main DOWN"
    assert message_of([came], wording=OWN).text == "Venue main does not answer!"
    both = message_of([came, went], wording=OWN)
    assert both.title == "Silence of venue main is over (x2 in 60 s)"
    assert both.text == "x2 in 60 s:\n- Venue main does not answer!\n- answers again"


def test_each_shown_line_of_many_is_in_ones_own_words() -> None:
    message = message_of([adjusted("BTC"), adjusted(None, 1), adjusted("ETH", 2)], wording=OWN)
    assert message.title == "Hedge adjusted (x3 in 2 min)"
    assert message.text == (
        "x3 in 2 min:\n- 08:30 CEST BTC: moved BTC\n- moved None\n- 08:32 CEST ETH: moved ETH"
    )
    same = message_of([adjusted("BTC"), adjusted("BTC", 1)], wording=OWN)
    assert same.title == "treasury BTC x2 (x2 in 60 s)"


def test_what_fills_in_nothing_but_blanks_is_not_sent_empty() -> None:
    blank = Wording(templates={"flow": AlertTemplate(text=template("{source}"), title=None)})
    one = alert("treasury", "flow", Severity.INFO, "a deposit", NOW, data={"source": " \n"})
    assert message_of([one], wording=blank).text == "a deposit"


def test_a_template_that_repeats_a_long_text_makes_no_message_that_a_broker_refuses() -> None:
    own = Wording(
        templates={"hedge_adjusted": AlertTemplate(title=None, text=template("{text} " * 300))}
    )
    message = message_of([said("Hedge of BTC adjusted " * 100)], wording=own)
    assert message.text.startswith("Hedge of BTC adjusted ")
    assert len(message.text) <= 10_000
