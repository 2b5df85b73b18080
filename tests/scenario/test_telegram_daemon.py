"""The daemon on the practice exchange, steered from a phone: what the log of the exchange says came of it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from counterpoise.app.clock import WallClock
from tests.inboxes import CHAT, HANG, TOKEN, USER, BotServer
from tests.scenario.processes import PATIENCE_S, Desk, Testnet, make_desk

TURN_S = Decimal("0.05")
DAY_MS = 24 * 3600 * 1000
ALERTS = """\
alerts:
  telegram:
    token_file: token
    chats: [{chat}]
    rate: 1000
    base_url: {url}
    control: {{chats: [{chat}], users: [{user}], confirm_within: 1m}}
portfolios:"""


#: Two hedges, each of which asks before it trades; market time flies.
ASKING = (
    ("    quote: USDT", "    quote: USDT\n    approve: {plans: always, deadline: 7d}"),
    ("{kind: drift, id: keep-shape}", "{kind: hedge, id: half-eth, asset: ETH, ratio: 50%}"),
)


def desk_with(server: BotServer, testnet: Testnet, folder: Path, *changes: tuple[str, str]) -> Desk:
    alerts = ALERTS.format(url=server.url, chat=CHAT, user=USER)
    desk = make_desk(folder, testnet, [*changes, ("portfolios:", alerts)])
    (folder / "token").write_text(TOKEN)
    (folder / "token").chmod(0o600)
    return desk


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait for ``condition`` while the server goes on answering."""
    clock = WallClock()
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await clock.sleep(TURN_S)
    except TimeoutError:
        pytest.fail(f"gave up waiting: {what}")


async def test_a_daemon_is_paused_resumed_and_flattened_from_a_phone(tmp_path: Path) -> None:
    server = BotServer(per_minute=10_000)
    async with server.serving():
        with Testnet() as testnet:
            desk = desk_with(server, testnet, tmp_path / "desk")
            daemon = desk.daemon()
            try:
                await steered(server, testnet)
            finally:
                daemon.terminate()
                code = await asyncio.to_thread(daemon.wait, 30)
    assert code == 0
    assert server.broken == []
    assert TOKEN.partition(":")[2][:6] not in desk.log
    assert "Traceback" not in desk.log


async def steered(server: BotServer, testnet: Testnet) -> None:
    def said(text: str) -> bool:
        return any(text in told for _, told, _ in server.taken)

    def write(text: str, user: int = USER) -> None:
        server.write(text, at=WallClock().now().timestamp(), user=user)

    async def positions() -> dict[str, object]:
        return dict(await asyncio.to_thread(testnet.positions))

    await until(lambda: said("BTC hedge opened"), "a hedge is told")
    write("/flatten", user=999)
    write("/status")
    await until(lambda: said("book RUN"), "the state is told")
    write("/pause")
    await until(lambda: said("trading state RUN -> CANCEL_ONLY"), "the daemon has heeded it")
    write("/resume")
    await until(lambda: said("Resume (book)"), "it asks first")
    server.press(server.buttons["Yes: resume"])
    await until(lambda: said("trading state CANCEL_ONLY -> RUN"), "the daemon has heeded it")
    assert await positions()
    write("/flatten")
    await until(lambda: said("Flatten (book)"), "it asks first")
    server.press(server.buttons["Yes: flatten"])
    await until(lambda: said("Own futures are closed and no order of ours works"), "it is flat")
    assert await positions() == {}


async def test_a_plan_waits_for_a_yes_from_a_phone(tmp_path: Path) -> None:
    server = BotServer(per_minute=10_000)
    async with server.serving():
        with Testnet() as testnet:
            desk = desk_with(server, testnet, tmp_path / "desk", *ASKING)
            daemon = desk.daemon()
            try:
                await approved(server, testnet)
            finally:
                daemon.terminate()
                code = await asyncio.to_thread(daemon.wait, 30)
    assert code == 0
    assert server.broken == []
    assert "Traceback" not in desk.log


async def approved(server: BotServer, testnet: Testnet) -> None:
    """Two hedges ask: to one a person says no, to the other yes."""

    def said(text: str) -> bool:
        return any(text in told for _, told, _ in server.taken)

    def request(strategy: str) -> str:
        texts = [told for _, told, _ in server.taken if f"{strategy} would take its" in told]
        assert " of slippage. Margin after: " in texts[-1], "what a yes costs, and leaves"
        return re.findall(r"counterpoise approve ([0-9a-f]{8})", texts[-1])[-1]

    def write(text: str) -> None:
        server.write(text, at=WallClock().now().timestamp(), user=USER)

    await until(lambda: said("half-btc would take its futures on BTC from 0 to"), "one asks")
    await until(lambda: said("half-eth would take its futures on ETH from 0 to"), "both ask")
    write(f"/deny {request('half-eth')}")
    await until(lambda: said("half-eth may go no further than 0 on ETH"), "the no is heeded")
    assert await asyncio.to_thread(testnet.placed) == []
    write(f"/approve {request('half-btc')}")
    await until(lambda: "Yes: approve" in server.buttons, "it asks once more")
    assert await asyncio.to_thread(testnet.placed) == []
    server.press(server.buttons["Yes: approve"])
    await until(lambda: said("BTC hedge opened"), "it trades")
    assert set(await asyncio.to_thread(testnet.positions)) == {"BTCUSDT"}


async def test_a_request_that_nobody_answers_trades_nothing(tmp_path: Path) -> None:
    server = BotServer(per_minute=10_000)
    async with server.serving():
        with Testnet() as testnet:
            hours = [(old, new.replace("7d", "3h")) for old, new in ASKING]
            daemon = desk_with(server, testnet, tmp_path / "desk", *hours).daemon()
            try:
                late = "Nobody answered request "
                await until(lambda: any(late in told for _, told, _ in server.taken), "it is told")
            finally:
                daemon.terminate()
                code = await asyncio.to_thread(daemon.wait, 30)
            placed = testnet.placed()
    assert (code, placed) == (0, [])


async def test_a_bot_api_that_hangs_holds_up_no_look(tmp_path: Path) -> None:
    server = BotServer()
    server.troubles.extend([HANG] * 1000)
    async with server.serving():
        with Testnet() as testnet:
            desk = desk_with(server, testnet, tmp_path / "desk")
            daemon = desk.daemon()
            try:
                await until(lambda: server.asked, "the bot has asked")
                since, clock = await now(testnet), WallClock()
                async with asyncio.timeout(PATIENCE_S):
                    while await now(testnet) < since + DAY_MS:
                        await clock.sleep(TURN_S)
            finally:
                daemon.terminate()
                code = await asyncio.to_thread(daemon.wait, 30)
    assert code == 0
    assert server.taken == []


async def now(testnet: Testnet) -> int:
    """The market's time."""
    return await asyncio.to_thread(lambda: testnet.now_ms)
