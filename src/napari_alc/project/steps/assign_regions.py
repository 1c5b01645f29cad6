"""The LSM on images of a project: detections and crowd labels in, boxes with their regions out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from napari_alc.boxes import Boxes, Integers
from napari_alc.cleaning.loop import offered_rows
from napari_alc.cleaning.regions import Region, SortedLabels, sort_labels
from napari_alc.detection.run_files import detections_folder
from napari_alc.labels import Labels
from napari_alc.project.annotation.tasks import audited_images
from napari_alc.project.label_sets import remaining_images
from napari_alc.project.project import MODELS, Project
from napari_alc.project.steps.predict import tau_of
from napari_alc.project.storage.prediction_files import StoredDetections
from napari_alc.project.storage.records import BoxState, Proposal


@dataclass(frozen=True, eq=False)
class SortedImages:
    """Images, int64, shape (M,), with their boxes sorted into regions.

    Crowd rows of `rows` point into `crowd`, the crowd's labels of these images.
    """

    image_ids: Integers
    crowd: Labels
    rows: SortedLabels


class Sorter:
    """Sorts images with the models of an iteration, which have looked at them, some at a time.

    The regions of an image do not depend on which others are sorted with it.
    """

    def __init__(self, project: Project, iteration: int) -> None:
        self._project = project
        self._seen = [
            StoredDetections(detections_folder(project.run_folder(iteration, model), "remaining"))
            for model in MODELS
        ]
        self._thresholds = project.settings.method.thresholds(tau_of(project, iteration))

    def sort(self, image_ids: Iterable[int]) -> SortedImages:
        """Sort the boxes of some images into regions (LSM).

        Raises
        ------
        BadData
            When detections are damaged, or one of the images was not looked at.
        """
        ids = sorted(image_ids)
        crowd = crowd_labels_of(self._project, ids)
        mp, ma = (seen.of(ids) for seen in self._seen)
        rows = sort_labels(crowd, mp, ma, self._thresholds)
        return SortedImages(np.array(ids, dtype=np.int64), crowd, rows)


def crowd_labels_of(project: Project, image_ids: Sequence[int]) -> Labels:
    """What the crowd drew on images, whose ids are given in ascending order."""
    with project.store.transaction() as unit:
        return unit.boxes.of_crowd(image_ids)


def sort_remaining(project: Project, iteration: int) -> SortedImages:
    """Sort the boxes of X without X^i with the models of `iteration` (LSM).

    Images of an audit are left out: a pathologist labels them whole.
    """
    audited = audited_images(project)
    remaining = (image.id for image in remaining_images(project, iteration))
    return Sorter(project, iteration).sort(id_ for id_ in remaining if id_ not in audited)


def boxes_by_region(project: Project, iteration: int, image_id: int) -> dict[str, Boxes]:
    """The boxes of crowd, Mp and Ma on an image that the models of `iteration` have looked at.

    Raises
    ------
    BadData
        When detections are damaged, or the image was not looked at.
    """
    rows = Sorter(project, iteration).sort([image_id]).rows
    return {region.label: rows.boxes[rows.region == region] for region in Region}


def whole_image_proposals(rows: SortedLabels, box_ids: Integers) -> list[Proposal]:
    """One open box for each object somebody saw; ids are those of the rows' boxes, (N,)."""
    return [
        Proposal(int(rows.image_ids[row]), int(box_ids[row]), BoxState.OPEN)
        for row in offered_rows(rows)
    ]
