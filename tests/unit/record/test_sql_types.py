from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import Column, MetaData, Table, create_engine, func, insert, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import StatementError

from counterpoise.record.sql.types import ExactDecimal, Instant

ROWS = Table("rows", MetaData(), Column("qty", ExactDecimal), Column("at", Instant))
AT = datetime(2025, 4, 7, 1, 2, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    "build",
    [
        lambda: ROWS.c.qty > Decimal(1),
        lambda: ROWS.c.qty == Decimal(1),
        lambda: ROWS.c.qty + ROWS.c.qty,
        lambda: Decimal(1) - ROWS.c.qty,
        ROWS.c.qty.desc,
        lambda: ROWS.c.qty.in_([Decimal(1)]),
    ],
)
def test_sql_may_not_calculate_or_compare_money(build: object) -> None:
    with pytest.raises(TypeError, match="expected Python to do"):
        build()  # type: ignore[operator]  # a table of lambdas


def test_on_sqlite_the_text_is_what_people_and_hashes_see() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        ROWS.create(connection)
        connection.execute(
            insert(ROWS), [{"qty": Decimal("1E+3"), "at": AT}, {"qty": None, "at": None}]
        )
        raw = connection.exec_driver_sql("SELECT qty, typeof(qty), at FROM rows").fetchall()
        assert raw == [
            ("1000", "text", "2025-04-07T01:02:03.000004Z"),
            (None, "null", None),
        ]
        assert connection.execute(select(ROWS)).fetchall() == [(Decimal(1000), AT), (None, None)]
        assert connection.execute(select(ROWS.c.at).where(ROWS.c.at >= AT)).scalar_one() == AT
    engine.dispose()


@pytest.mark.parametrize(
    "row",
    [{"qty": 0.1}, {"qty": Decimal("NaN")}, {"at": datetime(2025, 1, 1)}],  # noqa: DTZ001 - refused
)
def test_a_value_without_exact_form_is_refused(row: dict[str, object]) -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        ROWS.create(connection)
        with pytest.raises(StatementError, match="expected"):
            connection.execute(insert(ROWS), row)
        assert connection.execute(select(func.count()).select_from(ROWS)).scalar_one() == 0
    engine.dispose()


def test_postgresql_gets_its_own_exact_types() -> None:
    dialect = postgresql.dialect()
    assert ExactDecimal().compile(dialect) == "NUMERIC"
    assert Instant().compile(dialect) == "TIMESTAMP WITH TIME ZONE"
    for type_, value in ((ExactDecimal(), Decimal("0.1")), (Instant(), AT)):
        assert type_.process_bind_param(value, dialect) == value
        assert type_.process_result_value(value, dialect) == value
