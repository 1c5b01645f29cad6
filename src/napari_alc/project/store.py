"""The store: a database that keeps images, boxes, regions, tasks and every decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, func, insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from napari_alc.errors import BadData
from napari_alc.project import schema

Row = Mapping[str, Any]

DATABASE_FILE = "project.db"

ROWS_AT_ONCE = 20_000
"""Rows sent to the database in one statement; bounds memory for large label sets."""


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def _durable(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()


class Store:
    """A connection to a project's database; every write is one durable transaction."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.where = folder / DATABASE_FILE
        try:
            parsed = make_url(url or f"sqlite:///{self.where}")
            self.engine: Engine = create_engine(parsed)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise BadData(
                folder / "project.toml",
                f"the database address cannot be used ({error})",
                "Correct 'database', or leave it empty to use a file in the project's folder",
            ) from error
        self.is_file = parsed.get_backend_name() == "sqlite"
        if self.is_file:
            event.listen(self.engine, "connect", _durable)

    def create(self) -> None:
        """Make the tables of a new project."""
        with self.begin() as connection:
            schema.metadata.create_all(connection)
            connection.execute(
                insert(schema.meta),
                [{"key": "schema", "value": str(schema.SCHEMA_VERSION)}],
            )

    def check(self) -> None:
        """Refuse a database that is absent, damaged or made by a newer program."""
        if self.is_file and not self.where.is_file():
            raise BadData(self.where, "the project's database is missing", "Restore it from a copy")
        with self.begin() as connection:
            key = schema.meta.c.key == "schema"
            found = connection.execute(select(schema.meta.c.value).where(key)).scalar()
        if found is None or not found.isdigit():
            raise BadData(self.where, "is no napari-alc database", "Restore it from a copy")
        if int(found) > schema.SCHEMA_VERSION:
            raise BadData(
                self.where,
                f"was made by a newer napari-alc (schema {found}, known: {schema.SCHEMA_VERSION})",
                "Update napari-alc to open it",
            )

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction: all of it is stored when the block ends, or nothing."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            raise BadData(
                self.where,
                f"the database refused ({error.orig})",
                "Check free disk space and that the file can be written, then try again",
            ) from error

    def rows(self, statement: Any) -> Sequence[Any]:
        """All rows of a query."""
        with self.begin() as connection:
            return connection.execute(statement).all()

    def value(self, statement: Any) -> Any:
        """The first column of the first row of a query, or None."""
        with self.begin() as connection:
            return connection.execute(statement).scalar()

    def count(self, table: Table, *conditions: Any) -> int:
        """How many rows of `table` fulfil all `conditions`."""
        return int(self.value(select(func.count()).select_from(table).where(*conditions)))

    def close(self) -> None:
        """Let go of the database's files."""
        self.engine.dispose()


def add_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert `rows` in pieces of bounded size."""
    for start in range(0, len(rows), ROWS_AT_ONCE):
        connection.execute(insert(table), list(rows[start : start + ROWS_AT_ONCE]))


def log_event(
    connection: Connection, step: str, iteration: int | None, details: Mapping[str, object]
) -> None:
    """Write into the project's history what a step did."""
    row = {"at": now(), "step": step, "iteration": iteration, "details": dict(details)}
    connection.execute(insert(schema.event), [row])
