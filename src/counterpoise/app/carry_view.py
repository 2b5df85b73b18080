"""What guards of carry, basis and cross hedges found, as JSON (``plan`` and the journal)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from counterpoise.domain.carrying import BasisVerdict, CarryVerdict
from counterpoise.domain.numbers import dec, quantize, text
from counterpoise.domain.relation import RelationVerdict

_SHARE = dec("1e-6")
_MONEY = dec("0.01")


def carry_rows(verdict: CarryVerdict) -> list[dict[str, object]]:
    """Return one row per strategy and contract.

    ``funding`` and ``basis`` are received > 0, ``fees`` paid > 0, in quote; ``realised``, ``expected`` (a year) and
    ``cost`` are fractions of notional, paid > 0, null where they are not known; ``max_carry`` (a year) and ``max_cost``
    are the budget.
    """
    return [
        {
            "strategy": c.strategy,
            "venue": c.venue,
            "symbol": c.symbol,
            "qty": text(c.qty),
            "notional": _money(c.notional),
            "funding": _money(c.funding),
            "basis": _money(c.basis),
            "fees": _money(c.fees),
            "realised": _share(c.realised),
            "expected": _share(c.expected),
            "cost": _share(c.cost),
            "max_carry": _share(c.max_carry),
            "max_cost": _share(c.max_cost),
            "then": c.then.value,
            "over_since": _instant(c.over_since),
            "spent": c.spent,
            "why": c.why.text if c.why is not None else None,
        }
        for c in verdict.checks
    ]


def basis_rows(verdict: BasisVerdict) -> list[dict[str, object]]:
    """Return one row per contract; ``since`` and ``until`` are null where it is as near to its coin as usual."""
    return [
        {
            "venue": c.venue,
            "symbol": c.symbol,
            "asset": c.asset,
            "traded": c.traded,
            "basis": _share(c.basis),
            "zscore": _share(c.zscore),
            "since": _instant(c.since),
            "until": _instant(c.until),
            "why": c.why.text if c.why is not None else None,
        }
        for c in verdict.checks
    ]


def cross_rows(verdict: RelationVerdict) -> list[dict[str, object]]:
    """Return one row per cross hedge.

    ``beta``, ``error``, ``correlation`` and ``residual`` (a year, a fraction of what is hedged) are null while they
    cannot be measured; ``share`` is how much of what it wants it may hold, ``since`` since when it is broken.
    """
    return [
        {
            "strategy": c.strategy,
            "asset": c.asset,
            "by": c.by,
            "held": text(c.held),
            "beta": _share(c.relation.beta if c.relation is not None else None),
            "error": _share(c.relation.error if c.relation is not None else None),
            "correlation": _share(c.relation.correlation if c.relation is not None else None),
            "residual": _share(c.relation.residual if c.relation is not None else None),
            "share": text(c.share),
            "since": _instant(c.since),
            "until": _instant(c.until),
            "why": c.why.text if c.why is not None else None,
        }
        for c in verdict.checks
    ]


def _share(value: Decimal | None) -> str | None:
    return text(quantize(value, _SHARE)) if value is not None else None


def _money(value: Decimal | None) -> str | None:
    return text(quantize(value, _MONEY)) if value is not None else None


def _instant(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at is not None else None
