"""Where the readers of a project differ, and how far each two of them agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import NamedTuple

from napari_alc.boxes import Corners
from napari_alc.cleaning.majority import Group, Vote
from napari_alc.evaluation.agreement import cohens_kappa, matched_f1
from napari_alc.labels import Labels
from napari_alc.project.annotation.tasks import majority_name
from napari_alc.project.project import Project
from napari_alc.project.readers.sharing import (
    MajorityImage,
    boxes_of_tasks,
    drawn_category,
    read_images,
)
from napari_alc.project.storage.database import UnitOfWork
from napari_alc.project.storage.records import BoxSource, ReviewBox, Task, labels_of
from napari_alc.wording import BoxVerdict

CLOSE_IOU = 0.75
"""Boxes of one object that overlap at least this much differ by the width of a careful line."""

MAJORITY = "majority"
"""Who settled what the readers themselves did."""


class ReaderVerdict(NamedTuple):
    """What a reader made of a box, and of which category it then was."""

    reader: str
    verdict: BoxVerdict
    category: str = ""


@dataclass(frozen=True)
class Difference:
    """An object on which the readers of an image differ.

    The task is the consensus task of the image, and the box is one of it; None for what so few
    readers drew that it became none. Category and corners (pixels) are as most readers say. It was
    settled by `MAJORITY` or a person; empty where it is open.
    """

    task_id: int
    file_name: str
    box_id: int | None
    category: str
    corners: Corners
    verdicts: tuple[ReaderVerdict, ...]
    settled_by: str


@dataclass(frozen=True)
class PairAgreement:
    """How far two readers agree on the images that both have finished.

    `boxes` counts those offered to both. `f1` is of their labels, paired at IoU ≥ 0.5, in 0–1
    (`matched_f1`); `kappa` is Cohen's, on keeping or deleting the boxes offered to both, None where
    it is not defined.
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


def verdicts(project: Project, task: Task) -> dict[int, tuple[ReaderVerdict, ...]]:
    """What each reader said of the boxes of a consensus task, by box id.

    Empty as long as readers are at work: nobody sees what others say before all are done.
    """
    with project.store.transaction() as unit:
        image = unit.readings.image_of(task.id)
        if task.is_reading or not image.readings or not image.is_read:
            return {}
        [read] = read_images(unit, [image])
        return _SharedBoxes(unit).verdicts(read)


def differences(project: Project) -> tuple[Difference, ...]:
    """Every object on which readers differ, in images that all of their readers have finished.

    They differ when not all found it or one is unsure, when they name different categories, or when
    two of their boxes overlap less than `CLOSE_IOU`. What the majority settled is among them.
    """
    with project.store.transaction() as unit:
        images = read_images(unit, [image for image in unit.readings.shared() if image.is_read])
        boxes = _SharedBoxes(unit)
    return tuple(found for image in images for found in boxes.differences(image))


class _SharedBoxes:
    """What readers made of the boxes of some images."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._categories = {category.id: category.name for category in unit.images.categories()}
        self._first_drawn = unit.boxes.as_drawn_on_shared()

    def verdicts(self, image: MajorityImage) -> dict[int, tuple[ReaderVerdict, ...]]:
        groups = {self._box_of(image, group): group for group in image.groups}
        return {
            box.id: self._verdicts(image, groups.get(box.id), box)
            for box in image.boxes[image.consensus.id].values()
        }

    def differences(self, image: MajorityImage) -> Iterable[Difference]:
        for group in image.groups:
            if not _differ(group, len(image.readings)):
                continue
            box_id = self._box_of(image, group)
            box = None if box_id is None else image.boxes[image.consensus.id][box_id]
            yield Difference(
                task_id=image.consensus.id,
                file_name=image.consensus.file_name,
                box_id=box_id,
                category=self._categories[drawn_category(group)],
                corners=group.corners,
                verdicts=self._verdicts(image, group, box),
                settled_by=_settler(image, box),
            )

    def _box_of(self, image: MajorityImage, group: Group) -> int | None:
        """The box of the consensus task that a group stands for."""
        if group.proposal is not None:
            return group.proposal
        place = drawn_category(group), group.corners
        drawn = [
            box.id
            for box in image.boxes[image.consensus.id].values()
            if box.source == BoxSource.PERSON and self._first_drawn[box.id] == place
        ]
        return max(drawn, default=None)  # of several the one drawn last: others were withdrawn

    def _verdicts(
        self, image: MajorityImage, group: Group | None, box: ReviewBox | None
    ) -> tuple[ReaderVerdict, ...]:
        votes = {vote.reader: vote for vote in group.votes} if group else {}
        found = []
        for task in image.readings:
            own = None if box is None else image.boxes[task.id].get(box.id)
            vote = votes.get(task.reader)
            verdict = _on_drawn(vote) if own is None else self._on_offered(own, vote, group)
            category = "" if own is None else self._categories[own.category_id]
            found.append(ReaderVerdict(task.reader, verdict, category))
        return tuple(found)

    def _on_offered(self, own: ReviewBox, vote: Vote | None, group: Group | None) -> BoxVerdict:
        if own.unsure is not None:
            return BoxVerdict.UNSURE
        if not own.is_label:
            if vote is None:
                return BoxVerdict.DELETED
            return BoxVerdict.DRAWN_ANEW if vote.proposal is None else BoxVerdict.KEPT_ANOTHER
        if group is not None and vote is None:
            return BoxVerdict.MOVED_AWAY
        category_id, corners = self._first_drawn[own.id]
        if own.category_id == category_id:
            return BoxVerdict.KEPT if own.corners == corners else BoxVerdict.MOVED
        return BoxVerdict.CALLED if own.corners == corners else BoxVerdict.MOVED_AND_CALLED


def _settler(image: MajorityImage, box: ReviewBox | None) -> str:
    return MAJORITY if box is None or box.person == majority_name(image) else box.person


def _on_drawn(vote: Vote | None) -> BoxVerdict:
    if vote is None:
        return BoxVerdict.NOT_DRAWN
    if not vote.is_sure:
        return BoxVerdict.UNSURE
    return BoxVerdict.DRAWN if vote.proposal is None else BoxVerdict.MOVED_THERE


def _differ(group: Group, readers: int) -> bool:
    categories = {vote.category_id for vote in group.votes}
    sure = sum(vote.is_sure for vote in group.votes)
    return sure < readers or len(categories) > 1 or group.overlap < CLOSE_IOU


def agreement(project: Project) -> tuple[PairAgreement, ...]:
    """How far each two readers agree, over all images that both have finished.

    Boxes that the program settled and neither of the two touched do not count, for they say
    nothing about the readers; nor does what one of them is unsure about.
    """
    with project.store.transaction() as unit:
        shared = unit.readings.shared()
        finished = [[task for task in image.readings if task.is_finished] for image in shared]
        told = _Readings(unit, [task.id for tasks in finished for task in tasks])
    names = dict.fromkeys(task.reader for tasks in finished for task in tasks)
    by_reader = [{task.reader: task for task in tasks} for tasks in finished]
    pairs = []
    for first, second in combinations(names, 2):
        both = [(of[first], of[second]) for of in by_reader if first in of and second in of]
        if both:
            pairs.append(told.compare(first, second, both))
    return tuple(pairs)


class _Readings:
    """The boxes of finished readings."""

    def __init__(self, unit: UnitOfWork, task_ids: Sequence[int]) -> None:
        self._boxes = boxes_of_tasks(unit, task_ids)
        self._offered = unit.tasks.offered_to_readers()

    def compare(
        self, first: str, second: str, images: Sequence[tuple[Task, Task]]
    ) -> PairAgreement:
        labels: tuple[list[Labels], list[Labels]] = [], []
        keeps: tuple[list[bool], list[bool]] = [], []
        for tasks in images:
            without = self._automatic(tasks) | self._unsure(tasks)
            for side, task in enumerate(tasks):
                labels[side].append(_labels(task.image_id, self._boxes[task.id], without))
            for box_id in self._offered_to_both(tasks):
                for side, task in enumerate(tasks):
                    keeps[side].append(self._boxes[task.id][box_id].is_label)
        joined = [Labels.empty().joined(*parts) for parts in labels]
        return PairAgreement(
            first=first,
            second=second,
            images=len(images),
            boxes=len(keeps[0]),
            f1=matched_f1(*joined),
            kappa=cohens_kappa(*keeps),
        )

    def _offered_to_both(self, tasks: tuple[Task, Task]) -> list[int]:
        first, second = tasks
        unsure = self._unsure(tasks)
        return [
            box_id
            for box_id in self._boxes[first.id].keys() - unsure
            if (first.id, box_id) in self._offered and (second.id, box_id) in self._offered
        ]

    def _unsure(self, tasks: tuple[Task, Task]) -> set[int]:
        """Boxes that one of two readers is unsure about."""
        boxes = (self._boxes[task.id].values() for task in tasks)
        return {box.id for of_reader in boxes for box in of_reader if box.unsure is not None}

    def _automatic(self, tasks: tuple[Task, Task]) -> set[int]:
        """Boxes that the program settled and neither reader touched."""
        first, second = (self._boxes[task.id] for task in tasks)
        return {
            box_id
            for box_id in first.keys() & second.keys()
            if not first[box_id].person and not second[box_id].person
        }


def _labels(image_id: int, boxes: Mapping[int, ReviewBox], without: set[int]) -> Labels:
    kept = (box for box in boxes.values() if box.is_label and box.id not in without)
    return labels_of((image_id, box) for box in kept)
