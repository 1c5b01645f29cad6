"""A small picture of the whole image in a corner: where one is, and where the open boxes are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.compat import isalive
from qtpy.QtCore import QPoint, QPointF, QRectF, Qt
from qtpy.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QWidget

from napari_alc.boxes import Corners, as_boxes
from napari_alc.plugin.review.canvas.view import view_of
from napari_alc.plugin.review.image_loader import ReadImage

LONGEST = 150
"""Pixels of the screen of its longer side."""

MARGIN = 12
"""Pixels of the screen between it and the edges of the canvas."""

DOT = 5.0
"""Pixels of the screen of an open box, at least."""

WHOLE = 0.97
"""Share of the image in view, in both directions, from which there is nothing to show."""

AMBER, WHITE, BLACK = QColor("#ffbf00"), QColor("#ffffff"), QColor("#000000")


def thumbnail(image: ReadImage) -> NDArray[np.uint8]:
    """A small copy of an image, shape (h, w) or (h, w, 3): its longer side at most `LONGEST`."""
    step = -(-max(image.pixels.shape[:2]) // LONGEST)
    small = image.pixels[::step, ::step]
    if small.ndim == 3:
        return np.ascontiguousarray(small[..., :3], dtype=np.uint8)
    low, high = image.stretched
    share = np.clip((small.astype(np.float64) - low) / max(high - low, 1e-12), 0, 1)
    return np.ascontiguousarray(np.nan_to_num(share) * 255, dtype=np.uint8)


class Overview(QWidget):
    """Shows the picture while only a part of the image is in view; a click brings one there."""

    def __init__(self, viewer: Any, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._viewer = viewer
        self._picture: QImage | None = None
        self._dotted: QImage | None = None
        self._scale = 1.0
        self._open: tuple[Corners, ...] = ()
        self._current: tuple[Corners, ...] = ()
        self.setAccessibleName("Overview")
        self.setToolTip(
            "The whole image: open boxes in amber, what is in view framed. Click there."
        )
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        for event in (viewer.scene.camera.events.zoom, viewer.scene.camera.events.center):
            event.connect(self._follow)
        viewer.canvas.events.size.connect(self._follow)
        self.hide()

    def show_image(self, image: ReadImage | None) -> None:
        """Show another image; None for none."""
        if not isalive(self):
            return
        self._picture = None if image is None else _picture(thumbnail(image))
        self._dotted = None
        if image is not None and self._picture is not None:
            self._scale = self._picture.width() / image.pixels.shape[1]
            self.setFixedSize(self._picture.size())
        self._follow()

    def show_boxes(self, waiting: Sequence[Corners], current: Sequence[Corners]) -> None:
        """Show where the open boxes are, and those at hand."""
        self._open, self._current = tuple(waiting), tuple(current)
        self._dotted = None
        self._follow()

    @property
    def view(self) -> QRectF:
        """What is in view, in pixels of the image."""
        return _rect(view_of(self._viewer))

    def _follow(self) -> None:
        # napari's camera may outlive the window
        if not isalive(self):
            return
        is_part = self._picture is not None and not self._is_whole()
        self.setVisible(is_part)
        if is_part:
            self.move(self._corner())
            self.update()

    def _is_whole(self) -> bool:
        seen = self.view.intersected(self._image_rect())
        whole = self._image_rect()
        shares = seen.width() / whole.width(), seen.height() / whole.height()
        return bool(min(shares) >= WHOLE)

    def _image_rect(self) -> QRectF:
        return QRectF(0, 0, self.width() / self._scale, self.height() / self._scale)

    def _corner(self) -> QPoint:
        """The upper left corner of the canvas, or the lower one where a box at hand lies there."""
        upper = QPoint(MARGIN, MARGIN)
        reach = (MARGIN + self.height()) / self._viewer.scene.camera.zoom
        covered = QRectF(self.view.topLeft(), self.view.topLeft() + QPointF(reach, reach))
        if any(covered.intersects(_rect(box)) for box in self._current):
            return QPoint(MARGIN, self.parentWidget().height() - self.height() - MARGIN)
        return upper

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Bring the place that was clicked to the middle of the view."""
        place = event.position() / self._scale
        self._viewer.scene.camera.center = (place.y(), place.x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Follow the mouse while it is held."""
        self.mousePressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802
        """Draw the picture, the boxes, and the frame around what is in view."""
        painter = QPainter(self)
        if self._picture is not None:
            # the camera moves much more often than boxes are decided
            self._dotted = self._dotted or self._with_dots(self._picture)
            painter.drawImage(0, 0, self._dotted)
        for box in self._current:
            painter.fillRect(self._dot(box).adjusted(-1, -1, 1, 1), BLACK)
            painter.fillRect(self._dot(box), WHITE)
        for colour, width in ((BLACK, 3), (WHITE, 1)):
            painter.setPen(QPen(colour, width))
            painter.drawRect(self._scaled(self.view).adjusted(0, 0, -1, -1))
        painter.setPen(QPen(WHITE, 1))
        painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def _with_dots(self, picture: QImage) -> QImage:
        """The picture with the open boxes."""
        dotted = picture.convertToFormat(QImage.Format.Format_RGB32)
        painter = QPainter(dotted)
        for x, y, width, height in self._dots():
            painter.fillRect(QRectF(x, y, width, height), AMBER)
        painter.end()
        return dotted

    def _dots(self) -> list[list[float]]:
        """Where the open boxes lie in the picture: ``x, y, width, height``."""
        boxes = as_boxes(self._open) * self._scale
        middles, sides = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        sides = np.maximum(sides, DOT)
        found: list[list[float]] = np.concatenate([middles - sides / 2, sides], axis=1).tolist()
        return found

    def _dot(self, box: Corners) -> QRectF:
        found = self._scaled(_rect(box))
        width, height = max(found.width(), DOT), max(found.height(), DOT)
        middle = found.center()
        return QRectF(middle.x() - width / 2, middle.y() - height / 2, width, height)

    def _scaled(self, place: QRectF) -> QRectF:
        return QRectF(place.topLeft() * self._scale, place.size() * self._scale)


def _rect(box: Corners) -> QRectF:
    x1, y1, x2, y2 = box
    return QRectF(x1, y1, x2 - x1, y2 - y1)


def _picture(pixels: NDArray[np.uint8]) -> QImage:
    height, width = pixels.shape[:2]
    kind = QImage.Format.Format_Grayscale8 if pixels.ndim == 2 else QImage.Format.Format_RGB888
    return QImage(pixels.data, width, height, pixels.strides[0], kind).copy()
