"""Mao et al. (2021): which boxes are rewritten, and trainings that rewrite them."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from alc_experiments.other_methods import mao
from alc_experiments.other_methods.mao import (
    CORRECTED,
    Mao,
    Objections,
    looking_times,
    mao_labels,
    objections,
    rewritten,
)
from napari_alc.boxes import ious
from napari_alc.detection.training import iteration, training
from napari_alc.errors import Cancelled
from napari_alc.labels import Detections, numbered
from tiny_experiments import make_experiment


def tensors(model):
    return torch.load(model.weights, weights_only=True)["model"]


def same_bits(one, other):
    a, b = tensors(one), tensors(other)
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def boxes_of(count):
    corners = arrays(np.float64, (count, 2), elements=st.floats(0, 60))
    sides = arrays(np.float64, (count, 2), elements=st.floats(1, 40))
    return st.tuples(corners, sides).map(lambda c: np.concatenate([c[0], c[0] + c[1]], axis=1))


def said(count):
    scores = arrays(np.float64, count, elements=st.sampled_from([0, 0.5, 0.7, 1.0]))
    return st.builds(Objections, boxes_of(count), scores)


@given(boxes_of(6), said(6), said(6))
def test_boxes_only_move_on_the_way_to_a_prediction_and_only_where_two_agree(boxes, earlier, now):
    moved = rewritten(boxes, earlier, now)
    assert moved.shape == boxes.shape
    agree = (earlier.scores > 0) & (now.scores > 0) & (ious(earlier.boxes, now.boxes) >= 0.7)
    assert np.array_equal(moved[~agree], boxes[~agree])
    step = now.scores[:, None] * (now.boxes - boxes)
    assert np.allclose((moved - boxes)[agree], step[agree])


@given(boxes_of(6), boxes_of(6))
def test_what_agrees_twice_is_followed_as_far_as_it_is_sure(boxes, predicted):
    half, whole = (Objections(predicted, np.full(6, score)) for score in (0.5, 1.0))
    assert np.allclose(rewritten(boxes, whole, half), (boxes + predicted) / 2)
    assert np.allclose(rewritten(boxes, half, whole), predicted)
    assert np.array_equal(rewritten(boxes, Objections.none(6), whole), boxes)
    assert np.array_equal(rewritten(boxes, whole, Objections.none(6)), boxes)


LABELS = numbered([0, 0, 1], [3, 4, 3], [[0, 0, 10, 10], [40, 40, 50, 50], [0, 0, 10, 10]])


def against_first(box, score=0.8, image=0, category=3):
    found = objections(LABELS, Detections([image], [category], [box], [score]))
    assert not found.scores[1:].any()
    return float(found.scores[0])


@pytest.mark.parametrize(("width", "expected"), [(10, 0), (7, 0), (6.9, 0.8), (3, 0.8), (2.9, 0)])
def test_a_prediction_objects_from_an_iou_of_0_3_up_to_0_7(width, expected):
    assert against_first([0, 0, width, 10]) == expected


def test_a_prediction_needs_score_image_and_category():
    box = [0, 0, 5, 10]
    assert against_first(box, score=0.5) == 0.5
    assert against_first(box, score=0.49) == 0
    assert against_first(box, category=4) == 0


def test_the_nearest_prediction_speaks_even_where_it_has_no_objection():
    near, far = [0, 0, 9, 10], [0, 0, 5, 10]
    both = Detections([0, 0], [3, 3], [near, far], [0.6, 0.9])
    assert not objections(LABELS, both).scores.any()
    worse = Detections([0, 0, 1], [3, 3, 3], [[0, 0, 4, 10], far, far], [0.95, 0.6, 0.7])
    found = objections(LABELS, worse)
    assert found.scores.tolist() == [0.6, 0, 0.7]
    assert found.boxes[[0, 2]].tolist() == [far, far]


@pytest.mark.parametrize("found", [Detections.empty(), Detections([7], [3], [[0, 0, 5, 9]], [1])])
def test_without_a_prediction_nothing_objects(found):
    assert not objections(LABELS, found).scores.any()
    assert len(objections(LABELS.take([]), found).scores) == 0


def test_it_looks_after_each_epoch_from_a_third_to_three_quarters():
    assert looking_times(36, 1) == list(range(12, 28))
    assert looking_times(360, 10.5)[0] == math.ceil(12 * 10.5)
    assert looking_times(360, 10.5)[-1] == math.ceil(25 * 10.5)


@given(st.integers(12, 5000), st.floats(0.5, 3000))
def test_a_training_of_few_epochs_is_looked_at_several_times_too(total, epoch):
    times = looking_times(total, epoch)
    assert len(times) >= 3
    assert times == sorted(set(times))
    assert total / 3 <= times[0] and times[-1] <= 0.75 * total


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    return replace(make_experiment(tmp_path_factory.mktemp("mao")), detector=(("iterations", 24),))


@pytest.fixture
def _insistent(monkeypatch):
    """A network that sees each labelled box as it was labelled at first, 6 pixels larger."""

    def see(run):
        labels = mao._labels_of(run.batches.images)
        larger = known.setdefault("boxes", labels.boxes + np.array([0, 0, 6, 6]))
        return Detections(labels.image_ids, labels.category_ids, larger, np.full(len(larger), 0.6))

    known = {}
    monkeypatch.setattr(mao, "_predicted", see)


@pytest.mark.usefixtures("_insistent")
def test_what_is_seen_twice_is_trained_on_and_left_beside_the_weights(
    experiment, monkeypatch, tmp_path
):
    steps = []
    step = iteration._step

    def noting(run, inputs, targets):
        steps.append((run.iteration, float(run.batches.images[0].boxes[0, 2])))
        return step(run, inputs, targets)

    monkeypatch.setattr(iteration, "_step", noting)
    experiment = replace(experiment, store=tmp_path)
    labels = experiment.data.crowd
    corrected = mao_labels(experiment, labels)
    moved = corrected.labels.boxes - labels.labels.boxes
    assert moved.max() > 2
    assert np.allclose(moved[:, :2], 0)
    first = labels.labels.boxes[labels.labels.image_ids == labels.images[0].id][0, 2]
    assert {right for number, right in steps if number < 10} == {first}
    assert len({right for number, right in steps if number >= 18}) == 1


@pytest.mark.usefixtures("_insistent")
def test_corrected_labels_have_the_order_and_ids_of_the_given_ones(experiment, tmp_path):
    labels = experiment.data.crowd.labels
    shuffled = labels.take(np.random.default_rng(0).permutation(len(labels)))
    found = mao_labels(
        replace(experiment, store=tmp_path), experiment.data.crowd.with_labels(shuffled)
    )
    assert np.array_equal(found.labels.ids, shuffled.ids)
    assert np.array_equal(found.labels.image_ids, shuffled.image_ids)
    assert np.array_equal(found.labels.category_ids, shuffled.category_ids)
    assert np.allclose(found.labels.boxes[:, :2], shuffled.boxes[:, :2])
    assert found.images == experiment.data.crowd.images


def test_looking_changes_neither_the_network_nor_its_mode_nor_the_draws(
    experiment, monkeypatch, tmp_path
):
    plain = experiment.train(experiment.data.crowd, "Noisy")
    modes = []
    predicted = mao._predicted

    def looking(run):
        found = predicted(run)
        torch.rand(3)
        modes.append(run.detector.network.training)
        return found

    monkeypatch.setattr(mao, "_predicted", looking)
    monkeypatch.setattr(mao, "rewritten", lambda boxes, _earlier, _now: boxes)
    experiment = replace(experiment, store=tmp_path)
    assert same_bits(plain, experiment.train(experiment.data.crowd, "Mao", make_variant=Mao))
    assert modes == [True] * len(looking_times(24, 4))


@pytest.fixture(scope="module")
def easy(tmp_path_factory):
    """Boxes that are half as wide as their squares in a few images, right in the others."""
    experiment = make_experiment(tmp_path_factory.mktemp("easy"))
    truth = experiment.data.truth
    boxes = truth.labels.boxes.copy()
    rows = np.isin(truth.labels.image_ids, truth.image_ids[:2])
    boxes[rows, 2] -= 0.45 * (boxes[rows, 2] - boxes[rows, 0])
    crowd = truth.with_labels(replace(truth.labels, boxes=boxes))
    experiment = replace(experiment, data=replace(experiment.data, crowd=crowd))
    return replace(experiment, detector=(("iterations", 100),))


def test_boxes_that_were_drawn_too_narrow_come_nearer_to_the_truth(easy):
    truth, crowd = easy.data.truth.labels.boxes, easy.data.crowd.labels.boxes
    moved = mao_labels(easy, easy.data.crowd).labels.boxes
    was_wrong = ious(crowd, truth) < 0.7
    assert was_wrong.sum() >= 2
    before, after = ious(crowd, truth)[was_wrong].mean(), ious(moved, truth)[was_wrong].mean()
    assert after > before + 0.05


def test_a_training_that_was_stopped_ends_with_the_same_bits_and_boxes(easy, tmp_path):
    easy = replace(easy, detector=(("iterations", 60),))
    whole = easy.train(easy.data.crowd, "Mao", make_variant=Mao)
    cut = replace(easy, store=tmp_path)
    for stop in (35, 8):
        asked = iter(range(stop))
        with pytest.raises(Cancelled):
            replace(cut, should_stop=lambda asked=asked: next(asked, None) is None).train(
                easy.data.crowd, "Mao", make_variant=Mao
            )
    again = cut.train(easy.data.crowd, "Mao", make_variant=Mao)
    assert same_bits(whole, again)
    boxes = [json.loads((model.folder / CORRECTED).read_text()) for model in (whole, again)]
    assert boxes[0] == boxes[1]
    assert boxes[0] != easy.data.crowd.labels.boxes.tolist()


@pytest.mark.usefixtures("_insistent")
def test_boxes_survive_a_kill_between_the_last_iteration_and_the_weights(
    experiment, monkeypatch, tmp_path
):
    whole = mao_labels(replace(experiment, store=tmp_path / "whole"), experiment.data.crowd)
    cut = replace(experiment, store=tmp_path / "cut")

    def kill(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
        killed.setattr(training, "CHECKPOINT_SECONDS", 0.0)
        killed.setattr(training, "CHECKPOINT_SHARE", 1e9)
        killed.setattr(training, "save_detector", kill)
        mao_labels(cut, experiment.data.crowd)
    assert [path.name for path in (tmp_path / "cut").rglob("*.pt")] == ["checkpoint.pt"]
    assert np.array_equal(mao_labels(cut, experiment.data.crowd).labels.boxes, whole.labels.boxes)
