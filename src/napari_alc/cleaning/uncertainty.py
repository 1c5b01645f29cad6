"""What a detector's own output says of an image: the strategies that ours is compared with.

Pure formulas on the detections of one image. Detections have a score s, the full softmax p over
background (column 0) and categories, and the proposal that they were regressed from. p_max is
the largest probability among the categories; that the background does not compete is our
reading, as a detection is a claim that there is something.
"""

from __future__ import annotations

from napari_alc.boxes import Floats

LEAST_SCORE = 0.3
"""Detections below it do not count for `least_confidence`."""


def least_confidence(scores: Floats) -> float:
    """LC: how unsure the detections of an image are on average; the largest are taken.

    Parameters
    ----------
    scores
        Of all detections, shape (N,), in 0-1; those below `LEAST_SCORE` are left out.

    Returns
    -------
    float
        Mean of 1 − s, in 0-1; 1 where nothing is left.
    """
    counted = scores[scores >= LEAST_SCORE]
    return float((1.0 - counted).mean()) if len(counted) else 1.0
