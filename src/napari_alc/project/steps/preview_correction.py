"""What the automatic correction will do, shown before anything is changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_alc.boxes import Boxes, Integers
from napari_alc.cleaning.correction import Correction
from napari_alc.cleaning.regions import Region, SortedLabels, Source
from napari_alc.labels import ImageRecord
from napari_alc.project.project import Project
from napari_alc.project.steps.correct import Corrected, PlannedCorrection, plan_correction

Names = NDArray[np.str_]

PICTURES = 4
"""Images that are shown."""

LABEL, REVIEW, REMOVED, REPLACED, LEFT_OUT = "label", "review", "removed", "replaced", "left out"
"""What happens to a box; the last: another detector's box of the same object stands already."""


@dataclass(frozen=True, eq=False)
class ChangedImage:
    """An image before and after the correction.

    Parameters
    ----------
    before
        Boxes of the crowd by what happens to them, float64, shape (N, 4) each.
    after
        Boxes that are there afterwards: labels by their region, and the boxes for a person
        under `REVIEW`.
    """

    image: ImageRecord
    before: Mapping[str, Boxes]
    after: Mapping[str, Boxes]


@dataclass(frozen=True)
class CorrectionPreview:
    """What `correct_remaining` will do.

    Parameters
    ----------
    iteration
        g, of the models that sorted the boxes.
    figures
        What will be told when it is done.
    counts
        Boxes by region (``red``, ``pink``, ``green``, ``gray``), source (``crowd``, ``mp``,
        ``ma``) and what happens to them.
    pictures
        The images with most changes.
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
    """Look at what the correction would do now; nothing is stored.

    Parameters
    ----------
    project
        Whose models have looked at the remaining images.
    pictures
        How many images to show at most.

    Raises
    ------
    AlcError
        When this is not the time: images wait for review, or predictions are missing.
    """
    plan = plan_correction(project)
    fates = _fates(len(plan.images.rows), plan.outcome)
    chosen = _most_changed(plan.images.rows, fates, pictures)
    records = {image.id: image for image in project.images()}
    return CorrectionPreview(
        iteration=plan.iteration,
        figures=plan.figures,
        counts=_counts(plan.images.rows, fates),
        pictures=tuple(_changed_image(plan, fates, records[image_id]) for image_id in chosen),
    )


def _fates(count: int, outcome: Correction) -> Names:
    fates = np.full(count, LEFT_OUT)
    named = (
        (LABEL, outcome.automatic),
        (REVIEW, outcome.review),
        (REMOVED, outcome.removed),
        (REPLACED, outcome.replaced),
    )
    for name, rows in named:
        fates[rows] = name
    return fates


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
