"""What tests of the image cache do in other processes; to load it takes a moment only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from multiprocessing.queues import Queue
from pathlib import Path

import numpy as np

from napari_alc.detection.data.cache import HEADER_BYTES, ImageCache, read_eight_bit, scaled
from napari_alc.formats.images import Pixels


def expected(path: Path, width: int = 30, height: int = 20) -> Pixels:
    return scaled(read_eight_bit(path), width, height)


def entries(folder: Path) -> list[Path]:
    return sorted((folder / "images").iterdir())


def total(folder: Path) -> int:
    return sum(entry.stat().st_size for entry in entries(folder))


def look_through(
    folder: Path, images: Sequence[Path], order: Iterable[int], answers: Queue[bool]
) -> None:
    """Tell whether a small cache answers rightly, again and again, and stays small."""
    cache = ImageCache(folder, 6 * (HEADER_BYTES + 600))
    right = []
    for number in order:
        pixels = cache.scaled(images[number], 30, 20)
        right.append(np.array_equal(pixels, expected(images[number])))
        right.append(total(folder) <= 2 * cache.limit)
    answers.put(all(right))
