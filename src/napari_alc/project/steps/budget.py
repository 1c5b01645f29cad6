"""What a project has cost so far, counted from the store."""

from __future__ import annotations

from sqlalchemy import func, select

from napari_alc.cleaning.budget import Budget
from napari_alc.project.annotation.decisions import current_boxes
from napari_alc.project.annotation.document import ReviewBox
from napari_alc.project.annotation.tasks import JOINT, OPEN_BOXES, WHOLE_IMAGE, queue
from napari_alc.project.project import Project
from napari_alc.project.storage import schema


def budget(project: Project, clean: int, iteration: int | None = None) -> Budget:
    """The budget of the images that people have finished.

    Parameters
    ----------
    clean
        Boxes of the clean data set (N_clean); an estimate while it is not finished.
    iteration
        i: count step 1 up to X^i only, as things stood before step 2.
    """
    step_of = {
        task.id: task.step
        for task in queue(project)
        if task.is_done
        and (iteration is None or (task.step == WHOLE_IMAGE and task.iteration <= iteration))
    }
    boxes = [(step_of[t], box) for t, box in current_boxes(project) if t in step_of]
    step1 = [box for step, box in boxes if step == WHOLE_IMAGE]
    reviewed = _reviewed_in_step2(project) if iteration is None else 0
    drawn = sum(step == OPEN_BOXES and box.state == "added" for step, box in boxes)
    return Budget(
        crowd=project.store.count(schema.box, schema.box.c.source == "crowd"),
        clean=clean,
        step1_boxes=sum(box.is_label for box in step1),
        step1_edits=sum(_is_edit(box) for box in step1),
        step2_boxes=reviewed + drawn,
        costs=project.settings.costs.prices,
    )


def _is_edit(box: ReviewBox) -> bool:
    """Whether a box was added, moved or deleted; a drawing that was taken back is neither."""
    withdrawn = box.source == "person" and box.state == "deleted"
    return box.state in ("changed", "added", "deleted") and not withdrawn


def _reviewed_in_step2(project: Project) -> int:
    """Red and green boxes of step 2 in images that are finished."""
    c, t = schema.correction.c, schema.task.c
    query = (
        select(func.count())
        .select_from(schema.correction)
        .join(schema.task, t.image_id == c.image_id)
        .where(
            c.outcome == "review",
            t.step == OPEN_BOXES,
            t.reader == JOINT,
            t.done_at.is_not(None),
        )
    )
    return int(project.store.value(query))
