from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_alc.plugin.widget import dock
from napari_alc.project.annotation.session import ReviewSession
from napari_alc.project.project import Project


@pytest.fixture
def bob(fresh):
    """Somebody who has the same project open elsewhere."""
    project = Project.open(fresh)
    session = ReviewSession(project, "Bob")
    yield session
    session.leave()
    project.close()


@pytest.fixture
def opened(make_napari_viewer_proxy, fresh, qtbot):
    viewer = make_napari_viewer_proxy(show=True)
    widget = dock(viewer)
    assert widget.open_project(fresh)
    qtbot.waitUntil(lambda: widget.review_page.state.document is not None)
    yield viewer, widget
    widget.project.close()


def take_out(viewer, widget):
    viewer.window.remove_dock_widget(widget.parent())


def press_cross(_viewer, widget):
    widget.parent().title.close_button.click()


def close_napari(viewer, _widget):
    viewer.close()


@pytest.mark.parametrize("close", [take_out, press_cross, close_napari])
def test_others_can_have_the_image_once_the_review_is_closed(opened, bob, close):
    assert list(bob.held_by_others())
    close(*opened)
    assert bob.held_by_others() == {}


def test_the_plugin_opened_again_goes_on_with_the_same_image(opened, fresh, qtbot):
    viewer, widget = opened
    task, boxes = widget.review_page.state.task, widget.review_page.state.current_boxes
    take_out(viewer, widget)
    again = dock(viewer)
    assert again is not widget
    assert again.open_project(fresh)
    qtbot.waitUntil(lambda: again.review_page.state.document is not None)
    assert again.review_page.state.task == task
    assert again.review_page.state.current_boxes == boxes
    assert again.review_page.panel.banner.isHidden()
    again.project.close()


def test_a_window_that_was_hidden_goes_on_where_it_was(opened, bob, qtbot):
    _, widget = opened
    page, window = widget.review_page, widget.window()
    task = page.state.task
    window.hide()
    assert bob.held_by_others() == {}
    window.show()
    qtbot.waitUntil(lambda: page.state.document is not None)
    assert page.state.task == task
    page.controller.boxes.keep()
    assert list(bob.held_by_others()) == [task.id]


def test_undo_survives_a_dock_that_floats_and_comes_back(opened, bob, qtbot):
    _, widget = opened
    page, holder = widget.review_page, widget.parent()
    [box] = page.state.current_boxes
    page.controller.boxes.keep()
    for floats in (True, False):
        holder.setFloating(floats)
        qtbot.waitUntil(lambda floats=floats: holder.isFloating() == floats and widget.isVisible())
    assert list(bob.held_by_others()) == [page.state.task.id]
    QTest.mouseClick(page.panel.buttons["undo"], Qt.MouseButton.LeftButton)
    assert page.state.current_boxes == (box,)
