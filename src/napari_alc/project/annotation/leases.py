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

import psutil

from napari_alc.project.storage.database import UnitOfWork
from napari_alc.project.storage.records import Lease
from napari_alc.wording import window_words

LEASE_SECONDS = 60
"""A window that gave no sign of life for this long has lost its image to whoever opens it."""

SAME_START_SECONDS = 5.0
"""Computers tell a process's start anew after their clock was set; farther apart is another."""


@dataclass(frozen=True)
class Window:
    """One person's session, as its leases name it."""

    session: str
    person: str
    host: str
    process: int
    process_started: float


@cache
def _process_started(process: int) -> float:
    return float(psutil.Process(process).create_time())


def new_window(person: str) -> Window:
    """A session of `person` in this process."""
    process = os.getpid()
    session = uuid.uuid4().hex
    return Window(session, person, socket.gethostname(), process, _process_started(process))


def take(unit: UnitOfWork, task_id: int, window: Window) -> str:
    """Let `window` hold this image and no other; returns who else holds it, or nothing."""
    unit.leases.end(window.session)
    # From here on other databases let nobody else in; SQLite does so since the first change.
    unit.tasks.hold(task_id)
    found, at = unit.leases.of(task_id), unit.leases.clock()
    if found is not None and _is_alive(found, at):
        return _words(found)
    unit.leases.put(Lease(task_id, **vars(window), seen_at=at))
    return ""


def held_by_others(unit: UnitOfWork, window: Window) -> dict[int, str]:
    """Who holds which image, by task id; without those of `window`."""
    others = (lease for lease in _alive(unit) if lease.session != window.session)
    return {lease.task_id: _words(lease) for lease in others}


def held(unit: UnitOfWork) -> tuple[int, ...]:
    """Ids of the tasks that any window holds."""
    return tuple(lease.task_id for lease in _alive(unit))


def _alive(unit: UnitOfWork) -> list[Lease]:
    leases, at = unit.leases.all(), unit.leases.clock()
    return [lease for lease in leases if _is_alive(lease, at)]


def _is_alive(lease: Lease, at: datetime) -> bool:
    if at - lease.seen_at > timedelta(seconds=LEASE_SECONDS):
        return False
    return lease.host != socket.gethostname() or _runs(lease.process, lease.process_started)


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


def _words(lease: Lease) -> str:
    is_here = lease.host == socket.gethostname()
    return window_words(lease.person, "" if is_here else lease.host)
