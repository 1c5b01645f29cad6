"""Boxes drawn, moved and resized with the mouse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import Qt
from review_driver import make_project, middle

KEY = Qt.Key
CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=4, size=256)
    yield project
    project.close()


def deciding(at, box_id):
    """Make a box the one at hand, as a click does, in the whole view."""
    at.key(KEY.Key_G)
    at.click(*middle(at.document.boxes[box_id]))
    assert at.current.id == box_id


def first(at, region):
    return next(box for box in at.document.open_boxes if box.region == region)


def test_drawing_makes_a_box_of_the_person_in_document_and_store(at):
    before = set(at.document.boxes)
    at.key(KEY.Key_W)
    at.drag((200, 210), (240, 250))
    [new] = set(at.document.boxes) - before
    box = at.stored()[new]
    assert (box.source, box.state, box.person) == ("person", "added", "Ada")
    assert box.corners == pytest.approx((200, 210, 240, 250), abs=1.5)
    assert at.current.id == new
    at.assert_in_step()


def test_drawing_goes_on_until_it_is_stopped(at):
    at.key(KEY.Key_W)
    at.drag((10, 230), (30, 250))
    at.drag((50, 230), (70, 250))
    assert at.layer.nshapes == 10
    at.key(KEY.Key_W)
    at.mark((90, 235), (110, 252))
    assert at.layer.nshapes == 10
    at.assert_in_step()


def test_a_single_click_draws_nothing(at):
    at.key(KEY.Key_W)
    at.click(220, 220)
    assert at.layer.nshapes == 8
    assert "too small" in at.message
    at.assert_in_step()


def test_a_box_drawn_beyond_the_image_is_cut_at_its_edge(at):
    at.key(KEY.Key_W)
    at.drag((230, 230), (270, 258))
    assert at.current.corners == pytest.approx((230, 230, 256, 256), abs=1.5)
    assert at.current.corners[2:] == (256, 256)
    at.assert_in_step()


def test_boxes_lie_around_the_pixels_that_their_corners_name(at):
    """The image's own count has a pixel span half a unit around its number."""
    height, width = at.canvas.image.layer.data.shape
    at.state.document.add((0, 0, 7, 12), 1)
    at.canvas.show_document(at.document)
    image = at.canvas.image.layer
    row = at.layer.features["id"].tolist().index(max(at.document.boxes))
    corners = np.array(
        [image.world_to_data(at.layer.data_to_world(corner)) for corner in at.layer.data[row]]
    )
    assert corners.min(axis=0).tolist() == [-0.5, -0.5]
    assert corners.max(axis=0).tolist() == [11.5, 6.5]
    at.key(KEY.Key_G)
    assert tuple(at.viewer.scene.camera.center[-2:]) == (height / 2, width / 2)
    at.assert_in_step()


def test_a_box_drawn_along_the_upper_left_edge_keeps_its_first_pixels(at):
    at.canvas.image.look_at(replace(at.document.open_boxes[0], corners=(0, 0, 12, 12)))
    at.key(KEY.Key_W)
    at.drag((-2, -2), (8, 9))
    assert at.current.corners[:2] == (0, 0)
    assert at.current.corners[2:] == pytest.approx((8, 9), abs=0.2)
    image, row = at.canvas.image.layer, at.layer.features["id"].tolist().index(at.current.id)
    first = image.world_to_data(at.layer.data_to_world(at.layer.data[row].min(axis=0)))
    assert tuple(first) == (-0.5, -0.5)  # the outer edge of the first pixel
    at.assert_in_step()


def test_a_box_drawn_from_right_to_left_has_its_corners_in_order(at):
    at.key(KEY.Key_W)
    at.drag((240, 250), (200, 210))
    assert at.current.corners == pytest.approx((200, 210, 240, 250), abs=1.5)
    at.assert_in_step()


def test_escape_leaves_out_a_box_that_is_half_drawn(at):
    at.key(KEY.Key_W)
    at.press(200, 210)
    at.move(230, 240)
    at.key(KEY.Key_Escape)
    at.move(240, 250)
    at.release(240, 250)
    at.settle()
    assert not at.canvas.is_drawing
    assert at.layer.nshapes == 8
    at.assert_in_step()


def test_dragging_a_box_moves_and_changes_it(at):
    box = first(at, "green")
    deciding(at, box.id)
    x, y = middle(box)
    at.drag((x, y), (x + 9, y + 6))
    moved = at.stored()[box.id]
    assert moved.state == "changed"
    x1, y1, x2, y2 = box.corners
    assert moved.corners == pytest.approx((x1 + 9, y1 + 6, x2 + 9, y2 + 6), abs=1)
    at.assert_in_step()


def test_dragging_a_corner_resizes_the_box(at):
    box = first(at, "red")
    deciding(at, box.id)
    x1, y1, x2, y2 = box.corners
    at.drag((x2, y2), (x2 + 8, y2 + 8))
    assert at.stored()[box.id].corners[:2] == (x1, y1)
    assert at.stored()[box.id].corners[2:] == pytest.approx((x2 + 8, y2 + 8), abs=1.5)
    at.assert_in_step()


def test_a_box_dragged_out_of_the_image_is_refused_with_a_word(at):
    box = first(at, "gray")
    deciding(at, box.id)
    x, y = middle(box)
    at.drag((x, y), (x - 60, y))
    assert at.document.boxes[box.id] == box
    assert "outside the image" in at.message
    at.assert_in_step()


def test_a_dragged_vertex_keeps_the_box_upright(at):
    box = first(at, "green")
    deciding(at, box.id)
    at.layer.mode = "direct"
    x1, y1, x2, y2 = box.corners
    at.drag((x2, y2), (x2 + 8, y2 + 6))
    assert at.stored()[box.id].corners == pytest.approx((x1, y1, x2 + 8, y2 + 6), abs=1.5)
    at.assert_in_step()


def test_a_pasted_box_is_a_new_one_beside_the_copy(at):
    box = first(at, "green")
    deciding(at, box.id)
    at.key(KEY.Key_C, CONTROL)
    at.key(KEY.Key_V, CONTROL)
    assert at.layer.nshapes == 9
    assert at.current.source == "person"
    assert at.current.corners != box.corners
    at.assert_in_step()


def test_several_boxes_moved_at_once_are_one_change(at):
    at.key(KEY.Key_A)
    assert len(at.state.current_boxes) == 8
    x, y = middle(at.document.open_boxes[0])
    at.drag((x, y), (x + 6, y + 6))
    assert {box.state for box in at.document.shown} == {"changed"}
    at.key(KEY.Key_U)
    assert {box.state for box in at.document.shown} == {"open"}
    at.assert_in_step()
