"""A page that has the review's keys, beside a layer of boxes."""

from __future__ import annotations

import pytest
from qtpy.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_alc.plugin.review.commands import COMMANDS
from napari_alc.plugin.review.keys.shortcuts import ReviewKeys


@pytest.fixture(scope="module")
def viewer(module_viewer):
    return module_viewer


class Page(QWidget):
    """A page that writes down which commands were given."""

    def __init__(self) -> None:
        super().__init__()
        self.given = []
        self.line, self.button = QLineEdit(), QPushButton("a button")
        layout = QVBoxLayout(self)
        layout.addWidget(self.line)
        layout.addWidget(self.button)

    def take(self) -> list[str]:
        given, self.given = self.given, []
        return given


@pytest.fixture
def page(viewer):
    """A page with keys beside a layer of boxes that is the active one."""
    layer = viewer.add_shapes([[[0, 0], [0, 9], [9, 9], [9, 0]]], name="boxes")
    page = Page()
    dock = viewer.window.add_dock_widget(page, area="right")
    actions = {name: lambda name=name: page.given.append(name) for name in COMMANDS}
    released = {"hide_boxes": lambda: page.given.append("hide_boxes ends")}
    page.keys = ReviewKeys(viewer, [layer], actions, released, page)
    viewer.layers.selection.active = layer
    yield page
    viewer.window.remove_dock_widget(dock)
    page.deleteLater()
    viewer.layers.clear()


@pytest.fixture
def canvas(viewer):
    return viewer.window._qt_viewer.canvas.native
