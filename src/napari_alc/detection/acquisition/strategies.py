"""What the selection strategies of a comparison ask a detector for, beyond its detections.

`napari_alc.cleaning.selection` registers the strategies and says whether the largest or the
smallest values are taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch

from napari_alc.boxes import Floats
from napari_alc.detection.acquisition.adversarial import measure_likeness
from napari_alc.detection.acquisition.loss_prediction import LossPrediction, measure_expected_loss
from napari_alc.detection.acquisition.output_uncertainty import (
    measure_confidence,
    measure_consistency,
    measure_stability,
    measure_tightness,
)
from napari_alc.detection.acquisition.pool import Pool
from napari_alc.detection.devices import choose_device
from napari_alc.detection.training.run import Variant
from napari_alc.errors import AlcError
from napari_alc.progress import Report, ShouldStop, never, silent

__all__ = ["MEASURES", "Pool", "measure", "training_variant"]

Measure = Callable[[Pool, Report, ShouldStop, torch.device], Floats]

MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "lc": measure_confidence,
        "lt-c": measure_tightness,
        "ls-c": measure_stability,
        "cald": measure_consistency,
        "llal": measure_expected_loss,
        "vaal": measure_likeness,
    }
)
"""What gives each strategy that needs a model its values, by the strategy's name."""


def measure(
    strategy: str,
    pool: Pool,
    report: Report = silent,
    should_stop: ShouldStop = never,
    device: str = "auto",
) -> Floats:
    """The value of each unlabelled image, shape (M,), in the order of the pool.

    Parameters
    ----------
    strategy
        Name of a strategy that `needs_model`.
    pool
        The images and Mp.
    device
        As in `napari_alc.detection.training.training.train`.

    Raises
    ------
    AlcError
        When the detector is of a kind that the strategy cannot use, or was trained without
        what it needs, or the device is not there.
    BadData
        When the weights or an image cannot be read.
    Cancelled
        When `should_stop` says so.
    """
    if strategy not in MEASURES:
        raise AlcError(f"The strategy '{strategy}' measures nothing on the images.")
    return MEASURES[strategy](pool, report, should_stop, choose_device(device))


def training_variant(strategy: str) -> Variant | None:
    """How Mp has to be trained for a strategy; None where plainly."""
    # A new one each time: it holds the head and its optimiser.
    return LossPrediction() if strategy == "llal" else None
