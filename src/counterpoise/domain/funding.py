"""Funding payments (MEANING 20): signed, positive = received; a rate above 0 is paid by longs to shorts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from counterpoise.domain.numbers import ZERO, dec

_YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingInstant:
    """What was charged at ``at``: ``rate`` (a fraction) of a position at ``mark`` (quote)."""

    at: datetime
    mark: Decimal
    rate: Decimal


def payment(qty: Decimal, mark: Decimal, rate: Decimal) -> Decimal:
    """Return what a linear position of ``qty`` (signed base units) receives at one instant, in quote."""
    return -qty * mark * rate


def inverse_payment(notional: Decimal, mark: Decimal, rate: Decimal) -> Decimal:
    """Return what an inverse position of ``notional`` (signed, quote) receives, in the coin."""
    return -notional / mark * rate


def payments(
    qty: Decimal, opened_at: datetime, closed_at: datetime, instants: Iterable[FundingInstant]
) -> Decimal:
    """Return what a linear position received while it was open, both ends included.

    A position opened exactly at an instant takes part in it, and so does one that is closed exactly then.
    """
    return sum(
        (payment(qty, x.mark, x.rate) for x in instants if opened_at <= x.at <= closed_at), ZERO
    )


def yearly_funding(rate: Decimal, interval: timedelta) -> Decimal:
    """Return what a long pays in a year at ``rate`` every ``interval``, as a fraction; a short receives it."""
    return rate * _in_a_year(interval)


def yearly_basis(basis: Decimal, left: timedelta) -> Decimal:
    """Return what a long loses in a year as ``basis`` (contract / coin - 1) goes to 0 within ``left``."""
    return basis * _in_a_year(left)


def _in_a_year(span: timedelta) -> Decimal:
    second = timedelta(seconds=1)
    return dec(_YEAR // second) / dec(max(span // second, 1))
