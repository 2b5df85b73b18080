"""The sinks of a config, opened: where alerts go. A new kind of sink is built here, by its section of ``alerts``."""

from __future__ import annotations

from counterpoise.config.settings import Settings
from counterpoise.notify.console import ConsoleSink
from counterpoise.ports import Sink


def open_sinks(settings: Settings) -> dict[str, Sink]:
    """Return the sinks by name: those that ``settings.alerts.policies`` names."""
    del settings  # nothing but the log yet, which needs no setting
    return {"log": ConsoleSink()}
