"""Small pictures of images, made beside the window as they come into sight."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from qtpy.compat import isalive
from qtpy.QtCore import QObject, Qt, Signal
from qtpy.QtGui import QImage, QPixmap

from napari_alc.errors import AlcError
from napari_alc.formats.images import normalise, read_image

SIDE = 40
"""Pixels of a thumbnail's longer side, on a screen at 100 %."""

KEPT = 256
"""Thumbnails held: 1.6 MB at 100 %."""

MOST_WAITING = 64
"""Thumbnails asked for and not begun; the oldest have long been scrolled past."""

THREADS = 2
"""Images that are read at a time; each takes its own memory while it is."""

SAMPLED = 4
"""Pixels along a side that one pixel of the thumbnail is the mean of, at most."""


def thumbnail(path: Path, side: int) -> QImage:
    """The 8-bit view of an image, its longer side `side` pixels; null where it is unreadable."""
    try:
        pixels = read_image(path)
    except AlcError:
        return QImage()
    step = max(1, max(pixels.shape[:2]) // (SAMPLED * side))
    small = np.ascontiguousarray(normalise(pixels[::step, ::step]))
    kinds = QImage.Format
    kind = kinds.Format_Grayscale8 if small.ndim == 2 else kinds.Format_RGB888
    height, width = small.shape[:2]
    whole = QImage(small.data, width, height, small.strides[0], kind)
    shape, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    # a copy of its own: the array is gone when this returns
    return whole.scaled(side, side, shape, smooth).copy()


class Thumbnails(QObject):
    """Makes thumbnails and keeps the last few hundred.

    Parameters
    ----------
    parent
        When it goes, nothing more is read.
    """

    ready = Signal(object)
    """Emitted in the main thread with the path of an image whose thumbnail is there."""

    _made = Signal(object, object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        pool = ThreadPoolExecutor(THREADS, thread_name_prefix="napari-alc-thumbnail")
        parent.destroyed.connect(lambda: pool.shutdown(wait=False, cancel_futures=True))
        self._pool = pool
        self._kept: OrderedDict[Path, QPixmap] = OrderedDict()
        self._waiting: OrderedDict[Path, Future[QImage]] = OrderedDict()
        self._made.connect(self._keep)

    def picture(self, path: Path, ratio: float = 1.0) -> QPixmap | None:
        """The thumbnail of an image; None while it is made, null where it cannot be.

        Parameters
        ----------
        path
            Known under it from then on.
        ratio
            Pixels of the screen for a pixel of the window.
        """
        if path in self._kept:
            self._kept.move_to_end(path)
            return self._kept[path]
        if path not in self._waiting:
            self._ask(path, ratio)
        return None

    @property
    def kept(self) -> int:
        """How many thumbnails are held."""
        return len(self._kept)

    @property
    def waiting(self) -> int:
        """How many are asked for and not there yet."""
        return len(self._waiting)

    def forget(self) -> None:
        """Drop every thumbnail."""
        for future in self._waiting.values():
            future.cancel()
        self._waiting.clear()
        self._kept.clear()

    def _ask(self, path: Path, ratio: float) -> None:
        future = self._pool.submit(thumbnail, path, round(SIDE * ratio))
        self._waiting[path] = future
        future.add_done_callback(lambda done: self._tell(path, done, ratio))
        while len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)[1].cancel()

    def _tell(self, path: Path, done: Future[QImage], ratio: float) -> None:
        # the window may be gone when the thread comes back
        if not done.cancelled() and isalive(self):
            image = done.result()
            image.setDevicePixelRatio(ratio)
            self._made.emit(path, image)

    def _keep(self, path: Path, image: QImage) -> None:
        if self._waiting.pop(path, None) is None:  # forgotten meanwhile
            return
        self._kept[path] = QPixmap.fromImage(image)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        self.ready.emit(path)
