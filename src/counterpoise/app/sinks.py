"""The sinks of a config, opened: where alerts go. A new kind of sink is built here, by its section of ``alerts``."""

from __future__ import annotations

from collections.abc import Mapping

from counterpoise import __version__
from counterpoise.app.clock import WallClock
from counterpoise.app.pace import late_after
from counterpoise.config.settings import Settings
from counterpoise.domain.access import BrokerAccess
from counterpoise.notify.console import ConsoleSink
from counterpoise.notify.home_assistant import discovery
from counterpoise.notify.mqtt import MqttSink
from counterpoise.ports import Sink


def open_sinks(settings: Settings) -> dict[str, Sink]:
    """Return the sinks by name: those that ``settings.alerts.policies`` names."""
    sinks: dict[str, Sink] = {"log": ConsoleSink()}
    if settings.alerts.mqtt is not None:
        sinks["mqtt"] = _mqtt(settings, settings.alerts.mqtt)
    return sinks


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
