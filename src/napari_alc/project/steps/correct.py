"""Steps 6 to 8: what the automatic correction of X without X^g will do, and the correction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_alc.boxes import Boxes, Integers
from napari_alc.cleaning.correction import Correction
from napari_alc.cleaning.loop import settle
from napari_alc.cleaning.regions import Region, SortedLabels, Source
from napari_alc.labels import ImageRecord
from napari_alc.project.annotation.tasks import write_tasks
from napari_alc.project.locks import one_at_a_time
from napari_alc.project.project import Project
from napari_alc.project.status import Step, require
from napari_alc.project.steps.assign_regions import SortedImages, sort_remaining
from napari_alc.project.storage.records import (
    Batch,
    BoxState,
    CorrectionOutcome,
    EventKind,
    Proposal,
    ReviewStep,
)

Names = NDArray[np.str_]

PICTURES = 4
"""Images that are shown."""

LABEL, REVIEW, REMOVED, REPLACED = CorrectionOutcome
"""What happens to a box."""

LEFT_OUT = "left out"
"""What happens to a box, too: another detector's box of the same object stands already."""


@dataclass(frozen=True)
class Corrected:
    """What step 2 did, in boxes, and the images left for people."""

    automatic: int
    review: int
    removed: int
    replaced: int
    images_to_review: int


@dataclass(frozen=True, eq=False)
class PlannedCorrection:
    """What step 2 will do; nothing of it is stored yet.

    The images are X without X^g, sorted into regions with the models of iteration g. Those with
    boxes for a person are waiting, the most inconsistent first, each with its SCORE (Eq. 2).
    """

    iteration: int
    images: SortedImages
    outcome: Correction
    waiting: tuple[int, ...]
    scores: tuple[float, ...]

    @property
    def figures(self) -> Corrected:
        """The counts that are told when it is done."""
        return Corrected(
            automatic=len(self.outcome.automatic),
            review=len(self.outcome.review),
            removed=len(self.outcome.removed),
            replaced=len(self.outcome.replaced),
            images_to_review=len(self.waiting),
        )


def plan_correction(project: Project) -> PlannedCorrection:
    """What `correct_remaining` would do now; only reads.

    Raises
    ------
    AlcError
        When this is not the time: images wait for review, or predictions are missing.
    """
    found = require(project, Step.CORRECT, Step.SELECT)
    images = sort_remaining(project, found.iteration)
    settled = settle(images.rows, project.settings.method.gray_without_mp)
    ids, scores = settled.waiting()
    return PlannedCorrection(
        found.iteration, images, settled.outcome, tuple(ids.tolist()), tuple(scores.tolist())
    )


@one_at_a_time("correct")
def correct_remaining(project: Project) -> Corrected:
    """Correct gray and pink boxes automatically and queue the red and green ones.

    Raises
    ------
    AlcError
        When this is not the time: images wait for review, or predictions are missing.
    """
    plan = plan_correction(project)
    images, outcome, iteration = plan.images, plan.outcome, plan.iteration
    with project.store.transaction() as unit:
        box_ids = unit.boxes.add_sorted(images.rows, images.crowd, iteration)
        image_ids, fates = images.rows.image_ids, _fates(outcome).items()
        outcomes = [(fate, image_ids[n].tolist(), box_ids[n].tolist()) for fate, n in fates]
        unit.boxes.add_outcomes(outcomes, iteration)
        write_tasks(
            unit,
            plan.waiting,
            Batch(ReviewStep.OPEN_BOXES, iteration, iteration),
            plan.scores,
            _proposals(images, outcome, box_ids, set(plan.waiting)),
        )
        unit.events.add(EventKind.CORRECT, iteration, vars(plan.figures))
    return plan.figures


def _fates(outcome: Correction) -> dict[CorrectionOutcome, Integers]:
    """Row numbers by what happens to their boxes."""
    return {
        LABEL: outcome.automatic,
        REVIEW: outcome.review,
        REMOVED: outcome.removed,
        REPLACED: outcome.replaced,
    }


def _proposals(
    images: SortedImages, outcome: Correction, box_ids: Integers, with_task: set[int]
) -> list[Proposal]:
    """Automatic labels, kept already, and the boxes that a person decides on."""
    return [
        Proposal(int(images.rows.image_ids[row]), int(box_ids[row]), state)
        for state, rows in ((BoxState.KEPT, outcome.automatic), (BoxState.OPEN, outcome.review))
        for row in rows
        if int(images.rows.image_ids[row]) in with_task
    ]


@dataclass(frozen=True, eq=False)
class ChangedImage:
    """An image before and after the correction; boxes are float64, shape (N, 4).

    Before are those of the crowd by what happens to them; after are labels by their region, and the
    boxes for a person under `REVIEW`.
    """

    image: ImageRecord
    before: Mapping[str, Boxes]
    after: Mapping[str, Boxes]


@dataclass(frozen=True)
class CorrectionPreview:
    """What `correct_remaining` will do, with pictures of the images with most changes.

    Boxes are counted by region (``red``, ``pink``, ``green``, ``gray``), source (``crowd``, ``mp``,
    ``ma``) and what happens to them.
    """

    iteration: int
    figures: Corrected
    counts: Mapping[tuple[str, str, str], int]
    pictures: tuple[ChangedImage, ...]

    def count(self, region: str, fate: str) -> int:
        """Boxes of a region, whatever their source, to which this happens."""
        found = ((r, f, n) for (r, _, f), n in self.counts.items())
        return sum(number for r, f, number in found if (r, f) == (region, fate))


def preview(project: Project, pictures: int = PICTURES) -> CorrectionPreview:
    """Look at what the correction would do now, with some pictures at most; nothing is stored.

    Raises
    ------
    AlcError
        When this is not the time: images wait for review, or predictions are missing.
    """
    plan = plan_correction(project)
    fates = _named(len(plan.images.rows), plan.outcome)
    chosen = _most_changed(plan.images.rows, fates, pictures)
    records = {image.id: image for image in project.images()}
    return CorrectionPreview(
        iteration=plan.iteration,
        figures=plan.figures,
        counts=_counts(plan.images.rows, fates),
        pictures=tuple(_changed_image(plan, fates, records[image_id]) for image_id in chosen),
    )


def _named(count: int, outcome: Correction) -> Names:
    names = np.full(count, LEFT_OUT)
    for fate, rows in _fates(outcome).items():
        names[rows] = fate
    return names


def _counts(rows: SortedLabels, fates: Names) -> dict[tuple[str, str, str], int]:
    found: dict[tuple[str, str, str], int] = {}
    for region in Region:
        for source in Source:
            chosen = (rows.region == region) & (rows.source == source)
            names, numbers = np.unique(fates[chosen], return_counts=True)
            for name, number in zip(names.tolist(), numbers.tolist(), strict=True):
                found[region.label, source.label, name] = number
    return found


def _most_changed(rows: SortedLabels, fates: Names, most: int) -> list[int]:
    """Images with most pink, removed and reviewed boxes first; ties by id."""
    changed = (rows.region == Region.PINK) | (fates == REMOVED) | (fates == REVIEW)
    ids, counts = np.unique(rows.image_ids[changed], return_counts=True)
    order: Integers = np.lexsort((ids, -counts))
    return [int(image_id) for image_id in ids[order[:most]]]


def _changed_image(plan: PlannedCorrection, fates: Names, image: ImageRecord) -> ChangedImage:
    rows = plan.images.rows
    here = np.flatnonzero(rows.image_ids == image.id)
    crowd = here[rows.source[here] == Source.CROWD]
    regions = np.array([region.label for region in Region])
    after = np.where(fates == LABEL, regions[rows.region], fates)[here]
    stays = np.isin(fates[here], (LABEL, REVIEW))
    return ChangedImage(
        image,
        _grouped(rows.boxes[crowd], fates[crowd].tolist()),
        _grouped(rows.boxes[here[stays]], after[stays].tolist()),
    )


def _grouped(boxes: Boxes, names: Sequence[str]) -> dict[str, Boxes]:
    labels = np.array(names, dtype=np.str_)
    return {str(name): boxes[labels == name] for name in np.unique(labels)}
