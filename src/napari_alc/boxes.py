"""Geometry of axis-aligned boxes, and which of them belong together.

Boxes are float64 arrays of shape (N, 4) holding ``x1, y1, x2, y2`` in pixels, with
the origin at the image's upper left corner, ``x2 >= x1`` and ``y2 >= y1``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Boxes = NDArray[np.float64]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Mask = NDArray[np.bool_]

Corners = tuple[float, float, float, float]
"""A single box, ``x1, y1, x2, y2``."""

MATCH_IOU = 0.5
"""Two boxes of a category with a higher IoU are the same object (method, notation)."""

BACKGROUND_IOU = 0.1
"""A box that overlaps every object this little lies on background (method, "Label noise")."""

PAIRS_AT_ONCE = 2_000_000
"""Upper bound on the box pairs held in memory at a time (about 200 MB of temporaries)."""


def as_boxes(values: ArrayLike) -> Boxes:
    """Return `values` as a float64 array of shape (N, 4), also when it is empty."""
    return np.asarray(values, dtype=np.float64).reshape(-1, 4)


def corners_of(box: Floats) -> Corners:
    """A row of `Boxes` in Python's own numbers."""
    x1, y1, x2, y2 = box.tolist()
    return x1, y1, x2, y2


def xywh_to_xyxy(boxes: ArrayLike) -> Boxes:
    """Turn COCO's ``x, y, width, height`` into corner coordinates."""
    boxes = as_boxes(boxes)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)


def xyxy_to_xywh(boxes: ArrayLike) -> Boxes:
    """Turn corner coordinates into COCO's ``x, y, width, height``."""
    boxes = as_boxes(boxes)
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def areas(boxes: Boxes) -> Floats:
    """Areas in square pixels, shape (N,)."""
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))


def clip(boxes: Boxes, width: float | Floats, height: float | Floats) -> Boxes:
    """Cut boxes to images of `width` × `height` pixels (scalars or one value a box)."""
    clipped = boxes.copy()
    clipped[:, 0::2] = np.clip(boxes[:, 0::2], 0, np.reshape(width, (-1, 1)))
    clipped[:, 1::2] = np.clip(boxes[:, 1::2], 0, np.reshape(height, (-1, 1)))
    return clipped


def intersections(a: Boxes, b: Boxes) -> Floats:
    """Area shared by ``a[i]`` and ``b[i]``, shape (N,)."""
    # Negative where the boxes are apart: two negative sides would make a positive area.
    width = np.minimum(a[:, 2], b[:, 2]) - np.maximum(a[:, 0], b[:, 0])
    height = np.minimum(a[:, 3], b[:, 3]) - np.maximum(a[:, 1], b[:, 1])
    return np.asarray(np.maximum(width, 0.0) * np.maximum(height, 0.0))


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def ious(a: Boxes, b: Boxes) -> Floats:
    """Intersection over union of ``a[i]`` and ``b[i]``, in 0–1; 0 for boxes without area."""
    shared = intersections(a, b)
    return _ratio(shared, areas(a) + areas(b) - shared)


def iofs(a: Boxes, b: Boxes) -> Floats:
    """IoF(a | b) = area(a ∩ b) / area(b) of ``a[i]`` and ``b[i]``: the share of b that a covers."""
    return _ratio(intersections(a, b), areas(b))


def _all_pairs(a: Boxes, b: Boxes) -> tuple[Boxes, Boxes]:
    return np.repeat(a, len(b), axis=0), np.tile(b, (len(a), 1))


def iou_matrix(a: Boxes, b: Boxes) -> Floats:
    """Intersection over union of every ``a[i]`` with every ``b[j]``, shape (N, M)."""
    return ious(*_all_pairs(a, b)).reshape(len(a), len(b))


def iof_matrix(a: Boxes, b: Boxes) -> Floats:
    """IoF(a | b) of every ``a[i]`` with every ``b[j]``, shape (N, M)."""
    return iofs(*_all_pairs(a, b)).reshape(len(a), len(b))


def group_keys(*columns: Integers) -> Integers:
    """Number the distinct rows of equally long integer columns, such as (image, category).

    Two positions share a key exactly when they agree in all columns. To compare several
    sets, pass their concatenated columns and split the result.
    """
    keys = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        _, codes = np.unique(column, return_inverse=True)
        # Codes are dense, so a key stays far below 2**63 where ids themselves could be any number.
        keys = keys * (int(codes.max(initial=0)) + 1) + codes
    return keys


def pairs_within_groups(
    a_keys: Integers, b_keys: Integers, at_once: int = PAIRS_AT_ONCE
) -> Iterator[tuple[Integers, Integers]]:
    """Yield index arrays ``(i, j)`` of all pairs with ``a_keys[i] == b_keys[j]``.

    Every pair comes exactly once; ``i`` is ascending within its group. A chunk holds at most
    `at_once` pairs, or the pairs of one ``i`` where these alone are more.
    """
    # Sorted by key, the partners of each i are one run: no table of all pairs is ever made.
    order = np.argsort(b_keys, kind="stable")
    ordered = b_keys[order]
    first = np.searchsorted(ordered, a_keys, side="left")
    counts = np.searchsorted(ordered, a_keys, side="right") - first
    ends = np.cumsum(counts)
    start = 0
    while start < len(a_keys):
        # As many whole rows as fit; one that alone is larger comes by itself, so this always ends.
        offset = ends[start - 1] if start else 0
        stop = max(int(np.searchsorted(ends, offset + at_once, side="right")), start + 1)
        count = counts[start:stop]
        i = np.repeat(np.arange(start, stop), count)
        within = np.arange(len(i)) - np.repeat(np.cumsum(count) - count, count)
        if len(i):
            yield i, order[np.repeat(first[start:stop], count) + within]
        start = stop


@dataclass(frozen=True)
class BoxSet:
    """Boxes that may only be compared where their keys are equal.

    Parameters
    ----------
    keys
        int64, shape (N,): one number for each (image, category), see `group_keys`.
    boxes
        float64, shape (N, 4), ``x1, y1, x2, y2`` in pixels.
    """

    keys: Integers
    boxes: Boxes

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, index: Integers | Mask) -> BoxSet:
        """The boxes at `index` (a mask or positions), in that order."""
        return BoxSet(self.keys[index], self.boxes[index])

    def joined(self, other: BoxSet) -> BoxSet:
        """These boxes followed by those of `other`."""
        return BoxSet(
            np.concatenate([self.keys, other.keys]), np.concatenate([self.boxes, other.boxes])
        )


def close_pairs(
    a: BoxSet, b: BoxSet, is_close: Callable[[Boxes, Boxes], Mask]
) -> tuple[Integers, Integers]:
    """Positions ``(i, j)`` of all pairs of equal key whose boxes are close.

    Only close pairs are held in memory, however many there are to compare.
    """
    found_i, found_j = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for i, j in pairs_within_groups(a.keys, b.keys):
        close = is_close(a.boxes[i], b.boxes[j])
        found_i.append(i[close])
        found_j.append(j[close])
    return np.concatenate(found_i), np.concatenate(found_j)


def one_to_one(first: Integers, second: Integers) -> Integers:
    """Go through pairs in the order given and keep each whose two boxes are both still free.

    Parameters
    ----------
    first, second
        Positions in the two sets, shape (K,).

    Returns
    -------
    Integers
        Which pairs are kept, ascending.
    """
    # Each choice depends on all before it: no whole-array form is as quick on few pairs.
    taken_first: set[int] = set()
    taken_second: set[int] = set()
    kept = []
    for pair, (i, j) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        if i not in taken_first and j not in taken_second:
            kept.append(pair)
            taken_first.add(i)
            taken_second.add(j)
    return np.array(kept, dtype=np.int64)


def closest_first(first: Integers, second: Integers, overlap: Floats) -> Integers:
    """Match pairs one-to-one, those of the highest overlap first.

    Parameters
    ----------
    first, second
        Positions in the two sets, shape (K,): only pairs that may be matched.
    overlap
        Of each pair, shape (K,). Among equals the lowest first, then second position comes first,
        so that the result does not hang on the order of the pairs.

    Returns
    -------
    Integers
        Which pairs are matched, the closest first.
    """
    # The last key counts first: overlap, then the positions.
    order = np.lexsort((second, first, -overlap))
    return order[one_to_one(first[order], second[order])]
