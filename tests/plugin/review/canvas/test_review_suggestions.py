from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.plugin.palettes import SUGGESTIONS
from napari_alc.plugin.review.canvas.suggestion_layer import (
    AROUND,
    MOST_REPEATS,
    SuggestionLines,
    dashes,
)
from napari_alc.project.storage.records import ReviewBox

place = st.floats(0, 500)
size = st.floats(2, 300)
pattern = st.sampled_from([style.pattern for style in SUGGESTIONS.values()])


@given(place, place, size, size, pattern, st.floats(0.05, 5))
def test_dashes_lie_on_the_sides_and_show_every_corner(x, y, width, height, pattern, pixel):
    lines = dashes((x, y, x + width, y + height), pattern, pixel)
    starts, ends = lines[:, 0], lines.sum(axis=1)
    for points in (starts, ends):
        rows, columns = points.T
        on_side = np.isclose(rows, y) | np.isclose(rows, y + height)
        on_end = np.isclose(columns, x) | np.isclose(columns, x + width)
        assert (on_side | on_end).all()
        assert rows.min() >= y - 1e-6
        assert rows.max() <= y + height + 1e-6
    for corner in [(y, x), (y, x + width), (y + height, x + width), (y + height, x)]:
        assert np.isclose(starts, corner).all(axis=1).any()
    drawn = np.abs(lines[:, 1]).sum() / (2 * (width + height))
    assert drawn == pytest.approx(sum(pattern[::2]) / sum(pattern))
    assert len(lines) <= 4 * MOST_REPEATS * len(pattern) // 2


def test_dashes_keep_their_length_on_screen():
    for zoom in (0.4, 1.0, 2.0):
        lines = dashes((0, 0, 800, 600), (10, 6), 1 / zoom)
        lengths = np.abs(lines[:, 1]).sum(axis=1) * zoom
        assert lengths == pytest.approx(10, rel=0.1)


def test_each_source_has_a_line_of_its_own():
    assert len({style.pattern for style in SUGGESTIONS.values()}) == len(SUGGESTIONS)
    assert len({style.sign for style in SUGGESTIONS.values()}) == len(SUGGESTIONS)
    assert all(len(style.pattern) % 2 == 0 for style in SUGGESTIONS.values())


def test_boxes_of_sources_without_a_style_are_drawn_as_those_of_a_person():
    shown = SuggestionLines()
    shown.show([ReviewBox(1, 1, (0, 0, 9, 9), "clean")], 1.0)
    assert len(shown.layer.data) > 0
    assert shown.layer.edge_color[0, :3] == pytest.approx((1, 1, 1))


def test_lines_are_drawn_anew_only_for_other_boxes_or_another_zoom():
    shown = SuggestionLines()
    boxes = [ReviewBox(1, 1, (0, 0, 90, 90), "mp"), ReviewBox(2, 1, (9, 9, 60, 50), "ma")]
    shown.show(boxes, 1.0)
    lines = shown.layer.data
    shown.show(boxes, 1.0)
    shown.rescale(1.0)
    assert shown.layer.data is lines
    shown.rescale(2.0)
    assert len(shown.layer.data) > len(lines)


def test_a_box_with_a_solid_line_has_its_broken_one_around_it():
    shown = SuggestionLines()
    box = ReviewBox(1, 1, (10, 20, 90, 80), "mp")
    for zoom in (1.0, 2.0):
        shown.show([box], zoom, solid={1})
        shown.rescale(zoom)
        starts = shown.layer.data[:, 0]
        x1, y1, x2, y2 = box.corners
        around = AROUND / zoom
        assert starts.min(axis=0) == pytest.approx((y1 - around, x1 - around))
        assert starts.max(axis=0) == pytest.approx((y2 + around, x2 + around))
    shown.show([box], 2.0)
    assert shown.layer.data[:, 0].min(axis=0) == pytest.approx((20, 10))
