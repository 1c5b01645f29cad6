"""ALC (Bernhardt et al. 2022) lifted to boxes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from alc_experiments.other_methods.bernhardt import box_scores, image_scores, samples, score_images
from napari_alc.errors import Cancelled
from napari_alc.labels import Category, Detections, Labels, numbered
from tiny_experiments import make_experiment

CATEGORIES = (Category(4, "cell"), Category(2, "platelet"))


def onehot(*columns, width=3):
    return np.eye(width)[list(columns)]


def test_the_score_of_hand_computed_posteriors():
    p = np.array([[0.0, 1.0, 0.0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0.0]])
    sure_and_right, torn, half = box_scores(p, onehot(1, 1, 0))
    assert sure_and_right == pytest.approx(0, abs=1e-9)
    assert torn == pytest.approx(1 - (1 - 0.30))
    two = np.log(2) / np.log(3)
    assert half == pytest.approx(two - (two - 0.30))
    (sure_and_wrong,) = box_scores(np.array([[0.0, 1.0, 0.0]]), onehot(2))
    assert sure_and_wrong == pytest.approx(12 * np.log(10) / np.log(3))


def test_entropy_below_the_margin_changes_nothing():
    p = np.array([[0.02, 0.98]])
    assert box_scores(p, onehot(1, width=2)) == pytest.approx(-np.log2(0.98))


@given(
    arrays(np.float64, (5, 4), elements=st.floats(0.001, 1)),
    st.lists(st.integers(0, 3), min_size=5, max_size=5),
)
def test_no_label_scores_lower_than_the_likeliest(weights, columns):
    p = weights / weights.sum(axis=1, keepdims=True)
    given_label = box_scores(p, onehot(*columns, width=4))
    likeliest = box_scores(p, onehot(*p.argmax(axis=1), width=4))
    assert (given_label >= likeliest - 1e-9).all()


def test_an_image_has_the_mean_of_its_boxes_and_nothing_without_any():
    found = image_scores(np.array([9, 2, 9, 5]), np.array([1.0, 4, 2, 8]), [9, 1, 2])
    assert found.tolist() == [1.5, 0, 4]


def test_no_images_no_scores():
    assert image_scores(np.array([3]), np.array([1.0]), []).shape == (0,)


def test_what_the_detector_is_sure_of_and_the_crowd_left_out_is_labelled_background():
    crowd = numbered([1, 1], [2, 4], [[0, 0, 10, 10], [50, 50, 60, 60]])
    boxes = [
        [0, 0, 10, 9],  # matches
        [0, 0, 10, 9],  # of another category
        [50, 50, 60, 55],  # IoU just 0.5
        [50, 50, 60, 56],  # matches
        [80, 80, 90, 90],  # unsure
        [50, 50, 60, 60],  # in another image
    ]
    scores = [0.9, 0.8, 0.5, 0.7, 0.49, 0.6]
    found = Detections([1, 1, 1, 1, 1, 3], [2, 4, 4, 4, 4, 4], boxes, scores)
    result = samples(crowd, found, CATEGORIES)
    assert result.columns.tolist() == [2, 1, 0, 0, 0]
    assert result.image_ids.tolist() == [1, 1, 1, 1, 3]
    assert result.boxes[2:].tolist() == [boxes[1], boxes[2], boxes[5]]


def test_no_boxes_no_samples():
    assert len(samples(Labels.empty(), Detections.empty(), CATEGORIES).boxes) == 0


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    tiny = make_experiment(tmp_path_factory.mktemp("bernhardt"))
    return replace(tiny, detector=(("iterations", 120),))


def test_images_with_wrong_labels_come_first(experiment):
    truth = experiment.data.truth
    model = experiment.train(truth, "Clean")
    ids = truth.image_ids
    shifted = truth.labels.boxes.copy()
    wrong = ids[:3]
    rows = np.isin(truth.labels.image_ids, wrong)
    shifted[rows] = [0, 0, 8, 8]
    labels = truth.with_labels(replace(truth.labels, boxes=shifted))
    scores = score_images(experiment, model, labels, ids)
    assert scores.shape == ids.shape
    assert set(ids[np.argsort(-scores)][:3].tolist()) == set(wrong.tolist())


def test_some_images_have_the_scores_that_they_have_among_all(experiment):
    model = experiment.train(experiment.data.truth, "Clean")
    ids = experiment.data.truth.image_ids
    everything = score_images(experiment, model, experiment.data.crowd, ids)
    some = score_images(experiment, model, experiment.data.crowd, ids[[4, 1]])
    assert np.allclose(some, everything[[4, 1]], atol=1e-9)


def test_it_tells_its_progress_and_can_be_stopped(experiment):
    model = experiment.train(experiment.data.truth, "Clean")
    experiment.predict_all(model)
    told = []
    ids = experiment.data.truth.image_ids
    watched = replace(experiment, report=told.append, should_stop=lambda: len(told) == 2)
    with pytest.raises(Cancelled):
        score_images(watched, model, experiment.data.crowd, ids)
    assert [progress.done for progress in told] == [1, 2]
