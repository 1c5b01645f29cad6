"""What the repositories have in common: they ask and write within one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Executable, Row, Table, func, insert, select

ROWS_AT_ONCE = 20_000
"""Rows sent to the database in one statement; bounds memory for large label sets."""


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def as_utc(moment: datetime) -> datetime:
    """A moment as the store gives it, in UTC; SQLite keeps no time zone."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def rows_of(common: Mapping[str, object], **columns: Iterable[object]) -> list[dict[str, object]]:
    """A row for each value of the columns, which are of equal length; all hold what is common."""
    values = zip(*columns.values(), strict=True)
    return [{**common, **dict(zip(columns, row, strict=True))} for row in values]


class Repository:
    """Named queries and named writes, all in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def _execute(self, statement: Executable) -> int:
        """Run a statement; returns how many rows it found to change."""
        return self._connection.execute(statement).rowcount

    def _rows(self, query: Executable) -> Sequence[Row[*tuple[Any, ...]]]:
        return self._connection.execute(query).all()

    def _pairs(self, query: Executable) -> dict[Any, Any]:
        """What a query of two columns finds, the second by the first."""
        return dict(map(tuple, self._rows(query)))

    def _value(self, query: Executable) -> Any:
        """The first column of the first row, or None."""
        return self._connection.execute(query).scalar()

    def _count(self, table: Table, *conditions: ColumnElement[bool]) -> int:
        return int(self._value(select(func.count()).select_from(table).where(*conditions)))

    def _add(self, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
        """Insert rows in pieces of bounded size."""
        for start in range(0, len(rows), ROWS_AT_ONCE):
            self._connection.execute(insert(table), list(rows[start : start + ROWS_AT_ONCE]))

    def _clock(self) -> datetime:
        """The present moment by the clock that all windows on this store share.

        SQLite has no clock of its own; it is the computer's there.
        """
        if self._connection.dialect.name == "sqlite":
            return now()
        return as_utc(self._connection.execute(select(func.now())).scalar_one())
