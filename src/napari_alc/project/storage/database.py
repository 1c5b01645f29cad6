"""The store: a database that keeps images, boxes, regions, tasks and every decision."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    Table,
    create_engine,
    event,
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from napari_alc.errors import BadData
from napari_alc.project.storage import schema

Row = Mapping[str, Any]

DATABASE_FILE = "project.db"

ROWS_AT_ONCE = 20_000
"""Rows sent to the database in one statement; bounds memory for large label sets."""


def now() -> datetime:
    """The present moment, in UTC."""
    return datetime.now(UTC)


def as_utc(moment: datetime) -> datetime:
    """A moment as the store gives it, in UTC; SQLite keeps no time zone."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _durable(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()


def _own(folder: Path) -> Path:
    return folder.resolve() / DATABASE_FILE


_VERSION = select(schema.meta.c.value).where(schema.meta.c.key == "schema")

_REMEDIES = {
    "malformed": "The file is damaged: restore it from a copy",
    "not a database": "The file is damaged: restore it from a copy",
    "no such": "The file is damaged: restore it from a copy",
    "full": "Free some disk space, then try again; nothing was lost",
    "locked": "Another program is writing to it; try again when that is done",
    "readonly": "Make the project's folder writable for you",
    "unable to open": "Make the project's folder writable for you",
}
"""What to do about a database's complaint, by a part of its words."""


def _remedy(complaint: str) -> str:
    for words, remedy in _REMEDIES.items():
        if words in complaint:
            return remedy
    return "Check free disk space and that the database can be reached, then try again"


class Database:
    """A connection to a project's database; every write is one durable transaction."""

    def __init__(self, folder: Path, url: str = "") -> None:
        try:
            parsed = make_url(url) if url else URL.create("sqlite", database=str(_own(folder)))
            self.engine: Engine = create_engine(parsed)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            raise BadData(
                folder / "project.toml",
                f"the database address cannot be used ({error})",
                "Correct 'database', or leave it empty to use a file in the project's folder",
            ) from error
        self.is_file = parsed.get_backend_name() == "sqlite"
        self.where = parsed.database or "" if self.is_file else str(parsed)
        if self.is_file:
            if not Path(self.where).is_absolute():
                raise BadData(
                    folder / "project.toml",
                    f"the database address '{url}' names no file by its full path",
                    "Write it as sqlite:////full/path/file.db, or leave it empty",
                )
            event.listen(self.engine, "connect", _durable)

    def create(self) -> None:
        """Make the tables of a new project; `seal` makes it whole once they are filled.

        Raises
        ------
        BadData
            When the database holds a project already. What is left of a creation that was
            interrupted is removed.
        """
        with self.begin() as connection:
            if inspect(connection).has_table(schema.meta.name):
                if connection.execute(_VERSION).scalar() is not None:
                    raise BadData(
                        self.where,
                        "the database holds a project already",
                        "Choose another folder or database; to go on with that project, "
                        "bring its project.toml back from a copy",
                    )
                schema.metadata.drop_all(connection)
            schema.metadata.create_all(connection)

    def seal(self) -> None:
        """Mark a new project's database as complete."""
        row = {"key": "schema", "value": str(schema.SCHEMA_VERSION)}
        with self.begin() as connection:
            connection.execute(insert(schema.meta), [row])

    def drop(self) -> None:
        """Remove the tables of a project that could not be made."""
        with self.begin() as connection:
            schema.metadata.drop_all(connection)

    def check(self) -> None:
        """Refuse a database that is absent, damaged or made by a newer program."""
        if self.is_file and not Path(self.where).is_file():
            raise BadData(self.where, "the project's database is missing", "Restore it from a copy")
        with self.begin() as connection:
            known = inspect(connection).has_table(schema.meta.name)
            found = connection.execute(_VERSION).scalar() if known else None
        if found is None or not found.isdigit() or not int(found):
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
            raise self.refusal(error) from error

    def refusal(self, error: DBAPIError) -> BadData:
        """What the database complained about, in a line for people."""
        complaint = str(error.orig)
        return BadData(self.where, f"the database refused ({complaint})", _remedy(complaint))

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


def version_of(connection: Connection) -> int:
    """The version of the tables of a store that was checked."""
    return int(connection.execute(_VERSION).scalar() or 0)


def moment(connection: Connection) -> datetime:
    """The present moment by the clock that all windows on this store share.

    SQLite has no clock of its own; it is the computer's there.
    """
    if connection.dialect.name == "sqlite":
        return now()
    return as_utc(connection.execute(select(func.now())).scalar_one())


def add_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert `rows` in pieces of bounded size."""
    for start in range(0, len(rows), ROWS_AT_ONCE):
        connection.execute(insert(table), list(rows[start : start + ROWS_AT_ONCE]))


def add_boxes(connection: Connection, rows: Sequence[Row]) -> list[int]:
    """Insert rows of `schema.box`; returns their ids in the order of the rows."""
    statement = insert(schema.box).returning(schema.box.c.id, sort_by_parameter_order=True)
    found: list[int] = []
    for start in range(0, len(rows), ROWS_AT_ONCE):
        found += connection.scalars(statement, list(rows[start : start + ROWS_AT_ONCE])).all()
    return found


def log_event(
    connection: Connection, step: str, iteration: int | None, details: Mapping[str, object]
) -> None:
    """Write into the project's history what a step did."""
    row = {"at": now(), "step": step, "iteration": iteration, "details": dict(details)}
    connection.execute(insert(schema.event), [row])
