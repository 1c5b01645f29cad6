"""The rules of readings: several people read an image, each on their own.

Nobody changes the consensus task before all have read, nor a reading after somebody settled it.
"""

from __future__ import annotations

from collections.abc import Sequence

from napari_alc.errors import Refused
from napari_alc.project.storage.database import UnitOfWork
from napari_alc.project.storage.records import Task
from napari_alc.wording import Refusal, form, listed


def majority_name(names: Sequence[str]) -> str:
    """In whose name the readers' consensus decisions are stored."""
    if len(names) == 1:
        return f"reading of {names[0]}"
    return f"majority of {listed(names)}"


def prepare_change(unit: UnitOfWork, task_id: int) -> None:
    """Ask at each change of a task's boxes, in the transaction that stores it.

    A change in a reading also takes the consensus task back into the queue: what most readers say
    has to be found anew.

    Raises
    ------
    Refused
        When readers are still at work on this consensus task, or the reading's image was settled.
    """
    consensus = unit.readings.consensus_of(task_id)
    readings = unit.readings.of(consensus.id)
    if not readings:
        return
    if consensus.id == task_id:
        require_all_read(readings)
        return
    settler = settled_by(unit, consensus, readings)
    if settler:
        raise Refused(Refusal.SETTLED_SINCE, settler)
    unit.tasks.reopen(consensus.id)


def require_all_read(readings: Sequence[Task]) -> None:
    """Refuse work on a consensus task while some of its readers are not done.

    Raises
    ------
    Refused
        Naming them.
    """
    waiting = [task.reader for task in readings if not task.is_done]
    if waiting:
        raise Refused(Refusal.BEING_READ, f"{listed(waiting)} {form(len(waiting), 'has', 'have')}")


def settled_by(unit: UnitOfWork, consensus: Task, readings: Sequence[Task]) -> str:
    """Who decided in the consensus task after the readers; empty where nobody has."""
    name = majority_name([task.reader for task in readings])
    person = unit.decisions.last_person_besides(consensus.id, name)
    if person is None and consensus.done_by != name:
        person = consensus.done_by
    return person or ""
