"""How well a ranking of boxes finds the errors that were put into the labels.

Every list of boxes is judged for one type of error at a time. Boxes that show an error of
another type are no false alarms: average precision and AUROC leave them out. Recall counts them,
for a person who goes down the list looks at them too.

A box that the crowd displaced so little that it still matches its object (IoU above 0.5) is no
error: the paper counts it among the clean labels, and so do the tables of labels here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from alc_experiments.peers.suspicion import NOT_PROPOSED, Suspicions
from napari_alc.boxes import MATCH_IOU, Floats, Integers, Mask
from napari_alc.errors import AlcError
from napari_alc.evaluation.matching import best_of_first, overlaps
from napari_alc.labels import Detections, Labels
from napari_alc.simulation.crowd import NoiseRecord

KEPT, MISS, LOCATION = "kept", "miss", "location"
CROWD_TYPES = ("background", LOCATION, "box_in_box")
"""Errors that a crowd box can be."""

ANY = "any"
"""Metrics of all errors of crowd boxes together."""

REVIEWED = (5, 10, 20)
"""Shares of the crowd's boxes that a person looks at, in percent."""

NOTHING = -1


@dataclass(frozen=True, eq=False)
class Noise:
    """What is wrong with the labels, from the log of the noise.

    Parameters
    ----------
    of_crowd
        What each crowd box is, shape (N,): ``"kept"`` or one of `CROWD_TYPES`.
    of_truth
        What became of each true box, shape (T,): as above, or ``"miss"``.
    """

    of_crowd: NDArray[np.str_]
    of_truth: NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Scores:
    """What each box of a list shows, for one type of error.

    Parameters
    ----------
    errors
        Number of the error that the box shows, −1 for none, int64, shape (N,). Several boxes
        may show the same error, which counts once.
    of_other_type
        Boxes that show an error of another type, shape (N,).
    total
        How many errors there are; some may be shown by no box.
    """

    errors: Integers
    of_other_type: Mask
    total: int


def noise_of(crowd: Labels, truth: Labels, log: Sequence[NoiseRecord]) -> Noise:
    """Look up what is wrong with each box.

    Raises
    ------
    AlcError
        When the log does not tell of some box.
    """
    by_label = {record.label_id: _error(record) for record in log}
    by_truth = {record.truth_id: _error(record) for record in log}
    try:
        return Noise(
            np.array([by_label[i] for i in crowd.ids.tolist()], dtype=np.str_),
            np.array([by_truth[i] for i in truth.ids.tolist()], dtype=np.str_),
        )
    except KeyError as error:
        raise AlcError(
            f"The log of the noise does not tell of box {error}; methods that find errors can "
            "only be judged on noise that was put in by napari-alc."
        ) from None


def _error(record: NoiseRecord) -> str:
    still_matches = record.iou is not None and record.iou > MATCH_IOU
    return KEPT if record.what == LOCATION and still_matches else record.what


def crowd_scores(noise: Noise, what: str) -> Scores:
    """Which crowd boxes are errors of the type `what`, one of `CROWD_TYPES` or ``"any"``."""
    types = noise.of_crowd
    wrong = types != KEPT
    wanted = wrong if what == ANY else types == what
    errors = np.where(wanted, np.arange(len(types)), NOTHING)
    return Scores(errors, wrong & ~wanted, int(wanted.sum()))


def miss_scores(noise: Noise, truth: Labels, predictions: Detections) -> Scores:
    """Which predictions show a true box that the crowd has missed.

    A prediction shows the true box of its category with the highest IoU, where that is more
    than 0.5. Where the crowd has drawn that true box badly, the prediction shows an error of
    another type.
    """
    pairs = overlaps(predictions, truth)
    close = pairs.where(pairs.same_category & (pairs.iou > MATCH_IOU))
    _, shown = best_of_first(close, len(predictions))
    what = np.append(noise.of_truth, KEPT)[shown]
    missed = what == MISS
    total = int((noise.of_truth == MISS).sum())
    return Scores(np.where(missed, shown, NOTHING), ~missed & (what != KEPT), total)


def judge(
    found: Suspicions, noise: Noise, truth: Labels, predictions: Detections
) -> dict[str, float]:
    """Judge a method's ranking of crowd boxes and its proposals of missed objects.

    Parameters
    ----------
    found
        Suspicions of N crowd boxes and M predictions.
    noise
        Of the same crowd boxes, and of `truth`.
    truth
        True boxes of the same images.
    predictions
        The M predictions the method was given.

    Returns
    -------
    dict
        For each type of error, `ANY` and ``"miss"``: ``"AP type"``, ``"AUROC type"`` and
        ``"recall@5 type"``, 10 and 20, in 0–1. What is not defined is left out: all of them
        without such an error, AUROC without a box that shows it or one that does not.
    """
    looks = {share: round(share / 100 * len(found.crowd)) for share in REVIEWED}
    figures = dict(_named(found.predictions, miss_scores(noise, truth, predictions), MISS, looks))
    for what in (ANY, *CROWD_TYPES):
        figures.update(_named(found.crowd, crowd_scores(noise, what), what, looks))
    return figures


def _named(
    suspicion: Floats, scores: Scores, what: str, looks: dict[int, int]
) -> Iterator[tuple[str, float]]:
    if not scores.total:
        return
    yield f"AP {what}", average_precision(suspicion, scores)
    area = auroc(suspicion, scores)
    if area is not None:
        yield f"AUROC {what}", area
    for share, count in looks.items():
        yield f"recall@{share} {what}", recall(suspicion, scores, count)


def average_precision(suspicion: Floats, scores: Scores) -> float:
    """Sum of precision × gain in recall over the thresholds of a list, in 0–1.

    Precision is the number of different errors shown per box at or above the threshold. Equal
    suspicions share a threshold, so that their order does not matter; boxes not proposed are
    never reached.
    """
    shown = (suspicion > NOT_PROPOSED) & ~scores.of_other_type
    order = np.argsort(-suspicion[shown], kind="stable")
    values, errors = suspicion[shown][order], scores.errors[shown][order]
    found = np.cumsum(_first_seen(errors))
    ends = np.flatnonzero(np.diff(values, append=NOT_PROPOSED))
    gain = np.diff(found[ends], prepend=0) / scores.total
    return float((gain * found[ends] / (ends + 1)).sum())


def auroc(suspicion: Floats, scores: Scores) -> float | None:
    """Chance that a box which shows an error is suspected more than one that does not.

    Ties count half (Mann–Whitney), so a constant suspicion gives exactly 0.5. All boxes count,
    those not proposed as the least suspected; errors that no box shows have no part in it. None
    where there are no boxes of one of the two kinds.
    """
    ranks = rankdata(suspicion[~scores.of_other_type])
    right = scores.errors[~scores.of_other_type] != NOTHING
    positives, negatives = int(right.sum()), int((~right).sum())
    if not positives or not negatives:
        return None
    wins = ranks[right].sum() - positives * (positives + 1) / 2
    return float(wins / (positives * negatives))


def recall(suspicion: Floats, scores: Scores, looks: int) -> float:
    """Share of all errors that are seen in the `looks` most suspicious boxes, in 0–1.

    Where equal suspicions straddle the limit, the mean over all their orders. Boxes not proposed
    are not looked at.
    """
    shown = suspicion > NOT_PROPOSED
    looks = min(looks, int(shown.sum()))
    if not looks:
        return 0.0
    limit = np.sort(suspicion[shown])[-looks]
    above, level = suspicion > limit, suspicion == limit
    seen = np.setdiff1d(scores.errors[above], NOTHING)
    open_errors = scores.errors[level & ~np.isin(scores.errors, [*seen, NOTHING])]
    _, copies = np.unique(open_errors, return_counts=True)
    chances = _chances(copies, looks - int(above.sum()), int(level.sum()))
    return float((len(seen) + chances.sum()) / scores.total)


def _first_seen(errors: Integers) -> Mask:
    """Marks the first box of each error, shape (N,)."""
    first = np.zeros(len(errors), dtype=np.bool_)
    first[np.unique(errors, return_index=True)[1]] = True
    return np.asarray(first & (errors != NOTHING))


def _chances(copies: Integers, draws: int, boxes: int) -> Floats:
    """Chance that one of the boxes of an error is among `draws` out of `boxes` (hypergeometric)."""
    missed = np.ones(len(copies))
    for number in range(int(copies.max(initial=0))):
        left = max(boxes - draws - number, 0) / (boxes - number)
        missed *= np.where(number < copies, left, 1.0)
    return 1 - missed
