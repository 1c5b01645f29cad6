"""One step at a time: two processes must not train, predict or select on the same project.

The lock is SQLite's own on a file of its own, so it works wherever the store works, on
Windows too, and the system releases it when its holder ends in whatever way. A note beside it
tells who holds it.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from napari_alc.errors import BadData
from napari_alc.files import write_text
from napari_alc.project.project import Project

LOCK_FILE = "step.lock"

NOTE_FILE = "step.json"
"""Which process holds the lock; of no meaning while nobody does."""

P = ParamSpec("P")
R = TypeVar("R")

_held: set[tuple[Path, int]] = set()
"""Folders locked by this process, with the thread that did it."""


@contextmanager
def locked(folder: Path, step: str) -> Iterator[None]:
    """Keep others from working on the project in `folder` until the block ends.

    A step inside a step of the same thread passes. The lock of a process that crashed is free.

    Raises
    ------
    BadData
        When somebody else works on it, or the folder cannot be written.
    """
    key = folder.resolve(), threading.get_ident()
    if key in _held:
        yield
        return
    with closing(_taken(folder)):
        _held.add(key)
        try:
            with suppress(BadData):  # The lock holds without its note.
                write_text(folder / NOTE_FILE, json.dumps(_who(step)) + "\n")
            yield
        finally:
            _held.discard(key)
            (folder / NOTE_FILE).unlink(missing_ok=True)


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


def _taken(folder: Path) -> sqlite3.Connection:
    connection = None
    try:
        connection = sqlite3.connect(folder / LOCK_FILE, timeout=0, isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise BadData(
                folder, f"another step is under way ({_holder(folder)})", "Wait for it, or stop it"
            ) from None
        raise BadData(
            folder, f"cannot be written ({error})", "Make the folder writable for you"
        ) from error
    return connection


def _who(step: str) -> dict[str, object]:
    return {
        "step": step,
        "process": os.getpid(),
        "computer": socket.gethostname(),
        "since": datetime.now().astimezone().isoformat(" ", "seconds"),
    }


def _holder(folder: Path) -> str:
    try:
        note = json.loads((folder / NOTE_FILE).read_text(encoding="utf-8"))
        return (
            f"'{note['step']}', process {note['process']} on {note['computer']}, "
            f"since {note['since']}"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "its process is not known"
