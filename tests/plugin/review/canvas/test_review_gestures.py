from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.labels import ImageRecord
from napari_alc.plugin.review.canvas.edits import (
    NEW,
    SLIP,
    are_in_place,
    bounds,
    edits,
    to_vertices,
    under,
    without_slips,
)
from napari_alc.plugin.review.commands import Edits
from napari_alc.plugin.review.messages import NO_CLICK, NO_TURNING
from napari_alc.project.storage.records import ReviewBox

IMAGE = ImageRecord(1, "a.tif", 300, 200)
A = ReviewBox(1, 1, (10.3, 20.7, 40.1, 60.9), "crowd")
B = ReviewBox(2, 1, (100, 100, 150, 120), "mp")
BOXES = (A, B)


def rows(**changed):
    """The layer's rows as filled, with some replaced."""
    now = {"a": to_vertices(A.corners), "b": to_vertices(B.corners), **changed}
    return [(A.id, now["a"]), (B.id, now["b"])]


def test_nothing_done_is_no_edit():
    assert edits(BOXES, rows(), IMAGE) == Edits()


def test_float32_noise_is_no_edit():
    noisy = to_vertices(A.corners).astype(np.float32)
    assert edits(BOXES, rows(a=noisy), IMAGE) == Edits()


def test_rows_that_are_gone_are_deleted():
    assert edits(BOXES, rows()[1:], IMAGE) == Edits(deleted=(A.id,))


def test_a_shifted_row_moves_its_box():
    found = edits(BOXES, rows(b=to_vertices(B.corners) + np.array([5, 7])), IMAGE)
    assert found == Edits(reshaped={B.id: (107, 105, 157, 125)})


def test_sides_that_did_not_move_stay_exactly():
    wider = (10.3, 20.7, 55.0, 60.9)
    found = edits(BOXES, rows(a=to_vertices(wider).astype(np.float32)), IMAGE)
    assert found.reshaped[A.id] == wider


def test_a_flipped_rectangle_is_the_same_kind_of_box():
    found = edits(BOXES, rows(b=to_vertices((150, 100, 160, 120))[::-1]), IMAGE)
    assert found.reshaped == {B.id: (150, 100, 160, 120)}


def test_one_dragged_vertex_leaves_the_opposite_corner():
    bent = to_vertices(B.corners)
    bent[2] = (130, 170)
    assert edits(BOXES, rows(b=bent), IMAGE).reshaped == {B.id: (100, 100, 170, 130)}


def test_what_is_turned_or_has_five_corners_is_refused():
    turned = (to_vertices(B.corners) - 110) @ np.array([[0.9, 0.1], [-0.1, 0.9]]) + 110
    five = np.vstack([to_vertices(B.corners), [110, 90]])
    for shape in (turned, five):
        found = edits(BOXES, rows(b=shape), IMAGE)
        assert not found.reshaped
        assert "cannot be turned" in found.refusal


def test_a_new_row_is_a_drawn_box_whatever_its_shape():
    triangle = np.array([[5.0, 5], [25, 5], [5, 45]])
    found = edits(BOXES, [*rows(), (NEW, triangle)], IMAGE)
    assert found == Edits(drawn=((5, 5, 45, 25),))


def test_a_copy_becomes_a_box_beside_the_first():
    found = edits(BOXES, [*rows(), (B.id, to_vertices(B.corners))], IMAGE)
    assert found == Edits(pasted=((B.id, (106, 106, 156, 126)),))


def test_a_copy_stays_inside_the_image():
    at_edge = ReviewBox(3, 1, (250, 180, 300, 200), "mp")
    vertices = to_vertices(at_edge.corners)
    found = edits([at_edge], [(3, vertices), (3, vertices)], IMAGE)
    assert found.pasted == ((3, (244, 174, 294, 194)),)


sides = st.floats(0, 200, width=32)


@given(sides, sides, sides, sides)
def test_vertices_and_corners_are_the_same_box(x1, y1, x2, y2):
    low_x, high_x, low_y, high_y = min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)
    assert bounds(to_vertices((x1, y1, x2, y2))) == (low_x, low_y, high_x, high_y)


@given(sides, sides, st.floats(0.1, 90), st.floats(0.1, 90))
def test_any_upright_rectangle_is_taken_as_it_is(x, y, width, height):
    corners = (x, y, x + width, y + height)
    found = edits(BOXES, rows(b=to_vertices(corners)), IMAGE)
    assert not found.refusal
    np.testing.assert_allclose(found.reshaped.get(B.id, B.corners), corners, atol=0.02)


def test_a_click_is_no_drag():
    moved = Edits(reshaped={1: (0, 0, 5, 5)}, deleted=(2,))
    assert without_slips(moved, SLIP) == moved
    assert without_slips(moved, SLIP - 0.1) == Edits(deleted=(2,))


def test_a_click_draws_nothing_and_says_so():
    assert without_slips(Edits(drawn=((0, 0, 5, 5),)), 0) == Edits(refusal=NO_CLICK)
    pasted = Edits(pasted=((1, (0, 0, 5, 5)),))
    assert without_slips(pasted, 0) == pasted
    assert without_slips(Edits(refusal=NO_TURNING), 0) == Edits(refusal=NO_TURNING)


def test_boxes_under_a_place_come_the_smallest_first():
    around = ReviewBox(3, 1, (0, 0, 300, 200), "person")
    assert under((around, A, B), 20, 30, 0) == (A.id, around.id)
    assert under((around, A, B), 120, 110, 0) == (B.id, around.id)
    assert under((around, A, B), 42, 30, 0) == (around.id,)
    assert under((around, A, B), 42, 30, 3) == (A.id, around.id)
    assert under((), 42, 30, 3) == ()


def test_rows_in_place_are_those_drawn_as_their_boxes_are():
    known = {box.id: box for box in BOXES}
    triangle = np.array([[5.0, 5], [25, 5], [5, 45]])
    shifted = to_vertices(B.corners) + 1
    data = [to_vertices(A.corners), shifted, triangle, to_vertices(B.corners)]
    ids = [A.id, B.id, A.id, NEW]
    assert are_in_place(ids, data, known).tolist() == [True, False, False, False]
    assert are_in_place([], [], known).tolist() == []


def test_many_boxes_have_the_vertices_of_each():
    corners = np.array([A.corners, B.corners])
    for row, box in zip(to_vertices(corners), BOXES, strict=True):
        np.testing.assert_array_equal(row, to_vertices(box.corners))
