"""Writing what most readers of an image say into its joint task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from napari_alc.cleaning.majority import Group, Verdict, Vote, majority
from napari_alc.project.annotation.decisions import current_boxes, decision_row
from napari_alc.project.annotation.document import Corners, ReviewBox, State
from napari_alc.project.annotation.readings import majority_name
from napari_alc.project.project import Project
from napari_alc.project.storage import schema
from napari_alc.project.storage.database import add_boxes, add_rows, now

TASKS_AT_ONCE = 1_000
"""Tasks that one question to the database names; some databases take only a few thousand."""


@dataclass(frozen=True)
class MajorityImage:
    """An image that all its readers have finished.

    Parameters
    ----------
    joint
        Row of its joint task.
    readings
        Rows of its readings, in the order in which the readers were named.
    boxes
        Boxes of each of these tasks as decided so far, by task id and box id.
    groups
        What the readers found, grouped and counted.
    """

    joint: Any
    readings: Sequence[Any]
    boxes: dict[int, dict[int, ReviewBox]]
    groups: tuple[Group, ...]

    @property
    def majority(self) -> str:
        """In whose name the majority is stored."""
        return majority_name([row.reader for row in self.readings])


def read_images(
    project: Project, joint_and_readings: Iterable[tuple[Any, Sequence[Any]]]
) -> list[MajorityImage]:
    """Ask for the boxes of several images at once and group them."""
    found = list(joint_and_readings)
    boxes = boxes_of_tasks(project, [row.id for joint, rows in found for row in (joint, *rows)])
    return [
        MajorityImage(joint, readings, boxes, majority(_votes(readings, boxes), len(readings)))
        for joint, readings in found
    ]


def boxes_of_tasks(project: Project, task_ids: Sequence[int]) -> dict[int, dict[int, ReviewBox]]:
    """Boxes as decided so far, by task id and box id; an empty entry for a task without any."""
    found: dict[int, dict[int, ReviewBox]] = {task_id: {} for task_id in task_ids}
    for start in range(0, len(task_ids), TASKS_AT_ONCE):
        for task_id, box in current_boxes(project, task_ids[start : start + TASKS_AT_ONCE]):
            found[task_id][box.id] = box
    return found


def _votes(readings: Sequence[Any], boxes: dict[int, dict[int, ReviewBox]]) -> list[Vote]:
    return [
        Vote(
            reader=row.reader,
            proposal=None if box.source == "person" else box.id,
            category_id=box.category_id,
            corners=box.corners,
        )
        for row in readings
        for box in boxes[row.id].values()
        if box.is_label
    ]


def take_majority(project: Project, connection: Connection, image: MajorityImage) -> None:
    """Store what most readers say; what they leave open waits for the one who settles.

    An earlier majority of the same readers is taken back where it differs.
    """
    at = now()
    before = image.boxes[image.joint.id]
    wanted = _wanted(image)
    after = [*_offered(project, image), *_drawn_before(image, wanted)]
    rows = [
        decision_row(
            image.joint.id, "settle", _credited(box, image.majority, at), image.majority, at
        )
        for box in after
        if _place(box) != _place(before[box.id])
    ]
    add_rows(connection, schema.decision, rows)
    known = {_place(box) for box in after}
    new = [box for box in wanted if _place(box) not in known]
    _draw(connection, image, new, at)
    _close(connection, image, at, any(box.state == "open" for box in (*after, *new)))


def _place(box: ReviewBox) -> tuple[State, int, Corners]:
    """What readers decide about a box, besides whose it is."""
    return box.state, box.category_id, box.corners


def _credited(box: ReviewBox, name: str, at: datetime) -> ReviewBox:
    if box.state == "open":
        return replace(box, person="", decided_at=None)
    return replace(box, person=name, decided_at=at)


def _offered(project: Project, image: MajorityImage) -> list[ReviewBox]:
    """The offered boxes as the majority leaves them."""
    group_of = {group.proposal: group for group in image.groups if group.proposal is not None}
    boxes = {box.id: box for box in image.boxes[image.joint.id].values() if box.source != "person"}
    b = schema.box.c
    query = select(b.id, b.category_id, b.x1, b.y1, b.x2, b.y2).where(b.id.in_(boxes))
    return [
        _judged(
            replace(boxes[box_id], category_id=category_id, corners=tuple(corners)),
            group_of.get(box_id),
        )
        for box_id, category_id, *corners in project.store.rows(query)
    ]


def _judged(offered: ReviewBox, group: Group | None) -> ReviewBox:
    if group is None or group.verdict is Verdict.NO_OBJECT:
        return replace(offered, state="deleted")
    if group.verdict is Verdict.TIE or group.category_id is None:
        return replace(offered, state="open")
    found = replace(offered, category_id=group.category_id, corners=group.corners)
    return replace(found, state="kept" if found == offered else "changed")


def _wanted(image: MajorityImage) -> list[ReviewBox]:
    """Boxes for what readers drew themselves and at least half of them found; their ids are 0."""
    return [
        ReviewBox(0, drawn_category(group), group.corners, "person", state=_drawn_state(group))
        for group in image.groups
        if group.proposal is None and group.verdict is not Verdict.NO_OBJECT
    ]


def drawn_category(group: Group) -> int:
    """The category of most votes, the first of several as frequent ones."""
    return Counter(vote.category_id for vote in group.votes).most_common(1)[0][0]


def _drawn_state(group: Group) -> State:
    agreed = group.verdict is Verdict.OBJECT and group.category_id is not None
    return "added" if agreed else "open"


def _drawn_before(image: MajorityImage, wanted: Sequence[ReviewBox]) -> list[ReviewBox]:
    """What an earlier majority drew, deleted where it is not wanted any more."""
    places = {_place(box) for box in wanted}
    earlier = [box for box in image.boxes[image.joint.id].values() if box.source == "person"]
    return [box if _place(box) in places else replace(box, state="deleted") for box in earlier]


def _draw(
    connection: Connection, image: MajorityImage, boxes: Sequence[ReviewBox], at: datetime
) -> None:
    """Add boxes to the joint task; open ones are offered, so that they count as work left."""
    ids = add_boxes(connection, [_box_row(image, box, at) for box in boxes])
    drawn = [replace(box, id=box_id) for box, box_id in zip(boxes, ids, strict=True)]
    joint_id, name = image.joint.id, image.majority
    rows = [decision_row(joint_id, "add", _credited(box, name, at), name, at) for box in drawn]
    offered = [
        {"task_id": joint_id, "box_id": box.id, "state": "open"}
        for box in drawn
        if box.state == "open"
    ]
    add_rows(connection, schema.proposal, offered)
    add_rows(connection, schema.decision, rows)


def _box_row(image: MajorityImage, box: ReviewBox, at: datetime) -> dict[str, object]:
    return {
        "image_id": image.joint.image_id,
        "category_id": box.category_id,
        **dict(zip(("x1", "y1", "x2", "y2"), box.corners, strict=True)),
        "source": "person",
        "iteration": image.joint.iteration,
        "person": image.majority,
        "created_at": at,
    }


def _close(connection: Connection, image: MajorityImage, at: datetime, is_open: bool) -> None:
    """A joint task with nothing left open is done."""
    done = (None, None) if is_open else (at, image.majority)
    statement = update(schema.task).where(schema.task.c.id == image.joint.id)
    connection.execute(statement.values(done_at=done[0], done_by=done[1]))
