"""Random variants of a training image with its boxes; every draw comes from a given generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_alc.boxes import Boxes, Integers, areas, clip

Bytes = NDArray[np.uint8]

BRIGHTNESS = 0.1
"""Brightness is multiplied by 1 ± this."""
VISIBLE = 0.3
"""Share of a box that must lie in a window for it to be a label there."""
AT_AN_OBJECT = 0.75
"""Share of the windows placed on an object; with few objects most others would show none."""
SCALES = (0.8, 1.25)
CROPPED = 0.5
"""Share of the images that are cropped in the paper's recipe, to `CROP` of their sides."""
CROP = (0.6, 1.0)


@dataclass(frozen=True, eq=False)
class Sample:
    """An image, uint8 (H, W) or (H, W, 3), with boxes (N, 4) in its pixels and labels (N,)."""

    image: Bytes
    boxes: Boxes
    labels: Integers

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.image.shape[:2]
        return height, width


Augment = Callable[[Sample, np.random.Generator], Sample]


def flip_x(sample: Sample) -> Sample:
    """Mirror left and right."""
    width = sample.shape[1]
    boxes = sample.boxes.copy()
    boxes[:, [0, 2]] = width - sample.boxes[:, [2, 0]]
    return Sample(sample.image[:, ::-1], boxes, sample.labels)


def transpose(sample: Sample) -> Sample:
    """Swap x and y."""
    return Sample(sample.image.swapaxes(0, 1), sample.boxes[:, [1, 0, 3, 2]], sample.labels)


def flip_y(sample: Sample) -> Sample:
    """Mirror top and bottom."""
    return transpose(flip_x(transpose(sample)))


def window(sample: Sample, left: int, top: int, width: int, height: int) -> Sample:
    """Cut out a rectangle; boxes are clipped, those mostly outside are left out."""
    image = sample.image[top : top + height, left : left + width]
    shifted = sample.boxes - np.array([left, top, left, top], dtype=np.float64)
    inside = clip(shifted, width, height)
    # A sliver at the border would teach that background is an object.
    seen = areas(inside) >= VISIBLE * areas(shifted)
    return Sample(image, inside[seen], sample.labels[seen])


def _start(rng: np.random.Generator, length: int, part: int, around: float | None) -> int:
    lowest, highest = 0, length - part
    if around is not None:
        # Any window that holds the centre is as likely: objects shall not always lie in the middle.
        lowest = int(np.clip(around - part, 0, highest))
        highest = int(np.clip(around, lowest, highest))
    return int(rng.integers(lowest, highest + 1))


def random_window(sample: Sample, side: int, rng: np.random.Generator) -> Sample:
    """A window of at most `side` × `side` pixels, mostly one that shows some object's centre."""
    height, width = sample.shape
    if max(height, width) <= side:
        return sample
    x = y = None
    if len(sample.boxes) and rng.random() < AT_AN_OBJECT:
        box = sample.boxes[rng.integers(len(sample.boxes))]
        x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    part_x, part_y = min(side, width), min(side, height)
    left, top = _start(rng, width, part_x, x), _start(rng, height, part_y, y)
    return window(sample, left, top, part_x, part_y)


def random_orientation(sample: Sample, rng: np.random.Generator) -> Sample:
    """Flips, and a swap of the axes where the image is square (so that batches stay small)."""
    # Drawn whether used or not: the draws after it do not hang on the image's shape.
    flip, flop, swap = rng.random(3) < 0.5
    if flip:
        sample = flip_x(sample)
    if flop:
        sample = flip_y(sample)
    return transpose(sample) if swap and sample.shape[0] == sample.shape[1] else sample


def random_brightness(sample: Sample, rng: np.random.Generator) -> Sample:
    """Multiply by a factor in 1 ± `BRIGHTNESS`."""
    factor = np.float32(1 + rng.uniform(-BRIGHTNESS, BRIGHTNESS))
    image = np.minimum(sample.image * factor, np.float32(255)).astype(np.uint8)
    return Sample(image, sample.boxes, sample.labels)


def random_scale(sample: Sample, rng: np.random.Generator) -> Sample:
    """Resize by a factor in `SCALES`."""
    factor = float(np.exp(rng.uniform(*np.log(SCALES))))
    height, width = (max(1, round(length * factor)) for length in sample.shape)
    image = Image.fromarray(np.ascontiguousarray(sample.image))
    resized = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    ratio = np.array([width / sample.shape[1], height / sample.shape[0]] * 2)
    return Sample(resized, sample.boxes * ratio, sample.labels)


def random_crop(sample: Sample, rng: np.random.Generator) -> Sample:
    """Half of the time a part with `CROP` of each side."""
    if rng.random() >= CROPPED:
        return sample
    height, width = (max(1, round(n * rng.uniform(*CROP))) for n in sample.shape)
    left = int(rng.integers(sample.shape[1] - width + 1))
    top = int(rng.integers(sample.shape[0] - height + 1))
    return window(sample, left, top, width, height)


def unchanged(sample: Sample, _rng: np.random.Generator) -> Sample:
    """The sample itself."""
    return sample


def compact_augmentation(side: int, paste: Augment = unchanged) -> Augment:
    """Of the compact preset: window, pasted objects, flips, transpose, brightness."""

    def augment(sample: Sample, rng: np.random.Generator) -> Sample:
        sample = random_orientation(paste(random_window(sample, side, rng), rng), rng)
        return random_brightness(sample, rng)

    return augment


def paper_augmentation(side: int, paste: Augment = unchanged) -> Augment:
    """Of the paper: flip, rotation (by quarter turns, which keep boxes exact), scaling, crop."""

    def augment(sample: Sample, rng: np.random.Generator) -> Sample:
        sample = random_crop(random_scale(sample, rng), rng)
        sample = random_orientation(paste(random_window(sample, side, rng), rng), rng)
        return transpose(sample) if rng.random() < 0.5 else sample

    return augment
