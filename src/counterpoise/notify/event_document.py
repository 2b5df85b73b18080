"""A message as the JSON object that programs are given: over MQTT and by the webhook alike."""

from __future__ import annotations

from counterpoise.domain.instants import iso
from counterpoise.domain.message import Message


def event_document(message: Message) -> dict[str, object]:
    """Return the JSON object of an event; times in UTC. Who must not count an alert twice goes by ``ids``."""
    return {
        "schema": 1,
        "ids": list(message.ids),
        "portfolio": message.portfolio,
        "kind": message.kind,
        "category": message.category.value,
        "severity": message.severity.value,
        "title": message.title,
        "text": message.text,
        "since": iso(message.since),
        "at": iso(message.at),
        "silent": message.silent,
        "key": message.key,
        "cleared": message.cleared,
        "data": dict(message.data),
    }
