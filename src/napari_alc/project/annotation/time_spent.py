"""What people's time on a project adds up to, counted from the store."""

from __future__ import annotations

from napari_alc.project.project import Project
from napari_alc.project.storage.records import CorrectionOutcome, ReviewStep
from napari_alc.project.storage.sessions import SecondsSpent

ENOUGH_BOXES = 5
"""Boxes that must be decided before a pace is told; fewer would mislead."""


def time_spent(project: Project) -> SecondsSpent:
    """The time that people have worked on `project`."""
    with project.store.transaction() as unit:
        return unit.times.spent()


def pace(project: Project, person: str) -> float | None:
    """Seconds that `person` needs for a box, of all time on the images that are finished.

    None until `ENOUGH_BOXES` boxes of finished images were decided in measured time.
    """
    with project.store.transaction() as unit:
        decided = unit.times.boxes_decided_by(person)
        return unit.times.seconds_of(person) / decided if decided >= ENOUGH_BOXES else None


def box_in_box_time(project: Project) -> float | None:
    """Table 3's Time %: the time of step 2, in percent of what it would be without box-in-box.

    Each box that box-in-box took out of the review would have cost as many seconds as the boxes
    that people looked at did. None until every image of step 2 is finished and time was measured on
    its boxes.
    """
    with project.store.transaction() as unit:
        on_boxes = unit.times.seconds_on_reviewed()
        if not on_boxes or unit.tasks.count_unfinished(ReviewStep.OPEN_BOXES):
            return None
        spent = unit.times.seconds_of_step2()
        removed = unit.boxes.count_outcomes(CorrectionOutcome.REMOVED)
        saved = removed * on_boxes / unit.boxes.count_outcomes(CorrectionOutcome.REVIEW)
    return 100 * spent / (spent + saved)


def time_record(project: Project) -> dict[str, object]:
    """The minutes for a report; empty where nothing was measured."""
    spent = time_spent(project)
    if not spent.total:
        return {}
    return {
        "step1_minutes": spent.by_step.get(ReviewStep.WHOLE_IMAGE, 0.0) / 60,
        "step2_minutes": spent.by_step.get(ReviewStep.OPEN_BOXES, 0.0) / 60,
        "minutes_by_person": {name: s / 60 for name, s in sorted(spent.by_person.items())},
        "box_in_box_time": box_in_box_time(project),
    }
