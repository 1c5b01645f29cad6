"""Readings in the store: several people read an image, each on their own.

The consensus task of an image has the empty reader; a reading is a task of the same image and step
with a person's name, a copy of the consensus task's proposals, and decisions of its own.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, and_, bindparam, delete, insert, literal, select, update

from napari_alc.project.storage import schema
from napari_alc.project.storage.records import EVERYBODY, SharedImage, Task
from napari_alc.project.storage.repository import Repository
from napari_alc.project.storage.tasks import IS_CONSENSUS, select_tasks, task_of

READERS = "readers"
"""Key of the table `meta`: the names of those who read new images, as JSON."""

_task, _proposal = schema.task.c, schema.proposal.c


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

        Parameters
        ----------
        held
            Ids of the tasks that somebody has open.
        """
        self._give(_is_untouched(held), names)

    def _give(self, tasks: ColumnElement[bool], names: Sequence[str]) -> None:
        reading = schema.task.alias()
        same = and_(reading.c.image_id == _task.image_id, reading.c.step == _task.step)
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
        columns = ["task_id", "box_id", "state"]
        self._execute(insert(schema.proposal).from_select(columns, copies))

    def take_back(self, names: Collection[str], held: Collection[int]) -> None:
        """Remove the readings that nobody has begun, except those of `names`.

        The time spent on them goes to the consensus task of their image.
        """
        consensus = schema.task.alias()
        query = (
            select(_task.id.label("gone"), consensus.c.id.label("consensus"))
            .join(
                consensus,
                and_(consensus.c.image_id == _task.image_id, consensus.c.step == _task.step),
            )
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
        for table in (schema.place, schema.lease, schema.proposal):
            emptied = delete(table).where(table.c.task_id == bindparam("gone"))
            self._connection.execute(emptied, gone)
        self._connection.execute(delete(schema.task).where(_task.id == bindparam("gone")), gone)

    def untouched(self, held: Collection[int]) -> frozenset[int]:
        """Ids of the consensus tasks that nobody has begun."""
        query = select(_task.id).where(IS_CONSENSUS, _is_untouched(held))
        return frozenset(self._connection.scalars(query))

    def count_untouched(self, held: Collection[int]) -> int:
        """How many consensus tasks nobody has begun."""
        return self._count(schema.task, IS_CONSENSUS, _is_untouched(held))

    def consensus_of(self, task_id: int) -> Task:
        """The consensus task of a task's image; a consensus task is its own."""
        own = schema.task.alias()
        same = and_(own.c.image_id == _task.image_id, own.c.step == _task.step)
        query = select_tasks().join(own, same).where(own.c.id == task_id, IS_CONSENSUS)
        return task_of(self._rows(query)[0])

    def of(self, consensus_id: int) -> tuple[Task, ...]:
        """The readings of an image, in the order in which the readers were named."""
        consensus = schema.task.alias()
        same = and_(consensus.c.image_id == _task.image_id, consensus.c.step == _task.step)
        query = (
            select_tasks()
            .join(consensus, same)
            .where(consensus.c.id == consensus_id, ~IS_CONSENSUS)
        )
        return tuple(map(task_of, self._rows(query.order_by(_task.id))))

    def shared(self) -> list[SharedImage]:
        """Every image that has readings, in queue order."""
        readings: dict[tuple[int, int], list[Task]] = {}
        for row in self._rows(select_tasks().where(~IS_CONSENSUS).order_by(_task.id)):
            task = task_of(row)
            readings.setdefault((task.image_id, task.step), []).append(task)
        order = _task.step, _task.iteration, _task.rank
        consensus = map(task_of, self._rows(select_tasks().where(IS_CONSENSUS).order_by(*order)))
        return [
            SharedImage(task, tuple(readings[task.image_id, task.step]))
            for task in consensus
            if (task.image_id, task.step) in readings
        ]


def _is_untouched(held: Collection[int]) -> ColumnElement[bool]:
    """Condition: nobody has finished a task, decided in it, or has it open."""
    d = schema.decision.c
    decided = select(d.id).where(d.task_id == _task.id).correlate(schema.task).exists()
    return and_(_task.done_at.is_(None), ~decided, _task.id.not_in(held))
