"""Formulas of the selection strategies that ours is compared with, against hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.cleaning.uncertainty import (
    MOST_BOXES,
    consistency,
    divergence,
    instability,
    largest_probability,
    least_confidence,
    tightness,
)

A, B, FAR = [0, 0, 10, 10], [20, 20, 40, 40], [100, 100, 110, 110]
NONE = np.zeros((0, 4))


def boxes(*rows):
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def softmax(*rows):
    return np.array(rows, dtype=np.float64).reshape(len(rows), -1)


@st.composite
def looked(draw, classes=3):
    """Boxes, their proposals, and softmax rows."""
    count = draw(st.integers(1, 6))
    corner = st.integers(0, 50)
    side = st.integers(1, 30)
    rows = draw(st.lists(st.tuples(corner, corner, side, side), min_size=count, max_size=count))
    moves = draw(st.lists(st.integers(-9, 9), min_size=count, max_size=count))
    logits = st.floats(-6, 6)
    of_boxes = st.lists(logits, min_size=classes, max_size=classes)
    raw = np.array(draw(st.lists(of_boxes, min_size=count, max_size=count)))
    weights = np.exp(raw)
    found = np.array([(x, y, x + w, y + h) for x, y, w, h in rows], dtype=np.float64)
    return found, found + np.array(moves)[:, None], weights / weights.sum(axis=1, keepdims=True)


def shuffled(data, *columns):
    order = data.draw(st.permutations(range(len(columns[0]))))
    return [column[list(order)] for column in columns]


def test_least_confidence_is_the_mean_doubt_of_what_counts():
    assert least_confidence(np.array([0.9, 0.5, 0.3, 0.29])) == pytest.approx((0.1 + 0.5 + 0.7) / 3)


def test_an_image_in_which_nothing_counts_is_the_least_confident():
    assert least_confidence(np.array([0.2])) == 1
    assert least_confidence(np.zeros(0)) == 1


@given(st.lists(st.floats(0, 1)), st.data())
def test_least_confidence_lies_between_0_and_1_whatever_the_order(scores, data):
    value = least_confidence(np.array(scores))
    assert 0 <= value <= 1
    assert least_confidence(np.array(data.draw(st.permutations(scores)))) == value


def test_the_background_does_not_compete_for_the_largest_probability():
    found = largest_probability(softmax([0.9, 0.06, 0.04], [0.1, 0.2, 0.7]))
    assert found.tolist() == [0.06, 0.7]


def test_tightness_finds_the_box_that_was_moved_far_with_confidence():
    # Half of the proposal is covered: IoU 1/2, so |0.5 + 0.6 - 1| = 0.1; the other stayed: 0.8.
    found = tightness(boxes(A, B), boxes([0, 0, 10, 20], B), softmax([0.4, 0.6], [0.2, 0.8]))
    assert found == pytest.approx(0.1)


def test_tightness_of_an_image_without_detections_is_the_largest():
    assert tightness(NONE, NONE, np.zeros((0, 2))) == 1


@given(looked(), st.data())
def test_tightness_lies_between_0_and_1_whatever_the_order(found, data):
    value = tightness(*found)
    assert 0 <= value <= 1
    assert tightness(*shuffled(data, *found)) == value


def test_instability_weighs_how_steady_the_boxes_are():
    # S of A: 1 and 1/2; of B: 1 and 0. U_C = 1 - 0.6; U_S = (0.8 * 0.75 + 0.6 * 0.5) / 1.4.
    noisy = [boxes(A, B), boxes([0, 0, 10, 20])]
    found = instability(boxes(A, B), softmax([0.2, 0.8], [0.4, 0.6]), noisy)
    assert found == pytest.approx(0.4 - 0.9 / 1.4)


def test_boxes_that_vanish_under_noise_are_not_steady_at_all():
    assert instability(boxes(A), softmax([0.3, 0.7]), [NONE, NONE]) == pytest.approx(0.3)


def test_only_the_surest_boxes_count_for_instability():
    sure = np.tile(boxes(A), (MOST_BOXES, 1))
    p_sure = np.tile(softmax([0.1, 0.9]), (MOST_BOXES, 1))
    without = instability(sure, p_sure, [boxes(A)])
    more = np.concatenate([boxes(FAR), sure]), np.concatenate([softmax([0.9, 0.1]), p_sure])
    assert instability(*more, [boxes(A)]) == without == pytest.approx(0.1 - 1)


def test_instability_without_detections_is_0():
    assert instability(NONE, np.zeros((0, 2)), [boxes(A)]) == 0


@given(looked(), looked(), st.data())
def test_instability_lies_between_minus_1_and_1_whatever_the_order(found, again, data):
    of_boxes, _, p = found
    value = instability(of_boxes, p, [again[0], NONE])
    assert -1 <= value <= 1
    [others] = shuffled(data, again[0])
    assert instability(*shuffled(data, of_boxes, p), [others, NONE]) == pytest.approx(value)


def test_the_divergence_is_1_of_opposites_and_0_of_the_same():
    found = divergence(softmax([1, 0], [0.3, 0.7]), softmax([0, 1], [0.3, 0.7]))
    assert found == pytest.approx([1, 0])


def test_the_divergence_of_a_hand_computed_pair():
    # p = (1, 0), q = (1/2, 1/2), middle (3/4, 1/4): (log2(4/3) + log2(2/3)/2 + log2(2)/2) / 2.
    wanted = (np.log2(4 / 3) + (np.log2(2 / 3) + 1) / 2) / 2
    assert divergence(softmax([1, 0]), softmax([0.5, 0.5])) == pytest.approx([wanted])


@given(looked(), looked())
def test_the_divergence_is_symmetric_and_lies_between_0_and_1(one, other):
    count = min(len(one[2]), len(other[2]))
    p, q = one[2][:count], other[2][:count]
    there = divergence(p, q)
    assert ((there >= 0) & (there <= 1)).all()
    np.testing.assert_allclose(there, divergence(q, p), atol=1e-12)


def test_consistency_compares_with_the_box_that_overlaps_best():
    # IoU 1/2 with the first of the others, JS 0: |0.5 + (0.9 + 0.9) / 2 - 1.3| = 0.1.
    p = softmax([0.1, 0.9])
    others = boxes([0, 0, 10, 20], FAR)
    found = consistency(boxes(A), p, others, softmax([0.1, 0.9], [0.3, 0.7]))
    assert found == pytest.approx(0.1)


def test_a_box_that_agrees_in_all_is_further_off_than_one_of_the_authors_beta():
    p = softmax([0.0, 1.0])
    assert consistency(boxes(A), p, boxes(A), p) == pytest.approx(0.7)


def test_a_box_that_nothing_overlaps_is_compared_with_the_surest():
    p = softmax([0.2, 0.8])
    others = softmax([0.9, 0.1], [0.2, 0.8])
    found = consistency(boxes(A), p, boxes(B, FAR), others)
    assert found == pytest.approx(abs(0.8 - 1.3))


def test_where_one_of_both_images_shows_nothing_consistency_is_0():
    p = softmax([0.2, 0.8])
    assert consistency(boxes(A), p, NONE, np.zeros((0, 2))) == 0
    assert consistency(NONE, np.zeros((0, 2)), boxes(A), p) == 0


@given(looked(), looked(), st.data())
def test_consistency_lies_between_0_and_beta_whatever_the_order(one, other, data):
    value = consistency(one[0], one[2], other[0], other[2])
    assert 0 <= value <= 1.3
    again = shuffled(data, one[0], one[2])
    assert consistency(*again, other[0], other[2]) == value
