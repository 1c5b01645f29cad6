"""Labelled objects pasted into other training images (after Ghiasi et al. 2021, with boxes only).

From few images a network learns where their objects lie as much as what they look like. Pasted
objects lie elsewhere. That helps with objects that lie anywhere, such as blood cells, and hurts
with those that belong to a place, such as deposits at a membrane.

Only boxes that can be trusted give objects: a crowd's errors would be multiplied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from napari_alc.boxes import Boxes, Floats, areas, intersections
from napari_alc.detection.data.augmentation import Bytes, Sample, flip_x, flip_y, transpose

MOST = 6
"""Objects pasted into an image at most; each number from 0 on is as likely."""
TRIES = 8
"""Places tried for an object before it is left out."""
COVERED = 0.25
"""Share of a box that another may not cover, of those that are pasted and of those there."""
SOFT = 1.12
"""An object is opaque up to the ellipse in its box, and gone at this multiple of its axes."""
LEAST_SIDE, LEAST_MARGIN = 3.0, 1.0
"""Input pixels; smaller objects, and those at the image's border, which may be cut off, are not
pasted."""

Samples = Callable[[int], Sample]
"""A training image by its number, in input pixels, as it is."""


@dataclass(frozen=True)
class Donor:
    """An object that may be pasted: its image's number, and its row among the boxes there."""

    image: int
    row: int


@dataclass(frozen=True)
class Paster:
    """Pastes objects into samples.

    Parameters
    ----------
    samples
        The training images.
    donors
        Objects that may be pasted, by label; no label without any.
    """

    samples: Samples
    donors: Mapping[int, Sequence[Donor]]

    @classmethod
    def of(cls, samples: Samples, trusted: Sequence[int]) -> Self:
        """Of the objects in the images numbered `trusted`, whose boxes are."""
        found: dict[int, list[Donor]] = {}
        for image in trusted:
            sample = samples(image)
            for row in np.flatnonzero(_usable(sample)).tolist():
                found.setdefault(int(sample.labels[row]), []).append(Donor(image, row))
        return cls(samples, dict(sorted(found.items())))

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """`sample` with 0 to `MOST` more objects; categories are as likely as each other."""
        labels = list(self.donors)
        for _ in range(int(rng.integers(MOST + 1)) if labels else 0):
            of_label = self.donors[labels[int(rng.integers(len(labels)))]]
            donor = of_label[int(rng.integers(len(of_label)))]
            cutting = _turned(_cutting(self.samples(donor.image), donor.row), rng)
            sample = _pasted(sample, cutting, rng)
        return sample


def _usable(sample: Sample) -> np.ndarray:
    """Which boxes show a whole object of some size, shape (N,)."""
    height, width = sample.shape
    low, high = sample.boxes[:, :2], sample.boxes[:, 2:]
    inside = (low > LEAST_MARGIN).all(axis=1)
    inside &= (high < np.array([width, height]) - LEAST_MARGIN).all(axis=1)
    return np.asarray(inside & (high - low > LEAST_SIDE).all(axis=1))


def _cutting(sample: Sample, row: int) -> Sample:
    """An object with what lies just around it."""
    box = sample.boxes[row]
    height, width = sample.shape
    around = (SOFT - 1) / 2 * (box[2:] - box[:2])
    left, top = np.maximum(np.floor(box[:2] - around), 0).astype(int).tolist()
    right, bottom = np.minimum(np.ceil(box[2:] + around), [width, height]).astype(int).tolist()
    moved = (box - np.array([left, top, left, top]))[None]
    return Sample(sample.image[top:bottom, left:right], moved, sample.labels[[row]])


def _turned(cutting: Sample, rng: np.random.Generator) -> Sample:
    for turn, is_drawn in zip((flip_x, flip_y, transpose), rng.random(3) < 0.5, strict=True):
        cutting = turn(cutting) if is_drawn else cutting
    return cutting


def _pasted(sample: Sample, cutting: Sample, rng: np.random.Generator) -> Sample:
    """`sample` with one more object, or as it is where no place is free."""
    for left, top in _places(sample, cutting, rng):
        box = cutting.boxes + np.array([left, top, left, top])
        if _is_free(box, sample.boxes):
            image = _blended(sample.image, cutting, left, top)
            labels = np.concatenate([sample.labels, cutting.labels])
            return replace(
                sample, image=image, boxes=np.concatenate([sample.boxes, box]), labels=labels
            )
    return sample


def _places(sample: Sample, cutting: Sample, rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Where an object may come to lie, left and top; nowhere where it is larger than the image."""
    (height, width), (rows, columns) = sample.shape, cutting.shape
    for _ in range(TRIES if rows <= height and columns <= width else 0):
        yield int(rng.integers(width - columns + 1)), int(rng.integers(height - rows + 1))


def _is_free(box: Boxes, boxes: Boxes) -> bool:
    shared = intersections(np.broadcast_to(box, boxes.shape), boxes)
    return bool((shared < COVERED * np.minimum(areas(boxes), areas(box))).all())


def _blended(image: Bytes, cutting: Sample, left: int, top: int) -> Bytes:
    rows, columns = cutting.shape
    image = image.copy()
    place = image[top : top + rows, left : left + columns]
    share = _mask(cutting)
    pixels = cutting.image
    if pixels.ndim > place.ndim:
        pixels = pixels.mean(axis=2)
    if place.ndim == 3:
        share = share[:, :, None]
        pixels = pixels if pixels.ndim == 3 else pixels[:, :, None]
    place[...] = np.rint(share * pixels + (1 - share) * place).astype(np.uint8)
    return image


def _mask(cutting: Sample) -> Floats:
    """Opacity of each pixel of an object, in 0–1, shape (H, W)."""
    x1, y1, x2, y2 = cutting.boxes[0]
    rows, columns = cutting.shape
    x = (np.arange(columns) + 0.5 - (x1 + x2) / 2) / ((x2 - x1) / 2)
    y = (np.arange(rows) + 0.5 - (y1 + y2) / 2) / ((y2 - y1) / 2)
    distance = np.hypot(x[None, :], y[:, None])
    return np.asarray(np.clip((SOFT - distance) / (SOFT - 1), 0, 1))
