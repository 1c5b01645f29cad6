"""An image is held by one window at a time, so that two people never decide on it at once.

A lease is a row that its window renews. It ends when the window gives it back, a minute after
its last sign of life, or at once when its process on this computer is gone. Leases are compared
by the clock of the database; SQLite has none, so that windows on several computers that share
its file go by their own clocks, which should agree within seconds. Where a lease was lost
nevertheless, storing is refused: no decision of either window is lost or overwritten.
"""

from __future__ import annotations

import os
import socket
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import psutil
from sqlalchemy import Connection, delete, insert, select, update

from napari_alc.project.storage import schema
from napari_alc.project.storage.database import as_utc, moment

LEASE_SECONDS = 60
"""A window that gave no sign of life for this long has lost its image to whoever opens it."""

SAME_START_SECONDS = 5.0
"""Computers tell a process's start anew after their clock was set; farther apart is another."""

_lease = schema.lease.c


@dataclass(frozen=True)
class Window:
    """One person's sitting, as its leases name it."""

    session: str
    person: str
    host: str
    process: int
    process_started: float


@cache
def _process_started(process: int) -> float:
    return float(psutil.Process(process).create_time())


def new_window(person: str) -> Window:
    """A sitting of `person` in this process."""
    process = os.getpid()
    session = uuid.uuid4().hex
    return Window(session, person, socket.gethostname(), process, _process_started(process))


def take(connection: Connection, task_id: int, window: Window) -> str:
    """Let `window` hold this image and no other.

    Returns
    -------
    str
        Empty, or who holds it.
    """
    give_back(connection, window)
    # From here on other databases let nobody else in; SQLite does so since the first change.
    connection.execute(
        select(schema.task.c.id).where(schema.task.c.id == task_id).with_for_update()
    )
    found = connection.execute(select(schema.lease).where(_lease.task_id == task_id)).first()
    at = moment(connection)
    if found is not None and _is_alive(found, at):
        return _words(found)
    connection.execute(delete(schema.lease).where(_lease.task_id == task_id))
    connection.execute(insert(schema.lease), {"task_id": task_id, **vars(window), "seen_at": at})
    return ""


def renew(connection: Connection, task_id: int, window: Window) -> bool:
    """Give a sign of life; whether `window` still holds the image.

    As the first statement of a transaction it keeps others from taking the image until the end.
    """
    mine = _lease.task_id == task_id, _lease.session == window.session
    statement = update(schema.lease).where(*mine).values(seen_at=moment(connection))
    return connection.execute(statement).rowcount == 1


def give_back(connection: Connection, window: Window) -> None:
    """Let others have the image that `window` holds."""
    connection.execute(delete(schema.lease).where(_lease.session == window.session))


def held_by_others(connection: Connection, window: Window) -> dict[int, str]:
    """Who holds which image, by task id; without those of `window`."""
    rows = connection.execute(select(schema.lease).where(_lease.session != window.session)).all()
    at = moment(connection)
    return {row.task_id: _words(row) for row in rows if _is_alive(row, at)}


def held(connection: Connection) -> tuple[int, ...]:
    """Ids of the tasks that any window holds."""
    rows = connection.execute(select(schema.lease)).all()
    at = moment(connection)
    return tuple(row.task_id for row in rows if _is_alive(row, at))


def _is_alive(row: Any, at: datetime) -> bool:
    if at - as_utc(row.seen_at) > timedelta(seconds=LEASE_SECONDS):
        return False
    return bool(row.host != socket.gethostname()) or _runs(row.process, row.process_started)


def _runs(process: int, started: float) -> bool:
    """Whether this process of this computer is the one that started then, and not dead."""
    try:
        found = psutil.Process(process)
        same = abs(found.create_time() - started) <= SAME_START_SECONDS
        return same and bool(found.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:  # somebody else's: it is there
        return True


def _words(row: Any) -> str:
    if row.host == socket.gethostname():
        return f"{row.person}, in another window on this computer"
    return f"{row.person}, on the computer {row.host}"
