"""LS+C: whether the boxes stay where they are when noise is added."""

from __future__ import annotations

import numpy as np
import torch

from napari_alc.boxes import Floats
from napari_alc.cleaning.uncertainty import instability
from napari_alc.detection.acquisition.pool import Pool, each_image, two_stage_detector
from napari_alc.detection.cache import Bytes
from napari_alc.detection.looking import look
from napari_alc.progress import Report, ShouldStop

NOISE_LEVELS = (8, 16, 24, 32, 40, 48)
"""Standard deviations of the noise, in gray values of 255 (Kao et al. 2018)."""
NOISE_STREAM = 20


def measure_stability(
    pool: Pool, report: Report, should_stop: ShouldStop, device: torch.device
) -> Floats:
    """`instability` of each unlabelled image, shape (M,); each is looked at seven times."""
    detector = two_stage_detector(pool, device)

    def value(image_id: int, pixels: Bytes) -> float:
        seen = look(detector, pixels, device)
        if not len(seen.boxes):
            return instability(seen.boxes, seen.probabilities, ())
        levels = with_noise(pixels, pool.seed, image_id)
        noisy = [look(detector, changed, device).boxes for changed in levels]
        return instability(seen.boxes, seen.probabilities, noisy)

    return each_image(pool, detector.plan, value, report, should_stop)


def with_noise(pixels: Bytes, seed: int, image_id: int) -> list[Bytes]:
    """An image with Gaussian noise of each level, the same each time for a seed and an image.

    Values are rounded and cut to 0-255; gray images stay gray (our reading).
    """
    rng = np.random.default_rng([seed, NOISE_STREAM, image_id])
    noises = (rng.normal(0.0, level, pixels.shape) for level in NOISE_LEVELS)
    return [np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8) for noise in noises]
