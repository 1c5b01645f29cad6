"""A scale bar in the canvas' corner.

napari's own bar measures in the units of the layers. Ours stay in pixels, as the boxes are,
so the bar is a widget of its own that knows how large a pixel is.
"""

from __future__ import annotations

import math
from typing import Any

from qtpy.compat import isalive
from qtpy.QtCore import QEvent, QObject, QRectF, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent
from qtpy.QtOpenGLWidgets import QOpenGLWidget
from qtpy.QtWidgets import QWidget

from napari_alc.wording import length_words, round_length

LONGEST = 160.0
"""Screen pixels of the bar at most; it is at least two fifths of that."""

MARGIN = 12
"""Screen pixels between the bar's ground and the canvas' edges."""

PADDING = 8
THICKNESS = 4

GROUND = QColor(0, 0, 0, 190)
"""Dark enough to read white on, whatever the image."""


def canvas_widget(viewer: Any) -> QWidget:
    """The widget that napari draws its layers in."""
    window = viewer.window.main_menu.window()
    return window.centralWidget().findChild(QOpenGLWidget)


class ScaleBar(QWidget):
    """Shows a round length at the present zoom; hidden where a pixel's size is not known."""

    def __init__(self, viewer: Any) -> None:
        super().__init__(canvas_widget(viewer))
        self._camera = viewer.scene.camera
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
        self.setVisible(nanometres is not None)
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
        nanometres = round_length(LONGEST * nm_per_screen_pixel)
        self.length = nanometres / nm_per_screen_pixel
        self.words = length_words(nanometres)
        self._place()
        self.update()

    def _place(self) -> None:
        text = self.fontMetrics()
        inside = max(math.ceil(self.length), text.horizontalAdvance(self.words))
        width = inside + 2 * PADDING
        height = text.height() + THICKNESS + 2 * PADDING
        canvas = self.parentWidget()
        self.setGeometry(
            canvas.width() - width - MARGIN, canvas.height() - height - MARGIN, width, height
        )

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
