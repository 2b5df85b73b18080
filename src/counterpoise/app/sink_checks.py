"""What ``counterpoise doctor`` finds of the sinks: whether each can be reached, as far as that can be told unheard.

Nothing is delivered: the bot is asked for its name, the broker lets us in and out. Where asking would already be an
alert, that is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from datetime import UTC

from counterpoise.app.diagnosis import Check, failed, fine
from counterpoise.config.settings import AlertSettings
from counterpoise.domain.access import BrokerAccess, NotifyAccess, Secret, TelegramAccess
from counterpoise.domain.errors import SinkError
from counterpoise.domain.leaks import Leaks
from counterpoise.domain.numbers import counted

NAME = "alerts"
#: How long a sink may take to answer (wall time).
PATIENCE_S = 6
_WAITING = "until this is settled alerts wait; they are not lost, nor read"


async def sink_checks(alerts: AlertSettings, secrets: tuple[Secret, ...]) -> list[Check]:
    """Return a check for each sink but the log; what servers said is shown without ``secrets``."""
    leaks = Leaks(secrets)
    asked: list[Awaitable[Check]] = []
    if alerts.mqtt is not None:
        asked.append(_broker(alerts.mqtt, leaks))
    if alerts.telegram is not None:
        asked.append(_answers("telegram", _named(alerts.telegram, leaks), leaks))
    checks = list(await asyncio.gather(*asked))
    if alerts.webhook is not None:
        said = (
            "webhook: not asked, as whatever is sent there is an alert; its address is well-formed"
        )
        checks.append(fine(NAME, said))
    checks += [_understood(name, access, leaks) for name, access in alerts.notify.items()]
    if alerts.heartbeat is not None:
        said = "heartbeat: not asked, as a ping says that looks are completed; its address is well-formed"
        checks.append(fine(NAME, said))
    return checks


def _understood(name: str, access: NotifyAccess, leaks: Leaks) -> Check:
    from counterpoise.notify.apprise import AppriseMissing, AppriseSink

    try:
        AppriseSink(url=access.url, zone=UTC, leaks=leaks)
    except AppriseMissing as error:
        return failed(NAME, f"{name}: {error}")
    except ValueError as error:
        told = f"{name}: expected {error}, was something else (its value is not shown)"
        return failed(NAME, told, f"correct {access.path}")
    return fine(NAME, f"{name}: its address is understood; the service was not asked")


async def _answers(name: str, answer: Awaitable[str], leaks: Leaks) -> Check:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return fine(NAME, f"{name}: {await answer}")
    except TimeoutError:
        said = f"no answer within {PATIENCE_S} s"
    except Exception as error:  # noqa: BLE001 - whatever a library raises, it is this sink's trouble
        words = leaks.words(str(error)) or "no reason given"
        said = words if isinstance(error, SinkError) else f"{words} ({type(error).__name__})"
    return failed(NAME, f"{name}: {said}", _WAITING)


async def _broker(access: BrokerAccess, leaks: Leaks) -> Check:
    from counterpoise.notify.broker_trouble import trouble_of

    try:
        async with asyncio.timeout(PATIENCE_S):
            return fine(NAME, f"mqtt: {await _greeted(access)}")
    except Exception as error:  # noqa: BLE001 - whatever a library raises, it is this sink's trouble
        said, advice = await trouble_of(access, error, leaks.words)
        told = f"{advice}; {_WAITING}" if advice is not None else _WAITING
        return failed(NAME, f"mqtt: {said}", told)


async def _greeted(access: BrokerAccess) -> str:
    from counterpoise.notify.mqtt import greet

    await greet(access)
    how = "in the clear" if access.tls is None else "over TLS"
    who = f" as {access.user}" if access.user is not None else ""
    return f"the broker at {access.host}:{access.port} lets us in{who}, {how}"


async def _named(access: TelegramAccess, leaks: Leaks) -> str:
    from counterpoise.notify.telegram_api import BotApi

    api = BotApi(base_url=access.base_url, token=access.token, leaks=leaks)
    name = await api.name()
    chats = counted(len(access.chats), "chat")
    return f"the bot @{name} answers; whether it may write to its {chats} was not tried"
