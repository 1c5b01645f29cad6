"""The score threshold with the highest F1."""

import numpy as np
import pytest
from hypothesis import given
from measuring_cases import as_detections, detections, label_set, rows, scored_rows

from napari_alc.boxes import iou_matrix
from napari_alc.evaluation.threshold import best_threshold

TRUTH = [(1, 3, 10, 10, 50, 50), (1, 3, 60, 10, 100, 50)]


def test_wrong_boxes_below_the_right_ones_are_cut_off():
    found = detections(
        [
            (*TRUTH[0], 0.9),
            (*TRUTH[1], 0.6),
            (2, 3, 0, 0, 40, 40, 0.55),
            (2, 3, 90, 90, 99, 99, 0.3),
        ]
    )
    assert best_threshold(label_set(TRUTH), found) == 0.6


def test_among_equals_the_higher_threshold_wins():
    # One of one right: F1 = 2/3; two of four right: F1 = 4/6.
    found = detections(
        [(*TRUTH[0], 0.9), (2, 3, 0, 0, 40, 40, 0.8), (2, 3, 90, 90, 99, 99, 0.7), (*TRUTH[1], 0.6)]
    )
    assert best_threshold(label_set(TRUTH), found) == 0.9


def test_boxes_of_one_score_stay_together():
    found = detections([(2, 3, 0, 0, 40, 40, 0.9), (*TRUTH[0], 0.9), (*TRUTH[1], 0.9)])
    assert best_threshold(label_set(TRUTH), found) == 0.9


def test_no_threshold_lies_within_boxes_of_one_score():
    # The first of the tied boxes is right: cut off after it, F1 would be 1; all of them give 4/8.
    tied = [(*TRUTH[1], 0.8), *((2, 3, 20 * i, 0, 20 * i + 9, 9, 0.8) for i in range(4))]
    found = detections([(*TRUTH[0], 0.9), *tied])
    assert best_threshold(label_set(TRUTH), found) == 0.9


def test_a_match_needs_more_than_half_and_the_same_category():
    half = detections([(1, 3, 10, 10, 50, 30, 0.9), (1, 7, 60, 10, 100, 50, 0.8)])
    assert best_threshold(label_set(TRUTH), half) == 0.5


@pytest.mark.parametrize("truth", [[], TRUTH])
def test_without_detections_the_fallback_is_taken(truth):
    assert best_threshold(label_set(truth), detections([])) == 0.5


def test_without_truth_the_fallback_is_taken():
    assert best_threshold(label_set([]), detections([(*TRUTH[0], 0.9)])) == 0.5


@given(rows().filter(len))
def test_all_right_detections_are_kept(boxes):
    truth = label_set(list(dict.fromkeys(boxes)))
    scores = np.linspace(0.2, 0.9, len(truth.labels))
    assert best_threshold(truth, as_detections(truth, scores)) == scores[0]


@given(rows().filter(len), scored_rows())
def test_no_other_threshold_is_better(boxes, found):
    truth, found = label_set(boxes), detections(found)
    chosen = greedy_f1(truth, found.at_least(best_threshold(truth, found)))
    assert all(chosen >= greedy_f1(truth, found.at_least(s)) - 1e-12 for s in found.scores)


def greedy_f1(truth, found):
    """F1 by a loop over the detections in score order."""
    labels = truth.labels
    iou = iou_matrix(found.boxes, labels.boxes)
    iou[found.image_ids[:, None] != labels.image_ids] = 0
    iou[found.category_ids[:, None] != labels.category_ids] = 0
    right = 0
    for row in np.argsort(-found.scores):
        if iou[row].max() > 0.5:
            iou[:, iou[row].argmax()] = 0
            right += 1
    return 2 * right / (len(found) + len(labels))
