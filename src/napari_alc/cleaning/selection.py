"""Which images the pathologists see next: SCORE (Eq. 2), ranking and the strategies' names."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import numpy as np

from napari_alc.boxes import Floats, Integers
from napari_alc.cleaning.regions import SortedLabels

SCORE_DECIMALS = 9
"""Sums are rounded so that equal ones tie: 0.1 + 0.2 and 0.3 differ in the last bit."""


class Strategy(Protocol):
    """A way to choose images: gives each candidate a score, the highest are taken first."""

    def __call__(
        self, sorted_labels: SortedLabels, image_ids: Integers, rng: np.random.Generator
    ) -> Floats:
        """Score of each of `image_ids` (distinct, shape (M,)), shape (M,).

        `sorted_labels` may hold boxes of other images too; chance comes from `rng` only.
        """


def scores(sorted_labels: SortedLabels, image_ids: Integers) -> Floats:
    """SCORE (Eq. 2) of each image: the sum of the evaluation scores of its boxes.

    Parameters
    ----------
    sorted_labels
        What the LSM found.
    image_ids
        int64, shape (M,), distinct.

    Returns
    -------
    Floats
        Shape (M,), 0 and more; 0 for images without red and green boxes.
    """
    counted = np.flatnonzero(sorted_labels.evaluation_score > 0)
    ids, values = sorted_labels.image_ids[counted], sorted_labels.evaluation_score[counted]
    # Added in the order of their size, so that the order of the input leaves no trace.
    order = np.lexsort((values, ids))
    known, position = np.unique(ids[order], return_inverse=True)
    sums = np.bincount(position, weights=values[order], minlength=len(known))
    return _looked_up(known, np.round(sums, SCORE_DECIMALS), np.asarray(image_ids, np.int64))


def _looked_up(known: Integers, values: Floats, wanted: Integers) -> Floats:
    if len(known) == 0:
        return np.zeros(len(wanted))
    position = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return np.where(known[position] == wanted, values[position], 0.0)


def rank(
    image_ids: Integers, image_scores: Floats, rng: np.random.Generator | None = None
) -> Integers:
    """Order images by score, highest first.

    Parameters
    ----------
    image_ids
        int64, shape (M,), distinct.
    image_scores
        float64, shape (M,).
    rng
        Breaks ties by a shuffle; without it equal images come by ascending id. Either way
        the order in which the images are given does not matter.

    Returns
    -------
    Integers
        The image ids in their new order, shape (M,).
    """
    by_id = np.argsort(image_ids, kind="stable")
    if rng is not None:
        by_id = rng.permutation(by_id)
    order = by_id[np.argsort(-np.asarray(image_scores)[by_id], kind="stable")]
    return np.asarray(image_ids, dtype=np.int64)[order]


def top_k(
    image_ids: Integers, image_scores: Floats, k: int, rng: np.random.Generator | None = None
) -> Integers:
    """The `k` images with the highest scores (all where there are fewer), best first."""
    if k < 0:
        raise ValueError(f"k must be 0 or more, got {k}")
    return rank(image_ids, image_scores, rng)[:k]


def by_score(sorted_labels: SortedLabels, image_ids: Integers, rng: np.random.Generator) -> Floats:
    """Take the most inconsistent images (Eq. 2)."""
    del rng
    return scores(sorted_labels, image_ids)


def at_random(sorted_labels: SortedLabels, image_ids: Integers, rng: np.random.Generator) -> Floats:
    """Take images by chance, whatever their labels."""
    del sorted_labels
    drawn = np.empty(len(image_ids))
    drawn[np.argsort(image_ids, kind="stable")] = rng.permutation(len(image_ids))
    return drawn


STRATEGIES: Mapping[str, Strategy] = MappingProxyType({"score": by_score, "random": at_random})
"""Selection strategies by the name that settings and commands use."""
