"""What reports measure, as plain records."""

from __future__ import annotations

from dataclasses import asdict

from napari_alc.cleaning.budget import Budget
from napari_alc.evaluation.average_precision import average_precision
from napari_alc.evaluation.matching import detection_limit
from napari_alc.evaluation.tide import tide_errors
from napari_alc.labels import Detections, LabelSet
from napari_alc.project.reporting.report_tables import Record


def detector_record(truth: LabelSet, detections: Detections) -> Record:
    """AP50 and TIDE's errors in percent."""
    limit = detection_limit(detections)
    precision = average_precision(truth, detections, limit)
    errors = tide_errors(truth, detections, limit)
    return {"AP50": precision.ap50, "TIDE": errors.gains()}


PARTS = ("crowd_part", "step1_part", "step1_edit_part", "step2_part", "total", "edit_total")


def budget_record(spent: Budget) -> Record:
    """Raw counts, the parts in percent, and both totals."""
    counts = asdict(spent)
    del counts["costs"]
    return {"counts": counts, **{part: getattr(spent, part) for part in PARTS}}
