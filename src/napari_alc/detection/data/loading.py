"""Reading images in the size in which the detector sees them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from napari_alc.boxes import Floats
from napari_alc.detection.data.cache import Bytes, ImageCache, read_eight_bit, scaled
from napari_alc.detection.plan import Plan
from napari_alc.formats.images import image_size

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class SeenImage:
    """An image as the detector sees it.

    Parameters
    ----------
    pixels
        uint8, (H, W) or (H, W, 3), in input pixels.
    size
        Width and height of the image file in pixels.
    """

    pixels: Bytes
    size: tuple[int, int]

    @property
    def scale(self) -> Floats:
        """What corners in the image's pixels are multiplied by to be in input pixels, (4,)."""
        height, width = self.pixels.shape[:2]
        return np.array([width / self.size[0], height / self.size[1]] * 2)


def seen_image(
    path: Path,
    plan: Plan,
    cache: ImageCache | None = None,
    *,
    size: tuple[int, int] | None = None,
    make_room: bool = True,
) -> SeenImage:
    """The image in `path`, scaled as `plan` says.

    Parameters
    ----------
    cache
        Asked first, and given what it lacks; the pixels are the same without it.
    size
        Width and height in pixels where they are known already.
    make_room
        See `ImageCache.scaled`.

    Raises
    ------
    BadData
        When the image cannot be read.
    """
    if cache is None:
        image = read_eight_bit(path)
        height, width = image.shape[:2]
        return SeenImage(scaled(image, *plan.input_shape(width, height)), (width, height))
    width, height = size or image_size(path)
    shape = plan.input_shape(width, height)
    return SeenImage(cache.scaled(path, *shape, make_room=make_room), (width, height))


def read_ahead(
    tasks: Iterable[Task], read: Callable[[Task], Result], threads: int, ahead: int
) -> Iterator[Result]:
    """``read(task)`` of all tasks in their order, up to `ahead` of them done beforehand.

    An error comes when its turn has come. Tasks not begun when the caller stops are dropped.

    Parameters
    ----------
    read
        Called in one of `threads` threads.
    ahead
        Results, at most, that wait in memory; 1 or more.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads, thread_name_prefix="reading") as pool:
        try:
            for task in tasks:
                # The oldest goes out before one more is begun: memory holds `ahead` at most.
                if len(waiting) == ahead:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(read, task))
            while waiting:
                yield waiting.popleft().result()
        finally:
            # Else leaving the block would wait until all of them were read for nobody.
            for late in waiting:
                late.cancel()
