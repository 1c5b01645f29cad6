"""Undo and redo of one sitting, across images and without limit.

The history outlives documents: each entry says which image it concerns, and only the document
of that image takes it back.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from napari_alc.project.document import Change

Way = Literal["undo", "redo"]


@dataclass(frozen=True)
class Entry:
    """One decision: the task that it concerns, and what it did to the boxes."""

    task_id: int
    changes: tuple[Change, ...]


class History:
    """The decisions of a sitting that can be taken back, and those taken back."""

    def __init__(self) -> None:
        self._entries: dict[Way, list[Entry]] = {"undo": [], "redo": []}
        self._run: Hashable = None

    @property
    def undo_task(self) -> int | None:
        """Id of the task that the next undo concerns; None where nothing is left."""
        return self._task("undo")

    @property
    def redo_task(self) -> int | None:
        """Id of the task that the next redo concerns; None where nothing is left."""
        return self._task("redo")

    def _task(self, way: Way) -> int | None:
        entries = self._entries[way]
        return entries[-1].task_id if entries else None

    def add(self, task_id: int, changes: tuple[Change, ...], run: Hashable = None) -> None:
        """Remember a decision; nothing can be redone any more.

        Parameters
        ----------
        run
            Decisions of the same run that follow each other directly are taken back at once;
            they change the same boxes. None stands alone.
        """
        done = self._entries["undo"]
        if run is not None and run == self._run:
            before = done.pop().changes
            pairs = zip(before, changes, strict=True)
            changes = tuple(replace(new, before=old.before) for old, new in pairs)
        done.append(Entry(task_id, changes))
        self._entries["redo"].clear()
        self._run = run

    def end_run(self) -> None:
        """Let the next decision stand alone: the person has turned to something else."""
        self._run = None

    def next(self, way: Way, task_id: int) -> tuple[Change, ...]:
        """What an undo or redo on this task would take back; empty where another's is next."""
        return self._entries[way][-1].changes if self._task(way) == task_id else ()

    def turn(self, way: Way, changes: tuple[Change, ...]) -> None:
        """Note that the next entry was taken back by `changes`."""
        entry = self._entries[way].pop()
        self._entries["redo" if way == "undo" else "undo"].append(Entry(entry.task_id, changes))
        self._run = None

    def drop(self, way: Way) -> None:
        """Forget the next entry: it can no longer be taken back."""
        self._entries[way].pop()
        self._run = None
