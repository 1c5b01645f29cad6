"""Features, the posterior, what is expected of the labels, and what is asked next."""

import numpy as np
import pytest
from cleaning_cases import DETECTIONS, LABELS
from hypothesis import assume, given
from hypothesis import strategies as st

from napari_alc.boxes import iou_matrix
from napari_alc.cleaning.calibrated.candidates import find_candidates
from napari_alc.cleaning.calibrated.features import Ratings, features, logit
from napari_alc.cleaning.calibrated.labels_now import expectation, is_at_persons_box, standing
from napari_alc.cleaning.calibrated.posterior import (
    calibration_error,
    cross_fitted,
    learn,
    log_loss,
    partners,
)
from napari_alc.cleaning.calibrated.questions import AnswerPace, next_batch, values
from napari_alc.labels import Category, Detections, ImageRecord, Labels, LabelSet

IMAGES = tuple(ImageRecord(number, f"{number}.tif", 12, 12) for number in (20, 1, 3))
CATEGORIES = (Category(1, "deposit"), Category(2, "foot process"))
P = st.floats(0, 1)
QS = st.lists(P, min_size=1, max_size=12).map(np.array)


def rated(candidates, seed=0):
    """Ratings of two models, made up."""
    rng = np.random.default_rng(seed)
    return Ratings(*rng.random((3, len(candidates.scores), len(candidates))))


def table_of(mp, ma, crowd):
    candidates = find_candidates((mp, ma), crowd)
    return candidates, features(candidates, rated(candidates), LabelSet(IMAGES, CATEGORIES, crowd))


@given(DETECTIONS, DETECTIONS, LABELS)
def test_features_are_finite_and_their_names_hang_on_the_categories_alone(mp, ma, crowd):
    candidates, table = table_of(mp, ma, crowd)
    assert all(column.shape == (len(candidates),) for column in table.values())
    assert all(np.isfinite(column).all() for column in table.values())
    assert len(table) == 31 + 3 * (len(CATEGORIES) - 1) - 3
    assert list(table) == list(table_of(Detections.empty(), mp, Labels.empty())[1])


@given(DETECTIONS, DETECTIONS, LABELS)
def test_probabilities_lie_between_0_and_1(mp, ma, crowd):
    candidates, table = table_of(mp, ma, crowd)
    assume(len(candidates))
    p = learn(table, candidates.mean_scores > 0.5).probabilities(table)
    assert ((p >= 0) & (p <= 1)).all()


def separable(count=200, seed=0):
    """A feature that tells, one that does not, and one that never varies."""
    rng = np.random.default_rng(seed)
    is_object = rng.random(count) < 0.5
    told = is_object + rng.normal(0, 1, count)
    return {"told": told, "noise": rng.normal(0, 1, count), "same": np.ones(count)}, is_object


def test_the_fit_is_where_the_penalised_likelihood_is_highest():
    table, is_object = separable()
    found = learn(table, is_object)

    def loss(weights):
        z = np.stack([*table.values()], axis=1)
        z = np.concatenate([(z - found.mean) / found.spread, np.ones((len(z), 1))], axis=1)
        p = 1 / (1 + np.exp(-z @ weights))
        likelihood = np.where(is_object, np.log(p), np.log(1 - p)).sum()
        return -likelihood + (weights[:-1] ** 2).sum() / 2 + 1e-3 * weights[-1] ** 2 / 2

    best = loss(found.weights)
    for place in range(4):
        for by in (-0.01, 0.01):
            moved = found.weights.copy()
            moved[place] += by
            assert loss(moved) > best
    assert found.weights[0] > 5 * abs(found.weights[1])
    assert found.weights[2] == 0


def test_an_answer_that_counts_half_is_worth_half_as_much():
    table, is_object = separable()
    twice = {name: np.concatenate([column, column]) for name, column in table.items()}
    halves = learn(twice, np.concatenate([is_object, is_object]), np.full(400, 0.5))
    assert halves.weights == pytest.approx(learn(table, is_object).weights, abs=1e-6)


def test_a_posterior_of_one_kind_alone_is_finite():
    table, _ = separable(8)
    p = learn(table, np.ones(8, bool)).probabilities(table)
    assert np.isfinite(p).all()
    assert (p > 0.5).all()


def test_without_a_row_there_is_nothing_to_learn():
    with pytest.raises(ValueError, match="needs candidates of images that a person has labelled"):
        learn({"told": np.empty(0)}, np.empty(0, bool))


def test_a_feature_that_is_missing_is_named():
    table, is_object = separable()
    with pytest.raises(KeyError, match="noise"):
        learn(table, is_object).probabilities({"told": table["told"], "same": table["same"]})


def test_cross_fitted_rows_are_judged_by_others_alone():
    """An image whose rows contradict all others is not learned from for itself."""
    table, is_object = separable(300)
    images = np.repeat(np.arange(10), 30)
    flipped = np.where(images == 4, ~is_object, is_object)
    p = cross_fitted(table, flipped, images)
    own = images == 4
    assert log_loss(p[own], flipped[own], int(flipped[own].sum())) > 1.2 * log_loss(
        p[~own], flipped[~own], int(flipped[~own].sum())
    )


def test_an_object_without_a_candidate_costs_as_much_as_one_held_for_impossible():
    p, is_object = np.array([0.9, 0.2]), np.array([True, False])
    one = -(np.log(0.9) + np.log(0.8))
    assert log_loss(p, is_object, 1) == pytest.approx(one)
    assert log_loss(p, is_object, 2) == pytest.approx((one - np.log(0.01)) / 2)


def test_calibration_error_is_the_mean_gap_of_the_bins():
    p = np.array([0.85, 0.85, 0.15, 1.0])
    assert calibration_error(p, np.array([True, False, False, True])) == pytest.approx(
        (2 * 0.35 + 0.15 + 0.0) / 4
    )


@given(DETECTIONS, DETECTIONS, LABELS)
def test_partners_are_one_to_one_of_the_category_and_the_strongest_come_first(mp, ma, truth):
    candidates = find_candidates((mp, ma), Labels.empty())
    boxes = candidates.first_boxes
    found = partners(candidates, boxes, truth)
    taken = found[found >= 0]
    assert len(set(taken.tolist())) == len(taken)
    for row, partner in enumerate(found):
        same = (truth.image_ids == candidates.image_ids[row]) & (
            truth.category_ids == candidates.category_ids[row]
        )
        iou = np.where(same, iou_matrix(boxes[[row]], truth.boxes)[0], 0.0)
        stronger = candidates.strength > candidates.strength[row]
        left = set(np.flatnonzero(iou > 0.5)) - set(found[stronger & (found >= 0)])
        equal = candidates.strength == candidates.strength[row]
        if partner >= 0:
            assert iou[partner] > 0.5
        else:
            assert left <= set(found[equal])


@given(QS, st.integers(0, 20))
def test_the_threshold_gives_the_highest_expected_f1_of_all(q, persons):
    now = expectation(q, persons)
    for threshold in [*q, 2.0]:
        k = (q >= threshold).sum()
        labels, objects = persons + k, persons + q.sum()
        right = persons + q[q >= threshold].sum()
        assert now.f1 >= (2 * right / (labels + objects) if labels else 0.0) - 1e-12
    accepted = q >= now.threshold
    right, labels = persons + q[accepted].sum(), persons + accepted.sum()
    assert now.precision == pytest.approx(right / labels if labels else 0.0)
    assert now.recall == pytest.approx(right / (persons + q.sum()) if persons + q.sum() else 0.0)


@given(QS, st.integers(0, 20), st.data())
def test_a_yes_never_lowers_the_expected_f1(q, persons, data):
    row = data.draw(st.integers(0, len(q) - 1))
    after = q.copy()
    after[row] = 1.0
    assert expectation(after, persons).f1 >= expectation(q, persons).f1 - 1e-12


def test_without_any_candidate_all_hangs_on_the_persons_boxes():
    assert expectation(np.empty(0), 3).f1 == 1.0
    assert expectation(np.empty(0), 0).f1 == 0.0


def test_an_answer_stands_above_the_posterior_and_a_persons_box_above_both():
    q = standing(
        np.array([0.3, 0.9, 0.7, 0.8]),
        np.array([1, 0, -1, -1]),
        np.array([False, False, True, False]),
    )
    assert q.tolist() == [1.0, 0.0, 0.0, 0.8]


def test_a_candidate_at_a_persons_box_is_none_of_its_own():
    mp = Detections([1, 1, 3], [1, 2, 1], [[0, 0, 4, 4]] * 3, [0.9] * 3)
    candidates = find_candidates((mp,), Labels.empty())
    persons = Labels([1], [1], [[0, 0, 4, 3]], [1])
    found = is_at_persons_box(candidates, candidates.first_boxes, persons)
    assert found.tolist() == [True, False, False]


def test_the_value_of_an_answer_is_what_it_may_change():
    q = np.array([0.9, 0.6, 0.2])
    now = expectation(q, 0)
    accepted = q >= now.threshold
    assert values(q, now) == pytest.approx(np.where(accepted, now.f1 * (1 - q), (2 - now.f1) * q))


@given(QS, st.data())
def test_what_is_answered_is_never_asked_again(q, data):
    is_open = np.array(data.draw(st.lists(st.booleans(), min_size=len(q), max_size=len(q))))
    images = np.array(data.draw(st.lists(st.integers(1, 3), min_size=len(q), max_size=len(q))))
    size = data.draw(st.integers(1, 5))
    batch = next_batch(q, images, is_open, expectation(q, 2), 2, size, AnswerPace())
    assert is_open[batch.rows].all()
    assert len(set(batch.rows.tolist())) == len(batch.rows) <= size
    assert batch.gain >= 0


def test_questions_come_by_value_per_second_image_by_image():
    """One dear image has the best question, another one many good ones."""
    q = np.array([0.5, 0.02, 0.45, 0.45, 0.45, 0.45])
    images = np.array([1, 1, 2, 2, 2, 2])
    pace = AnswerPace(switch=20.0, fix_share=0.0)
    batch = next_batch(q, images, np.ones(6, bool), expectation(q, 0), 0, 4, pace)
    assert batch.rows.tolist() == [2, 3, 4, 5]
    assert batch.seconds == pytest.approx(20 + 4 * 1.5)


def test_the_forecast_is_the_value_of_the_questions_over_labels_and_objects():
    q = np.array([0.9, 0.5, 0.1])
    now = expectation(q, 4)
    batch = next_batch(q, np.ones(3, int), np.ones(3, bool), now, 4, 3, AnswerPace())
    accepted = (q >= now.threshold).sum()
    assert batch.gain == pytest.approx(values(q, now)[batch.rows].sum() / (accepted + q.sum() + 8))


def test_the_logit_is_clipped():
    assert logit(np.array([0.0, 0.5, 1.0])) == pytest.approx([-np.log(99), 0.0, np.log(99)])
