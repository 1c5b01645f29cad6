"""Several looks at an image: turned and turned back, and fused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.boxes import as_boxes
from napari_alc.detection.data.tiles import Found
from napari_alc.detection.inference.looks import FLIPS, fused, turned, turned_back

looks = st.integers(0, len(FLIPS) - 1)


def found(*rows):
    """Rows of corners, label and score."""
    boxes = as_boxes([row[:4] for row in rows])
    labels = np.array([row[4] for row in rows], dtype=np.int64)
    return Found(boxes, labels, np.array([row[5] for row in rows], dtype=float))


def rows_of(result):
    columns = zip(result.boxes.tolist(), result.labels, result.scores, strict=True)
    return [(*box, int(label), round(float(score), 6)) for box, label, score in columns]


@st.composite
def a_look(draw):
    corners = st.tuples(
        st.integers(0, 40), st.integers(0, 40), st.integers(4, 30), st.integers(4, 30)
    )
    rows = draw(st.lists(st.tuples(corners, st.integers(1, 2), st.floats(0.01, 1)), max_size=6))
    return found(*((x, y, x + w, y + h, label, s) for (x, y, w, h), label, s in rows))


@given(looks, st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_a_box_follows_its_pixels_there_and_back(look, left, top, colour):
    pixels = np.zeros((20, 30, 3) if colour else (20, 30), np.uint8)
    pixels[top : top + 5, left : left + 8] = 1
    rows, columns = np.nonzero(turned(pixels, look).reshape(20, 30, -1)[:, :, 0])
    seen = as_boxes([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    assert turned_back(seen, look, 30, 20).tolist() == [[left, top, left + 8, top + 5]]


def test_every_look_is_another_one():
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert len({turned(pixels, look).tobytes() for look in range(len(FLIPS))}) == len(FLIPS)


def test_one_look_stays_as_it_is():
    seen = found((0, 0, 10, 10, 1, 0.001), (0, 0, 10, 11, 1, 0.9))
    assert fused([seen], 0.5, 1) is seen


def test_what_looks_agree_on_has_the_mean_corners_by_score_and_the_mean_score():
    result = fused([found((0, 0, 10, 10, 1, 0.9)), found((2, 0, 12, 10, 1, 0.3))], 0.01, 10)
    assert rows_of(result) == [(0.5, 0.0, 10.5, 10.0, 1, 0.6)]


def test_what_one_of_four_looks_saw_keeps_a_quarter_of_its_score():
    nothing = found()
    result = fused([nothing, found((0, 0, 10, 10, 1, 0.8)), nothing, nothing], 0.01, 10)
    assert rows_of(result) == [(0.0, 0.0, 10.0, 10.0, 1, 0.2)]


@pytest.mark.parametrize(("width", "objects"), [(18.18, 1), (18.2, 2)])
def test_boxes_agree_from_an_iou_of_0_55(width, objects):
    result = fused([found((0, 0, 10, 10, 1, 0.9)), found((0, 0, width, 10, 1, 0.9))], 0.01, 10)
    assert len(result.scores) == objects


def test_boxes_of_other_categories_or_of_the_same_look_are_other_objects():
    same_look = found((0, 0, 10, 10, 1, 0.9), (0, 0, 10, 10.5, 1, 0.8))
    result = fused([same_look, found((0, 0, 10, 10, 2, 0.6))], 0.01, 10)
    assert sorted(score for *_, score in rows_of(result)) == [0.3, 0.4, 0.45]


def test_of_two_boxes_of_a_look_the_one_that_agrees_better_is_taken():
    other = found((0, 0, 10, 14, 1, 0.9), (0, 0, 10, 10, 1, 0.5))
    result = fused([found((0, 0, 10, 10, 1, 1.0)), other], 0.01, 10)
    assert rows_of(result)[0] == (0.0, 0.0, 10.0, 10.0, 1, 0.75)


def test_what_falls_below_the_floor_or_is_too_much_is_dropped_worst_first():
    first = found((0, 0, 10, 10, 1, 0.9), (50, 0, 60, 10, 1, 0.5), (0, 50, 10, 60, 1, 0.1))
    assert [score for *_, score in rows_of(fused([first, found()], 0.06, 10))] == [0.45, 0.25]
    assert [score for *_, score in rows_of(fused([first, found()], 0.0, 1))] == [0.45]


@given(st.lists(a_look(), min_size=2, max_size=4))
def test_scores_stay_in_their_range_and_none_gets_lost(seen):
    result = fused(seen, 0.0, 100)
    assert ((result.scores > 0) & (result.scores <= 1)).all()
    assert (np.diff(result.scores) <= 0).all()
    whole = sum(look.scores.sum() for look in seen)
    assert np.isclose(result.scores.sum() * len(seen), whole)
    assert (result.boxes[:, 2:] > result.boxes[:, :2]).all()


@given(a_look(), st.integers(2, 4))
def test_looks_that_see_the_same_say_what_one_says(look, count):
    single = fused([look] * count, 0.0, 100)
    assert np.isclose(single.scores.sum(), look.scores.sum())
    assert len(single.scores) == len(look.scores)
