"""Drives the review in a real viewer with real mouse and key events."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import make_fresh_project, make_project
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_alc.plugin.review.view import ReviewView
from napari_alc.project.annotation import decisions
from napari_alc.project.project import Project
from napari_alc.project.storage.records import ReviewBox

__all__ = [
    "APP",
    "PERSON",
    "Driver",
    "docked_page",
    "make_fresh_project",
    "make_project",
    "middle",
    "shared_viewer",
]

PERSON = "Ada"
APP = "shared_app"
LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier
WINDOW_SIZE = (960, 540)
"""Pixels: where no graphics card draws, a large window takes most of a test's time."""


@contextmanager
def own_app() -> Iterator[None]:
    """Commands of napari and of the plugin as in a program of their own."""
    from app_model import Application
    from napari._app_model._app import NapariApplication, _napari_names
    from napari._qt._qapp_model.qactions import init_qactions
    from napari.plugins import _initialize_plugins

    app = NapariApplication(APP)
    app.injection_store.namespace = _napari_names
    once = (_initialize_plugins, init_qactions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(NapariApplication, "get_app_model", lambda: app)
        for function in once:
            function.cache_clear()
        try:
            yield
        finally:
            Application.destroy(APP)
            for function in once:
                function.cache_clear()


@contextmanager
def shared_viewer(settings: Path) -> Iterator[Any]:
    """A viewer for the tests of a module: each of its own would take most of their time."""
    from napari import Viewer
    from napari._qt.qt_viewer import QtViewer

    with own_app(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("napari.settings._CFG_PATH", str(settings / "settings.yaml"))
        patch.setattr("napari._qt.threads.status_checker.StatusChecker.start", lambda _self: None)
        viewer = Viewer(show=True, show_welcome_screen=False)
        viewer.window.resize(*WINDOW_SIZE)
        patch.setattr(viewer.window._qt_window, "_save_current_window_settings", lambda: None)
        yield viewer
        viewer.close()
    QApplication.processEvents()
    del viewer
    gc.collect()
    assert not QtViewer._instances
    gc.freeze()  # What is left stays, and need not be searched after each test to come.


class Driver:
    """A pathologist's hands and eyes."""

    def __init__(
        self, viewer, project: Project, qtbot, wait: bool = True, page: ReviewView | None = None
    ) -> None:
        self.viewer, self.project, self.qtbot = viewer, project, qtbot
        self.page = page or docked_page(viewer)
        self.native = viewer.window._qt_viewer.canvas.native
        self.open(wait)

    def open(self, wait: bool = True) -> None:
        self._look(False)
        try:
            self.page.controller.set_project(self.project, PERSON)
            if wait:
                self.qtbot.waitUntil(self._has_image)
        finally:
            self._look(True)
        if wait:
            self.settle()

    def close(self) -> None:
        """Close the project, and look away until another one is open."""
        self._look(False)
        self.page.controller.set_project(None, "")

    def _look(self, is_looking: bool) -> None:
        """What nobody looks at is not drawn, which takes most of a test's time."""
        self.viewer.window._qt_window.setUpdatesEnabled(is_looking)

    def wait_for_image(self) -> None:
        self.qtbot.waitUntil(self._has_image)
        self.settle()

    def _has_image(self) -> None:
        assert self.document is not None, self.message

    def settle(self) -> None:
        """Let events and timers that are due be handled."""
        self.qtbot.waitUntil(lambda: self.canvas.is_settled)

    @property
    def state(self):
        return self.page.state

    @property
    def selection(self):
        return self.page.controller.boxes.selection

    @property
    def canvas(self):
        return self.page.canvas

    @property
    def document(self):
        return self.page.state.document

    @property
    def layer(self):
        return self.canvas.boxes

    @property
    def message(self) -> str:
        return self.page.panel.message.text()

    @property
    def current(self) -> ReviewBox:
        [box] = self.state.current_boxes
        return box

    def stored(self) -> dict[int, ReviewBox]:
        """The boxes as another process finds them in the store."""
        again = Project.open(self.project.folder)
        try:
            return decisions.open_document(again, self.page.state.task, PERSON).boxes
        finally:
            again.close()

    def assert_in_step(self) -> None:
        """Store, document and layer say the same, and ids are unique."""
        self.settle()
        assert self.stored() == dict(self.document.boxes)
        ids = self.layer.features["id"].tolist()
        assert len(ids) == len(set(ids)) == self.layer.nshapes
        shown = {box.id: box.corners for box in self.document.shown}
        assert set(ids) == set(shown)
        for box_id, vertices in zip(ids, self.layer.data, strict=True):
            (y1, x1), (y2, x2) = vertices.min(axis=0), vertices.max(axis=0)
            np.testing.assert_allclose((x1, y1, x2, y2), shown[box_id], atol=0.01)

    def on_screen(self, x: float, y: float) -> QPoint:
        """Where a place of the image, in pixels, lies on the canvas."""
        camera = self.viewer.scene.camera
        height, width = self.viewer.canvas.size
        column = (x - camera.center[-1]) * camera.zoom + width / 2
        row = (y - camera.center[-2]) * camera.zoom + height / 2
        return QPoint(round(column), round(row))

    def press(self, x: float, y: float, modifier=NONE) -> None:
        self._move(x, y, Qt.MouseButton.NoButton)
        QTest.mousePress(self.native, LEFT, modifier, pos=self.on_screen(x, y))

    def move(self, x: float, y: float, modifier=NONE) -> None:
        """Move with the button held."""
        self._move(x, y, LEFT, modifier)

    def release(self, x: float, y: float, modifier=NONE) -> None:
        QTest.mouseRelease(self.native, LEFT, modifier, pos=self.on_screen(x, y))

    def _move(self, x: float, y: float, held: Qt.MouseButton, modifier=NONE) -> None:
        # vispy and napari drop moves in quick succession
        self.qtbot.waitUntil(lambda: self._arrived(x, y, held, modifier))

    def _arrived(self, x: float, y: float, held: Qt.MouseButton, modifier) -> bool:
        self.move_on_screen(self.on_screen(x, y), held, modifier)
        row, column = self.viewer.cursor.position[-2:]
        one_pixel = 1.5 / self.viewer.scene.camera.zoom
        return abs(row - y) < one_pixel and abs(column - x) < one_pixel

    def move_on_screen(self, place: QPoint, held: Qt.MouseButton, modifier=NONE) -> None:
        """Move to a point of the canvas; QTest.mouseMove would need a desktop."""
        at, everywhere = QPointF(place), QPointF(self.native.mapToGlobal(place))
        none = Qt.MouseButton.NoButton
        event = QMouseEvent(QEvent.Type.MouseMove, at, everywhere, none, held, modifier)
        QApplication.sendEvent(self.native, event)
        QApplication.processEvents()

    def drag_on_screen(self, start: QPoint, by: QPoint, button: Qt.MouseButton) -> None:
        """Drag by pixels of the screen, whatever is below."""
        self.move_on_screen(start, Qt.MouseButton.NoButton)
        QTest.mousePress(self.native, button, NONE, pos=start)
        for share in (0.5, 1.0):
            self.move_on_screen(start + by * share, button)
        QTest.mouseRelease(self.native, button, NONE, pos=start + by)
        self.settle()

    def click(self, x: float, y: float) -> None:
        self.press(x, y)
        self.release(x, y)
        self.settle()

    def drag(self, start: tuple[float, float], end: tuple[float, float], modifier=NONE) -> None:
        self.press(*start, modifier)
        for share in (0.3, 0.7, 1.0):
            x, y = (a + share * (b - a) for a, b in zip(start, end, strict=True))
            self.move(x, y, modifier)
        self.release(*end, modifier)
        self.settle()

    def mark(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Draw the rubber band around boxes."""
        self.drag(start, end, Qt.KeyboardModifier.ShiftModifier)

    def key(self, key, modifier=Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key once what is to be decided on has been seen."""
        self.settle()
        QTest.keyClick(self.native, key, modifier)
        self.settle()


def docked_page(viewer) -> ReviewView:
    page = ReviewView(viewer)
    viewer.window.add_dock_widget(page, area="right")
    return page


def middle(box: ReviewBox) -> tuple[float, float]:
    x1, y1, x2, y2 = box.corners
    return (x1 + x2) / 2, (y1 + y2) / 2
