"""One step at a time: two processes must not train, predict or select on the same project.

The locks are SQLite's own on files of their own, so they work wherever the store works, on
Windows too, and the system releases them when their holder ends in whatever way. A note beside
each tells who holds it.

A step may have parts that do not disturb each other, such as the training of Mp and of Ma: several
processes may hold one part each. Parts share the step's lock, and each has a lock of its own.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import psutil

from napari_alc.errors import BadData
from napari_alc.files import write_text
from napari_alc.project.project import Project

LOCK_FILE = "step.lock"
"""Held by a whole step alone, or shared by the parts of one step; tells which step's parts."""

DOOR_FILE = "step.door"
"""Held for the moment in which one process takes its locks."""

LOCK_FILES = (LOCK_FILE, DOOR_FILE)
"""What a whole step leaves in the folder."""

DOOR_SECONDS = 10.0
"""How long to wait for others who take theirs."""

P = ParamSpec("P")
R = TypeVar("R")

_held: set[tuple[Path, int, str]] = set()
"""Folders locked by this process, with the thread that did it and the part, "" for all."""


@contextmanager
def locked(folder: Path, step: str, part: str = "") -> Iterator[None]:
    """Keep others from working on the project in `folder` until the block ends.

    A step inside a step of the same thread passes. The lock of a process that crashed is free.

    Parameters
    ----------
    folder
        The project's folder.
    step
        What is done, in the message to others.
    part
        Leaves the other parts of the same step to others; empty for the whole step.

    Raises
    ------
    BadData
        When somebody else works on it, or the folder cannot be written.
    """
    key = folder.resolve(), threading.get_ident(), part
    if key in _held or (*key[:2], "") in _held:
        yield
        return
    note = _note_file(folder, part)
    with _taken(folder, step, part):
        _held.add(key)
        try:
            with suppress(BadData):  # The lock holds without its note.
                write_text(note, json.dumps(_who(step, part)) + "\n")
            yield
        finally:
            _held.discard(key)
            note.unlink(missing_ok=True)


def one_at_a_time(
    step: str, part: str = ""
) -> Callable[[Callable[Concatenate[Project, P], R]], Callable[Concatenate[Project, P], R]]:
    """Make a step of the method, or a part of one, hold its project's lock."""

    def decorate(
        function: Callable[Concatenate[Project, P], R],
    ) -> Callable[Concatenate[Project, P], R]:
        @wraps(function)
        def alone(project: Project, /, *args: P.args, **kwargs: P.kwargs) -> R:
            with locked(project.folder, step, part):
                return function(project, *args, **kwargs)

        return alone

    return decorate


@contextmanager
def _taken(folder: Path, step: str, part: str) -> Iterator[None]:
    with ExitStack() as held:
        with closing(_alone(folder, DOOR_FILE, DOOR_SECONDS)):
            if part:
                held.enter_context(closing(_shared(folder, step)))
                held.enter_context(closing(_alone(folder, f"step-{part}.lock")))
            else:
                held.enter_context(closing(_alone(folder, LOCK_FILE)))
        yield


def _alone(folder: Path, name: str, seconds: float = 0.0) -> sqlite3.Connection:
    """A lock that nobody else holds, not even shared."""
    with _told(folder), _opened(folder / name, seconds) as connection:
        connection.execute("BEGIN EXCLUSIVE")
    return connection


def _shared(folder: Path, step: str) -> sqlite3.Connection:
    """The lock of the folder, shared with other parts of `step`; taken within the door."""
    with _told(folder), _opened(folder / LOCK_FILE) as connection:
        with suppress(sqlite3.OperationalError):  # Others are at work; what they do is written.
            _write_step(connection, step)
        connection.execute("BEGIN")
        (running,) = connection.execute("SELECT step FROM running").fetchone()
        if running != step:
            raise _busy(folder)
    return connection


def _write_step(connection: sqlite3.Connection, step: str) -> None:
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute("CREATE TABLE IF NOT EXISTS running (step TEXT)")
    connection.execute("DELETE FROM running")
    connection.execute("INSERT INTO running VALUES (?)", [step])
    connection.execute("COMMIT")


@contextmanager
def _opened(path: Path, seconds: float = 0.0) -> Iterator[sqlite3.Connection]:
    """A connection that is closed only where the block fails."""
    with ExitStack() as failing:
        connection = sqlite3.connect(path, timeout=seconds, isolation_level=None)
        failing.enter_context(closing(connection))
        yield connection
        failing.pop_all()


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            raise _busy(folder) from None
        is_full = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
        remedy = "Free space on its disk" if is_full else "Make the folder writable for you"
        raise BadData(folder, f"cannot be written ({error})", remedy) from error


def _busy(folder: Path) -> BadData:
    return BadData(folder, f"another step is under way ({holders(folder)})", _WAIT)


_WAIT = "Wait for it, or stop it"


def holders(folder: Path) -> str:
    """Who works in `folder`, in words."""
    return " and ".join(_holders(folder)) or "its process is not known"


def _note_file(folder: Path, part: str) -> Path:
    return folder / (f"step-{part}.json" if part else "step.json")


def _who(step: str, part: str) -> dict[str, object]:
    return {
        "step": f"{step} {part}".strip(),
        "process": os.getpid(),
        "computer": socket.gethostname(),
        "since": datetime.now().astimezone().isoformat(" ", "seconds"),
    }


def _holders(folder: Path) -> Iterator[str]:
    """A note may outlive its process, which then says nothing."""
    for path in (folder / "step.json", *sorted(folder.glob("step-*.json"))):
        with suppress(OSError, ValueError, KeyError, TypeError):
            note = json.loads(path.read_text(encoding="utf-8"))
            here = note["computer"] == socket.gethostname()
            if not here or psutil.pid_exists(note["process"]):
                yield (
                    f"'{note['step']}', process {note['process']} on {note['computer']}, "
                    f"since {note['since']}"
                )
