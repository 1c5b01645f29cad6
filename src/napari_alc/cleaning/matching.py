"""Which boxes of the crowd and of the two models speak of the same object.

Held here: the match graph (an edge joins boxes of different sets that agree) and its
connected components. The paper does not say how often a box may match. By default matching is
existential: a box may have several matches, so that duplicates of the crowd end up in one
component. The other reading is one-to-one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from napari_alc.boxes import Boxes, Integers, Mask, group_keys, ious, pairs_within_groups
from napari_alc.labels import Detections, Labels

Matching = Literal["existential", "one-to-one"]
"""How often a box may match boxes of one other set: as often as it agrees, or once."""


@dataclass(frozen=True)
class BoxSet:
    """Boxes that may only be compared where their keys are equal.

    Parameters
    ----------
    keys
        int64, shape (N,): one number for each (image, category), see `boxes.group_keys`.
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


def box_sets(*parts: Labels | Detections) -> list[BoxSet]:
    """The boxes of several sets, comparable where image and category are the same."""
    keys = group_keys(
        np.concatenate([part.image_ids for part in parts]),
        np.concatenate([part.category_ids for part in parts]),
    )
    ends = np.cumsum([len(part) for part in parts])
    split = zip(np.split(keys, ends[:-1]), parts, strict=True)
    return [BoxSet(part_keys, part.boxes) for part_keys, part in split]


@dataclass(frozen=True)
class Edges:
    """Matches between rows: row ``first[k]`` agrees with row ``second[k]`` (int64, shape (E,))."""

    first: Integers
    second: Integers


def matching_pairs(a: BoxSet, b: BoxSet, iou: float) -> Edges:
    """All pairs of equal key with IoU > `iou` (strict), as positions in `a` and in `b`."""
    first, second = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for i, j in pairs_within_groups(a.keys, b.keys):
        agree = ious(a.boxes[i], b.boxes[j]) > iou
        first.append(i[agree])
        second.append(j[agree])
    return Edges(np.concatenate(first), np.concatenate(second))


def closest_pairs(a: BoxSet, b: BoxSet, pairs: Edges) -> Edges:
    """The pairs that are left when every box is matched once, the closest boxes first.

    Greedy by falling IoU, among equals by position in `a`, then in `b`: the rule by which label
    noise is counted too. A matching of the most boxes would give up a close pair where that
    makes two distant ones, and so join boxes of different objects.
    """
    order = np.lexsort(
        (pairs.second, pairs.first, -ious(a.boxes[pairs.first], b.boxes[pairs.second]))
    )
    first, second = pairs.first[order], pairs.second[order]
    kept = [Edges(first[:0], second[:0])]
    while len(first):
        # A pair that comes before all others of both its boxes is taken whatever else is.
        taken = _is_first(first) & _is_first(second)
        kept.append(Edges(first[taken], second[taken]))
        free = ~np.isin(first, first[taken]) & ~np.isin(second, second[taken])
        first, second = first[free], second[free]
    return _joined(kept)


def _is_first(values: Integers) -> Mask:
    """Which of `values` occur for the first time, shape (N,)."""
    firsts = np.zeros(len(values), dtype=np.bool_)
    firsts[np.unique(values, return_index=True)[1]] = True
    return firsts


def _joined(parts: Sequence[Edges]) -> Edges:
    return Edges(
        np.concatenate([part.first for part in parts]),
        np.concatenate([part.second for part in parts]),
    )


def match_graph(sets: Sequence[BoxSet], iou: float, matching: Matching = "existential") -> Edges:
    """Matches between any two of `sets`; rows are numbered through the sets in their order.

    Two boxes match when image and category are the same and IoU > `iou`, the matching rule
    of the Label Selection Module. Boxes of the same set never match.

    Parameters
    ----------
    sets
        Boxes with comparable keys.
    iou
        Boxes match above this, in 0–1.
    matching
        ``"one-to-one"``: between any two sets, a box matches one box at most (`closest_pairs`).
    """
    offsets = np.cumsum([0, *(len(part) for part in sets)])
    found = []
    for a, b in combinations(range(len(sets)), 2):
        pairs = matching_pairs(sets[a], sets[b], iou)
        if matching == "one-to-one":
            pairs = closest_pairs(sets[a], sets[b], pairs)
        found.append(Edges(pairs.first + offsets[a], pairs.second + offsets[b]))
    return _joined(found)


def matched_rows(count: int, edges: Edges) -> Mask:
    """Which of `count` rows have a match, shape (count,)."""
    matched = np.zeros(count, dtype=np.bool_)
    matched[edges.first] = True
    matched[edges.second] = True
    return matched


def components(count: int, edges: Edges) -> Integers:
    """Connected component number of each of `count` rows, shape (count,), counted from 0."""
    links = np.ones(len(edges.first), dtype=np.bool_)
    graph = coo_array((links, (edges.first, edges.second)), shape=(count, count))
    _, numbers = connected_components(graph, directed=False)
    return np.asarray(numbers, dtype=np.int64)
