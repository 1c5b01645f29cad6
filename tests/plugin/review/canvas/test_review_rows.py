"""The rows of the Shapes layer follow the boxes, whatever was done to the layer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.utils.colormaps.standardize_color import transform_color

from napari_alc.plugin.review.canvas.box_layer import BoxRows
from napari_alc.plugin.review.canvas.box_style import BoxStyles
from napari_alc.plugin.review.canvas.edits import to_vertices
from napari_alc.project.storage.records import ReviewBox

REGIONS = ("red", "green", "pink", "gray")


def make_boxes(count):
    return [
        ReviewBox(i + 1, 1, (30.0 * i, 10, 30.0 * i + 5 + i, 40 + i), "crowd", REGIONS[i % 4])
        for i in range(count)
    ]


def filled(boxes, zoom=1.0):
    rows = BoxRows(BoxStyles(lambda: zoom).styles_of)
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
        wanted = BoxStyles(lambda: 1.0).styles_of([known[box_id]])[0]
        np.testing.assert_allclose(rows.layer.edge_color[row], transform_color(wanted.colour)[0])
        assert rows.layer.edge_width[row] == wanted.width


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
    rows.mark([2], 1.0)
    assert [rows.ids()[row] for row in rows.layer.selected_data] == [2]
    rows.change({2: replace(rows.boxes[2], state="kept")})
    assert [rows.ids()[row] for row in rows.layer.selected_data] == [2]
    assert_shows(rows, rows.boxes.values())
    assert seen
    assert all(seen)


def test_boxes_marked_together_can_get_different_looks():
    boxes = make_boxes(6)
    rows = filled(boxes)
    rows.mark([1, 2], 1.0)
    now = {1: replace(boxes[0], state="kept"), 2: replace(boxes[1], state="changed")}
    rows.change(now)
    assert_shows(rows, [*now.values(), *boxes[2:]])


def test_a_small_box_lies_on_a_large_one_whichever_came_first():
    small = ReviewBox(1, 1, (40, 40, 50, 50), "crowd")
    large = ReviewBox(2, 1, (0, 0, 100, 100), "crowd")
    for boxes in ([small, large], [large, small]):
        rows = filled(boxes)
        assert rows.ids()[rows.layer.get_value((45, 45))[0]] == 1
    rows.change({2: replace(large, corners=(1, 1, 101, 101))})
    assert rows.ids()[rows.layer.get_value((45, 45))[0]] == 1
    assert rows.ids()[rows.layer.get_value((5, 5))[0]] == 2


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
    assert rows.is_sorted


def test_looks_follow_the_zoom():
    zoom = [1.0]
    rows = BoxRows(BoxStyles(lambda: zoom[0]).styles_of)
    rows.fill(make_boxes(4))
    before = rows.layer.edge_width
    zoom[0] = 4.0
    rows.refresh_styles()
    assert rows.layer.edge_width == pytest.approx([width / 4 for width in before])
