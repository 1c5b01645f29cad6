"""Upright boxes in napari's Shapes layer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.layers import Shapes
from napari.layers.shapes._shapes_models import Rectangle
from numpy.testing import assert_allclose, assert_array_equal

from napari_alc.plugin.review.canvas.box_layer import STRETCHED, BoxShapes, are_upright, rectangles
from napari_alc.plugin.review.canvas.edits import to_vertices

SIDE = st.floats(0.5, 500)
PLACE = st.floats(0, 4000)


@st.composite
def boxes(draw: st.DrawFn) -> tuple[float, float, float, float]:
    x, y = draw(PLACE), draw(PLACE)
    return x, y, x + draw(SIDE), y + draw(SIDE)


def corners(some: list[tuple[float, float, float, float]]) -> np.ndarray:
    return np.asarray(to_vertices(np.array(some)), dtype=np.float32)


@given(st.lists(boxes(), min_size=1, max_size=4), st.floats(0.1, 50))
def test_a_stretched_rectangle_is_the_one_that_napari_makes(some, width):
    vertices = corners(some)
    depths = list(range(len(some)))
    for ours, place, depth in zip(
        rectangles(vertices, [width] * len(some), depths), vertices, depths, strict=True
    ):
        theirs = Rectangle(place, edge_width=width, z_index=depth)
        assert vars(ours).keys() <= vars(theirs).keys()
        for name, value in vars(theirs).items():
            if name in ("dims_displayed", "data_displayed"):
                continue  # remembered on first use
            if name == "_edge_triangles":  # which corner comes first hangs on rounding in napari
                assert_array_equal(np.sort(ours._edge_triangles), np.sort(value))
            elif isinstance(value, np.ndarray):
                # napari's own miter joints of thin boxes are off by the digits of float32
                assert_allclose(getattr(ours, name), value, rtol=1e-4, atol=2e-3, err_msg=name)
                assert getattr(ours, name).dtype == value.dtype, name
            else:
                assert getattr(ours, name) == value, name
        assert_array_equal(ours.data, theirs.data)
        assert_array_equal(ours.data_displayed, theirs.data_displayed)


def test_every_place_that_napari_keeps_is_stretched():
    square = vars(Rectangle(np.array([[0, 0], [0, 1], [1, 1], [1, 0]])))
    larger = vars(Rectangle(np.array([[0, 0], [0, 9], [9, 9], [9, 0]])))
    moved = {
        name
        for name, value in square.items()
        if isinstance(value, np.ndarray) and not np.array_equal(value, larger[name])
    }
    assert moved - {"data_displayed"} == set(STRETCHED)


def test_two_boxes_share_nothing_that_napari_writes_to():
    first, second = rectangles(corners([(0, 0, 9, 9), (5, 5, 20, 30)]), [1, 1], [0, 1])
    before = second.data.copy()
    first.shift([3, 4])
    assert_array_equal(first.data[0], (3, 4))
    assert_array_equal(second.data, before)


@pytest.mark.parametrize(
    "vertices",
    [
        pytest.param([[0, 0], [1, 5], [6, 5], [5, 0]], id="turned"),
        pytest.param([[0, 0], [0, 0], [5, 0], [5, 0]], id="without a width"),
        pytest.param([[0, 5], [0, 0], [5, 0], [5, 5]], id="from another corner"),
        pytest.param([[0, 0], [5, 5]], id="two corners"),
    ],
)
def test_other_rectangles_are_left_to_napari(vertices):
    assert not are_upright([np.array(vertices)])
    layer, theirs = BoxShapes(ndim=2), Shapes(ndim=2)
    for one in (layer, theirs):
        one.add([np.array(vertices)], shape_type="rectangle")
    assert_array_equal(layer.data[0], theirs.data[0])


def test_a_layer_of_boxes_draws_what_a_layer_of_napari_draws():
    some = corners([(10, 10, 90, 60), (20, 30, 50, 50), (300, 300, 302, 301)])
    settings = {
        "edge_width": [1, 2, 3],
        "edge_color": ["red", "lime", "white"],
        "z_index": [3, 2, 1],
    }
    ours, theirs = BoxShapes(ndim=2), Shapes(ndim=2)
    for layer in (ours, theirs):
        layer.add(list(some), face_color="transparent", **settings)
    drawn, wanted = ours._data_view._mesh, theirs._data_view._mesh
    assert_allclose(drawn.vertices, wanted.vertices, atol=1e-3)
    assert_array_equal(drawn.displayed_triangles, wanted.displayed_triangles)
    assert_array_equal(drawn.displayed_triangles_colors, wanted.displayed_triangles_colors)


def test_napari_takes_a_layer_of_boxes_for_one_of_its_own():
    assert BoxShapes(ndim=2).as_layer_data_tuple()[2] == "shapes"
