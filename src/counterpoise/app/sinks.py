"""The sinks of a config, opened: where alerts go. A new kind of sink is built here, by its section of ``alerts``."""

from __future__ import annotations

from collections.abc import Mapping

from counterpoise import __version__
from counterpoise.app.clock import WallClock
from counterpoise.app.pace import late_after
from counterpoise.config.settings import AlertSettings, Settings
from counterpoise.domain.access import BrokerAccess
from counterpoise.domain.errors import ConfigError
from counterpoise.domain.leaks import Leaks
from counterpoise.notify.composing import Wording
from counterpoise.notify.console import ConsoleSink
from counterpoise.notify.home_assistant import discovery
from counterpoise.notify.mqtt import MqttSink
from counterpoise.ports import Sink


def open_sinks(settings: Settings) -> dict[str, Sink]:
    """Return the sinks by name: those that ``settings.alerts.policies`` names. Nothing is sent yet.

    Raises ConfigError for an address that Apprise does not know, or when Apprise is not installed.
    """
    alerts, leaks = settings.alerts, Leaks(settings.secrets)
    sinks: dict[str, Sink] = {"log": ConsoleSink()}
    if alerts.mqtt is not None:
        sinks["mqtt"] = _mqtt(settings, alerts.mqtt)
    return sinks | _telegram(alerts, leaks) | _webhook(alerts, leaks) | _notify(settings, leaks)


def wording_of(settings: Settings) -> Wording:
    """Return how messages are worded."""
    return Wording(
        zone=settings.alerts.zone,
        templates=settings.alerts.templates,
        names_portfolio=len(settings.portfolios) > 1,
    )


def check_sinks(settings: Settings) -> None:
    """Raise ConfigError for what only a library can tell: an address that Apprise does not know, or no Apprise."""
    _notify(settings, Leaks(()))


def _mqtt(settings: Settings, access: BrokerAccess) -> MqttSink:
    announced: dict[str, Mapping[str, object]] = {}
    for policy in settings.portfolios if access.discovery is not None else ():
        announced |= discovery(
            policy, prefix=access.prefix, topics=access.discovery or "", version=__version__
        )
    polls = {p.id: min(settings.venues[v].poll for v in p.venues) for p in settings.portfolios}
    return MqttSink(
        access,
        WallClock(),
        patience={name: late_after(poll) for name, poll in polls.items()},
        announced=announced,
    )


def _telegram(alerts: AlertSettings, leaks: Leaks) -> dict[str, Sink]:
    bot = alerts.telegram
    if bot is None:
        return {}
    from counterpoise.notify.telegram import TelegramSink

    return {
        name: TelegramSink(
            base_url=bot.base_url,
            token=bot.token,
            chat=chat,
            zone=alerts.zone,
            leaks=leaks,
            answers=bot.control is not None and chat in {str(c) for c in bot.control.chats},
        )
        for name, chat in bot.chats.items()
    }


def _webhook(alerts: AlertSettings, leaks: Leaks) -> dict[str, Sink]:
    hook = alerts.webhook
    if hook is None:
        return {}
    from counterpoise.notify.webhook import WebhookSink

    # whoever checks a signature compares its time with his own clock, whatever time the market has
    return {
        "webhook": WebhookSink(url=hook.url, secret=hook.secret, now=WallClock().now, leaks=leaks)
    }


def _notify(settings: Settings, leaks: Leaks) -> dict[str, Sink]:
    if not settings.alerts.notify:
        return {}
    from counterpoise.notify.apprise import AppriseMissing, AppriseSink

    made: dict[str, Sink] = {}
    problems: list[str] = []
    for name, access in settings.alerts.notify.items():
        try:
            made[name] = AppriseSink(url=access.url, zone=settings.alerts.zone, leaks=leaks)
        except AppriseMissing as error:
            problems.append(settings.located("alerts.notify", str(error)))
            break
        except ValueError as error:
            told = f"expected {error}, was something else (its value is not shown)"
            problems.append(settings.located(access.path, told))
    if problems:
        raise ConfigError(problems)
    return made
