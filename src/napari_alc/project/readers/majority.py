"""Writing what most readers of an image say into its consensus task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from napari_alc.boxes import Corners
from napari_alc.cleaning.majority import Group, Verdict, Vote, majority
from napari_alc.project.annotation.readings import majority_name
from napari_alc.project.storage.database import UnitOfWork
from napari_alc.project.storage.records import (
    BoxSource,
    BoxState,
    Decision,
    DecisionAction,
    DrawnBox,
    ReviewBox,
    SharedImage,
    Task,
)
from napari_alc.project.storage.repository import now

TASKS_AT_ONCE = 1_000
"""Tasks that one question to the database names; some databases take only a few thousand."""


@dataclass(frozen=True)
class MajorityImage(SharedImage):
    """An image that all its readers have finished.

    Parameters
    ----------
    boxes
        Boxes of each of its tasks as decided so far, by task id and box id.
    groups
        What the readers found, grouped and counted.
    """

    boxes: dict[int, dict[int, ReviewBox]]
    groups: tuple[Group, ...]

    @property
    def majority(self) -> str:
        """In whose name the majority is stored."""
        return majority_name([task.reader for task in self.readings])


def read_images(unit: UnitOfWork, images: Sequence[SharedImage]) -> list[MajorityImage]:
    """Ask for the boxes of several images at once and group them."""
    tasks = [task.id for image in images for task in (image.consensus, *image.readings)]
    boxes = boxes_of_tasks(unit, tasks)
    return [
        MajorityImage(
            image.consensus,
            image.readings,
            boxes,
            majority(_votes(image.readings, boxes), len(image.readings)),
        )
        for image in images
    ]


def boxes_of_tasks(unit: UnitOfWork, task_ids: Sequence[int]) -> dict[int, dict[int, ReviewBox]]:
    """Boxes as decided so far, by task id and box id; an empty entry for a task without any."""
    found: dict[int, dict[int, ReviewBox]] = {task_id: {} for task_id in task_ids}
    for start in range(0, len(task_ids), TASKS_AT_ONCE):
        some = task_ids[start : start + TASKS_AT_ONCE]
        for task_id, box in unit.decisions.current_boxes(some):
            found[task_id][box.id] = box
    return found


def _votes(readings: Sequence[Task], boxes: dict[int, dict[int, ReviewBox]]) -> list[Vote]:
    return [
        Vote(
            reader=task.reader,
            proposal=None if box.source == BoxSource.PERSON else box.id,
            category_id=box.category_id,
            corners=box.corners,
        )
        for task in readings
        for box in boxes[task.id].values()
        if box.is_label
    ]


def take_majority(unit: UnitOfWork, image: MajorityImage) -> None:
    """Store what most readers say; what they leave open waits for the one who settles.

    An earlier majority of the same readers is taken back where it differs.
    """
    at = now()
    before = image.boxes[image.consensus.id]
    wanted = _wanted(image)
    after = [*_offered(unit, image), *_drawn_before(image, wanted)]
    changed = [box for box in after if _place(box) != _place(before[box.id])]
    unit.decisions.add(_decision(image, DecisionAction.SETTLE, box, at) for box in changed)
    known = {_place(box) for box in after}
    new = [box for box in wanted if _place(box) not in known]
    _draw(unit, image, new, at)
    if any(box.state == BoxState.OPEN for box in (*after, *new)):
        unit.tasks.reopen(image.consensus.id)
    else:
        unit.tasks.finish(image.consensus.id, image.majority, at)


def _decision(
    image: MajorityImage, action: DecisionAction, box: ReviewBox, at: datetime
) -> Decision:
    credited = _credited(box, image.majority, at)
    return Decision(image.consensus.id, action, credited, image.majority, at)


def _place(box: ReviewBox) -> tuple[BoxState, int, Corners]:
    """What readers decide about a box, besides whose it is."""
    return box.state, box.category_id, box.corners


def _credited(box: ReviewBox, name: str, at: datetime) -> ReviewBox:
    if box.state == BoxState.OPEN:
        return replace(box, person="", decided_at=None)
    return replace(box, person=name, decided_at=at)


def _offered(unit: UnitOfWork, image: MajorityImage) -> list[ReviewBox]:
    """The offered boxes as the majority leaves them."""
    group_of = {group.proposal: group for group in image.groups if group.proposal is not None}
    every = image.boxes[image.consensus.id].values()
    boxes = {box.id: box for box in every if box.source != BoxSource.PERSON}
    return [
        _judged(
            replace(boxes[box_id], category_id=category_id, corners=corners), group_of.get(box_id)
        )
        for box_id, (category_id, corners) in unit.boxes.as_drawn(boxes).items()
    ]


def _judged(offered: ReviewBox, group: Group | None) -> ReviewBox:
    if group is None or group.verdict is Verdict.NO_OBJECT:
        return replace(offered, state=BoxState.DELETED)
    if group.verdict is Verdict.TIE or group.category_id is None:
        return replace(offered, state=BoxState.OPEN)
    found = replace(offered, category_id=group.category_id, corners=group.corners)
    return replace(found, state=BoxState.KEPT if found == offered else BoxState.CHANGED)


def _wanted(image: MajorityImage) -> list[ReviewBox]:
    """Boxes for what readers drew themselves and at least half of them found; their ids are 0."""
    return [
        ReviewBox(
            0, drawn_category(group), group.corners, BoxSource.PERSON, state=_drawn_state(group)
        )
        for group in image.groups
        if group.proposal is None and group.verdict is not Verdict.NO_OBJECT
    ]


def drawn_category(group: Group) -> int:
    """The category of most votes, the first of several as frequent ones."""
    return Counter(vote.category_id for vote in group.votes).most_common(1)[0][0]


def _drawn_state(group: Group) -> BoxState:
    agreed = group.verdict is Verdict.OBJECT and group.category_id is not None
    return BoxState.ADDED if agreed else BoxState.OPEN


def _drawn_before(image: MajorityImage, wanted: Sequence[ReviewBox]) -> list[ReviewBox]:
    """What an earlier majority drew, deleted where it is not wanted any more."""
    places = {_place(box) for box in wanted}
    earlier = [
        box for box in image.boxes[image.consensus.id].values() if box.source == BoxSource.PERSON
    ]
    return [
        box if _place(box) in places else replace(box, state=BoxState.DELETED) for box in earlier
    ]


def _draw(unit: UnitOfWork, image: MajorityImage, boxes: Sequence[ReviewBox], at: datetime) -> None:
    """Add boxes to the consensus task; open ones are offered, so that they count as work left."""
    consensus = image.consensus
    rows = [
        DrawnBox(consensus.image_id, box.category_id, box.corners, consensus.iteration)
        for box in boxes
    ]
    ids = unit.boxes.add_drawn(rows, image.majority, at)
    drawn = [replace(box, id=box_id) for box, box_id in zip(boxes, ids, strict=True)]
    unit.tasks.propose_in(consensus.id, [box.id for box in drawn if box.state == BoxState.OPEN])
    unit.decisions.add(_decision(image, DecisionAction.ADD, box, at) for box in drawn)
