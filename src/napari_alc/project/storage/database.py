"""The store: a database that keeps images, boxes, regions, tasks and every decision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    delete,
    event,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from napari_alc.errors import BadData
from napari_alc.project.storage import schema
from napari_alc.project.storage.boxes import BoxRepository, ImageRepository
from napari_alc.project.storage.decisions import DecisionRepository
from napari_alc.project.storage.flags import FlagRepository
from napari_alc.project.storage.notes import NoteRepository, SecondReadingRepository
from napari_alc.project.storage.rankings import RankingRepository
from napari_alc.project.storage.runs import EventRepository, RunRepository
from napari_alc.project.storage.sessions import LeaseRepository, TimeRepository
from napari_alc.project.storage.tasks import ReadingRepository, TaskRepository
from napari_alc.project.storage.upgrade import hold, upgrade

DATABASE_FILE = "project.db"


def _durable(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.close()


def _own(folder: Path) -> Path:
    return folder.resolve() / DATABASE_FILE


VERSION_KEY = "format"
"""Key of the table `meta`: the version of the store's tables."""

EARLIER_KEY, LAST_EARLIER = "schema", 3
"""Programs before the first release numbered their tables so; the last ones are of format 1."""

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


class UnitOfWork:
    """What one transaction asks and writes: all of it is stored together, or nothing."""

    def __init__(self, connection: Connection) -> None:
        self.images = ImageRepository(connection)
        self.boxes = BoxRepository(connection)
        self.tasks = TaskRepository(connection)
        self.decisions = DecisionRepository(connection)
        self.notes = NoteRepository(connection)
        self.flags = FlagRepository(connection)
        self.second_readings = SecondReadingRepository(connection)
        self.readings = ReadingRepository(connection)
        self.rankings = RankingRepository(connection)
        self.runs = RunRepository(connection)
        self.events = EventRepository(connection)
        self.leases = LeaseRepository(connection)
        self.times = TimeRepository(connection)


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
            if _versions(connection):
                raise BadData(
                    self.where,
                    "the database holds a project already",
                    "Choose another folder or database; to go on with that project, "
                    "bring its project.toml back from a copy",
                )
            if inspect(connection).has_table(schema.meta.name):
                schema.metadata.drop_all(connection)
            schema.metadata.create_all(connection)

    def seal(self) -> None:
        """Mark a new project's database as complete."""
        row = {"key": VERSION_KEY, "value": str(schema.SCHEMA_VERSION)}
        with self.begin() as connection:
            connection.execute(insert(schema.meta), [row])

    def drop(self) -> None:
        """Remove the tables of a project that could not be made, if the database lets us."""
        with suppress(BadData), self.begin() as connection:
            schema.metadata.drop_all(connection)

    def check(self) -> None:
        """Refuse a database that is absent, damaged, or made by a program too new or too old.

        One of an earlier format is upgraded.
        """
        if self.is_file and not Path(self.where).is_file():
            raise BadData(self.where, "the project's database is missing", "Restore it from a copy")
        with self.begin() as connection:
            versions = _versions(connection)
        found, known = versions.get(VERSION_KEY), schema.SCHEMA_VERSION
        if found is None:
            found, known = versions.get(EARLIER_KEY, ""), LAST_EARLIER
        if not found.isdigit() or not int(found):
            raise BadData(self.where, "is no napari-alc database", "Restore it from a copy")
        if int(found) > known:
            raise BadData(
                self.where,
                f"was made by a newer napari-alc (schema {found}, known: {known})",
                "Update napari-alc to open it",
            )
        if VERSION_KEY not in versions and int(found) < known:
            raise BadData(
                self.where,
                "was made by a napari-alc from long before its first release",
                "Export its labels with that program, and make a new project of them",
            )
        if versions.get(VERSION_KEY) != str(schema.SCHEMA_VERSION):
            self._upgrade()

    def _upgrade(self) -> None:
        """Bring the tables up to date, in one transaction; another program may do so meanwhile."""
        now = str(schema.SCHEMA_VERSION)
        with self.begin() as connection:
            hold(connection)
            if _versions(connection).get(VERSION_KEY) == now:
                return
            upgrade(connection)
            _set_version(connection, now)

    @contextmanager
    def transaction(self) -> Iterator[UnitOfWork]:
        """Ask and write together: all of it is stored when the block ends, or nothing."""
        with self.begin() as connection:
            yield UnitOfWork(connection)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """The bare transaction, for this room alone."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except DBAPIError as error:
            complaint = str(error.orig)
            raise BadData(
                self.where, f"the database refused ({complaint})", _remedy(complaint)
            ) from error

    def close(self) -> None:
        """Let go of the database's files."""
        self.engine.dispose()


def _set_version(connection: Connection, version: str) -> None:
    """Name the format, to programs before the first release as well: they ask for an update."""
    c = schema.meta.c
    old = update(schema.meta).where(c.key == EARLIER_KEY).values(value=str(LAST_EARLIER + 1))
    connection.execute(old)
    connection.execute(delete(schema.meta).where(c.key == VERSION_KEY))
    connection.execute(insert(schema.meta), [{"key": VERSION_KEY, "value": version}])


def _versions(connection: Connection) -> dict[str, str]:
    """The versions that a store names, by key; empty in one that is no store, or unfinished."""
    if not inspect(connection).has_table(schema.meta.name):
        return {}
    c = schema.meta.c
    query = select(c.key, c.value).where(c.key.in_((VERSION_KEY, EARLIER_KEY)))
    return {row.key: row.value for row in connection.execute(query)}
