"""A pathologist who answers questions about single boxes."""

import numpy as np
import pytest

from napari_alc.labels import Labels
from napari_alc.simulation.question_reader import AnswerKind, QuestionReader

OBJECT, BESIDE = [0, 0, 20, 20], [22, 0, 42, 20]


def labels(*boxes, category=1):
    count = len(boxes)
    return Labels([1] * count, [category] * count, boxes, np.arange(count))


def reader(candidates, truth, error=0.0):
    return QuestionReader(candidates, truth, error, np.random.default_rng(0))


NOTHING = np.zeros(4, bool)


@pytest.mark.parametrize(
    ("box", "category", "kind"),
    [
        ([1, 0, 21, 20], 1, AnswerKind.YES),
        ([1, 0, 21, 20], 2, AnswerKind.FIX),
        ([8, 0, 28, 20], 1, AnswerKind.FIX),
        ([0, 0, 60, 60], 1, AnswerKind.FIX),
        ([60, 60, 80, 80], 1, AnswerKind.NO),
    ],
)
def test_a_box_is_kept_put_right_or_dropped_by_what_it_shows(box, category, kind):
    answer = reader(labels(box, category=category), labels(OBJECT)).answer(0, NOTHING[:1])
    assert answer.kind is kind
    assert answer.truth == (-1 if kind is AnswerKind.NO else 0)


def test_further_objects_in_a_box_are_drawn():
    answer = reader(labels([0, 0, 42, 20]), labels(OBJECT, BESIDE)).answer(0, NOTHING[:1])
    assert answer.kind is AnswerKind.FIX
    assert sorted([answer.truth, *answer.drawn]) == [0, 1]


def test_an_object_is_drawn_once():
    asked = reader(labels(OBJECT, [1, 0, 21, 20]), labels(OBJECT))
    assert asked.answer(0, NOTHING[:2]).kind is AnswerKind.YES
    assert asked.answer(1, NOTHING[:2]).kind is AnswerKind.NO


def test_an_object_that_a_closer_label_shows_needs_no_further_box():
    candidates, truth = labels([4, 0, 24, 20], [1, 0, 21, 20]), labels(OBJECT)
    accepted = np.array([False, True])
    assert reader(candidates, truth).answer(0, accepted).kind is AnswerKind.NO
    assert reader(candidates, truth).answer(1, accepted).kind is AnswerKind.YES


def test_a_reader_errs_as_often_as_is_said():
    boxes = [[30.0 * k, 0, 30.0 * k + 20, 20] for k in range(400)]
    erring = reader(labels(*boxes), labels(*boxes[:200]), error=0.08)
    answers = [erring.answer(row, np.zeros(400, bool)) for row in range(400)]
    wrong = [answer.kind is AnswerKind.NO for answer in answers[:200]]
    wrong += [answer.kind is not AnswerKind.NO for answer in answers[200:]]
    assert 0.05 < np.mean(wrong) < 0.11
    assert all(
        answer.truth == -1 for answer, is_wrong in zip(answers, wrong, strict=True) if is_wrong
    )


def test_a_wrong_no_leaves_the_object_to_the_next_question():
    always = reader(labels(OBJECT, [1, 0, 21, 20]), labels(OBJECT), error=1.0)
    assert always.answer(0, NOTHING[:2]).kind is AnswerKind.NO
    always._error = 0.0
    assert always.answer(1, NOTHING[:2]).kind is AnswerKind.YES
