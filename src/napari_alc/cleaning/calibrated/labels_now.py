"""How good the labels are now: which candidates to accept, and the F1 to expect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_alc.boxes import (
    MATCH_IOU,
    Boxes,
    BoxSet,
    Floats,
    Integers,
    Mask,
    close_pairs,
    group_keys,
    ious,
)
from napari_alc.cleaning.calibrated.candidates import BoxCandidates
from napari_alc.labels import Labels


@dataclass(frozen=True)
class ExpectedQuality:
    """What holds while the candidates with the highest q are accepted (step 5).

    Parameters
    ----------
    threshold
        Candidates with q at or above it are accepted; in 0–1, above 1 where none is.
    precision, recall, f1
        Expected of all labels, persons' included; in 0–1.
    """

    threshold: float
    precision: float
    recall: float
    f1: float


def standing(p: Floats, answers: Integers, is_person_there: Mask) -> Floats:
    """q: the probability that holds for a candidate now (step 5), shape (N,).

    Parameters
    ----------
    p
        Posterior of each candidate, in 0–1.
    answers
        int64, shape (N,): 1 for yes, 0 for no, -1 while nobody has answered.
    is_person_there
        Whether a person's box of the category overlaps it more than 0.5, so that it is no object
        of its own.
    """
    open_q = np.where(is_person_there, 0.0, p)
    return np.asarray(np.where(answers >= 0, answers, open_q), dtype=np.float64)


def expectation(q: Floats, persons: int) -> ExpectedQuality:
    """The threshold of highest expected F1 (Lipton, Elkan and Narayanaswamy 2014; step 5).

    With the candidates by falling q and n boxes of persons,
    F_k = 2 (n + Σ_{i≤k} q_i) / (n + k + n + Σ q); the k best are accepted where F_k is highest.
    Candidates of equal q are accepted together.

    Parameters
    ----------
    q
        Shape (N,), in 0–1.
    persons
        n: boxes that persons have labelled in whole images, and drawn.
    """
    falling = np.sort(q)[::-1]
    right = persons + np.concatenate([[0.0], np.cumsum(falling)])
    labels = persons + np.arange(len(q) + 1)
    objects = persons + float(q.sum())
    is_end = np.concatenate([falling[1:] < falling[:-1], [True]]) if len(q) else np.array([])
    f1 = np.divide(2 * right, labels + objects, out=np.zeros_like(right), where=labels > 0)
    # Within a run of equals there is no threshold.
    f1 = np.where(np.concatenate([[True], is_end]), f1, -1.0)
    best = int(f1.argmax())
    return ExpectedQuality(
        threshold=float(falling[best - 1]) if best else float(np.nextafter(1.0, 2.0)),
        precision=float(right[best] / labels[best]) if labels[best] else 0.0,
        recall=float(right[best] / objects) if objects else 0.0,
        f1=float(f1[best]),
    )


def is_at_persons_box(candidates: BoxCandidates, boxes: Boxes, persons: Labels) -> Mask:
    """Whether a person's box of the category overlaps a candidate more than 0.5, shape (N,).

    `boxes` are the candidates' corners, shape (N, 4).
    """
    keys = group_keys(
        np.concatenate([candidates.image_ids, persons.image_ids]),
        np.concatenate([candidates.category_ids, persons.category_ids]),
    )
    own, theirs = BoxSet(keys[: len(boxes)], boxes), BoxSet(keys[len(boxes) :], persons.boxes)
    i, _ = close_pairs(own, theirs, lambda a, b: ious(a, b) > MATCH_IOU)
    found = np.zeros(len(candidates), dtype=np.bool_)
    found[i] = True
    return found
