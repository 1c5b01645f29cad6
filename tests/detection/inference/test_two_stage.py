"""Looking closely: the same detections as a prediction's, with where they came from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from squares import CATEGORIES, make_images

from napari_alc.boxes import iou_matrix
from napari_alc.detection.data.loading import seen_image
from napari_alc.detection.inference.prediction import detect, ready
from napari_alc.detection.inference.two_stage import detect_two_stage
from napari_alc.detection.models.weights import Detector, load_detector
from napari_alc.detection.plan import Plan
from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import AlcError

CPU = torch.device("cpu")


@pytest.fixture
def detector(trained):
    return ready(load_detector(trained), CPU)


@pytest.fixture
def images(tmp_path):
    """Two images that the detector has not learned from."""
    gray = make_images(tmp_path / "gray", 2, seed=5)
    return [image.path for image in gray]


def seen(path, detector):
    return seen_image(path, detector.plan).pixels


def test_boxes_scores_and_labels_are_those_of_a_prediction(detector, images):
    for path in images:
        [found] = detect(detector, [(1, path)], CPU)
        looked = detect_two_stage(detector, seen(path, detector), CPU)
        assert len(found) >= 3
        np.testing.assert_allclose(looked.boxes, found.boxes, atol=1e-3)
        np.testing.assert_allclose(looked.scores, found.scores, atol=1e-5)
        assert [CATEGORIES[label - 1].id for label in looked.labels] == found.category_ids.tolist()


def test_the_softmax_is_full_and_holds_the_score_at_the_label(detector, images):
    looked = detect_two_stage(detector, seen(images[0], detector), CPU)
    assert looked.probabilities.shape == (len(looked.boxes), len(CATEGORIES) + 1)
    np.testing.assert_allclose(looked.probabilities.sum(axis=1), 1, atol=1e-5)
    rows = np.arange(len(looked.labels))
    np.testing.assert_array_equal(looked.probabilities[rows, looked.labels], looked.scores)


def test_the_proposal_of_a_sure_detection_lies_where_it_does(detector, images):
    looked = detect_two_stage(detector, seen(images[0], detector), CPU)
    sure = np.flatnonzero(looked.scores > 0.8)
    assert len(sure)
    overlap = iou_matrix(looked.boxes, looked.proposals)
    assert (overlap[sure, sure] > 0.5).all()
    assert (overlap[sure, sure] < 1).all()


def test_gray_pixels_and_the_same_in_colour_look_alike(detector, images):
    gray = seen(images[0], detector)
    colour = np.repeat(gray[..., None], 3, axis=2)
    np.testing.assert_array_equal(
        detect_two_stage(detector, gray, CPU).scores, detect_two_stage(detector, colour, CPU).scores
    )


def test_an_image_without_anything_has_no_detections(detector):
    looked = detect_two_stage(detector, np.full((64, 96), 10, np.uint8), CPU)
    assert looked.boxes.shape == (0, 4)
    assert looked.proposals.shape == (0, 4)
    assert looked.probabilities.shape == (0, len(CATEGORIES) + 1)


def test_tiles_are_seen_as_a_whole_image_is(detector):
    """Objects far from the border of the tiles are found once, at their place."""
    large = np.random.default_rng(0).integers(0, 50, (96, 256), dtype=np.uint8)
    for left in (20, 200):
        large[40:60, left : left + 20] += 127
    tiled = replace(detector, plan=replace(detector.plan, tile=128, overlap=0.25))
    looked = detect_two_stage(tiled, large, CPU)
    sure = looked.boxes[looked.scores > 0.5]
    wanted = np.array([[20, 40, 40, 60], [200, 40, 220, 60]], dtype=float)
    assert len(sure) == 2
    assert (iou_matrix(wanted, sure).max(axis=1) > 0.6).all()
    rows = np.argmax(iou_matrix(wanted, looked.boxes), axis=1)
    assert (np.diag(iou_matrix(wanted, looked.proposals[rows])) > 0.3).all()


def test_a_detector_of_one_stage_is_refused_in_words():
    settings = DetectorSettings(preset="ssdlite320_mobilenet_v3_large")
    detector = Detector(torch.nn.Identity(), settings, Plan.__new__(Plan), CATEGORIES)
    with pytest.raises(AlcError, match="single stage; to choose images in this way it takes two"):
        detect_two_stage(detector, np.zeros((8, 8), np.uint8), CPU)
