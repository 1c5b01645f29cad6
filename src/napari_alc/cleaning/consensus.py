"""Consensus labels (Eq. 1): the pathologists' boxes that the crowd saw too."""

from __future__ import annotations

import numpy as np

from napari_alc.boxes import close_pairs, iofs
from napari_alc.labels import Labels, box_sets


def consensus(pathologist: Labels, crowd: Labels, delta: float = 0.5) -> Labels:
    """Keep each pathologist box that some crowd box covers (Eq. 1).

    Parameters
    ----------
    pathologist, crowd
        Labels of the same images.
    delta
        In 0–1: a crowd box of the same image and category covers a pathologist box when
        IoF(crowd | pathologist) > `delta` (strict).

    Returns
    -------
    Labels
        The kept pathologist labels with their ids, in their order.

    Raises
    ------
    ValueError
        When `delta` lies outside 0–1.
    """
    if not 0 <= delta <= 1:
        raise ValueError(f"delta must lie in 0–1, got {delta}")
    clean, drawn = box_sets(pathologist, crowd)
    # A box counts once, however many of the crowd's cover it.
    seen = np.zeros(len(pathologist), dtype=np.bool_)
    # Eq. 1 asks how much of the pathologist's box the crowd covers, not how well the two agree:
    # a crowd box drawn too wide still saw the object.
    covered, _ = close_pairs(clean, drawn, lambda p, c: iofs(c, p) > delta)
    seen[covered] = True
    return pathologist.take(seen)
