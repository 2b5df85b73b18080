"""What Home Assistant is told so that a portfolio appears there by itself: retained discovery messages.

One message per entity, the form that old releases know too. All entities of a portfolio are one device; they read
the retained ``state`` that :mod:`counterpoise.notify.mqtt` publishes, and are unavailable while we are not online.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from counterpoise.domain.policy import PortfolioPolicy

_Entity = dict[str, object]


def discovery(
    policy: PortfolioPolicy, *, prefix: str, topics: str, version: str
) -> Mapping[str, Mapping[str, object]]:
    """Return the discovery messages of ``policy`` by topic.

    ``prefix`` begins our own topics, ``topics`` those that Home Assistant looks for devices under.
    """
    node = _name(f"{prefix}_{policy.id}")
    common: _Entity = {
        "device": {
            "identifiers": [node],
            "name": f"Counterpoise {policy.id}",
            "manufacturer": "Counterpoise",
            "model": "Portfolio",
            "sw_version": version,
        },
        "origin": {"name": "Counterpoise", "sw_version": version},
    }
    state = {"availability_topic": f"{prefix}/availability"}
    made: dict[str, Mapping[str, object]] = {}
    for component, id_, entity in _entities(policy, f"{prefix}/{policy.id}/state"):
        available = state if component == "sensor" else {"state_topic": f"{prefix}/availability"}
        made[f"{topics}/{component}/{node}/{id_}/config"] = {
            "unique_id": f"{node}_{id_}",
            **entity,
            **available,
            **common,
        }
    return made


def _entities(policy: PortfolioPolicy, topic: str) -> list[tuple[str, str, _Entity]]:
    """Return component, id and what is its own of each entity."""
    listed = [asset for sleeve in policy.sleeves for asset in sleeve.assets]
    assets = [a for a in dict.fromkeys(listed) if a != policy.quote]
    weights = [(f"weight_{_name(a)}", _weight(topic, a)) for a in (*assets, policy.quote)]
    hedges = [(f"hedge_{_name(a)}", _hedge(topic, a)) for a in assets]
    wanted = [(f"hedge_wanted_{_name(a)}", _wanted(topic, a)) for a in assets]
    sensors = [
        ("equity", _equity(topic, policy.quote)),
        *weights,
        ("margin_ratio", _margin(topic, "Margin ratio", "ratio", "mdi:gauge")),
        ("margin_distance", _margin(topic, "Distance to liquidation", "distance", "mdi:ruler")),
        ("hedges", _hedges(topic)),
        *hedges,
        *wanted,
        ("state", _trading_state(topic)),
        ("last_look", _last_look(topic)),
    ]
    return [("binary_sensor", "running", _running()), *(("sensor", i, e) for i, e in sensors)]


def _equity(topic: str, quote: str) -> _Entity:
    return {
        "name": "Equity",
        "state_topic": topic,
        "value_template": "{{ value_json.equity }}",
        "unit_of_measurement": quote,
        "state_class": "measurement",
        "suggested_display_precision": 2,
        "icon": "mdi:scale-balance",
    }


def _weight(topic: str, asset: str) -> _Entity:
    return {
        "name": f"Weight {asset}",
        **_share(topic, f"value_json.weights.get('{asset}')"),
        "icon": "mdi:chart-donut",
    }


def _margin(topic: str, name: str, key: str, icon: str) -> _Entity:
    return {"name": name, **_share(topic, f"value_json.margin.{key}"), "icon": icon}


def _share(topic: str, value: str) -> _Entity:
    """A fraction as a percentage; null is unknown, never zero."""
    return {
        "state_topic": topic,
        "value_template": (
            f"{{% set share = {value} %}}"
            "{{ none if share is none else (share | float * 100) | round(4) }}"
        ),
        "unit_of_measurement": "%",
        "state_class": "measurement",
        "suggested_display_precision": 2,
    }


def _hedges(topic: str) -> _Entity:
    """How many assets we hold futures of; not known while one of them is not."""
    return {
        "name": "Hedges",
        "state_topic": topic,
        "value_template": (
            "{% set held = value_json.get('positions', {'': none}).values() | list %}"
            "{{ none if none in held else held | reject('eq', '0') | list | count }}"
        ),
        "state_class": "measurement",
        "json_attributes_topic": topic,
        "json_attributes_template": (
            "{{ {'hedges': value_json.hedges, 'positions': value_json.get('positions')} | tojson }}"
        ),
        "icon": "mdi:shield-half-full",
    }


def _hedge(topic: str, asset: str) -> _Entity:
    """What we hold in futures of an asset, signed; null is unknown."""
    return {
        "name": f"Hedge {asset}",
        "state_topic": topic,
        "value_template": f"{{{{ value_json.get('positions', {{}}).get('{asset}') }}}}",
        "unit_of_measurement": asset,
        "state_class": "measurement",
        "icon": "mdi:shield",
    }


def _wanted(topic: str, asset: str) -> _Entity:
    """What strategies want in futures of an asset, signed; nothing wanted is zero."""
    return {
        "name": f"Hedge wanted {asset}",
        "state_topic": topic,
        "value_template": f"{{{{ value_json.hedged.get('{asset}', 0) }}}}",
        "unit_of_measurement": asset,
        "state_class": "measurement",
        "icon": "mdi:shield-outline",
    }


def _trading_state(topic: str) -> _Entity:
    return {
        "name": "Trading state",
        "state_topic": topic,
        "value_template": "{{ value_json.state }}",
        "json_attributes_topic": topic,
        "json_attributes_template": "{{ {'summary': value_json.summary} | tojson }}",
        "icon": "mdi:traffic-light",
    }


def _last_look(topic: str) -> _Entity:
    return {
        "name": "Last look",
        "state_topic": topic,
        "value_template": "{{ value_json.as_of }}",
        "device_class": "timestamp",
        "entity_category": "diagnostic",
    }


def _running() -> _Entity:
    return {
        "name": "Running",
        "device_class": "running",
        "payload_on": "online",
        "payload_off": "offline",
        "entity_category": "diagnostic",
    }


def _name(text: str) -> str:
    """Return ``text`` as Home Assistant allows it in a topic."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)
