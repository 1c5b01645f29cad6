"""Batches that do not fit into the memory of a GPU; here a network that refuses them."""

from __future__ import annotations

import json

import pytest
import torch
from squares import CATEGORIES, QUICK, make_images
from training_runs import StopAfter, same_bits

from napari_alc.detection.training import training
from napari_alc.detection.training.training import train
from napari_alc.errors import AlcError, Cancelled

BATCH_OF_FOUR = QUICK.changed(batch_size=4, iterations=4, learning_rate=1e-3)


@pytest.fixture
def images(tmp_path):
    return make_images(tmp_path / "images", 6)


@pytest.fixture
def small_memory(monkeypatch):
    """Makes networks that hold at most so many images, from a certain batch on."""

    def limit(images_at_once, from_call=0):
        calls = []

        def refuse(_network, arguments):
            calls.append(len(arguments[0]))
            if len(calls) > from_call and len(arguments[0]) > images_at_once:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

        def build(*arguments, **options):
            network = building(*arguments, **options)
            network.register_forward_pre_hook(refuse)
            return network

        monkeypatch.setattr(training, "build_network", build)
        return calls

    building = training.build_network
    return limit


def metrics_in(folder):
    return json.loads((folder / "metrics.json").read_text())


def test_the_batch_is_halved_until_it_fits_and_the_whole_of_it_is_learned_from(
    images, tmp_path, small_memory
):
    calls = small_memory(1)
    assert train(images, CATEGORIES, BATCH_OF_FOUR, tmp_path).exists()
    assert calls == [4, 2, *[1] * 16]
    metrics = metrics_in(tmp_path)
    assert (metrics["batch_size"], metrics["halved"]) == (1, [[0, 2], [0, 1]])
    assert (metrics["iterations"], len(metrics["loss"])) == (4, 4)


def test_training_goes_on_from_the_iteration_where_the_memory_ran_out(
    images, tmp_path, small_memory
):
    calls = small_memory(2, from_call=2)
    train(images, CATEGORIES, BATCH_OF_FOUR, tmp_path)
    assert calls == [4, 4, 4, 2, 2, 2, 2]
    assert metrics_in(tmp_path)["halved"] == [[2, 2]]


def test_an_odd_batch_is_halved_and_no_image_is_left_out(images, tmp_path, small_memory):
    calls = small_memory(2)
    train(images, CATEGORIES, BATCH_OF_FOUR.changed(batch_size=5, iterations=1), tmp_path)
    assert calls == [5, 2, 2, 1]


def test_the_learning_rate_is_proportional_to_the_images_in_a_step(images, tmp_path, small_memory):
    whole, halves = [], []
    train(images, CATEGORIES, BATCH_OF_FOUR, tmp_path / "whole", report=whole.append)
    small_memory(2)
    train(images, CATEGORIES, BATCH_OF_FOUR, tmp_path / "halves", report=halves.append)
    rates = [[report.values["learning_rate"] for report in reports] for reports in (whole, halves)]
    assert rates[1][-1] == pytest.approx(rates[0][-1] / 2)


def test_the_user_is_told(images, tmp_path, small_memory):
    small_memory(2, from_call=1)
    reports = []
    train(images, CATEGORIES, BATCH_OF_FOUR, tmp_path, report=reports.append)
    assert "GPU" not in reports[0].message
    assert "holds no more than 2 of the 4 images of a batch" in reports[-1].message


def test_a_resumed_training_does_not_try_the_large_batch_again(images, tmp_path, small_memory):
    small_memory(2)
    whole = train(images, CATEGORIES, BATCH_OF_FOUR, tmp_path / "whole")
    with pytest.raises(Cancelled):
        train(images, CATEGORIES, BATCH_OF_FOUR, tmp_path / "cut", should_stop=StopAfter(2))
    calls = small_memory(2)
    resumed = train(images, CATEGORIES, BATCH_OF_FOUR, tmp_path / "cut")
    assert calls == [2, 2, 2, 2]
    assert same_bits(whole, resumed)
    assert metrics_in(tmp_path / "cut")["halved"] == [[0, 2]]


def test_one_image_that_is_too_large_ends_in_plain_words(images, tmp_path, small_memory):
    small_memory(0)
    with pytest.raises(AlcError, match=r"even one image at a time \(96×64 pixels.*input size"):
        train(images, CATEGORIES, BATCH_OF_FOUR, tmp_path)
    assert not (tmp_path / "weights.pt").exists()


def test_other_errors_of_torch_are_not_taken_for_a_lack_of_memory(images, tmp_path, monkeypatch):
    def broken(_network, _arguments):
        raise RuntimeError("CUDA error: device-side assert triggered")

    building = training.build_network

    def build(*arguments, **options):
        network = building(*arguments, **options)
        network.register_forward_pre_hook(broken)
        return network

    monkeypatch.setattr(training, "build_network", build)
    with pytest.raises(RuntimeError, match="device-side assert"):
        train(images, CATEGORIES, BATCH_OF_FOUR, tmp_path)
