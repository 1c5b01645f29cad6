"""LLAL's head beside the detector, and the loss of each image that it learns from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from squares import CATEGORIES, QUICK, make_images
from training_runs import StopAfter, same_bits

from napari_alc.detection.acquisition.image_losses import ImageLosses
from napari_alc.detection.acquisition.loss_prediction import FILE, load_head, ranking_loss
from napari_alc.detection.acquisition.strategies import training_variant
from napari_alc.detection.models.presets import build_network
from napari_alc.detection.plan import make_plan
from napari_alc.detection.settings import DetectorSettings
from napari_alc.detection.training.training import train
from napari_alc.errors import AlcError, Cancelled


@pytest.fixture
def images(tmp_path):
    return make_images(tmp_path / "images", 5)


def learn(images, folder, settings=QUICK, **kwargs):
    variant = training_variant("llal")
    return train(images, CATEGORIES, settings, folder, variant=variant, **kwargs)


def same_heads(one, other):
    a, b = load_head(one).state_dict(), load_head(other).state_dict()
    return all(torch.equal(a[name], b[name]) for name in a)


def test_the_detector_learns_what_it_would_without_the_head(images, tmp_path):
    plain = train(images, CATEGORIES, QUICK, tmp_path / "plain")
    assert same_bits(plain, learn(images, tmp_path / "with"))


def test_a_training_that_was_interrupted_ends_with_the_same_head(images, tmp_path):
    whole = learn(images, tmp_path / "whole")
    with pytest.raises(Cancelled):
        learn(images, tmp_path / "resumed", should_stop=StopAfter(4))
    assert same_heads(whole, learn(images, tmp_path / "resumed"))


def test_the_head_learns(images, tmp_path):
    short = learn(images, tmp_path / "short", QUICK.changed(iterations=1))
    assert not same_heads(short, learn(images, tmp_path / "long"))


def test_images_one_at_a_time_leave_the_head_as_it_was(images, tmp_path):
    alone = QUICK.changed(batch_size=1)
    one, other = (
        learn(images, tmp_path / str(count), alone.changed(iterations=count)) for count in (1, 3)
    )
    assert same_heads(one, other)


def test_a_head_of_another_training_is_refused_in_words(images, tmp_path):
    folder = tmp_path / "run"
    learn(images, folder)
    weights = train(images, CATEGORIES, QUICK, folder)
    with pytest.raises(AlcError, match="Train this iteration again"):
        load_head(weights)
    (folder / FILE).unlink()
    with pytest.raises(AlcError, match="Train this iteration again"):
        load_head(weights)


def test_the_ranking_loss_of_two_pairs_by_hand():
    # The partner of the first is the last: 2 - 1 in the right order, 0 - 3 in the wrong one.
    expected = torch.tensor([2.0, 0.0, 3.0, 1.0])
    losses = torch.tensor([5.0, 4.0, 1.0, 2.0])
    assert ranking_loss(expected, losses).item() == pytest.approx((0 + 4) / 2)


def batch(count=3):
    rng = np.random.default_rng(0)
    inputs = [torch.from_numpy(rng.random((3, 64, 96), np.float32)) for _ in range(count)]
    targets = [
        {
            "boxes": torch.tensor([[4.0 + 9 * i, 6.0, 30.0 + 9 * i, 40.0]]),
            "labels": torch.tensor([1]),
        }
        for i in range(count)
    ]
    return inputs, targets


def network_of(preset):
    settings = DetectorSettings(preset=preset, weights="none")
    plan = make_plan(settings, [(96, 64)], [np.array([[4.0, 6, 30, 40]])])
    torch.manual_seed(0)
    return build_network(settings, plan, 1).train()


@pytest.mark.parametrize("preset", ["compact", "ssdlite320_mobilenet_v3_large"])
def test_losses_of_single_images_sum_up_to_those_of_the_network(preset):
    """For a batch of one image, the sum is the network's own loss."""
    network = network_of(preset)
    if preset != "compact":  # Its normalisation needs more than one value a channel.
        network.eval()
        network.training = True
    hearing = ImageLosses(network)
    inputs, targets = batch(1)
    losses = network(inputs, targets)
    summed = sum(loss.item() for loss in losses.values())
    assert hearing.of_batch().tolist() == pytest.approx([summed], rel=1e-5)


def test_every_image_of_a_batch_has_its_own_loss():
    network = network_of("compact")
    hearing = ImageLosses(network)
    losses = network(*batch(3))
    found = hearing.of_batch()
    assert found.shape == (3,)
    # Every image has as many samples, so that the batch's mean is the mean over its images.
    assert found.mean().item() == pytest.approx(sum(v.item() for v in losses.values()), rel=0.05)


def test_listening_neither_changes_the_losses_nor_what_is_drawn_and_ends():
    inputs, targets = batch(2)
    found = []
    for listens in (False, True):
        network = network_of("compact")
        hearing = ImageLosses(network) if listens else None
        torch.manual_seed(3)
        losses = network(inputs, targets)
        found.append([loss.item() for loss in losses.values()] + [torch.rand(1).item()])
        if hearing:
            hearing.end()
            assert "compute_loss" not in vars(network.rpn)
            network(inputs, targets)
            hearing.forget()
    assert found[0] == found[1]
