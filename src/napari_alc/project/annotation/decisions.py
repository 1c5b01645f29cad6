"""Opening an image for review and storing what a person decides on its boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace

from napari_alc.boxes import Corners
from napari_alc.errors import Refused
from napari_alc.labels import LabelSet
from napari_alc.project.annotation.document import (
    Change,
    DecisionStore,
    FlagChange,
    History,
    ReviewDocument,
)
from napari_alc.project.annotation.tasks import prepare_change
from napari_alc.project.project import Project
from napari_alc.project.storage.database import UnitOfWork
from napari_alc.project.storage.records import (
    BoxSource,
    BoxState,
    Decision,
    DecisionAction,
    ReviewBox,
    Snapshot,
    Task,
)
from napari_alc.project.storage.repository import now
from napari_alc.wording import Refusal

IMPORTED = "imported"
"""The person named on labels that were handed in when the project was made."""


class TaskDecisionStore:
    """Stores decisions on the boxes of one task in a person's name.

    `begin` begins a transaction, and refuses where the task is not the person's to decide on.
    """

    def __init__(
        self, task: Task, person: str, begin: Callable[[], AbstractContextManager[UnitOfWork]]
    ) -> None:
        self._task, self._person, self._begin = task, person, begin

    def store(self, changes: Sequence[Change]) -> None:
        """Store decisions in one transaction; a finished task is open again by it.

        Notes are stored as well; they open nothing.
        """
        with self._begin() as unit:
            _write_changes(unit, self._task, changes, self._person)

    def draw(self, box: ReviewBox) -> int:
        """Store a new box and that it was drawn, in one transaction; returns its id."""
        with self._begin() as unit:
            [drawn] = unit.boxes.add_drawn([(self._task, box)], self._person, now())
            added = Change(DecisionAction.ADD, None, drawn)
            _write_changes(unit, self._task, [added], self._person)
        return drawn.id

    def flag(self, change: FlagChange) -> None:
        """Store a flag on the image, or that it was taken off; a finished task stays finished."""
        with self._begin() as unit:
            unit.flags.add(self._task.image_id, change.kind, change.after, self._person, now())


def open_document(
    project: Project,
    task: Task,
    person: str,
    shelf: DecisionStore | None = None,
    history: History | None = None,
) -> ReviewDocument:
    """Open an image for review; every change is stored in `person`'s name.

    It goes to `shelf`, or to a `TaskDecisionStore` where none is given.
    """
    with project.store.transaction() as unit:
        image, categories = unit.images.image(task.image_id), unit.images.categories()
        boxes = [box for _, box in unit.decisions.current_boxes([task.id])]
        offered = {box.id for box in boxes}
        seen = unit.boxes.sorted_on(task.image_id, task.models)
        flags = unit.flags.of(task.image_id)
    return ReviewDocument(
        image=image,
        boxes=boxes,
        suggestions=[box for box in seen if box.id not in offered],
        category_ids=[category.id for category in categories],
        person=person,
        shelf=shelf or TaskDecisionStore(task, person, project.store.transaction),
        history=history,
        task_id=task.id,
        flags=flags,
    )


def _write_changes(unit: UnitOfWork, task: Task, changes: Sequence[Change], person: str) -> None:
    at = now()
    for change in changes:
        if change.is_note:
            key = task.id, change.after.id
            unit.notes.add(key, change.action, change.after.note, person, at)
    decided = [change for change in changes if change.is_decision]
    if not decided:
        return
    unit.decisions.add(
        Decision(task.id, change.action, change.after, person, at) for change in decided
    )
    prepare_change(unit, task.id)
    unit.tasks.reopen(task.id)


def finish(project: Project, task: Task, person: str) -> None:
    """Mark a task as done; one that is done already stays in the name of who finished it.

    Boxes that somebody is unsure about do not hold it up; they stay listed until they are decided.

    Raises
    ------
    Refused
        When boxes of it are still open.
    """
    with project.store.transaction() as unit:
        require_decided(unit, task)
        unit.tasks.finish(task.id, person, now())


def require_decided(unit: UnitOfWork, task: Task) -> None:
    """Refuse to finish a task while boxes of it are open."""
    still_open = unit.tasks.open_counts(task.id).get(task.id, 0)
    if still_open:
        raise Refused(Refusal.STILL_OPEN, still_open, task.file_name)


def current_boxes(
    project: Project, task_ids: Iterable[int] | None = None, until: Snapshot | None = None
) -> list[tuple[int, ReviewBox]]:
    """Pairs of task id and box as decided so far, for some tasks or for all consensus ones.

    With `until` the boxes are as they were at that moment.
    """
    with project.store.transaction() as unit:
        return unit.decisions.current_boxes(task_ids, until)


def import_labels(project: Project, labels: LabelSet) -> None:
    """Settle the first tasks with labels that pathologists made before, in one transaction."""
    rows = labels.labels
    columns = (rows.image_ids.tolist(), rows.category_ids.tolist(), rows.boxes.tolist())
    at = now()
    rejected: list[Decision] = []
    with project.store.transaction() as unit:
        tasks = {task.image_id: task for task in unit.tasks.queue()}
        drawn = [(tasks[image_id], *box) for image_id, *box in zip(*columns, strict=True)]
        for task_id, box in unit.decisions.current_boxes():
            deleted = replace(box, state=BoxState.DELETED, person=IMPORTED, decided_at=at)
            rejected.append(Decision(task_id, DecisionAction.DELETE, deleted, IMPORTED, at))
        unit.decisions.add(rejected)
        _draw(unit, drawn, IMPORTED)
        unit.tasks.finish_all(IMPORTED, at)


def draw_boxes(
    project: Project, task: Task, boxes: Sequence[tuple[int, Corners]], person: str
) -> None:
    """Add pairs of category and corners to an image as boxes of `person`, in one transaction.

    They are taken as they are, however small.
    """
    with project.store.transaction() as unit:
        _draw(unit, [(task, *box) for box in boxes], person)


def _draw(unit: UnitOfWork, drawn: Sequence[tuple[Task, int, Corners]], person: str) -> None:
    at = now()
    state, source = BoxState.ADDED, BoxSource.PERSON
    boxes = [
        (task, ReviewBox(0, kind, corners, source, state=state, person=person, decided_at=at))
        for task, kind, corners in drawn
    ]
    added = unit.boxes.add_drawn(boxes, person, at)
    unit.decisions.add(
        Decision(task.id, DecisionAction.ADD, box, person, at)
        for (task, *_), box in zip(drawn, added, strict=True)
    )
