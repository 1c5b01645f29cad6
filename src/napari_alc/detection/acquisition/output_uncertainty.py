"""Strategies that ask Mp how sure it is, and whether it finds the same in a changed image.

The formulas are in `napari_alc.cleaning.uncertainty`; here is what the detector is shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image

from napari_alc.boxes import Boxes, Floats, areas, clip, intersections
from napari_alc.cleaning.uncertainty import consistency, instability, least_confidence, tightness
from napari_alc.detection.acquisition.pool import STEP, Pool, each_image, two_stage_detector
from napari_alc.detection.data.cache import Bytes, scaled
from napari_alc.detection.inference.prediction import detect, ready
from napari_alc.detection.inference.two_stage import detect_two_stage
from napari_alc.detection.models.weights import load_detector
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
        seen = detect_two_stage(detector, pixels, device)
        return tightness(seen.boxes, seen.proposals, seen.probabilities)

    return each_image(pool, detector.plan, value, report, should_stop)


NOISE_LEVELS = (8, 16, 24, 32, 40, 48)
"""Standard deviations of the noise, in gray values of 255 (Kao et al. 2018)."""
NOISE_STREAM = 20


def measure_stability(
    pool: Pool, report: Report, should_stop: ShouldStop, device: torch.device
) -> Floats:
    """`instability` of each unlabelled image, shape (M,); each is looked at seven times."""
    detector = two_stage_detector(pool, device)

    def value(image_id: int, pixels: Bytes) -> float:
        seen = detect_two_stage(detector, pixels, device)
        if not len(seen.boxes):
            return instability(seen.boxes, seen.probabilities, ())
        levels = with_noise(pixels, pool.seed, image_id)
        noisy = [detect_two_stage(detector, changed, device).boxes for changed in levels]
        return instability(seen.boxes, seen.probabilities, noisy)

    return each_image(pool, detector.plan, value, report, should_stop)


def with_noise(pixels: Bytes, seed: int, image_id: int) -> list[Bytes]:
    """An image with Gaussian noise of each level, the same each time for a seed and an image.

    Values are rounded and cut to 0-255; gray images stay gray (our reading).
    """
    # By the image's id, so that the noise does not hang on the order of the pool.
    rng = np.random.default_rng([seed, NOISE_STREAM, image_id])
    noises = (rng.normal(0.0, level, pixels.shape) for level in NOISE_LEVELS)
    return [np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8) for noise in noises]


Altered = tuple[Bytes, Boxes]
"""A changed image, and where the boxes of the unchanged one lie in it."""

SHRUNK = 0.8
DEGREES = 5.0
HOLES, TRIES = 2, 50
HOLE_SHARE = (0.05, 0.2)
"""Sides of a hole, as shares of the image's."""
COVERED = (0.1, 0.4)
"""Share that the holes of the authors cover of the box that they cover most."""
HOLE_STREAM = 21


def measure_consistency(
    pool: Pool, report: Report, should_stop: ShouldStop, device: torch.device
) -> Floats:
    """Mean `consistency` of each unlabelled image over the augmentations, shape (M,)."""
    detector = two_stage_detector(pool, device)

    def value(image_id: int, pixels: Bytes) -> float:
        seen = detect_two_stage(detector, pixels, device)
        if not len(seen.boxes):
            return 0.0
        # By the image's id, as above: a resumed pass draws the same holes.
        rng = np.random.default_rng([pool.seed, HOLE_STREAM, image_id])
        found = []
        for changed, boxes in altered(pixels, seen.boxes, rng):
            again = detect_two_stage(detector, changed, device)
            found.append(consistency(boxes, seen.probabilities, again.boxes, again.probabilities))
        return float(np.mean(found))

    return each_image(pool, detector.plan, value, report, should_stop)


def altered(pixels: Bytes, boxes: Boxes, rng: np.random.Generator) -> Iterator[Altered]:
    """The augmentations of CALD: flip, two holes, 0.8 of the size, a turn of 5 degrees.

    The second stage of the authors' strategy, which balances categories, is left out.

    Parameters
    ----------
    pixels
        uint8, (H, W) or (H, W, 3).
    boxes
        Of the detections, shape (N, 4), at least one.
    rng
        Draws the holes.
    """
    yield flipped(pixels, boxes)
    yield with_holes(pixels, boxes, rng)
    yield shrunk(pixels, boxes)
    yield turned(pixels, boxes)


def flipped(pixels: Bytes, boxes: Boxes) -> Altered:
    """Left and right exchanged."""
    mirrored = boxes.copy()
    mirrored[:, [0, 2]] = pixels.shape[1] - boxes[:, [2, 0]]
    return np.ascontiguousarray(pixels[:, ::-1]), mirrored


def with_holes(pixels: Bytes, boxes: Boxes, rng: np.random.Generator) -> Altered:
    """Up to two black rectangles; each covers 10 to 40 % of the box that it covers most."""
    covered, made = pixels.copy(), 0
    for _ in range(TRIES):
        x1, y1, x2, y2 = _hole(pixels.shape[1], pixels.shape[0], rng)
        around = np.broadcast_to(np.array([x1, y1, x2, y2], dtype=np.float64), boxes.shape)
        # Holes that hide nothing, or a whole object, would tell nothing about consistency.
        share = (intersections(boxes, around) / areas(boxes)).max()
        if COVERED[0] <= share <= COVERED[1]:
            covered[y1:y2, x1:x2] = 0
            made += 1
        if made == HOLES:
            break
    return covered, boxes


def _hole(width: int, height: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    across, down = (length * rng.uniform(*HOLE_SHARE) for length in (width, height))
    left, top = rng.uniform(0, width - across), rng.uniform(0, height - down)
    return int(left), int(top), int(left + across), int(top + down)


def shrunk(pixels: Bytes, boxes: Boxes) -> Altered:
    """Scaled to `SHRUNK` of the size."""
    height, width = pixels.shape[:2]
    size = max(1, round(width * SHRUNK)), max(1, round(height * SHRUNK))
    ratio = np.array([size[0] / width, size[1] / height] * 2)
    return scaled(pixels, *size), boxes * ratio


def turned(pixels: Bytes, boxes: Boxes) -> Altered:
    """Turned counter-clockwise by `DEGREES` on a larger canvas, black where there was nothing.

    Boxes are those around the turned corners. The authors scale the canvas back to the size of
    the image; here it stays (our reading), as the detectors take images of any size.
    """
    image = Image.fromarray(pixels)
    canvas = image.rotate(DEGREES, Image.Resampling.BILINEAR, expand=True)
    cosine, sine = math.cos(math.radians(DEGREES)), math.sin(math.radians(DEGREES))
    x = boxes[:, [0, 2, 0, 2]] - image.width / 2
    y = boxes[:, [1, 1, 3, 3]] - image.height / 2
    across = x * cosine + y * sine + canvas.width / 2
    down = y * cosine - x * sine + canvas.height / 2
    corners = [across.min(axis=1), down.min(axis=1), across.max(axis=1), down.max(axis=1)]
    return np.asarray(canvas), clip(np.stack(corners, axis=1), canvas.width, canvas.height)
