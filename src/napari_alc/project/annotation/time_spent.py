"""What people's time on a project adds up to, counted from the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select

from napari_alc.project.annotation.tasks import JOINT, OPEN_BOXES, WHOLE_IMAGE
from napari_alc.project.project import Project
from napari_alc.project.storage import schema

ENOUGH_BOXES = 5
"""Boxes that must be decided before a pace is told; fewer would mislead."""


@dataclass(frozen=True)
class TimeSpent:
    """Seconds that people have worked, idle time left out.

    Parameters
    ----------
    by_step
        Of `WHOLE_IMAGE` and `OPEN_BOXES`.
    by_person
        By name.
    by_box
        By box id; what was spent on images as a whole is not among them.
    """

    by_step: Mapping[int, float]
    by_person: Mapping[str, float]
    by_box: Mapping[int, float]

    @property
    def total(self) -> float:
        """All seconds together."""
        return sum(self.by_step.values())

    @property
    def sentence(self) -> str:
        """The minutes in plain words; empty where nothing was measured."""
        if not self.total:
            return ""
        whole, opened = (self.by_step.get(step, 0.0) / 60 for step in (WHOLE_IMAGE, OPEN_BOXES))
        return (
            f"Pathologists have worked {self.total / 60:.1f} minutes so far: {whole:.1f} on whole "
            f"images, {opened:.1f} on red and green boxes."
        )


def time_spent(project: Project) -> TimeSpent:
    """The time that people have worked on `project`."""
    s, t = schema.spent.c, schema.task.c
    seconds = func.sum(s.seconds)
    steps = select(t.step, seconds).join(schema.spent, s.task_id == t.id).group_by(t.step)
    people = select(s.person, seconds).group_by(s.person)
    boxes = select(s.box_id, seconds).where(s.box_id.is_not(None)).group_by(s.box_id)
    return TimeSpent(
        *(dict(map(tuple, project.store.rows(query))) for query in (steps, people, boxes))
    )


def pace(project: Project, person: str) -> float | None:
    """Seconds that `person` needs for a box, of all time on the images that are finished.

    Returns
    -------
    float or None
        None until `ENOUGH_BOXES` boxes of finished images were decided in measured time.
    """
    s, d, t = schema.spent.c, schema.decision.c, schema.task.c
    finished = select(t.id).where(t.done_at.is_not(None))
    measured = select(s.task_id).where(s.person == person, s.task_id.in_(finished))
    boxes = (
        select(d.task_id, d.box_id)
        .where(d.person == person, d.task_id.in_(measured))
        .distinct()
        .subquery()
    )
    decided = int(project.store.value(select(func.count()).select_from(boxes)))
    if decided < ENOUGH_BOXES:
        return None
    seconds = select(func.sum(s.seconds)).where(s.person == person, s.task_id.in_(finished))
    return float(project.store.value(seconds)) / decided


def box_in_box_time(project: Project) -> float | None:
    """Table 3's Time %: the time of step 2, in percent of what it would be without box-in-box.

    Each box that box-in-box took out of the review would have cost as many seconds as the boxes
    that people looked at did.

    Returns
    -------
    float or None
        None until every image of step 2 is finished and time was measured on its boxes.
    """
    c, s, t = schema.correction.c, schema.spent.c, schema.task.c
    step2 = t.step == OPEN_BOXES, t.reader == JOINT
    reviewed = project.store.count(schema.correction, c.outcome == "review")
    on_boxes = _seconds(project, s.box_id.in_(select(c.box_id).where(c.outcome == "review")))
    if not on_boxes or project.store.count(schema.task, *step2, t.done_at.is_(None)):
        return None
    spent = _seconds(project)
    saved = project.store.count(schema.correction, c.outcome == "removed") * on_boxes / reviewed
    return 100 * spent / (spent + saved)


def _seconds(project: Project, *conditions: ColumnElement[bool]) -> float:
    """Seconds that step 2 has taken."""
    query = (
        select(func.sum(schema.spent.c.seconds))
        .join(schema.task, schema.task.c.id == schema.spent.c.task_id)
        .where(schema.task.c.step == OPEN_BOXES, *conditions)
    )
    return float(project.store.value(query) or 0.0)


def time_record(project: Project) -> dict[str, object]:
    """The minutes for a report; empty where nothing was measured."""
    spent = time_spent(project)
    if not spent.total:
        return {}
    return {
        "step1_minutes": spent.by_step.get(WHOLE_IMAGE, 0.0) / 60,
        "step2_minutes": spent.by_step.get(OPEN_BOXES, 0.0) / 60,
        "minutes_by_person": {name: s / 60 for name, s in sorted(spent.by_person.items())},
        "box_in_box_time": box_in_box_time(project),
    }
