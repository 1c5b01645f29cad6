"""The corners of a candidate, from the boxes of all its sources."""

from __future__ import annotations

import numpy as np

from napari_alc.boxes import Boxes, Floats, Integers, Mask, ious
from napari_alc.cleaning.calibrated.candidates import BoxCandidates

SAME_CORNERS_IOU = 0.65
"""Above this IoU with the models' box the crowd has drawn the same corners (step 3)."""

MAD_TO_SIGMA = 1.2533
"""A normal deviation over its mean absolute one, √(π/2)."""

LEAST_SIGMA, UNKNOWN_SIGMA, LEAST_COUNT = 0.01, 0.1, 5
"""Shares of a side: nobody draws better; of a source with fewer partners than the count."""

LEAST_SCORE = 0.05
"""A model's box weighs as if it had at least this score."""


def corner_sigmas(candidates: BoxCandidates, partners: Integers, truth: Boxes) -> Floats:
    """How far each source's corners are off, as shares of an object's side (step 3).

    Parameters
    ----------
    candidates
        Of images that a person has labelled whole and that no model learned from.
    partners
        int64, shape (N,): the row in `truth` of the object that each candidate is; -1 for none.
    truth
        Shape (K, 4): the person's boxes, ``x1, y1, x2, y2`` in pixels.

    Returns
    -------
    Floats
        Shape (M + 1,), the crowd's last: 1.2533 × mean absolute corner error / side, at least 0.01;
        0.1 where fewer than five candidates have a partner.
    """
    sigmas = np.full(len(candidates.boxes), UNKNOWN_SIGMA)
    counted = candidates.has_box & (partners >= 0)
    counted[-1] &= _same_corners(candidates, candidates.first_boxes)
    for source, rows in enumerate(counted):
        if rows.sum() >= LEAST_COUNT:
            objects = truth[partners[rows]]
            error = np.abs(candidates.boxes[source][rows] - objects) / _sides(objects)
            sigmas[source] = max(LEAST_SIGMA, MAD_TO_SIGMA * float(error.mean()))
    return sigmas


def fused_corners(candidates: BoxCandidates, sigmas: Floats) -> Boxes:
    """Corners as the weighted mean Σ w b / Σ w of a candidate's boxes (step 3), shape (N, 4).

    w is score / σ² for models and 1 / σ² for the crowd, whose box counts only where its IoU with
    the mean of the models' boxes is above 0.65, or no model has one.
    """
    weights = candidates.has_box / (sigmas**2)[:, None]
    weights[:-1] *= np.maximum(candidates.scores, LEAST_SCORE)
    by_models = _weighted(candidates, weights[:-1])
    is_alone = ~candidates.has_box[:-1].any(axis=0)
    weights[-1] *= _same_corners(candidates, by_models) | is_alone
    return _weighted(candidates, weights)


def _weighted(candidates: BoxCandidates, weights: Floats) -> Boxes:
    boxes = np.nan_to_num(candidates.boxes[: len(weights)])
    total = weights.sum(axis=0)
    summed = (weights[:, :, None] * boxes).sum(axis=0)
    # A candidate of the crowd alone has no weight among the models.
    mean = summed / np.where(total > 0, total, 1.0)[:, None]
    return np.where(total[:, None] > 0, mean, candidates.first_boxes)


def _same_corners(candidates: BoxCandidates, boxes: Boxes) -> Mask:
    return np.asarray(ious(np.nan_to_num(candidates.boxes[-1]), boxes) > SAME_CORNERS_IOU)


def _sides(boxes: Boxes) -> Floats:
    """Width and height for each corner, shape (N, 4), at least a pixel."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1.0)
    return np.concatenate([sides, sides], axis=1)
