from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.plugin.palettes import COLOUR_BLIND, STANDARD
from napari_alc.plugin.review.canvas.box_style import LONGEST, BoxStyles, Word
from napari_alc.plugin.review.canvas.label_layer import place, squeeze
from napari_alc.project.storage.records import ReviewBox

side = st.floats(0, 200)
box = st.tuples(side, side, st.floats(2, 80), st.floats(2, 80))
word = st.tuples(st.floats(3, 60), st.floats(8, 20))


def corners(values):
    x, y, width, height = np.array(values, dtype=float).reshape(-1, 4).T
    return np.stack([x, y, x + width, y + height], axis=1)


LETTER = np.array([12.0, 14.0])
GAP = 2.0


def letters(boxes):
    """Places of the letters of all boxes."""
    return squeeze(boxes, place(boxes, np.tile(LETTER, (len(boxes), 1)), GAP), LETTER, GAP)


def meet(rectangles):
    """Which rectangles lie on another one."""
    among = overlap(rectangles, rectangles)
    np.fill_diagonal(among, False)
    return among.any(axis=1)


def overlap(a, b):
    return (
        (a[:, None, 0] < b[None, :, 2])
        & (b[None, :, 0] < a[:, None, 2])
        & (a[:, None, 1] < b[None, :, 3])
        & (b[None, :, 1] < a[:, None, 3])
    )


def inside(a, b):
    low = (a[:, None, :2] >= b[None, :, :2]).all(axis=2)
    return low & (a[:, None, 2:] <= b[None, :, 2:]).all(axis=2)


@given(st.lists(box, min_size=1, max_size=25), st.lists(word, max_size=25), st.floats(0.5, 4))
def test_no_word_lies_on_another_or_on_a_box_but_those_around_its_own(boxes, words, gap):
    boxes = corners(boxes)
    sizes = np.array(words, dtype=float).reshape(-1, 2)[: len(boxes)]
    placed = place(boxes, sizes, gap)
    assert placed.shape == (len(sizes), 4)
    is_placed = ~np.isnan(placed[:, 0])
    rooms = placed[is_placed]
    own = boxes[: len(sizes)][is_placed]
    around = inside(own, boxes) & inside(rooms, boxes)
    assert not (overlap(rooms, boxes) & ~around).any()
    assert not any(overlap(rooms[i : i + 1], own[i : i + 1]).any() for i in range(len(own)))
    among = overlap(rooms, rooms)
    np.fill_diagonal(among, False)
    assert not among.any()
    found = np.stack([rooms[:, 2] - rooms[:, 0], rooms[:, 3] - rooms[:, 1]], axis=1)
    np.testing.assert_allclose(found, sizes[is_placed], rtol=1e-6)


@given(box, word, st.floats(0.5, 4))
def test_a_word_lies_above_a_box_that_stands_alone(alone, size, gap):
    x1, y1, x2, _y2 = corners(alone)[0]
    room = place(corners(alone), np.array([size]), gap)[0]
    assert room[3] <= y1 - 0.9 * gap
    np.testing.assert_allclose((room[0] + room[2]) / 2, (x1 + x2) / 2, atol=1e-6)


def test_a_word_without_room_is_left_out():
    boxes = corners([(40 * i, 30 * j, 39, 29) for i in range(3) for j in range(3)])
    order = [4, 0, 1, 2, 3, 5, 6, 7, 8]
    placed = place(boxes[order], np.array([(20.0, 14.0)]), 2.0)
    assert np.isnan(placed).all()


def test_a_word_of_a_box_within_a_large_one_lies_within_it_too():
    boxes = corners([(100, 100, 20, 20), (0, 0, 300, 300)])
    word, around = place(boxes, np.array([(12.0, 14.0), (12.0, 14.0)]), 2.0)
    assert inside(word[None], boxes[1:]).all()
    assert not overlap(around[None], boxes).any()


def test_a_word_of_a_box_at_the_line_of_a_large_one_lies_outside_both():
    boxes = corners([(100, 5, 20, 290), (0, 0, 300, 300)])
    word = place(boxes, np.array([(12.0, 14.0)]), 2.0)[0]
    assert not overlap(word[None], boxes[:1]).any()
    assert word[0] > 120 or word[2] < 100
    tight = corners([(2, 2, 280, 280), (0, 0, 284, 284)])
    assert np.isnan(place(tight, np.array([(12.0, 14.0)]), 2.0)).all()


def test_no_boxes_need_no_words():
    none = np.empty((0, 4))
    assert place(none, np.empty((0, 2)), 2.0).shape == (0, 4)
    assert squeeze(none, none, LETTER, GAP).shape == (0, 4)


@given(st.lists(box, min_size=1, max_size=40), word, st.floats(0.5, 4), st.booleans())
def test_letters_are_squeezed_in_but_on_small_boxes_unless_they_are_needed(
    boxes, size, gap, is_needed
):
    boxes, size = corners(boxes), np.array(size)
    placed = place(boxes, np.tile(size, (len(boxes), 1)), gap)
    found = squeeze(boxes, placed, size, gap, is_needed=np.full(len(boxes), is_needed))
    is_placed, is_found = ~np.isnan(placed[:, 0]), ~np.isnan(found[:, 0])
    np.testing.assert_array_equal(found[is_placed], placed[is_placed])
    assert is_found.all() or not is_needed
    sizes = found[is_found, 2:] - found[is_found, :2]
    np.testing.assert_allclose(sizes, np.broadcast_to(size, sizes.shape), rtol=1e-6)
    if not is_needed:
        is_small = (boxes[:, 2:] - boxes[:, :2] < size + 2 * gap).any(axis=1)
        assert not overlap(found[is_found & ~is_placed], boxes[is_small]).any()


def test_a_letter_amid_small_boxes_is_left_out_unless_it_is_needed():
    crowd = corners([(11 * i, 9 * j, 10, 8) for i in range(31) for j in range(31)])
    here = len(crowd) // 2
    placed = np.delete(crowd, here, axis=0)
    boxes = np.concatenate([crowd[here : here + 1], placed])
    none = np.full((1, 4), np.nan)
    assert np.isnan(squeeze(boxes, none, LETTER, GAP)).all()
    assert not np.isnan(squeeze(boxes, none, LETTER, GAP, is_needed=np.array([True]))).any()


def test_a_letter_without_room_beside_its_box_lies_in_a_corner_within():
    boxes = corners([(40 * i, 30 * j, 39, 29) for i in range(3) for j in range(3)])[[4, *range(9)]]
    boxes = np.delete(boxes, 5, axis=0)
    found = letters(boxes)
    assert inside(found[:1], boxes[:1]).all()
    assert overlap(found[:1], boxes).sum() == 1
    middle = (boxes[0, :2] + boxes[0, 2:]) / 2
    assert not ((found[0, :2] < middle) & (middle < found[0, 2:])).all()
    assert not meet(found).any()


def test_letters_lie_beside_boxes_that_are_smaller_than_they_are():
    small = corners([(11 * i, 9 * j, 10, 8) for i in range(3) for j in range(3)])
    found = letters(small)
    assert not overlap(found, small).any()
    assert not meet(found).any()


def test_letters_of_boxes_on_each_other_can_all_be_read():
    same = corners([(100, 100, 30, 30)] * 6 + [(104, 104, 20, 20)] * 6)
    found = letters(same)
    assert not meet(found).any()
    assert not (overlap(found, same) & ~inside(found, same)).any()


def test_words_at_the_border_of_the_view_stay_in_it():
    boxes = corners([(370, 100, 25, 20), (5, 100, 25, 20), (100, 2, 25, 20), (100, 275, 25, 20)])
    sizes = np.tile((140.0, 14.0), (4, 1))
    view = (0, 0, 400, 300)
    assert not inside(place(boxes, sizes, 2.0)[:3], np.array([view])).any()
    seen = place(boxes, sizes, 2.0, view)
    assert inside(seen, np.array([view])).all()
    assert not overlap(seen, boxes).any()


def test_the_words_of_boxes_out_of_view_stay_with_their_boxes():
    boxes = corners([(600, 100, 25, 20)])
    sizes = np.array([(140.0, 14.0)])
    there = place(boxes, sizes, 2.0, (0, 0, 400, 300))
    np.testing.assert_array_equal(there, place(boxes, sizes, 2.0))


def word_of(box, kind, palette=STANDARD, categories=None):
    styles = BoxStyles()
    styles.labels, styles.palette, styles.categories = kind, palette, categories or {}
    return styles.label(box).word


def test_the_word_says_letter_confidence_or_category():
    found = ReviewBox(1, 7, (0, 0, 9, 9), "ma", "red", score=0.874)
    assert not word_of(found, "none")
    assert word_of(found, "letters") == Word("R")
    assert str(word_of(found, "score")) == "0.87"
    assert str(word_of(found, "score", COLOUR_BLIND)) == "R 0.87"
    assert str(word_of(found, "category")) == "7"
    drawn = ReviewBox(2, 7, (0, 0, 9, 9), "crowd", "green")
    assert not word_of(drawn, "score")


def test_a_name_that_is_cut_ends_in_dots():
    found = ReviewBox(1, 7, (0, 0, 9, 9), "ma", "red")
    for name, told in (
        ("a very long name of a category", "a very long na…"),
        ("electron dense deposit", "electron dense…"),
        ("immune complex, old", "immune complex…"),
        ("fifteen letters", "fifteen letters"),
    ):
        word = word_of(found, "category", categories={7: name})
        assert str(word) == told
        assert len(told) <= LONGEST
