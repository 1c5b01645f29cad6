"""R(b): the class probabilities of boxes that somebody else has drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from squares import CATEGORIES, QUICK, make_images

from alc_experiments.other_methods.posterior import box_posteriors
from napari_alc.detection.data.cache import ImageCache
from napari_alc.detection.data.loading import seen_image
from napari_alc.detection.data.samples import as_input
from napari_alc.detection.models.presets import build_network
from napari_alc.detection.models.weights import Detector, load_detector
from napari_alc.detection.plan import make_plan
from napari_alc.detection.settings import DetectorSettings
from napari_alc.detection.training.training import train
from napari_alc.errors import AlcError
from napari_alc.labels import Category

CPU = torch.device("cpu")
TWO = (Category(3, "large"), Category(9, "small"))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return make_images(tmp_path_factory.mktemp("images"), 4, seed=3)


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    squares = make_images(folder / "images", 12)
    loaded = load_detector(train(squares, CATEGORIES, QUICK.changed(iterations=80), folder / "run"))
    loaded.network.eval()
    return loaded


def built(settings, categories=CATEGORIES, **changes):
    torch.manual_seed(0)
    plan = replace(make_plan(settings, [(96, 64)], [np.array([[0.0, 0, 20, 20]])]), **changes)
    network = build_network(settings, plan, len(categories)).eval()
    return Detector(network, settings, plan, categories)


def as_proposals(detector, image, boxes):
    """The softmax that torchvision's own ROI heads compute when the boxes are the proposals."""
    network, caught = detector.network, []

    def propose(_module, _inputs, _output):
        return [torch.from_numpy(boxes).float()], {}

    def note(_module, _inputs, output):
        caught.append(output[0].softmax(dim=1))

    handles = [
        network.rpn.register_forward_hook(propose),
        network.roi_heads.box_predictor.register_forward_hook(note),
    ]
    with torch.inference_mode():
        network([image])
    for handle in handles:
        handle.remove()
    return caught[0].double().numpy()


def as_seen(detector, path):
    return as_input(seen_image(path, detector.plan).pixels)


@pytest.mark.parametrize("preset", ["compact", "resnet50", "fasterrcnn_resnet50_fpn_v2"])
def test_it_is_what_torchvision_says_of_the_same_proposals(images, preset):
    settings = DetectorSettings(preset=preset, weights="none")
    found = built(settings, TWO, shorter=64, longer=96)
    path, boxes = images[0].path, images[0].boxes
    given = np.concatenate([boxes, [[0, 0, 96, 64], [3.5, 1.25, 40, 22]]])
    values = box_posteriors(found, path, given, CPU)
    assert np.allclose(values, as_proposals(found, as_seen(found, path), given), atol=1e-6)
    assert np.allclose(values.sum(axis=1), 1)
    assert len(np.unique(values.round(7), axis=0)) == len(given)


def test_boxes_are_scaled_as_the_image_is(images):
    found = built(DetectorSettings(), shorter=128, longer=192)
    path, boxes = images[0].path, images[0].boxes
    expected = as_proposals(found, as_seen(found, path), boxes * 2)
    assert np.allclose(box_posteriors(found, path, boxes, CPU), expected, atol=1e-6)


def test_objects_are_told_from_background(detector, images):
    for image in images:
        objects = box_posteriors(detector, image.path, image.boxes, CPU)
        assert objects[:, 1].mean() > 0.6
        empty = np.array([[0, 0, 6, 6], [90, 0, 96, 6]])
        assert box_posteriors(detector, image.path, empty, CPU)[:, 0].min() > 0.6


def test_other_boxes_have_no_influence(detector, images):
    image = images[0]
    together = box_posteriors(detector, image.path, image.boxes, CPU)
    alone = [box_posteriors(detector, image.path, box[None], CPU)[0] for box in image.boxes]
    assert np.allclose(together, alone, atol=1e-6)


def test_no_boxes_no_rows(detector, tmp_path):
    found = box_posteriors(detector, tmp_path / "unread.tif", np.empty((0, 4)), CPU)
    assert found.shape == (0, 2)


def test_a_box_that_leaves_the_image_counts_as_far_as_it_lies_inside(detector, images):
    boxes = np.array([[-20.0, -8, 20, 30], [0, 0, 20, 30]])
    outside, inside = box_posteriors(detector, images[0].path, boxes, CPU)
    assert np.array_equal(outside, inside)


def test_the_cache_changes_nothing(detector, images, tmp_path):
    cache = ImageCache(tmp_path)
    path, boxes = images[0].path, images[0].boxes
    plain = box_posteriors(detector, path, boxes, CPU)
    assert np.array_equal(plain, box_posteriors(detector, path, boxes, CPU, cache))


def test_a_box_is_judged_in_the_tile_that_holds_it_best(images):
    tiled = built(DetectorSettings(), shorter=64, longer=96, tile=48, overlap=0.25)
    path = images[0].path
    seen = as_seen(tiled, path)
    # Tiles begin at 0, 24, 48 across and at 0, 16 down.
    boxes = np.array([[2.0, 3, 20, 22], [70, 40, 90, 60], [30, 20, 47, 35], [10, 5, 90, 30]])
    corners = [(0, 0), (48, 16), (24, 0), (24, 0)]
    values = box_posteriors(tiled, path, boxes, CPU)
    for box, value, (left, top) in zip(boxes, values, corners, strict=True):
        inside = np.clip(box - [left, top, left, top], 0, 48)
        part = seen[:, top : top + 48, left : left + 48]
        assert np.allclose(value, as_proposals(tiled, part, inside[None])[0], atol=1e-6)


def test_a_single_stage_detector_is_refused_in_words(images):
    single = built(DetectorSettings(preset="retinanet_resnet50_fpn", weights="none"))
    with pytest.raises(AlcError, match="retinanet_resnet50_fpn has a single stage"):
        box_posteriors(single, images[0].path, images[0].boxes, CPU)
