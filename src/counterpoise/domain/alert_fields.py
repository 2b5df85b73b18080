"""What an alert of each kind tells beside its text: the names of its exact values. Pure.

An alert's ``data`` holds some of them (:data:`DATA`); that of a lasting condition also follows from its key
(:data:`KEYS`). Both together are what titles are made of and what people's own templates may name. Which of them one
alert has may differ: what is not known is not there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from counterpoise.domain.events import Alert

_PLACE = ("asset", "venue", "symbol", "weight_before", "weight_after", "decision", "reason")
_COST = ("price_pnl", "funding", "fees", "earned", "open_pnl")
_TRADED = ("side", "qty", "avg_price", "trade_ids")
_MOVED = (*_PLACE, *_COST, *_TRADED, "before_qty", "after_qty")
_LADDER = ("goal_qty", "rungs", "rungs_filled", "step")
_CONVERSION = ("strategy", "step", "assets", "coins", "futures", "trade_ids")
_RUN = ("host", "pid")
_ORDER = ("venue", "symbol", "side", "qty")
_REPORT = (
    "outcome", "starts_at", "ends_at", "due_at", "quote", "equity_start", "equity_end", "gain", "price", "price_coins",
    "price_hedges", "funding", "fees", "flows", "distance", "lowest_distance", "weights", "targets", "trading_state",
    "hedges_open", "hedges_closed", "requests",
)  # fmt: skip

#: Kind -> the names that its ``data`` may have.
DATA: Mapping[str, tuple[str, ...]] = {
    "approval": ("approval", "state", "strategy", "asset"),
    "coins_traded": (*_PLACE, *_TRADED, "net_qty"),
    "collateral_moved": ("transfer", "state", "venue", "asset", "qty"),
    "conversion": _CONVERSION,
    "conversion_begun": ("strategy", "step", "assets"),
    "conversion_ended": (*_CONVERSION, *_COST),
    "flow": ("asset", "venue", "qty", "price", "source"),
    "hedge_adjusted": (*_MOVED, *_LADDER),
    "hedge_closed": (*_MOVED, *_LADDER),
    "hedge_opened": (*_MOVED, *_LADDER),
    "ladder": (*_MOVED, *_LADDER, "tried_qty", "got_qty"),
    "margin": ("distance", "ratio"),
    "margin_halted": ("venue", "asset", "distance", "ratio"),
    "operator": ("command", "kind", "who", "origin", "asked_at", "state"),
    "order": ("orders",),
    "owner_moved": (*_RUN, "host_before"),
    "position_accepted": ("venue", "symbol", "change", "own", "baseline", "qty", "how"),
    "recovered": _RUN,
    "started": _RUN,
    "report_daily": _REPORT,
    "report_weekly": _REPORT,
    "sink": ("failing_since", "failures"),
    "state_lowered": ("state", "by"),
    "stopped": _RUN,
    "strategy_turned": ("strategy", "strategy_kind", "asset", "phase", "qty"),
    "taken_down": ("venue", "symbol", "orders"),
    "taken_by_venue": (*_MOVED, "step"),
    "target_hit": ("strategy", "asset", "price", "target", "targets", "add", "share"),
    "tranche": ("strategy", "asset", "tranche", "qty"),
    "wrong_reply": _ORDER,
}
_POOL = "{venue}/{asset}[/{symbol}]"
#: Kind -> what follows the kind in the key of its condition; ``[...]`` need not be there.
KEYS: Mapping[str, str] = {
    "barred": "{symbol}",
    "basis": "{venue}/{symbol}",
    "basis_late": "{venue}/{symbol}",
    "carry": "{strategy}/{venue}/{symbol}",
    "carry_ask": "{strategy}/{venue}/{symbol}",
    "collateral": _POOL,
    "cross": "{strategy}",
    "cross_unmeasured": "{strategy}",
    "drawdown": "{step}",
    "frozen": "{venue}:{symbol}",
    "hold": "{code}",
    "inactive": "{symbol}",
    "leaving": "{venue}:{symbol}",
    "look": "{step}",
    "margin": f"{_POOL}:{{step}}",
    "margin_differs": _POOL,
    "margin_table": "{symbol}",
    "margin_unseen": "{venue}",
    "off_peg": "{asset}",
    "order": "{venue}:{symbol}",
    "position": "{venue}:{symbol}",
    "price": "{venue}:{asset}",
    "refused": "{symbol}:{code}",
    "rejected": "{symbol}",
    "residue": "{symbol}",
    "settings": "{venue}:{symbol}",
    "sink": "{sink}",
    "start_waits": "{venue}",
    "transfer": "{transfer}",
    "unrestored": "{venue}:{symbol}",
    "untimely": "{venue}",
    "venue": "{venue}",
    "waits": "{strategy}:{code}:{asset}",
    "wrong_reply": "{order}",
}


def fields_of(kind: str) -> tuple[str, ...]:
    """Return the names that alerts of ``kind`` may have, each once."""
    of_key = re.findall(r"\{(\w+)\}", KEYS.get(kind, ""))
    return tuple(dict.fromkeys((*of_key, *DATA.get(kind, ()))))


def values_of(alert: Alert) -> Mapping[str, str]:
    """Return the exact values of ``alert`` by name: those of its key, and its ``data``."""
    kind, _, rest = (alert.key or "").partition(":")
    found = _pattern(kind).fullmatch(rest) if kind in KEYS else None
    of_key = found.groupdict() if found is not None else {}
    return {**{n: v for n, v in of_key.items() if v is not None}, **alert.data}


#: Names whose values have colons and slashes of their own.
_FREE = frozenset({"sink", "symbol"})


@cache
def _pattern(kind: str) -> re.Pattern[str]:
    """The key of ``kind`` as a pattern; only a contract's symbol and a sink have colons of their own."""
    shape = KEYS[kind].replace("[", "(?:").replace("]", ")?")
    return re.compile(
        re.sub(r"\{(\w+)\}", lambda n: f"(?P<{n[1]}>{'.+' if n[1] in _FREE else '[^:/]+'})", shape)
    )
