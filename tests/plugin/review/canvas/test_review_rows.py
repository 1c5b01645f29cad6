"""The rows of the Shapes layer follow the boxes, whatever was done to the layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.layers.shapes._shapes_utils import rectangle_to_box
from napari.utils.colormaps.standardize_color import transform_color

from napari_alc.boxes import as_boxes
from napari_alc.plugin.review.canvas.box_layer import BoxRows, edge_at, nearest
from napari_alc.plugin.review.canvas.box_style import BoxStyles
from napari_alc.plugin.review.canvas.edits import to_vertices
from napari_alc.plugin.review.canvas.lines.geometry import vertices
from napari_alc.project.storage.records import ReviewBox

REGIONS = ("red", "green", "pink", "gray")


def make_boxes(count):
    return [
        ReviewBox(i + 1, 1, (30.0 * i, 10, 30.0 * i + 5 + i, 40 + i), "crowd", REGIONS[i % 4])
        for i in range(count)
    ]


def filled(boxes):
    rows = BoxRows(BoxStyles().looks_of)
    rows.fill(boxes)
    return rows


def assert_shows(rows, boxes):
    ids = rows.ids()
    known = {box.id: box for box in boxes}
    assert sorted(ids) == sorted(known)
    assert rows.layer.nshapes == len(known)
    assert set(rows.layer.shape_type) <= {"rectangle"}
    for row, box_id in enumerate(ids):
        np.testing.assert_allclose(
            rows.layer.data[row], to_vertices(known[box_id].corners), atol=0.021
        )
        look = BoxStyles().looks_of([known[box_id]])[0]
        np.testing.assert_allclose(rows.layer.edge_color[row], transform_color(look.colour)[0])
        drawn = vertices(as_boxes(known[box_id].corners), [look])[0]
        assert rows.lines.outlines.of(box_id).tobytes() == drawn.tobytes()
    assert sorted(rows.lines.outlines.ids) == sorted(known)


def test_an_image_without_boxes_has_no_rows():
    rows = filled(make_boxes(3))
    rows.fill([])
    assert_shows(rows, [])
    rows.restore(make_boxes(2))
    assert_shows(rows, make_boxes(2))


def test_only_rows_of_boxes_that_moved_or_went_are_exchanged():
    boxes = make_boxes(12)
    rows = filled(boxes)
    untouched = [shape for shape, i in zip(rows.layer.data, rows.ids(), strict=True) if i > 4]
    now = {
        1: replace(boxes[0], state="kept"),
        2: None,
        3: replace(boxes[2], corners=(61, 12, 80, 33), state="changed"),
        99: ReviewBox(99, 1, (200, 200, 220, 230), "person", state="added"),
    }
    rows.change(now)
    assert_shows(rows, [box for box in now.values() if box] + boxes[3:])
    still = [shape for shape, i in zip(rows.layer.data, rows.ids(), strict=True) if 4 < i < 99]
    for a, b in zip(untouched, still, strict=True):
        assert a is b


def test_marks_are_no_gesture_and_survive_another_look():
    rows = filled(make_boxes(6))
    seen = []
    rows.layer.selected_data.events.items_changed.connect(lambda *_: seen.append(rows.is_filling))
    rows.mark([2])
    assert [rows.ids()[row] for row in rows.layer.selected_data] == [2]
    rows.change({2: replace(rows.boxes[2], state="kept")})
    assert [rows.ids()[row] for row in rows.layer.selected_data] == [2]
    assert_shows(rows, rows.boxes.values())
    assert seen
    assert all(seen)


def test_boxes_marked_together_can_get_different_looks():
    boxes = make_boxes(6)
    rows = filled(boxes)
    rows.mark([1, 2])
    now = {1: replace(boxes[0], state="kept"), 2: replace(boxes[1], state="changed")}
    rows.change(now)
    assert_shows(rows, [*now.values(), *boxes[2:]])


def found(rows, x, y):
    rows.layer.mode = "select"
    return rows.ids()[rows.layer.get_value((y, x))[0]]


def test_a_small_box_lies_on_a_large_one_whichever_came_first():
    small = ReviewBox(1, 1, (40, 40, 50, 50), "crowd")
    large = ReviewBox(2, 1, (0, 0, 100, 100), "crowd")
    for boxes in ([small, large], [large, small]):
        rows = filled(boxes)
        assert rows.lines.outlines.ids == [2, 1]
        assert found(rows, 45, 45) == 1
    rows.change({2: replace(large, corners=(1, 1, 101, 101))})
    assert found(rows, 45, 45) == 1
    assert found(rows, 15, 15) == 2


def move(layer, row):
    layer.selected_data = {row}
    layer._data_view.shift(row, np.array([7.0, -3.0]))


def bend(layer, row):
    layer._data_view.edit(row, layer.data[row] + np.eye(4, 2), new_type="polygon")


def make_polygon(layer, row):
    layer._data_view.edit(row, layer.data[row], new_type="polygon")


def paste(layer, row):
    layer.mode = "select"
    layer.selected_data = {row}
    layer._copy_data()
    layer._paste_data()


def remove(layer, row):
    layer.remove([row])


def draw(layer, row):
    layer.add(layer.data[row] + 20, shape_type="ellipse")


def raise_up(layer, row):
    layer.selected_data = {row}
    layer.move_to_front()


DEEDS = (move, bend, make_polygon, paste, remove, draw, raise_up)


@settings(max_examples=40)
@given(
    st.integers(1, 14),
    st.lists(st.tuples(st.sampled_from(DEEDS), st.integers(0, 30)), max_size=5),
    st.lists(st.integers(1, 14), max_size=3),
)
def test_whatever_was_done_to_the_layer_the_boxes_come_back(count, deeds, gone):
    boxes = make_boxes(count)
    rows = filled(boxes)
    for deed, where in deeds:
        if rows.layer.nshapes:
            deed(rows.layer, where % rows.layer.nshapes)
    wanted = [box for box in boxes if box.id not in gone]
    rows.restore(wanted)
    assert_shows(rows, wanted)


EDGES = {
    "corner": (20, 30, (-1, -1)),
    "edge": (60, 28, (0, -1)),
    "inside": (60, 60, (0, 0)),
    "far": (60, 20, (0, 0)),
}


@pytest.mark.parametrize(("x", "y", "edge"), EDGES.values(), ids=EDGES)
def test_a_drag_of_an_edge_resizes_and_one_inside_moves(x, y, edge):
    assert edge_at(np.array([20.0, 30, 120, 90]), x, y, 4.0) == edge


@given(st.floats(2, 400), st.floats(2, 400), st.floats(0.1, 60))
def test_the_middle_of_a_box_moves_it_however_small_it_is(width, height, reach):
    box = np.array([10.0, 10, 10 + width, 10 + height])
    assert edge_at(box, 10 + width / 2, 10 + height / 2, reach) == (0, 0)


@given(st.integers(0, 7), st.integers(0, 3), st.booleans())
def test_the_handle_on_an_edge_is_found_whatever_their_order(number, first, is_mirrored):
    box = np.array([100.0, 100, 300, 260])
    corners = np.roll(to_vertices(tuple(box)), first, axis=0)[:: -1 if is_mirrored else 1]
    handles = rectangle_to_box(corners)[:8]
    row, column = handles[number]
    edge = int(np.sign(column - 200)), int(np.sign(row - 180))
    assert nearest(handles, box, edge) == number
