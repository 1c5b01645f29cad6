"""What a project has cost so far, counted from the store."""

from __future__ import annotations

from napari_alc.cleaning.budget import Budget
from napari_alc.project.annotation.decisions import current_boxes
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.project import Project
from napari_alc.project.storage.records import BoxSource, BoxState, ReviewBox, ReviewStep


def budget(project: Project, clean: int, iteration: int | None = None) -> Budget:
    """The budget of the images that people have finished.

    Parameters
    ----------
    clean
        Boxes of the clean data set (N_clean); an estimate while it is not finished.
    iteration
        i: count step 1 up to X^i only, as things stood before step 2.
    """
    whole = ReviewStep.WHOLE_IMAGE
    step_of = {
        task.id: task.step
        for task in queue(project)
        if task.is_done
        and (iteration is None or (task.step is whole and task.iteration <= iteration))
    }
    boxes = [(step_of[t], box) for t, box in current_boxes(project) if t in step_of]
    step1 = [box for step, box in boxes if step is whole]
    with project.store.transaction() as unit:
        crowd = unit.boxes.count_of_crowd()
        reviewed = unit.boxes.count_reviewed() if iteration is None else 0
    drawn = sum(step is not whole and box.state is BoxState.ADDED for step, box in boxes)
    return Budget(
        crowd=crowd,
        clean=clean,
        step1_boxes=sum(box.is_label for box in step1),
        step1_edits=sum(_is_edit(box) for box in step1),
        step2_boxes=reviewed + drawn,
        costs=project.settings.costs.prices,
    )


def _is_edit(box: ReviewBox) -> bool:
    """Whether a box was added, moved or deleted; a drawing that was taken back is neither."""
    withdrawn = box.source is BoxSource.PERSON and box.state is BoxState.DELETED
    edits = BoxState.CHANGED, BoxState.ADDED, BoxState.DELETED
    return box.state in edits and not withdrawn
