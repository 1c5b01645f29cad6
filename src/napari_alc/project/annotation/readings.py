"""Readings in the store: several people read an image, each on their own.

The joint task of an image has the empty reader; a reading is a task of the same image and step
with a person's name, a copy of the joint task's proposals, and decisions of its own.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    bindparam,
    delete,
    insert,
    literal,
    select,
    update,
)

from napari_alc.errors import AlcError
from napari_alc.project.storage import schema
from napari_alc.wording import form, listed

READERS = "readers"
"""Key of the table `meta`: the names of those who read new images, as JSON."""

_task = schema.task.c
_is_joint = _task.reader == ""


def reader_names(connection: Connection) -> tuple[str, ...]:
    """Who reads the images that are handed out; nobody in particular where empty."""
    query = select(schema.meta.c.value).where(schema.meta.c.key == READERS)
    return tuple(json.loads(connection.execute(query).scalar() or "[]"))


def remember_readers(connection: Connection, names: Sequence[str]) -> None:
    """Have images that are handed out later read by `names`; by nobody where empty."""
    connection.execute(delete(schema.meta).where(schema.meta.c.key == READERS))
    if names:
        row = {"key": READERS, "value": json.dumps(list(names))}
        connection.execute(insert(schema.meta), [row])


def give_new_tasks(connection: Connection, last: int) -> None:
    """Give the tasks that came after task `last` to the readers who are remembered."""
    names = reader_names(connection)
    if names:
        give(connection, _task.id > last, names)


def give(connection: Connection, tasks: ColumnElement[bool], names: Sequence[str]) -> None:
    """Give each joint task that fulfils `tasks` a reading for each name that has none yet."""
    t, p, reading = schema.task.c, schema.proposal.c, schema.task.alias()
    same = and_(reading.c.image_id == t.image_id, reading.c.step == t.step)
    names_kept = ("image_id", "step", "iteration", "models", "rank", "score", "audit")
    kept = [t[name] for name in names_kept]
    for name in names:
        known = select(reading.c.id).where(same, reading.c.reader == name)
        missing = ~known.correlate(schema.task).exists()
        rows = select(*kept, literal(name)).where(_is_joint, tasks, missing)
        columns = [*(column.name for column in kept), "reader"]
        connection.execute(insert(schema.task).from_select(columns, rows))
    filled = select(schema.proposal.alias().c.task_id)
    copies = (
        select(reading.c.id, p.box_id, p.state)
        .select_from(schema.task)
        .join(reading, and_(same, reading.c.reader != ""))
        .join(schema.proposal, p.task_id == t.id)
        .where(_is_joint, tasks, reading.c.id.not_in(filled))
    )
    columns = ["task_id", "box_id", "state"]
    connection.execute(insert(schema.proposal).from_select(columns, copies))


def untouched(held: Collection[int]) -> ColumnElement[bool]:
    """Condition: nobody has finished a task, decided in it, or has it open (`held`: task ids)."""
    d = schema.decision.c
    decided = select(d.id).where(d.task_id == _task.id).correlate(schema.task).exists()
    return and_(_task.done_at.is_(None), ~decided, _task.id.not_in(held))


def joint_untouched(held: Collection[int]) -> ColumnElement[bool]:
    """Condition: a joint task that nobody has begun."""
    return and_(_is_joint, untouched(held))


def take_back(connection: Connection, names: Collection[str], held: Collection[int]) -> None:
    """Remove the readings that nobody has begun, except those of `names`.

    The time spent on them goes to the joint task of their image.
    """
    joint = schema.task.alias()
    query = (
        select(_task.id.label("gone"), joint.c.id.label("joint"))
        .join(joint, and_(joint.c.image_id == _task.image_id, joint.c.step == _task.step))
        .where(~_is_joint, joint.c.reader == "", _task.reader.not_in(names), untouched(held))
    )
    gone = [dict(row._mapping) for row in connection.execute(query)]
    if not gone:
        return
    moved = update(schema.spent).where(schema.spent.c.task_id == bindparam("gone"))
    connection.execute(moved.values(task_id=bindparam("joint")), gone)
    for table in (schema.place, schema.lease, schema.proposal):
        connection.execute(delete(table).where(table.c.task_id == bindparam("gone")), gone)
    connection.execute(delete(schema.task).where(_task.id == bindparam("gone")), gone)


def majority_name(names: Sequence[str]) -> str:
    """In whose name the readers' joint decisions are stored."""
    if len(names) == 1:
        return f"reading of {names[0]}"
    return f"majority of {listed(names)}"


def readings_of(connection: Connection, joint_id: int) -> Sequence[Any]:
    """Rows of the readings of an image, in the order in which the readers were named."""
    joint = schema.task.alias()
    query = (
        select(schema.task)
        .join(joint, and_(joint.c.image_id == _task.image_id, joint.c.step == _task.step))
        .where(joint.c.id == joint_id, ~_is_joint)
        .order_by(_task.id)
    )
    return connection.execute(query).all()


def shared_images(connection: Connection) -> list[tuple[Any, Sequence[Any]]]:
    """Rows of the joint task and of the readings of every image that has readings."""
    readings: dict[tuple[int, int], list[Any]] = {}
    for row in connection.execute(select(schema.task).where(~_is_joint).order_by(_task.id)):
        readings.setdefault((row.image_id, row.step), []).append(row)
    order = (_task.step, _task.iteration, _task.rank)
    joint = connection.execute(select(schema.task).where(_is_joint).order_by(*order))
    return [
        (row, readings[row.image_id, row.step])
        for row in joint
        if (row.image_id, row.step) in readings
    ]


def joint_of(connection: Connection, task_id: int) -> Any:
    """The row of the joint task of a task's image; a joint task is its own."""
    own = schema.task.alias()
    query = (
        select(schema.task)
        .join(own, and_(own.c.image_id == _task.image_id, own.c.step == _task.step))
        .where(own.c.id == task_id, _is_joint)
    )
    return connection.execute(query).one()


def prepare_change(connection: Connection, task_id: int) -> None:
    """Ask at each change of a task's boxes, in the transaction that stores it.

    A change in a reading also takes the joint task back into the queue: what most readers say
    has to be found anew.

    Raises
    ------
    AlcError
        When readers are still at work on this joint task, or the reading's image was settled.
    """
    joint = joint_of(connection, task_id)
    readings = readings_of(connection, joint.id)
    if not readings:
        return
    if joint.id == task_id:
        require_all_read(readings)
        return
    settler = settled_by(connection, joint, readings)
    if settler:
        raise AlcError(f"{settler} has settled this image since; open it as the joint image.")
    if joint.done_at is not None:
        reopened = update(schema.task).where(_task.id == joint.id)
        connection.execute(reopened.values(done_at=None, done_by=None))


def require_all_read(readings: Sequence[Any]) -> None:
    """Refuse work on a joint task while some of its readers are not done.

    Raises
    ------
    AlcError
        Naming them.
    """
    waiting = [row.reader for row in readings if row.done_at is None]
    if waiting:
        have = form(len(waiting), "has", "have")
        raise AlcError(
            f"{listed(waiting)} {have} not finished reading this image yet; "
            "it can be settled when all readers are done."
        )


def settled_by(connection: Connection, joint: Any, readings: Sequence[Any]) -> str:
    """Who decided in the joint task after the readers; empty where nobody has."""
    name = majority_name([row.reader for row in readings])
    d = schema.decision.c
    query = select(d.person).where(d.task_id == joint.id, d.person != name).order_by(d.id.desc())
    person = connection.execute(query.limit(1)).scalar()
    if person is None and joint.done_by != name:
        person = joint.done_by
    return str(person or "")
