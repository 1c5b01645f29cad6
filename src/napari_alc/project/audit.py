"""Audits: a few images by chance tell how noisy the labels are that nobody has looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from napari_alc.errors import AlcError
from napari_alc.evaluation.intervals import wilson
from napari_alc.evaluation.label_noise import LabelNoise, compare_labels
from napari_alc.labels import LabelSet
from napari_alc.project.choices import OUT, ranked
from napari_alc.project.locking import one_at_a_time
from napari_alc.project.project import Project, labels_from_rows
from napari_alc.project.review import current_boxes
from napari_alc.project.sorted_images import crowd_labels_of
from napari_alc.project.sorting import hand_out
from napari_alc.project.status import Step, require
from napari_alc.project.tasks import WHOLE_IMAGE, Batch, Task, queue

OF_BOXES = ("background", "location", "box_in_box")
"""Kinds of noise that a share of the crowd's boxes have."""

MISS = "miss"
"""The share of the objects that the crowd has not boxed."""

STREAM = 5
"""Sets the random numbers of audits apart from those of rankings."""


@dataclass(frozen=True)
class Share:
    """How much of a sample is so, and where the share in the whole lies.

    Parameters
    ----------
    count, of
        So many of so many boxes or objects of the sample.
    low, high
        Ends of the 95 % Wilson interval of the share, in 0–1.
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
    """

    iteration: int
    images: int
    waiting: int
    noise: Mapping[str, Share]


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
    left = sorted(row.image_id for row in ranked(project).rows if row.choice != OUT)
    if not left:
        raise AlcError("No image is left for an audit: the pathologists have all of them.")
    earlier = sum(task.audit for task in queue(project, WHOLE_IMAGE))
    rng = np.random.default_rng([project.settings.method.seed, iteration + 1, STREAM, earlier])
    drawn = tuple(rng.permutation(np.array(left, dtype=np.int64))[:m].tolist())
    hand_out(project, drawn, Batch(WHOLE_IMAGE, iteration + 1, iteration, True), "audit", person)
    return drawn


def result(project: Project) -> Audit | None:
    """What the newest audit has found so far; None where none was drawn."""
    audited = [task for task in queue(project, WHOLE_IMAGE) if task.audit]
    if not audited:
        return None
    newest = max(task.iteration for task in audited)
    tasks = [task for task in audited if task.iteration == newest]
    done = [task for task in tasks if task.is_done]
    noise = _shares(_noise(project, done)) if done else {}
    return Audit(newest - 1, len(done), len(tasks) - len(done), noise)


def _noise(project: Project, tasks: Sequence[Task]) -> LabelNoise:
    """The crowd's labels judged by what the pathologists left in the same images."""
    image_of = {task.id: task.image_id for task in tasks}
    truth = labels_from_rows(
        [
            (image_of[task_id], box.category_id, *box.corners, box.id)
            for task_id, box in current_boxes(project, image_of)
            if box.is_label
        ]
    )
    crowd = crowd_labels_of(project, sorted(image_of.values()))
    categories = project.categories()
    return compare_labels(LabelSet((), categories, truth), LabelSet((), categories, crowd))


def _shares(noise: LabelNoise) -> dict[str, Share]:
    objects = noise.clean + noise.miss
    shares = {kind: _share(getattr(noise, kind), len(noise.types)) for kind in OF_BOXES}
    return shares | {MISS: _share(noise.miss, objects)}


def _share(count: int, of: int) -> Share:
    return Share(count, of, *wilson(count, of))
