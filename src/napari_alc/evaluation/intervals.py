"""How far a share that was counted in a sample may lie from the share in the whole."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from napari_alc.boxes import Integers


class Interval(NamedTuple):
    """Where a share lies with some confidence; both ends in 0–1."""

    low: float
    high: float


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a share (Wilson, J. Am. Stat. Assoc. 22, 1927).

    Unlike the textbook's ± interval it stays within 0–1 and says something even where nothing,
    or everything, was counted. The trials are taken for independent of each other.

    Parameters
    ----------
    successes
        How many of the trials count, 0 to `trials`.
    trials
        Size of the sample; with 0 nothing is known and the interval is 0–1.
    confidence
        Between 0 and 1, both excluded.

    Raises
    ------
    ValueError
        When a number lies outside its range.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must lie in 0–{trials}, got {successes}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must lie between 0 and 1, got {confidence}")
    if trials == 0:
        return Interval(0.0, 1.0)
    return _score_interval(successes / trials, trials, confidence)


def _score_interval(share: float, trials: float, confidence: float) -> Interval:
    """Wilson's interval; `trials` may be a fraction, as an effective size of a sample is."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    weight = z * z / trials
    middle = share + weight / 2
    reach = z * sqrt(share * (1 - share) / trials + weight / (4 * trials))
    low, high = ((middle + sign * reach) / (1 + weight) for sign in (-1, 1))
    # rounding must not push the share itself out of the interval
    return Interval(max(0.0, min(low, share)), min(1.0, max(high, share)))


def design_effect(successes: Integers, trials: Integers) -> float | None:
    """How many times wider the variance of a share is for clusters having been drawn, not trials.

    The variance of the ratio of two totals by linearisation (Cochran, Sampling Techniques, 1977,
    section 6.3), over that of as many independent trials (Kish, Survey Sampling, 1965). All
    clusters that one could draw are taken for many more than were drawn.

    Parameters
    ----------
    successes, trials
        Of each cluster that was drawn, int64, shape (C,), such as the wrong boxes and all boxes
        of each image.

    Returns
    -------
    float or None
        0 and more; None where it cannot be told: with one cluster, or where all trials or none
        of them count.
    """
    drawn, total, counted = len(trials), int(trials.sum()), int(successes.sum())
    # One cluster, or clusters that are all alike, show no spread to estimate it from.
    if drawn < 2 or counted in (0, total):
        return None
    share = counted / total
    spread = float(((successes - share * trials) ** 2).sum())
    variance = drawn / (drawn - 1) * spread / total**2
    return variance * total / (share * (1 - share))


def clustered_wilson(
    successes: Integers, trials: Integers, confidence: float = 0.95, otherwise: float | None = None
) -> Interval:
    """Wilson's interval where trials were drawn in clusters, such as the boxes of an image.

    Wilson's interval with the effective size of the sample in place of the number of trials, as
    Franco, Little, Louis and Slud (J. Surv. Stat. Methodol. 7, 2019) compare and recommend it for
    surveys. The effective size is ``trials / design_effect * (z / t)**2``: t with one degree of
    freedom less than there are clusters makes up for a design effect that is itself an estimate
    from few clusters (Korn and Graubard, Surv. Methodol. 24, 1998).

    Our reading: the effective size is at most the number of trials, so the interval is never
    narrower than `wilson`'s, and at least ``sum(trials)**2 / sum(trials**2)``, which is what it
    is where all trials of a cluster come out alike (Kish 1965).

    Parameters
    ----------
    successes, trials
        Of each cluster, as in `design_effect`.
    confidence
        Between 0 and 1, both excluded.
    otherwise
        The design effect to take where these counts do not tell any; None takes the trials
        for independent then.

    Raises
    ------
    ValueError
        When a number lies outside its range.
    """
    plain = wilson(int(successes.sum()), int(trials.sum()), confidence)
    effect = design_effect(successes, trials)
    effect = otherwise if effect is None else effect
    if effect is None or not trials.sum():
        return plain
    size = _effective_size(trials, effect, confidence)
    return _score_interval(float(successes.sum() / trials.sum()), size, confidence)


def _effective_size(trials: Integers, effect: float, confidence: float) -> float:
    # Here, as scipy.special takes a while to import and most commands need no interval.
    from scipy.special import stdtrit

    total, level = float(trials.sum()), (1 + confidence) / 2
    least = total**2 / float((trials**2).sum())
    t = float(stdtrit(max(len(trials) - 1, 1), level))
    size = total * (NormalDist().inv_cdf(level) / t) ** 2 / max(effect, 1 / total)
    return float(np.clip(size, least, total))
