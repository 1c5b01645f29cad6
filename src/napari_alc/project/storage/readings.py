"""Readings in the store: several people read an image, each on their own.

The joint task of an image has the empty reader; a reading is a task of the same image and step
with a person's name, a copy of the joint task's proposals, and decisions of its own.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, and_, bindparam, delete, insert, literal, select, update

from napari_alc.project.storage import schema
from napari_alc.project.storage.records import JOINT, SharedImage, Task
from napari_alc.project.storage.repository import Repository
from napari_alc.project.storage.tasks import IS_JOINT, select_tasks, task_of

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
        """Give each joint task that nobody has begun a reading for each name without one yet.

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
            rows = rows.where(IS_JOINT, tasks, missing)
            self._execute(insert(schema.task).from_select([*copied, "reader"], rows))
        filled = select(schema.proposal.alias().c.task_id)
        copies = (
            select(reading.c.id, _proposal.box_id, _proposal.state)
            .select_from(schema.task)
            .join(reading, and_(same, reading.c.reader != JOINT))
            .join(schema.proposal, _proposal.task_id == _task.id)
            .where(IS_JOINT, tasks, reading.c.id.not_in(filled))
        )
        columns = ["task_id", "box_id", "state"]
        self._execute(insert(schema.proposal).from_select(columns, copies))

    def take_back(self, names: Collection[str], held: Collection[int]) -> None:
        """Remove the readings that nobody has begun, except those of `names`.

        The time spent on them goes to the joint task of their image.
        """
        joint = schema.task.alias()
        query = (
            select(_task.id.label("gone"), joint.c.id.label("joint"))
            .join(joint, and_(joint.c.image_id == _task.image_id, joint.c.step == _task.step))
            .where(
                ~IS_JOINT, joint.c.reader == JOINT, _task.reader.not_in(names), _is_untouched(held)
            )
        )
        gone = [{"gone": row.gone, "joint": row.joint} for row in self._rows(query)]
        if not gone:
            return
        moved = update(schema.spent).where(schema.spent.c.task_id == bindparam("gone"))
        self._connection.execute(moved.values(task_id=bindparam("joint")), gone)
        for table in (schema.place, schema.lease, schema.proposal):
            emptied = delete(table).where(table.c.task_id == bindparam("gone"))
            self._connection.execute(emptied, gone)
        self._connection.execute(delete(schema.task).where(_task.id == bindparam("gone")), gone)

    def untouched(self, held: Collection[int]) -> frozenset[int]:
        """Ids of the joint tasks that nobody has begun."""
        query = select(_task.id).where(IS_JOINT, _is_untouched(held))
        return frozenset(self._connection.scalars(query))

    def count_untouched(self, held: Collection[int]) -> int:
        """How many joint tasks nobody has begun."""
        return self._count(schema.task, IS_JOINT, _is_untouched(held))

    def joint_of(self, task_id: int) -> Task:
        """The joint task of a task's image; a joint task is its own."""
        own = schema.task.alias()
        same = and_(own.c.image_id == _task.image_id, own.c.step == _task.step)
        query = select_tasks().join(own, same).where(own.c.id == task_id, IS_JOINT)
        return task_of(self._rows(query)[0])

    def of(self, joint_id: int) -> tuple[Task, ...]:
        """The readings of an image, in the order in which the readers were named."""
        joint = schema.task.alias()
        same = and_(joint.c.image_id == _task.image_id, joint.c.step == _task.step)
        query = select_tasks().join(joint, same).where(joint.c.id == joint_id, ~IS_JOINT)
        return tuple(map(task_of, self._rows(query.order_by(_task.id))))

    def shared(self) -> list[SharedImage]:
        """Every image that has readings, in queue order."""
        readings: dict[tuple[int, int], list[Task]] = {}
        for row in self._rows(select_tasks().where(~IS_JOINT).order_by(_task.id)):
            task = task_of(row)
            readings.setdefault((task.image_id, task.step), []).append(task)
        order = _task.step, _task.iteration, _task.rank
        joint = map(task_of, self._rows(select_tasks().where(IS_JOINT).order_by(*order)))
        return [
            SharedImage(task, tuple(readings[task.image_id, task.step]))
            for task in joint
            if (task.image_id, task.step) in readings
        ]


def _is_untouched(held: Collection[int]) -> ColumnElement[bool]:
    """Condition: nobody has finished a task, decided in it, or has it open."""
    d = schema.decision.c
    decided = select(d.id).where(d.task_id == _task.id).correlate(schema.task).exists()
    return and_(_task.done_at.is_(None), ~decided, _task.id.not_in(held))
