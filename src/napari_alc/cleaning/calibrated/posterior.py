"""The probability that a candidate is an object, learned from what a person has said."""

from __future__ import annotations

from collections.abc import Mapping
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
    one_to_one,
)
from napari_alc.cleaning.calibrated.candidates import BoxCandidates
from napari_alc.labels import Labels

PENALTY = 1.0
"""C: the inverse strength of the L2 penalty on the weights (step 4)."""

INTERCEPT_PENALTY = 1e-3
"""On the intercept, so that rows of one kind alone have a finite answer."""

MOST_DEVIATIONS = 8.0
"""Features are clipped to this many standard deviations of the training rows."""

MOST_STEPS, LONGEST_STEP, SMALLEST_STEP = 50, 4.0, 1e-6
"""Newton's method: how often, how far at most, and when it has arrived."""

LEAST_WEIGHT = 1e-6
"""Of a row in the curvature, where it is decided beyond doubt."""

LEAST_SPREAD = 1e-6
"""A feature that varies less than this tells nothing."""

FOLDS = 5
"""Of the cross-fitted log loss, by image (step 2)."""

LOSS_CLIP = 0.01
"""Log loss counts probabilities as 0.01–0.99; an object without a candidate as 0.01."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """p = σ(w · z + b), with z the standardised features (step 4).

    Parameters
    ----------
    names
        Of the F features.
    mean, spread
        Shape (F,): of the training rows.
    weights
        Shape (F + 1,), the intercept b last.
    """

    names: tuple[str, ...]
    mean: Floats
    spread: Floats
    weights: Floats

    def probabilities(self, features: Mapping[str, Floats]) -> Floats:
        """P(object) of candidates with these features, shape (N,), in 0–1.

        Raises
        ------
        KeyError
            When a feature is missing that this was learned with.
        """
        table = np.stack([features[name] for name in self.names], axis=1)
        return _sigmoid(_standardised(table, self.mean, self.spread) @ self.weights)


def learn(
    features: Mapping[str, Floats], is_object: Mask, reliability: Floats | None = None
) -> Posterior:
    """Fit the posterior by L2-penalised logistic regression (step 4), with Newton's method.

    Parameters
    ----------
    features
        By name, shape (N,) each: of the candidates of images labelled whole, and of the questions
        that were answered.
    is_object
        Shape (N,): what the person said.
    reliability
        Shape (N,), in 0–1: how much each row counts; 1 for all by default.

    Raises
    ------
    ValueError
        When there is no row.
    """
    if not len(is_object):
        raise ValueError("a posterior needs candidates of images that a person has labelled")
    table = np.stack(list(features.values()), axis=1)
    mean, spread = table.mean(axis=0), table.std(axis=0)
    spread = np.where(spread < LEAST_SPREAD, 1.0, spread)
    counts = np.ones(len(table)) if reliability is None else reliability
    rows = _standardised(table, mean, spread)
    weights = _newton(rows, is_object.astype(np.float64), counts)
    return Posterior(tuple(features), mean, spread, weights)


def _standardised(table: Floats, mean: Floats, spread: Floats) -> Floats:
    """The features in standard deviations, and a column of ones last."""
    rows = np.clip((table - mean) / spread, -MOST_DEVIATIONS, MOST_DEVIATIONS)
    return np.concatenate([rows, np.ones((len(rows), 1))], axis=1)


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -30.0, 30.0))))


def _newton(rows: Floats, target: Floats, counts: Floats) -> Floats:
    penalty = np.full(rows.shape[1], 1.0 / PENALTY)
    penalty[-1] = INTERCEPT_PENALTY
    weights = np.zeros(rows.shape[1])
    for _ in range(MOST_STEPS):
        p = _sigmoid(rows @ weights)
        slope = rows.T @ (counts * (p - target)) + penalty * weights
        curvature = counts * np.maximum(p * (1.0 - p), LEAST_WEIGHT)
        hessian = (rows * curvature[:, None]).T @ rows + np.diag(penalty)
        step = np.linalg.solve(hessian, slope)
        length = float(np.abs(step).max())
        weights -= step * min(1.0, LONGEST_STEP / max(length, LEAST_SPREAD))
        if length < SMALLEST_STEP:
            break
    return weights


def partners(candidates: BoxCandidates, boxes: Boxes, truth: Labels) -> Integers:
    """The object that each candidate is, the strongest candidates first (step 4).

    Parameters
    ----------
    boxes
        Shape (N, 4): the candidates' corners.
    truth
        A person's labels of the candidates' images.

    Returns
    -------
    Integers
        int64, shape (N,): rows in `truth`, one-to-one and of the same category, IoU > 0.5; -1 for
        none.
    """
    order = np.argsort(-candidates.strength, kind="stable")
    keys = group_keys(
        np.concatenate([candidates.image_ids[order], truth.image_ids]),
        np.concatenate([candidates.category_ids[order], truth.category_ids]),
    )
    own = BoxSet(keys[: len(order)], boxes[order])
    theirs = BoxSet(keys[len(order) :], truth.boxes)
    i, j = close_pairs(own, theirs, lambda a, b: ious(a, b) > MATCH_IOU)
    closest = np.lexsort((j, -ious(own.boxes[i], theirs.boxes[j]), i))
    i, j = i[closest], j[closest]
    matched = one_to_one(i, j)
    found = np.full(len(candidates), -1)
    found[order[i[matched]]] = j[matched]
    return found


def cross_fitted(
    features: Mapping[str, Floats], is_object: Mask, image_ids: Integers, folds: int = FOLDS
) -> Floats:
    """P(object) of each row from a posterior that learned without its image, shape (N,).

    Images are dealt to the folds by falling number of rows, each to the fold with the fewest.
    """
    fold = _dealt(image_ids, folds)
    p = np.full(len(is_object), float(is_object.mean()) if len(is_object) else 0.0)
    for number in range(folds):
        held, rest = fold == number, fold != number
        if held.any() and rest.any():
            learned = learn({k: v[rest] for k, v in features.items()}, is_object[rest])
            p[held] = learned.probabilities({k: v[held] for k, v in features.items()})
    return p


def _dealt(image_ids: Integers, folds: int) -> Integers:
    _, image, rows = np.unique(image_ids, return_inverse=True, return_counts=True)
    filled = np.zeros(folds, dtype=np.int64)
    fold_of = np.zeros(len(rows), dtype=np.int64)
    for number in np.argsort(-rows, kind="stable").tolist():
        fold_of[number] = int(filled.argmin())
        filled[fold_of[number]] += rows[number]
    return np.asarray(fold_of[image])


def log_loss(p: Floats, is_object: Mask, objects: int) -> float:
    """Log loss per object, by which the evidence is chosen (step 2).

    Parameters
    ----------
    p, is_object
        Shape (N,): of the candidates; probabilities in 0–1.
    objects
        The person's boxes of these images. One that no candidate shows counts as p = 0.01.
    """
    p = np.clip(p, LOSS_CLIP, 1.0 - LOSS_CLIP)
    loss = -np.where(is_object, np.log(p), np.log(1.0 - p)).sum()
    missed = max(objects - int(is_object.sum()), 0)
    return float((loss - missed * np.log(LOSS_CLIP)) / max(objects, 1))


def calibration_error(p: Floats, is_object: Mask, bins: int = 10) -> float:
    """ECE: mean |p − share of objects| over bins of equal width, weighted by their numbers."""
    place = np.minimum((p * bins).astype(np.int64), bins - 1)
    gap = np.bincount(place, p - is_object, minlength=bins)
    return float(np.abs(gap).sum() / max(len(p), 1))
