from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from io import StringIO

import pytest
from structlog.testing import capture_logs

from counterpoise.domain.events import Alert, Severity, alert
from counterpoise.notify.composing import message_of
from counterpoise.notify.console import ConsoleSink, line

AT = datetime(2025, 4, 7, 6, 30, 1, 999999, tzinfo=UTC)
OPENED = alert("treasury", "hedge_opened", Severity.INFO, "Hedge of BTC opened", AT)


def told(alert: Alert) -> str:
    return line(message_of([alert]))


async def test_one_line_per_alert_with_time_severity_portfolio_and_text() -> None:
    stream = StringIO()
    sink = ConsoleSink(stream)
    await sink.deliver(message_of([OPENED]))
    await sink.deliver(
        message_of([replace(OPENED, severity=Severity.CRITICAL, text="No answer from main")])
    )
    assert stream.getvalue() == (
        "2025-04-07 06:30:01Z  INFO      treasury  Hedge of BTC opened\n"
        "2025-04-07 06:30:01Z  CRITICAL  treasury  No answer from main\n"
    )


def test_the_time_is_utc() -> None:
    berlin = timezone(timedelta(hours=2))
    assert told(replace(OPENED, raised_at=AT.astimezone(berlin))) == told(OPENED)


@pytest.mark.parametrize("text", ["a\n2025 CRITICAL fake", "a\x1b[2J b", "a\r\nb\tc", "a\u2028b"])
def test_no_text_breaks_the_line_or_steers_the_terminal(text: str) -> None:
    shown = told(replace(OPENED, text=text))
    assert shown.isprintable()
    assert "  treasury  a " in shown


async def test_without_a_stream_it_goes_to_the_log_with_its_severity() -> None:
    condition = alert("treasury", "venue", Severity.CRITICAL, "no\nanswer", AT, key="venue:main")
    with capture_logs() as logs:
        await ConsoleSink().deliver(message_of([OPENED]))
        await ConsoleSink().deliver(message_of([replace(OPENED, severity=Severity.WARNING)]))
        await ConsoleSink().deliver(message_of([condition]))
    assert [entry["log_level"] for entry in logs] == ["info", "warning", "critical"]
    assert logs[0] == {
        "event": "Hedge of BTC opened",
        "log_level": "info",
        "portfolio": "treasury",
        "kind": "hedge_opened",
        "at": "2025-04-07 06:30:01Z",
        "alert_id": OPENED.id,
    }
    assert logs[2]["event"] == "no answer"
    assert (logs[2]["key"], logs[2]["cleared"]) == ("venue:main", False)


async def test_a_stream_that_is_closed_is_a_failed_delivery() -> None:
    stream = StringIO()
    stream.close()
    with pytest.raises(ValueError, match="closed"):
        await ConsoleSink(stream).deliver(message_of([OPENED]))


async def test_a_message_of_several_alerts_names_them_all_in_the_log() -> None:
    with capture_logs() as logs:
        await ConsoleSink().deliver(message_of([OPENED, replace(OPENED, id="other")]))
    assert logs[0]["event"] == "Hedge of BTC opened (x2 in 1 s)"
    assert logs[0]["alert_ids"] == (OPENED.id, "other")
