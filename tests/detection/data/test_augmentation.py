from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from squares import draw

from napari_alc.boxes import areas
from napari_alc.detection.data.augmentation import (
    Sample,
    compact_augmentation,
    flip_x,
    flip_y,
    paper_augmentation,
    random_window,
    transpose,
    window,
)

seeds = st.integers(0, 2**32 - 1)


def a_sample(seed, shape=(64, 96), squares=3):
    image, boxes = draw(np.random.default_rng(seed), shape, squares)
    return Sample(image, boxes, np.arange(1, len(boxes) + 1))


def inside_is_bright(sample):
    """Every box encloses bright pixels alone."""
    return all(
        sample.image[int(y1) : int(y2), int(x1) : int(x2)].min() > 110
        for x1, y1, x2, y2 in sample.boxes
    )


@given(seeds)
def test_boxes_follow_flips_and_transposition(seed):
    sample = a_sample(seed)
    for change in (flip_x, flip_y, transpose):
        changed = change(sample)
        assert inside_is_bright(changed)
        again = change(changed)
        assert np.array_equal(again.image, sample.image)
        assert np.array_equal(again.boxes, sample.boxes)


@given(seeds, st.integers(0, 40), st.integers(0, 20), st.integers(20, 56), st.integers(20, 44))
def test_a_window_clips_boxes_and_keeps_their_labels(seed, left, top, width, height):
    sample = a_sample(seed)
    part = window(sample, left, top, width, height)
    assert part.shape == (height, width)
    assert inside_is_bright(part)
    assert (areas(part.boxes) >= 0.3 * areas(sample.boxes[part.labels - 1])).all()


def test_boxes_mostly_outside_a_window_are_left_out():
    image = np.zeros((10, 30), np.uint8)
    sample = Sample(image, np.array([[0, 0, 10, 10.0], [18, 0, 28, 10]]), np.array([1, 2]))
    assert window(sample, 0, 0, 20, 10).labels.tolist() == [1]


@given(seeds)
def test_most_random_windows_show_an_object(seed):
    sample = a_sample(seed, shape=(300, 300), squares=1)
    rng = np.random.default_rng(seed)
    shown = [len(random_window(sample, 64, rng).boxes) for _ in range(60)]
    assert np.mean(shown) > 0.35


def test_a_small_image_is_its_own_window():
    sample = a_sample(0)
    assert random_window(sample, 96, np.random.default_rng(0)) is sample


@pytest.mark.parametrize("make", [compact_augmentation, paper_augmentation])
@given(seed=seeds)
def test_augmentation_stays_inside_and_depends_on_its_generator_alone(make, seed):
    sample = a_sample(seed, shape=(80, 80))
    first, second = (make(64)(sample, np.random.default_rng(seed)) for _ in range(2))
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.boxes, second.boxes)
    assert max(first.shape) <= 64
    assert (first.boxes >= 0).all()
    assert (first.boxes[:, 2] <= first.shape[1]).all()
    assert (first.boxes[:, 3] <= first.shape[0]).all()


def test_an_image_without_boxes_is_augmented_too():
    sample = Sample(np.zeros((80, 80), np.uint8), np.empty((0, 4)), np.empty(0, np.int64))
    changed = compact_augmentation(64)(sample, np.random.default_rng(0))
    assert changed.shape == (64, 64)
    assert changed.boxes.shape == (0, 4)
