"""What a method that finds label errors says of each box, on a scale of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_alc.boxes import Floats

NOT_PROPOSED = -np.inf
"""Suspicion of a prediction that the method does not take for a missed object."""


@dataclass(frozen=True, eq=False)
class Suspicions:
    """How much a method suspects an error; only the order counts, equal values are ties.

    Parameters
    ----------
    crowd
        Of each crowd box, shape (N,), finite.
    predictions
        That a prediction shows an object which the crowd has missed, shape (M,), one for each
        prediction the method was given; `NOT_PROPOSED` where it does not say so.
    """

    crowd: Floats
    predictions: Floats
