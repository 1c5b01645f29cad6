"""Mistakenness of FiftyOne, by its formulas.

Source: ``compute_mistakenness`` of FiftyOne Brain (Voxel51), on detections without logits.
Certain: predictions are matched to labels one-to-one in the order of their scores at IoU 0.5
whatever their categories; the two formulas; that unmatched labels are flagged as possibly
spurious, and unmatched predictions above 0.95 as possibly missing. Our reading: how the values
and flags become one ranking of boxes (see `suspicions`), for the source ranks none.
"""

from __future__ import annotations

import numpy as np

from alc_experiments.peers.suspicion import NOT_PROPOSED, Suspicions
from napari_alc.boxes import Floats, Mask
from napari_alc.evaluation.matching import match_by_score, overlaps
from napari_alc.labels import Detections, Labels

MATCH_IOU = 0.5
"""Predictions and labels match at this IoU and above."""

MISSING_SCORE = 0.95
"""Unmatched predictions above this score show objects that may be missing."""

SPURIOUS = 1.0
"""Suspicion of a label without a match: as high as mistakenness can be."""


def suspicions(crowd: Labels, detections: Detections) -> Suspicions:
    """Rank crowd boxes and predictions by mistakenness.

    A matched label has the larger of its two values, in 0–1; one without a match, which is
    flagged as possibly spurious, comes before all of them; all flagged ones are alike. Unmatched
    predictions above 0.95 are proposed, by their score.

    Parameters
    ----------
    crowd
        N labels.
    detections
        M predictions, out of sample, from the detector's floor upwards: the source sets none.
    """
    pairs = overlaps(detections, crowd)
    partner = match_by_score(detections, pairs.where(pairs.iou >= MATCH_IOU))
    matched = partner >= 0
    chosen = pairs.where(partner[pairs.first] == pairs.second)
    scores = detections.scores[chosen.first]
    values = np.full(len(crowd), SPURIOUS)
    values[chosen.second] = np.maximum(
        category_mistakenness(scores, chosen.same_category),
        location_mistakenness(scores, chosen.iou),
    )
    proposed = ~matched & (detections.scores > MISSING_SCORE)
    return Suspicions(values, np.where(proposed, detections.scores, NOT_PROPOSED))


def category_mistakenness(scores: Floats, same_category: Mask) -> Floats:
    """(m·s + 1) / 2 with m = −1 where the categories agree, +1 where they differ; in 0–1.

    Parameters
    ----------
    scores
        Confidence s of the matched prediction, 0–1.
    same_category
        Whether label and prediction are of the same category.
    """
    return np.asarray((np.where(same_category, -1.0, 1.0) * scores + 1) / 2)


def location_mistakenness(scores: Floats, iou: Floats) -> Floats:
    """(s·(2i − 1) + 1) / 2 with i = 2·(1 − IoU); in 0–1.

    Parameters
    ----------
    scores
        Confidence s of the matched prediction, 0–1.
    iou
        Of the label with that prediction, 0.5–1.
    """
    shift = (1 - iou) / (1 - MATCH_IOU)
    return np.asarray((scores * (2 * shift - 1) + 1) / 2)
