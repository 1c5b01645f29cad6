"""TIDE: what each kind of detection error costs in AP50.

After Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors", 2020,
in the reading of the method's section "Metrics".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from napari_alc.boxes import BACKGROUND_IOU, MATCH_IOU, Integers, Mask
from napari_alc.evaluation.average_precision import RECALL_POINTS
from napari_alc.evaluation.matching import (
    MAX_DETECTIONS,
    best_of_first,
    best_scored,
    by_falling_score,
    match_by_score,
    overlaps,
    require_truth,
)
from napari_alc.labels import Detections, Labels, LabelSet

ErrorType = Literal["Cls", "Loc", "Both", "Dupe", "Bkg", "Miss"]


@dataclass(frozen=True, eq=False)
class TideErrors:
    """AP50 and what repairing each error type alone would add to it, in percent points.

    Parameters
    ----------
    ap50
        Average precision at IoU 0.5, in percent.
    cls, loc, both, dupe, bkg, miss
        dAP of wrong category, poor location, both, duplicates, background and missed truths.
    types
        For each detection ``"TP"``, its error type, or ``""`` beyond the limit, shape (N,).
    missed
        For each truth whether it counts as missed, shape (M,).
    """

    ap50: float
    cls: float
    loc: float
    both: float
    dupe: float
    bkg: float
    miss: float
    types: NDArray[np.str_]
    missed: Mask

    def gains(self) -> dict[str, float]:
        """What each type costs (dAP), in percent points by TIDE's own names, in TIDE's order."""
        values = (self.cls, self.loc, self.both, self.dupe, self.bkg, self.miss)
        return dict(zip(get_args(ErrorType), values, strict=True))


@dataclass(frozen=True, eq=False)
class _Points:
    """What AP50 is computed from: detections in score order, and truths per category."""

    category_ids: Integers
    correct: Mask
    truth_category_ids: Integers
    categories: Integers

    def ap50(self) -> float:
        values = [self._of(category) for category in self.categories]
        counted = [value for value in values if value is not None]
        return sum(counted) / len(counted) if counted else 0.0

    def _of(self, category: int) -> float | None:
        truths = int((self.truth_category_ids == category).sum())
        correct = self.correct[self.category_ids == category]
        if not truths:
            # As in the original: a category emptied by the Miss oracle counts as 0 when it has
            # detections, and drops out of the mean when it has none.
            return 0.0 if len(correct) else None
        return _interpolated_precision(correct, truths)


def _interpolated_precision(correct: Mask, truths: int) -> float:
    found = np.cumsum(correct)
    recall = found / truths
    precision = found / np.arange(1, len(correct) + 1)
    # Precision at recall r is the best at any recall of r or more, hence from the right.
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    # Beyond the highest recall precision is 0, hence the 0 put behind the envelope.
    at = np.searchsorted(recall, RECALL_POINTS, side="left")
    return float(100 * np.append(envelope, 0.0)[at].mean())


@dataclass(frozen=True, eq=False)
class _Verdicts:
    """Type of each detection (shape (N,)), the truth it points at, and which truths are taken."""

    types: NDArray[np.str_]
    target: Integers
    used: Mask


def _judge(truth: Labels, detections: Detections) -> _Verdicts:
    pairs = overlaps(detections, truth)
    count = len(detections)
    # Here 0.5 itself matches, as in TIDE and pycocotools; the method's own rule is above 0.5.
    may_match = pairs.same_category & (pairs.iou >= MATCH_IOU)
    partner = match_by_score(detections, pairs.where(may_match))
    same, same_at = best_of_first(pairs.where(pairs.same_category), count)
    other, other_at = best_of_first(pairs.where(~pairs.same_category), count)
    conditions: dict[str, Mask] = {
        "TP": partner >= 0,
        "Loc": (same >= BACKGROUND_IOU) & (same <= MATCH_IOU),
        "Cls": other >= MATCH_IOU,
        # A same-category truth in reach of an unmatched detection is always a used one.
        "Dupe": same >= MATCH_IOU,
        "Bkg": np.maximum(same, other) <= BACKGROUND_IOU,
    }
    # The first condition that holds decides, and this order is TIDE's: a box that could be called
    # Loc and Cls at once is Loc.
    types = np.select(list(conditions.values()), list(conditions), default="Both")
    target = np.select(
        [types == "TP", types == "Loc", types == "Cls"], [partner, same_at, other_at], default=-1
    )
    used = np.zeros(len(truth), dtype=np.bool_)
    used[partner[partner >= 0]] = True
    return _Verdicts(types, target, used)


def _repairable(verdicts: _Verdicts) -> Mask:
    """Mark the Loc and Cls errors that become true positives: best-scored one of a free truth.

    Detections come in score order, so the first that points at a truth is its best.
    """
    candidates = np.flatnonzero(np.isin(verdicts.types, ["Loc", "Cls"]))
    # A truth that is matched already can be found only once; mending another box of it gains none.
    candidates = candidates[~verdicts.used[verdicts.target[candidates]]]
    _, first = np.unique(verdicts.target[candidates], return_index=True)
    chosen = np.zeros(len(verdicts.types), dtype=np.bool_)
    chosen[candidates[first]] = True
    return chosen


def _repair(
    points: _Points, truth: Labels, verdicts: _Verdicts, chosen: Mask, error: ErrorType
) -> float:
    """Return AP50 once all errors of one type are mended."""
    wrong = verdicts.types == error
    mended = wrong & chosen
    category_ids = points.category_ids.copy()
    category_ids[mended] = truth.category_ids[verdicts.target[mended]]
    # TIDE's oracles: what can be mended becomes right, all other boxes of that type vanish.
    left = ~wrong | mended
    repaired = replace(
        points, category_ids=category_ids[left], correct=(points.correct | mended)[left]
    )
    return repaired.ap50()


def _missed(truth: Labels, verdicts: _Verdicts) -> Mask:
    pointed_at = np.zeros(len(truth), dtype=np.bool_)
    pointed_at[verdicts.target[np.isin(verdicts.types, ["Loc", "Cls"])]] = True
    return ~verdicts.used & ~pointed_at


def tide_errors(
    truth: LabelSet, detections: Detections, max_detections: int = MAX_DETECTIONS
) -> TideErrors:
    """Sort the errors of `detections` into TIDE's types and weigh each type in AP50.

    Parameters
    ----------
    truth
        Clean labels; detections are expected on its images only.
    detections
        Any number, in any order.
    max_detections
        How many boxes of an image count, best scores first.

    Raises
    ------
    ValueError
        When `truth` has no box, or a detection is on an image it does not list.
    """
    require_truth(truth, detections)
    labels = truth.labels
    order = by_falling_score(detections)
    # Cut to the limit first: what a detector is not allowed to say is no error of its.
    order = order[best_scored(detections, max_detections)[order]]
    kept = detections.take(order)
    verdicts = _judge(labels, kept)
    points = _Points(
        kept.category_ids,
        verdicts.types == "TP",
        labels.category_ids,
        np.unique(labels.category_ids),
    )
    missed = _missed(labels, verdicts)
    types = np.full(len(detections), "", dtype="<U4")
    types[order] = verdicts.types
    fixed = _fixed_ap50(points, labels, verdicts, missed)
    ap50 = points.ap50()
    # Dropping boxes can lower a mean over categories; TIDE counts no error as a gain.
    gains = {name: max(0.0, value - ap50) for name, value in fixed.items()}
    return TideErrors(ap50=ap50, **gains, types=types, missed=missed)


def _fixed_ap50(
    points: _Points, truth: Labels, verdicts: _Verdicts, missed: Mask
) -> dict[str, float]:
    chosen = _repairable(verdicts)
    errors: tuple[ErrorType, ...] = ("Cls", "Loc", "Both", "Dupe", "Bkg")
    fixed = {e.lower(): _repair(points, truth, verdicts, chosen, e) for e in errors}
    # A missed truth is mended by dropping it: there is no box that could have found it.
    remaining = replace(points, truth_category_ids=truth.category_ids[~missed])
    fixed["miss"] = remaining.ap50()
    return fixed
