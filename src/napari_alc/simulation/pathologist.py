"""A pathologist who knows the clean labels and reviews by the method's rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_alc.boxes import (
    BACKGROUND_IOU,
    Boxes,
    Integers,
    Mask,
    close_pairs,
    closest_first,
    iof_matrix,
    iou_matrix,
    ious,
)
from napari_alc.labels import Labels, box_sets

SEEN_IOU = 0.3
"""A pathologist looking at a box sees every object that overlaps it this much."""

SEEN_IOF = 0.5
"""Or of which the box covers more than this share."""

REPRESENTED_IOU = 0.5
"""An object is done when an accepted box of its category overlaps it this much."""

GOOD_ENOUGH_IOU = 0.75
"""A box that overlaps the truth this much is kept without touching it (edit price)."""


@dataclass(frozen=True, eq=False)
class ReviewedBoxes:
    """What became of each reviewed box.

    Parameters
    ----------
    replacements
        One array a proposal, in their order: positions in the truth of the objects that
        replaced it, the one of highest IoU first. Empty where the box was deleted.
    labels
        All replacing truth boxes, in the order of the review.
    """

    replacements: tuple[Integers, ...]
    labels: Labels

    @property
    def drawn(self) -> Integers:
        """Positions in the truth of the objects drawn beside the one that replaced a box."""
        beside = (objects[1:] for objects in self.replacements)
        return np.concatenate([np.empty(0, dtype=np.int64), *beside])


def same_objects(offered: Labels, truth: Labels) -> Integers:
    """Which object each box stands for when a whole image is labelled (our reading).

    Boxes are paired one-to-one with objects of their image and category, the closest first,
    as far as their IoU is above 0.1.

    Returns
    -------
    Integers
        Shape (N,): positions in the truth, -1 where a box stands for none.
    """
    boxes, objects = box_sets(offered, truth)
    box, found = close_pairs(boxes, objects, lambda p, q: ious(p, q) > BACKGROUND_IOU)
    # A box that overlaps less is no displaced drawing of the object (method, "Label noise").
    matched = closest_first(box, found, ious(offered.boxes[box], truth.boxes[found]))
    partner = np.full(len(offered), -1, dtype=np.int64)
    partner[box[matched]] = found[matched]
    return partner


def good_enough(offered: Labels, objects: Labels) -> Mask:
    """Which boxes a person keeps as they are, shape (N,).

    Those of the category of their object that overlap it with IoU >= `GOOD_ENOUGH_IOU` (our
    reading).

    Parameters
    ----------
    offered, objects
        N boxes, each beside the object that it stands for.
    """
    close = ious(offered.boxes, objects.boxes) >= GOOD_ENOUGH_IOU
    return np.asarray(close & (offered.category_ids == objects.category_ids))


def edits(offered: Labels, truth: Labels) -> int:
    """What labelling whole images takes: boxes added, moved and deleted (edit price).

    A box is moved that stands for an object, and is not `good_enough`.

    Parameters
    ----------
    offered
        The boxes that a person finds in the images.
    truth
        Clean labels of the same images, and of no others.
    """
    partner = same_objects(offered, truth)
    paired = partner >= 0
    untouched = int(good_enough(offered.take(paired), truth.take(partner[paired])).sum())
    return len(offered) + len(truth) - int(paired.sum()) - untouched


def review_boxes(proposals: Labels, accepted: Labels, truth: Labels) -> ReviewedBoxes:
    """Review red and green boxes one by one (method, "Simulated pathologist").

    For each box r every true box g of its image, of any category (a pathologist corrects a
    wrong category too), with IoU(r, g) >= 0.3 or IoF(r | g) > 0.5 is added with g's coordinates
    and category, unless an accepted box of g's category has IoU >= 0.5 with it; r itself goes.
    Objects that no proposal shows stay missed.

    Parameters
    ----------
    proposals
        The boxes under review, in the order in which they are looked at.
    accepted
        Automatic labels of the same images, and boxes accepted before.
    truth
        Clean labels.
    """
    replacements = [np.empty(0, dtype=np.int64)] * len(proposals)
    for image_id in np.unique(proposals.image_ids):
        rows = np.flatnonzero(proposals.image_ids == image_id)
        here = np.flatnonzero(truth.image_ids == image_id)
        objects = truth.take(here)
        done = _represented(objects, accepted.of_images([image_id]))
        for row, found in zip(rows, _review(proposals.boxes[rows], objects, done), strict=True):
            replacements[row] = here[found]
    added = np.concatenate([np.empty(0, dtype=np.int64), *replacements])
    return ReviewedBoxes(tuple(replacements), truth.take(added))


def _represented(objects: Labels, accepted: Labels) -> Mask:
    same = objects.category_ids[:, None] == accepted.category_ids[None, :]
    close = iou_matrix(objects.boxes, accepted.boxes) >= REPRESENTED_IOU
    return np.asarray((close & same).any(axis=1))


def _review(boxes: Boxes, objects: Labels, done: Mask) -> list[Integers]:
    """Go through the boxes of one image; positions in `objects` that each is replaced with."""
    iou = iou_matrix(boxes, objects.boxes)
    # A box over several objects overlaps each of them little, but covers them.
    seen = (iou >= SEEN_IOU) | (iof_matrix(boxes, objects.boxes) > SEEN_IOF)
    found = []
    for box in range(len(boxes)):
        new = np.flatnonzero(seen[box] & ~done)
        # An object accepted for one box is not offered again by the next box over it.
        done = done | _represented(objects, objects.take(new))
        # The closest one takes the place of the box, further ones are drawn beside it.
        found.append(new[np.argsort(-iou[box, new], kind="stable")])
    return found
