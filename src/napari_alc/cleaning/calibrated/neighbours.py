"""What stands beside a candidate in its image: stronger claims, company, and the crowd's boxes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from napari_alc.boxes import (
    Boxes,
    Floats,
    Integers,
    Mask,
    areas,
    group_keys,
    iofs,
    ious,
    pairs_within_groups,
)
from napari_alc.cleaning.calibrated.candidates import BoxCandidates
from napari_alc.labels import Labels, box_sets

COMPANY_STRENGTH = 0.3
"""Candidates above this strength count as company, and as what one covers."""

COVERED = 0.8
"""A stronger candidate lies within another of which this share or more is covered by it."""

SIDES_AROUND = 2.0
"""How far company reaches, in sides of the candidate (the root of its area)."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Of each candidate, shape (N,) each (calibrated method, step 4).

    Parameters
    ----------
    stronger_iou, stronger_cover
        Highest IoU with a stronger candidate of its category, and highest share of it that one of
        these covers; in 0–1.
    covered
        Number of stronger candidates of its category of which it covers more than 0.8.
    other_category
        Highest IoU × strength (at most 1) of a stronger candidate of another category; in 0–1.
    company
        Number of other candidates of strength above 0.3 whose middle lies within two sides.
    """

    stronger_iou: Floats
    stronger_cover: Floats
    covered: Floats
    other_category: Floats
    company: Floats


@dataclass(frozen=True, eq=False)
class _ImagePairs:
    """Candidates ``i`` (ascending) and ``j`` of an image; `starts`: the first pair of each i."""

    i: Integers
    j: Integers
    starts: Integers

    @classmethod
    def of(cls, i: Integers, j: Integers) -> Self:
        return cls(i, j, np.flatnonzero(np.diff(i, prepend=-1)))

    def highest(self, values: Floats, out: Floats) -> None:
        """The highest of each i's values."""
        out[self.i[self.starts]] = np.maximum.reduceat(values, self.starts)

    def count(self, is_so: Mask, out: Floats) -> None:
        """How many of each i's pairs are so."""
        out[self.i[self.starts]] = np.add.reduceat(is_so.astype(np.float64), self.starts)


def neighbours(candidates: BoxCandidates) -> Neighbours:
    """Compare the candidates of each image with one another, by their first boxes."""
    boxes, strength = candidates.first_boxes, candidates.strength
    found = Neighbours(*np.zeros((5, len(candidates))))
    for pairs in _within_images(candidates):
        i, j = pairs.i, pairs.j
        is_stronger = strength[j] > strength[i]
        is_same = candidates.category_ids[i] == candidates.category_ids[j]
        overlap = ious(boxes[i], boxes[j])
        above = is_stronger & is_same
        pairs.highest(above * overlap, found.stronger_iou)
        pairs.highest(above * iofs(boxes[j], boxes[i]), found.stronger_cover)
        is_company = strength[j] > COMPANY_STRENGTH
        inside = iofs(boxes[i], boxes[j]) > COVERED
        pairs.count(above & inside & is_company, found.covered)
        weight = np.minimum(strength[j], 1.0) * (is_stronger & ~is_same)
        pairs.highest(overlap * weight, found.other_category)
        pairs.count(_is_around(boxes, i, j) & is_company & (i != j), found.company)
    return found


def _within_images(candidates: BoxCandidates) -> Iterator[_ImagePairs]:
    keys = group_keys(candidates.image_ids)
    for i, j in pairs_within_groups(keys, keys):
        yield _ImagePairs.of(i, j)


def _is_around(boxes: Boxes, i: Integers, j: Integers) -> Mask:
    """Whether the middle of j lies within two sides of i's."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    side = np.sqrt(np.maximum(areas(boxes), 1.0))
    apart = middle[i] - middle[j]
    return np.asarray(np.hypot(apart[:, 0], apart[:, 1]) < SIDES_AROUND * side[i])


def nearest_crowd(candidates: BoxCandidates, crowd: Labels) -> Floats:
    """Highest IoU of any crowd box of the category with a candidate's first box, shape (N,)."""
    found = np.zeros(len(candidates))
    own, theirs = box_sets(
        Labels(
            candidates.image_ids,
            candidates.category_ids,
            candidates.first_boxes,
            np.arange(len(candidates)),
        ),
        crowd,
    )
    for i, j in pairs_within_groups(own.keys, theirs.keys):
        _ImagePairs.of(i, j).highest(ious(own.boxes[i], theirs.boxes[j]), found)
    return found
