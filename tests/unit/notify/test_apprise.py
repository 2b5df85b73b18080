from __future__ import annotations

import asyncio
import logging
import sys
import warnings
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_string, policy

import pytest

from counterpoise.domain.access import Secret
from counterpoise.domain.errors import SinkError
from counterpoise.domain.events import Severity, alert
from counterpoise.domain.leaks import Leaks
from counterpoise.notify.apprise import AppriseMissing, AppriseSink
from counterpoise.notify.composing import message_of
from tests.inboxes import HANG, HookServer, MailServer, page

AT = datetime(2025, 4, 7, 12, tzinfo=UTC)
OPENED = message_of([alert("treasury", "hedge_opened", Severity.INFO, "Hedge of BTC\nopened", AT)])
PASSWORD = "pa55word-of-a-test"

with warnings.catch_warnings():
    # it asks for modules that Python is about to drop
    warnings.simplefilter("ignore")
    import apprise

    apprise.Apprise().add("json://localhost")


def sink(url: str) -> AppriseSink:
    return AppriseSink(url=Secret(url), zone=UTC, leaks=Leaks([]))


@pytest.fixture
async def web() -> AsyncIterator[HookServer]:
    async with HookServer().serving() as running:
        yield running


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    server = MailServer()
    await server.start()
    yield server
    await server.stop()


def json_url(server: HookServer, more: str = "") -> str:
    return f"{server.url.replace('http:', 'json:')}/{more}"


def mail_url(server: MailServer) -> str:
    address = f"mailto://bot:{PASSWORD}@127.0.0.1:{server.port}"
    return f"{address}?smtp=127.0.0.1&mode=insecure&from=bot@test.invalid&to=me@test.invalid"


@pytest.mark.parametrize(
    ("severity", "cleared", "kind"),
    [
        (Severity.INFO, False, "info"),
        (Severity.WARNING, False, "warning"),
        (Severity.CRITICAL, False, "failure"),
        (Severity.CRITICAL, True, "success"),
    ],
)
async def test_a_service_is_told_in_its_own_words(
    web: HookServer, severity: Severity, cleared: bool, kind: str
) -> None:
    await sink(json_url(web)).deliver(replace(OPENED, severity=severity, cleared=cleared))
    (document,) = web.documents
    assert document["type"] == kind
    assert document["title"].endswith("Hedge opened")
    assert document["message"] == (
        f"Hedge of BTC\nopened\n\n2025-04-07 12:00 UTC, id {OPENED.ids[0]}"
    )


async def test_a_mail_arrives(mail: MailServer) -> None:
    await sink(mail_url(mail)).deliver(OPENED)
    (one,) = mail.mails
    made = message_from_string(one, policy=policy.default)
    assert made["subject"] == "Hedge opened"
    assert made["to"] == "me@test.invalid"
    assert mail.logins
    body = made.get_body(("plain", "html"))
    assert body is not None
    assert OPENED.ids[0] in body.get_content()


async def test_a_mail_server_that_is_down_is_tried_again_and_takes_it_when_it_is_back(
    mail: MailServer,
) -> None:
    there = sink(mail_url(mail))
    await mail.stop()
    with pytest.raises(SinkError) as told:
        await there.deliver(OPENED)
    assert PASSWORD[:6] not in str(told.value)
    await mail.start()
    # another one, as after a restart: Apprise leaves 5 s between two mails of the same
    await sink(mail_url(mail)).deliver(OPENED)
    assert len(mail.mails) == 1


async def test_a_mail_that_is_not_taken_is_no_receipt(mail: MailServer) -> None:
    mail.refuses = "550 nobody of that name"
    with pytest.raises(SinkError, match="not taken"):
        await sink(mail_url(mail)).deliver(OPENED)
    assert not mail.mails


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
async def test_what_a_service_does_not_take_is_told_with_its_status(
    web: HookServer, status: int
) -> None:
    web.answers.append(page(status))
    with pytest.raises(SinkError, match=f"error={status}"):
        await sink(json_url(web)).deliver(OPENED)


async def test_a_service_that_hangs_is_waited_for_before_it_is_sent_to_again(
    web: HookServer,
) -> None:
    web.answers.append(HANG)
    there = sink(json_url(web, "?rto=1"))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await there.deliver(OPENED)
    # the first attempt is still under way: the second waits for its end, and only then begins
    await there.deliver(OPENED)
    assert len(web.paths) == 2
    assert len(web.documents) == 1


async def test_a_late_receipt_of_the_same_alerts_is_one(web: HookServer) -> None:
    there = sink(json_url(web))
    task = asyncio.create_task(there.deliver(OPENED))
    while there._running is None:  # noqa: ASYNC110 - it begins in the very next step
        await asyncio.sleep(0)  # noqa: TID251 - lets the task run, waits for nothing
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await there.deliver(OPENED)
    assert len(web.documents) == 1


@pytest.mark.parametrize("url", ["nonsense://x", "mailto://", "slack://short"])
def test_an_address_that_apprise_does_not_know_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ValueError, match="an address that Apprise knows") as told:
        sink(url)
    assert url not in str(told.value)


def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(AppriseMissing, match=r"pip install counterpoise\[notify\]"):
        sink("json://localhost")


class Kept(logging.Handler):
    """Keeps every record that gets to the top."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(f"{record.name} {record.getMessage()}")


async def test_its_log_goes_nowhere_but_to_us(web: HookServer) -> None:
    root, kept = logging.getLogger(), Kept()
    level = root.level
    root.addHandler(kept)
    root.setLevel(logging.DEBUG)
    try:
        web.answers.append(page(500))
        with pytest.raises(SinkError, match="error=500"):
            await sink(json_url(web, "path-t0ken-of-a-test")).deliver(OPENED)
    finally:
        root.removeHandler(kept)
        root.setLevel(level)
    assert not [line for line in kept.said if line.startswith("apprise") or "t0ken" in line]
