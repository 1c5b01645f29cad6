"""The images of a label file as one stack for napari, each read when it is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from napari_alc.formats.images import Pixels, normalise, read_image

KEPT = 16
"""Images held in memory."""


class ImageStack:
    """Images of any size as an array (images, height, width[, 3]).

    Smaller images have black at their right and lower edges, so that pixels and boxes keep
    their coordinates. The first image says whether the stack is gray or colour and of which
    number type; images of another kind are shown in their 8-bit view.

    Parameters
    ----------
    sizes
        Width and height of each in pixels.
    """

    def __init__(self, paths: Sequence[Path], sizes: Sequence[tuple[int, int]]) -> None:
        self._paths = tuple(paths)
        first = read_image(self._paths[0])
        self.dtype: np.dtype[Any] = first.dtype
        height, width = max(h for _, h in sizes), max(w for w, _ in sizes)
        self.shape: tuple[int, ...] = (len(self._paths), height, width, *first.shape[2:])
        self._read = lru_cache(maxsize=KEPT)(self._padded)

    @property
    def ndim(self) -> int:
        """Axes, that of the colours included."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Numbers in the whole stack."""
        return int(np.prod(self.shape))

    @property
    def is_colour(self) -> bool:
        """Whether the last axis holds red, green and blue."""
        return self.ndim == 4

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, key: Any) -> NDArray[Any]:
        first, *rest = key if isinstance(key, tuple) else (key,)
        part: NDArray[Any]
        if first is Ellipsis:
            part = np.asarray(self)[key]
            return part
        wanted = np.arange(len(self))[first]
        if np.ndim(wanted) == 0:
            part = self._read(int(wanted))[tuple(rest)]
            return part
        images = [self._read(int(z))[tuple(rest)] for z in wanted]
        return np.stack(images) if images else np.empty((0, *self.shape[1:]), self.dtype)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Read everything, as NumPy asks for."""
        del copy  # every call makes a new array
        return np.stack([self._read(z) for z in range(len(self))]).astype(dtype or self.dtype)

    def _padded(self, position: int) -> Pixels:
        image = _of_kind(read_image(self._paths[position]), self.dtype, self.is_colour)
        height, width = image.shape[:2]
        if image.shape == self.shape[1:]:
            return image
        padded = np.zeros(self.shape[1:], self.dtype)
        padded[:height, :width] = image[: self.shape[1], : self.shape[2]]
        return padded


def _of_kind(image: Pixels, dtype: np.dtype[Any], colour: bool) -> Pixels:
    if image.dtype != dtype:
        share = normalise(image) / 255.0
        top = np.iinfo(dtype).max if dtype.kind in "ui" else 1.0
        image = (share * top).astype(dtype)
    if colour and image.ndim == 2:
        return np.repeat(image[:, :, None], 3, axis=2)
    if not colour and image.ndim == 3:
        image = image.mean(axis=2).astype(dtype)
    return image
