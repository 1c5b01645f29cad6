"""What the mouse does on the canvas beside napari's own tools: it pans, and asks for a menu.

Only the left button changes boxes. The middle one pans, and so does the left one where no box is;
with Shift it draws napari's rubber band there. The right one asks for the menu of the box below.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from qtpy.QtCore import QEvent, QObject, QPointF, Qt, Signal
from qtpy.QtGui import QMouseEvent

from napari_alc.plugin.napari_inside import canvas_widget
from napari_alc.plugin.review.canvas.edits import SLIP
from napari_alc.plugin.review.canvas.view import view_of

_Button = Qt.MouseButton
_PRESSES = (QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonDblClick)


class CanvasMouse(QObject):
    """Takes from napari what is not for its tools.

    `is_needed` says whether an image is under review, `pans` whether a press of the left button at
    a place ``(x, y)`` of the image is for no box.
    """

    emptied = Signal()
    """Emitted when a person clicked beside all boxes."""

    moved = Signal(float, float)
    """Emitted with the place ``(x, y)`` of the image that the mouse is at."""

    menu_asked = Signal(object)
    """Emitted with the place on the desktop where a menu is asked for."""

    def __init__(
        self,
        viewer: Any,
        is_needed: Callable[[], bool],
        pans: Callable[[float, float], bool],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._is_needed, self._pans = viewer, is_needed, pans
        self._widget = canvas_widget(viewer)
        self._held: Qt.MouseButton | None = None
        self._last = QPointF()
        self._travel = 0.0
        self._widget.installEventFilter(self)

    def place_of(self, point: QPointF) -> tuple[float, float]:
        """The place ``(x, y)`` of the image below a point of the canvas."""
        (left, top, *_), zoom = view_of(self._viewer), self._viewer.scene.camera.zoom
        return left + point.x() / zoom, top + point.y() / zoom

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Keep what pans, and what asks for a menu, from napari."""
        kind = event.type()
        if kind in _PRESSES:
            return self._press(cast("QMouseEvent", event))
        if kind == QEvent.Type.MouseMove:
            return self._move(cast("QMouseEvent", event))
        if kind == QEvent.Type.MouseButtonRelease and self._held is not None:
            return self._release(cast("QMouseEvent", event))
        return bool(super().eventFilter(watched, event))

    def _press(self, event: QMouseEvent) -> bool:
        if not self._is_needed():
            return False
        if self._held is not None:
            return True
        button = event.button()
        if button == _Button.LeftButton and (
            event.modifiers() or not self._pans(*self.place_of(event.position()))
        ):
            return False
        if button not in (_Button.LeftButton, _Button.MiddleButton, _Button.RightButton):
            return False
        self._held, self._last, self._travel = button, event.position(), 0.0
        return True

    def _move(self, event: QMouseEvent) -> bool:
        if self._is_needed():
            self.moved.emit(*self.place_of(event.position()))
        if self._held is None:
            return False
        by = event.position() - self._last
        self._last = event.position()
        self._travel += by.manhattanLength()
        if self._held != _Button.RightButton and self._travel >= SLIP:
            camera = self._viewer.scene.camera
            y, x = camera.center[-2:]
            camera.center = (y - by.y() / camera.zoom, x - by.x() / camera.zoom)
        return True

    def _release(self, event: QMouseEvent) -> bool:
        if event.button() != self._held:
            return True
        button, self._held = self._held, None
        if self._travel < SLIP and button == _Button.LeftButton:
            self.emptied.emit()
        elif button == _Button.RightButton:
            self.menu_asked.emit(event.globalPosition().toPoint())
        return True
