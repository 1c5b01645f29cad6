"""Crowd noise: each kind within its bounds, all of it logged, decided by the seed."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulation_cases import clean_labels, label_sets

from napari_alc.boxes import as_boxes, iou_matrix
from napari_alc.evaluation.label_noise import compare_labels
from napari_alc.simulation.crowd import DEMO_RATES, NoiseRates, add_noise

NONE = NoiseRates(0, 0, 0, 0)
MUCH = NoiseRates(background=0.5, miss=0.2, location=0.3, box_in_box=0.3)

rates = st.builds(
    lambda background, shares: NoiseRates(background, *shares),
    st.floats(0, 1),
    st.sampled_from([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0.3, 0.3, 0.4), (0.1, 0.2, 0.1)]),
)
seeds = st.integers(0, 2**32)


def columns(labels):
    return [labels.ids.tolist(), labels.image_ids.tolist(), labels.category_ids.tolist()]


@given(label_sets, seeds)
def test_without_noise_the_truth_comes_back(truth, seed):
    noisy = add_noise(truth, NONE, seed)
    assert columns(noisy.label_set.labels) == columns(truth.labels)
    assert np.array_equal(noisy.label_set.labels.boxes, truth.labels.boxes)
    assert {record.what for record in noisy.log} <= {"kept"}


@given(label_sets, rates, seeds)
def test_a_seed_gives_the_same_labels_again(truth, noise, seed):
    first, second = add_noise(truth, noise, seed), add_noise(truth, noise, seed)
    assert columns(first.label_set.labels) == columns(second.label_set.labels)
    assert np.array_equal(first.label_set.labels.boxes, second.label_set.labels.boxes)
    assert first.log == second.log


@given(label_sets, rates, seeds)
def test_boxes_stay_inside_images_and_lists_stay_the_same(truth, noise, seed):
    crowd = add_noise(truth, noise, seed).label_set
    assert (crowd.images, crowd.categories) == (truth.images, truth.categories)
    assert len(set(crowd.labels.ids.tolist())) == len(crowd.labels)
    image = truth.images[0]
    boxes = crowd.labels.boxes
    assert (boxes >= 0).all()
    assert (boxes[:, 2] <= image.width).all()
    assert (boxes[:, 3] <= image.height).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()


@given(label_sets, rates, seeds)
def test_the_log_accounts_for_every_box(truth, noise, seed):
    noisy = add_noise(truth, noise, seed)
    assert [r.truth_id for r in noisy.log if r.truth_id is not None] == truth.labels.ids.tolist()
    crowd = noisy.label_set.labels
    by_id = {i: tuple(box) for i, box in zip(crowd.ids.tolist(), crowd.boxes.tolist(), strict=True)}
    assert {r.label_id: r.box for r in noisy.log if r.label_id is not None} == by_id
    assert all((r.label_id is None) == (r.what == "miss") for r in noisy.log)


@given(label_sets, seeds)
def test_misplaced_boxes_keep_an_iou_of_0_3_to_0_6(truth, seed):
    noisy = add_noise(truth, NoiseRates(0, 0, 1, 0), seed)
    truths = dict(zip(truth.labels.ids.tolist(), truth.labels.boxes, strict=True))
    for record in noisy.log:
        iou = iou_matrix(as_boxes(record.box), as_boxes(truths[record.truth_id]))[0, 0]
        assert 0.3 - 1e-9 <= iou <= 0.6 + 1e-9
        assert record.iou == pytest.approx(iou)


@given(label_sets, seeds)
def test_background_boxes_touch_no_object(truth, seed):
    noisy = add_noise(truth, NoiseRates(1, 0, 0, 0), seed)
    for record in noisy.log:
        if record.what == "background":
            here = truth.labels.of_images([record.image_id])
            assert (iou_matrix(as_boxes(record.box), here.boxes) <= 0.1).all()


@given(label_sets, seeds)
def test_merged_boxes_hide_two_or_three_neighbours_of_one_category(truth, seed):
    noisy = add_noise(truth, NoiseRates(0, 0, 0, 1), seed)
    truths = {i: row for row, i in enumerate(truth.labels.ids.tolist())}
    groups = {}
    for record in noisy.log:
        if record.what == "box_in_box":
            groups.setdefault(record.label_id, []).append(record)
    for members in groups.values():
        rows = [truths[member.truth_id] for member in members]
        assert len(rows) in (2, 3)
        assert len(set(truth.labels.category_ids[rows])) == 1
        assert len(set(truth.labels.image_ids[rows])) == 1
        boxes = truth.labels.boxes[rows]
        hull = (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0))
        assert {member.box for member in members} == {hull}
        assert all(member.iou <= 0.5 for member in members)


def test_numbers_are_the_rates_times_the_true_boxes():
    truth = clean_labels(images=20, per_image=10)
    done = Counter(record.what for record in add_noise(truth, MUCH, seed=1).log)
    assert done == {"background": 100, "miss": 40, "location": 60, "box_in_box": 60, "kept": 40}


@pytest.mark.parametrize("count", range(2, 9))
def test_groups_leave_no_box_over(count):
    truth = clean_labels(images=10, per_image=10)
    noisy = add_noise(truth, NoiseRates(0, 0, 0, count / 100), seed=3)
    assert sum(record.what == "box_in_box" for record in noisy.log) == count


def test_each_kind_is_found_again_by_comparing_labels():
    truth = clean_labels(images=40, per_image=5)
    noise = compare_labels(truth, add_noise(truth, NoiseRates(0.5, 0, 0, 0), seed=0).label_set)
    assert (noise.clean, noise.background, noise.miss) == (200, 100, 0)
    noise = compare_labels(truth, add_noise(truth, NoiseRates(0, 0.25, 0, 0), seed=0).label_set)
    assert (noise.clean, noise.miss) == (150, 50)


def test_the_demo_crowd_has_half_of_its_boxes_wrong():
    noisy = add_noise(clean_labels(images=40), DEMO_RATES, seed=0)
    right = sum(record.what == "kept" for record in noisy.log)
    assert 0.42 < 1 - right / len(noisy.label_set.labels) < 0.58


def test_where_there_is_no_room_no_background_box_is_made():
    truth = clean_labels(images=1, per_image=1, width=72, height=72)
    full = truth.with_labels(truth.labels.take([0]))
    full.labels.boxes[0] = [0, 0, 72, 72]
    assert len(add_noise(full, NoiseRates(1, 0, 0, 0), seed=0).label_set.labels) == 1


@pytest.mark.parametrize("wrong", [{"miss": -0.1}, {"background": 1.2}, {"location": float("nan")}])
def test_rates_outside_0_1_are_refused(wrong):
    with pytest.raises(ValueError, match="within 0 and 1"):
        NoiseRates(**wrong)


def test_rates_that_spoil_more_boxes_than_there_are_are_refused():
    with pytest.raises(ValueError, match="exceed 1 together"):
        NoiseRates(miss=0.5, location=0.4, box_in_box=0.2)
