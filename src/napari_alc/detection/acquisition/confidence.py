"""LC and LT/C: by the detections in the image as it is."""

from __future__ import annotations

import numpy as np
import torch

from napari_alc.boxes import Floats
from napari_alc.cleaning.uncertainty import least_confidence, tightness
from napari_alc.detection.acquisition.pool import STEP, Pool, each_image, two_stage_detector
from napari_alc.detection.cache import Bytes
from napari_alc.detection.looking import look
from napari_alc.detection.prediction import detect, ready
from napari_alc.detection.weights import load_detector
from napari_alc.progress import Report, ShouldStop


def measure_confidence(
    pool: Pool, report: Report, should_stop: ShouldStop, device: torch.device
) -> Floats:
    """`least_confidence` of each unlabelled image, shape (M,)."""
    detector = ready(load_detector(pool.weights), device)
    found = detect(
        detector, pool.unlabelled, device, report, should_stop, step=STEP, cache=pool.cache
    )
    return np.array([least_confidence(of_image.scores) for of_image in found], dtype=np.float64)


def measure_tightness(
    pool: Pool, report: Report, should_stop: ShouldStop, device: torch.device
) -> Floats:
    """`tightness` of each unlabelled image, shape (M,)."""
    detector = two_stage_detector(pool, device)

    def value(image_id: int, pixels: Bytes) -> float:
        del image_id
        seen = look(detector, pixels, device)
        return tightness(seen.boxes, seen.proposals, seen.probabilities)

    return each_image(pool, detector.plan, value, report, should_stop)
