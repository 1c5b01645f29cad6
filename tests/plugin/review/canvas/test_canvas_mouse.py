"""The mouse beside napari's tools: panning, the menu of a box, and clicks on nothing."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QMenu
from review_driver import make_project, middle

KEY = Qt.Key
LEFT, MIDDLE, RIGHT = (
    Qt.MouseButton.LeftButton,
    Qt.MouseButton.MiddleButton,
    Qt.MouseButton.RightButton,
)
EMPTY = (246.0, 246.0)
"""A place without a box."""


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=2, size=256)
    yield project
    project.close()


@pytest.fixture
def wide(at):
    """The whole image in view."""
    at.key(KEY.Key_G)
    return at


@pytest.mark.parametrize("button", [MIDDLE, RIGHT])
def test_only_the_left_button_changes_boxes(wide, button):
    before = wide.document.boxes
    box = wide.document.open_boxes[0]
    wide.drag_on_screen(wide.on_screen(*middle(box)), QPoint(40, 25), button)
    close_menu(wide)
    assert wide.document.boxes == before
    wide.assert_in_step()


@pytest.mark.parametrize("button", [LEFT, MIDDLE])
def test_dragging_where_no_box_is_moves_the_image_with_the_mouse(wide, button):
    start, by = wide.on_screen(*EMPTY), QPoint(-60, 30)
    wide.drag_on_screen(start, by, button)
    assert (wide.on_screen(*EMPTY) - start - by).manhattanLength() <= 2
    assert wide.stored() == dict(wide.document.boxes)


def test_the_middle_button_pans_on_a_box_too(wide):
    box = wide.document.open_boxes[0]
    start, by = wide.on_screen(*middle(box)), QPoint(30, 30)
    wide.drag_on_screen(start, by, MIDDLE)
    assert (wide.on_screen(*middle(box)) - start - by).manhattanLength() <= 2
    assert wide.document.boxes[box.id] == box


def test_panning_keeps_the_box_at_hand_and_a_click_beside_all_boxes_lets_it_go(wide):
    box = wide.document.open_boxes[0]
    wide.click(*middle(box))
    wide.drag_on_screen(wide.on_screen(*EMPTY), QPoint(-20, 5), LEFT)
    assert wide.current.id == box.id
    wide.click(*EMPTY)
    assert wide.state.current_boxes == ()
    assert wide.canvas.lines.marks.ids == []
    wide.assert_in_step()


def test_shift_and_a_drag_mark_all_boxes_in_the_rubber_band(wide):
    wide.mark((3, 3), (250, 110))
    assert len(wide.state.current_boxes) > 1
    assert set(wide.canvas.lines.marks.ids) > {box.id for box in wide.state.current_boxes}


def open_menu(at, x, y):
    QTest.mousePress(at.native, RIGHT, pos=at.on_screen(x, y))
    QTest.mouseRelease(at.native, RIGHT, pos=at.on_screen(x, y))
    menu = at.page.menu
    at.qtbot.waitUntil(menu.isVisible)
    return menu


def close_menu(at):
    at.page.menu.close()


def entries(menu):
    return {action.text().split("\t")[0]: action for action in menu.actions() if action.text()}


def test_a_right_click_offers_what_can_be_done_with_the_box_below(wide):
    box = wide.document.open_boxes[3]
    wide._move(*middle(box), Qt.MouseButton.NoButton)
    menu = open_menu(wide, *middle(box))
    assert wide.current.id == box.id
    found = entries(menu)
    assert list(found)[:4] == ["Keep", "Delete", "Take Mp's box", "Take Ma's box"]
    assert found["Keep"].text().endswith("\tK")
    wide.settle()
    close_menu(wide)
    found["Delete"].trigger()
    assert wide.stored()[box.id].state == "deleted"


def test_the_menu_greys_the_boxes_that_no_model_has(wide):
    box = next(box for box in wide.document.open_boxes if box.region == "red")
    wide._move(*middle(box), Qt.MouseButton.NoButton)
    found = entries(open_menu(wide, *middle(box)))
    wide.settle()
    assert not found["Take Mp's box"].isEnabled()
    assert found["Take Mp's box"].toolTip() == "Mp has no box here."
    assert found["Take Ma's box"].isEnabled()
    close_menu(wide)


def test_the_menu_gives_a_box_its_category(wide):
    box = wide.document.open_boxes[3]
    wide._move(*middle(box), Qt.MouseButton.NoButton)
    menu = open_menu(wide, *middle(box))
    [categories] = [each for each in menu.findChildren(QMenu) if each.title() == "Category"]
    wide.settle()
    close_menu(wide)
    other = next(c for c in wide.state.categories if c.id != box.category_id)
    next(a for a in categories.actions() if a.text() == other.name).trigger()
    assert wide.stored()[box.id].category_id == other.id


def test_a_right_click_beside_all_boxes_offers_what_concerns_the_image(wide):
    wide._move(*EMPTY, Qt.MouseButton.NoButton)
    menu = open_menu(wide, *EMPTY)
    found = list(entries(menu))
    close_menu(wide)
    assert found == ["Draw a box", "Whole image", "Next", "Skip for now", "Done, next image"]


def test_without_an_image_the_mouse_is_napari_s(at):
    at.page.controller.set_project(None, "")
    before = tuple(at.viewer.scene.camera.center)
    at.drag_on_screen(QPoint(200, 200), QPoint(40, 0), MIDDLE)
    assert tuple(at.viewer.scene.camera.center) == before
    assert not at.page.menu.isVisible()
