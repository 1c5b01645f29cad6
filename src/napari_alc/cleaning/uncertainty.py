"""What a detector's own output says of an image: the strategies that ours is compared with.

Pure formulas on the detections of one image. Detections have a score s, the full softmax p over
background (column 0) and categories, and the proposal that they were regressed from. p_max is
the largest probability among the categories; that the background does not compete is our
reading, as a detection is a claim that there is something. What images without detections get
is a reading too; the order of the detections leaves no trace.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import rel_entr

from napari_alc.boxes import Boxes, Floats, Integers, iou_matrix, ious

LEAST_SCORE = 0.3
"""Detections below it do not count for `least_confidence`."""
MOST_BOXES = 30
"""Boxes that count for `instability`: those with the largest p_max."""
CONSISTENT = 1.3
"""CALD's beta: agreement of a box that is worth most; a perfect one would be 2."""


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
    counted = np.sort(scores[scores >= LEAST_SCORE])
    return float((1.0 - counted).mean()) if len(counted) else 1.0


def largest_probability(probabilities: Floats) -> Floats:
    """p_max of each detection, shape (N,), from its softmax (N, K + 1)."""
    return np.asarray(probabilities[:, 1:].max(axis=1, initial=0.0))


def tightness(boxes: Boxes, proposals: Boxes, probabilities: Floats) -> float:
    """LT/C (Kao et al. 2018): localisation tightness with classification; the smallest are taken.

    A box that was moved far from its proposal (small IoU) with much confidence, or hardly moved
    with little, makes its image worth a look.

    Parameters
    ----------
    boxes, proposals
        Shape (N, 4): each detection and the proposal that it was regressed from.
    probabilities
        Shape (N, K + 1).

    Returns
    -------
    float
        Least |IoU(box, proposal) + p_max − 1| of all detections, in 0-1; 1 without any.
    """
    if not len(boxes):
        return 1.0
    # Both terms in 0-1: a sure box that stayed where it was proposed, IoU + p_max = 2, is as far
    # from 1 as an unsure one that moved away; the suspicious cases lie near 1.
    off = np.abs(ious(boxes, proposals) + largest_probability(probabilities) - 1.0)
    return float(off.min())


def instability(boxes: Boxes, probabilities: Floats, noisy: Sequence[Boxes]) -> float:
    """LS+C (Kao et al. 2018): localisation stability with classification; the largest are taken.

    U_C − U_S with U_C = max(1 − p_max) and U_S = Σ p_max·S / Σ p_max, S being the mean over the
    noise levels of the best IoU of a box with any box found in the noisy image, whatever its
    category.

    Parameters
    ----------
    boxes, probabilities
        Detections in the image as it is, shapes (N, 4) and (N, K + 1); the `MOST_BOXES` of
        largest p_max count.
    noisy
        Boxes found at each noise level; at least one level.

    Returns
    -------
    float
        In −1 to 1; 0 without detections.
    """
    if not len(boxes):
        return 0.0
    p_max = largest_probability(probabilities)
    # Equal ones by their corners, so that the order of the detections leaves no trace.
    counted = np.lexsort((*boxes.T, -p_max))[:MOST_BOXES]
    boxes, p_max = boxes[counted], p_max[counted]
    found = [iou_matrix(boxes, at_level).max(axis=1, initial=0.0) for at_level in noisy]
    stable = np.mean(found, axis=0)
    return float((1.0 - p_max).max() - (p_max * stable).sum() / p_max.sum())


def divergence(p: Floats, q: Floats) -> Floats:
    """Jensen–Shannon divergence of rows of probabilities, (N, C) → (N,), in 0-1.

    To base 2 (a reading).
    """
    middle = (p + q) / 2
    nats = (rel_entr(p, middle) + rel_entr(q, middle)).sum(axis=1) / 2
    return np.asarray(np.clip(nats / np.log(2), 0.0, 1.0))


def consistency(
    boxes: Boxes, probabilities: Floats, others: Boxes, others_probabilities: Floats
) -> float:
    """CALD (Yu et al. 2022) for one augmentation; the smallest means over all are taken.

    Each box is compared with the box of the augmented image that overlaps it best; of several,
    or where none does, with that of largest p_max (as the authors' code does, whose detections
    are in the order of their scores).

    Parameters
    ----------
    boxes, probabilities
        Detections in the image, mapped to the augmented one; shapes (N, 4) and (N, K + 1).
    others, others_probabilities
        Detections in the augmented image; shapes (M, 4) and (M, K + 1).

    Returns
    -------
    float
        Least |IoU + (1 − JS)(p_max + p_max′)/2 − `CONSISTENT`| of all boxes, in 0-1.3; 0 where
        there is no detection in the image or in the augmented one. The divergence is that of the
        full softmax (a reading); the authors' code leaves the background out, takes natural
        logarithms, and lets no image have more than 1.
    """
    if not len(boxes) or not len(others):
        return 0.0
    p_max, others_p_max = (largest_probability(p) for p in (probabilities, others_probabilities))
    overlaps = iou_matrix(boxes, others)
    partner = _best(overlaps, others_p_max)
    overlap = overlaps[np.arange(len(boxes)), partner]
    alike = 1.0 - divergence(probabilities, others_probabilities[partner])
    agreement = overlap + alike * (p_max + others_p_max[partner]) / 2
    return float(np.abs(agreement - CONSISTENT).min())


def _best(overlaps: Floats, p_max: Floats) -> Integers:
    """Column of the largest entry of each row; of equal ones that of largest `p_max`."""
    order = np.argsort(-p_max, kind="stable")
    # argmax takes the first of equal ones, so the columns are put in order of p_max before it.
    return np.asarray(order[np.argmax(overlaps[:, order], axis=1)])
