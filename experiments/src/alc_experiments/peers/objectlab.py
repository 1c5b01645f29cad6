"""ObjectLab, by the package of its authors: ``cleanlab.object_detection``.

Tkachenko, Thyagarajan, Mueller: "ObjectLab: Automated Diagnosis of Mislabeled Images in Object
Detection Data", 2023. Certain: the package computes every score. Our reading: how the two scores
of a crowd box become one (see `suspicions`).
"""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import numpy as np

from alc_experiments.peers.suspicion import NOT_PROPOSED, Suspicions
from napari_alc.boxes import Floats, Integers
from napari_alc.errors import AlcError
from napari_alc.labels import Detections, Labels, LabelSet


@dataclass(frozen=True, eq=False)
class Given:
    """Labels and predictions as the package takes them, in the order of the images.

    Parameters
    ----------
    labels
        One an image: ``bboxes`` (L, 4), ``x1, y1, x2, y2`` in pixels, and ``labels`` (L,),
        categories counted from 0.
    predictions
        One list an image: for each category an array (K, 5), boxes and scores.
    label_rows, prediction_rows
        int64: the position that each label and prediction, image by image, has in our columns.
    """

    labels: list[dict[str, Floats | Integers]]
    predictions: list[list[Floats]]
    label_rows: Integers
    prediction_rows: Integers


def given(crowd: LabelSet, detections: Detections) -> Given:
    """Rearrange labels and detections for the package.

    Parameters
    ----------
    crowd
        Labels; its images and categories set the order.
    detections
        On images and of categories of `crowd`.
    """
    label_rows, labels = _labels(crowd)
    prediction_rows, predictions = _predictions(crowd, detections)
    return Given(labels, predictions, label_rows, prediction_rows)


def suspicions(crowd: LabelSet, detections: Detections) -> Suspicions:
    """Rank crowd boxes and predictions by ObjectLab's scores of boxes.

    Crowd boxes have a *badloc* score (low where a confident prediction of the category overlaps
    the box badly; 1 where none overlaps) and a *swap* score (low where a very confident prediction
    of another category agrees with it). Suspicion is 1 − badloc · swap: the package's own score
    of an image is the geometric mean of its three kinds of scores, so this is its order of images
    that hold one box. A box on background without a prediction nearby has 1 in both and is the
    least suspicious of all. Missed objects are the predictions with an *overlooked* score (at
    least 0.95 sure, overlapping no label); suspicion is 1 − that score.

    Parameters
    ----------
    crowd
        At least one image.
    detections
        Out of sample, from the detector's floor upwards; the package has thresholds of its own.

    Raises
    ------
    AlcError
        When cleanlab is not installed.
    """
    rank = _package()
    data = given(crowd, detections)
    inputs = {"labels": data.labels, "predictions": data.predictions}
    badloc = np.concatenate(rank.compute_badloc_box_scores(**inputs))
    swap = np.concatenate(rank.compute_swap_box_scores(**inputs))
    overlooked = np.concatenate(rank.compute_overlooked_box_scores(**inputs))
    proposed = np.where(np.isnan(overlooked), NOT_PROPOSED, 1 - overlooked)
    return Suspicions(
        _put_back(1 - badloc * swap, data.label_rows), _put_back(proposed, data.prediction_rows)
    )


def image_quality(data: Given) -> Floats:
    """ObjectLab's score of each image, in 0–1, low where it suspects errors; shape (images,).

    Raises
    ------
    AlcError
        When cleanlab is not installed.
    """
    scores = _package().get_label_quality_scores(data.labels, data.predictions, verbose=False)
    return np.asarray(scores, dtype=np.float64)


def _package() -> ModuleType:
    try:
        from cleanlab.object_detection import rank
    except ImportError:
        raise AlcError(
            "ObjectLab needs the package cleanlab, which is not installed: pip install cleanlab"
        ) from None
    module: ModuleType = rank
    return module


def _labels(crowd: LabelSet) -> tuple[Integers, list[dict[str, Floats | Integers]]]:
    image, category = _places(crowd, crowd.labels)
    rows = np.argsort(image, kind="stable")
    parts = _split(rows, image[rows], len(crowd.images))
    boxes = crowd.labels.boxes
    return rows, [{"bboxes": boxes[part], "labels": category[part]} for part in parts]


def _predictions(crowd: LabelSet, found: Detections) -> tuple[Integers, list[list[Floats]]]:
    image, category = _places(crowd, found)
    kinds = len(crowd.categories)
    place = image * kinds + category
    rows = np.argsort(place, kind="stable")
    columns = np.column_stack([found.boxes, found.scores])
    arrays = [columns[p] for p in _split(rows, place[rows], len(crowd.images) * kinds)]
    return rows, [arrays[start : start + kinds] for start in range(0, len(arrays), kinds)]


def _places(crowd: LabelSet, boxes: Labels | Detections) -> tuple[Integers, Integers]:
    """Positions of each box's image and category among those of `crowd`."""
    category_ids = np.array([category.id for category in crowd.categories], dtype=np.int64)
    return _positions(crowd.image_ids, boxes.image_ids), _positions(
        category_ids, boxes.category_ids
    )


def _positions(ids: Integers, wanted: Integers) -> Integers:
    order = np.argsort(ids, kind="stable")
    return order[np.searchsorted(ids, wanted, sorter=order)]


def _split(rows: Integers, places: Integers, count: int) -> list[Integers]:
    """Divide `rows`, whose `places` ascend, into `count` parts, empty ones too."""
    return np.split(rows, np.searchsorted(places, np.arange(1, count)))


def _put_back(values: Floats, rows: Integers) -> Floats:
    found = np.empty(len(rows))
    found[rows] = values
    return found
