"""A TCP proxy on the loopback that breaks what passes through it: latency, black hole, cut after n bytes, reset.

It stands between a real client and a real server, so that what breaks is the connection itself and not a reply that
somebody made up. ``mode`` may change at any time and holds for all that passes from then on, also on connections that
are open already.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

CHUNK = 65_536


class Mode(StrEnum):
    """What happens to what the server answers."""

    CLEAR = "clear"
    LATE = "late"  # every reply comes ``latency_s`` later
    BLACK_HOLE = "black hole"  # requests arrive, replies never
    DEAF = "deaf"  # requests never arrive, nothing is ever said
    CUT = "cut"  # the connection ends after ``after`` bytes of the reply
    RESET = "reset"  # the same, by a reset


@dataclass
class Proxy:
    """One door in front of ``host``:``port``; ``passed`` counts the requests' bytes that went through."""

    host: str
    port: int
    mode: Mode = Mode.CLEAR
    latency_s: float = 0.05
    after: int = 0
    url: str = ""
    passed: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until either side ends it."""
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        server_reader, server_writer = await asyncio.open_connection(self.host, self.port)
        try:
            async with asyncio.TaskGroup() as both:
                answers = both.create_task(self._answers(server_reader, writer))
                requests = both.create_task(self._requests(reader, server_writer))
                await asyncio.wait((answers, requests), return_when=asyncio.FIRST_COMPLETED)
                answers.cancel()
                requests.cancel()
        finally:
            for end in (writer, server_writer):
                end.close()

    async def _requests(self, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            if self.mode is Mode.DEAF:
                continue
            self.passed += len(data)
            server.write(data)
            await server.drain()

    async def _answers(self, server: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = self.after
        while data := await server.read(CHUNK):
            match self.mode:
                case Mode.BLACK_HOLE | Mode.DEAF:
                    continue
                case Mode.LATE:
                    await asyncio.sleep(self.latency_s)  # noqa: TID251  # latency on a real wire is real
                case Mode.CUT | Mode.RESET:
                    writer.write(data[:left])
                    await writer.drain()
                    left -= len(data)
                    if left <= 0:
                        self._end(writer)
                        return
                    continue
            writer.write(data)
            await writer.drain()

    def _end(self, writer: asyncio.StreamWriter) -> None:
        if self.mode is not Mode.RESET:
            return
        line = writer.get_extra_info("socket")
        # no orderly end: what was not read yet is lost with it
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async def end(self) -> None:
        """End every connection."""
        for task in [*self._tasks]:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[Proxy]:
    """Open a proxy in front of ``url``."""
    parts = urlsplit(url)
    proxy = Proxy(host=str(parts.hostname), port=int(parts.port or 80))
    server = await asyncio.start_server(proxy.meet, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
        await server.wait_closed()
