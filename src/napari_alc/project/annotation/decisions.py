"""Opening an image for review and storing what a person decides on its boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, insert, null, select, update

from napari_alc.errors import AlcError
from napari_alc.labels import LabelSet
from napari_alc.project.annotation.document import (
    Change,
    Corners,
    DecisionStore,
    History,
    ReviewBox,
    ReviewDocument,
)
from napari_alc.project.annotation.readings import prepare_change
from napari_alc.project.annotation.tasks import JOINT, Task, open_counts, queue, set_done
from napari_alc.project.project import Project
from napari_alc.project.storage import schema
from napari_alc.project.storage.database import add_boxes, add_rows, as_utc, now

IMPORTED = "imported"
"""The person named on labels that were handed in when the project was made."""

BOX_COLUMNS = tuple(
    schema.box.c[name] for name in ("id", "category_id", "x1", "y1", "x2", "y2", "source", "score")
)
"""What `box_from_row` needs of a box, besides ``region`` and ``evaluation_score``."""


class TaskDecisionStore:
    """Stores decisions on the boxes of one task in a person's name.

    Parameters
    ----------
    begin
        Begins a transaction, and refuses where the task is not the person's to decide on.
    """

    def __init__(
        self, task: Task, person: str, begin: Callable[[], AbstractContextManager[Connection]]
    ) -> None:
        self._task, self._person, self._begin = task, person, begin

    def store(self, changes: Sequence[Change]) -> None:
        """Store decisions in one transaction; a finished task is open again by it."""
        with self._begin() as connection:
            write_changes(connection, self._task, changes, self._person)

    def draw(self, box: ReviewBox) -> int:
        """Store a new box and that it was drawn, in one transaction; returns its id."""
        with self._begin() as connection:
            row = _drawn_row(self._task, box.category_id, box.corners, self._person, now())
            key = connection.execute(insert(schema.box), row).inserted_primary_key
            drawn = replace(box, id=int(key[0]) if key else 0)
            write_changes(connection, self._task, [Change("add", None, drawn)], self._person)
        return drawn.id


def open_document(
    project: Project,
    task: Task,
    person: str,
    shelf: DecisionStore | None = None,
    history: History | None = None,
) -> ReviewDocument:
    """Open an image for review; every change is stored in `person`'s name.

    Parameters
    ----------
    shelf
        Where changes are stored; `TaskDecisionStore` where none is given.
    history
        Of the person's sitting.
    """
    boxes = [box for _, box in current_boxes(project, [task.id])]
    offered = {box.id for box in boxes}
    return ReviewDocument(
        image=project.image(task.image_id),
        boxes=boxes,
        suggestions=[box for box in _region_boxes(project, task) if box.id not in offered],
        category_ids=[category.id for category in project.categories()],
        person=person,
        shelf=shelf or TaskDecisionStore(task, person, project.store.begin),
        history=history,
        task_id=task.id,
    )


def _corner_values(corners: Corners) -> dict[str, float]:
    return dict(zip(("x1", "y1", "x2", "y2"), corners, strict=True))


def _drawn_row(
    task: Task, category_id: int, corners: Corners, person: str, at: datetime
) -> dict[str, object]:
    return {
        "image_id": task.image_id,
        "category_id": category_id,
        **_corner_values(corners),
        "source": "person",
        "iteration": task.iteration,
        "person": person,
        "created_at": at,
    }


def write_changes(
    connection: Connection, task: Task, changes: Sequence[Change], person: str
) -> None:
    """Write decisions inside a transaction; a finished task is open again by it."""
    at = now()
    rows = [decision_row(task.id, change.action, change.after, person, at) for change in changes]
    add_rows(connection, schema.decision, rows)
    prepare_change(connection, task.id)
    t = schema.task.c
    reopened = update(schema.task).where(t.id == task.id, t.done_at.is_not(None))
    connection.execute(reopened.values(done_at=None, done_by=None))


def decision_row(
    task_id: int, action: str, after: ReviewBox, person: str, at: datetime
) -> dict[str, object]:
    """A row of `schema.decision`: `person` left a box as `after` is."""
    return {
        "task_id": task_id,
        "box_id": after.id,
        "action": action,
        "state": after.state,
        "category_id": after.category_id,
        **_corner_values(after.corners),
        "person": person,
        "credit": after.person,
        "decided_at": at,
        "credited_at": after.decided_at,
    }


def finish(project: Project, task: Task, person: str) -> None:
    """Mark a task as done; one that is done already stays in the name of who finished it.

    Raises
    ------
    AlcError
        When boxes of it are still open.
    """
    still_open = open_counts(project, task).get(task.id, 0)
    if still_open:
        raise AlcError(f"{still_open} boxes of {task.file_name} are still open.")
    set_done(project, task, now(), person)


def current_boxes(
    project: Project, task_ids: Iterable[int] | None = None, until: int | None = None
) -> list[tuple[int, ReviewBox]]:
    """Pairs of task id and box as decided so far, for some tasks or for all joint ones.

    Parameters
    ----------
    project
        Where.
    task_ids
        Of these tasks only.
    until
        Number of the last decision that counts: the boxes as they were then.
    """
    wanted = None if task_ids is None else list(task_ids)
    with project.store.begin() as connection:
        rows = [
            *connection.execute(_drawn_query(wanted, until)),
            *connection.execute(_offered_query(wanted)),
        ]
        latest = {row[:2]: row[2:] for row in connection.execute(_decisions_query(wanted, until))}
    boxes = {row[:2]: row[1:] for row in rows}
    return [(key[0], _review_box(boxes[key], latest.get(key))) for key in sorted(boxes)]


def _offered_query(task_ids: list[int] | None) -> Select[Any]:
    """Proposed boxes by task, as `_review_box` takes them."""
    t, p, b, r = schema.task.c, schema.proposal.c, schema.box.c, schema.region.c
    query = (
        select(t.id, *BOX_COLUMNS, p.state, r.region, r.evaluation_score)
        .select_from(schema.task)
        .join(schema.proposal, p.task_id == t.id)
        .join(schema.box, b.id == p.box_id)
        .outerjoin(schema.region, and_(r.box_id == b.id, r.iteration == t.models))
    )
    return _of_tasks(query, task_ids)


def _drawn_query(task_ids: list[int] | None, until: int | None) -> Select[Any]:
    """Boxes that a person drew, by task; no model has seen them."""
    t, d, b = schema.task.c, schema.decision.c, schema.box.c
    query = (
        select(t.id, *BOX_COLUMNS, d.state, null(), null())
        .select_from(schema.task)
        .join(schema.decision, and_(d.task_id == t.id, d.action == "add"))
        .join(schema.box, b.id == d.box_id)
    )
    if until is not None:
        query = query.where(d.id <= until)
    return _of_tasks(query, task_ids)


def _of_tasks(query: Select[Any], task_ids: list[int] | None) -> Select[Any]:
    t = schema.task.c
    return query.where(t.reader == JOINT if task_ids is None else t.id.in_(task_ids))


def _decisions_query(task_ids: list[int] | None, until: int | None) -> Select[Any]:
    """The latest decision on each box of each task: task, box, and what they left of the box."""
    d = schema.decision.c
    newest = select(func.max(d.id)).group_by(d.task_id, d.box_id)
    if task_ids is not None:
        newest = newest.where(d.task_id.in_(task_ids))
    if until is not None:
        newest = newest.where(d.id <= until)
    left = d.category_id, d.x1, d.y1, d.x2, d.y2, d.state, d.credit, d.credited_at
    return select(d.task_id, d.box_id, *left).where(d.id.in_(newest))


def box_from_row(row: Any) -> ReviewBox:
    """The box of a row of `BOX_COLUMNS` and a region; nobody has decided on it."""
    return ReviewBox(
        id=row.id,
        category_id=row.category_id,
        corners=(row.x1, row.y1, row.x2, row.y2),
        source=row.source,
        region=row.region or "",
        score=row.score,
        evaluation_score=row.evaluation_score,
    )


def _review_box(row: Sequence[Any], decision: Sequence[Any] | None) -> ReviewBox:
    """A box as it was offered, or as the latest decision left it.

    Hundreds of thousands are made for a label set: values by position, made once.
    """
    box_id, category_id, x1, y1, x2, y2, source, score, state, region, evaluation_score = row
    person, since = "", None
    if decision is not None:
        category_id, x1, y1, x2, y2, state, person, since = decision
    return ReviewBox(
        box_id,
        category_id,
        (x1, y1, x2, y2),
        source,
        region or "",
        score,
        evaluation_score,
        state,
        person,
        since and as_utc(since),
    )


def _region_boxes(project: Project, task: Task) -> list[ReviewBox]:
    """Every box of the image that the models behind `task` sorted."""
    b, r = schema.box.c, schema.region.c
    query = (
        select(
            *BOX_COLUMNS,
            r.region,
            r.evaluation_score,
        )
        .join(schema.region, r.box_id == b.id)
        .where(b.image_id == task.image_id, r.iteration == task.models)
        .order_by(b.id)
    )
    return [box_from_row(row) for row in project.store.rows(query)]


def import_labels(project: Project, labels: LabelSet) -> None:
    """Settle the first tasks with labels that pathologists made before, in one transaction."""
    tasks = {task.image_id: task for task in queue(project)}
    rows = labels.labels
    columns = (rows.image_ids.tolist(), rows.category_ids.tolist(), rows.boxes.tolist())
    drawn = [(tasks[image_id], *box) for image_id, *box in zip(*columns, strict=True)]
    at = now()
    with project.store.begin() as connection:
        rejected = [
            decision_row(
                task_id,
                "delete",
                replace(box, state="deleted", person=IMPORTED, decided_at=at),
                IMPORTED,
                at,
            )
            for task_id, box in current_boxes(project)
        ]
        add_rows(connection, schema.decision, rejected)
        _draw(connection, drawn, IMPORTED)
        connection.execute(update(schema.task).values(done_at=at, done_by=IMPORTED))


def draw_boxes(
    project: Project, task: Task, boxes: Sequence[tuple[int, Corners]], person: str
) -> None:
    """Add pairs of category and corners to an image as boxes of `person`, in one transaction.

    They are taken as they are, however small.
    """
    with project.store.begin() as connection:
        _draw(connection, [(task, *box) for box in boxes], person)


def _draw(connection: Connection, drawn: Sequence[tuple[Task, int, Corners]], person: str) -> None:
    at = now()
    rows = [_drawn_row(*box, person, at) for box in drawn]
    box_ids = add_boxes(connection, rows)
    decisions = [
        decision_row(
            task.id,
            "add",
            ReviewBox(
                box_id,
                category_id,
                corners,
                "person",
                state="added",
                person=person,
                decided_at=at,
            ),
            person,
            at,
        )
        for box_id, (task, category_id, corners) in zip(box_ids, drawn, strict=True)
    ]
    add_rows(connection, schema.decision, decisions)
