"""LC: by the scores of the detections alone."""

from __future__ import annotations

import numpy as np
import torch

from napari_alc.boxes import Floats
from napari_alc.cleaning.uncertainty import least_confidence
from napari_alc.detection.acquisition.pool import Pool
from napari_alc.detection.prediction import detect, ready
from napari_alc.detection.weights import load_detector
from napari_alc.progress import Report, ShouldStop


def measure_confidence(
    pool: Pool, report: Report, should_stop: ShouldStop, device: torch.device
) -> Floats:
    """`least_confidence` of each unlabelled image, shape (M,)."""
    detector = ready(load_detector(pool.weights), device)
    found = detect(
        detector, pool.unlabelled, device, report, should_stop, step="measure", cache=pool.cache
    )
    return np.array([least_confidence(of_image.scores) for of_image in found], dtype=np.float64)
