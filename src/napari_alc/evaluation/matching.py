"""Overlapping boxes and one-to-one matching, for all images at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_alc.boxes import (
    BoxSet,
    Floats,
    Integers,
    Mask,
    close_pairs,
    group_keys,
    intersections,
    iofs,
    ious,
    one_to_one,
)
from napari_alc.labels import Detections, Labels, LabelSet

MAX_DETECTIONS = 300
"""Boxes an image that count: the detector's own limit (method, metrics)."""


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Pairs of boxes of two sets that share some area of the same image.

    Parameters
    ----------
    first, second
        Positions in the two sets, int64, shape (K,).
    iou
        Intersection over union, in 0–1, shape (K,).
    iof
        IoF(first | second), the share of the second box that the first covers, shape (K,).
    same_category
        Whether the two boxes are of the same category, shape (K,).
    """

    first: Integers
    second: Integers
    iou: Floats
    iof: Floats
    same_category: Mask

    def where(self, chosen: Mask) -> Overlaps:
        """The pairs that the mask `chosen` marks."""
        return Overlaps(
            self.first[chosen],
            self.second[chosen],
            self.iou[chosen],
            self.iof[chosen],
            self.same_category[chosen],
        )


def overlaps(first: Labels | Detections, second: Labels | Detections) -> Overlaps:
    """Find every pair of boxes that overlap, whatever their categories."""
    keys = group_keys(np.concatenate([first.image_ids, second.image_ids]))
    ours = BoxSet(keys[: len(first)], first.boxes)
    theirs = BoxSet(keys[len(first) :], second.boxes)
    i, j = close_pairs(ours, theirs, lambda p, q: intersections(p, q) > 0)
    a, b = first.boxes[i], second.boxes[j]
    same = first.category_ids[i] == second.category_ids[j]
    return Overlaps(i, j, ious(a, b), iofs(a, b), same)


def best_of_first(pairs: Overlaps, count: int) -> tuple[Floats, Integers]:
    """Highest IoU of each of `count` first boxes, and with which second box.

    Returns
    -------
    iou
        Shape (count,), 0 where there is no pair.
    second
        Shape (count,), −1 where there is no pair; the lowest position among equals.
    """
    # The first row of each run is its best pair; the lowest position wins a tie, as argmax would.
    order = np.lexsort((pairs.second, -pairs.iou, pairs.first))
    first, start = np.unique(pairs.first[order], return_index=True)
    iou, second = np.zeros(count), np.full(count, -1, dtype=np.int64)
    iou[first] = pairs.iou[order][start]
    second[first] = pairs.second[order][start]
    return iou, second


def partners(pairs: Overlaps, chosen: Integers, count: int) -> Integers:
    """Of each of `count` first boxes its partner in the pairs `chosen`, -1 where it has none."""
    partner = np.full(count, -1, dtype=np.int64)
    partner[pairs.first[chosen]] = pairs.second[chosen]
    return partner


def by_falling_score(detections: Detections) -> Integers:
    """Positions from the highest score to the lowest; ties by image id, then position."""
    return np.lexsort((detections.image_ids, -detections.scores))


def detection_limit(detections: Detections) -> int:
    """The limit a detector worked under: 300 boxes an image, or more where it gave more."""
    _, counts = np.unique(detections.image_ids, return_counts=True)
    # A plan for dense images lets a detector give more than 300 boxes; those must not be lost here.
    return int(counts.max(initial=MAX_DETECTIONS))


def best_scored(detections: Detections, max_detections: int) -> Mask:
    """Mark the `max_detections` best-scored detections of each image, shape (N,)."""
    # Stable, so that of equal scores the first of the list are kept, as pycocotools does.
    order = np.lexsort((-detections.scores, detections.image_ids))
    images = detections.image_ids[order]
    rank = np.arange(len(images)) - np.searchsorted(images, images, side="left")
    kept = np.zeros(len(detections), dtype=np.bool_)
    # A mask, so that who asks keeps the order of the detections.
    kept[order[rank < max_detections]] = True
    return kept


def match_by_score(detections: Detections, pairs: Overlaps) -> Integers:
    """Match one-to-one in score order; each detection takes its free truth of highest IoU.

    Parameters
    ----------
    detections
        The first set of `pairs`.
    pairs
        Only those pairs that may be matched.

    Returns
    -------
    Integers
        Position of the matched truth, −1 where there is none, shape (len(detections),).
    """
    # Position in score order of each detection, so that pairs can be sorted by it.
    rank = np.empty(len(detections), dtype=np.int64)
    rank[by_falling_score(detections)] = np.arange(len(detections))
    # Best score first; within one detection its closest truth first. Which truth is still free is
    # found out on the way, so pairs beyond the closest must stay in the list.
    order = np.lexsort((pairs.second, -pairs.iou, rank[pairs.first]))
    taken = order[one_to_one(pairs.first[order], pairs.second[order])]
    return partners(pairs, taken, len(detections))


def require_truth(truth: LabelSet, detections: Detections) -> None:
    """Raise ValueError where nothing can be measured: no truth, or detections on other images."""
    if not len(truth.labels):
        raise ValueError("there is no true box to compare the detections with")
    if not np.isin(detections.image_ids, truth.image_ids).all():
        raise ValueError("there are detections on images that the truth does not list")
