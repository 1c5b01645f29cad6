"""napari with the plugin docked, driven by real key and mouse events and timed until drawn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from qtpy.QtCore import QEvent, QEventLoop, QPoint, QPointF, Qt, QTimer
from qtpy.QtGui import QMouseEvent, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractButton, QApplication

from napari_alc.plugin.widget import NAME, ActiveLabelCleaning, dock

LONGEST_WAIT_MS = 600_000
"""After this the window has failed."""

LOOK_EVERY_MS = 5

LAID_OUT_MS = 500
"""After this a new window has found its size; its canvas is drawn with the first image only."""

LEFT, NOTHING = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
PLAIN = Qt.KeyboardModifier.NoModifier


class Window:
    """The program's window, a person's hands, and a clock that knows when it was drawn.

    Parameters
    ----------
    viewer
        Of napari.
    widget
        The plugin's dock widget in it.
    """

    def __init__(self, viewer: Any, widget: ActiveLabelCleaning) -> None:
        self.viewer, self.widget, self.page = viewer, widget, widget.review_page
        canvas = viewer.window._qt_viewer.canvas
        self.native = canvas.native
        self._frame: Callable[[], None] = lambda: None
        # after vispy has drawn, Qt composes the window and hands it to the display
        self.native.frameSwapped.connect(lambda: self._frame())

    @property
    def canvas(self) -> Any:
        """The plugin's layers."""
        return self.page.canvas

    def on_frame(self, told: Callable[[], None]) -> None:
        """Call `told` after every frame that is on the display."""
        self._frame = told

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Let the window work until `condition` holds."""
        if not condition():
            look = QTimer()
            with _loop(what) as loop:
                look.timeout.connect(lambda: loop.quit() if condition() else None)
                look.start(LOOK_EVERY_MS)

    def work(self, milliseconds: int) -> None:
        """Let the window work for a while."""
        loop = QEventLoop()
        QTimer.singleShot(milliseconds, loop.quit)
        loop.exec()

    def milliseconds(
        self, change: Callable[[], None], is_shown: Callable[[], bool] = lambda: True
    ) -> float:
        """Time from the start of `change` until a frame is on the display in which it shows.

        Parameters
        ----------
        is_shown
            Whether what is drawn now is what was asked for.
        """
        ended, before = 0.0, self._frame
        start = time.perf_counter()
        change()
        with _loop("drawing") as loop:

            def told() -> None:
                nonlocal ended
                if not ended and is_shown():
                    ended = time.perf_counter()
                    loop.quit()
                before()

            self._frame = told
            self.native.update()
        self._frame = before
        return 1000 * (ended - start)

    def settle(self) -> None:
        """Wait until an image is open, everything is as it stays, and drawn."""
        self.wait(lambda: self.page.state.document is not None, "the image")
        self.rest()

    def rest(self) -> None:
        """Wait until nothing is going to be changed or drawn."""
        self.wait(lambda: bool(self.canvas.is_settled), "the canvas")
        self.milliseconds(lambda: None)

    def press(self, key: Qt.Key) -> None:
        """Press a key on the canvas; `let_go` follows."""
        QTest.keyPress(self.native, key)

    def let_go(self, key: Qt.Key) -> None:
        """Let go of a key."""
        QTest.keyRelease(self.native, key)

    def key(self, key: Qt.Key) -> None:
        """Press a key, let go of it, and wait until all is drawn."""
        self.press(key)
        self.let_go(key)
        self.rest()

    def click(self, button: QAbstractButton) -> None:
        """Click a button of the page."""
        QTest.mouseClick(button, LEFT)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag from one place of the image, x and y in pixels, to another."""
        self._move(start, NOTHING)
        QTest.mousePress(self.native, LEFT, PLAIN, self.on_screen(*start))
        for share in (0.3, 0.7, 1.0):
            x, y = (a + share * (b - a) for a, b in zip(start, end, strict=True))
            self._move((x, y), LEFT)
        QTest.mouseRelease(self.native, LEFT, PLAIN, self.on_screen(*end))

    def on_screen(self, x: float, y: float) -> QPoint:
        """Where a place of the image, in pixels, lies on the canvas."""
        camera = self.viewer.scene.camera
        height, width = self.viewer.canvas.size
        column = (x - camera.center[-1]) * camera.zoom + width / 2
        row = (y - camera.center[-2]) * camera.zoom + height / 2
        return QPoint(round(column), round(row))

    def turn_wheel(self, notches: int) -> None:
        """Zoom about the middle of the canvas."""
        place = QPointF(self.native.rect().center())
        event = QWheelEvent(
            place,
            QPointF(self.native.mapToGlobal(place.toPoint())),
            QPoint(),
            QPoint(0, 120 * notches),
            NOTHING,
            PLAIN,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(self.native, event)

    def _move(self, place: tuple[float, float], held: Qt.MouseButton) -> None:
        # vispy and napari drop moves in quick succession
        self.wait(lambda: self._arrived(*place, held), "the mouse")

    def _arrived(self, x: float, y: float, held: Qt.MouseButton) -> bool:
        # QTest.mouseMove moves the pointer of the desktop instead
        local = QPointF(self.on_screen(x, y))
        everywhere = QPointF(self.native.mapToGlobal(local.toPoint()))
        event = QMouseEvent(QEvent.Type.MouseMove, local, everywhere, NOTHING, held, PLAIN)
        QApplication.sendEvent(self.native, event)
        row, column = self.viewer.cursor.position[-2:]
        one_pixel = 1.5 / self.viewer.scene.camera.zoom
        return bool(abs(row - y) < one_pixel and abs(column - x) < one_pixel)


@contextmanager
def _loop(what: str) -> Iterator[QEventLoop]:
    """An event loop that runs when the block ends, until it is told to quit."""
    loop, end = QEventLoop(), QTimer()
    end.setSingleShot(True)
    end.timeout.connect(lambda: loop.exit(1))
    end.start(LONGEST_WAIT_MS)
    yield loop
    if loop.exec():
        raise SystemExit(f"The window has waited in vain for {what}.")


@contextmanager
def opened_window(size: tuple[int, int]) -> Iterator[Window]:
    """Open napari with the plugin; within `virtual_display`, as a new user finds it."""
    import napari

    viewer = napari.Viewer(title=NAME)
    viewer.window.resize(*size)
    widget = dock(viewer)
    window = Window(viewer, widget)
    window.work(LAID_OUT_MS)
    try:
        yield window
    finally:
        viewer.close()
        if widget.project is not None:
            widget.project.close()
