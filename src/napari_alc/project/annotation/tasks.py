"""The queue: images handed to people, which of them are done, and the rules of readings.

Where several people read an image, each on their own, nobody changes the consensus task before all
have read, nor a reading after somebody settled it.
"""

from __future__ import annotations

from collections.abc import Sequence

from napari_alc.errors import Refused
from napari_alc.project.project import Project
from napari_alc.project.storage.database import UnitOfWork
from napari_alc.project.storage.records import (
    Batch,
    Proposal,
    ReviewStep,
    SharedImage,
    Snapshot,
    Task,
)
from napari_alc.wording import Refusal, form, listed

INITIAL_DRAW = Batch(step=ReviewStep.WHOLE_IMAGE, iteration=0, models=None)


def add_tasks(project: Project, image_ids: Sequence[int], batch: Batch) -> None:
    """Hand images to the pathologists, the most urgent first; no model has seen them."""
    with project.store.transaction() as unit:
        write_tasks(unit, image_ids, batch)


def write_tasks(
    unit: UnitOfWork,
    image_ids: Sequence[int],
    batch: Batch,
    scores: Sequence[float] | None = None,
    proposals: Sequence[Proposal] = (),
) -> None:
    """Hand images to the pathologists, in this order, in a transaction that does more.

    Most urgent first, with SCORE (Eq. 2) of each image. The boxes offered are `proposals`;
    without a model, all boxes of the crowd.
    """
    last = unit.tasks.newest()
    unit.tasks.add(image_ids, batch, scores)
    if batch.models is None:
        unit.tasks.propose_crowd(batch)
    else:
        unit.tasks.propose(batch, proposals)
    unit.readings.give_after(last)


def queue(
    project: Project, step: ReviewStep | None = None, until: Snapshot | None = None
) -> tuple[Task, ...]:
    """All consensus tasks, in the order in which they were handed out; no readings.

    Images that are left out of the dataset are not among them. With `until` the queue is as it was
    at that moment, but for what was finished since.
    """
    with project.store.transaction() as unit:
        return unit.tasks.queue(step, until)


def audited_images(project: Project) -> frozenset[int]:
    """Ids of the images that were drawn for an audit, in whichever iteration."""
    with project.store.transaction() as unit:
        return unit.tasks.audited_images()


def queue_of(project: Project, person: str) -> tuple[Task, ...]:
    """What `person` may work on, in queue order: no reading of others, nor what they still read.

    What they skipped comes last. Images that are left out of the dataset are there, and count as
    done.
    """
    with project.store.transaction() as unit:
        tasks, skipped = unit.tasks.queue_of(person), unit.leases.skipped(person)
    places = {task_id: place for place, task_id in enumerate(skipped)}
    return tuple(sorted(tasks, key=lambda task: places.get(task.id, -1)))


def skip(unit: UnitOfWork, task: Task, person: str) -> None:
    """Put an image at the end of a person's queue; it stays there until they open it again.

    Raises
    ------
    Refused
        When nobody has to look at it any more.
    """
    if task.is_done:
        raise Refused(Refusal.NOTHING_TO_SKIP, task.file_name)
    unit.leases.skip(person, task.id)


def unfinished(project: Project) -> int:
    """How many images nobody has finished yet, whoever may work on them; none that is left out."""
    with project.store.transaction() as unit:
        return unit.tasks.count_unfinished()


def region_counts(project: Project) -> dict[tuple[int, str], int]:
    """Boxes offered by task id and region, ``red`` or ``green``; absent where there are none."""
    with project.store.transaction() as unit:
        return unit.tasks.region_counts()


def open_counts(project: Project, task: Task | None = None) -> dict[int, int]:
    """How many boxes wait for an answer, by task; tasks without any are left out."""
    with project.store.transaction() as unit:
        return unit.tasks.open_counts(None if task is None else task.id)


def next_open_task(project: Project, after: Task | None = None) -> Task | None:
    """The next unfinished task behind `after` in the queue, else the first unfinished one."""
    return first_open(queue(project), after)


def first_open(tasks: Sequence[Task], after: Task | None = None) -> Task | None:
    """`next_open_task` of a queue that is there already."""
    ids = [task.id for task in tasks]
    # One whose image was left out of the dataset meanwhile is not in the queue any more.
    position = ids.index(after.id) + 1 if after and after.id in ids else 0
    waiting = [*tasks[position:], *tasks[:position]]
    return next((task for task in waiting if not task.is_done), None)


def reopen(project: Project, task: Task) -> None:
    """Take a finished task back into the queue; its decisions stay.

    Raises
    ------
    AlcError
        When it is a reading of an image that somebody has settled since.
    """
    with project.store.transaction() as unit:
        unit.tasks.reopen(task.id)
        prepare_change(unit, task.id)


def majority_name(image: SharedImage) -> str:
    """In whose name the readers' consensus decisions are stored."""
    names = [task.reader for task in image.readings]
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
    image = unit.readings.image_of(task_id)
    if not image.readings:
        return
    if image.consensus.id == task_id:
        require_all_read(image)
        return
    settler = _settled_by(unit, image)
    if settler:
        raise Refused(Refusal.SETTLED_SINCE, settler)
    unit.tasks.reopen(image.consensus.id)


def require_all_read(image: SharedImage) -> None:
    """Refuse work on a consensus task while some of its readers, who are named, are not done."""
    waiting = [task.reader for task in image.readings if not task.is_finished]
    if waiting:
        raise Refused(Refusal.BEING_READ, f"{listed(waiting)} {form(len(waiting), 'has', 'have')}")


def _settled_by(unit: UnitOfWork, image: SharedImage) -> str:
    """Who decided in the consensus task after the readers; empty where nobody has."""
    name = majority_name(image)
    person = unit.decisions.last_person_besides(image.consensus.id, name)
    if person is None and image.consensus.done_by != name:
        person = image.consensus.done_by
    return person or ""
