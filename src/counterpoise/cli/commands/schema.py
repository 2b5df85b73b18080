"""``counterpoise schema``: the JSON Schema of a config file, for editors."""

from __future__ import annotations

import json


def command() -> None:
    """Print the JSON Schema of the config file."""
    from counterpoise.config.schema import json_schema

    print(json.dumps(json_schema(), indent=2))
