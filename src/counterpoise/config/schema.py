"""The JSON Schema of a config file: what ``counterpoise schema`` prints and an editor checks by.

It is made from the models, without the keys this version knows and refuses, so it never offers what does not
work. Error messages take their known keys and descriptions from it, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from counterpoise.config.fields import ENV, NOT_YET
from counterpoise.config.models import RootModel
from counterpoise.config.problems import Path


@cache
def json_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12) as a JSON object."""
    made: dict[str, Any] = _tidy(RootModel.model_json_schema())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def _tidy(node: Any) -> Any:
    """Leave out what is not there yet, and what pydantic adds for Python: titles, nulls, empty defaults."""
    if isinstance(node, list):
        return [_tidy(child) for child in node]
    if not isinstance(node, dict):
        return node
    made = {key: _tidy(child) for key, child in node.items() if key not in {"title", "properties"}}
    for pattern, child in made.pop("patternProperties", {}).items():
        made["propertyNames"] = {"pattern": pattern.replace(rf"|{ENV}", "")}
        made["additionalProperties"] = child
    if "properties" in node:
        kept = {k: v for k, v in node["properties"].items() if NOT_YET not in v}
        made["properties"] = {key: _tidy(child) for key, child in kept.items()}
    if made.get("default") in (None, {}, []) or isinstance(made.get("default"), dict):
        made.pop("default", None)
    options = [option for option in made.pop("anyOf", []) if option != {"type": "null"}]
    if len(options) == 1:
        return {**options[0], **made}
    return {**made, "anyOf": options} if options else made


def known_keys(path: Path, data: Any) -> tuple[str, ...]:
    """Return the keys a mapping at ``path`` may have; ``data`` is the whole file, for choosing by ``kind``."""
    return tuple(_at(path, data).get("properties", {}))


def description(path: Path, data: Any) -> str | None:
    """Return what the schema says about the value at ``path``."""
    found = _at(path, data).get("description")
    return found if isinstance(found, str) else None


def kinds(path: Path, data: Any) -> tuple[str, ...]:
    """Return the words that choose the shape of the mapping at ``path`` (those of ``kind`` or ``mode``)."""
    found = _below(path, data)
    choice = found.get("discriminator", {}) if isinstance(found, dict) else {}
    return tuple(choice.get("mapping", {}))


def _at(path: Path, data: Any) -> Mapping[str, Any]:
    found = _below(path, data)
    for part in path:
        data = _item(data, part)
    return _resolved(found, data)


def _below(path: Path, data: Any) -> Any:
    """Return the schema at ``path``, before references and choices in it are followed."""
    found: Any = json_schema()
    for part in path:
        here = _resolved(found, data)
        data = _item(data, part)
        if isinstance(part, int):
            found = here.get("items")
        else:
            found = here.get("properties", {}).get(part) or here.get("additionalProperties")
    return found


def _item(data: Any, part: str | int) -> Any:
    if isinstance(data, dict):
        return data.get(str(part))
    if isinstance(data, list) and isinstance(part, int) and part < len(data):
        return data[part]
    return None


def _resolved(schema: Any, data: Any) -> dict[str, Any]:
    """Follow references and the choice by ``kind``; the outermost description wins."""
    if not isinstance(schema, dict):
        return {}
    own = {k: v for k, v in schema.items() if k == "description"}
    if "$ref" in schema:
        return _resolved(json_schema()["$defs"][schema["$ref"].rpartition("/")[2]], data) | own
    if "discriminator" in schema:
        word = data.get(schema["discriminator"]["propertyName"]) if isinstance(data, dict) else None
        chosen = schema["discriminator"]["mapping"].get(word if isinstance(word, str) else None)
        return _resolved({"$ref": chosen}, data) | own if chosen else own
    if "properties" not in schema:
        for option in schema.get("oneOf", ()) if isinstance(data, dict) else ():
            found = _resolved(option, data)
            if "properties" in found:
                return found | own
    return schema
