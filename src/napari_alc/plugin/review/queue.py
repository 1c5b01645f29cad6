"""The queue of one person in memory: what waits, what is open, what comes next; knows no Qt.

It is read from the store once and follows the person's own decisions from then on, so that
finishing one of ten thousand images costs no more than finishing one of ten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from napari_alc.project.annotation import tasks
from napari_alc.project.project import Project
from napari_alc.project.storage.records import Task
from napari_alc.project.storage.repository import now


@dataclass(frozen=True)
class QueueEntry:
    """An image of the queue with its boxes still open and those offered as red and green.

    `holder` has it open in another window; empty for nobody.
    """

    task: Task
    opened: int = 0
    red: int = 0
    green: int = 0
    holder: str = ""


class ReviewQueue:
    """Images handed to a person, in order."""

    def __init__(self, entries: Sequence[QueueEntry] = ()) -> None:
        self._entries = list(entries)
        self._places = {entry.task.id: place for place, entry in enumerate(entries)}
        self.done = sum(entry.task.is_done for entry in entries)
        """Images that are finished."""
        self.boxes_left = sum(entry.opened for entry in entries)
        """Open boxes of all images."""

    @classmethod
    def read(cls, project: Project, person: str, holders: Mapping[int, str]) -> ReviewQueue:
        """The queue as the store has it now; `holders` in other windows by task id."""
        opened, regions = tasks.open_counts(project), tasks.region_counts(project)
        return cls(
            [
                QueueEntry(
                    task,
                    opened.get(task.id, 0),
                    regions.get((task.id, "red"), 0),
                    regions.get((task.id, "green"), 0),
                    holders.get(task.id, ""),
                )
                for task in tasks.queue_of(project, person)
            ]
        )

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, place: int) -> QueueEntry:
        return self._entries[place]

    def place(self, task_id: int) -> int | None:
        """Position of an image, or None."""
        return self._places.get(task_id)

    def find(self, task_id: int) -> Task | None:
        """The task with this id, or None."""
        place = self.place(task_id)
        return None if place is None else self._entries[place].task

    def holder(self, task_id: int) -> str:
        """Who has an image open in another window; empty for nobody."""
        place = self.place(task_id)
        return "" if place is None else self._entries[place].holder

    def set_opened(self, task_id: int, opened: int) -> None:
        """How many boxes of an image are open now."""
        place = self.place(task_id)
        if place is not None:
            self._put(place, replace(self._entries[place], opened=opened))

    def finish(self, task_id: int, person: str) -> None:
        """The image is finished; where it was already, it stays in the finisher's name."""
        task = self.find(task_id)
        if task is not None and not task.is_done:
            self._set_task(task_id, now(), person)

    def reopen(self, task_id: int) -> None:
        """The image waits again."""
        self._set_task(task_id, None, None)

    def set_excluded(self, task_id: int, is_excluded: bool) -> None:
        """Whether the image is left out of the dataset."""
        place = self.place(task_id)
        if place is not None:
            entry = self._entries[place]
            self._put(place, replace(entry, task=replace(entry.task, is_excluded=is_excluded)))

    def _set_task(self, task_id: int, done_at: datetime | None, done_by: str | None) -> None:
        place = self.place(task_id)
        if place is not None:
            entry = self._entries[place]
            task = replace(entry.task, done_at=done_at, done_by=done_by)
            self._put(place, replace(entry, task=task))

    def _put(self, place: int, entry: QueueEntry) -> None:
        before, self._entries[place] = self._entries[place], entry
        self.done += entry.task.is_done - before.task.is_done
        self.boxes_left += entry.opened - before.opened

    def set_holders(self, holders: Mapping[int, str]) -> None:
        """Who has which image open in another window."""
        for place, entry in enumerate(self._entries):
            holder = holders.get(entry.task.id, "")
            if holder != entry.holder:
                self._put(place, replace(entry, holder=holder))

    def first_open(self, after: int | None = None) -> Task | None:
        """The next unfinished image behind `after` that nobody else holds, else from the start."""
        place = None if after is None else self.place(after)
        start = 0 if place is None else place + 1
        for entry in (*self._entries[start:], *self._entries[:start]):
            if not entry.task.is_done and not entry.holder:
                return entry.task
        return None

    def neighbour(self, task_id: int | None, by: int) -> Task | None:
        """The image `by` places behind another, done or not; None beyond the ends.

        Without another image it is the first one.
        """
        place = None if task_id is None else self.place(task_id)
        wanted = 0 if place is None else place + by
        if not 0 <= wanted < len(self._entries):
            return None
        return self._entries[wanted].task
