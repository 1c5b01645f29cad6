"""One person's session at the review: the image held, the time spent, undo, and the place.

Whatever is stored goes into the database in one transaction with the check that the image is
still held, so that a window that lost it overwrites nothing. The time that a person actually spends
on each box is counted by a `Stopwatch`, idle time left out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from napari_alc.errors import Refused
from napari_alc.project.annotation import leases
from napari_alc.project.annotation.decisions import TaskDecisionStore, open_document
from napari_alc.project.annotation.document import Change, FlagChange, History, ReviewDocument
from napari_alc.project.annotation.tasks import skip
from napari_alc.project.project import Project
from napari_alc.project.storage.database import UnitOfWork
from napari_alc.project.storage.records import ReviewBox, ReviewPosition, Spent, Task
from napari_alc.wording import Refusal

IDLE_SECONDS = 30.0
"""Of a pause between two signs of work this much counts: one may look and think that long."""


class Stopwatch:
    """Counts the seconds that a person works, by task and box; its clock never goes back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds: dict[tuple[int, int | None], float] = {}
        self._here: tuple[int, int | None] | None = None
        self._paused = False
        self._since = clock()
        self._counted = 0.0

    def set_current(self, task_id: int | None, box_id: int | None = None) -> None:
        """Count for this box from now on; for nothing where `task_id` is None."""
        self.touch()
        self._here = None if task_id is None else (task_id, box_id)

    def touch(self) -> None:
        """Note that the person did something."""
        self._count()
        self._since, self._counted = self._clock(), 0.0

    def pause(self) -> None:
        """Count nothing until `resume`."""
        self._count()
        self._paused = True

    def resume(self) -> None:
        """Count again, beginning now."""
        self.touch()
        self._paused = False

    def counted(self) -> tuple[Spent, ...]:
        """What was counted since it was last taken."""
        self._count()
        return tuple(Spent(*key, seconds) for key, seconds in self._seconds.items() if seconds > 0)

    def forget(self, spent: Sequence[Spent]) -> None:
        """Take off what has been stored."""
        for item in spent:
            self._seconds[item.task_id, item.box_id] -= item.seconds

    def _count(self) -> None:
        """Add what has passed of the present pause, no more than may count of it."""
        passed = min(self._clock() - self._since, IDLE_SECONDS)
        if self._here is not None and not self._paused:
            known = self._seconds.get(self._here, 0.0)
            self._seconds[self._here] = known + passed - self._counted
        self._counted = passed


class Lost(Refused):
    """The image is held by another window now."""


@dataclass(frozen=True)
class HeldImage:
    """A document, and who else has it so that it cannot be changed; empty where it can."""

    document: ReviewDocument
    held_by: str


class ReviewSession:
    """What one person does in one window, from opening a project to closing it.

    Its history has undo and redo across images. Its stopwatch counts the time; tell it when the
    person does something, pauses or resumes.
    """

    def __init__(self, project: Project, person: str) -> None:
        self.history = History()
        self.stopwatch = Stopwatch()
        self._project, self._person = project, person
        self._window = leases.new_window(person)
        self._held: int | None = None
        self._place: ReviewPosition | None = None
        self._stored_place: ReviewPosition | None = None

    def open(self, task: Task) -> HeldImage:
        """Open an image and let go of the one before; read-only while another window holds it.

        One that was skipped has its place in the queue again.
        """
        self._held = None
        self.stopwatch.set_current(None)
        with self._transaction() as unit:
            who = leases.take(unit, task.id, self._window)
            if not who:
                unit.leases.come_back(self._person, task.id)
        shelf: TaskDecisionStore | _ClosedStore
        if who:
            shelf = _ClosedStore(who)
        else:
            self._held = task.id
            shelf = TaskDecisionStore(task, self._person, partial(self._deciding, task.id))
        document = open_document(self._project, task, self._person, shelf, self.history)
        self.look_at(task.id, None)
        return HeldImage(document, who)

    def look_at(self, task_id: int, box_id: int | None) -> None:
        """Note what the person turns to; None for the image as a whole.

        It is stored with the next decision, or by `keep_place`. Time counts on the image held.
        """
        self._place = ReviewPosition(task_id, box_id)
        self.stopwatch.set_current(task_id if task_id == self._held else None, box_id)

    def keep_place(self) -> None:
        """Store where the person is, if that has changed."""
        if self._place != self._stored_place:
            with self._transaction():
                pass

    def skip(self, task: Task) -> None:
        """Put an image off: it goes to the end of this person's queue until it is opened again.

        Raises
        ------
        Refused
            When nobody has to look at it any more.
        """
        with self._transaction() as unit:
            skip(unit, task, self._person)

    def renew(self) -> None:
        """Keep the image, and store time and place; call it every 20 seconds.

        Raises
        ------
        Lost
            When the image was lost to another window. Time and place are stored nevertheless.
        """
        held, session = self._held, self._window.session
        with self._transaction() as unit:
            lost = held is not None and not unit.leases.renew(held, session)
        if lost:
            raise Lost(Refusal.LOST)

    def leave(self) -> None:
        """Let others have the image, as at the session's end; time and place are stored."""
        self.stopwatch.set_current(None)
        with self._transaction() as unit:
            unit.leases.end(self._window.session)
        self._held = None

    def held_by_others(self) -> dict[int, str]:
        """Who has which image open elsewhere, by task id."""
        with self._project.store.transaction() as unit:
            return leases.held_by_others(unit, self._window)

    def last_place(self) -> ReviewPosition | None:
        """Where this person was at the end of an earlier session, or of this one so far."""
        with self._project.store.transaction() as unit:
            return unit.leases.position(self._person)

    @contextmanager
    def _deciding(self, task_id: int) -> Iterator[UnitOfWork]:
        """A transaction on an image that is ours to its end."""
        self.stopwatch.touch()
        with self._transaction() as unit:
            if not unit.leases.renew(task_id, self._window.session):
                raise Lost(Refusal.LOST)
            yield unit

    @contextmanager
    def _transaction(self) -> Iterator[UnitOfWork]:
        """A transaction that stores time and place too; what was not stored stays counted."""
        place = self._place
        with self._project.store.transaction() as unit:
            yield unit
            spent = self.stopwatch.counted()
            unit.times.add(self._person, spent)
            if place is not None and place != self._stored_place:
                unit.leases.set_position(self._person, place)
        self.stopwatch.forget(spent)
        self._stored_place = place


class _ClosedStore:
    """Stands for a store where there is nothing to be changed."""

    def __init__(self, held_by: str) -> None:
        self._held_by = held_by

    def store(self, changes: Sequence[Change]) -> None:  # noqa: ARG002
        raise Refused(Refusal.HELD, self._held_by)

    def flag(self, change: FlagChange) -> None:  # noqa: ARG002
        raise Refused(Refusal.HELD, self._held_by)

    def draw(self, box: ReviewBox) -> int:  # noqa: ARG002
        raise Refused(Refusal.HELD, self._held_by)
