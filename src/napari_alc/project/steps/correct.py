"""Steps 6 to 8: automatic correction of X without X^g, and the boxes left for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from napari_alc.boxes import Integers
from napari_alc.cleaning.correction import Correction
from napari_alc.cleaning.loop import settle
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

    Parameters
    ----------
    iteration
        g, of the models that sorted the boxes.
    images
        X without X^g with its boxes sorted into regions.
    outcome
        The fate of every box.
    waiting
        Images with boxes for a person, most inconsistent first.
    scores
        SCORE (Eq. 2) of each of them.
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
        unit.boxes.add_outcomes(_outcomes(images, outcome, box_ids), iteration)
        write_tasks(
            unit,
            plan.waiting,
            Batch(ReviewStep.OPEN_BOXES, iteration, iteration),
            plan.scores,
            _proposals(images, outcome, box_ids, set(plan.waiting)),
        )
        unit.events.add(EventKind.CORRECT, iteration, vars(plan.figures))
    return plan.figures


def _outcomes(
    images: SortedImages, outcome: Correction, box_ids: Integers
) -> Iterator[tuple[CorrectionOutcome, list[int], list[int]]]:
    named = (
        (CorrectionOutcome.LABEL, outcome.automatic),
        (CorrectionOutcome.REVIEW, outcome.review),
        (CorrectionOutcome.REMOVED, outcome.removed),
        (CorrectionOutcome.REPLACED, outcome.replaced),
    )
    for name, rows in named:
        yield name, images.rows.image_ids[rows].tolist(), box_ids[rows].tolist()


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
