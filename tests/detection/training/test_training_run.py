"""Trainings that differ from the plain one by hooks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from squares import CATEGORIES, QUICK, make_images
from torch import nn
from torchvision.models.detection import FasterRCNN
from training_runs import StopAfter, same_bits, tensors

from napari_alc.detection.data.samples import Batches, TrainingImage
from napari_alc.detection.inference.prediction import predict
from napari_alc.detection.plan import make_plan
from napari_alc.detection.settings import DetectorSettings
from napari_alc.detection.training import iteration
from napari_alc.detection.training.training import train, training_fingerprint
from napari_alc.errors import Cancelled


class Idle:
    """Hooks that note their calls and change nothing."""

    def __init__(self, name="idle"):
        self.name = name
        self.calls = []

    def prepare(self, network):
        assert isinstance(network, FasterRCNN)
        self.calls.append("prepare")

    def before_iteration(self, run):
        self.calls.append(run.iteration)

    def state(self):
        return {}

    def restore(self, state):
        assert state == {}
        self.calls.append("restore")

    def finish(self, network, folder):
        assert isinstance(network, FasterRCNN)
        assert not (folder / "weights.pt").exists()
        self.calls.append("finish")


class WithGate(Idle):
    """Scales a feature by a parameter of its own, which is gone when the training ends."""

    def prepare(self, network):
        self.plain = network.roi_heads.box_head
        network.roi_heads.box_head = nn.Sequential(self.plain, nn.Linear(256, 256))

    def finish(self, network, folder):
        torch.save(network.roi_heads.box_head[1].state_dict(), folder / "gate.pt")
        network.roi_heads.box_head = self.plain


class Wandering(Idle):
    """Moves all boxes by a pixel before every second iteration."""

    moved = 0
    is_attached = False

    def before_iteration(self, run):
        if not self.is_attached:
            self._move(run, self.moved)
            self.is_attached = True
        if run.iteration and run.iteration % 2 == 0:
            self._move(run, 1)
            self.moved += 1
        run.boxes_until = 2 * (run.iteration // 2) + 2

    def _move(self, run, pixels):
        run.batches.images = [
            replace(image, boxes=image.boxes + pixels) for image in run.batches.images
        ]

    def state(self):
        return {"moved": self.moved}

    def restore(self, state):
        self.moved = int(state["moved"])


@pytest.fixture
def images(tmp_path):
    return make_images(tmp_path / "images", 5)


def test_hooks_are_called_in_their_order(images, tmp_path):
    variant = Idle()
    train(images, CATEGORIES, QUICK, tmp_path, variant=variant)
    assert variant.calls == ["prepare", 0, 1, 2, 3, 4, 5, "finish"]


def test_hooks_of_a_resumed_training_take_up_where_it_was_stopped(images, tmp_path):
    with pytest.raises(Cancelled):
        train(images, CATEGORIES, QUICK, tmp_path, should_stop=StopAfter(4), variant=Idle())
    variant = Idle()
    train(images, CATEGORIES, QUICK, tmp_path, variant=variant)
    assert variant.calls == ["prepare", "restore", 4, 5, "finish"]


def test_hooks_that_change_nothing_leave_the_bits_of_a_plain_training(images, tmp_path):
    plain = train(images, CATEGORIES, QUICK, tmp_path / "plain")
    assert same_bits(plain, train(images, CATEGORIES, QUICK, tmp_path / "idle", variant=Idle()))


def test_a_variant_shares_neither_weights_nor_checkpoint_with_another(images, tmp_path):
    names = [None, Idle("one"), Idle("other")]
    found = {training_fingerprint(images, CATEGORIES, QUICK, variant=name) for name in names}
    assert len(found) == 3
    with pytest.raises(Cancelled):
        train(images, CATEGORIES, QUICK, tmp_path, should_stop=StopAfter(4), variant=Idle("one"))
    steps = []
    train(images, CATEGORIES, QUICK, tmp_path, report=lambda p: steps.append(p.done))
    assert steps[0] == 1


def test_a_detector_that_was_trained_before_there_was_another_recipe_is_not_trained_again(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"12345")
    images = [TrainingImage(path, np.array([[1, 2, 30, 40.0]]), np.array([7]))]
    settings = DetectorSettings(iterations=5, threads=1)
    plan = make_plan(settings, [(64, 96)], [images[0].boxes])
    # As the program gave them then.
    assert training_fingerprint(images, CATEGORIES, settings) == (
        "c7853d82748b70c82610270ca25fc63c2b88d1e2914a63f69a5612b7ef8a0a61"
    )
    assert training_fingerprint(images, CATEGORIES, settings, plan) == (
        "f131d708b8655815f32d6b2546d3d2fc3bf52529735fd16a9daadca4001fee88"
    )


def test_pasting_and_what_may_be_pasted_decide_a_training(images):
    trusted = [replace(image, is_trusted=True) for image in images]
    pasted = QUICK.changed(paste="on")
    found = {
        training_fingerprint(given, CATEGORIES, settings)
        for given in (images, trusted)
        for settings in (QUICK, pasted)
    }
    assert len(found) == 3


@pytest.mark.parametrize("preset", ["compact", "lite0", "fasterrcnn_mobilenet_v3_large_320_fpn"])
def test_a_training_with_pasted_objects_ends_with_the_same_bits_when_it_was_stopped(
    images, tmp_path, preset
):
    trusted = [replace(image, is_trusted=True) for image in images]
    settings = QUICK.changed(paste="on", preset=preset, weights="none", iterations=2, input_size=96)
    whole = train(trusted, CATEGORIES, settings, tmp_path / "whole")
    with pytest.raises(Cancelled):
        train(trusted, CATEGORIES, settings, tmp_path / "parts", should_stop=StopAfter(1))
    assert same_bits(whole, train(trusted, CATEGORIES, settings, tmp_path / "parts"))
    plain = train(images, CATEGORIES, settings, tmp_path / "plain")
    assert not same_bits(whole, plain)


def test_finished_weights_of_the_same_variant_are_taken(images, tmp_path):
    train(images, CATEGORIES, QUICK, tmp_path, variant=Idle())
    again = Idle()
    train(images, CATEGORIES, QUICK, tmp_path, variant=again)
    assert again.calls == []


def test_what_a_variant_adds_is_trained_and_left_out_of_the_detector(images, tmp_path):
    plain = train(images, CATEGORIES, QUICK, tmp_path / "plain")
    weights = train(images, CATEGORIES, QUICK, tmp_path / "gate", variant=WithGate())
    assert tensors(weights).keys() == tensors(plain).keys()
    assert list(predict(weights, [(1, images[0].path)]))
    first = torch.load(weights.parent / "gate.pt", weights_only=True)
    longer = QUICK.changed(iterations=7)
    weights = train(images, CATEGORIES, longer, tmp_path / "longer", variant=WithGate())
    second = torch.load(weights.parent / "gate.pt", weights_only=True)
    assert not torch.equal(first["weight"], second["weight"])


@pytest.mark.parametrize("ahead", [1, 5])
def test_boxes_that_a_variant_moves_are_learned_however_far_batches_are_read_ahead(
    images, tmp_path, monkeypatch, ahead
):
    reads = []
    batch = Batches.batch

    def noting(self, number):
        reads.append((number, float(self.images[0].boxes[0, 0])))
        return batch(self, number)

    monkeypatch.setattr(Batches, "batch", noting)
    monkeypatch.setattr(iteration, "AHEAD", ahead)
    train(images, CATEGORIES, QUICK, tmp_path, variant=Wandering())
    start = images[0].boxes[0, 0]
    assert sorted(reads) == [(number, start + number // 2) for number in range(6)]


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_resumed_variant_ends_with_the_bits_of_an_uninterrupted_one(images, tmp_path, cut):
    whole = train(images, CATEGORIES, QUICK, tmp_path / "whole", variant=Wandering())
    with pytest.raises(Cancelled):
        stop = StopAfter(cut)
        folder = tmp_path / "cut"
        train(images, CATEGORIES, QUICK, folder, should_stop=stop, variant=Wandering())
    resumed = train(images, CATEGORIES, QUICK, tmp_path / "cut", variant=Wandering())
    assert same_bits(whole, resumed)
    assert not same_bits(whole, train(images, CATEGORIES, QUICK, tmp_path / "plain"))
