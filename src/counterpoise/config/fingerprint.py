"""The hash by which a changed config is noticed (MEANING 10).

It covers what the file *means*: the settled policy of one portfolio and which exchange and environment its
venues are. Key order, comments, units (``5%`` or ``5.0%``), secrets, addresses and ``existing`` (which only the
first start reads) do not count.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import timedelta
from decimal import Decimal
from enum import Enum

from counterpoise.domain.access import VenueAccess
from counterpoise.domain.numbers import dec, text
from counterpoise.domain.policy import PortfolioPolicy


def fingerprint(policy: PortfolioPolicy, venues: Mapping[str, VenueAccess]) -> str:
    """Return the SHA-256 of ``policy`` and where its venues are, as hex."""
    settled = replace(
        policy, existing={}, sleeves=tuple(sorted(policy.sleeves, key=lambda sleeve: sleeve.id))
    )
    where = {v: (venues[v].exchange, venues[v].environment) for v in policy.venues}
    document = {"policy": _canonical(settled), "venues": _canonical(where)}
    content = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(content.encode()).hexdigest()


def _canonical(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Decimal):
        return text(value)
    if isinstance(value, timedelta):
        milliseconds = value // timedelta(milliseconds=1)
        return text(dec(milliseconds) / 1000) + "s"
    if isinstance(value, Mapping):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_canonical(item) for item in value]
    if is_dataclass(value):
        return {f.name: _canonical(getattr(value, f.name)) for f in fields(value)}
    raise TypeError(f"expected a value of a policy, was {type(value).__name__}")
