"""Bringing the store of an older program up to date.

Version 1 knew one task an image and step. Version 2 adds the readings of several people, who
has an image open, where a person stopped, the time spent, and since when a state holds. Version
3 adds the choices that people make in a ranking, the mark of audits, and how many boxes a
ranked image offers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from napari_alc.errors import BadData
from napari_alc.project.storage import schema
from napari_alc.project.storage.database import Database, version_of

BACKUP_SUFFIX = ".v{version}.db"
"""Ends the name of the copy that is made of a database of an older version."""

_CREDITS = (
    "ALTER TABLE decision ADD COLUMN credited_at {moment}",
    "UPDATE decision SET credited_at = decided_at WHERE credit <> ''",
)

_AUDITS = (
    "ALTER TABLE task ADD COLUMN audit BOOLEAN DEFAULT false NOT NULL",
    "ALTER TABLE ranking ADD COLUMN offered INTEGER",
)

_SEAL = f"UPDATE meta SET value = '{schema.SCHEMA_VERSION}' WHERE \"key\" = 'schema'"

# SQLite cannot change a constraint: the table is written anew under the same name, and with
# foreign keys off the other tables go on referring to that name.
_SQLITE_TASK = (
    "CREATE TABLE new_task ("
    "id INTEGER NOT NULL, image_id INTEGER NOT NULL, step INTEGER NOT NULL, "
    "iteration INTEGER NOT NULL, models INTEGER, rank INTEGER NOT NULL, score FLOAT, "
    "done_at DATETIME, done_by VARCHAR, reader VARCHAR DEFAULT '' NOT NULL, "
    "PRIMARY KEY (id), UNIQUE (image_id, step, reader), "
    "FOREIGN KEY(image_id) REFERENCES image (id))",
    "INSERT INTO new_task SELECT id, image_id, step, iteration, models, rank, score, "
    "done_at, done_by, '' FROM task",
    "DROP TABLE task",
    "ALTER TABLE new_task RENAME TO task",
)

_OTHER_TASK = (
    "ALTER TABLE task ADD COLUMN reader VARCHAR DEFAULT '' NOT NULL",
    "ALTER TABLE task DROP CONSTRAINT {constraint}",
    "ALTER TABLE task ADD UNIQUE (image_id, step, reader)",
)


def bring_up_to_date(store: Database) -> None:
    """Turn a store of an older version into one of today's; others are left as they are.

    It happens wholly or not at all. A copy of an SQLite database is left beside it, ending in
    `BACKUP_SUFFIX`.

    Raises
    ------
    BadData
        When the database cannot be copied or written; it is as it was then.
    """
    if store.is_file:
        with store.begin() as connection:
            if not _is_old(connection):
                return
        with _alone(store) as connection:
            if _is_old(connection):  # nobody else has done it meanwhile
                _back_up(Path(store.where), version_of(connection))
                _migrate(connection, _SQLITE_TASK, "DATETIME")
        return
    with store.begin() as connection:
        if _is_old(connection):
            _migrate(connection, _OTHER_TASK, "TIMESTAMP WITH TIME ZONE")


def _is_old(connection: Connection) -> bool:
    return version_of(connection) < schema.SCHEMA_VERSION


def _migrate(connection: Connection, task: tuple[str, ...], moment: str) -> None:
    if version_of(connection) == 1:
        _execute(connection, *_with_constraint(connection, task))
        _execute(connection, *(line.format(moment=moment) for line in _CREDITS))
        for table in (schema.lease, schema.place, schema.spent):
            table.create(connection)
    _execute(connection, *_AUDITS)
    schema.choice.create(connection)
    _execute(connection, _SEAL)


def _execute(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.execute(text(statement))


def _with_constraint(connection: Connection, lines: tuple[str, ...]) -> tuple[str, ...]:
    """The statements that change a table, with the name that its constraint has there."""
    [found] = inspect(connection).get_unique_constraints("task")
    return tuple(line.format(constraint=found["name"]) for line in lines)


@contextmanager
def _alone(store: Database) -> Iterator[Connection]:
    """A transaction of SQLite that nobody else writes beside, with foreign keys off.

    The driver's own transactions would leave changes of tables out.
    """
    try:
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.detach()  # its settings must not come back
            connection.execute(text("PRAGMA foreign_keys=OFF"))
            connection.execute(text("BEGIN IMMEDIATE"))
            yield connection
            connection.execute(text("COMMIT"))
    except DBAPIError as error:
        raise store.refusal(error) from error


def _back_up(path: Path, version: int) -> None:
    copy = path.with_suffix(BACKUP_SUFFIX.format(version=version))
    unfinished = copy.with_name(copy.name + ".part")
    try:
        unfinished.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(unfinished)) as to:
            source.backup(to)
        unfinished.replace(copy)
    except (OSError, sqlite3.Error) as error:
        raise BadData(
            copy,
            f"no copy of the project could be made before it is brought up to date ({error})",
            "Make room on the disk and the folder writable for you",
        ) from error
