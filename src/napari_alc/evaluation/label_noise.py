"""How noisy a label set is: each box's type of noise against clean labels."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from napari_alc.boxes import BACKGROUND_IOU, MATCH_IOU, Integers, Mask, closest_first
from napari_alc.evaluation.matching import Overlaps, best_of_first, overlaps, partners
from napari_alc.labels import LabelSet

CONTAINED_IOF = 0.8
"""A truth lies inside a label that covers more than this share of it."""


@dataclass(frozen=True, eq=False)
class LabelNoise:
    """Noise of a label set; every label has exactly one type, every truth is matched or missed.

    Parameters
    ----------
    clean, location, box_in_box, background
        Labels of each type; they add up to the number of labels.
    miss
        Truths without a matched label; ``clean + miss`` is the number of truths.
    precision, recall
        ``clean`` per label and per truth, 0–1; 1 where there is nothing to be wrong about.
    f1
        Their harmonic mean, 0–1.
    types
        The type of each label, in words as above, shape (N,).
    missed
        Which truths are missed, shape (M,).
    """

    clean: int
    location: int
    box_in_box: int
    background: int
    miss: int
    precision: float
    recall: float
    f1: float
    types: NDArray[np.str_]
    missed: Mask

    def figures(self) -> dict[str, float]:
        """Counts and ratios by name, as reports show them."""
        names = [f.name for f in fields(self) if f.name not in ("types", "missed")]
        return {name: getattr(self, name) for name in names}


def compare_labels(truth: LabelSet, labels: LabelSet) -> LabelNoise:
    """Sort every label into one type of noise (method, "Label noise").

    The types are tested in this order:

    1. *clean*: matched one-to-one with a truth of its category at IoU > 0.5, closest pairs
       first;
    2. *box-in-box*: holds at least two truths of its category, each to more than 0.8;
    3. *location*: overlaps some truth with IoU > 0.1. Besides misplaced boxes these are
       duplicates of a matched box and boxes of the wrong category: there is an object, so
       they are not background;
    4. *background*: the rest.

    Parameters
    ----------
    truth
        Clean labels.
    labels
        The labels to judge, on the same images and with the same category ids.
    """
    judged = labels.labels
    pairs = overlaps(judged, truth.labels)
    partner = _closest_first(pairs, len(judged))
    # Of any category: a box with the wrong name still shows that something is there.
    best, _ = best_of_first(pairs, len(judged))
    # Every truth in it counts here, matched or not: the box hides them all.
    inside = pairs.first[pairs.same_category & (pairs.iof > CONTAINED_IOF)]
    # `select` takes the first condition that holds, so this list is the order of the docstring.
    types = np.select(
        [partner >= 0, np.bincount(inside, minlength=len(judged)) >= 2, best > BACKGROUND_IOU],
        ["clean", "box_in_box", "location"],
        default="background",
    )
    missed = np.ones(len(truth.labels), dtype=np.bool_)
    missed[partner[partner >= 0]] = False
    return _summary(types, missed)


def _closest_first(pairs: Overlaps, count: int) -> Integers:
    # As the LSM matches, so that a clean label is one that a perfect model would confirm.
    close = pairs.where(pairs.same_category & (pairs.iou > MATCH_IOU))
    return partners(close, closest_first(close.first, close.second, close.iou), count)


def _summary(types: NDArray[np.str_], missed: Mask) -> LabelNoise:
    clean = int((types == "clean").sum())
    labels, truths = len(types), len(missed)
    return LabelNoise(
        clean=clean,
        location=int((types == "location").sum()),
        box_in_box=int((types == "box_in_box").sum()),
        background=int((types == "background").sum()),
        miss=int(missed.sum()),
        precision=clean / labels if labels else 1.0,
        recall=clean / truths if truths else 1.0,
        f1=2 * clean / (labels + truths) if labels + truths else 1.0,
        types=types,
        missed=missed,
    )
