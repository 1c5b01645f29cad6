"""Small images of bright squares on a dark, noisy ground, with the squares' boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile

from napari_alc.detection.data.samples import TrainingImage
from napari_alc.detection.settings import DetectorSettings
from napari_alc.labels import Category

CATEGORIES = (Category(7, "square"),)
QUICK = DetectorSettings(iterations=6, threads=1)


def draw(rng, shape=(64, 96), squares=3, dtype=np.uint8):
    """An image and its boxes; squares may touch, not overlap."""
    top = np.iinfo(dtype).max
    image = rng.integers(0, top // 5, shape)
    taken = np.zeros(shape, bool)
    boxes = []
    while len(boxes) < squares:
        side = int(rng.integers(14, 24))
        y, x = rng.integers(0, shape[0] - side), rng.integers(0, shape[1] - side)
        area = np.s_[y : y + side, x : x + side]
        if taken[area].any():
            continue
        taken[area] = True
        image[area] += top // 2
        boxes.append([x, y, x + side, y + side])
    return image.astype(dtype), np.reshape(boxes, (-1, 4)).astype(float)


def make_images(folder: Path, count: int, seed: int = 0, **kwargs) -> list[TrainingImage]:
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    images = []
    for number in range(count):
        pixels, boxes = draw(rng, **kwargs)
        path = folder / f"{number}.tif"
        tifffile.imwrite(path, pixels)
        images.append(TrainingImage(path, boxes, np.full(len(boxes), 7)))
    return images
