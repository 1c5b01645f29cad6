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

from napari_alc.boxes import BoxSet, Integers, Mask, close_pairs, closest_first, ious

Matching = Literal["existential", "one-to-one"]
"""How often a box may match boxes of one other set: as often as it agrees, or once."""


@dataclass(frozen=True)
class Edges:
    """Matches between rows: row ``first[k]`` agrees with row ``second[k]`` (int64, shape (E,))."""

    first: Integers
    second: Integers


def matching_pairs(a: BoxSet, b: BoxSet, iou: float) -> Edges:
    """All pairs of equal key with IoU > `iou` (strict), as positions in `a` and in `b`."""
    return Edges(*close_pairs(a, b, lambda p, q: ious(p, q) > iou))


def closest_pairs(a: BoxSet, b: BoxSet, pairs: Edges) -> Edges:
    """One-to-one choice of `pairs`, the closest first.

    This is how label noise is counted too. A matching of the most boxes would give up a close pair
    where that makes two distant ones, and so join boxes of different objects.
    """
    overlap = ious(a.boxes[pairs.first], b.boxes[pairs.second])
    chosen = closest_first(pairs.first, pairs.second, overlap)
    return Edges(pairs.first[chosen], pairs.second[chosen])


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
    # Rows of all sets are numbered through, so that one graph can hold matches of any two.
    offsets = np.cumsum([0, *(len(part) for part in sets)])
    found = []
    for a, b in combinations(range(len(sets)), 2):
        pairs = matching_pairs(sets[a], sets[b], iou)
        # Between two sets at a time: a crowd box may match a box of Mp and one of Ma.
        if matching == "one-to-one":
            pairs = closest_pairs(sets[a], sets[b], pairs)
        found.append(Edges(pairs.first + offsets[a], pairs.second + offsets[b]))
    return Edges(
        np.concatenate([pairs.first for pairs in found]),
        np.concatenate([pairs.second for pairs in found]),
    )


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
    # A chain counts as one: crowd and Ma may agree only by way of Mp's box.
    _, numbers = connected_components(graph, directed=False)
    return np.asarray(numbers, dtype=np.int64)
