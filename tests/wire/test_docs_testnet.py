"""What docs/testnet.md promises is run as it is printed: the script, against a served testnet."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import ccxt
import ccxt.async_support as ccxt_async
import pytest
from yarl import URL

from counterpoise.domain.numbers import dec
from counterpoise.venue.testnet.binance.dialect import ROUTES
from counterpoise.venue.testnet.launch import TestnetOptions, build_exchange, serving
from counterpoise.venue.testnet.server import wall_now
from tests.unit.venue.testnet import small
from tests.unit.venue.testnet.small import NOW

STEPS = (
    "markets",
    "balances",
    "klines",
    "limit",
    "limit",
    "market",
    "transfer",
    "positions",
    "funding",
)


@pytest.fixture(scope="module")
def page(repo: Path) -> str:
    return (repo / "docs" / "testnet.md").read_text()


@pytest.fixture(scope="module")
def script(page: str) -> str:
    return next(block for block in blocks(page) if "main(" in block)


def blocks(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page, re.DOTALL)


def test_the_script_is_short_and_imports_nothing_of_ours(script: str) -> None:
    lines = [line for line in script.splitlines() if line.strip()]
    assert len(lines) <= 30
    assert "counterpoise" not in script


@pytest.mark.parametrize("follows_the_wall", [True, False])
async def test_the_script_trades(script: str, follows_the_wall: bool) -> None:
    start = None if follows_the_wall else NOW
    options = TestnetOptions(synthetic=True, start=start, balance="BTC=1,USDT=50000")
    exchange = build_exchange(options, now=wall_now())
    async with serving(exchange, speed=options.market_speed) as served:
        program = await asyncio.create_subprocess_exec(
            sys.executable,
            "-W",
            "error",
            "-c",
            script,
            served.ready_line,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await program.communicate()
    told = output.decode()
    assert program.returncode == 0, told
    assert tuple(line.split()[0] for line in told.splitlines()) == STEPS
    assert "limit open canceled canceled" in told
    assert "positions [('BTC/USDT:USDT', 'short', 0.1)]" in told
    (key,) = exchange.accounts()
    (position,) = exchange.account(key).positions
    assert position.qty == dec("-0.1")
    funding = [event for event in exchange.log.after(0) if event["event"] == "funding"]
    assert len(funding) == 1


async def test_rewritten_addresses_work_and_lose_the_class_of_errors(page: str) -> None:
    snippet = next(b for b in blocks(page) if "origin()" in b)
    exchange = small.exchange()
    keys = exchange.open_account(small.BALANCE)
    async with serving(exchange) as served:
        client = ccxt_async.binance(
            {"apiKey": keys.api_key, "secret": keys.secret, "enableRateLimit": False}
        )
        client.timeout_on_exit = 0
        exec(snippet, {"ex": client, "url": served.url, "URL": URL})  # noqa: S102 - the page's own lines
        try:
            await client.load_time_difference()
            await client.load_markets()
            assert (await client.fetch_balance())["USDT"]["total"] == 50_000
            with pytest.raises(ccxt.ExchangeError, match="-2019") as caught:
                await client.create_order("BTC/USDT:USDT", "limit", "sell", 9, 81_000)
            assert type(caught.value) is ccxt.ExchangeError
        finally:
            await client.close()


async def test_the_lines_for_one_process_work(page: str) -> None:
    snippet = next(b for b in blocks(page) if "InProcessSession" in b)
    names: dict[str, Any] = {"ccxt": ccxt_async, "start": NOW}
    exec(snippet, names)  # noqa: S102 - the page's own lines
    client = names["ex"]
    client.timeout_on_exit = 0
    await client.load_markets()
    assert (await client.fetch_balance())["BTC"]["total"] == 1
    assert await client.fetch_time() == small.NOW_MS
    await client.close()


def test_the_page_lists_every_endpoint(page: str) -> None:
    listed = page[page.index("Answered are:") :]
    for method, path in ROUTES:
        name = path.split("/", 3)[3]
        assert re.search(rf"(?<![\w/]){re.escape(name)}(?![\w/])", listed), (method, path)
