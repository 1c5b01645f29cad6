"""Where the readers of a project differ, and how far each two of them agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from sqlalchemy import select

from napari_alc.cleaning.majority import Group, Vote
from napari_alc.evaluation.agreement import cohens_kappa, matched_f1
from napari_alc.labels import Labels
from napari_alc.project.annotation.document import Corners, ReviewBox
from napari_alc.project.annotation.readings import joint_of, readings_of, shared_images
from napari_alc.project.annotation.tasks import JOINT, Task
from napari_alc.project.project import Project, labels_from_rows
from napari_alc.project.readers.majority import (
    MajorityImage,
    boxes_of_tasks,
    drawn_category,
    read_images,
)
from napari_alc.project.storage import schema

CLOSE_IOU = 0.75
"""Boxes of one object that overlap at least this much differ by the width of a careful line."""

MAJORITY = "majority"
"""Who settled what the readers themselves did."""


@dataclass(frozen=True)
class Difference:
    """An object on which the readers of an image differ.

    Parameters
    ----------
    task_id
        The joint task of the image.
    file_name
        Of the image.
    box_id
        The box in the joint task; None for what so few readers drew that it became none.
    category, corners
        What and where it is, as most readers say; pixels.
    words
        Who said what.
    settled_by
        `MAJORITY` or a person; empty where it is open.
    """

    task_id: int
    file_name: str
    box_id: int | None
    category: str
    corners: Corners
    words: str
    settled_by: str


@dataclass(frozen=True)
class PairAgreement:
    """How far two readers agree on the images that both have finished.

    Parameters
    ----------
    first, second
        Their names.
    images
        How many images those are.
    boxes
        How many boxes were offered to both.
    f1
        Of their labels, paired at IoU ≥ 0.5, in 0–1 (`matched_f1`).
    kappa
        Cohen's, on keeping or deleting the boxes offered to both; None where it is not defined.
    """

    first: str
    second: str
    images: int
    boxes: int
    f1: float
    kappa: float | None

    @property
    def why_no_kappa(self) -> str:
        """Why kappa is not defined; empty where it is."""
        if self.kappa is not None:
            return ""
        if not self.boxes:
            return "no box was offered to both"
        return "both said the same of every box, all kept or all deleted"

    def record(self) -> dict[str, object]:
        """All of it by name, as reports hold it."""
        return {**asdict(self), "why_no_kappa": self.why_no_kappa}


def verdicts(project: Project, task: Task) -> dict[int, str]:
    """What each reader said of the boxes of a joint task, by box id.

    Empty as long as readers are at work: nobody sees what others say before all are done.
    """
    with project.store.begin() as connection:
        joint = joint_of(connection, task.id)
        readings = readings_of(connection, joint.id)
    if task.is_reading or not readings or not _all_done(readings):
        return {}
    [image] = read_images(project, [(joint, readings)])
    return _Told(project).verdicts(image)


def differences(project: Project) -> tuple[Difference, ...]:
    """Every object on which readers differ, in images that all of their readers have finished.

    They differ when not all found it, when they name different categories, or when two of
    their boxes overlap less than `CLOSE_IOU`. What the majority settled is among them.
    """
    with project.store.begin() as connection:
        shared = [image for image in shared_images(connection) if _all_done(image[1])]
    images = read_images(project, shared)
    told = _Told(project)
    return tuple(found for image in images for found in told.differences(image))


def _all_done(readings: Sequence[Any]) -> bool:
    return all(row.done_at is not None for row in readings)


class _Told:
    """Puts into words what readers said in some images."""

    def __init__(self, project: Project) -> None:
        self._categories = {category.id: category.name for category in project.categories()}
        self._file_names = {image.id: image.file_name for image in project.images()}
        t, b = schema.task.c, schema.box.c
        shared = select(t.image_id).where(t.reader != JOINT)
        boxes = select(b.id, b.category_id, b.x1, b.y1, b.x2, b.y2).where(b.image_id.in_(shared))
        self._first_drawn = {
            box_id: (category_id, tuple(corners))
            for box_id, category_id, *corners in project.store.rows(boxes)
        }

    def verdicts(self, image: MajorityImage) -> dict[int, str]:
        groups = {self._box_of(image, group): group for group in image.groups}
        return {
            box.id: self._sentence(image, groups.get(box.id), box)
            for box in image.boxes[image.joint.id].values()
        }

    def differences(self, image: MajorityImage) -> Iterable[Difference]:
        for group in image.groups:
            if not _differ(group, len(image.readings)):
                continue
            box_id = self._box_of(image, group)
            box = None if box_id is None else image.boxes[image.joint.id][box_id]
            yield Difference(
                task_id=image.joint.id,
                file_name=self._file_names[image.joint.image_id],
                box_id=box_id,
                category=self._categories[drawn_category(group)],
                corners=group.corners,
                words=self._sentence(image, group, box),
                settled_by=_settler(image, box),
            )

    def _box_of(self, image: MajorityImage, group: Group) -> int | None:
        """The box of the joint task that a group stands for."""
        if group.proposal is not None:
            return group.proposal
        place = drawn_category(group), group.corners
        drawn = [
            box.id
            for box in image.boxes[image.joint.id].values()
            if box.source == "person" and self._first_drawn[box.id] == place
        ]
        return max(drawn, default=None)  # of several the one drawn last: others were withdrawn

    def _sentence(self, image: MajorityImage, group: Group | None, box: ReviewBox | None) -> str:
        votes = {vote.reader: vote for vote in group.votes} if group else {}
        said = []
        for row in image.readings:
            own = None if box is None else image.boxes[row.id].get(box.id)
            vote = votes.get(row.reader)
            words = _on_drawn(vote) if own is None else self._on_offered(own, vote, group)
            said.append(f"{row.reader} {words}")
        return ", ".join(said)

    def _on_offered(self, own: ReviewBox, vote: Vote | None, group: Group | None) -> str:
        if not own.is_label:
            if vote is None:
                return "deleted it"
            return "drew it anew" if vote.proposal is None else "kept another box for it"
        if group is not None and vote is None:
            return "moved it elsewhere"
        category_id, corners = self._first_drawn[own.id]
        named = f"called it {self._categories[own.category_id]}"
        renamed, moved = own.category_id != category_id, own.corners != corners
        if moved:
            return f"moved it and {named}" if renamed else "moved it"
        return named if renamed else "kept it"


def _settler(image: MajorityImage, box: ReviewBox | None) -> str:
    return MAJORITY if box is None or box.person == image.majority else box.person


def _on_drawn(vote: Vote | None) -> str:
    if vote is None:
        return "did not draw it"
    return "drew it" if vote.proposal is None else "moved another box there"


def _differ(group: Group, readers: int) -> bool:
    categories = {vote.category_id for vote in group.votes}
    return len(group.votes) < readers or len(categories) > 1 or group.overlap < CLOSE_IOU


def agreement(project: Project) -> tuple[PairAgreement, ...]:
    """How far each two readers agree, over all images that both have finished.

    Boxes that the program settled and neither of the two touched do not count, for they say
    nothing about the readers.
    """
    with project.store.begin() as connection:
        finished = [
            [row for row in readings if row.done_at is not None]
            for _, readings in shared_images(connection)
        ]
    told = _Readings(project, [row.id for rows in finished for row in rows])
    names = dict.fromkeys(row.reader for rows in finished for row in rows)
    pairs = []
    for first, second in combinations(names, 2):
        tasks = [{row.reader: row for row in rows} for rows in finished]
        both = [(of[first], of[second]) for of in tasks if first in of and second in of]
        if both:
            pairs.append(told.compare(first, second, both))
    return tuple(pairs)


class _Readings:
    """The boxes of finished readings."""

    def __init__(self, project: Project, task_ids: Sequence[int]) -> None:
        self._boxes = boxes_of_tasks(project, task_ids)
        t, p = schema.task.c, schema.proposal.c
        query = select(p.task_id, p.box_id).join(schema.task, t.id == p.task_id)
        offered = project.store.rows(query.where(t.reader != JOINT, p.state == "open"))
        self._offered = {(task_id, box_id) for task_id, box_id in offered}

    def compare(self, first: str, second: str, images: Sequence[tuple[Any, Any]]) -> PairAgreement:
        labels: tuple[list[Labels], list[Labels]] = [], []
        keeps: tuple[list[bool], list[bool]] = [], []
        for rows in images:
            automatic = self._automatic(rows)
            for side, row in enumerate(rows):
                labels[side].append(_labels(row.image_id, self._boxes[row.id], automatic))
            for box_id in self._offered_to_both(rows):
                for side, row in enumerate(rows):
                    keeps[side].append(self._boxes[row.id][box_id].is_label)
        joined = [Labels.empty().joined(*parts) for parts in labels]
        return PairAgreement(
            first=first,
            second=second,
            images=len(images),
            boxes=len(keeps[0]),
            f1=matched_f1(*joined),
            kappa=cohens_kappa(*keeps),
        )

    def _offered_to_both(self, rows: tuple[Any, Any]) -> list[int]:
        first, second = rows
        return [
            box_id
            for box_id in self._boxes[first.id]
            if (first.id, box_id) in self._offered and (second.id, box_id) in self._offered
        ]

    def _automatic(self, rows: tuple[Any, Any]) -> set[int]:
        """Boxes that the program settled and neither reader touched."""
        first, second = (self._boxes[row.id] for row in rows)
        return {
            box_id
            for box_id in first.keys() & second.keys()
            if not first[box_id].person and not second[box_id].person
        }


def _labels(image_id: int, boxes: Mapping[int, ReviewBox], without: set[int]) -> Labels:
    return labels_from_rows(
        [
            (image_id, box.category_id, *box.corners, box.id)
            for box in boxes.values()
            if box.is_label and box.id not in without
        ]
    )
