"""Lines of boxes: outside the box, on a dark casing, and sent anew only where they changed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from napari.utils.colormaps.standardize_color import transform_color

from napari_alc.plugin.review.canvas.lines.box_lines import HANDLES, BoxLines, LineSet, drawn
from napari_alc.plugin.review.canvas.lines.geometry import (
    CASING,
    DARK,
    VERTICES,
    LineLook,
    handles,
    reach,
    triangles,
    vertices,
)

LOOKS = st.builds(
    LineLook,
    st.sampled_from(["#ff3b3b", "#37e05a", "#e8e8e8"]),
    st.sampled_from([1.0, 2.0, 3.0]),
    st.booleans(),
    st.sampled_from([0.0, 5.0]),
)


@st.composite
def boxes(draw):
    x, y = draw(st.floats(0, 500)), draw(st.floats(0, 500))
    return x, y, x + draw(st.floats(1, 300)), y + draw(st.floats(1, 300))


def on_screen(found, zoom):
    """Where vertices lie, in pixels of the screen, where no line is thinned."""
    return found["place"] * zoom + found["by_width"] + found["apart"]


@given(boxes(), LOOKS, st.floats(0.2, 8))
def test_a_line_lies_outside_its_box_and_reaches_as_far_as_it_says(box, look, zoom):
    found = vertices(np.array([box]), [look])[0]
    places = on_screen(found, zoom)
    low, high = np.array(box[:2]) * zoom, np.array(box[2:]) * zoom
    assert np.allclose(places.min(axis=0), low - reach(look), atol=1e-2)
    assert np.allclose(places.max(axis=0), high + reach(look), atol=1e-2)
    is_outside = ((places <= low + 1e-2) | (places >= high - 1e-2)).any(axis=1)
    assert is_outside.all()


@given(boxes(), LOOKS)
def test_every_line_has_dark_on_both_sides(box, look):
    found = vertices(np.array([box]), [look])[0].reshape(2, -1, 4)
    casing, line = found
    assert np.allclose(casing["colour"], transform_color(DARK)[0])
    assert np.allclose(line["colour"], transform_color(look.colour)[0])
    for outer, inner in zip(on_screen(casing, 1), on_screen(line, 1), strict=True):
        thin = np.argmin(np.ptp(inner, axis=0))
        assert outer[:, thin].min() == pytest.approx(inner[:, thin].min() - CASING, abs=1e-2)
        assert outer[:, thin].max() == pytest.approx(inner[:, thin].max() + CASING, abs=1e-2)


def test_a_decided_box_has_only_its_corners_drawn():
    box = np.array([[0.0, 0, 100, 40]])
    whole, corners = (vertices(box, [LineLook(DARK, 2, is_whole)])[0] for is_whole in (True, False))
    assert set(whole["place"][:, 0]) == {0, 50, 100}
    assert set(corners["place"][:, 0]) == {0, 25, 75, 100}


@given(st.lists(st.integers(0, 9), max_size=30), st.data())
def test_whatever_changes_the_lines_are_those_of_the_boxes_there(deeds, data):
    lines, known = LineSet(), {}
    for box_id in deeds:
        gone = [box_id] if box_id in known and data.draw(st.booleans()) else []
        now = {} if gone else {box_id: (data.draw(boxes()), data.draw(LOOKS))}
        known = {**{i: o for i, o in known.items() if i not in gone}, **now}
        lines.change(list(now), drawn(now), gone)
    assert sorted(lines.ids) == sorted(known)
    for box_id, outline in known.items():
        assert lines.of(box_id).tobytes() == drawn({box_id: outline})[0].tobytes()
    sides = [
        min(known[i][0][2] - known[i][0][0], known[i][0][3] - known[i][0][1]) for i in lines.ids
    ]
    assert np.allclose(sides, sorted(sides, reverse=True))


def test_there_is_room_for_any_number_of_boxes():
    lines = LineSet()
    outlines = {i: ((i, 0.0, i + 5.0, 5.0), LineLook(DARK, 1)) for i in range(500)}
    lines.change(list(outlines), drawn(outlines))
    assert sorted(lines.ids) == sorted(outlines)


def test_triangles_follow_the_order_of_the_boxes():
    found = triangles([3, 0])
    assert found.shape == (2 * 32, 3)
    assert set(found[:32].ravel().tolist()) == set(range(3 * VERTICES, 4 * VERTICES))
    assert set(found[32:].ravel().tolist()) == set(range(VERTICES))


def test_handles_stand_at_corners_and_in_the_middle_of_edges():
    found = handles(np.array([10.0, 20, 50, 80]), 4)[0].reshape(2, 8, 4)
    middles = {tuple(square["place"][0].tolist()) for square in found[1]}
    columns, rows = (10, 30, 50), (20, 50, 80)
    assert middles == {(x, y) for x in columns for y in rows} - {(30, 50)}


def test_several_boxes_have_a_mark_each_and_handles_around_them_all():
    lines = BoxLines()
    look = LineLook("#ff3b3b", 3)
    lines.mark({1: ((0, 0, 10, 10), look), 2: ((50, 60, 90, 80), look)}, has_handles=True)
    assert set(lines.marks.ids) == {1, 2, HANDLES}
    assert lines.marks.of(HANDLES)["place"].min() == 0
    assert lines.marks.of(HANDLES)["place"].max() == 90
    lines.mark({1: ((0, 0, 10, 10), look)}, has_handles=False)
    assert lines.marks.ids == [1]
    lines.mark({}, has_handles=True)
    assert lines.marks.ids == []
