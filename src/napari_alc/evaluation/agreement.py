"""How far two readers of the same images agree."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from napari_alc.boxes import MATCH_IOU
from napari_alc.evaluation.matching import overlaps
from napari_alc.labels import Labels


def matched_f1(first: Labels, second: Labels) -> float:
    """F1 of the boxes of two readers, the same whoever is named first.

    Boxes of the same image and category with IoU ≥ 0.5 are paired one-to-one so that
    there are as many pairs as possible.

    Parameters
    ----------
    first, second
        What the two readers took for objects, on the same images.

    Returns
    -------
    float
        Twice the number of pairs by the number of boxes, in 0–1; 1 where neither found any.
    """
    boxes = len(first) + len(second)
    return 2 * _most_pairs(first, second) / boxes if boxes else 1.0


def _most_pairs(first: Labels, second: Labels) -> int:
    if not len(first) or not len(second):
        return 0
    pairs = overlaps(first, second)
    pairs = pairs.where(pairs.same_category & (pairs.iou >= MATCH_IOU))
    links = np.ones(len(pairs.first), dtype=np.bool_)
    graph = csr_array((links, (pairs.first, pairs.second)), shape=(len(first), len(second)))
    # Of pairs taken one by one there may be fewer, by whose boxes come first where overlaps tie.
    return int((maximum_bipartite_matching(graph) >= 0).sum())


def cohens_kappa(first: Sequence[bool], second: Sequence[bool]) -> float | None:
    """Cohen's kappa of two readers' verdicts on the same boxes.

    Parameters
    ----------
    first, second
        Whether each reader keeps each box.

    Returns
    -------
    float or None
        At most 1; 0 where they agree no more than by chance. None where it is not defined:
        there is no box, or both readers said the same of all of them, so that chance alone
        would make them agree.

    Raises
    ------
    ValueError
        When the readers did not judge the same number of boxes.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} verdicts cannot be compared")
    boxes = len(first)
    keeps_1, keeps_2 = sum(first), sum(second)
    # In whole numbers, so that "by chance always" is met exactly.
    by_chance = keeps_1 * keeps_2 + (boxes - keeps_1) * (boxes - keeps_2)
    if by_chance == boxes**2:
        return None
    agreed = sum(a == b for a, b in zip(first, second, strict=True))
    return (boxes * agreed - by_chance) / (boxes**2 - by_chance)
