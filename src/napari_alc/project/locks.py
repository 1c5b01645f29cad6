"""One step at a time: two processes must not train, predict or select on the same project.

The locks are filelock's read-write locks: transactions of SQLite on files of their own. So they
work wherever the store works, on Windows too, and the system releases them when their holder
ends in whatever way. A note beside each tells who holds it.

A step may have parts that do not disturb each other, such as the training of Mp and of Ma: several
processes may hold one part each. Parts share the step's lock, and each has a lock of its own.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import psutil
from filelock import ReadWriteLock, Timeout

from napari_alc.errors import BadData
from napari_alc.files import write_text
from napari_alc.project.project import Project

LOCK_FILE = "step.lock"
"""Held by a whole step alone, or shared by the parts of one step."""

PARTS_FILE = "step.parts"
"""Names the step whose parts share the lock; written by who holds it alone."""

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

    A step inside a step of the same thread passes. The lock of a process that crashed is free. A
    `part` leaves the other parts of the same step to others. Others are told what is done.

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
    step: str,
) -> Callable[[Callable[Concatenate[Project, P], R]], Callable[Concatenate[Project, P], R]]:
    """Make a step of the method hold its project's lock."""

    def decorate(
        function: Callable[Concatenate[Project, P], R],
    ) -> Callable[Concatenate[Project, P], R]:
        @wraps(function)
        def alone(project: Project, /, *args: P.args, **kwargs: P.kwargs) -> R:
            with locked(project.folder, step):
                return function(project, *args, **kwargs)

        return alone

    return decorate


@contextmanager
def _taken(folder: Path, step: str, part: str) -> Iterator[None]:
    with ExitStack() as held:
        with _explained(folder), _lock(folder, DOOR_FILE).write_lock(DOOR_SECONDS, blocking=True):
            if part:
                _join(held, folder, step)
                held.enter_context(_lock(folder, f"step-{part}.lock").write_lock())
            else:
                held.enter_context(_lock(folder, LOCK_FILE).write_lock())
        yield


def _join(held: ExitStack, folder: Path, step: str) -> None:
    """Share the lock of the folder with other parts of `step`; asked within the door."""
    lock = _lock(folder, LOCK_FILE)
    with suppress(Timeout), lock.write_lock():  # nobody is at work
        write_text(folder / PARTS_FILE, step)
    held.enter_context(lock.read_lock())
    if (folder / PARTS_FILE).read_text(encoding="utf-8") != step:
        raise Timeout(str(folder / LOCK_FILE))


def _lock(folder: Path, name: str) -> ReadWriteLock:
    """A lock that does not wait.

    Not the one that other threads have: of several that share one, all are the same reader.
    """
    path = folder / name
    # filelock would make the file for this user alone, and a lab shares its folder. One that is
    # there already is not opened by this: its closing would end the locks of this process.
    path.touch()
    return ReadWriteLock(path, blocking=False, is_singleton=False)


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except Timeout:
        told = f"another step is under way ({holders(folder)})"
        raise BadData(folder, told, "Wait for it, or stop it") from None
    except (OSError, sqlite3.Error, ValueError) as error:
        is_full = getattr(error, "errno", None) == errno.ENOSPC or "disk is full" in str(error)
        remedy = "Free space on its disk" if is_full else "Make the folder writable for you"
        raise BadData(folder, f"cannot be written ({error})", remedy) from error


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
