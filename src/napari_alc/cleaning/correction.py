"""Step 2: what the method corrects by itself and what it leaves to a person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_alc.boxes import Integers, Mask
from napari_alc.cleaning.regions import Region, SortedLabels, Source


@dataclass(frozen=True, eq=False)
class Correction:
    """The fate of every box, as ascending row numbers (int64) of the sorted labels.

    Parameters
    ----------
    automatic
        Boxes that become clean labels: every Mp box, and the Ma boxes of gray groups
        without any Mp box.
    review
        Boxes for a person: red, and green that hold no prediction.
    removed
        Green boxes dropped by the box-in-box module (Eq. 3).
    replaced
        Gray crowd boxes, for which automatic boxes stand in.
    """

    automatic: Integers
    review: Integers
    removed: Integers
    replaced: Integers


def _groups_with_mp(sorted_labels: SortedLabels) -> Mask:
    has_mp = np.zeros(int(sorted_labels.group.max(initial=-1)) + 1, dtype=np.bool_)
    has_mp[sorted_labels.group[sorted_labels.source == Source.MP]] = True
    return has_mp


def correct(sorted_labels: SortedLabels) -> Correction:
    """Divide the sorted boxes into automatic labels, review, removed and replaced ones.

    Together with the gray Ma boxes of groups that have an Mp box, which nobody needs,
    the four lists hold every row exactly once.
    """
    region, source = sorted_labels.region, sorted_labels.source
    from_mp = source == Source.MP
    gray_ma = (source == Source.MA) & (region == Region.GRAY)
    stands_in = gray_ma & ~_groups_with_mp(sorted_labels)[sorted_labels.group]
    green = region == Region.GREEN
    removed = green & sorted_labels.box_in_box
    return Correction(
        automatic=np.flatnonzero(from_mp | stands_in),
        review=np.flatnonzero((region == Region.RED) | (green & ~removed)),
        removed=np.flatnonzero(removed),
        replaced=np.flatnonzero((source == Source.CROWD) & (region == Region.GRAY)),
    )
