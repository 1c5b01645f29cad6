"""The queue: images handed to people, and which of them are done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from napari_alc.project.annotation.readings import give_new_tasks, prepare_change
from napari_alc.project.project import Project
from napari_alc.project.storage import schema
from napari_alc.project.storage.database import add_rows

WHOLE_IMAGE = 1
"""Step 1: every object of the image is to be labelled."""

OPEN_BOXES = 2
"""Step 2: only red and green boxes are open, the rest was corrected automatically."""

JOINT = ""
"""The reader of a joint task: nobody in particular."""


@dataclass(frozen=True)
class Batch:
    """What tasks that are handed out together have in common.

    Parameters
    ----------
    step
        `WHOLE_IMAGE` or `OPEN_BOXES`.
    iteration
        i, where the images join X^i (g in step 2).
    models
        Iteration of the models whose regions are shown; None where no model has seen them.
    audit
        Whether they were drawn at random to measure what noise is left.
    """

    step: int
    iteration: int
    models: int | None
    audit: bool = False


INITIAL_DRAW = Batch(step=WHOLE_IMAGE, iteration=0, models=None)


@dataclass(frozen=True)
class Task:
    """An image in the queue.

    Parameters
    ----------
    reader
        Whose blind reading of the image it is; empty for the joint task.
    audit
        Whether the image was drawn at random to measure what noise is left.
    """

    id: int
    image_id: int
    file_name: str
    step: int
    iteration: int
    models: int | None
    rank: int
    score: float | None
    done_at: datetime | None
    done_by: str | None
    reader: str = ""
    audit: bool = False

    @property
    def is_reading(self) -> bool:
        """Whether it is one person's blind reading rather than the joint task."""
        return self.reader != JOINT

    @property
    def is_done(self) -> bool:
        """Whether somebody has finished the image."""
        return self.done_at is not None


def add_tasks(
    project: Project,
    image_ids: Sequence[int],
    batch: Batch,
    scores: Sequence[float] | None = None,
    proposals: Sequence[dict[str, object]] = (),
) -> None:
    """Hand images to the pathologists, in this order.

    Parameters
    ----------
    image_ids
        Most urgent first.
    batch
        What the tasks have in common.
    scores
        SCORE (Eq. 2) of each image.
    proposals
        Rows ``image_id, box_id, state``; without a model, all crowd boxes are proposed.
    """
    with project.store.begin() as connection:
        write_tasks(connection, image_ids, batch, scores, proposals)


def write_tasks(
    connection: Connection,
    image_ids: Sequence[int],
    batch: Batch,
    scores: Sequence[float] | None = None,
    proposals: Sequence[dict[str, object]] = (),
) -> None:
    """`add_tasks` inside a transaction that does more."""
    rows = [
        {
            "image_id": image_id,
            "step": batch.step,
            "iteration": batch.iteration,
            "models": batch.models,
            "rank": rank,
            "score": None if scores is None else scores[rank],
            "audit": batch.audit,
        }
        for rank, image_id in enumerate(image_ids)
    ]
    last = connection.execute(select(func.coalesce(func.max(schema.task.c.id), 0))).scalar_one()
    add_rows(connection, schema.task, rows)
    if batch.models is None:
        _propose_crowd_boxes(connection, batch)
    else:
        _propose(connection, batch, proposals)
    give_new_tasks(connection, last)


def _propose(connection: Connection, batch: Batch, proposals: Sequence[dict[str, object]]) -> None:
    c = schema.task.c
    query = select(c.image_id, c.id).where(
        c.step == batch.step, c.iteration == batch.iteration, c.reader == JOINT
    )
    task_of = {row.image_id: row.id for row in connection.execute(query)}
    add_rows(
        connection,
        schema.proposal,
        [
            {"task_id": task_of[row["image_id"]], "box_id": row["box_id"], "state": row["state"]}
            for row in proposals
        ],
    )


def _propose_crowd_boxes(connection: Connection, batch: Batch) -> None:
    t, b = schema.task.c, schema.box.c
    query = (
        select(t.id, b.id)
        .join(schema.box, b.image_id == t.image_id)
        .where(
            t.step == batch.step,
            t.iteration == batch.iteration,
            t.reader == JOINT,
            b.source == "crowd",
        )
        .order_by(b.id)
    )
    rows = [
        {"task_id": task_id, "box_id": box_id, "state": "open"}
        for task_id, box_id in connection.execute(query)
    ]
    add_rows(connection, schema.proposal, rows)


def queue(project: Project, step: int | None = None) -> tuple[Task, ...]:
    """All joint tasks, in the order in which they were handed out; no readings."""
    t = schema.task.c
    conditions = [t.reader == JOINT] if step is None else [t.reader == JOINT, t.step == step]
    return _tasks(project, *conditions)


def audited_images(project: Project) -> frozenset[int]:
    """Ids of the images that were drawn for an audit, in whichever iteration."""
    t = schema.task.c
    query = select(t.image_id).where(t.audit, t.reader == JOINT)
    return frozenset(row.image_id for row in project.store.rows(query))


def queue_of(project: Project, person: str) -> tuple[Task, ...]:
    """What `person` may work on, in queue order.

    These are joint tasks without readings, joint tasks all of whose readings are done, and the
    person's own readings: nobody sees what others decide before all are done.
    """
    t, other = schema.task.c, schema.task.alias()
    unfinished = (
        select(other.c.id)
        .where(
            other.c.image_id == t.image_id,
            other.c.step == t.step,
            other.c.reader != JOINT,
            other.c.done_at.is_(None),
        )
        .correlate(schema.task)
        .exists()
    )
    own = and_(t.reader == person, t.reader != JOINT)
    return _tasks(project, or_(own, and_(t.reader == JOINT, ~unfinished)))


def unfinished(project: Project) -> int:
    """How many images nobody has finished yet, whoever may work on them."""
    t = schema.task.c
    return project.store.count(schema.task, t.reader == JOINT, t.done_at.is_(None))


def _tasks(project: Project, *conditions: ColumnElement[bool]) -> tuple[Task, ...]:
    t, i = schema.task.c, schema.image.c
    names = [field.name for field in fields(Task)]
    query = (
        select(*[i.file_name if name == "file_name" else t[name] for name in names])
        .join(schema.image, i.id == t.image_id)
        .where(*conditions)
        .order_by(t.step, t.iteration, t.rank, t.reader)
    )
    return tuple(Task(*row) for row in project.store.rows(query))


def region_counts(project: Project) -> dict[tuple[int, str], int]:
    """Boxes offered by task id and region, ``red`` or ``green``; absent where there are none.

    They look at every proposal, and stay what they are once tasks are handed out.
    """
    t, p, r = schema.task.c, schema.proposal.c, schema.region.c
    query = (
        select(t.id, r.region, func.count())
        .select_from(schema.proposal)
        .join(schema.task, t.id == p.task_id)
        .join(schema.region, and_(r.box_id == p.box_id, r.iteration == t.models))
        .where(r.region.in_(("red", "green")))
        .group_by(t.id, r.region)
    )
    return {(task_id, region): count for task_id, region, count in project.store.rows(query)}


def open_counts(project: Project, task: Task | None = None) -> dict[int, int]:
    """How many boxes nobody has decided on, by task; tasks without any are left out.

    Parameters
    ----------
    task
        Look at this one only.
    """
    p, d = schema.proposal.c, schema.decision.c
    # looked up box by box in its index: a join with the newest of all decisions takes minutes
    latest = (
        select(d.state)
        .where(d.task_id == p.task_id, d.box_id == p.box_id)
        .order_by(d.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = (
        select(p.task_id, func.count().label("boxes"))
        .where(func.coalesce(latest, p.state) == "open")
        .group_by(p.task_id)
    )
    if task is not None:
        query = query.where(p.task_id == task.id)
    return {row.task_id: row.boxes for row in project.store.rows(query)}


def next_open_task(project: Project, after: Task | None = None) -> Task | None:
    """The next unfinished task behind `after` in the queue, else the first unfinished one."""
    return first_open(queue(project), after)


def first_open(tasks: Sequence[Task], after: Task | None = None) -> Task | None:
    """`next_open_task` of a queue that is at hand already."""
    position = [task.id for task in tasks].index(after.id) + 1 if after else 0
    waiting = [*tasks[position:], *tasks[:position]]
    return next((task for task in waiting if not task.is_done), None)


def reopen(project: Project, task: Task) -> None:
    """Take a finished task back into the queue; its decisions stay.

    Raises
    ------
    AlcError
        When it is a reading of an image that somebody has settled since.
    """
    set_done(project, task, None, None)


def set_done(project: Project, task: Task, at: datetime | None, person: str | None) -> None:
    """Store when and by whom a task was finished; None for both opens it again.

    A finished task stays in the name of who finished it: a change would have opened it again.
    """
    t = schema.task.c
    statement = update(schema.task).where(t.id == task.id)
    if at is not None:
        statement = statement.where(t.done_at.is_(None))
    with project.store.begin() as connection:
        connection.execute(statement.values(done_at=at, done_by=person))
        if at is None:
            prepare_change(connection, task.id)
