"""The real process, over real HTTP, ended at times by chance: where it ends is where it would have ended.

Each trial has a testnet of its own and ends its daemon three times, with SIGKILL, or with SIGTERM: then nothing of its
work may be left at the exchange, whatever was on its way. Market time moves in lock-step with the daemon,
so that a trial takes seconds.
"""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random  # noqa: TID251 - seeded: which moments are tried, not what happens then
from typing import Any

from counterpoise.domain.numbers import dec
from counterpoise.domain.order import Order
from counterpoise.record.sql import connect
from tests.prove.verdict import by_the_log
from tests.scenario.processes import Desk, Testnet, make_desk

KILLS = 3
#: Half of what is held, on the lot: where every run must end.
END = dec("-0.333")
CHANGES = (
    ("      - {kind: drift, id: keep-shape}\n", ""),
    ("poll: 15m", "poll: 30s"),
    ("patience: 15m", "patience: 3m"),
)
#: A look is 14 requests, and the ladder is worked on for some twenty looks.
MOST_REQUESTS = 300
#: What the last life looks at least, in requests, wherever it begins.
LAST_LOOKS = 60
_GIVE_UP_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One trial: after how many of its requests each life ends (the moment itself is the wall clock's).

    ``asked``: it is asked to (SIGTERM), not killed.
    """

    kills: tuple[int, ...]
    asked: bool = False

    @property
    def command(self) -> str:
        """What tries it again; it may not come out alike."""
        asked = " --asked" if self.asked else ""
        return f"python -m tests.prove kill --kills {','.join(map(str, self.kills))}{asked}"


def trials(seed: int, count: int) -> Iterator[Trial]:
    """An undisturbed one, ``count`` that are killed, and a third as many that are asked to end."""
    random = Random(f"kill {seed}")  # noqa: S311 - no secret, moments
    yield Trial(kills=())
    for _ in range(count):
        yield Trial(kills=tuple(random.randrange(MOST_REQUESTS) for _ in range(KILLS)))
    for _ in range(-(-count // 3)):
        # before the first requests it has nothing at work, and no ear for a signal yet
        moments = tuple(random.randrange(15, MOST_REQUESTS) for _ in range(KILLS))
        yield Trial(kills=moments, asked=True)


def tried(trial: Trial) -> list[str]:
    """Return what went wrong."""
    found: list[str] = []
    with tempfile.TemporaryDirectory(prefix="kill") as folder, Testnet() as testnet:
        desk = make_desk(Path(folder), testnet, CHANGES)
        for requests in trial.kills:
            before = _heard(testnet)
            daemon = desk.daemon()
            give_up = time.monotonic() + _GIVE_UP_S  # noqa: TID251 - real processes live on the wall clock
            while _heard(testnet) - before < requests and time.monotonic() < give_up:  # noqa: TID251 - as above
                time.sleep(0.002)  # noqa: TID251 - as above
            daemon.send_signal(signal.SIGTERM if trial.asked else signal.SIGKILL)
            code = daemon.wait(25)
            if trial.asked:
                found += _left(testnet, code)
        before = _heard(testnet)
        daemon = desk.daemon()
        try:
            if not _arrived(testnet, before + LAST_LOOKS):
                return [f"I4: ends at {testnet.positions()} instead of {END}; {desk.log[-2000:]}"]
            daemon.send_signal(signal.SIGTERM)
            code = daemon.wait(20)
        finally:
            if daemon.poll() is None:
                daemon.kill()
                daemon.wait(20)
        found += _left(testnet, code)
        events = [e for e in testnet.events() if e["account"] == testnet.ready["api_key"]]
        return found + by_the_log(events, asyncio.run(_rows(desk)), -END)


def _left(testnet: Testnet, code: int) -> list[str]:
    """What a stop left undone."""
    account = testnet.get("/_control/state")["accounts"][testnet.ready["api_key"]]
    open_orders = [order["client_id"] for order in account["open_orders"]]
    found = [f"I13: a stop left {', '.join(open_orders)} working"] if open_orders else []
    return found if code == 0 else [*found, f"I13: a stop ended with {code}"]


def _heard(testnet: Testnet) -> int:
    """How many events the log has."""
    return int(testnet.get("/_control/log?after=1000000000")["next"])


def _arrived(testnet: Testnet, heard: int) -> bool:
    """Wait until the log is ``heard`` long, the position where it shall be, and nothing works any more."""
    give_up = time.monotonic() + _GIVE_UP_S  # noqa: TID251 - as above
    while time.monotonic() < give_up:  # noqa: TID251 - as above
        account = testnet.get("/_control/state")["accounts"][testnet.ready["api_key"]]
        held = [Decimal(str(p["qty"])) for p in account["positions"]]
        if _heard(testnet) >= heard and held == [END] and not account["open_orders"]:
            return True
        time.sleep(0.05)  # noqa: TID251 - as above
    return False


async def _rows(desk: Desk) -> dict[str, Order]:
    record: Any = connect(f"sqlite:///{desk.folder / 'run.db'}")
    await record.store.open()
    try:
        rows = await record.store.orders("book", live_only=False, limit=100_000)
    finally:
        await record.store.close()
    return {row.client_order_id: row for row in rows}
