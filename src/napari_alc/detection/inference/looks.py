"""Several looks at an image, mirrored and upside down, and one set of detections from all of them.

A network that learned from few images finds an object in one orientation and misses it in another.
What several looks agree on is surer, and its corners, averaged, are better (weighted boxes fusion:
Solovyev et al. 2021, here with at most one box of each look in an object).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_alc.boxes import Boxes, Floats, Integers, Mask, as_boxes, ious
from napari_alc.detection.data.cache import Bytes
from napari_alc.detection.data.tiles import Found

AGREE = 0.55
"""IoU from which boxes of two looks stand for one object."""

LEAST_WEIGHT = 1e-6
"""Of a box in a mean: one of score 0 has corners too."""

FLIPS = ((False, False), (True, False), (False, True), (True, True))
"""Whether look 0, 1, 2 and 3 are mirrored left and right, and upside down."""


def turned(pixels: Bytes, look: int) -> Bytes:
    """An image, (H, W) or (H, W, 3), as a look sees it."""
    mirrored, upside_down = FLIPS[look]
    return pixels[:: -1 if upside_down else 1, :: -1 if mirrored else 1]


def turned_back(boxes: Boxes, look: int, width: int, height: int) -> Boxes:
    """Boxes that a look found, (N, 4), in pixels of the image as it is."""
    mirrored, upside_down = FLIPS[look]
    x1, y1, x2, y2 = boxes.T
    if mirrored:
        x1, x2 = width - x2, width - x1
    if upside_down:
        y1, y2 = height - y2, height - y1
    return np.stack([x1, y1, x2, y2], axis=1)


def fused(looks: Sequence[Found], floor: float, most: int) -> Found:
    """One set of detections from those of several looks at an image.

    From the best scored box on, each takes of every other look the box of its category that
    agrees best with it (IoU at least `AGREE`) and is not taken yet. These stand for one object:
    its corners are their mean, weighted by score; its score is their sum over the number of
    looks, so that what one of four looks has seen keeps a quarter of its score.

    Parameters
    ----------
    looks
        What each look found, in pixels of the same image.
    floor
        Objects with a lower score are dropped, in 0–1.
    most
        Objects at most; the best scored stay.

    Returns
    -------
    Found
        Best score first.
    """
    if len(looks) == 1:
        return looks[0]
    boxes, labels, scores = (
        np.concatenate([getattr(found, name) for found in looks])
        for name in ("boxes", "labels", "scores")
    )
    look = np.repeat(np.arange(len(looks)), [len(found.scores) for found in looks])
    groups = _groups(boxes, labels, scores, look)
    weights = np.maximum(scores, LEAST_WEIGHT)
    summed = np.bincount(groups, weights=weights)
    corners = [np.bincount(groups, weights=weights * side) / summed for side in boxes.T]
    first = np.unique(groups, return_index=True)[1]
    together = Found(
        as_boxes(np.stack(corners, axis=1)),
        labels[first],
        np.bincount(groups, weights=scores) / len(looks),
    )
    order = np.argsort(-together.scores, kind="stable")
    order = order[together.scores[order] >= floor]
    return together.take(order[:most])


def _groups(boxes: Boxes, labels: Integers, scores: Floats, look: Integers) -> Integers:
    """The number of the object that each box stands for, shape (N,)."""
    group = np.full(len(boxes), -1, dtype=np.int64)
    count = 0
    for seed in np.lexsort([look, -scores]):
        if group[seed] >= 0:
            continue
        free = np.flatnonzero((group < 0) & (labels == labels[seed]) & (look != look[seed]))
        agreement = ious(np.broadcast_to(boxes[seed], (len(free), 4)), boxes[free])
        group[seed] = count
        group[_best_of_each(free, agreement, look)] = count
        count += 1
    return group


def _best_of_each(candidates: Integers, agreement: Floats, look: Integers) -> Integers:
    """Of the boxes that agree with another, the best of each look."""
    near: Mask = agreement >= AGREE
    candidates, agreement = candidates[near], agreement[near]
    best_first = candidates[np.argsort(-agreement, kind="stable")]
    _, first = np.unique(look[best_first], return_index=True)
    return best_first[first]
