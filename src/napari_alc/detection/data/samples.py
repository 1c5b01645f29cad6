"""Training images: decoded and scaled once, kept as bytes, drawn in a reproducible order.

What batch number i holds depends on the seed and i alone, so that a resumed training sees what
an uninterrupted one would have seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from torch import Tensor

from napari_alc.boxes import Boxes, Integers, as_boxes, clip
from napari_alc.detection.data.augmentation import Augment, Sample
from napari_alc.detection.data.cache import Bytes, ImageCache
from napari_alc.detection.data.loading import SeenImage, seen_image
from napari_alc.detection.plan import Plan
from napari_alc.labels import Labels, LabelSet

CACHE_BYTES = 1 << 30
"""Scaled images kept in memory where there is no cache on disk; others are decoded each time."""
LEAST_SIDE = 1.0
"""Boxes thinner than this many input pixels are not trained on."""
ORDER_STREAM, AUGMENTATION_STREAM = 0, 1


@dataclass(frozen=True, eq=False)
class TrainingImage:
    """An image with the boxes to learn; an image without boxes is a negative example.

    Parameters
    ----------
    path
        The image file.
    boxes
        float64, (N, 4), ``x1, y1, x2, y2`` in the image's pixels.
    category_ids
        int64, (N,).
    is_trusted
        Whether people who know drew its boxes, or agree with them: only then may its objects be
        pasted.
    """

    path: Path
    boxes: Boxes
    category_ids: Integers
    is_trusted: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "boxes", as_boxes(self.boxes))
        ids = np.asarray(self.category_ids, dtype=np.int64).reshape(-1)
        object.__setattr__(self, "category_ids", ids)
        if len(self.boxes) != len(ids):
            raise ValueError(f"{len(self.boxes)} boxes but {len(ids)} categories")


def training_images(
    labels: LabelSet, paths: Sequence[Path], *, are_trusted: bool = False
) -> list[TrainingImage]:
    """The images of `labels`, whose files are `paths`, with their boxes."""
    by_image = labels.labels.by_image()
    rows = [by_image.get(image.id, Labels.empty()) for image in labels.images]
    return [
        TrainingImage(path, of_image.boxes, of_image.category_ids, are_trusted)
        for path, of_image in zip(paths, rows, strict=True)
    ]


def as_input(image: Bytes) -> Tensor:
    """`image` as float32 (3, H, W) in 0–1; gray is repeated."""
    channels = np.repeat(image[None], 3, axis=0) if image.ndim == 2 else image.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(channels)).float().div_(255)


class ScaledImages:
    """Images in the size in which the detector sees them, without decoding them each time.

    Parameters
    ----------
    limit
        Bytes kept in memory; there is no need to where a `cache` maps them into it.
    cache
        The project's images on disk.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        plan: Plan,
        limit: int = CACHE_BYTES,
        cache: ImageCache | None = None,
    ) -> None:
        self.paths = paths
        self.plan = plan
        self.limit = limit if cache is None else 0
        self.cache = cache
        self.held = 0
        self._kept: dict[int, SeenImage] = {}
        self._sizes: dict[int, tuple[int, int]] = {}
        self._lock = Lock()

    def __getitem__(self, index: int) -> SeenImage:
        """The scaled image and its original (width, height)."""
        if index in self._kept:
            return self._kept[index]
        found = seen_image(self.paths[index], self.plan, self.cache, size=self._sizes.get(index))
        self._sizes[index] = found.size
        with self._lock:  # Several threads may read the same image at once.
            fits = self.held + found.pixels.nbytes <= self.limit
            if fits and index not in self._kept:
                self.held += found.pixels.nbytes
                self._kept[index] = found
        return found


class Batches:
    """The batches of a training, by number.

    Parameters
    ----------
    labels
        The network's label (1 and up) of each category id.
    plan
        The size in which images are seen.
    augment
        Makes a variant of a sample.
    batch_size, seed
        As in the settings.
    cache
        The project's images on disk; what a batch holds does not depend on it.
    """

    def __init__(
        self,
        images: Sequence[TrainingImage],
        labels: Mapping[int, int],
        plan: Plan,
        augment: Augment,
        batch_size: int,
        seed: int,
        cache: ImageCache | None = None,
    ) -> None:
        self.images = images
        self.labels = labels
        self.plan = plan
        self.augment = augment
        self.batch_size = batch_size
        self.seed = seed
        self.scaled = ScaledImages([image.path for image in images], plan, cache=cache)

    def positions(self, number: int) -> list[int]:
        """Which images are in batch `number`: every pass over them is shuffled anew."""
        count = len(self.images)
        drawn = range(number * self.batch_size, (number + 1) * self.batch_size)
        # A batch may reach into the next pass, so it can need two orders.
        orders = {
            epoch: np.random.default_rng([self.seed, ORDER_STREAM, epoch]).permutation(count)
            for epoch in {draw // count for draw in drawn}
        }
        return [int(orders[draw // count][draw % count]) for draw in drawn]

    def sample(self, index: int) -> Sample:
        """Image `index` in input pixels, without augmentation."""
        found = self.scaled[index]
        source = self.images[index]
        # Corners beyond the image would be regressed to and never be met by clipped predictions.
        boxes = clip(source.boxes, *found.size) * found.scale
        labels = np.array([self.labels[int(i)] for i in source.category_ids], dtype=np.int64)
        return Sample(found.pixels, boxes, labels)

    def batch(self, number: int) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
        """Images (3, H, W) and targets of batch `number`, as torchvision's detectors take them."""
        # By the batch's number, not from one generator that goes on: threads make batches out of
        # turn, and a resumed training begins in the middle.
        rng = np.random.default_rng([self.seed, AUGMENTATION_STREAM, number])
        inputs, targets = [], []
        for index in self.positions(number):
            sample = self.augment(self.sample(index), rng)
            inputs.append(as_input(sample.image))
            targets.append(_target(sample))
        return inputs, targets


def _target(sample: Sample) -> dict[str, Tensor]:
    sides = sample.boxes[:, 2:] - sample.boxes[:, :2]
    usable = (sides >= LEAST_SIDE).all(axis=1)
    return {
        "boxes": torch.from_numpy(sample.boxes[usable]).float(),
        "labels": torch.from_numpy(sample.labels[usable]),
    }
