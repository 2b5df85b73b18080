"""What may stand between us and a server, and what a server may do that no reply is meant to."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from counterpoise.domain.errors import SinkError
from counterpoise.notify import http
from counterpoise.notify.http import LONGEST_WAIT, post, wait_of
from tests.broker import program

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@asynccontextmanager
async def server(
    answer: bytes, *, drips: bool = False, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Answer every request with ``answer``; what ``drips`` sends a byte now and then for ever."""
    talks: set[asyncio.Task[object] | None] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.current_task())
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            while drips:
                await writer.drain()
                await asyncio.sleep(0.05)  # noqa: TID251 - a real server's time
                writer.write(b".")
        except ConnectionError:
            pass
        finally:
            writer.transport.abort() if drips else writer.close()

    running = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    async with running:
        yield running.sockets[0].getsockname()[1]
    for one in talks:
        if one is not None:
            await asyncio.wait({one}, timeout=1)


@pytest.fixture
def stranger(tmp_path: Path) -> ssl.SSLContext:
    """A server whose certificate nobody has signed."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subject = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    made = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    subprocess.run(
        [program("openssl"), *made, *subject, "-out", str(cert), "-keyout", str(key)],
        check=True,
        capture_output=True,
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return context


@pytest.mark.parametrize("scheme", ["https", "HTTPS", "Https"])
async def test_a_certificate_is_checked_however_the_address_is_written(
    stranger: ssl.SSLContext, scheme: str
) -> None:
    async with server(OK, tls=stranger) as port:
        with pytest.raises(SinkError, match="certificate is not accepted"):
            await post(f"{scheme}://127.0.0.1:{port}/in", b"{}", {})


async def test_a_server_that_drips_is_not_waited_for_to_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "_CONNECT_S", 0.3)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
    async with asyncio.timeout(5), server(head, drips=True) as port:
        with pytest.raises(SinkError, match="no answer in time"):
            await post(f"http://127.0.0.1:{port}/in", b"{}", {}, patience_s=0.3)


async def test_a_proxy_that_cannot_be_used_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")
    with pytest.raises(SinkError, match="SOCKS proxy"):
        await post("http://127.0.0.1:1/secret-of-an-address", b"{}", {})


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        (3, timedelta(seconds=3)),
        (2.5, timedelta(seconds=2.5)),
        pytest.param(10**400, LONGEST_WAIT, id="huge"),
        (float("inf"), LONGEST_WAIT),
        (float("nan"), None),
        (-1, None),
        ("30", None),
        (True, None),
        (None, None),
    ],
)
def test_how_long_to_wait_is_read_whatever_is_said(said: object, wait: timedelta | None) -> None:
    assert wait_of(said) == wait
