"""Runs inside an environment that has Home Assistant: its schema and its core say what they make of a broker.

Reads ``{"cards": {topic: payload}, "port": ..., "user": ..., "password": ...}`` on stdin. Prints, as lines of JSON:
``{"version": ..., "problems": [...]}`` by the schema of the component that each message is for; then, whenever they
change, the states of all entities of a core that is connected to the broker: ``{entity id: {state, unit, ...}}``.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

from homeassistant import bootstrap, loader
from homeassistant.auth import auth_manager_from_config
from homeassistant.components.mqtt import discovery
from homeassistant.config_entries import ConfigEntries, ConfigEntry
from homeassistant.const import __version__
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component

PATIENCE_S = 60


def problem(topic: str, payload: dict[str, Any]) -> str | None:
    """Return what is wrong with one message, None when all of it is known and fits."""
    match = discovery.TOPIC_MATCHER.match(topic.removeprefix("homeassistant/"))
    if match is None:
        return f"{topic}: no topic of discovery"
    component = importlib.import_module(f"homeassistant.components.mqtt.{match['component']}")
    try:
        taken = component.DISCOVERY_SCHEMA(payload)
    except Exception as error:  # noqa: BLE001 - voluptuous, or whatever a validator raises
        return f"{topic}: {error}"
    lost = payload.keys() - taken.keys()
    return f"{topic}: not known: {', '.join(sorted(lost))}" if lost else None


async def core(folder: Path, asked: dict[str, Any]) -> HomeAssistant:
    """Return a core that has nothing but the MQTT integration."""
    (folder / "configuration.yaml").touch()
    hass = HomeAssistant(str(folder))
    hass.config.skip_pip = True
    hass.config_entries = ConfigEntries(hass, {})
    loader.async_setup(hass)
    await bootstrap.async_load_base_functionality(hass)
    hass.auth = await auth_manager_from_config(hass, [], [])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    http = {"server_host": ["127.0.0.1"], "server_port": port}
    assert await async_setup_component(hass, "http", {"http": http})
    await hass.async_start()
    reached = {
        "broker": "127.0.0.1",
        "port": asked["port"],
        "username": asked["user"],
        "password": asked["password"],
    }
    named: dict[str, Any] = {"domain": "mqtt", "title": "mqtt", "source": "user", "options": {}}
    entry = ConfigEntry(version=1, minor_version=1, data=reached, **named)
    await hass.config_entries.async_add(entry)
    return hass


def states(hass: HomeAssistant) -> dict[str, dict[str, Any]]:
    """Return what each entity shows."""
    return {
        s.entity_id: {
            "state": s.state,
            "unit": s.attributes.get("unit_of_measurement"),
            "hedges": s.attributes.get("hedges"),
            "summary": s.attributes.get("summary"),
        }
        for s in hass.states.async_all()
    }


def say(document: dict[str, Any]) -> None:
    """Write a line of JSON."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


async def main() -> None:
    asked = json.loads(sys.stdin.readline())
    logging.basicConfig(level=logging.WARNING)
    problems = [p for topic, card in asked["cards"].items() if (p := problem(topic, card))]
    say({"version": __version__, "problems": problems})
    with tempfile.TemporaryDirectory() as folder:
        hass = await core(Path(folder), asked)
        shown = None
        for _ in range(PATIENCE_S * 10):
            if (now := states(hass)) != shown:
                shown = now
                say(shown)
            await asyncio.sleep(0.1)  # noqa: TID251 - another program, on the wall clock
        await hass.async_stop(force=True)


asyncio.run(main())
