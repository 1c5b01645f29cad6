"""The box-in-box module (Eq. 3): a crowd box drawn around objects instead of an object."""

from __future__ import annotations

import numpy as np

from napari_alc.boxes import Mask, iofs, pairs_within_groups
from napari_alc.cleaning.matching import BoxSet


def holds_prediction(boxes: BoxSet, predictions: BoxSet, gamma: float = 0.8) -> Mask:
    """Which of `boxes` have a prediction inside them (Eq. 3).

    Parameters
    ----------
    boxes
        The green boxes, N of them.
    predictions
        Boxes of Mp and Ma together.
    gamma
        In 0–1: a prediction b lies inside a box when IoF(box | b) > `gamma` (strict).

    Returns
    -------
    Mask
        Shape (N,).
    """
    holds = np.zeros(len(boxes), dtype=np.bool_)
    for i, j in pairs_within_groups(boxes.keys, predictions.keys):
        holds[i[iofs(boxes.boxes[i], predictions.boxes[j]) > gamma]] = True
    return holds
