"""A day of alerts as a phone shows them: the crash of August 2024 replayed under a config as a user writes it.

Looks come from the replay (the live cycle on the simulated exchange), messages from the live relay with the
config's routing, quiet hours and rate, on the market's clock.
"""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from counterpoise.app.backtest import BacktestOptions, prepare
from counterpoise.app.clock import ManualClock
from counterpoise.app.replay import replay
from counterpoise.config import Settings, load
from counterpoise.domain.message import Message
from counterpoise.domain.numbers import dec
from counterpoise.notify.relay import Relay
from counterpoise.notify.wording import head, plain
from counterpoise.record.memory import MemoryStore
from counterpoise.venue.sim.venue import SimVenue
from tests.conftest import REPO

#: Where the day is told, and what the script writes after.
PAGE = REPO / "docs" / "alerts.md"
MARK = "<!-- what follows is written by scripts/alert_day.py -->"
#: Looks begin here, so that highs of two weeks are known and the portfolio has settled.
START = datetime(2024, 7, 31, tzinfo=UTC)
#: The day that is shown: from midnight to midnight in Berlin.
FROM, TO = datetime(2024, 8, 4, 22, tzinfo=UTC), datetime(2024, 8, 5, 22, tzinfo=UTC)
BALANCE = "BTC=1.2,ETH=14,USDT=24000,USDT@futures=5000"
EVERY = timedelta(minutes=15)
SINK = "telegram:123456789"
CONFIG = """\
store: sqlite:///day.db
venues:
  main:
    exchange: binance
    environment: testnet
    api_key: fake-key-of-a-replay
    secret: fake-secret-of-a-replay
    poll: 15m
portfolios:
  treasury:
    venues: [main]
    quote: USDT
    sleeves:
      core:      {weight: 50%, assets: {BTC: 100%}, band: 4pp}
      satellite: {weight: 30%, assets: {ETH: 100%}, band: 3pp}
      buffer:    {weight: 20%, assets: {USDT: 100%}}
    strategies:
      - {kind: hedge, id: crash-brake, asset: BTC, ratio: 50%,
         when: {drop: 18%, window: 14d}, release: {rebound: 10%}}
      - {kind: dip_buy, id: eth-dip, asset: ETH, drop: 35%, window: 14d, qty: 8, stop: 15%,
         exit: {mode: take_profit, gain: 8%}}
      - {kind: drift, id: keep-shape, trade_to: inner}
    execution: {ladder: resting, rungs: 4, spacing: 10bps, patience: 30m, max_slippage: 50bps}
    guards:
      margin: {max_top_up_24h: 3000 USDT, sweep_after: 6h}
alerts:
  zone: Europe/Berlin
  telegram:
    token: 123456789:fake-token-of-a-replay-aaaaaaaaaaaaaaa
    chats: [123456789]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One message, and when the phone showed it (UTC)."""

    at: datetime
    message: Message


@dataclass(slots=True)
class _Phone:
    clock: ManualClock
    shown: list[Shown] = field(default_factory=list)

    async def deliver(self, message: Message) -> None:
        self.shown.append(Shown(at=self.clock.now(), message=message))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Minutes:
    """The market's clock; while it passes, the relay goes once a minute."""

    clock: ManualClock
    relay: Relay

    def now(self) -> datetime:
        return self.clock.now()

    async def sleep(self, seconds: Decimal) -> None:
        while seconds > 0:
            await self.relay.deliver_pending()
            step = min(seconds, dec(60))
            await self.clock.sleep(step)
            seconds -= step


def settings_in(folder: Path) -> Settings:
    """Write the config into ``folder`` and load it."""
    file = folder / "counterpoise.yaml"
    file.write_text(CONFIG, encoding="utf-8")
    return load(file)


def shown_on(settings: Settings, market: Path) -> Sequence[Shown]:
    """Return what the phone showed on that day, in order; ``market`` is the folder of recordings."""
    return asyncio.run(_shown(settings, market))


async def _shown(settings: Settings, market: Path) -> Sequence[Shown]:
    options = BacktestOptions(data=market, start=START, end=TO, balance=BALANCE)
    ready = prepare(settings.portfolios[0], EVERY, options)
    (key,) = ready.exchange.accounts()
    clock, store = ManualClock(ready.market.start, ready.exchange.advance), MemoryStore()
    phone = _Phone(clock)
    await store.enrol([SINK], clock.now())
    policies = {SINK: settings.alerts.policies[SINK]}
    relay = Relay(store, {SINK: phone}, clock, policies=policies)
    await replay(
        ready.policy,
        SimVenue(ready.venue, ready.exchange, key),
        store,
        _Minutes(clock=clock, relay=relay),
        until=TO,
        every=EVERY,
        reports=settings.alerts.reports,
    )
    return [s for s in phone.shown if FROM <= s.at < TO]


def page(settings: Settings, shown: Sequence[Shown]) -> str:
    """Return the config and the day as the Markdown of docs/alerts.md."""
    yaml = "\n".join(line for line in CONFIG.splitlines() if "fake" not in line)
    zone = settings.alerts.zone
    lines: list[str] = []
    for one in shown:
        lines.append(f"{one.at.astimezone(zone):%H:%M}  {head(one.message)}")
        for said in plain(one.message.text).split("\n"):
            lines += textwrap.wrap(said, 92, initial_indent=" " * 7, subsequent_indent=" " * 7)
    count = len(shown)
    return (
        f"{count} messages of {FROM.astimezone(zone):%A, %d %B %Y}, as the phone showed them. The config, without"
        f" keys and the bot's token:\n\n```yaml\n{yaml}\n```\n\n```text\n"
        + "\n".join(lines)
        + "\n```"
    )
