"""Tasks in the store: images handed to people, the boxes offered in them, and who reads them.

The consensus task of an image has the empty reader; a reading is a task of the same image and step
with a person's name, a copy of the consensus task's proposals, and decisions of its own.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Row,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from napari_alc.project.storage import schema
from napari_alc.project.storage.boxes import as_stored
from napari_alc.project.storage.flags import is_excluded
from napari_alc.project.storage.notes import BoxKey
from napari_alc.project.storage.records import (
    EVERYBODY,
    Batch,
    BoxSource,
    BoxState,
    Proposal,
    ReviewStep,
    SharedImage,
    Snapshot,
    Task,
)
from napari_alc.project.storage.repository import Repository, rows_of

_task, _proposal, _decision = schema.task.c, schema.proposal.c, schema.decision.c

IS_CONSENSUS = _task.reader == EVERYBODY

_IS_KEPT = ~is_excluded(_task.image_id)
"""The image of a task is not left out of the dataset."""

_WHOLE = and_(_task.step == ReviewStep.WHOLE_IMAGE, IS_CONSENSUS, _IS_KEPT)
"""Tasks of images that are labelled whole and not left out, one an image."""

_ANSWERED = "unsure"
"""Stands for the state of a box that somebody is unsure about."""

_PROPOSED = ["task_id", "box_id", "state"]
"""Columns of a proposal."""


def _select_tasks() -> Select[Any]:
    """All that a `Task` needs."""
    computed: dict[str, ColumnElement[Any]] = {
        "file_name": schema.image.c.file_name,
        "is_excluded": is_excluded(_task.image_id),
    }
    columns = (
        computed[field.name] if field.name in computed else _task[field.name]
        for field in fields(Task)
    )
    return select(*columns).join(schema.image, schema.image.c.id == _task.image_id)


def _task_of(row: Row[*tuple[Any, ...]]) -> Task:
    """The task of a row of `_select_tasks`."""
    number, image_id, file_name, step, *others = row
    return Task(number, image_id, file_name, ReviewStep(step), *others)


class TaskRepository(Repository):
    """The queue; a task moves on from open to done and back."""

    def queue(
        self, step: ReviewStep | None = None, until: Snapshot | None = None
    ) -> tuple[Task, ...]:
        """All consensus tasks, in the order in which they were handed out; no readings.

        Images that are left out of the dataset are not among them. With `until` the queue is as it
        was at that moment, but for what was finished since.
        """
        if until is None:
            return self._tasks(IS_CONSENSUS, _IS_KEPT, *_in_step(step))
        then = _task.id <= until.task, ~is_excluded(_task.image_id, until)
        return self._tasks(IS_CONSENSUS, *then, *_in_step(step))

    def queue_of(self, person: str) -> tuple[Task, ...]:
        """What `person` may work on, in queue order.

        These are consensus tasks without readings, those all of whose readings are done, and the
        person's own readings: nobody sees what others decide before all are done. Images that are
        left out of the dataset are among them, so that this can be taken back.
        """
        own = and_(_task.reader == person, ~IS_CONSENSUS)
        return self._tasks(or_(own, and_(IS_CONSENSUS, ~_is_being_read())))

    def _tasks(self, *conditions: ColumnElement[bool]) -> tuple[Task, ...]:
        order = _task.step, _task.iteration, _task.rank, _task.reader
        return tuple(map(_task_of, self._rows(_select_tasks().where(*conditions).order_by(*order))))

    def newest(self) -> int:
        """The highest number of a task; 0 where there is none."""
        return int(self._value(select(func.max(_task.id))) or 0)

    def audited_images(self) -> frozenset[int]:
        """Ids of the images that were drawn for an audit, in whichever iteration."""
        rows = self._rows(select(_task.image_id).where(_task.audit, IS_CONSENSUS))
        return frozenset(row.image_id for row in rows)

    def count_unfinished(self, step: ReviewStep | None = None) -> int:
        """How many images nobody has finished yet, whoever may work on them."""
        waits = _task.done_at.is_(None), _IS_KEPT
        return self._count(schema.task, IS_CONSENSUS, *waits, *_in_step(step))

    def count_finished_whole(self) -> int:
        """How many images were finished whole."""
        return self._count(schema.task, _WHOLE, _task.done_at.is_not(None))

    def count_whole(self, iteration: int) -> int:
        """How many images are in X^i: handed out whole, up to and including an iteration."""
        return self._count(schema.task, _WHOLE, _task.iteration <= iteration)

    def whole_by_iteration(self) -> dict[int, int]:
        """How many images each iteration that has begun hands out whole.

        Images of an audit wait for the iteration after the one that drew them.
        """
        newest = select(func.max(_task.iteration)).where(_WHOLE, ~_task.audit)
        begun = newest.correlate(None).scalar_subquery()
        query = (
            select(_task.iteration, func.count())
            .where(_WHOLE, _task.iteration <= begun)
            .group_by(_task.iteration)
            .order_by(_task.iteration)
        )
        return self._pairs(query)

    def region_counts(self) -> dict[tuple[int, str], int]:
        """Boxes offered by task id and region, ``red`` or ``green``; absent where none are.

        They look at every proposal, and stay what they are once tasks are handed out.
        """
        r = schema.region.c
        query = (
            select(_task.id, r.region, func.count())
            .select_from(schema.proposal)
            .join(schema.task, _task.id == _proposal.task_id)
            .join(schema.region, and_(r.box_id == _proposal.box_id, r.iteration == _task.models))
            .where(r.region.in_(("red", "green")))
            .group_by(_task.id, r.region)
        )
        return {(task_id, region): count for task_id, region, count in self._rows(query)}

    def open_counts(self, task_id: int | None = None) -> dict[int, int]:
        """How many boxes wait for an answer, by task; tasks without any are left out.

        A box that somebody is unsure about has its answer for now, and nobody needs to look at one
        in an image that is left out of the dataset.
        """
        answer = case(
            (_decision.unsure_by.is_not(None), _ANSWERED), else_=as_stored(_decision.state)
        )
        # looked up box by box in its index: a join with the newest of all decisions takes minutes
        latest = (
            select(answer)
            .where(_decision.task_id == _proposal.task_id, _decision.box_id == _proposal.box_id)
            .order_by(_decision.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        query = (
            select(_proposal.task_id, func.count())
            .join(schema.task, _task.id == _proposal.task_id)
            .where(func.coalesce(latest, as_stored(_proposal.state)) == BoxState.OPEN.value)
            .where(_IS_KEPT)
            .group_by(_proposal.task_id)
        )
        if task_id is not None:
            query = query.where(_proposal.task_id == task_id)
        return self._pairs(query)

    def offered_to_readers(self) -> set[tuple[int, int]]:
        """Task and box of every box that was offered open in a reading."""
        query = (
            select(_proposal.task_id, _proposal.box_id)
            .join(schema.task, _task.id == _proposal.task_id)
            .where(~IS_CONSENSUS, _proposal.state == BoxState.OPEN)
        )
        return {(task_id, box_id) for task_id, box_id in self._rows(query)}

    def add(
        self, image_ids: Sequence[int], batch: Batch, scores: Sequence[float] | None = None
    ) -> None:
        """Queue images, the most urgent first, with their SCORE (Eq. 2) where there is one."""
        ranks = range(len(image_ids))
        known = [None] * len(image_ids) if scores is None else scores
        self._add(schema.task, rows_of(vars(batch), image_id=image_ids, rank=ranks, score=known))

    def propose(self, batch: Batch, proposals: Sequence[Proposal]) -> None:
        """Offer boxes in the consensus tasks of a batch."""
        task_of_image = self._pairs(select(_task.image_id, _task.id).where(*_of(batch)))
        rows = [
            {"task_id": task_of_image[p.image_id], "box_id": p.box_id, "state": p.state}
            for p in proposals
        ]
        self._add(schema.proposal, rows)

    def propose_crowd(self, batch: Batch) -> None:
        """Offer all boxes of the crowd in the consensus tasks of a batch."""
        b = schema.box.c
        query = (
            select(_task.id, b.id, literal(BoxState.OPEN, _proposal.state.type))
            .join(schema.box, b.image_id == _task.image_id)
            .where(*_of(batch), b.source == BoxSource.CROWD)
            .order_by(b.id)
        )
        self._execute(insert(schema.proposal).from_select(_PROPOSED, query))

    def propose_in(self, task_id: int, box_ids: Sequence[int]) -> None:
        """Offer further boxes in a task that is handed out already."""
        common = {"task_id": task_id, "state": BoxState.OPEN}
        self._add(schema.proposal, rows_of(common, box_id=box_ids))

    def finish(self, task_id: int, person: str, at: datetime) -> bool:
        """Mark a task as done; whether it was not.

        One that is done stays in the name of who finished it: a change would have opened it.
        """
        return self._finish(person, at, _task.id == task_id, _task.done_at.is_(None)) == 1

    def finish_all(self, person: str, at: datetime) -> None:
        """Mark every task as done."""
        self._finish(person, at)

    def _finish(self, person: str, at: datetime, *conditions: ColumnElement[bool]) -> int:
        statement = update(schema.task).where(*conditions)
        return self._execute(statement.values(done_at=at, done_by=person))

    def reopen(self, task_id: int) -> None:
        """Take a task back into the queue."""
        done = _task.id == task_id, _task.done_at.is_not(None)
        self._execute(update(schema.task).where(*done).values(done_at=None, done_by=None))

    def hold(self, task_id: int) -> None:
        """Keep other transactions from a task until this one ends."""
        self._rows(select(_task.id).where(_task.id == task_id).with_for_update())

    def hold_consensus(self, task: Task) -> None:
        """Keep other transactions from the consensus task of a task's image until this one ends."""
        image = _task.image_id == task.image_id, _task.step == task.step, IS_CONSENSUS
        self._execute(update(schema.task).where(*image).values(rank=_task.rank))


def _in_step(step: ReviewStep | None) -> tuple[ColumnElement[bool], ...]:
    return () if step is None else (_task.step == step,)


def _same_image(other: FromClause) -> ColumnElement[bool]:
    """Condition: a task is of the same image and step as another one."""
    return and_(other.c.image_id == _task.image_id, other.c.step == _task.step)


def _is_being_read() -> ColumnElement[bool]:
    """Condition: somebody's reading of a task's image is not finished."""
    other = schema.task.alias()
    waits = other.c.reader != EVERYBODY, other.c.done_at.is_(None)
    return select(other.c.id).where(_same_image(other), *waits).correlate(schema.task).exists()


def _of(batch: Batch) -> tuple[ColumnElement[bool], ...]:
    """Condition: the consensus tasks of a batch."""
    return _task.step == batch.step, _task.iteration == batch.iteration, IS_CONSENSUS


READERS = "readers"
"""Key of the table `meta`: the names of those who read new images, as JSON."""


class ReadingRepository(Repository):
    """Who reads which image."""

    def names(self) -> tuple[str, ...]:
        """Who reads the images that are handed out; nobody in particular where empty."""
        query = select(schema.meta.c.value).where(schema.meta.c.key == READERS)
        return tuple(json.loads(self._value(query) or "[]"))

    def remember_names(self, names: Sequence[str]) -> None:
        """Have images that are handed out later read by `names`; by nobody where empty."""
        self._execute(delete(schema.meta).where(schema.meta.c.key == READERS))
        if names:
            self._add(schema.meta, [{"key": READERS, "value": json.dumps(list(names))}])

    def give_after(self, last: int) -> None:
        """Give the tasks that came after task `last` to the readers who are remembered."""
        names = self.names()
        if names:
            self._give(_task.id > last, names)

    def give_untouched(self, names: Sequence[str], held: Collection[int]) -> None:
        """Give each consensus task that nobody has begun a reading for each name without one yet.

        In `held` are the ids of the tasks that somebody has open.
        """
        self._give(_is_untouched(held), names)

    def _give(self, tasks: ColumnElement[bool], names: Sequence[str]) -> None:
        reading = schema.task.alias()
        same = _same_image(reading)
        copied = ["image_id", "step", "iteration", "models", "rank", "score", "audit"]
        for name in names:
            known = select(reading.c.id).where(same, reading.c.reader == name)
            missing = ~known.correlate(schema.task).exists()
            rows = select(*(_task[column] for column in copied), literal(name))
            rows = rows.where(IS_CONSENSUS, tasks, missing)
            self._execute(insert(schema.task).from_select([*copied, "reader"], rows))
        filled = select(schema.proposal.alias().c.task_id)
        copies = (
            select(reading.c.id, _proposal.box_id, _proposal.state)
            .select_from(schema.task)
            .join(reading, and_(same, reading.c.reader != EVERYBODY))
            .join(schema.proposal, _proposal.task_id == _task.id)
            .where(IS_CONSENSUS, tasks, reading.c.id.not_in(filled))
        )
        self._execute(insert(schema.proposal).from_select(_PROPOSED, copies))

    def take_back(self, names: Collection[str], held: Collection[int]) -> None:
        """Remove the readings that nobody has begun, except those of `names`.

        The time spent on them goes to the consensus task of their image.
        """
        consensus = schema.task.alias()
        query = (
            select(_task.id.label("gone"), consensus.c.id.label("consensus"))
            .join(consensus, _same_image(consensus))
            .where(
                ~IS_CONSENSUS,
                consensus.c.reader == EVERYBODY,
                _task.reader.not_in(names),
                _is_untouched(held),
            )
        )
        gone = [{"gone": row.gone, "consensus": row.consensus} for row in self._rows(query)]
        if not gone:
            return
        moved = update(schema.spent).where(schema.spent.c.task_id == bindparam("gone"))
        self._connection.execute(moved.values(task_id=bindparam("consensus")), gone)
        for table in (schema.place, schema.skipped, schema.lease, schema.proposal):
            emptied = delete(table).where(table.c.task_id == bindparam("gone"))
            self._connection.execute(emptied, gone)
        self._connection.execute(delete(schema.task).where(_task.id == bindparam("gone")), gone)

    def count_blind(self, boxes: Iterable[BoxKey]) -> int:
        """How many of some boxes are in readings of images that not all of their readers finished.

        Images that are left out of the dataset do not count.
        """
        query = select(_task.id).where(~IS_CONSENSUS, _IS_KEPT, _is_being_read())
        blind = frozenset(row.id for row in self._rows(query))
        return sum(task_id in blind for task_id, _ in boxes)

    def untouched(self, held: Collection[int]) -> frozenset[int]:
        """Ids of the consensus tasks that nobody has begun."""
        query = select(_task.id).where(IS_CONSENSUS, _is_untouched(held))
        return frozenset(self._connection.scalars(query))

    def image_of(self, task_id: int) -> SharedImage:
        """The consensus task of a task's image and its readings, in the order of their readers."""
        own = schema.task.alias()
        query = _select_tasks().join(own, _same_image(own)).where(own.c.id == task_id)
        rows = self._rows(query.order_by(~IS_CONSENSUS, _task.id))
        consensus, *readings = map(_task_of, rows)
        return SharedImage(consensus, tuple(readings))

    def shared(self) -> list[SharedImage]:
        """Every image that has readings and is not left out, in queue order."""
        readings: dict[tuple[int, int], list[Task]] = {}
        for row in self._rows(_select_tasks().where(~IS_CONSENSUS).order_by(_task.id)):
            task = _task_of(row)
            readings.setdefault((task.image_id, task.step), []).append(task)
        order = _task.step, _task.iteration, _task.rank
        query = _select_tasks().where(IS_CONSENSUS, _IS_KEPT).order_by(*order)
        consensus = map(_task_of, self._rows(query))
        return [
            SharedImage(task, tuple(readings[task.image_id, task.step]))
            for task in consensus
            if (task.image_id, task.step) in readings
        ]


def _is_untouched(held: Collection[int]) -> ColumnElement[bool]:
    """Condition: nobody has finished a task, decided or noted something in it, or has it open."""
    d, n = schema.decision.c, schema.note.c
    decided = select(d.id).where(d.task_id == _task.id).correlate(schema.task).exists()
    noted = select(n.id).where(n.task_id == _task.id).correlate(schema.task).exists()
    return and_(_task.done_at.is_(None), ~decided, ~noted, _task.id.not_in(held))
