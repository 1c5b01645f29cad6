"""Bringing the store of an older program up to date.

Version 1 knew one task an image and step. Version 2 adds the readings of several people, who
has an image open, where a person stopped, the time spent, and since when a state holds.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from napari_alc.errors import BadData
from napari_alc.project import schema
from napari_alc.project.store import Store, version_of

BACKUP_SUFFIX = ".v1.db"
"""Ends the name of the copy that is made of a database of version 1."""

_NEW_TABLES = (schema.lease, schema.place, schema.spent)

_CREDITS = (
    "ALTER TABLE decision ADD COLUMN credited_at {moment}",
    "UPDATE decision SET credited_at = decided_at WHERE credit <> ''",
    "UPDATE meta SET value = '2' WHERE \"key\" = 'schema'",
)

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


def bring_up_to_date(store: Store) -> None:
    """Turn a store of version 1 into one of version 2; others are left as they are.

    It happens wholly or not at all. A copy of an SQLite database is left beside it, ending in
    `BACKUP_SUFFIX`.

    Raises
    ------
    BadData
        When the database cannot be copied or written; it is as it was then.
    """
    if store.is_file:
        with store.begin() as connection:
            if version_of(connection) != 1:
                return
        with _alone(store) as connection:
            if version_of(connection) == 1:  # nobody else has done it meanwhile
                _back_up(Path(store.where))
                _migrate(connection, _SQLITE_TASK, "DATETIME")
        return
    with store.begin() as connection:
        if version_of(connection) == 1:
            _migrate(connection, _other_task(connection), "TIMESTAMP WITH TIME ZONE")


def _migrate(connection: Connection, task: tuple[str, ...], moment: str) -> None:
    for statement in (*task, *(line.format(moment=moment) for line in _CREDITS)):
        connection.execute(text(statement))
    for table in _NEW_TABLES:
        table.create(connection)


def _other_task(connection: Connection) -> tuple[str, ...]:
    [found] = inspect(connection).get_unique_constraints("task")
    return tuple(line.format(constraint=found["name"]) for line in _OTHER_TASK)


@contextmanager
def _alone(store: Store) -> Iterator[Connection]:
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


def _back_up(path: Path) -> None:
    copy = path.with_suffix(BACKUP_SUFFIX)
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
