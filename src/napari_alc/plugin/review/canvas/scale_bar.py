"""The scale bar of the review.

napari's own measures in the units of the layers. Ours stay in pixels, as the boxes are, so the bar
is a widget of its own that knows how large a pixel is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QPoint, QRect, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent
from qtpy.QtWidgets import QWidget

from napari_alc.boxes import Boxes, as_boxes, intersections
from napari_alc.wording import length_words, round_length

LONGEST_BAR = 160.0
"""Screen pixels of the bar at most; it is at least two fifths of that."""

MARGIN = 12
"""Screen pixels between the bar's ground and the canvas' edges."""

PADDING = 8
THICKNESS = 4

GROUND = QColor(0, 0, 0, 190)
"""Dark enough to read white on, whatever the image."""


FAR = 2.0
"""Times the bar's width and height from which a box is too large to make way for."""


class ScaleBar(QWidget):
    """Shows a round length at the present zoom; hidden where a pixel's size is not known.

    It stands in a corner of the `canvas` where it covers no box, if there is one.
    """

    def __init__(self, viewer: Any, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._camera = viewer.scene.camera
        self._boxes = as_boxes([])
        self._nm_per_pixel: float | None = None
        self.length = 0.0
        """Of the bar, in screen pixels."""
        self.words = ""
        """Beside the bar."""
        self.setAccessibleName("Scale bar")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._camera.events.zoom.connect(self._measure)
        self.parentWidget().installEventFilter(self)
        self.hide()

    def set_pixel_size(self, nanometres: float | None) -> None:
        """Measure in pixels of this size; None hides the bar."""
        self._nm_per_pixel = nanometres
        # A job may end, and the page be told, when the window with its canvas is gone.
        if isalive(self):
            self._show_or_hide()
            self._measure()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Stay in the corner of a canvas that is resized."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return bool(super().eventFilter(watched, event))

    def _measure(self) -> None:
        # napari's camera may outlive the window
        if self._nm_per_pixel is None or not isalive(self):
            return
        nm_per_screen_pixel = self._nm_per_pixel / self._camera.zoom
        nanometres = round_length(LONGEST_BAR * nm_per_screen_pixel)
        self.length = nanometres / nm_per_screen_pixel
        self.words = length_words(nanometres)
        self._place()
        self.update()

    def _place(self) -> None:
        text = self.fontMetrics()
        inside = max(math.ceil(self.length), text.horizontalAdvance(self.words))
        width = inside + 2 * PADDING
        height = text.height() + THICKNESS + 2 * PADDING
        self.setGeometry(QRect(QPoint(), QSize(width, height)))
        self.move(self._corner())

    def keep_clear_of(self, boxes: Boxes) -> None:
        """Cover none of these boxes, in pixels of the canvas; hidden where no corner is free.

        Of a box that is far larger than the bar a little may be covered.
        """
        self._boxes = boxes
        if isalive(self):
            self.move(self._corner())
            self._show_or_hide()

    def _corner(self) -> QPoint:
        canvas = self.parentWidget().rect().adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        right, low = canvas.right() - self.width() + 1, canvas.bottom() - self.height() + 1
        corners = [QPoint(right, low), QPoint(canvas.left(), low), QPoint(right, canvas.top())]
        return min(corners, key=self._covered)

    def _covered(self, corner: QPoint) -> int:
        """How many boxes it would cover, with its upper left end at a place."""
        (x, y), (width, height) = (corner.x(), corner.y()), (self.width(), self.height())
        boxes, place = self._boxes, as_boxes([x, y, x + width, y + height])
        is_far_larger = ((boxes[:, 2:] - boxes[:, :2]) / [width, height] > FAR).all(axis=1)
        shared = intersections(boxes, np.broadcast_to(place, boxes.shape))
        return int(((shared > 0) & ~is_far_larger).sum())

    def _show_or_hide(self) -> None:
        self.setVisible(self._nm_per_pixel is not None and not self._covered(self.pos()))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002, N802
        """Draw the ground, the length in words, and the bar below."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(GROUND)
        painter.drawRoundedRect(self.rect(), 4, 4)
        left = (self.width() - self.length) / 2
        below = self.height() - PADDING - THICKNESS
        painter.fillRect(QRectF(left, below, self.length, THICKNESS), Qt.GlobalColor.white)
        painter.setPen(Qt.GlobalColor.white)
        above = QRectF(0, PADDING, self.width(), below - PADDING)
        painter.drawText(above, Qt.AlignmentFlag.AlignHCenter, self.words)
        painter.end()
