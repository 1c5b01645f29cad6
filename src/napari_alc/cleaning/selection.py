"""Which images the pathologists see next: SCORE (Eq. 2), ranking and the strategies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from napari_alc.boxes import Floats, Integers
from napari_alc.cleaning.regions import SortedLabels

SCORE_DECIMALS = 9
"""Sums are rounded so that equal ones tie: 0.1 + 0.2 and 0.3 differ in the last bit."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """The images that a strategy chooses among, and what is known of them.

    Parameters
    ----------
    image_ids
        int64, shape (M,), distinct.
    inconsistency
        SCORE (Eq. 2) of each, shape (M,), 0 and more.
    measured
        What the strategy asked Mp for beyond its detections, shape (M,)
        (`napari_alc.detection.acquisition.strategies`); None where it asks for nothing.
    """

    image_ids: Integers
    inconsistency: Floats
    measured: Floats | None = None


@dataclass(frozen=True)
class Strategy:
    """A way to choose images.

    Parameters
    ----------
    name
        As settings and commands write it.
    title
        As the program's window shows it.
    sentence
        What it does, in words for people who do not program.
    values
        Gives each candidate a value, shape (M,); the highest are taken first. The order of
        the candidates leaves no trace, and chance comes from the generator only.
    needs_model
        Whether it needs `Candidates.measured`.
    """

    name: str
    title: str
    sentence: str
    values: Callable[[Candidates, np.random.Generator], Floats]
    needs_model: bool = False


def scores(sorted_labels: SortedLabels, image_ids: Integers) -> Floats:
    """SCORE (Eq. 2) of each image: the sum of the evaluation scores of its boxes.

    Parameters
    ----------
    sorted_labels
        As `regions.sort_labels` gives them; other images may be among them.
    image_ids
        int64, shape (M,), distinct.

    Returns
    -------
    Floats
        Shape (M,), 0 and more; 0 for images without red and green boxes.
    """
    # NaN compares as False: gray and pink boxes drop out here.
    counted = np.flatnonzero(sorted_labels.evaluation_score > 0)
    ids, values = sorted_labels.image_ids[counted], sorted_labels.evaluation_score[counted]
    # Added in the order of their size, so that the order of the input leaves no trace.
    order = np.lexsort((values, ids))
    known, position = np.unique(ids[order], return_inverse=True)
    sums = np.bincount(position, weights=values[order], minlength=len(known))
    # Rounded, so that sums which are equal by the paper's arithmetic tie here as well.
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
    # First into one fixed order: the shuffle must not depend on how the images were listed.
    by_id = np.argsort(image_ids, kind="stable")
    if rng is not None:
        by_id = rng.permutation(by_id)
    order = by_id[np.argsort(-np.asarray(image_scores)[by_id], kind="stable")]
    return np.asarray(image_ids, dtype=np.int64)[order]


def _by_inconsistency(candidates: Candidates, rng: np.random.Generator) -> Floats:
    del rng
    return candidates.inconsistency


def _at_random(candidates: Candidates, rng: np.random.Generator) -> Floats:
    image_ids = candidates.image_ids
    # Distinct numbers: nothing ties, so the shuffle of `rank` changes nothing.
    drawn = np.empty(len(image_ids))
    # By id, so that an image's number does not hang on its place in the list.
    drawn[np.argsort(image_ids, kind="stable")] = rng.permutation(len(image_ids))
    return drawn


def _largest(candidates: Candidates, rng: np.random.Generator) -> Floats:
    del rng
    return _measured(candidates)


def _smallest(candidates: Candidates, rng: np.random.Generator) -> Floats:
    del rng
    # Turned around, as the largest values are taken first.
    return -_measured(candidates)


def _measured(candidates: Candidates) -> Floats:
    """The measured values, rounded so that equal ones tie."""
    if candidates.measured is None:
        raise ValueError("this strategy needs what was measured on the images")
    return np.round(candidates.measured, SCORE_DECIMALS)


_registered: dict[str, Strategy] = {}

STRATEGIES: Mapping[str, Strategy] = MappingProxyType(_registered)
"""Every selection strategy by its name; `register` adds to it."""


def register(strategy: Strategy) -> None:
    """Let settings and commands choose another strategy from now on.

    Raises
    ------
    ValueError
        When the name is taken.
    """
    if strategy.name in _registered:
        raise ValueError(f"there is a strategy called '{strategy.name}' already")
    _registered[strategy.name] = strategy


register(
    Strategy(
        "score",
        "Most inconsistent first",
        "Takes the images on which the crowd and the two models disagree most, by the "
        "inconsistency score.",
        _by_inconsistency,
    )
)
register(
    Strategy(
        "random",
        "At random",
        "Draws the images by chance, whatever their labels; the measure that others have to beat.",
        _at_random,
    )
)
register(
    Strategy(
        "lc",
        "Least confident",
        "Takes the images in which the expert's model (Mp) is least sure of what it finds.",
        _largest,
        needs_model=True,
    )
)
register(
    Strategy(
        "lt-c",
        "Moved far or unsure",
        "Takes the images in which the expert's model (Mp) is sure of a box that it had to move "
        "far from its first guess, or unsure of one that it left in place.",
        _smallest,
        needs_model=True,
    )
)
register(
    Strategy(
        "ls-c",
        "Unsteady under noise",
        "Takes the images whose boxes shift when noise is added, or in which the expert's model "
        "(Mp) is unsure of a box. Every image is looked at seven times.",
        _largest,
        needs_model=True,
    )
)
register(
    Strategy(
        "cald",
        "Different when altered",
        "Takes the images in which the expert's model (Mp) finds something else once they are "
        "flipped, partly covered, shrunk or turned a little. Every image is looked at five times.",
        _smallest,
        needs_model=True,
    )
)
register(
    Strategy(
        "llal",
        "Largest errors expected",
        "Takes the images in which the expert's model (Mp) is expected to err most, by a small "
        "network that learns this beside it. Set it before training.",
        _largest,
        needs_model=True,
    )
)
register(
    Strategy(
        "vaal",
        "Least like those reviewed",
        "Takes the images that look least like those already reviewed, whatever the expert's model "
        "(Mp) finds in them.",
        _smallest,
        needs_model=True,
    )
)
