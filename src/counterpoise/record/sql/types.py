"""Column types that give back exactly what was put in.

SQLAlchemy's ``Numeric`` goes through a float on SQLite (0.123456789012345678 comes back as ...677) and its
``DateTime`` forgets the time zone there, so both are kept as text. PostgreSQL has exact types of its own
and gets those. Databases never calculate: a sum or a comparison of a money column fails when it is built.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn

from sqlalchemy import DateTime, Dialect, Numeric, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from counterpoise.domain.numbers import dec
from counterpoise.record.exact import decimal_text, instant, instant_text


class _NoArithmetic(TypeDecorator.Comparator[Decimal]):
    """Refuses every operator: text sorts 10 before 9, and SQL sums would be floats."""

    def operate(self, op: Any, *other: Any, **kwargs: Any) -> NoReturn:
        del other, kwargs
        raise TypeError(f"expected Python to do {op.__name__} on Decimals, was SQL")

    def reverse_operate(self, op: Any, other: Any, **kwargs: Any) -> NoReturn:
        del other, kwargs
        raise TypeError(f"expected Python to do {op.__name__} on Decimals, was SQL")


class ExactDecimal(TypeDecorator[Decimal]):
    """A Decimal: TEXT in the form of ``domain.numbers.text`` on SQLite, NUMERIC on PostgreSQL."""

    impl = Text
    cache_ok = True
    comparator_factory = _NoArithmetic

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the dialect's own type."""
        exact = dialect.name == "postgresql"
        return dialect.type_descriptor(Numeric(asdecimal=True) if exact else Text())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Return what the driver writes."""
        if value is None:
            return None
        written = decimal_text(value)
        return value if dialect.name == "postgresql" else written

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Return the Decimal that was read."""
        del dialect
        return None if value is None else dec(value)


class Instant(TypeDecorator[datetime]):
    """An aware datetime: fixed-width ISO text in UTC on SQLite (it sorts), TIMESTAMPTZ on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the dialect's own type."""
        aware = dialect.name == "postgresql"
        return dialect.type_descriptor(DateTime(timezone=True) if aware else Text())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Return what the driver writes."""
        if value is None:
            return None
        written = instant_text(value)
        return value if dialect.name == "postgresql" else written

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Return the aware UTC datetime that was read."""
        if value is None:
            return None
        return value.astimezone(UTC) if dialect.name == "postgresql" else instant(value)
