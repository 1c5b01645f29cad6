"""The rules of readings: several people read an image, each on their own.

Nobody changes the joint task before all have read, nor a reading after somebody settled it.
"""

from __future__ import annotations

from collections.abc import Sequence

from napari_alc.errors import Refused
from napari_alc.project.storage.database import UnitOfWork
from napari_alc.project.storage.records import Task
from napari_alc.wording import Refusal, form, listed


def majority_name(names: Sequence[str]) -> str:
    """In whose name the readers' joint decisions are stored."""
    if len(names) == 1:
        return f"reading of {names[0]}"
    return f"majority of {listed(names)}"


def prepare_change(unit: UnitOfWork, task_id: int) -> None:
    """Ask at each change of a task's boxes, in the transaction that stores it.

    A change in a reading also takes the joint task back into the queue: what most readers say
    has to be found anew.

    Raises
    ------
    Refused
        When readers are still at work on this joint task, or the reading's image was settled.
    """
    joint = unit.readings.joint_of(task_id)
    readings = unit.readings.of(joint.id)
    if not readings:
        return
    if joint.id == task_id:
        require_all_read(readings)
        return
    settler = settled_by(unit, joint, readings)
    if settler:
        raise Refused(Refusal.SETTLED_SINCE, settler)
    unit.tasks.reopen(joint.id)


def require_all_read(readings: Sequence[Task]) -> None:
    """Refuse work on a joint task while some of its readers are not done.

    Raises
    ------
    Refused
        Naming them.
    """
    waiting = [task.reader for task in readings if not task.is_done]
    if waiting:
        raise Refused(Refusal.BEING_READ, f"{listed(waiting)} {form(len(waiting), 'has', 'have')}")


def settled_by(unit: UnitOfWork, joint: Task, readings: Sequence[Task]) -> str:
    """Who decided in the joint task after the readers; empty where nobody has."""
    name = majority_name([task.reader for task in readings])
    person = unit.decisions.last_person_besides(joint.id, name)
    if person is None and joint.done_by != name:
        person = joint.done_by
    return person or ""
