"""The Label Selection Module (LSM): sorts every box of crowd, Mp and Ma into a region.

Gray boxes have a match in another set; pink, red and green ones are those of Mp, Ma and
the crowd that stand alone. Red and green boxes carry an evaluation score, the measure of
inconsistency that selection sums (Eq. 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from napari_alc.boxes import (
    Boxes,
    BoxSet,
    Floats,
    Integers,
    Mask,
    close_pairs,
    iofs,
    ious,
    pairs_within_groups,
)
from napari_alc.cleaning.matching import Edges, Matching, components, match_graph, matched_rows
from napari_alc.labels import Detections, Labels, box_sets


def holds_prediction(boxes: BoxSet, predictions: BoxSet, gamma: float = 0.8) -> Mask:
    """Which of `boxes` have a prediction inside them (Eq. 3).

    Parameters
    ----------
    boxes
        The green boxes, N of them.
    predictions
        Boxes of Mp and Ma together.
    gamma
        In 0–1: a prediction b lies inside a box when IoF(box | b) > `gamma` (strict).

    Returns
    -------
    Mask
        Shape (N,).
    """
    holds = np.zeros(len(boxes), dtype=np.bool_)
    holding, _ = close_pairs(boxes, predictions, lambda b, p: iofs(b, p) > gamma)
    holds[holding] = True
    return holds


Codes = NDArray[np.int8]

GrayWithoutMp = Literal["ma", "crowd"]
"""Whose boxes a gray group keeps that has no Mp box."""

GreenArgmax = Literal["overlapping", "literal"]
"""What "the Mp box with the highest IoU" means for a green box that none overlaps."""


class Region(IntEnum):
    """What the agreement of the three sets says about a box."""

    GRAY = 0
    PINK = 1
    RED = 2
    GREEN = 3

    @property
    def label(self) -> str:
        """The name in files and on screen."""
        return self.name.lower()


class Source(IntEnum):
    """Who proposes a box."""

    CROWD = 0
    MP = 1
    MA = 2

    @property
    def label(self) -> str:
        """The name in files and on screen."""
        return self.name.lower()


ALONE = np.array([Region.GREEN, Region.PINK, Region.RED], dtype=np.int8)
"""Region of a box without a match, by its `Source`."""


@dataclass(frozen=True)
class Thresholds:
    """Settings of the method's geometry, in 0–1, and readings where the paper is silent.

    Parameters
    ----------
    iou
        Boxes match above this intersection over union.
    gamma
        Box-in-box: a prediction lies inside a green box above this IoF (Eq. 3).
    score
        Predictions below this confidence are not sorted (tau).
    delta
        Consensus: a pathologist box is kept above this IoF (Eq. 1).
    green_score_from_all
        Whether the evaluation score of a green box looks at every Mp box given (True) or
        only at those with confidence `score` and more (a reading).
    matching
        How often a box may match boxes of another set (a reading). ``"one-to-one"`` makes
        further drawings of an object by the crowd green, unless they agree with a box of a
        model that the first drawing left free.
    gray_without_mp
        What becomes a label where the crowd and Ma agree and Mp saw nothing (a reading, for
        `correction.correct`): the Ma boxes, or the crowd's.
    green_argmax
        ``"overlapping"``: a green box has the evaluation score of the overlapping Mp box of
        highest IoU, 0 where none overlaps. ``"literal"``: what an argmax over the row of IoUs
        gives, which is the first Mp box of its image and category where all are 0 (a reading).

    Raises
    ------
    ValueError
        When a value lies outside 0–1, or there is no such reading.
    """

    iou: float = 0.5
    gamma: float = 0.8
    score: float = 0.5
    delta: float = 0.5
    green_score_from_all: bool = True
    matching: Matching = "existential"
    gray_without_mp: GrayWithoutMp = "ma"
    green_argmax: GreenArgmax = "overlapping"

    def __post_init__(self) -> None:
        for name, readings in _READINGS.items():
            if getattr(self, name) not in readings:
                raise ValueError(f"{name} must be one of {', '.join(readings)}")
        for name in ("iou", "gamma", "score", "delta"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must lie in 0–1, got {value}")


_READINGS: Mapping[str, tuple[str, ...]] = {
    "matching": get_args(Matching),
    "gray_without_mp": get_args(GrayWithoutMp),
    "green_argmax": get_args(GreenArgmax),
}


@dataclass(frozen=True, eq=False)
class SortedLabels:
    """Every crowd box, then every Mp, then every Ma box at or above the threshold.

    Within a source, rows keep the order of the input.

    Parameters
    ----------
    image_ids, category_ids
        int64, shape (N,).
    boxes
        float64, shape (N, 4), ``x1, y1, x2, y2`` in pixels.
    scores
        float64, shape (N,): confidence in 0–1, NaN for crowd boxes.
    source, region
        int8, shape (N,): values of `Source` and `Region`.
    index
        int64, shape (N,): position in the list the box came from.
    evaluation_score
        float64, shape (N,): in 0–1 for red and green boxes, NaN for the others.
    box_in_box
        bool, shape (N,): True for green boxes that hold a prediction (Eq. 3).
    group
        int64, shape (N,): connected component of the match graph; a box without a match
        has a group of its own.
    """

    image_ids: Integers
    category_ids: Integers
    boxes: Boxes
    scores: Floats
    source: Codes
    index: Integers
    region: Codes
    evaluation_score: Floats
    box_in_box: Mask
    group: Integers

    def __len__(self) -> int:
        return len(self.image_ids)

    def take(self, rows: Integers | Mask) -> Self:
        """The given rows (a mask or positions), in that order."""
        return type(self)(*(getattr(self, column.name)[rows] for column in fields(self)))

    def labels(self, rows: Integers) -> Labels:
        """The boxes at the given positions as labels, whose ids are these positions."""
        return Labels(self.image_ids[rows], self.category_ids[rows], self.boxes[rows], rows)


@dataclass(frozen=True)
class _Inputs:
    """The three sets with comparable keys; `mp` and `ma` hold rows at `mp_kept`, `ma_kept`."""

    crowd: BoxSet
    all_mp: BoxSet
    mp: BoxSet
    ma: BoxSet
    mp_kept: Integers
    ma_kept: Integers


def _prepare(crowd: Labels, mp: Detections, ma: Detections, score: float) -> _Inputs:
    of_crowd, of_mp, of_ma = box_sets(crowd, mp, ma)
    mp_kept = np.flatnonzero(mp.scores >= score)
    ma_kept = np.flatnonzero(ma.scores >= score)
    # Everything Mp proposes is kept beside what counts: weak boxes may score a green one.
    return _Inputs(of_crowd, of_mp, of_mp.take(mp_kept), of_ma.take(ma_kept), mp_kept, ma_kept)


def _score_of_best(
    boxes: BoxSet, predictions: BoxSet, scores: Floats, argmax: GreenArgmax
) -> Floats:
    """Confidence of the prediction with the highest IoU with each box, 0 where none overlaps.

    Of several predictions with the same IoU the most confident counts, so that the order of
    the predictions does not matter; with the literal argmax the first one does, also where
    none overlaps, and 0 stands where there is no prediction at all.
    """
    best = np.zeros(len(boxes))
    for i, j in pairs_within_groups(boxes.keys, predictions.keys):
        overlap = ious(boxes.boxes[i], predictions.boxes[j])
        # A chunk holds all pairs of a box, side by side, so each run of i is one box.
        starts = np.flatnonzero(np.diff(i, prepend=-1))
        highest = np.maximum.reduceat(overlap, starts)
        # Exactly equal: what is compared was computed once, so no rounding can part a tie.
        wins = overlap == np.repeat(highest, np.diff(starts, append=len(i)))
        if argmax == "literal":
            # The first winner at or behind each run's start, which is what argmax would name.
            winners = np.flatnonzero(wins)
            best[i[starts]] = scores[j[winners[np.searchsorted(winners, starts)]]]
        else:
            wins &= overlap > 0
            best[i[starts]] = np.maximum.reduceat(np.where(wins, scores[j], 0.0), starts)
    return best


def _regions(source: Codes, edges: Edges) -> Codes:
    matched = matched_rows(len(source), edges)
    # A match in any other set makes a box gray; who stands alone is told apart by the set.
    return np.where(matched, np.int8(Region.GRAY), ALONE[source])


def _row_scores(inputs: _Inputs, mp: Detections, ma: Detections) -> Floats:
    # NaN, not 0: nobody asked the crowd how sure it was, and no sum may count it.
    unknown = np.full(len(inputs.crowd), np.nan)
    return np.concatenate([unknown, mp.scores[inputs.mp_kept], ma.scores[inputs.ma_kept]])


def _green_scores(inputs: _Inputs, green: BoxSet, mp: Detections, thresholds: Thresholds) -> Floats:
    if thresholds.green_score_from_all:
        return _score_of_best(green, inputs.all_mp, mp.scores, thresholds.green_argmax)
    kept = mp.scores[inputs.mp_kept]
    return _score_of_best(green, inputs.mp, kept, thresholds.green_argmax)


def sort_labels(
    crowd: Labels, mp: Detections, ma: Detections, thresholds: Thresholds
) -> SortedLabels:
    """Sort the boxes of the crowd and of both models into regions (LSM).

    Parameters
    ----------
    crowd
        Every box is sorted, whatever the thresholds.
    mp, ma
        Everything the two models propose; boxes below ``thresholds.score`` are left out
        here, save that they may lend a green box its evaluation score.
    thresholds
        The method's settings.

    Returns
    -------
    SortedLabels
        One row for each crowd box and each prediction at or above the threshold.
    """
    inputs = _prepare(crowd, mp, ma, thresholds.score)
    sets = (inputs.crowd, inputs.mp, inputs.ma)
    source = np.repeat(np.arange(3, dtype=np.int8), [len(part) for part in sets])
    # Boxes of one set never match: a source cannot agree with itself.
    edges = match_graph(sets, thresholds.iou, thresholds.matching)
    region = _regions(source, edges)
    scores = _row_scores(inputs, mp, ma)

    # Crowd rows come first, so a green row's number is its position in the crowd's list.
    green_rows = np.flatnonzero(region == Region.GREEN)
    green = inputs.crowd.take(green_rows)
    # A red box is worth what Ma thinks of it; what the crowd drew has no confidence of its own.
    evaluation = np.where(region == Region.RED, scores, np.nan)
    evaluation[green_rows] = _green_scores(inputs, green, mp, thresholds)
    box_in_box = np.zeros(len(source), dtype=np.bool_)
    # Against predictions that count only: a weak one inside would delete a box of the crowd.
    box_in_box[green_rows] = holds_prediction(green, inputs.mp.joined(inputs.ma), thresholds.gamma)
    kept_mp, kept_ma = mp.take(inputs.mp_kept), ma.take(inputs.ma_kept)
    parts = (crowd, kept_mp, kept_ma)
    return SortedLabels(
        image_ids=np.concatenate([part.image_ids for part in parts]),
        category_ids=np.concatenate([part.category_ids for part in parts]),
        boxes=np.concatenate([part.boxes for part in parts]),
        scores=scores,
        source=source,
        # Positions in the lists given, not among the boxes kept: who stores them knows those.
        index=np.concatenate([np.arange(len(crowd)), inputs.mp_kept, inputs.ma_kept]),
        region=region,
        evaluation_score=evaluation,
        box_in_box=box_in_box,
        # A component may hold several boxes of one set: duplicates of the crowd share a fate.
        group=components(len(source), edges),
    )
