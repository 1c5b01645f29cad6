"""Training images: decoded and scaled once, kept as bytes, drawn in a reproducible order.

What batch number i holds depends on the seed and i alone, so that a resumed training sees what
an uninterrupted one would have seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from napari_alc.boxes import Boxes, Integers, as_boxes, clip
from napari_alc.detection.augmentation import Augment, Sample
from napari_alc.detection.plan import Plan
from napari_alc.formats.images import normalise, read_image

Bytes = NDArray[np.uint8]

CACHE_BYTES = 1 << 30
"""Scaled images kept in memory; what is beyond it is decoded again each time it is drawn."""
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
    """

    path: Path
    boxes: Boxes
    category_ids: Integers

    def __post_init__(self) -> None:
        object.__setattr__(self, "boxes", as_boxes(self.boxes))
        ids = np.asarray(self.category_ids, dtype=np.int64).reshape(-1)
        object.__setattr__(self, "category_ids", ids)
        if len(self.boxes) != len(ids):
            raise ValueError(f"{len(self.boxes)} boxes but {len(ids)} categories")


def read_eight_bit(path: Path) -> Bytes:
    """An image file as uint8, (H, W) or (H, W, 3), 16-bit and float ones normalised."""
    return normalise(read_image(path))


def scaled(image: Bytes, width: int, height: int) -> Bytes:
    """`image` at `width` × `height` pixels (bilinear over the area each pixel stands for)."""
    if image.shape[1::-1] == (width, height):
        return image
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(resized)


def as_input(image: Bytes) -> Tensor:
    """`image` as float32 (3, H, W) in 0–1; gray is repeated."""
    channels = np.repeat(image[None], 3, axis=0) if image.ndim == 2 else image.transpose(2, 0, 1)
    return torch.from_numpy(np.ascontiguousarray(channels)).float().div_(255)


class ScaledImages:
    """Images in the size in which the detector sees them, kept up to `limit` bytes."""

    def __init__(self, paths: Sequence[Path], plan: Plan, limit: int = CACHE_BYTES) -> None:
        self.paths = paths
        self.plan = plan
        self.limit = limit
        self.held = 0
        self._kept: dict[int, tuple[Bytes, tuple[int, int]]] = {}

    def __getitem__(self, index: int) -> tuple[Bytes, tuple[int, int]]:
        """The scaled image and its original (width, height)."""
        if index in self._kept:
            return self._kept[index]
        image = read_eight_bit(self.paths[index])
        height, width = image.shape[:2]
        entry = scaled(image, *self.plan.input_shape(width, height)), (width, height)
        if self.held + entry[0].nbytes <= self.limit:
            self.held += entry[0].nbytes
            self._kept[index] = entry
        return entry


class Batches:
    """The batches of a training, by number.

    Parameters
    ----------
    images
        The training set.
    labels
        The network's label (1 and up) of each category id.
    plan
        The size in which images are seen.
    augment
        Makes a variant of a sample.
    batch_size, seed
        As in the settings.
    """

    def __init__(
        self,
        images: Sequence[TrainingImage],
        labels: Mapping[int, int],
        plan: Plan,
        augment: Augment,
        batch_size: int,
        seed: int,
    ) -> None:
        self.images = images
        self.labels = labels
        self.plan = plan
        self.augment = augment
        self.batch_size = batch_size
        self.seed = seed
        self.scaled = ScaledImages([image.path for image in images], plan)

    def positions(self, number: int) -> list[int]:
        """Which images are in batch `number`: every pass over them is shuffled anew."""
        count = len(self.images)
        drawn = range(number * self.batch_size, (number + 1) * self.batch_size)
        orders = {
            epoch: np.random.default_rng([self.seed, ORDER_STREAM, epoch]).permutation(count)
            for epoch in {draw // count for draw in drawn}
        }
        return [int(orders[draw // count][draw % count]) for draw in drawn]

    def sample(self, index: int) -> Sample:
        """Image `index` in input pixels, without augmentation."""
        image, (width, height) = self.scaled[index]
        source = self.images[index]
        ratio = np.array([image.shape[1] / width, image.shape[0] / height] * 2)
        boxes = clip(source.boxes, width, height) * ratio
        labels = np.array([self.labels[int(i)] for i in source.category_ids], dtype=np.int64)
        return Sample(image, boxes, labels)

    def batch(self, number: int) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
        """Images (3, H, W) and targets of batch `number`, as torchvision's detectors take them."""
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
