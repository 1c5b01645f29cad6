from __future__ import annotations

from threading import Barrier, Lock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from squares import make_images

from napari_alc.detection.data.cache import ImageCache
from napari_alc.detection.data.loading import read_ahead, seen_image
from napari_alc.detection.plan import make_plan
from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import BadData

PATIENCE = 30.0
"""Seconds after which a test that waits for a thread gives up."""


@settings(max_examples=30)
@given(st.lists(st.integers(), max_size=30), st.integers(1, 5), st.integers(1, 40))
def test_results_come_in_order_whatever_the_threads(tasks, threads, ahead):
    assert list(read_ahead(tasks, lambda task: task * 2, threads, ahead)) == [t * 2 for t in tasks]


def test_as_many_threads_as_wanted_read_at_once():
    together = Barrier(3)

    def read(task):
        together.wait(PATIENCE)  # Breaks, and fails the test, unless three are in it.
        return task

    assert list(read_ahead(range(6), read, threads=3, ahead=3)) == list(range(6))


def test_no_more_is_read_ahead_than_may_wait():
    lock, begun = Lock(), []

    def read(task):
        with lock:
            begun.append(task)
        return task

    results = read_ahead(range(100), read, threads=4, ahead=5)
    for taken, _ in enumerate(results):
        with lock:
            assert len(begun) <= taken + 5
        if taken == 20:
            break
    results.close()
    assert len(begun) <= 25


def test_an_error_comes_when_its_turn_has_come():
    def read(task):
        if task == 3:
            raise BadData("third.tif", "is cut off", "Replace it")
        return task

    results = read_ahead(range(6), read, threads=2, ahead=6)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(BadData, match=r"third\.tif"):
        next(results)


def test_an_image_is_seen_as_the_plan_says_with_a_cache_and_without(tmp_path):
    image = make_images(tmp_path / "images", 1)[0]
    plan = make_plan(DetectorSettings(input_size=48), [(96, 64)], [image.boxes])
    cache = ImageCache(tmp_path / "cache", 1 << 20)
    plain = seen_image(image.path, plan)
    assert (plain.size, plain.pixels.shape) == ((96, 64), (32, 48))
    for _ in range(2):
        kept = seen_image(image.path, plan, cache)
        assert kept.size == plain.size
        assert np.array_equal(kept.pixels, plain.pixels)
