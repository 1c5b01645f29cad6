"""Step 2: what the method corrects by itself and what it leaves to a person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_alc.boxes import Integers, Mask, ious, pairs_within_groups
from napari_alc.cleaning.regions import GrayWithoutMp, Region, SortedLabels, Source


@dataclass(frozen=True, eq=False)
class Correction:
    """The fate of every box, as ascending row numbers (int64) of the sorted labels.

    Parameters
    ----------
    automatic
        Boxes that become clean labels: every Mp box, and of gray groups without any Mp box
        the Ma boxes, or the crowd's.
    review
        Boxes for a person: red, and green that hold no prediction.
    removed
        Green boxes dropped by the box-in-box module (Eq. 3).
    replaced
        Gray crowd boxes that are no labels themselves: automatic boxes stand in.
    """

    automatic: Integers
    review: Integers
    removed: Integers
    replaced: Integers


def _groups_with_mp(sorted_labels: SortedLabels) -> Mask:
    # By number of the group, so that each row can ask for its own.
    has_mp = np.zeros(int(sorted_labels.group.max(initial=-1)) + 1, dtype=np.bool_)
    has_mp[sorted_labels.group[sorted_labels.source == Source.MP]] = True
    return has_mp


def _crowd_of(sorted_labels: SortedLabels, ma: Mask) -> Mask:
    """For each Ma box of a gray group the crowd box of it with the highest IoU, shape (N,).

    So an object that the crowd drew twice is kept once. Among equals the first is taken.
    """
    ma_rows = np.flatnonzero(ma)
    crowd_rows = np.flatnonzero(sorted_labels.source == Source.CROWD)
    chosen = np.zeros(len(sorted_labels), dtype=np.bool_)
    groups, boxes = sorted_labels.group, sorted_labels.boxes
    for i, j in pairs_within_groups(groups[ma_rows], groups[crowd_rows]):
        overlap = ious(boxes[ma_rows[i]], boxes[crowd_rows[j]])
        # The first pair of each Ma box, when its pairs are ordered by falling overlap.
        order = np.lexsort((j, -overlap, i))
        chosen[crowd_rows[j[order[np.flatnonzero(np.diff(i[order], prepend=-1))]]]] = True
    return chosen


def correct(sorted_labels: SortedLabels, gray_without_mp: GrayWithoutMp = "ma") -> Correction:
    """Divide the sorted boxes into automatic labels, review, removed and replaced ones.

    Together with the gray Ma boxes that do not become labels, which nobody needs, the four
    lists hold every row exactly once.

    Parameters
    ----------
    sorted_labels
        Of images that no pathologist labels whole.
    gray_without_mp
        What a gray group without an Mp box keeps: its Ma boxes, or for each of them the crowd
        box that is closest to it. The paper does not say; both are readings.
    """
    region, source = sorted_labels.region, sorted_labels.source
    from_mp = source == Source.MP
    gray_ma = (source == Source.MA) & (region == Region.GRAY)
    # Where the group has an Mp box, that one is the label: Mp learned from the pathologists alone.
    stands_in = gray_ma & ~_groups_with_mp(sorted_labels)[sorted_labels.group]
    if gray_without_mp == "crowd":
        stands_in = _crowd_of(sorted_labels, stands_in)
    green = region == Region.GREEN
    # What lies inside is judged by itself; only the box drawn around it goes.
    removed = green & sorted_labels.box_in_box
    return Correction(
        automatic=np.flatnonzero(from_mp | stands_in),
        review=np.flatnonzero((region == Region.RED) | (green & ~removed)),
        removed=np.flatnonzero(removed),
        replaced=np.flatnonzero((source == Source.CROWD) & (region == Region.GRAY) & ~stands_in),
    )
