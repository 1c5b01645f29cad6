"""The score threshold tau at which predictions are taken for labels."""

from __future__ import annotations

import numpy as np

from napari_alc.boxes import MATCH_IOU
from napari_alc.evaluation.matching import by_falling_score, match_by_score, overlaps
from napari_alc.labels import Detections, LabelSet

FALLBACK_TAU = 0.5
"""tau where there are no clean validation labels (method, "Readings")."""


def best_threshold(truth: LabelSet, detections: Detections) -> float:
    """Find the threshold with the highest F1 on clean validation labels.

    Detections of score >= threshold are matched one-to-one with truths of their category at
    IoU > 0.5, best scores first. Every score that occurs is tried; among equals the highest
    wins. The result is that score itself, to be compared with ``>=``.

    Returns
    -------
    float
        tau in 0–1, or `FALLBACK_TAU` where no detection finds any truth.
    """
    pairs = overlaps(detections, truth.labels)
    may_match = pairs.same_category & (pairs.iou > MATCH_IOU)
    found = match_by_score(detections, pairs.where(may_match)) >= 0
    if not found.any():
        return FALLBACK_TAU
    order = by_falling_score(detections)
    scores = detections.scores[order]
    # F1 with the first k detections is 2 TP / (k + truths).
    f1 = 2 * np.cumsum(found[order]) / (np.arange(1, len(order) + 1) + len(truth.labels))
    # Equal scores pass a threshold together: only the last of a tie stands for one.
    last_of_score = np.append(scores[1:] < scores[:-1], True)
    return float(scores[last_of_score][np.argmax(f1[last_of_score])])
