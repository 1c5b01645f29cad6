"""Several people read the same images, blind to each other; their majority settles them."""

from __future__ import annotations

from collections.abc import Sequence

from napari_alc.errors import Refused
from napari_alc.project.annotation.decisions import current_boxes, finish
from napari_alc.project.annotation.leases import held
from napari_alc.project.annotation.readings import prepare_change, require_all_read
from napari_alc.project.project import Project
from napari_alc.project.readers.agreement import (
    Difference,
    PairAgreement,
    agreement,
    differences,
    verdicts,
)
from napari_alc.project.readers.majority import read_images, take_majority
from napari_alc.project.storage.records import BoxState, EventKind, SharedImage, Task
from napari_alc.project.storage.repository import now
from napari_alc.wording import Refusal

__all__ = [
    "Difference",
    "PairAgreement",
    "agreement",
    "checked_names",
    "differences",
    "finish_task",
    "readers",
    "share",
    "shareable",
    "verdicts",
]

FEWEST_READERS = 2


def readers(project: Project) -> tuple[str, ...]:
    """Who reads the images that are handed out from now on; empty where nobody shares."""
    with project.store.transaction() as unit:
        return unit.readings.names()


def shareable(project: Project) -> int:
    """How many images `share` would give to its readers."""
    with project.store.transaction() as unit:
        return unit.readings.count_untouched(held(unit))


def checked_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names of readers, without blanks around them.

    Raises
    ------
    Refused
        When there are fewer than two, or one is empty or given twice.
    """
    chosen = tuple(name.strip() for name in names)
    if not all(chosen):
        raise Refused(Refusal.NAMELESS_READER)
    known: dict[str, str] = {}
    for name in chosen:
        if name.casefold() in known:
            raise Refused(Refusal.READER_TWICE, name)
        known[name.casefold()] = name
    if len(chosen) < FEWEST_READERS:
        raise Refused(Refusal.ONE_READER)
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
    Refused
        When there is one name only, or a name is empty or given twice.
    """
    chosen = checked_names(names) if names else ()
    with project.store.transaction() as unit:
        unit.readings.remember_names(chosen)
        in_use = held(unit)
        unit.readings.take_back(chosen, in_use)
        unit.readings.give_untouched(chosen, in_use)
        untouched = unit.readings.untouched(in_use)
        shared = [image for image in unit.readings.shared() if image.consensus.id in untouched]
        details = {"readers": list(chosen), "images": len(shared)}
        unit.events.add(EventKind.SHARE, None, details)
        for image in read_images(unit, [image for image in shared if image.is_read]):
            take_majority(unit, image)
    return len(shared)


def finish_task(project: Project, task: Task, person: str) -> None:
    """Finish a consensus task or a reading.

    With the last reading of an image, what most readers say is stored in its consensus task, in
    their name; ties stay open there, and a consensus task with nothing left open is done. A task
    that is done already stays as it is.

    Raises
    ------
    Refused
        When boxes are still open, when a reading is somebody else's or its image was settled
        meanwhile, or when readers of a consensus task are not done.
    """
    if not task.is_reading:
        with project.store.transaction() as unit:
            require_all_read(unit.readings.of(task.id))
        finish(project, task, person)
        return
    if person != task.reader:
        raise Refused(Refusal.ANOTHERS_READING, task.reader, task.file_name)
    still_open = sum(box.state == BoxState.OPEN for _, box in current_boxes(project, [task.id]))
    if still_open:
        raise Refused(Refusal.STILL_OPEN, still_open, task.file_name)
    _finish_reading(project, task)


def _finish_reading(project: Project, task: Task) -> None:
    with project.store.transaction() as unit:
        # Two readers who finish at the same moment would else both find the other still at work.
        unit.tasks.hold_consensus(task)
        if not unit.tasks.finish(task.id, task.reader, now()):
            return
        prepare_change(unit, task.id)
        consensus = unit.readings.consensus_of(task.id)
        image = SharedImage(consensus, unit.readings.of(consensus.id))
        if image.is_read:
            [read] = read_images(unit, [image])
            take_majority(unit, read)
