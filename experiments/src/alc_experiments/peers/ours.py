"""The method's regions and evaluation scores as a ranking of boxes, and two rankings beside it.

The other two show what the first one leaves out: it takes all gray boxes to be alike, and looks
only at predictions from the threshold on.
"""

from __future__ import annotations

import numpy as np

from alc_experiments.peers.suspicion import NOT_PROPOSED, Suspicions
from napari_alc.boxes import MATCH_IOU, Floats, Mask
from napari_alc.cleaning.regions import Region, SortedLabels, Source, Thresholds, sort_labels
from napari_alc.evaluation.matching import best_of_first, overlaps
from napari_alc.labels import Detections, Labels

STEP = 2.0
"""More than any evaluation score, so that regions never mix."""


def suspicions(crowd: Labels, mp: Detections, ma: Detections, thresholds: Thresholds) -> Suspicions:
    """Rank crowd boxes and predictions of Mp by what the method does with them.

    Certain: the paper ranks images only, by the sum of evaluation scores (Eq. 2), and says what
    becomes of each region. Our reading, the same order for boxes: first the green boxes that the
    method deletes without asking anybody (box-in-box, Eq. 3), then the other green ones, which it
    asks a person about, each by evaluation score, highest first; last the gray ones, which it
    takes to be clean, all alike. So a green box that no prediction overlaps, with evaluation
    score 0, comes after all other green ones and before all gray ones.

    Missed objects are the boxes of Mp that become labels where the crowd has none: those whose
    connected component of the match graph holds no crowd box, by their confidence. These are the
    pink boxes, and the gray ones on which only Mp and Ma agree.

    Parameters
    ----------
    crowd
        N labels.
    mp, ma
        Predictions of the two models, out of sample; M of Mp.
    thresholds
        Of the LSM; its score threshold is tau.
    """
    rows = sort_labels(crowd, mp, ma, thresholds)
    of_crowd = rows.take(rows.source == Source.CROWD)
    green = of_crowd.region == Region.GREEN
    standing = STEP * green + STEP * of_crowd.box_in_box
    proposed = rows.take((rows.source == Source.MP) & ~_with_crowd(rows))
    predictions = np.full(len(mp), NOT_PROPOSED)
    predictions[proposed.index] = proposed.scores
    return Suspicions(standing + np.where(green, of_crowd.evaluation_score, 0.0), predictions)


def suspicions_of_gray(
    crowd: Labels, mp: Detections, ma: Detections, thresholds: Thresholds
) -> Suspicions:
    """`suspicions`, with gray boxes ranked too: the less a prediction overlaps, the sooner.

    Not in the paper. Predictions of either model from the threshold on, of the box's category.
    """
    found = suspicions(crowd, mp, ma, thresholds)
    seen = mp.joined(ma).at_least(thresholds.score)
    gray = found.crowd == 0
    return Suspicions(np.where(gray, 1 - closest(crowd, seen), found.crowd), found.predictions)


def distance(crowd: Labels, mp: Detections) -> Suspicions:
    """Rank by distance to Mp alone: 1 − the highest IoU with any of its boxes, of any score.

    Not in the paper; the simplest thing that the predictions allow. Missed objects are the boxes
    of Mp, the surest first, that do not match a box of the crowd.
    """
    alone = closest(mp, crowd) <= MATCH_IOU
    proposed = np.where(alone, mp.scores, NOT_PROPOSED)
    return Suspicions(1 - closest(crowd, mp), proposed)


def closest(boxes: Labels | Detections, others: Labels | Detections) -> Floats:
    """Highest IoU of each box with one of `others` of its image and category, shape (N,)."""
    pairs = overlaps(boxes, others)
    return best_of_first(pairs.where(pairs.same_category), len(boxes))[0]


def _with_crowd(rows: SortedLabels) -> Mask:
    """Which rows are of a group that holds a crowd box."""
    return np.isin(rows.group, rows.group[rows.source == Source.CROWD])
