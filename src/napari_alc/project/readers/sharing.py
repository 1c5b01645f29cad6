"""Several people read the same images, blind to each other; their majority settles them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select, update

from napari_alc.errors import AlcError
from napari_alc.project.annotation.decisions import current_boxes, finish
from napari_alc.project.annotation.leases import held
from napari_alc.project.annotation.readings import (
    give,
    joint_of,
    joint_untouched,
    prepare_change,
    reader_names,
    readings_of,
    remember_readers,
    require_all_read,
    shared_images,
    take_back,
)
from napari_alc.project.annotation.tasks import JOINT, Task
from napari_alc.project.project import Project
from napari_alc.project.readers.agreement import (
    Difference,
    PairAgreement,
    agreement,
    differences,
    verdicts,
)
from napari_alc.project.readers.majority import read_images, take_majority
from napari_alc.project.storage import schema
from napari_alc.project.storage.database import log_event, now
from napari_alc.wording import counted, listed

__all__ = [
    "Difference",
    "PairAgreement",
    "agreement",
    "checked_names",
    "differences",
    "finish_task",
    "readers",
    "readers_of",
    "share",
    "shareable",
    "sharing_words",
    "verdicts",
]

FEWEST_READERS = 2


def readers(project: Project) -> tuple[str, ...]:
    """Who reads the images that are handed out from now on; empty where nobody shares."""
    with project.store.begin() as connection:
        return reader_names(connection)


def shareable(project: Project) -> int:
    """How many images `share` would give to its readers."""
    with project.store.begin() as connection:
        query = select(func.count()).where(joint_untouched(held(connection)))
        return int(connection.execute(query).scalar_one())


def checked_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names of readers, without blanks around them.

    Raises
    ------
    AlcError
        When there are fewer than two, or one is empty or given twice.
    """
    chosen = tuple(name.strip() for name in names)
    if not all(chosen):
        raise AlcError("A reader's name is empty; give each reader a name.")
    known: dict[str, str] = {}
    for name in chosen:
        if name.casefold() in known:
            raise AlcError(f"{name} is named twice; each reader needs a name of their own.")
        known[name.casefold()] = name
    if len(chosen) < FEWEST_READERS:
        raise AlcError("Several readers need at least two names.")
    return chosen


def share(project: Project, names: Sequence[str]) -> int:
    """Have every image that nobody has begun, and every later one, read by several people.

    Each reads it on their own, blind to the others. Sharing again with other names adds
    readers and takes back readings that nobody has begun; without names sharing ends. An image
    that is thereby read by all of its readers is settled by their majority.

    Parameters
    ----------
    names
        At least two, as the readers call themselves in the program; or none.

    Returns
    -------
    int
        How many images that nobody has settled are read by several people now.

    Raises
    ------
    AlcError
        When there is one name only, or a name is empty or given twice.
    """
    chosen = checked_names(names) if names else ()
    with project.store.begin() as connection:
        remember_readers(connection, chosen)
        in_use = held(connection)
        take_back(connection, chosen, in_use)
        give(connection, joint_untouched(in_use), chosen)
        shared = _waiting(connection, in_use)
        log_event(connection, "share", None, {"readers": list(chosen), "images": len(shared)})
        complete = [image for image in shared if _all_done(image[1])]
        for image in read_images(project, complete):
            take_majority(project, connection, image)
    return len(shared)


def _waiting(connection: Connection, in_use: Sequence[int]) -> list[tuple[Any, Sequence[Any]]]:
    """Joint tasks with readings that nobody has begun to settle."""
    waiting = set(connection.scalars(select(schema.task.c.id).where(joint_untouched(in_use))))
    return [image for image in shared_images(connection) if image[0].id in waiting]


def _all_done(readings: Sequence[Any]) -> bool:
    return all(row.done_at is not None for row in readings)


def readers_of(project: Project, task: Task) -> tuple[str, ...]:
    """Who reads the image of a task on their own, in the order in which they were named."""
    with project.store.begin() as connection:
        joint = joint_of(connection, task.id)
        return tuple(row.reader for row in readings_of(connection, joint.id))


def finish_task(project: Project, task: Task, person: str) -> None:
    """Finish a joint task or a reading.

    With the last reading of an image, what most readers say is stored in its joint task, in
    their name; ties stay open there, and a joint task with nothing left open is done. A task
    that is done already stays as it is.

    Raises
    ------
    AlcError
        When boxes are still open, when a reading is somebody else's or its image was settled
        meanwhile, or when readers of a joint task are not done.
    """
    if not task.is_reading:
        with project.store.begin() as connection:
            require_all_read(readings_of(connection, task.id))
        finish(project, task, person)
        return
    if person != task.reader:
        raise AlcError(f"Only {task.reader} can finish this reading of {task.file_name}.")
    still_open = sum(box.state == "open" for _, box in current_boxes(project, [task.id]))
    if still_open:
        raise AlcError(f"{still_open} boxes of {task.file_name} are still open.")
    _finish_reading(project, task)


def _finish_reading(project: Project, task: Task) -> None:
    t = schema.task.c
    done = update(schema.task).where(t.id == task.id, t.done_at.is_(None))
    with project.store.begin() as connection:
        joint = _alone_with(connection, task)
        if not connection.execute(done.values(done_at=now(), done_by=task.reader)).rowcount:
            return
        prepare_change(connection, task.id)
        readings = readings_of(connection, joint.id)
        if _all_done(readings):
            [image] = read_images(project, [(joint, readings)])
            take_majority(project, connection, image)


def _alone_with(connection: Connection, task: Task) -> Any:
    """The joint task, locked until the transaction ends.

    Two readers who finish at the same moment would else both find the other still at work.
    """
    t = schema.task.c
    image = (t.image_id == task.image_id, t.step == task.step, t.reader == JOINT)
    connection.execute(update(schema.task).where(*image).values(rank=t.rank))
    return joint_of(connection, task.id)


def sharing_words(names: Sequence[str], images: int) -> str:
    """What `share` did, in a sentence."""
    if not names:
        return "New images are not shared any more."
    if not images:
        return f"No image waits untouched; later ones are read by {listed(names)}."
    are = counted(images, "image is", "images are")
    return f"{are} read by {listed(names)}, each on their own."
