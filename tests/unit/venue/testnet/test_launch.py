"""Started as a program: the ready line, answers from then on, and an orderly end."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from datetime import datetime
from typing import Any

import aiohttp
import pytest

from counterpoise.domain.numbers import dec
from counterpoise.venue.sim import SimExchange
from counterpoise.venue.testnet.launch import serving
from tests.unit.venue.testnet.small import NOW_MS, Caller

PROGRAM = """
import asyncio
from datetime import UTC, datetime
from counterpoise.venue.testnet.launch import TestnetOptions, serve
asyncio.run(serve(TestnetOptions(start=datetime(2025, 3, 3, tzinfo=UTC), seed=7)))
"""


async def fetch(method: str, url: str, **options: Any) -> Any:
    async with aiohttp.ClientSession() as session, session.request(method, url, **options) as reply:
        return await reply.json(content_type=None)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
async def test_a_program_is_ready_answers_and_ends(ending: signal.Signals) -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, stdout=asyncio.subprocess.PIPE
    )
    assert program.stdout is not None
    try:
        ready = json.loads(await program.stdout.readline())
        assert set(ready) == {"url", "api_key", "secret", "now"}
        start = int(datetime.fromisoformat("2025-03-03T00:00:00+00:00").timestamp() * 1_000)
        assert ready["now"] == start
        told = await fetch("GET", f"{ready['url']}/api/v3/time")
        assert told == {"serverTime": start}
        moved = await fetch("POST", f"{ready['url']}/_control/advance", json={"seconds": 3600})
        assert moved == {"now": start + 3_600_000}
        program.send_signal(ending)
        assert await program.wait() == 0
        assert await program.stdout.read() == b""
    finally:
        if program.returncode is None:
            program.kill()
            await program.wait()


async def test_an_exchange_in_ones_own_hands_is_served(
    exchange: SimExchange, caller: Caller
) -> None:
    async with serving(exchange) as served:
        assert (served.api_key, served.secret) == (caller.api_key, caller.secret)
        assert "secret" not in repr(served)
        assert json.loads(served.ready_line)["now"] == NOW_MS
        exchange.advance(dec(1))
        told = await fetch("GET", f"{served.url}/fapi/v1/time")
        assert told == {"serverTime": NOW_MS + 1_000}


async def test_an_exchange_without_an_account_is_not_served(exchange: SimExchange) -> None:
    with pytest.raises(ValueError, match="expected an exchange with an account"):
        async with serving(exchange):
            pytest.fail("an exchange without an account was served")
