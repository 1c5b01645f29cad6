"""AP50 of a detector in memory on clean images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from squares import CATEGORIES, make_images

from napari_alc.detection.inference.prediction import predict
from napari_alc.detection.models.weights import load_detector
from napari_alc.detection.training.validation import (
    MOST_IMAGES,
    CleanImages,
    chosen_images,
    validation_ap50,
)
from napari_alc.errors import Cancelled
from napari_alc.evaluation.average_precision import average_precision
from napari_alc.labels import Detections, ImageRecord, LabelSet, numbered


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    images = make_images(tmp_path_factory.mktemp("clean"), 5, seed=3)
    records = tuple(ImageRecord(i, image.path.name, 96, 64) for i, image in enumerate(images, 1))
    ids = [record.id for record, image in zip(records, images, strict=True) for _ in image.boxes]
    boxes = np.concatenate([image.boxes for image in images])
    truth = LabelSet(records, CATEGORIES, numbered(ids, [7] * len(ids), boxes))
    return CleanImages(truth, [image.path for image in images])


def detector_of(weights):
    detector = load_detector(weights)
    detector.network.eval()
    return detector


def test_the_figure_is_that_of_a_prediction_with_the_same_weights(trained, clean):
    asked = list(zip(clean.truth.image_ids, clean.paths, strict=True))
    found = Detections.empty().joined(*predict(trained, asked))
    expected = average_precision(clean.truth, found).ap50
    assert expected > 50
    assert validation_ap50(detector_of(trained), clean) == pytest.approx(expected, abs=0.01)


def test_a_detector_that_has_learned_nothing_is_worse(untrained, trained, clean):
    figures = [validation_ap50(detector_of(weights), clean) for weights in (untrained, trained)]
    assert figures[0] < 20 < figures[1]


def test_measuring_leaves_the_network_as_it_is(trained, clean):
    detector = detector_of(trained)
    names = [name for name, _ in detector.network.named_modules()]
    before = {name: value.clone() for name, value in detector.network.state_dict().items()}
    validation_ap50(detector, clean)
    after = detector.network.state_dict()
    assert [name for name, _ in detector.network.named_modules()] == names
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_measurement_looks_once_however_often_the_detector_will(trained, clean):
    detector = detector_of(trained)
    many = replace(detector, plan=replace(detector.plan, looks=4))
    assert validation_ap50(many, clean) == validation_ap50(detector, clean)


def test_a_measurement_can_be_cancelled(trained, clean):
    with pytest.raises(Cancelled, match="train mp was cancelled"):
        validation_ap50(detector_of(trained), clean, lambda: True, "train mp")


def label_set(count, with_boxes):
    records = tuple(ImageRecord(i, f"{i}.tif", 9, 9) for i in range(count))
    ids = sorted(with_boxes)
    return LabelSet(records, CATEGORIES, numbered(ids, [7] * len(ids), [[1, 1, 5, 5]] * len(ids)))


@given(st.data())
def test_few_images_are_chosen_and_always_some_with_a_box(data):
    count = data.draw(st.integers(1, 200))
    with_boxes = data.draw(st.sets(st.integers(0, count - 1), min_size=1))
    truth = label_set(count, with_boxes)
    chosen = chosen_images(truth)
    assert 1 <= len(chosen.images) <= min(count, MOST_IMAGES)
    assert len(chosen.labels)
    assert set(chosen.images) <= set(truth.images)
    assert chosen.images == chosen_images(truth).images


def test_a_small_set_is_taken_whole_and_a_large_one_from_end_to_end():
    assert len(chosen_images(label_set(MOST_IMAGES, {0})).images) == MOST_IMAGES
    ids = [image.id for image in chosen_images(label_set(1000, range(1000))).images]
    assert (len(ids), ids[0], ids[-1]) == (MOST_IMAGES, 0, 999)
    assert max(np.diff(ids)) <= 67
