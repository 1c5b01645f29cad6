"""The images that a strategy measures, and with what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from napari_alc.boxes import Floats
from napari_alc.detection.data.cache import Bytes, ImageCache
from napari_alc.detection.data.loading import SeenImage, read_ahead, seen_image
from napari_alc.detection.inference.prediction import ready
from napari_alc.detection.inference.two_stage import require_two_stages
from napari_alc.detection.models.weights import Detector, load_detector
from napari_alc.detection.plan import Plan
from napari_alc.errors import Cancelled
from napari_alc.progress import Progress, Report, ShouldStop

STEP = "measure"
"""Name of the step in progress reports."""
READERS, AHEAD = 2, 4
"""Threads that read images, and images that wait for the network."""


@dataclass(frozen=True)
class Pool:
    """Images to choose among, those chosen before, and the detector that learned from these.

    Parameters
    ----------
    weights
        Of Mp, a file that `napari_alc.detection.training.training.train` wrote.
    unlabelled, labelled
        Ids and files of X without X^i and of X^i.
    seed
        Of everything drawn: noise, holes, the first weights of a network.
    cache_folder
        The project's decoded images; None keeps none.
    """

    weights: Path
    unlabelled: Sequence[tuple[int, Path]]
    labelled: Sequence[tuple[int, Path]]
    seed: int
    cache_folder: Path | None = None

    @property
    def cache(self) -> ImageCache | None:
        """Images decoded and scaled earlier."""
        return ImageCache(self.cache_folder) if self.cache_folder else None


def two_stage_detector(pool: Pool, device: torch.device) -> Detector:
    """Mp on `device`, for strategies that measure its proposals.

    Raises
    ------
    AlcError
        When it has one stage only.
    BadData
        When the weights cannot be read.
    """
    detector = ready(load_detector(pool.weights), device)
    require_two_stages(detector, "to choose images in this way")
    return detector


def each_image(
    pool: Pool,
    plan: Plan,
    value: Callable[[int, Bytes], float],
    report: Report,
    should_stop: ShouldStop,
) -> Floats:
    """``value(image_id, pixels)`` of each unlabelled image as the detector sees it, shape (M,).

    Raises
    ------
    BadData
        When an image cannot be read.
    Cancelled
        When `should_stop` says so.
    """
    cache, total = pool.cache, len(pool.unlabelled)

    # A pass over the whole pool must not push the images in training out of the cache.
    def read(path: Path) -> SeenImage:
        return seen_image(path, plan, cache, make_room=False)

    found = read_ahead((path for _, path in pool.unlabelled), read, READERS, AHEAD)
    values = np.empty(total)
    for place, ((image_id, _), seen) in enumerate(zip(pool.unlabelled, found, strict=True)):
        if should_stop():
            raise Cancelled(STEP)
        values[place] = value(image_id, seen.pixels)
        report(Progress(STEP, place + 1, total, f"image {place + 1} of {total}"))
    return values
