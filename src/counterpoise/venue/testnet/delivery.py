"""How a reply goes out over a socket: whole, late, torn, or not at all."""

from __future__ import annotations

import asyncio
import socket
import struct

from aiohttp import web

from counterpoise.venue.testnet.http import Delivery, Response

#: How often it is looked whether a caller that gets no answer has gone.
GLANCE_S = 0.05
#: Close at once and send a reset instead of an orderly end.
_AT_ONCE = struct.pack("ii", 1, 0)


async def delivered(request: web.BaseRequest, response: Response) -> web.StreamResponse:
    """Return what aiohttp shall send for ``response``, after having done to the connection what was asked for."""
    if response.delay_s > 0:
        await asyncio.sleep(float(response.delay_s))
    headers, body = dict(response.headers), response.body.encode()
    match response.delivery:
        case Delivery.WHOLE:
            return web.Response(status=response.status, body=body, headers=headers)
        case Delivery.NEVER:
            while not _gone(request):  # noqa: ASYNC110  # nothing tells of a caller that hangs up
                await asyncio.sleep(GLANCE_S)
        case Delivery.RESET:
            _reset(request)
        case Delivery.CUT:
            return await _torn(request, response.status, headers, body, response.cut_at)
    # nobody is there any more to read it
    return web.Response(status=response.status)


async def _torn(
    request: web.BaseRequest, status: int, headers: dict[str, str], body: bytes, cut_at: int
) -> web.StreamResponse:
    """Announce the whole body, send ``cut_at`` bytes of it and end the connection."""
    reply = web.StreamResponse(status=status, headers=headers)
    reply.content_length = len(body)
    await reply.prepare(request)
    await reply.write(body[:cut_at])
    if request.transport is not None:
        request.transport.close()
    return reply


def _gone(request: web.BaseRequest) -> bool:
    return request.transport is None or request.transport.is_closing()


def _reset(request: web.BaseRequest) -> None:
    transport = request.transport
    if transport is None:
        return
    line = transport.get_extra_info("socket")
    if line is not None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    transport.abort()
