from __future__ import annotations

import numpy as np
import pytest
import torch
from squares import make_images

from napari_alc.detection.data.augmentation import compact_augmentation
from napari_alc.detection.data.samples import Batches, ScaledImages, TrainingImage, as_input
from napari_alc.detection.plan import make_plan
from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import BadData


def plan_of(images, **settings):
    boxes = [image.boxes for image in images]
    return make_plan(DetectorSettings(**settings), [(96, 64)] * len(images), boxes)


def batches_of(images, seed=0, batch_size=2, **settings):
    plan = plan_of(images, **settings)
    return Batches(images, {7: 1}, plan, compact_augmentation(plan.window), batch_size, seed)


def test_every_image_comes_once_a_pass(tmp_path):
    batches = batches_of(make_images(tmp_path, 5))
    drawn = [index for number in range(10) for index in batches.positions(number)]
    for start in range(0, 20, 5):
        assert sorted(drawn[start : start + 5]) == [0, 1, 2, 3, 4]


def test_a_batch_depends_on_seed_and_number_alone(tmp_path):
    images = make_images(tmp_path, 4)
    forward, backward = batches_of(images), batches_of(images)
    late = [backward.batch(number) for number in (2, 1, 0)][::-1]
    for number, (inputs, targets) in enumerate(late):
        again, same = forward.batch(number)
        assert all(torch.equal(a, b) for a, b in zip(inputs, again, strict=True))
        assert all(torch.equal(a["boxes"], b["boxes"]) for a, b in zip(targets, same, strict=True))
    orders = [[batches_of(images, seed).positions(n) for n in range(4)] for seed in (0, 1)]
    assert orders[0] != orders[1]


def test_boxes_are_scaled_with_their_image(tmp_path):
    images = make_images(tmp_path, 1)
    sample = batches_of(images, input_size=192).sample(0)
    assert sample.shape == (128, 192)
    assert np.allclose(sample.boxes, images[0].boxes * 2)


def test_boxes_thinner_than_a_pixel_are_not_trained_on(tmp_path):
    image = make_images(tmp_path, 1)[0]
    thin = np.vstack([image.boxes, [5, 5, 5, 40], [5, 5, 50, 5.4]])
    batches = batches_of([TrainingImage(image.path, thin, np.full(len(thin), 7))], batch_size=1)
    assert len(batches.batch(0)[1][0]["boxes"]) == len(image.boxes)


def test_kept_images_stay_within_the_bound(tmp_path):
    images = make_images(tmp_path, 4)
    size = 64 * 96
    kept = ScaledImages([image.path for image in images], plan_of(images), limit=2 * size + 1)
    first = [kept[index].pixels for index in range(4)]
    assert kept.held == 2 * size
    again = [kept[index].pixels for index in range(4)]
    assert [a is b for a, b in zip(first, again, strict=True)] == [True, True, False, False]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_sixteen_bit_pixels_are_normalised(tmp_path):
    images = make_images(tmp_path, 1, dtype=np.uint16)
    seen = ScaledImages([images[0].path], plan_of(images))[0]
    assert seen.pixels.dtype == np.uint8
    assert (seen.pixels.min(), seen.pixels.max(), seen.size) == (0, 255, (96, 64))


def test_gray_fills_three_channels_and_colour_keeps_its_own():
    gray = as_input(np.full((2, 3), 255, np.uint8))
    assert gray.shape == (3, 2, 3)
    assert (gray == 1).all()
    colour = as_input(np.arange(18, dtype=np.uint8).reshape(2, 3, 3))
    assert colour[1, 0, 0] == pytest.approx(1 / 255)


def test_an_unreadable_image_is_named(tmp_path):
    images = make_images(tmp_path, 1)
    images[0].path.write_bytes(b"no image")
    with pytest.raises(BadData, match=r"0\.tif"):
        ScaledImages([images[0].path], plan_of(images))[0]


def test_columns_of_different_length_are_refused(tmp_path):
    with pytest.raises(ValueError, match="2 boxes but 1 categories"):
        TrainingImage(tmp_path / "a.png", np.zeros((2, 4)), [7])
