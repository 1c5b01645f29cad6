"""Tools of napari's Shapes layer, used by accident or otherwise: a valid document or a word."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QPushButton
from review_driver import Driver, make_project, middle

KEY = Qt.Key
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=4, size=256)
    yield project
    project.close()


@pytest.fixture
def at(window, project, qtbot):
    viewer, page = window
    driver = Driver(viewer, project, qtbot, page=page)
    driver.key(KEY.Key_G)
    yield driver
    driver.close()


def deciding(at, box_id):
    """Make a box the one at hand, as a click does."""
    at.click(*middle(at.document.boxes[box_id]))
    assert at.current.id == box_id


def first(at, region):
    return next(box for box in at.document.open_boxes if box.region == region)


TOOLS = {
    "ellipse": KEY.Key_E,
    "line": KEY.Key_L,
    "path": KEY.Key_T,
    "polygon": KEY.Key_P,
    "insert a corner": KEY.Key_I,
    "remove a corner": KEY.Key_X,
}


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_tools_that_make_no_boxes_are_refused_with_a_word(at, tool):
    before = at.document.boxes
    deciding(at, first(at, "green").id)
    at.key(tool)
    assert at.layer.mode == "select"
    assert "nly upright boxes" in at.message or "cannot be turned" in at.message
    x, y = middle(at.current)
    at.mark((200, 200), (240, 235))
    at.click(x, y)
    assert at.document.boxes == before
    at.assert_in_step()


def test_the_lasso_and_the_line_of_many_parts_are_refused(at):
    for mode in ("add_polygon_lasso", "add_polyline"):
        at.layer.mode = mode  # buttons of napari; they have no keys
        assert at.layer.mode == "select"
        assert "nly upright boxes" in at.message
        at.mark((200, 200), (240, 235))
    at.assert_in_step()


def test_another_tool_in_the_middle_of_drawing_leaves_the_box_out(at):
    before = at.document.boxes
    at.key(KEY.Key_W)
    at.press(200, 210)
    at.move(230, 240)
    QTest.keyClick(at.native, KEY.Key_E)
    at.move(240, 250)
    at.release(240, 250)
    at.settle()
    assert not at.canvas.is_drawing
    assert at.document.boxes == before
    at.assert_in_step()


def test_napari_s_own_key_for_rectangles_draws_a_box_of_the_person(at):
    at.key(KEY.Key_R)
    at.drag((200, 210), (240, 250))
    assert at.current.source == "person"
    at.assert_in_step()


def test_enter_while_drawing_ends_the_box_there(at):
    at.key(KEY.Key_W)
    at.press(200, 210)
    at.move(230, 240)
    QTest.keyClick(at.native, KEY.Key_Return)
    at.move(240, 250)
    at.release(240, 250)
    at.settle()
    assert at.current.corners == pytest.approx((200, 210, 230, 240), abs=1.5)
    at.assert_in_step()


def test_control_a_and_a_drag_move_all_boxes_as_one_change(at):
    at.key(KEY.Key_A, CONTROL)
    assert len(at.state.current_boxes) == 8
    x, y = middle(at.document.open_boxes[0])
    at.drag((x, y), (x + 6, y + 6))
    assert {box.state for box in at.document.shown} == {"changed"}
    at.assert_in_step()
    at.key(KEY.Key_U)
    assert {box.state for box in at.document.shown} == {"open"}
    at.assert_in_step()


def test_several_boxes_dragged_out_of_the_image_all_stay(at):
    before = at.document.boxes
    at.key(KEY.Key_A, CONTROL)
    x, y = middle(at.document.open_boxes[0])
    at.drag((x, y), (x - 120, y))
    assert at.document.boxes == before
    assert "outside the image" in at.message
    at.assert_in_step()


def test_several_boxes_marked_by_dragging_around_them_are_deleted_by_backspace(at):
    at.mark((3, 3), (250, 110))
    ids = [box.id for box in at.state.current_boxes]
    assert len(ids) > 1
    at.key(KEY.Key_Backspace)
    assert {at.stored()[i].state for i in ids} == {"deleted"}
    at.assert_in_step()
    at.key(KEY.Key_U)
    assert {box.state for box in at.document.shown} == {"open"}
    at.assert_in_step()


def test_shift_click_marks_several_and_their_category_is_changed_at_once(at):
    two = at.document.open_boxes[:2]
    deciding(at, two[0].id)
    QTest.mousePress(
        at.native,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.ShiftModifier,
        pos=at.on_screen(*middle(two[1])),
    )
    QTest.mouseRelease(
        at.native,
        Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.ShiftModifier,
        pos=at.on_screen(*middle(two[1])),
    )
    at.settle()
    assert {box.id for box in at.state.current_boxes} == {box.id for box in two}
    at.key(KEY.Key_M)
    assert {at.stored()[box.id].category_id for box in two} == {2}
    at.assert_in_step()


def test_napari_s_button_that_deletes_shapes_deletes_the_boxes_at_hand(at):
    box = first(at, "red")
    deciding(at, box.id)
    controls = at.viewer.window._qt_viewer.controls.widgets[at.layer]
    [button] = [
        b for b in controls.findChildren(QPushButton) if b.property("mode") == "delete_shape"
    ]
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    at.settle()
    assert at.stored()[box.id].state == "deleted"
    at.assert_in_step()


def test_a_large_box_brought_to_the_front_hides_no_small_one_from_the_mouse(at):
    small = first(at, "red")
    at.key(KEY.Key_W)
    at.drag((5, 5), (250, 250))
    at.key(KEY.Key_W)
    at.click(250, 128)
    before = at.document.boxes
    for key in (KEY.Key_B, KEY.Key_F):
        at.key(key)
    at.click(*middle(small))
    assert at.current.id == small.id
    assert at.document.boxes == before
    at.assert_in_step()


def test_undo_in_the_middle_of_a_drag_waits_for_the_mouse(at):
    box = first(at, "green")
    at.key(KEY.Key_K)
    decided = at.document.boxes
    x, y = middle(box)
    at.press(x, y)
    at.move(x + 10, y + 4)
    QTest.keyClick(at.native, KEY.Key_U)
    assert "Let go" in at.message
    assert at.document.boxes == decided
    at.move(x + 12, y + 5)
    at.release(x + 12, y + 5)
    at.settle()
    assert at.stored()[box.id].state == "changed"
    at.assert_in_step()


def test_several_copies_are_boxes_of_their_own(at):
    at.key(KEY.Key_A, CONTROL)
    at.key(KEY.Key_C, CONTROL)
    at.key(KEY.Key_V, CONTROL)
    at.key(KEY.Key_V, CONTROL)
    assert at.layer.nshapes == 24
    at.assert_in_step()


def test_a_click_that_trembles_moves_no_box(at):
    box = first(at, "green")
    x, y = middle(box)
    at.press(x, y)
    native, place = at.native, at.on_screen(x, y)
    at.move(x + 1.2 / at.viewer.scene.camera.zoom, y)
    QTest.mouseRelease(native, Qt.MouseButton.LeftButton, pos=place + QPoint(1, 0))
    at.settle()
    assert at.current == box
    at.assert_in_step()


def test_a_click_draws_nothing_even_where_the_image_is_seen_small(at):
    at.viewer.scene.camera.zoom = 0.4
    at.settle()
    at.key(KEY.Key_W)
    at.click(128, 220)
    assert at.layer.nshapes == 8
    assert "too small" in at.message
    at.assert_in_step()


def test_a_vertex_dragged_onto_its_neighbour_is_refused(at):
    box = first(at, "green")
    deciding(at, box.id)
    at.layer.mode = "direct"
    x1, _, x2, y2 = box.corners
    at.drag((x2, y2), (x1, y2))
    assert at.document.boxes[box.id] == box
    assert "too small" in at.message
    at.assert_in_step()


def test_a_box_pulled_inside_out_keeps_its_corners_in_order(at):
    box = first(at, "red")
    deciding(at, box.id)
    x1, y1, x2, y2 = box.corners
    at.drag((x2, y2), (x1 - 14, y1 - 12))
    corners = at.stored()[box.id].corners
    assert corners[0] < corners[2] <= x1 + 0.1
    assert corners[1] < corners[3] <= y1 + 0.1
    at.assert_in_step()
