"""The simulated pathologist follows the rule of the method."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulation_cases import label_sets, labels

from napari_alc.boxes import iof_matrix, iou_matrix
from napari_alc.labels import Labels
from napari_alc.simulation.crowd import NoiseRates, add_noise
from napari_alc.simulation.pathologist import edits, review_boxes, same_objects

G = labels([(1, 2, 10, 10, 50, 50), (1, 2, 60, 10, 100, 50), (2, 5, 10, 10, 50, 50)])
NOTHING = Labels.empty()


def replaced(proposals, accepted=NOTHING, truth=G):
    return [
        found.tolist() for found in review_boxes(labels(proposals), accepted, truth).replacements
    ]


@pytest.mark.parametrize(
    ("proposal", "expected"),
    [
        ((1, 2, 14, 10, 54, 50), [0]),
        # IoU 0.33 is enough, 0.25 is not.
        ((1, 2, 10, 30, 50, 70), [0]),
        ((1, 2, 10, 34, 50, 74), []),
        # A box that covers most of an object shows it, however large the box is.
        ((1, 2, 0, 0, 200, 200), [0, 1]),
        ((1, 2, 150, 150, 180, 180), []),
        ((3, 2, 10, 10, 50, 50), []),
        # Another category is corrected.
        ((2, 2, 12, 10, 52, 50), [2]),
    ],
)
def test_a_box_is_replaced_with_the_objects_it_shows(proposal, expected):
    assert replaced([proposal]) == [expected]


def test_the_closest_object_comes_first():
    assert replaced([(1, 2, 35, 8, 105, 52)]) == [[1]]
    assert replaced([(1, 2, 12, 0, 110, 60)]) == [[1, 0]]


def test_an_object_that_an_automatic_label_represents_is_not_added():
    done = labels([(1, 2, 12, 10, 52, 50)])
    assert replaced([(1, 2, 14, 10, 54, 50)], accepted=done) == [[]]


def test_a_label_of_another_category_or_image_does_not_represent_an_object():
    done = labels([(1, 5, 10, 10, 50, 50), (2, 2, 10, 10, 50, 50)])
    assert replaced([(1, 2, 14, 10, 54, 50)], accepted=done) == [[0]]


def test_an_object_is_added_once():
    proposals = [(1, 2, 14, 10, 54, 50), (2, 5, 10, 10, 50, 50), (1, 2, 10, 14, 50, 54)]
    assert replaced(proposals) == [[0], [2], []]


def test_added_labels_are_the_true_boxes():
    reviewed = review_boxes(labels([(1, 5, 0, 0, 200, 200)]), NOTHING, G)
    assert reviewed.labels.ids.tolist() == [1, 2]
    assert np.array_equal(reviewed.labels.boxes, G.boxes[:2])
    assert reviewed.labels.category_ids.tolist() == [2, 2]


def test_without_proposals_nothing_is_added():
    reviewed = review_boxes(NOTHING, NOTHING, G)
    assert reviewed.replacements == ()
    assert len(reviewed.labels) == 0


@given(label_sets, st.integers(0, 1000))
def test_every_proposal_follows_the_rule(truth, seed):
    """Compare with a review box by box."""
    crowd = add_noise(truth, NoiseRates(0.3, 0.2, 0.4, 0.2), seed).label_set.labels
    turn = np.random.default_rng(seed).random(len(crowd)) < 0.5
    proposals, accepted = crowd.take(turn), crowd.take(~turn)
    reviewed = review_boxes(proposals, accepted, truth.labels)
    for row, found in enumerate(reviewed.replacements):
        one = proposals.take([row])
        seen = (iou_matrix(one.boxes, truth.labels.boxes) >= 0.3) | (
            iof_matrix(one.boxes, truth.labels.boxes) > 0.5
        )
        wanted = [
            place
            for place in np.flatnonzero(seen[0] & (truth.labels.image_ids == one.image_ids[0]))
            if not represented(truth.labels.take([place]), accepted)
        ]
        assert sorted(found.tolist()) == wanted
        accepted = accepted.joined(truth.labels.take(found))


def represented(one, accepted):
    same = (accepted.image_ids == one.image_ids) & (accepted.category_ids == one.category_ids)
    return bool((iou_matrix(one.boxes, accepted.boxes)[0][same] >= 0.5).any())


def test_each_box_of_a_whole_image_stands_for_the_closest_object():
    offered = labels(
        [
            (1, 2, 12, 10, 52, 50),
            (1, 2, 30, 10, 70, 50),
            (1, 2, 150, 150, 180, 180),
            (2, 2, *[10] * 4),
        ]
    )
    assert same_objects(offered, G).tolist() == [0, 1, -1, -1]


@pytest.mark.parametrize(
    ("offered", "expected"),
    [
        ([], 3),
        # Close enough to be left alone; the two other objects are added.
        ([(1, 2, 12, 10, 52, 50)], 2),
        # Moved; then a box of another category, and one that shows nothing, which are deleted.
        ([(1, 2, 20, 10, 60, 50)], 3),
        ([(1, 5, 10, 10, 50, 50)], 4),
        ([(1, 2, 12, 10, 52, 50), (1, 2, 10, 10, 52, 50), (3, 2, 0, 0, 9, 9)], 4),
    ],
)
def test_edits_are_the_boxes_added_moved_and_deleted(offered, expected):
    assert edits(labels(offered), G) == expected


@given(label_sets, label_sets)
def test_edits_are_none_for_the_truth_and_never_more_than_starting_anew(offered, truth):
    boxes, objects = offered.labels, truth.labels
    assert edits(objects, objects) == 0
    assert abs(len(boxes) - len(objects)) <= edits(boxes, objects) <= len(boxes) + len(objects)
