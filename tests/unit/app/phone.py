"""A person's phone beside a daemon on a simulated exchange, for tests: a bot API on loopback, the real database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from zoneinfo import ZoneInfo

from counterpoise.app.control import DatabaseControl, outline_of
from counterpoise.domain.access import ControlAccess, Secret
from counterpoise.domain.leaks import Leaks
from counterpoise.domain.numbers import dec
from counterpoise.domain.operator import Approval, Command
from counterpoise.domain.policy import ApprovePolicy
from counterpoise.domain.records import TradingState
from counterpoise.notify.telegram_api import BotApi
from counterpoise.notify.telegram_bot import TelegramBot
from counterpoise.ports import Clock
from counterpoise.venue.sim import Wallet
from tests.inboxes import CHAT, TOKEN, USER, BotServer
from tests.unit.app.desk import DaemonDesk, NewDesk, make_policy

GROUP, OTHER, STRANGER = -100_4711, 816, 999
ASKING = make_policy(approve=ApprovePolicy(deposits=True, deadline=timedelta(hours=8)))
ACCESS = ControlAccess(chats=frozenset({int(CHAT), GROUP}), users=frozenset({USER, OTHER}))


@dataclass(slots=True)
class Phone:
    """A person's phone: what is typed there, and what comes back once the bot has listened."""

    server: BotServer
    desk: DaemonDesk
    bot: TelegramBot
    control: DatabaseControl

    async def says(
        self, text: str, *, user: int = USER, chat: int = int(CHAT), age_s: int = 0
    ) -> str:
        """Return what the bot says to ``text``; empty when it says nothing."""
        self.server.write(
            text, at=self.desk.world.clock.now().timestamp() - age_s, user=user, chat=chat
        )
        return await self.hears()

    async def presses(self, button: str, *, user: int = USER, chat: int = int(CHAT)) -> str:
        """Press a button of the last message."""
        (data,) = (d for t, d in self.server.buttons.items() if t.startswith(button))
        self.server.press(data, user=user, chat=chat)
        return await self.hears()

    async def hears(self) -> str:
        """Let the bot listen once."""
        before = len(self.server.taken)
        await self.bot.listen()
        assert not self.server.broken
        return "\n".join(text for _, text, _ in self.server.taken[before:])

    async def said(self) -> list[tuple[str, str, str]]:
        """Every audited row, oldest first: kind, who and from where."""
        return [(c.kind.value, c.who, c.origin) for c in await self.rows()]

    async def rows(self) -> list[Command]:
        return list(reversed(await self.desk.store.commands("p", 99)))

    async def state(self) -> TradingState:
        known = await self.desk.store.portfolio("p")
        assert known is not None
        return known.trading_state

    def code(self) -> str:
        """The code of the last message."""
        return self.server.taken[-1][1].rpartition("/confirm ")[2]


def phone_on(desk: DaemonDesk, server: BotServer, clock: Clock | None = None) -> Phone:
    numbers = count(123_456)
    control = DatabaseControl(
        outline_of(desk.daemon._app.settings), clock or desk.world.clock, desk.daemon.mute
    )
    bot = TelegramBot(
        api=BotApi(base_url=server.url, token=Secret(TOKEN), leaks=Leaks([Secret(TOKEN)])),
        access=ACCESS,
        control=control,
        clock=desk.world.clock,
        fresh=lambda: f"{next(numbers):06}",
        zone=ZoneInfo("Europe/Berlin"),
    )
    return Phone(server=server, desk=desk, bot=bot, control=control)


async def asked(new_desk: NewDesk, server: BotServer) -> tuple[Phone, Approval]:
    """A deposit of half a bitcoin has made the hedge ask."""
    desk = await new_desk(ASKING)
    await desk.run(hours=2)
    desk.world.exchange.deposit(desk.world.api_key, Wallet.SPOT, "BTC", dec("0.5"))
    await desk.run(hours=1)
    (request,) = await desk.store.approvals("p", 9)
    assert (request.cap, request.wanted) == (dec("-0.5"), dec("-0.75"))
    return phone_on(desk, server), request
