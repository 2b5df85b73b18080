"""Every key of a config file as Markdown tables: what ``counterpoise schema --markdown`` prints.

It is made from the JSON Schema, so it says what this version does and nothing else. ``docs/config.md`` carries it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from counterpoise.config.schema import json_schema

_KINDS: Mapping[str, str] = {
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "object": "mapping",
    "array": "list",
}
#: What values are called whose first example in the schema is this.
_CALLED: Mapping[str, str] = {
    "main": "name",
    "BTC": "asset",
    "60%": "percentage",
    "50%": "percentage",
    "10%": "percentage",
    "200%": "percentage",
    "30s": "duration",
    "1m": "bar length",
    "2026-03-01T08:00:00Z": "instant",
    "22:00": "time of day",
    "Europe/Berlin": "time zone",
    "0 8 * * mon": "calendar",
    "25000 USDT": "amount",
}


def markdown() -> str:
    """Return the tables, one per mapping of the file, in the order of the schema."""
    return "\n\n".join(_sections("", json_schema())) + "\n"


def _sections(title: str, schema: Mapping[str, Any]) -> Iterator[str]:
    """Yield the table of a mapping, then those of the mappings inside it."""
    rows = "\n".join(
        _row(key, value, needed=key in schema.get("required", ()))
        for key, value in schema["properties"].items()
    )
    heading = f"### `{title}`" if title else "### The file"
    told = schema.get("description", "")
    yield f"{heading}\n\n{told}\n\n| key | takes | |\n|---|---|---|\n{rows}"
    for key, value in schema["properties"].items():
        path = f"{title}.{key}" if title else key
        for name, shape in _shapes(path, value):
            yield from _sections(name, shape)


def _shapes(path: str, value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the mappings that ``value`` may be, or be a list or a mapping of, each with its name."""
    schema = _followed(value)
    if "properties" in schema:
        yield path, schema
    elif isinstance(schema.get("additionalProperties"), dict):
        yield from _shapes(f"{path}.<id>", schema["additionalProperties"])
    elif "items" in schema:
        yield from _shapes(f"{path}[]", schema["items"])
    elif "discriminator" in schema:
        key = schema["discriminator"]["propertyName"]
        for option in schema["oneOf"]:
            shape = _followed(option)
            word = shape["properties"][key]["const"]
            # a strategy goes by its kind alone
            yield word if key == "kind" else f"{path} ({word})", shape
    else:
        for option in schema.get("oneOf", ()):
            yield from _shapes(path, option)


def _row(key: str, value: Mapping[str, Any], *, needed: bool) -> str:
    told = str(value.get("description", "")).replace("|", "\\|").replace("<", "&lt;")
    name = f"**`{key}`**" if needed else f"`{key}`"
    return f"| {name} | {_takes(value)} | {told} |"


def _takes(value: Mapping[str, Any]) -> str:
    """Return what a key takes, by example where there is one."""
    schema = _followed(value)
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if "discriminator" in schema:
        return "mapping"
    options = [*schema.get("oneOf", ()), *schema.get("anyOf", ())] if "type" not in schema else []
    if options:
        return " or ".join(dict.fromkeys(_takes(option) for option in options))
    if schema.get("examples"):
        first = schema["examples"][0]
        return _CALLED.get(first) or " or ".join(f"`{one}`" for one in schema["examples"])
    if schema.get("type") == "string" and "pattern" in schema:
        return "percentage" if "%" in schema["pattern"] else "number"
    return _KINDS[schema["type"]]


def _followed(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    definitions: Mapping[str, Any] = json_schema()["$defs"]
    found: Mapping[str, Any] = definitions[schema["$ref"].rpartition("/")[2]]
    return found
