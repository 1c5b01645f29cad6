"""The method's regions and evaluation scores as a ranking of boxes."""

from __future__ import annotations

import numpy as np

from napari_alc.boxes import Mask
from napari_alc.cleaning.regions import Region, SortedLabels, Source, Thresholds, sort_labels
from napari_alc.comparison.peers.suspicion import NOT_PROPOSED, Suspicions
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


def _with_crowd(rows: SortedLabels) -> Mask:
    """Which rows are of a group that holds a crowd box."""
    return np.isin(rows.group, rows.group[rows.source == Source.CROWD])
