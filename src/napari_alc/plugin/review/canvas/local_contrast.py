"""Local contrast: a copy of the image in which every neighbourhood takes all grays.

It is computed in a thread, for the eye alone; pixels and file stay as they are.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from weakref import WeakKeyDictionary

import numpy as np
from qtpy.compat import isalive
from qtpy.QtCore import QObject, Signal
from skimage.exposure import equalize_adapthist

from napari_alc.formats.images import Pixels, normalise
from napari_alc.plugin.review.image_loader import ReadImage, limits_of

NEIGHBOURHOODS = 8
"""Along each side of the image."""

LEAST_SIDE = 16
"""Pixels of a neighbourhood; fewer would show the noise of single pixels."""


def with_local_contrast(image: ReadImage) -> ReadImage:
    """A copy of a gray image with contrast-limited adaptive equalisation (CLAHE).

    Parameters
    ----------
    image
        (H, W), any real type; NaN becomes black.

    Returns
    -------
    ReadImage
        The same size as 8-bit pixels. An even image comes back even.
    """
    pixels = _equalised(normalise(image.pixels))
    return ReadImage(pixels, *limits_of(pixels), image.nm_per_pixel)


def _equalised(pixels: Pixels) -> Pixels:
    if pixels.min() == pixels.max():
        return pixels
    sides = [min(side, max(LEAST_SIDE, side // NEIGHBOURHOODS)) for side in pixels.shape]
    shares: Pixels = equalize_adapthist(pixels, kernel_size=sides)
    grays: Pixels = np.rint(shares * 255).astype(np.uint8)
    return grays


class LocalContrast(QObject):
    """Computes one copy at a time beside the window and keeps it as long as its image."""

    ready = Signal(object)
    """Emitted with an image whose copy can be taken, or for which memory did not suffice."""

    _computed = Signal(object, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._copies: WeakKeyDictionary[ReadImage, ReadImage] = WeakKeyDictionary()
        self._waiting: WeakKeyDictionary[ReadImage, Future[None]] = WeakKeyDictionary()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="napari-alc-local")
        self._computed.connect(self._keep)
        pool = self._pool
        parent.destroyed.connect(lambda: pool.shutdown(wait=False, cancel_futures=True))

    def ask(self, image: ReadImage) -> None:
        """Compute the copy of the image that is shown, before those of others."""
        for other, waiting in list(self._waiting.items()):
            if waiting.cancel():
                del self._waiting[other]
        self.prepare(image)

    def prepare(self, image: ReadImage) -> None:
        """Compute the copy of an image that may be shown next, unless it is there."""
        if image not in self._copies and image not in self._waiting:
            self._waiting[image] = self._pool.submit(self._compute, image)

    def take(self, image: ReadImage) -> ReadImage | None:
        """The copy of `image`; None while it is not there."""
        return self._copies.get(image)

    def _compute(self, image: ReadImage) -> None:
        try:
            copy = with_local_contrast(image)
        except MemoryError:
            copy = None
        # the window may be gone by now
        if isalive(self):
            self._computed.emit(image, copy)

    def _keep(self, image: ReadImage, copy: ReadImage | None) -> None:
        self._waiting.pop(image, None)
        if copy is not None:
            self._copies[image] = copy
        self.ready.emit(image)
