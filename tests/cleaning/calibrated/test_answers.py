"""What persons have said, the labels that come of it, and what a new pass keeps."""

import numpy as np
import pytest
from cleaning_cases import DETECTIONS, LABELS
from hypothesis import given
from hypothesis import strategies as st

from napari_alc.boxes import iou_matrix
from napari_alc.cleaning.budget import Costs
from napari_alc.cleaning.calibrated.answers import (
    NO,
    UNANSWERED,
    YES,
    BoxAnswers,
    carried_over,
    is_object,
    labels_now,
    settled_labels,
)
from napari_alc.cleaning.calibrated.candidates import find_candidates
from napari_alc.cleaning.calibrated.spending import Spending, prices
from napari_alc.labels import Detections, Labels


def candidates_at(*boxes, image=1):
    """Candidates of one category, all of the same score."""
    count = len(boxes)
    found = Detections([image] * count, [1] * count, boxes, np.linspace(0.9, 0.8, count))
    return find_candidates((found,), Labels.empty())


A, B, C = [0, 0, 10, 10], [30, 0, 40, 10], [60, 0, 70, 10]


def said_of(candidates, **answers):
    """Answers by the name of the box."""
    said = BoxAnswers.none(candidates, candidates.first_boxes)
    rows = {tuple(box): row for row, box in enumerate(candidates.first_boxes.tolist())}
    for name, answer in answers.items():
        said.answers[rows[tuple(globals()[name])]] = answer
    return said


def test_labels_are_what_persons_said_and_what_the_posterior_accepts():
    candidates = candidates_at(A, B, C)
    said = said_of(candidates, A=NO, B=YES)
    now = labels_now(candidates, candidates.first_boxes, np.array([0.9, 0.2, 0.8]), said, 0)
    labels = settled_labels(candidates, candidates.first_boxes, said, now)
    assert sorted(labels.boxes.tolist()) == [B, C]
    assert labels.ids.tolist() == [1, 2]
    assert not now.is_open[said.is_answered].any()


def test_what_a_person_drew_there_takes_the_place_of_a_candidate():
    candidates = candidates_at(A, B)
    boxes = candidates.first_boxes
    drawn = Labels([1], [1], [[1, 0, 11, 10]], [1])
    said = BoxAnswers(np.full(2, UNANSWERED), boxes, candidates.category_ids, drawn)
    now = labels_now(candidates, boxes, np.array([0.9, 0.9]), said, 0)
    assert now.persons == 1
    assert sorted(settled_labels(candidates, boxes, said, now).boxes.tolist()) == [
        [1, 0, 11, 10],
        B,
    ]


def test_a_box_that_was_moved_far_teaches_that_there_was_none():
    candidates = candidates_at(A, B, C)
    said = said_of(candidates, A=YES, B=YES, C=NO)
    said.boxes[0] = [2, 0, 12, 10]
    said.boxes[1] = [36, 0, 46, 10]
    assert is_object(candidates, candidates.first_boxes, said).tolist() == [True, False, False]
    said.category_ids[0] = 2
    assert not is_object(candidates, candidates.first_boxes, said)[0]


def test_answers_are_carried_over_to_the_same_objects():
    before = candidates_at(A, B, C)
    said = said_of(before, A=YES, B=NO, C=YES)
    said.boxes[0] = [3, 0, 13, 10]
    after = candidates_at([4, 0, 14, 10], [31, 0, 41, 10])
    new = carried_over((before, before.first_boxes, said), after, after.first_boxes)
    assert new.answers.tolist() == [YES, NO]
    assert new.boxes.tolist() == [[3, 0, 13, 10], [31, 0, 41, 10]]
    assert new.drawn.boxes.tolist() == [C]


def test_an_answer_is_not_carried_over_to_another_image():
    before = candidates_at(A)
    said = said_of(before, A=YES)
    after = candidates_at(A, image=3)
    new = carried_over((before, before.first_boxes, said), after, after.first_boxes)
    assert new.answers.tolist() == [UNANSWERED]
    assert new.drawn.image_ids.tolist() == [1]


@given(DETECTIONS, DETECTIONS, LABELS, st.data())
def test_no_yes_is_ever_lost(mp, ma, crowd, data):
    before, after = find_candidates((mp,), crowd), find_candidates((ma,), crowd)
    boxes = before.first_boxes
    answers = st.sampled_from([NO, YES, UNANSWERED])
    chosen = data.draw(st.lists(answers, min_size=len(before), max_size=len(before)))
    said = BoxAnswers(np.array(chosen, dtype=int), boxes, before.category_ids, Labels.empty())
    new = carried_over((before, boxes, said), after, after.first_boxes)

    def kept(labels):
        rows = np.column_stack([labels.image_ids, labels.category_ids, labels.boxes])
        return sorted(map(tuple, rows.tolist()))

    assert kept(new.persons_labels(after)) == kept(said.persons_labels(before))


@given(DETECTIONS, LABELS, st.integers(0, 2**32 - 1))
def test_no_label_stands_at_a_persons_box(mp, crowd, seed):
    candidates = find_candidates((mp,), crowd)
    rng = np.random.default_rng(seed)
    said = BoxAnswers.none(candidates, candidates.first_boxes)
    said.answers[:] = rng.integers(-1, 2, len(candidates))
    now = labels_now(candidates, candidates.first_boxes, rng.random(len(candidates)), said, 0)
    theirs = said.persons_labels(candidates)
    for row in np.flatnonzero(now.is_accepted):
        same = (theirs.image_ids == candidates.image_ids[row]) & (
            theirs.category_ids == candidates.category_ids[row]
        )
        overlap = iou_matrix(candidates.first_boxes[[row]], theirs.boxes[same])
        assert overlap.max(initial=0) <= 0.5


def test_the_three_prices_are_shares_of_labelling_everything_by_hand():
    spent = Spending(kept_or_dropped=10, fixed=2, drawn=1, edited=7, looked_at=13, images=4)
    found = prices(spent + Spending(), crowd=90, clean=100, images=10, costs=Costs())
    assert found.full == pytest.approx(3 + 13)
    assert found.edit == pytest.approx(3 + 7)
    assert found.time == pytest.approx(3 + 100 * (15 + 10 + 6 + 8) / (600 + 20))


def test_there_is_no_price_without_a_clean_box():
    with pytest.raises(ValueError, match="at least one box"):
        prices(Spending(), 1, 0, 1, Costs())
