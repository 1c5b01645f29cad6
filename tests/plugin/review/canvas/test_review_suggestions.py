from __future__ import annotations

import numpy as np
import pytest
from napari.utils.colormaps.standardize_color import transform_color

from napari_alc.plugin.palettes import SUGGESTIONS
from napari_alc.plugin.review.canvas.lines.box_lines import LineSet
from napari_alc.plugin.review.canvas.lines.geometry import reach
from napari_alc.plugin.review.canvas.lines.suggestion_lines import SuggestionLines, look_of
from napari_alc.project.storage.records import ReviewBox


def test_each_source_has_a_line_of_its_own():
    assert len({style.pattern for style in SUGGESTIONS.values()}) == len(SUGGESTIONS)
    assert len({style.sign for style in SUGGESTIONS.values()}) == len(SUGGESTIONS)
    assert all(len(style.pattern) in (2, 4) for style in SUGGESTIONS.values())


@pytest.mark.parametrize("source", SUGGESTIONS)
def test_a_suggestion_is_drawn_in_the_broken_line_of_its_source(source):
    lines = LineSet()
    SuggestionLines(lines).show([ReviewBox(7, 1, (10, 20, 90, 80), source)])
    drawn = lines.of(7)
    style = SUGGESTIONS[source]
    assert drawn["dash"][0, : len(style.pattern)] == pytest.approx(style.pattern)
    assert drawn["colour"][-1] == pytest.approx(transform_color(style.colour)[0])


def test_boxes_of_sources_without_a_style_are_drawn_as_those_of_a_person():
    box = ReviewBox(1, 1, (0, 0, 9, 9), "clean")
    assert look_of(box, False) == look_of(ReviewBox(1, 1, (0, 0, 9, 9), "person"), False)


def test_a_box_with_a_solid_line_has_its_broken_one_around_it():
    box = ReviewBox(1, 1, (10, 20, 90, 80), "mp")
    assert reach(look_of(box, True)) > reach(look_of(box, False))


def test_other_suggestions_take_the_place_of_those_before():
    lines = LineSet()
    shown = SuggestionLines(lines)
    shown.show([ReviewBox(i, 1, (0, 0, 9.0 + i, 9), "mp") for i in (1, 2, 3)])
    shown.show([ReviewBox(2, 1, (0, 0, 5, 5), "ma")])
    assert lines.ids == [2]
    assert np.ptp(lines.of(2)["place"][:, 0]) == 5
    shown.show([])
    assert (lines.ids, shown.boxes) == ([], ())
