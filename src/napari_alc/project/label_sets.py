"""The label sets of the method as queries: D_p, D_a, and the clean labels with their origin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from napari_alc.boxes import MATCH_IOU, BoxSet, close_pairs, ious
from napari_alc.cleaning.loop import agreed_labels
from napari_alc.labels import ImageRecord, Labels, LabelSet
from napari_alc.project.annotation.decisions import current_boxes
from napari_alc.project.annotation.remarks import FlaggedImage, flagged
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.project import Project
from napari_alc.project.storage.records import (
    BoxState,
    ReviewBox,
    ReviewStep,
    Snapshot,
    Task,
    labels_of,
)


class UnsureRule(StrEnum):
    """What becomes of boxes that somebody is unsure about, where labels are written."""

    KEEP = "keep"
    """They are labels as they stand."""

    DROP = "drop"
    """They are no labels."""


@dataclass(frozen=True)
class Origin:
    """Where a clean label comes from.

    Parameters
    ----------
    source
        Who drew the box first: ``crowd``, ``mp``, ``ma`` or ``person``.
    region
        Its region; empty where no model had seen the image.
    iteration
        Of the X^i or of the models that the label comes from.
    decision
        ``kept``, ``changed`` or ``added`` by a person, ``automatic``, or ``unsure`` where nobody
        settled it.
    person
        Who decided; empty for automatic labels and for those that nobody settled.
    score
        Confidence of the model in 0–1, None for crowd and person.
    """

    source: str
    region: str
    iteration: int
    decision: str
    person: str
    score: float | None


@dataclass(frozen=True)
class CleanLabels:
    """Clean labels, one `Origin` for each.

    Boxes that somebody is unsure about or wrote a note on are `remarked`, with the ids of their
    images, whether they are labels or not. `flagged` are the images that people said something
    about, those that are left out among them.
    """

    label_set: LabelSet
    origins: tuple[Origin, ...]
    remarked: tuple[tuple[int, ReviewBox], ...] = ()
    flagged: tuple[FlaggedImage, ...] = ()

    @property
    def unsure(self) -> tuple[tuple[int, ReviewBox], ...]:
        """The boxes that somebody is unsure about, with the ids of their images."""
        return tuple(pair for pair in self.remarked if pair[1].unsure is not None)

    def counts(self, name: str) -> dict[str, int]:
        """How many labels have each value of a field of `Origin`; empty ones as ``none``."""
        found = Counter(getattr(origin, name) for origin in self.origins)
        return {value or "none": count for value, count in sorted(found.items())}


def snapshot_now(project: Project) -> Snapshot:
    """The moment of the newest decision."""
    with project.store.transaction() as unit:
        return Snapshot(
            unit.decisions.newest(), unit.tasks.newest(), unit.notes.newest(), unit.flags.newest()
        )


def images_of_step1(project: Project, iteration: int) -> tuple[ImageRecord, ...]:
    """X^i: the images handed to pathologists whole, up to and including `iteration`."""
    ids = {task.image_id for task in _step1_tasks(project, iteration)}
    return tuple(image for image in project.images() if image.id in ids)


def remaining_images(project: Project, iteration: int) -> tuple[ImageRecord, ...]:
    """X without X^i: the images that only the crowd has labelled; none that is left out."""
    seen = {image.id for image in images_of_step1(project, iteration)}
    return tuple(image for image in project.images() if image.id not in seen)


def pathologist_labels(project: Project, iteration: int) -> LabelSet:
    """D_p^i: what the pathologists labelled in X^i; images found empty are listed too."""
    return labels_of_tasks(project, _step1_tasks(project, iteration))


def _step1_tasks(project: Project, iteration: int) -> list[Task]:
    return [task for task in queue(project, ReviewStep.WHOLE_IMAGE) if task.iteration <= iteration]


def labels_of_tasks(project: Project, tasks: Sequence[Task]) -> LabelSet:
    """What people left in the images of `tasks`; images found empty are listed too."""
    ids = {task.image_id for task in tasks}
    images = tuple(image for image in project.images() if image.id in ids)
    return LabelSet(images, project.categories(), labels_of(_left(project, tasks)))


def consensus_labels(project: Project, iteration: int) -> LabelSet:
    """D_a^i (Eq. 1)."""
    clean = pathologist_labels(project, iteration)
    return agreed_labels(clean, project.crowd_labels(), project.settings.method.delta)


def training_labels(project: Project, iteration: int, model: str) -> LabelSet:
    """What `model` of `iteration` learns from: D_p for ``mp``, D_a for ``ma``."""
    make = pathologist_labels if model == "mp" else consensus_labels
    return make(project, iteration)


def clean_labels(
    project: Project, until: Snapshot | None = None, unsure: UnsureRule = UnsureRule.DROP
) -> CleanLabels:
    """The pathologists' labels of X^g, the automatic labels and the reviewed ones.

    With `until`, a moment after the correction, the labels as they were then. Boxes that nobody
    has settled are labels or not, as `unsure` says.
    """
    tasks = queue(project, until=until)
    images = project.images(until=until)
    with project.store.transaction() as unit:
        automatic = unit.boxes.automatic_labels()
        of_x = {image.id for image in images} | set(unit.flags.excluded(until))
        flags = {i: found for i, found in unit.flags.all(until=until).items() if i in of_x}
        flagged_images = flagged(unit, flags)
    by_image = {task.image_id: task for task in tasks}
    boxes = _boxes_of(project, tasks, until)
    is_kept = unsure is UnsureRule.KEEP
    decided = [(i, b) for i, b in boxes if b.is_label or (is_kept and b.unsure is not None)]
    origins = [_origin(box, by_image[image_id].iteration) for image_id, box in decided]
    there = {image.id for image in images} - by_image.keys()
    for label in automatic:
        if label.image_id in there:  # nobody had to look at it
            decided.append((label.image_id, label.box))
            origins.append(_origin(label.box, label.iteration))
    return CleanLabels(
        label_set=LabelSet(images, project.categories(), labels_of(decided)),
        origins=tuple(origins),
        remarked=tuple(pair for pair in boxes if _is_remarked(pair[1])),
        flagged=flagged_images,
    )


def _is_remarked(box: ReviewBox) -> bool:
    has_remark = box.unsure is not None or box.note is not None
    return has_remark and box.state is not BoxState.DELETED


def decided_labels(project: Project, tasks: Iterable[Task]) -> Labels:
    """What people left in the images of some consensus tasks, as labels."""
    image_of = {task.id: task.image_id for task in tasks}
    boxes = current_boxes(project, image_of)
    return labels_of((image_of[task_id], box) for task_id, box in boxes if box.is_label)


def unsure_labels(project: Project, tasks: Iterable[Task]) -> Labels:
    """The boxes of some consensus tasks that somebody is unsure about."""
    boxes = _boxes_of(project, tasks)
    return labels_of((image_id, box) for image_id, box in boxes if box.unsure is not None)


def judged(labels: Labels, unsure: Labels) -> Labels:
    """Labels without those that show what somebody is unsure about (IoU > 0.5 in the same image).

    Nobody knows whether these are right, so that no statistics may call them wrong.
    """
    ours, theirs = (BoxSet(part.image_ids, part.boxes) for part in (labels, unsure))
    rows, _ = close_pairs(ours, theirs, lambda p, q: ious(p, q) > MATCH_IOU)
    return labels.take(np.setdiff1d(np.arange(len(labels)), rows))


def _left(project: Project, tasks: Iterable[Task]) -> list[tuple[int, ReviewBox]]:
    """Pairs of image id and box for the boxes of `tasks` that are labels."""
    return [pair for pair in _boxes_of(project, tasks) if pair[1].is_label]


def _boxes_of(
    project: Project, tasks: Iterable[Task], until: Snapshot | None = None
) -> list[tuple[int, ReviewBox]]:
    """Pairs of image id and box for the boxes of `tasks`."""
    image_of = {task.id: task.image_id for task in tasks}
    return [
        (image_of[task_id], box)
        for task_id, box in current_boxes(project, until=until)
        if task_id in image_of
    ]


def _origin(box: ReviewBox, iteration: int) -> Origin:
    decision = box.state if box.person else "automatic"
    person = box.person
    if box.unsure is not None:
        decision, person = "unsure", ""
    return Origin(box.source, box.region, iteration, decision, person, box.score)
