"""Takes secrets out of what people will read before it is kept: the last door that words pass on their way to a row.

Whoever took the words in has done so already, where it knew that they were somebody else's; this is for what slipped
through, so that neither a row nor a sink that is told from it shows one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from counterpoise.domain.events import Alert
from counterpoise.domain.order import Order
from counterpoise.domain.records import Changes
from counterpoise.domain.transfer import Transfer

Clean = Callable[[str], str]
T = TypeVar("T", Order, Transfer)


def cleaned(changes: Changes, clean: Clean) -> Changes:
    """Return ``changes`` with alerts, and reasons of orders and transfers, as ``clean`` leaves them."""
    if not (changes.alerts or changes.orders or changes.transfers):
        return changes
    return replace(
        changes,
        alerts=tuple(_alert(a, clean) for a in changes.alerts),
        orders=tuple(_reason(o, clean) for o in changes.orders),
        transfers=tuple(_reason(t, clean) for t in changes.transfers),
    )


def _alert(alert: Alert, clean: Clean) -> Alert:
    data = {name: clean(value) for name, value in alert.data.items()}
    return replace(alert, text=clean(alert.text), data=data)


def _reason(row: T, clean: Clean) -> T:
    return replace(row, reason=clean(row.reason)) if row.reason else row
