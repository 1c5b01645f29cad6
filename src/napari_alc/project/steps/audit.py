"""Audits: a few images by chance tell how noisy the labels are that nobody has looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from napari_alc.boxes import Integers, Mask
from napari_alc.cleaning.loop import random_numbers, settle
from napari_alc.errors import AlcError, BadData
from napari_alc.evaluation.intervals import clustered_wilson, design_effect
from napari_alc.evaluation.label_noise import LabelNoise, compare_labels
from napari_alc.labels import Labels, LabelSet
from napari_alc.project.annotation.tasks import queue
from napari_alc.project.label_sets import decided_labels, judged, unsure_labels
from napari_alc.project.locks import one_at_a_time
from napari_alc.project.project import Project
from napari_alc.project.status import Step, require
from napari_alc.project.steps.assign_regions import Sorter, crowd_labels_of
from napari_alc.project.steps.overrides import ranked
from napari_alc.project.steps.select import hand_out
from napari_alc.project.storage.records import Batch, EventKind, ReviewStep, Task

OF_BOXES = ("background", "location", "box_in_box")
"""Kinds of noise that a share of the crowd's boxes have."""

MISS = "miss"
"""The share of the objects that the crowd has not boxed."""

STREAM = 5
"""Sets the random numbers of audits apart from those of rankings."""


@dataclass(frozen=True)
class Share:
    """How much of a sample is so, and where the share in the whole lies.

    So many (`count`) of so many boxes or objects. `low` and `high` are the ends of the 95 % Wilson
    interval of the share, in 0–1, widened by as much as boxes of one image come out alike
    (`napari_alc.evaluation.intervals.clustered_wilson`).
    """

    count: int
    of: int
    low: float
    high: float


@dataclass(frozen=True)
class Audit:
    """What the newest audit says about the crowd's labels of the images left to the crowd.

    Parameters
    ----------
    iteration
        i: the images were drawn from X without X^i.
    images, waiting
        Images finished, and images that a pathologist has not finished yet.
    noise
        The share of each kind: of the crowd's boxes for ``background``, ``location`` and
        ``box_in_box``, of the objects for ``miss``. Empty until an image is finished.
    corrected
        The same after the automatic correction, had it come instead of the audit: of the labels
        that it settles by itself for ``background``, ``location`` and ``box_in_box``; of the
        objects for ``miss``, those that have no such label and that no red or green box shows
        to the pathologist. Empty as `noise` is, or where the detections are lost.
    """

    iteration: int
    images: int
    waiting: int
    noise: Mapping[str, Share]
    corrected: Mapping[str, Share] = field(default_factory=dict)


@one_at_a_time("audit")
def draw(project: Project, m: int, person: str) -> tuple[int, ...]:
    """Send `m` further images, drawn by chance, to the pathologist; returns their ids.

    They are labelled whole and join the next X^i: what was paid for is learned from. Images
    that somebody took out of the ranking are not drawn.

    Raises
    ------
    AlcError
        When `m` is below 1, the detectors have not looked at the images yet, or none is left.
    """
    if m < 1:
        raise AlcError(f"An audit needs at least 1 image, not {m}.")
    iteration = require(project, Step.SELECT, Step.CORRECT).iteration
    left = sorted(row.image_id for row in ranked(project).rows if not row.is_excluded)
    if not left:
        raise AlcError("No image is left for an audit: the pathologists have all of them.")
    earlier = sum(task.audit for task in queue(project, ReviewStep.WHOLE_IMAGE))
    rng = random_numbers(project.settings.method.seed, iteration + 1, STREAM, earlier)
    drawn = tuple(rng.permutation(np.array(left, dtype=np.int64))[:m].tolist())
    batch = Batch(ReviewStep.WHOLE_IMAGE, iteration + 1, iteration, audit=True)
    hand_out(project, drawn, batch, EventKind.AUDIT, person)
    return drawn


def result(project: Project) -> Audit | None:
    """What the newest audit has found so far; None where none was drawn.

    Boxes that somebody is unsure about count neither as right nor as wrong.
    """
    audited = [task for task in queue(project, ReviewStep.WHOLE_IMAGE) if task.audit]
    if not audited:
        return None
    newest = max(task.iteration for task in audited)
    tasks = [task for task in audited if task.iteration == newest]
    done = [task for task in tasks if task.is_done]
    found = Audit(newest - 1, len(done), len(tasks) - len(done), {})
    if not done:
        return found
    truth, unsure = decided_labels(project, done), unsure_labels(project, done)
    crowd = judged(crowd_labels_of(project, sorted(task.image_id for task in done)), unsure)
    return replace(
        found,
        noise=_shares(done, truth, crowd),
        corrected=_corrected_shares(project, found.iteration, done, truth, unsure),
    )


def _corrected_shares(
    project: Project, iteration: int, tasks: Sequence[Task], truth: Labels, unsure: Labels
) -> dict[str, Share]:
    """What the correction by the models of an iteration would leave in the images of `tasks`."""
    try:
        rows = Sorter(project, iteration).sort(task.image_id for task in tasks).rows
    except BadData:  # the models' detections of an earlier iteration may be gone
        return {}
    settled = settle(rows, project.settings.method.gray_without_mp)
    shown = rows.labels(np.union1d(settled.outcome.automatic, settled.outcome.review))
    automatic = judged(settled.automatic, unsure)
    return _shares(tasks, truth, automatic, unseen=_compared(truth, shown).missed)


def _compared(truth: Labels, labels: Labels) -> LabelNoise:
    return compare_labels(LabelSet((), (), truth), LabelSet((), (), labels))


def _shares(
    tasks: Sequence[Task], truth: Labels, labels: Labels, unseen: Mask | None = None
) -> dict[str, Share]:
    """Noise of `labels` with intervals; of missed objects only those `unseen`, where given."""
    noise = _compared(truth, labels)
    missed = noise.missed if unseen is None else noise.missed & unseen
    images = np.array(sorted(task.image_id for task in tasks), dtype=np.int64)

    def by_image(ids: Integers) -> Integers:
        return np.bincount(np.searchsorted(images, ids), minlength=len(images))

    boxes, objects = by_image(labels.image_ids), by_image(truth.image_ids)
    alike = design_effect(by_image(labels.image_ids[noise.types != "clean"]), boxes)
    shares = {
        kind: _share(by_image(labels.image_ids[noise.types == kind]), boxes, alike)
        for kind in OF_BOXES
    }
    return shares | {MISS: _share(by_image(truth.image_ids[missed]), objects, alike)}


def _share(counts: Integers, of: Integers, alike: float | None) -> Share:
    """A share; where none or all count, boxes are as `alike` within an image as the wrong ones."""
    interval = clustered_wilson(counts, of, otherwise=alike)
    return Share(int(counts.sum()), int(of.sum()), *interval)
