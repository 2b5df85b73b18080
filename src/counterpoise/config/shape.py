"""What every shape of a config file has in common, and small parts that several shapes use."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """A mapping of the file: no other keys than its own, and never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def exactly_one(*keys: str) -> dict[str, Any]:
    """Return the JSON Schema that an editor tells "one of these, not two" by; the checks tell it in words."""
    return {"oneOf": [{"required": [key]} for key in keys]}


def at_most_one(*keys: str) -> dict[str, Any]:
    """Return the JSON Schema of "not two of these"."""
    made = exactly_one(*keys)
    made["oneOf"].append({"not": {"anyOf": [{"required": [key]} for key in keys]}})
    return made


def word_or_mapping(value: object) -> str:
    """Return which form of a key is meant that takes either a word or a mapping (a pydantic discriminator)."""
    return "mapping" if isinstance(value, dict) else "word"


def given(**values: Any) -> dict[str, Any]:
    """Return the ``values`` that were written, so that what was not keeps the policy's own default."""
    return {key: value for key, value in values.items() if value is not None}
