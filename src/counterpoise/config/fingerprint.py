"""The hash by which a changed config is noticed (MEANING 10).

It covers what the file *means*: the settled policy of one portfolio and which exchange and environment its
venues are. Key order, comments, units (``5%`` or ``5.0%``), secrets, addresses and ``existing`` (which only the
first start reads) do not count.

An upgrade alone must not change it, or every running portfolio would ask for ``--accept-config``. So a field that
a version adds counts only when it is not as by default; those of the first version always count.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from counterpoise.domain.access import VenueAccess
from counterpoise.domain.numbers import dec, text
from counterpoise.domain.policy import (
    Band,
    ExecutionPolicy,
    FreshnessPolicy,
    LimitsPolicy,
    PortfolioPolicy,
    Sleeve,
)
from counterpoise.domain.strategy import DriftPolicy, HedgePolicy

#: What the first version had: these fields, also as by default, and no name of the class.
_FIRST: Mapping[type, frozenset[str]] = {
    PortfolioPolicy: frozenset(
        {
            "id", "venues", "quote", "sleeves", "strategies", "holdings", "execution", "limits",
            "freshness", "allow_net_short", "existing", "retire",
        }
    ),
    Sleeve: frozenset({"id", "weight", "assets", "band", "inner"}),
    Band: frozenset({"size", "relative"}),
    ExecutionPolicy: frozenset({"rungs", "spacing", "patience", "max_slippage", "cancel_on_stop"}),
    LimitsPolicy: frozenset(
        {
            "max_order_notional", "max_position_notional", "max_turnover_24h", "max_leverage",
            "max_orders_per_minute", "max_open_orders", "price_collar", "min_equity",
        }
    ),
    FreshnessPolicy: frozenset({"max_quote_age", "max_account_age", "approval"}),
    DriftPolicy: frozenset({"id", "trade_to", "legs", "kind"}),
    HedgePolicy: frozenset({"id", "asset", "ratio", "qty", "kind"}),
}  # fmt: skip


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
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, timedelta):
        milliseconds = value // timedelta(milliseconds=1)
        return text(dec(milliseconds) / 1000) + "s"
    if isinstance(value, Mapping):
        return {str(key): _canonical(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_canonical(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return _canonical_parts(value)
    raise TypeError(f"expected a value of a policy, was {type(value).__name__}")


def _canonical_parts(value: Any) -> dict[str, object]:
    first = _FIRST.get(type(value))
    always = first or frozenset()
    made = {
        f.name: _canonical(getattr(value, f.name))
        for f in fields(value)
        if f.name in always or getattr(value, f.name) != _default(f)
    }
    # Above and Below have the same fields, so a class that came later tells its name
    return made if first is not None else {"": type(value).__name__, **made}


def _default(field: Field[object]) -> object:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return field.default
