"""What reports measure, as plain records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_alc.cleaning.budget import Budget
from napari_alc.evaluation.average_precision import average_precision
from napari_alc.evaluation.matching import detection_limit
from napari_alc.evaluation.tide import tide_errors
from napari_alc.labels import Detections, LabelSet

Record = Mapping[str, Any]


def detector_record(truth: LabelSet, detections: Detections) -> Record:
    """AP50 and TIDE's errors in percent."""
    limit = detection_limit(detections)
    precision = average_precision(truth, detections, limit)
    errors = tide_errors(truth, detections, limit)
    return {"AP50": precision.ap50, "TIDE": errors.gains()}


def budget_record(spent: Budget) -> Record:
    """Raw counts, the parts in percent, and both totals."""
    return {
        "counts": {
            "crowd": spent.crowd,
            "clean": spent.clean,
            "step1_boxes": spent.step1_boxes,
            "step1_edits": spent.step1_edits,
            "step2_boxes": spent.step2_boxes,
        },
        "crowd_part": spent.crowd_part,
        "step1_part": spent.step1_part,
        "step1_edit_part": spent.step1_edit_part,
        "step2_part": spent.step2_part,
        "total": spent.total,
        "edit_total": spent.edit_total,
    }
