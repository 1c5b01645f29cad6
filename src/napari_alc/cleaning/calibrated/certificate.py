"""Labels that are certified: at most a share α of them is wrong, with confidence 1 − δ."""

from __future__ import annotations

from math import ceil, log

from scipy.stats import beta

from napari_alc.boxes import Floats, Mask

THRESHOLDS = (0.98, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5)
"""Tried from above (step 9)."""

ALPHA, DELTA = 0.05, 0.1
"""Share of wrong labels that is allowed, and the chance that it is exceeded all the same."""


def upper_bound(wrong: int, trials: int, delta: float) -> float:
    """Clopper and Pearson's upper bound (1934) of a share with confidence 1 − `delta`, in 0–1."""
    return 1.0 if wrong >= trials else float(beta.ppf(1.0 - delta, wrong + 1, trials - wrong))


def certified_threshold(
    p: Floats, is_wrong: Mask, alpha: float = ALPHA, delta: float = DELTA
) -> float | None:
    """Probability above which labels are certified (step 9), None where no label is.

    Thresholds are tested in a fixed sequence from above, beginning at the first with at least
    ⌈ln δ / ln(1 − α)⌉ audited labels above it, and as long as the upper bound of the share of
    wrong ones stays at or below α. So the chance to certify too much is at most δ, whatever the
    posterior is worth. It holds for labels drawn by chance from all accepted ones alone.

    Parameters
    ----------
    p, is_wrong
        Shape (N,): of the audited labels.
    alpha, delta
        Between 0 and 1, both excluded.

    Raises
    ------
    ValueError
        When α or δ lies outside its range.
    """
    if not (0 < alpha < 1 and 0 < delta < 1):
        raise ValueError(f"alpha and delta must lie between 0 and 1, got {alpha} and {delta}")
    least, found = ceil(log(delta) / log(1.0 - alpha)), None
    for threshold in THRESHOLDS:
        above = p >= threshold
        trials = int(above.sum())
        if trials < least:
            continue
        if upper_bound(int(is_wrong[above].sum()), trials, delta) > alpha:
            break
        found = threshold
    return found
