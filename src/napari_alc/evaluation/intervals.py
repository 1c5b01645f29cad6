"""How far a share that was counted in a sample may lie from the share in the whole."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import NamedTuple


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
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = successes / trials, z * z / trials
    middle = share + weight / 2
    reach = z * sqrt(share * (1 - share) / trials + weight / (4 * trials))
    low, high = ((middle + sign * reach) / (1 + weight) for sign in (-1, 1))
    # rounding must not push the share itself out of the interval
    return Interval(max(0.0, min(low, share)), min(1.0, max(high, share)))
