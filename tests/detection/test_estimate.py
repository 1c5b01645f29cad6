"""Measuring how long training and prediction take."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from squares import CATEGORIES, QUICK, make_images

from napari_alc.detection import estimate as measuring
from napari_alc.detection.data.cache import ImageCache
from napari_alc.detection.estimate import Estimate, device_in_words, estimate
from napari_alc.detection.plan import make_plan
from napari_alc.errors import AlcError

TIMES = Estimate(
    "CPU", 2.0, 0.5, 0.1, 1000, predict_seconds=0.3, again_seconds=0.2, check_seconds=0.4
)


@pytest.fixture
def images(tmp_path):
    return make_images(tmp_path / "images", 4)


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(measuring, "TRAIN_SECONDS", 0.5)
    monkeypatch.setattr(measuring, "PASS_SECONDS", 0.2)


def estimated(images, settings=QUICK, **kwargs):
    plan = make_plan(settings, [(96, 64)] * len(images), [image.boxes for image in images])
    paths = [image.path for image in images]
    return estimate(images, CATEGORIES, settings, "cpu", plan, paths, **kwargs)


def test_every_time_is_measured(images):
    found = estimated(images)
    assert found.device.startswith("CPU, ")
    times = (found.start_seconds, found.iteration_seconds, found.read_seconds)
    looks = (found.predict_seconds, found.again_seconds, found.check_seconds)
    assert all(0 < time < 30 for time in (*times, *looks))


def test_a_larger_input_takes_longer(images):
    small, large = (estimated(images, QUICK.changed(input_size=side)) for side in (64, 480))
    # Far more, on a machine that does nothing else.
    assert large.iteration_seconds > small.iteration_seconds
    assert large.predict_seconds > small.predict_seconds
    assert large.image_bytes > small.image_bytes


def test_batches_of_a_large_network_are_measured_by_the_image_on_a_cpu(images):
    settings = QUICK.changed(preset="resnet50", weights="none", input_size=64, batch_size=1)
    one, six = (
        estimated(images, settings.changed(batch_size=count)).iteration_seconds for count in (1, 6)
    )
    assert 3 * one < six < 12 * one


def test_only_the_cache_is_written(images, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    before = set(tmp_path.iterdir())
    estimated(images, cache=ImageCache(tmp_path / "cache"))
    assert set(tmp_path.iterdir()) - before == {tmp_path / "cache"}
    assert list(elsewhere.iterdir()) == []
    assert len(list((tmp_path / "cache").rglob("*.pixels"))) == len(images)


def test_random_numbers_and_threads_stay_as_they_were(images):
    state, threads = torch.random.get_rng_state(), torch.get_num_threads()
    estimated(images, QUICK.changed(threads=None), threads=1)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_num_threads() == threads


def test_what_keeps_a_training_from_beginning_is_told(images):
    with pytest.raises(AlcError, match="no ImageNet weights"):
        estimated(images, QUICK.changed(weights="imagenet"))
    with pytest.raises(AlcError, match="'cuba' is not present"):
        estimate(images, CATEGORIES, QUICK, "cuba", None, [])


def test_a_training_is_its_start_its_images_its_iterations_and_its_checks():
    assert TIMES.training(iterations=10, images=5) == pytest.approx(2 + 0.5 + 5)
    assert TIMES.training(iterations=10, images=5, checks=20) == pytest.approx(2 + 0.5 + 5 + 8)


def test_the_second_model_finds_in_the_cache_what_there_is_room_for():
    assert TIMES.prediction(10, 2, cache_bytes=10**9) == pytest.approx(3 + 2)
    assert TIMES.prediction(10, 2, cache_bytes=4000) == pytest.approx(3 + 4 * 0.2 + 6 * 0.3)
    assert TIMES.prediction(10, 2, cache_bytes=0) == pytest.approx(6)


@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(0, 10**12))
def test_more_images_never_take_less_time(images, models, cache_bytes):
    fewer, more = (TIMES.prediction(count, models, cache_bytes) for count in (images, images + 1))
    assert 0 <= fewer < more
    assert math.isfinite(more)


def test_devices_have_names_for_people(monkeypatch):
    monkeypatch.setattr(measuring, "cores", lambda: 1)
    assert device_in_words(torch.device("cpu")) == "CPU, 1 core"
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA H100")
    assert device_in_words(torch.device("cuda:1")) == "NVIDIA H100"
    assert device_in_words(torch.device("mps")) == "Apple GPU"
