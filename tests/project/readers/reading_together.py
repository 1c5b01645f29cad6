"""What readers of one image do in tests."""

from __future__ import annotations

from napari_alc.project.annotation.decisions import current_boxes, open_document
from napari_alc.project.annotation.tasks import queue, queue_of
from napari_alc.project.readers.sharing import finish_task
from napari_alc.project.storage.records import ReviewStep

CORNER = (1.0, 1.0, 20.0, 20.0)
"""Where no box is offered."""


def reading(project, consensus, reader):
    [found] = [
        task
        for task in queue_of(project, reader)
        if task.reader == reader and task.image_id == consensus.image_id
    ]
    return found


def read(project, consensus, reader, delete=(), move=None, add=(), category=None):
    """A reader's whole reading: what is not named is kept."""
    task = reading(project, consensus, reader)
    document = open_document(project, task, reader)
    document.delete(list(delete))
    document.reshape(move or {})
    for corners in add:
        document.add(corners, 1)
    if category:
        document.recategorise(list(category), 2)
    document.keep([box.id for box in document.open_boxes])
    finish_task(project, task, reader)


def boxes_of(project, consensus):
    return {box.id: box for _, box in current_boxes(project, [consensus.id])}


def drawn_in(project, consensus):
    return [box for box in boxes_of(project, consensus).values() if box.source == "person"]


def now_of(project, consensus):
    return next(task for task in queue(project) if task.id == consensus.id)


def ids_of(project, consensus):
    return sorted(boxes_of(project, consensus))


def reading_of_step2(project, reader):
    return next(task for task in queue_of(project, reader) if task.step == ReviewStep.OPEN_BOXES)


def read_step2(project, reader, delete):
    task = reading_of_step2(project, reader)
    document = open_document(project, task, reader)
    document.delete(delete)
    document.keep([box.id for box in document.open_boxes])
    finish_task(project, task, reader)
