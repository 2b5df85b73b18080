from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web

from counterpoise.domain.access import Secret
from counterpoise.domain.errors import SinkBusy, SinkError, SinkRefusal
from counterpoise.domain.events import Severity, alert
from counterpoise.domain.leaks import Leaks
from counterpoise.notify.composing import message_of
from counterpoise.notify.webhook import WebhookSink
from tests.conftest import REPO
from tests.inboxes import HookServer, Trouble, page

AT = datetime(2025, 4, 7, 12, tzinfo=UTC)
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRET = "secret-of-a-webhook-0123"
NEAR = message_of(
    [
        alert(
            "treasury",
            "margin",
            Severity.CRITICAL,
            "Liquidation is 6 % away",
            AT,
            key="margin:main",
            data={"distance": "0.06"},
        )
    ]
)


def sink(server: HookServer) -> WebhookSink:
    return WebhookSink(
        url=Secret(f"{server.url}/in/tok3n-of-a-path?k=v"),
        secret=Secret(SECRET),
        now=lambda: NOW,
        leaks=Leaks([]),
    )


@pytest.fixture
async def server() -> AsyncIterator[HookServer]:
    async with HookServer().serving() as running:
        yield running


async def test_everything_of_a_message_is_in_the_document(server: HookServer) -> None:
    await sink(server).deliver(NEAR)
    assert server.paths == ["/in/tok3n-of-a-path?k=v"]
    assert server.documents == [
        {
            "schema": 1,
            "ids": list(NEAR.ids),
            "portfolio": "treasury",
            "kind": "margin",
            "category": "margin",
            "severity": "critical",
            "title": "Margin",
            "text": "Liquidation is 6 % away",
            "since": "2025-04-07T12:00:00.000Z",
            "at": "2025-04-07T12:00:00.000Z",
            "key": "margin:main",
            "cleared": False,
            "silent": False,
            "data": {"distance": "0.06"},
        }
    ]


async def test_the_example_of_the_docs_verifies_it_and_nothing_else(server: HookServer) -> None:
    docs = (REPO / "docs" / "alerts.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```python\n(.*?)```", docs, re.DOTALL)
    assert len(shown.splitlines()) == 6
    scope: dict[str, object] = {}
    exec(shown, scope)  # noqa: S102 - it is our own example that is tried
    genuine = scope["genuine"]
    await sink(server).deliver(NEAR)
    ((headers, body),) = server.taken
    at = NOW.timestamp()
    assert genuine(headers, body, SECRET, at)  # type: ignore[operator]  # defined by the example
    assert not genuine(headers, body + b" ", SECRET, at)  # type: ignore[operator]  # as above
    assert not genuine(headers, body, "another secret", at)  # type: ignore[operator]  # as above
    assert not genuine(headers, body, SECRET, at + 301)  # type: ignore[operator]  # as above
    later = headers | {"Counterpoise-Timestamp": str(int(at) + 200)}
    assert not genuine(later, body, SECRET, at + 200)  # type: ignore[operator]  # as above


async def failure(server: HookServer, answer: Trouble) -> SinkError:
    server.answers.append(answer)
    with pytest.raises(SinkError) as told:
        await sink(server).deliver(NEAR)
    assert not server.taken
    return told.value


@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_every_2xx_is_a_receipt(server: HookServer, status: int) -> None:
    server.answers.append(web.Response(status=status))
    await sink(server).deliver(NEAR)
    assert len(server.paths) == 1


DATE = {"Date": "Wed, 21 Oct 2015 07:28:00 GMT"}


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"Retry-After": "7"}, 7),
        (429, {}, 30),
        (429, {"Retry-After": "soon"}, 30),
        (429, {"Retry-After": "99999999999999999999"}, 3600),
        (429, {"Retry-After": "-3"}, 30),
        (429, {"Retry-After": "\u0661"}, 30),
        (503, {"Retry-After": "120"}, 120),
        (503, {**DATE, "Retry-After": "Wed, 21 Oct 2015 07:29:30 GMT"}, 90),
        (503, {**DATE, "Retry-After": "Wed, 21 Oct 2015 07:27:00 GMT"}, 0),
    ],
)
async def test_who_asks_for_a_pause_gets_it(
    server: HookServer, status: int, headers: dict[str, str], seconds: int
) -> None:
    error = await failure(server, web.Response(status=status, headers=headers))
    assert isinstance(error, SinkBusy)
    assert error.retry_after == timedelta(seconds=seconds)


@pytest.mark.parametrize("status", [401, 403, 404, 405, 407, 408, 500, 502, 503, 504])
async def test_what_is_no_fault_of_the_message_is_tried_again(
    server: HookServer, status: int
) -> None:
    error = await failure(server, page(status))
    assert not isinstance(error, SinkRefusal | SinkBusy)
    assert str(status) in str(error)


@pytest.mark.parametrize("status", [400, 409, 410, 413, 415, 422])
async def test_what_is_refused_for_good_is_given_up(server: HookServer, status: int) -> None:
    error = await failure(server, page(status, "the field x is missing"))
    assert isinstance(error, SinkRefusal)
    assert str(error) == f"{status} the field x is missing"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(server: HookServer, status: int) -> None:
    async with HookServer().serving() as other:
        error = await failure(
            server, web.Response(status=status, headers={"Location": f"{other.url}/x"})
        )
        assert not isinstance(error, SinkRefusal)
        assert "redirect" in str(error)
        assert not other.paths


async def test_a_reply_without_end_is_not_read_to_its_end(server: HookServer) -> None:
    error = await failure(server, page(500, "x" * 5_000_000))
    assert len(str(error)) < 200
