from __future__ import annotations

import json
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from squares import CATEGORIES, QUICK, make_images
from training_runs import StopAfter, same_bits, tensors

from napari_alc.detection.data import cache
from napari_alc.detection.data.cache import read_eight_bit
from napari_alc.detection.data.samples import TrainingImage
from napari_alc.detection.precision import Precision
from napari_alc.detection.training import training
from napari_alc.detection.training.record import CURVE_POINTS, thinned
from napari_alc.detection.training.training import train
from napari_alc.errors import AlcError, BadData, Cancelled


@pytest.fixture
def images(tmp_path):
    return make_images(tmp_path / "images", 5)


def test_the_loss_falls(trained):
    losses = [loss for _, loss in json.loads((trained.parent / "metrics.json").read_text())["loss"]]
    assert np.mean(losses[-20:]) < 0.6 * np.mean(losses[:10])


@pytest.mark.parametrize("cut", [1, 4])
def test_a_resumed_training_ends_with_the_same_bits(images, tmp_path, cut):
    whole = train(images, CATEGORIES, QUICK, tmp_path / "whole")
    with pytest.raises(Cancelled):
        train(images, CATEGORIES, QUICK, tmp_path / "cut", should_stop=StopAfter(cut))
    torch.rand(3)  # the state of the process's own generator must not matter
    assert same_bits(whole, train(images, CATEGORIES, QUICK, tmp_path / "cut"))


def test_the_seed_decides(images, tmp_path):
    first = train(images, CATEGORIES, QUICK, tmp_path / "a")
    torch.rand(3)
    assert same_bits(first, train(images, CATEGORIES, QUICK, tmp_path / "b"))
    other = train(images, CATEGORIES, QUICK.changed(seed=1), tmp_path / "c")
    assert not same_bits(first, other)


def test_training_leaves_the_generator_and_threads_of_the_process_alone(images, tmp_path):
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    train(images, CATEGORIES, QUICK.changed(iterations=1), tmp_path)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.get_num_threads() == threads


def test_cancel_keeps_the_last_good_weights_and_a_checkpoint(images, tmp_path):
    weights = train(images, CATEGORIES, QUICK, tmp_path)
    before = weights.read_bytes()
    with pytest.raises(Cancelled, match="train mp was cancelled"):
        train(
            images,
            CATEGORIES,
            QUICK.changed(seed=3),
            tmp_path,
            should_stop=StopAfter(2),
            step="train mp",
        )
    assert weights.read_bytes() == before
    checkpoint = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert checkpoint["iteration"] == 2


def test_checkpoints_are_written_on_the_way(images, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(training, "CHECKPOINT_SHARE", 1e9)
    seen = []

    def look():
        path = tmp_path / "checkpoint.pt"
        seen.append(torch.load(path, weights_only=True)["iteration"] if path.exists() else 0)
        return False

    train(images, CATEGORIES, QUICK, tmp_path, should_stop=look)
    assert seen == list(range(QUICK.iterations))
    assert not (tmp_path / "checkpoint.pt").exists()


def test_a_checkpoint_of_other_settings_or_data_is_not_resumed(images, tmp_path):
    with pytest.raises(Cancelled):
        train(images, CATEGORIES, QUICK, tmp_path, should_stop=StopAfter(3))
    reports = []
    other = QUICK.changed(seed=1)
    train(images, CATEGORIES, other, tmp_path, report=reports.append)
    assert reports[0].done == 1
    assert "begun anew: settings or labels have changed" in reports[0].message
    train(images, CATEGORIES, other, tmp_path / "fresh", report=(plain := []).append)
    assert not any("anew" in report.message for report in plain)
    fresh = tmp_path / "fresh" / "weights.pt"
    assert same_bits(tmp_path / "weights.pt", fresh)


def test_a_damaged_checkpoint_is_ignored(images, tmp_path):
    (tmp_path / "checkpoint.pt").write_bytes(b"half a file")
    assert train(images, CATEGORIES, QUICK, tmp_path).exists()


def test_finished_training_is_not_repeated(images, tmp_path):
    weights = train(images, CATEGORIES, QUICK, tmp_path)
    before = weights.stat().st_mtime_ns
    reports = []
    assert train(images, CATEGORIES, QUICK, tmp_path, report=reports.append) == weights
    assert reports == []
    assert weights.stat().st_mtime_ns == before


def test_one_moved_box_makes_it_another_training(images, tmp_path):
    weights = train(images, CATEGORIES, QUICK, tmp_path)
    before = weights.read_bytes()
    moved = [replace(images[0], boxes=images[0].boxes + 1), *images[1:]]
    train(moved, CATEGORIES, QUICK, tmp_path)
    assert weights.read_bytes() != before


def test_progress_rises_to_the_end(images, tmp_path):
    reports = []
    train(images, CATEGORIES, QUICK, tmp_path, report=reports.append, step="train ma")
    done = [progress.done for progress in reports]
    assert done == sorted(done)
    assert (done[-1], reports[-1].total, reports[-1].step) == (6, 6, "train ma")
    assert {"loss", "learning_rate"} <= reports[-1].values.keys()


def test_the_run_is_documented(images, tmp_path):
    train(images, CATEGORIES, QUICK, tmp_path)
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["settings"] == QUICK.in_force
    assert (metrics["images"], metrics["boxes"], metrics["iterations"]) == (5, 15, 6)
    assert len(metrics["loss"]) == 6
    assert metrics["versions"]["torch"] == torch.__version__


def test_long_loss_curves_are_thinned():
    curve = thinned([float(i % 2) for i in range(5000)])
    assert len(curve) == CURVE_POINTS
    assert curve[-1][0] == 5000
    assert all(loss == pytest.approx(0.5, abs=0.03) for _, loss in curve)


def test_images_without_boxes_are_negatives(images, tmp_path):
    empty = [replace(image, boxes=np.empty((0, 4)), category_ids=[]) for image in images[1:]]
    assert train([images[0], *empty], CATEGORIES, QUICK, tmp_path).exists()


@pytest.mark.parametrize("count", [0, 2])
def test_a_set_without_any_box_is_refused(tmp_path, count):
    negatives = [TrainingImage(tmp_path / "a.tif", [], [])] * count
    with pytest.raises(AlcError, match=f"none of the {count} training images has a box"):
        train(negatives, CATEGORIES, QUICK, tmp_path)


def test_an_unknown_category_is_named(images, tmp_path):
    strange = [replace(images[0], category_ids=np.full(3, 9))]
    with pytest.raises(BadData, match="category 9"):
        train(strange, CATEGORIES, QUICK, tmp_path)


def test_a_missing_image_is_named(images, tmp_path):
    images[2].path.unlink()
    with pytest.raises(BadData, match=r"2\.tif"):
        train(images, CATEGORIES, QUICK, tmp_path / "run")
    assert not (tmp_path / "run" / "weights.pt").exists()


def test_a_loss_that_explodes_ends_in_plain_words(images, tmp_path):
    settings = QUICK.changed(iterations=40, learning_rate=1e30)
    with pytest.raises(AlcError, match="lower the learning rate"):
        train(images, CATEGORIES, settings, tmp_path)
    assert not (tmp_path / "weights.pt").exists()


@pytest.mark.parametrize("device", ["cuda:77", "abacus"])
def test_an_absent_device_is_refused(images, tmp_path, device, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(AlcError, match="this machine has: cpu"):
        train(images, CATEGORIES, QUICK, tmp_path, device=device)


def test_images_of_different_sizes_train_together(tmp_path):
    mixed = [
        *make_images(tmp_path / "a", 2),
        *make_images(tmp_path / "b", 2, shape=(80, 70)),
        *make_images(tmp_path / "c", 1, shape=(40, 40), squares=1),
    ]
    assert train(mixed, CATEGORIES, QUICK, tmp_path).exists()


def test_weights_are_the_same_with_a_cache_and_images_are_decoded_once(
    images, tmp_path, monkeypatch
):
    plain = train(images, CATEGORIES, QUICK, tmp_path / "plain")
    decoded = []

    def counting(path):
        decoded.append(path)
        return read_eight_bit(path)

    monkeypatch.setattr(cache, "read_eight_bit", counting)
    kept = cache.ImageCache(tmp_path / "cache")
    for model in ("mp", "ma"):
        assert same_bits(plain, train(images, CATEGORIES, QUICK, tmp_path / model, cache=kept))
    assert sorted(decoded) == sorted(image.path for image in images)


def test_no_reader_is_left_behind_when_a_training_ends_or_is_stopped(images, tmp_path):
    with pytest.raises(Cancelled):
        train(images, CATEGORIES, QUICK, tmp_path, should_stop=StopAfter(2))
    train(images, CATEGORIES, QUICK, tmp_path)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("reading")]


class Scaled(Precision):
    """32 bits with the scaling of fp16, which a CPU would take minutes for."""

    def scaler(self):
        return torch.amp.GradScaler("cpu", init_scale=2.0**10, growth_interval=2)


def test_a_training_with_scaled_gradients_is_resumed_with_its_scale(images, tmp_path, monkeypatch):
    plain = train(images, CATEGORIES, QUICK, tmp_path / "plain")
    scaled = Scaled("fp32", torch.device("cpu"))
    monkeypatch.setattr(training, "choose_precision", lambda _wanted, _device: scaled)
    whole = train(images, CATEGORIES, QUICK, tmp_path / "whole")
    with pytest.raises(Cancelled):
        train(images, CATEGORIES, QUICK, tmp_path / "cut", should_stop=StopAfter(3))
    saved = torch.load(tmp_path / "cut" / "checkpoint.pt", weights_only=True)
    assert saved["scaler"]["scale"] == 2.0**11
    assert same_bits(whole, train(images, CATEGORIES, QUICK, tmp_path / "cut"))
    first, second = tensors(plain), tensors(whole)
    assert all(torch.allclose(first[name], second[name], atol=1e-3) for name in first)
