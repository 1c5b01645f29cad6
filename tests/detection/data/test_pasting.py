"""Objects pasted into training images."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_alc.boxes import areas, as_boxes, intersections
from napari_alc.detection.data.augmentation import Sample
from napari_alc.detection.data.pasting import COVERED, MOST, Paster

seeds = st.integers(0, 2**32 - 1)
BRIGHT = 200


def a_sample(boxes, labels=None, shape=(80, 100), ground=10):
    """Each box is bright all over."""
    image = np.full(shape, ground, np.uint8)
    for x1, y1, x2, y2 in boxes:
        image[y1:y2, x1:x2] = BRIGHT
    return Sample(image, as_boxes(boxes), np.array(labels or [1] * len(boxes)))


def paster(*samples, trusted=None):
    return Paster.of(samples.__getitem__, range(len(samples)) if trusted is None else trusted)


def pasted(paste, sample, seed=0):
    return paste(sample, np.random.default_rng(seed))


GIVING = a_sample([(10, 10, 24, 22), (40, 30, 60, 44)], [1, 2])
EMPTY = a_sample([])


@given(seeds)
def test_boxes_lie_inside_and_none_covers_much_of_another(seed):
    target = a_sample([(5, 5, 35, 40)])
    found = pasted(paster(GIVING), target, seed)
    count = len(found.boxes)
    assert 1 <= count <= 1 + MOST
    assert np.array_equal(found.boxes[:1], target.boxes)
    assert (found.boxes >= 0).all()
    assert (found.boxes[:, [0, 2]] <= 100).all()
    assert (found.boxes[:, [1, 3]] <= 80).all()
    for number in range(count):
        others = np.delete(found.boxes, number, axis=0)
        shared = intersections(np.broadcast_to(found.boxes[number], others.shape), others)
        assert (shared < COVERED * areas(others)).all()


@given(seeds)
def test_a_pasted_box_shows_its_object_and_the_given_image_stays(seed):
    before = EMPTY.image.copy()
    found = pasted(paster(GIVING), EMPTY, seed)
    assert np.array_equal(EMPTY.image, before)
    for x1, y1, x2, y2 in found.boxes:
        assert found.image[int((y1 + y2) / 2), int((x1 + x2) / 2)] == BRIGHT
    sides = {tuple(sorted((box[2:] - box[:2]).tolist())) for box in found.boxes}
    assert sides <= {(12.0, 14.0), (14.0, 20.0)}


def test_the_same_draws_paste_the_same_and_others_something_else():
    paste = paster(GIVING)
    one, again, other = (pasted(paste, EMPTY, seed) for seed in (3, 3, 4))
    assert np.array_equal(one.image, again.image)
    assert np.array_equal(one.boxes, again.boxes)
    assert not np.array_equal(one.image, other.image)


def test_categories_are_pasted_alike_however_rare():
    rare = a_sample(
        [(5 + 12 * i, 5, 13 + 12 * i, 13) for i in range(7)] + [(40, 40, 50, 50)], [1] * 7 + [2]
    )
    labels = np.concatenate([pasted(paster(rare), EMPTY, seed).labels for seed in range(150)])
    assert 0.4 < np.mean(labels == 2) < 0.6
    assert len(labels) / 150 == pytest.approx(MOST / 2, abs=0.5)


def test_only_images_with_boxes_to_trust_give_objects():
    paste = paster(
        a_sample([(10, 10, 24, 22)], [1]), a_sample([(10, 10, 24, 22)], [2]), trusted=[1]
    )
    assert list(paste.donors) == [2]


@pytest.mark.parametrize(
    "box", [(0, 10, 20, 30), (1, 10, 20, 30), (80, 10, 100, 30), (10, 60, 30, 79), (10, 10, 13, 40)]
)
def test_what_may_be_cut_off_or_is_tiny_is_not_pasted(box):
    assert not paster(a_sample([box])).donors


def test_without_objects_nothing_is_pasted():
    assert pasted(paster(EMPTY), GIVING) is GIVING


def test_an_object_larger_than_the_image_is_left_out():
    small = a_sample([], shape=(16, 18))
    large = paster(a_sample([(5, 5, 75, 70)]))
    assert all(len(pasted(large, small, seed).boxes) == 0 for seed in range(10))


def test_a_single_object_is_pasted_many_times():
    counts = [
        len(pasted(paster(a_sample([(10, 10, 20, 20)])), EMPTY, seed).boxes) for seed in range(20)
    ]
    assert max(counts) > 3


def test_the_edge_of_an_object_is_soft():
    found = next(
        one for seed in range(20) if len((one := pasted(paster(GIVING), EMPTY, seed)).boxes)
    )
    between = (found.image > 15) & (found.image < BRIGHT - 5)
    assert between.any()


@settings(max_examples=20)
@given(seeds, st.booleans(), st.booleans())
def test_gray_objects_go_into_colour_images_and_back(seed, giving_colour, target_colour):
    def coloured(sample, is_colour):
        if not is_colour:
            return sample
        return Sample(np.repeat(sample.image[:, :, None], 3, axis=2), sample.boxes, sample.labels)

    found = pasted(paster(coloured(GIVING, giving_colour)), coloured(EMPTY, target_colour), seed)
    assert found.image.shape == ((80, 100, 3) if target_colour else (80, 100))
    for x1, y1, x2, y2 in found.boxes:
        middle = found.image[int((y1 + y2) / 2), int((x1 + x2) / 2)]
        assert (middle == BRIGHT).all()
