"""COCO average precision, computed by pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from napari_alc.boxes import Floats, areas, xyxy_to_xywh
from napari_alc.evaluation.matching import MAX_DETECTIONS, require_truth
from napari_alc.labels import Detections, Labels, LabelSet

RECALL_POINTS = np.linspace(0.0, 1.0, 101)
"""COCO's recall points, bit for bit those of pycocotools."""


@dataclass(frozen=True)
class AveragePrecision:
    """Average precision in percent (0–100).

    Parameters
    ----------
    ap50, ap75
        At IoU 0.5 and 0.75, mean over the categories that have truth.
    ap
        Mean over IoU 0.5, 0.55, … 0.95.
    per_category
        AP50 by category name; only categories that have truth.
    """

    ap50: float
    ap75: float
    ap: float
    per_category: Mapping[str, float]


def average_precision(
    truth: LabelSet, detections: Detections, max_detections: int = MAX_DETECTIONS
) -> AveragePrecision:
    """Average precision of `detections`, 101 recall points, all box sizes.

    Parameters
    ----------
    truth
        Clean labels; detections are expected on its images only.
    detections
        Any number; without any, every figure is 0.
    max_detections
        How many boxes of an image and category count, best scores first.

    Raises
    ------
    ValueError
        When `truth` has no box, or a detection is on an image it does not list.
    """
    require_truth(truth, detections)
    # pycocotools prints its progress, and stdout belongs to this program's results.
    with contextlib.redirect_stdout(io.StringIO()):
        evaluation = COCOeval(_coco(truth, truth.labels), _coco(truth, detections), "bbox")
        # One limit and one area of any size: COCO's own would cut dense images off at 100 boxes and
        # sort objects into sizes that were chosen for photographs.
        evaluation.params.maxDets = [max_detections]
        evaluation.params.areaRng = [[0, 1e10]]
        evaluation.params.areaRngLbl = ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    return _summary(truth, evaluation.params.catIds, evaluation.eval["precision"])


def _summary(truth: LabelSet, category_ids: list[int], precision: Floats) -> AveragePrecision:
    """Summarise ``precision``: (10 IoUs, 101 recalls, K categories, 1 area, 1 limit)."""
    names = {category.id: category.name for category in truth.categories}
    by_iou = 100 * precision[:, :, :, 0, 0].mean(axis=1)
    # pycocotools gives -1 for categories without truth, which must not enter the mean.
    present = np.isin(category_ids, truth.labels.category_ids)
    return AveragePrecision(
        ap50=float(by_iou[0, present].mean()),
        ap75=float(by_iou[5, present].mean()),
        ap=float(by_iou[:, present].mean()),
        per_category={
            names[category_id]: float(value)
            for category_id, value, counts in zip(category_ids, by_iou[0], present, strict=True)
            if counts
        },
    )


def _coco(truth: LabelSet, rows: Labels | Detections) -> COCO:
    coco = COCO()
    coco.dataset = {
        "images": [{"id": image.id} for image in truth.images],
        "categories": [{"id": c.id, "name": c.name} for c in truth.categories],
        "annotations": _annotations(rows),
    }
    coco.createIndex()
    return coco


def _annotations(rows: Labels | Detections) -> list[dict[str, Any]]:
    columns = {
        "image_id": rows.image_ids.tolist(),
        "category_id": rows.category_ids.tolist(),
        "bbox": xyxy_to_xywh(rows.boxes).tolist(),
        "area": areas(rows.boxes).tolist(),
        # pycocotools takes id 0 for "unmatched".
        "id": list(range(1, len(rows) + 1)),
        "iscrowd": [0] * len(rows),
    }
    if isinstance(rows, Detections):
        columns["score"] = rows.scores.tolist()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
