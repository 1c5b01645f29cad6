"""Which question to ask next: what an answer is worth, and what it takes a person."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_alc.boxes import Floats, Integers, Mask
from napari_alc.cleaning.calibrated.labels_now import ExpectedQuality


@dataclass(frozen=True)
class AnswerPace:
    """Seconds that answers take a person (step 6); a project's own clock replaces the defaults.

    Parameters
    ----------
    yes_or_no, fix
        A kept or dropped box; one whose corners are put right.
    switch
        To go to another image: 2 s in the full view, 0 in the gallery.
    fix_share
        Of the answers, in 0–1.
    """

    yes_or_no: float = 1.5
    fix: float = 5.0
    switch: float = 2.0
    fix_share: float = 0.25

    @property
    def question(self) -> float:
        """Seconds of a question whose answer is not known yet."""
        return (1.0 - self.fix_share) * self.yes_or_no + self.fix_share * self.fix


@dataclass(frozen=True, eq=False)
class QuestionBatch:
    """The questions to ask next, image by image.

    Parameters
    ----------
    rows
        int64, shape (K,): the candidates.
    gain
        ΔF1 that their answers are expected to bring, in 0–1.
    seconds
        That they are expected to take.
    """

    rows: Integers
    gain: float
    seconds: float


def values(q: Floats, now: ExpectedQuality) -> Floats:
    """What an answer is worth, shape (N,): F(1 − q) of accepted boxes, else (2 − F) q (step 6)."""
    return np.where(q >= now.threshold, now.f1 * (1.0 - q), (2.0 - now.f1) * q)


def next_batch(
    q: Floats,
    image_ids: Integers,
    is_open: Mask,
    now: ExpectedQuality,
    persons: int,
    size: int,
    pace: AnswerPace,
) -> QuestionBatch:
    """The batch of the most value per second (step 6).

    Of each image the questions by falling value, as many of them as give the highest
    Σ v / (t_switch + Σ t); images by that ratio.

    Parameters
    ----------
    q, image_ids
        Shape (N,).
    is_open
        Which candidates may be asked: neither answered nor at a person's box.
    now, persons
        The labels as they stand, with the number of persons' boxes.
    size
        Questions of the batch, 1 or more; fewer where fewer are worth anything.
    pace
        Of the person.
    """
    value = values(q, now)
    rows = np.flatnonzero(is_open & (value > 0))
    chosen = _by_ratio(rows, value, image_ids, pace)[:size]
    chosen = chosen[np.argsort(image_ids[chosen], kind="stable")]
    objects = now_objects(q, now, persons)
    images = len(np.unique(image_ids[chosen]))
    return QuestionBatch(
        rows=chosen,
        gain=float(value[chosen].sum() / objects) if objects else 0.0,
        seconds=len(chosen) * pace.question + images * pace.switch,
    )


def now_objects(q: Floats, now: ExpectedQuality, persons: int) -> float:
    """Labels and expected objects together, the denominator of F1: accepted + Σ q + 2n."""
    return float((q >= now.threshold).sum() + q.sum() + 2 * persons)


def _by_ratio(rows: Integers, value: Floats, image_ids: Integers, pace: AnswerPace) -> Integers:
    """The best prefix of each image's questions, the images of the highest ratio first."""
    if not len(rows):
        return rows
    order = rows[np.lexsort((rows, -value[rows], image_ids[rows]))]
    starts = np.flatnonzero(np.diff(image_ids[order], prepend=-1))
    image = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(order)))
    place = np.arange(len(order)) - starts[image]
    total = np.cumsum(value[order])
    before = (total - value[order])[starts]
    ratio = (total - before[image]) / (pace.switch + pace.question * (place + 1))
    best = np.maximum.reduceat(ratio, starts)
    # Of equal prefixes the shortest.
    ends = np.full(len(starts), len(order))
    is_best = np.flatnonzero(ratio == best[image])
    np.minimum.at(ends, image[is_best], place[is_best])
    inside = np.flatnonzero(place <= ends[image])
    by_image = np.argsort(-best, kind="stable").argsort()
    return np.asarray(order[inside[np.lexsort((place[inside], by_image[image[inside]]))]])
