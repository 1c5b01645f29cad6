"""The LSM on images of a project: detections and crowd labels in, boxes with their regions out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, select

from napari_alc.boxes import Integers, Mask
from napari_alc.cleaning.loop import offered_rows
from napari_alc.cleaning.regions import Region, SortedLabels, Source, sort_labels
from napari_alc.detection.run_files import detections_folder
from napari_alc.labels import Labels
from napari_alc.project.annotation.tasks import audited_images
from napari_alc.project.label_sets import remaining_images
from napari_alc.project.project import MODELS, Project, labels_from_rows
from napari_alc.project.steps.predict import tau_of
from napari_alc.project.storage import schema
from napari_alc.project.storage.database import add_boxes, add_rows, now
from napari_alc.project.storage.prediction_files import StoredDetections


@dataclass(frozen=True, eq=False)
class SortedImages:
    """Images with their boxes sorted into regions.

    Parameters
    ----------
    image_ids
        int64, shape (M,).
    crowd
        The crowd's labels of these images; crowd rows of `rows` point into them.
    rows
        What the LSM found.
    """

    image_ids: Integers
    crowd: Labels
    rows: SortedLabels


class Sorter:
    """Sorts images with the models of an iteration, some at a time.

    The regions of an image do not depend on which others are sorted with it.

    Parameters
    ----------
    iteration
        i of the models, which must have looked at the images.
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
    if not image_ids:
        return Labels.empty()
    b = schema.box.c
    query = (
        select(b.image_id, b.category_id, b.x1, b.y1, b.x2, b.y2, b.id)
        .where(b.image_id.between(image_ids[0], image_ids[-1]), b.source == "crowd")
        .order_by(b.id)
    )
    return labels_from_rows(project.store.rows(query)).of_images(image_ids)


def sort_remaining(project: Project, iteration: int) -> SortedImages:
    """Sort the boxes of X without X^i with the models of `iteration` (LSM).

    Images of an audit are left out: a pathologist labels them whole.
    """
    audited = audited_images(project)
    remaining = (image.id for image in remaining_images(project, iteration))
    return Sorter(project, iteration).sort(id_ for id_ in remaining if id_ not in audited)


def whole_image_proposals(rows: SortedLabels, box_ids: Integers) -> list[dict[str, object]]:
    """One open box for each object somebody saw, as `tasks.write_tasks` takes them.

    Parameters
    ----------
    box_ids
        The id of each row's box in the store, shape (N,).
    """
    return [
        {"image_id": int(rows.image_ids[row]), "box_id": int(box_ids[row]), "state": "open"}
        for row in offered_rows(rows)
    ]


def store_rows(
    connection: Connection, images: SortedImages, chosen: Mask, iteration: int
) -> Integers:
    """Keep sorted boxes with their regions; returns the box id of each chosen row.

    Parameters
    ----------
    chosen
        Mask over the rows of `images`.
    iteration
        Of the models that sorted them.
    """
    rows = images.rows.take(chosen)
    box_ids = np.zeros(len(rows), dtype=np.int64)
    crowd = rows.source == Source.CROWD
    box_ids[crowd] = images.crowd.ids[rows.index[crowd]]
    box_ids[~crowd] = _insert_predictions(connection, rows.take(~crowd), iteration)
    add_rows(connection, schema.region, _region_rows(rows, box_ids, iteration))
    return box_ids


def _insert_predictions(
    connection: Connection, rows: SortedLabels, iteration: int
) -> Sequence[int]:
    at = now()
    values = [
        {
            "image_id": image_id,
            "category_id": category_id,
            "x1": box[0],
            "y1": box[1],
            "x2": box[2],
            "y2": box[3],
            "source": Source(source).label,
            "iteration": iteration,
            "score": score,
            "created_at": at,
        }
        for image_id, category_id, box, source, score in zip(
            rows.image_ids.tolist(),
            rows.category_ids.tolist(),
            rows.boxes.tolist(),
            rows.source.tolist(),
            rows.scores.tolist(),
            strict=True,
        )
    ]
    return add_boxes(connection, values)


def _region_rows(rows: SortedLabels, box_ids: Integers, iteration: int) -> list[dict[str, object]]:
    return [
        {
            "box_id": box_id,
            "iteration": iteration,
            "region": Region(region).label,
            "evaluation_score": None if np.isnan(score) else score,
            "box_in_box": inside,
        }
        for box_id, region, score, inside in zip(
            box_ids.tolist(),
            rows.region.tolist(),
            rows.evaluation_score.tolist(),
            rows.box_in_box.tolist(),
            strict=True,
        )
    ]
