from __future__ import annotations

import logging
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from cache_reader import entries, expected, look_through, total
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from squares import make_images

from napari_alc.detection.data import cache as module
from napari_alc.detection.data.augmentation import compact_augmentation
from napari_alc.detection.data.cache import HEADER_BYTES, ImageCache, read_eight_bit
from napari_alc.detection.data.samples import Batches
from napari_alc.detection.plan import make_plan
from napari_alc.detection.settings import DetectorSettings
from napari_alc.errors import BadData
from patience import PATIENCE

LIMIT = 1 << 20


def write(path, seed, shape=(40, 60)):
    """An uncompressed image: all of one shape have the same size on disk."""
    pixels = np.random.default_rng(seed).integers(0, 255, shape, dtype=np.uint8)
    Image.fromarray(pixels).save(path, compression=None)
    return path


def age(path, seconds=100):
    """Let a file look as if it had not been changed for some time."""
    then = path.stat().st_mtime_ns - seconds * 10**9
    os.utime(path, ns=(then, then))


@pytest.fixture
def image(tmp_path):
    path = write(tmp_path / "image.tif", seed=1)
    age(path)
    return path


@pytest.fixture
def decoded(monkeypatch):
    """The names of the images that were decoded, in order."""
    names = []

    def noted(path):
        names.append(path.name)
        return read_eight_bit(path)

    monkeypatch.setattr(module, "read_eight_bit", noted)
    return names


@pytest.mark.parametrize("shape", [(40, 60), (40, 60, 3)])
def test_an_image_is_decoded_once_for_all_processes(tmp_path, decoded, shape):
    image = write(tmp_path / "image.tif", 3, shape)
    age(image)
    first = ImageCache(tmp_path / "cache", LIMIT).scaled(image, 30, 20)
    again = ImageCache(tmp_path / "cache", LIMIT).scaled(image, 30, 20)
    assert decoded == ["image.tif"]
    assert np.array_equal(first, expected(image))
    assert np.array_equal(again, first) and again.dtype == np.uint8


def test_what_is_kept_is_mapped_and_cannot_be_written(tmp_path, image):
    cache = ImageCache(tmp_path / "cache", LIMIT)
    for pixels in (cache.scaled(image, 30, 20), cache.scaled(image, 30, 20)):
        with pytest.raises(ValueError, match="read-only"):
            pixels[0, 0] = 1
    base = pixels
    while base.base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)


def test_every_size_is_kept_by_itself(tmp_path, image, decoded):
    cache = ImageCache(tmp_path / "cache", LIMIT)
    for _ in range(2):
        for width, height in ((30, 20), (60, 40), (20, 30)):
            assert np.array_equal(
                cache.scaled(image, width, height), expected(image, width, height)
            )
    assert len(decoded) == 3


def test_a_changed_image_is_decoded_again(tmp_path, image, decoded):
    cache = ImageCache(tmp_path / "cache", LIMIT)
    cache.scaled(image, 30, 20)
    size = image.stat().st_size
    write(image, seed=2)
    assert image.stat().st_size == size
    assert np.array_equal(cache.scaled(image, 30, 20), expected(image))
    assert len(decoded) == 2
    assert len(entries(tmp_path / "cache")) == 1


def test_a_change_too_quick_for_the_clock_is_seen(tmp_path):
    image = write(tmp_path / "image.tif", seed=1)
    state = image.stat()
    cache = ImageCache(tmp_path / "cache", LIMIT)
    cache.scaled(image, 30, 20)
    write(image, seed=2)
    os.utime(image, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert np.array_equal(cache.scaled(image, 30, 20), expected(image))


def test_a_copy_with_another_date_is_not_decoded_again(tmp_path, image, decoded):
    cache = ImageCache(tmp_path / "cache", LIMIT)
    cache.scaled(image, 30, 20)
    age(image)
    for _ in range(2):
        assert np.array_equal(cache.scaled(image, 30, 20), expected(image))
    assert len(decoded) == 1


def test_a_project_that_moved_with_its_images_keeps_its_cache(tmp_path, decoded):
    (tmp_path / "here").mkdir()
    age(write(tmp_path / "here" / "image.tif", 1))
    ImageCache(tmp_path / "here" / "cache", LIMIT).scaled(tmp_path / "here" / "image.tif", 30, 20)
    (tmp_path / "here").rename(tmp_path / "there")
    ImageCache(tmp_path / "there" / "cache", LIMIT).scaled(tmp_path / "there" / "image.tif", 30, 20)
    assert len(decoded) == 1


def cut(path):
    path.write_bytes(path.read_bytes()[:-40])


def scribble(path):
    content = bytearray(path.read_bytes())
    content[HEADER_BYTES + 60 : HEADER_BYTES + 90] = bytes(30)
    path.write_bytes(content)


def spoil_the_header(path):
    path.write_bytes(b"x" * 10 + path.read_bytes()[10:])


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize("harm", [cut, scribble, spoil_the_header, empty])
def test_a_damaged_entry_is_made_again(tmp_path, image, decoded, harm):
    ImageCache(tmp_path / "cache", LIMIT).scaled(image, 30, 20)
    (entry,) = entries(tmp_path / "cache")
    whole = entry.read_bytes()
    harm(entry)
    assert np.array_equal(
        ImageCache(tmp_path / "cache", LIMIT).scaled(image, 30, 20), expected(image)
    )
    assert len(decoded) == 2
    assert entry.read_bytes()[HEADER_BYTES:] == whole[HEADER_BYTES:]


@given(asked=st.lists(st.integers(0, 7), max_size=40), room=st.integers(0, 9))
def test_the_limit_holds_and_every_answer_is_right(tmp_path_factory, asked, room):
    folder = tmp_path_factory.mktemp("bounded")
    images = [write(folder / f"{i}.tif", i, (8, 12)) for i in range(8)]
    limit = room * (HEADER_BYTES + 8 * 12)
    cache = ImageCache(folder / "cache", limit)
    for number in asked:
        pixels = cache.scaled(images[number], 12, 8)
        assert np.array_equal(pixels, read_eight_bit(images[number]))
        assert not (folder / "cache" / "images").exists() or total(folder / "cache") <= limit


def test_what_was_not_used_for_longest_goes_first(tmp_path, decoded):
    images = [write(tmp_path / f"{i}.tif", i) for i in range(5)]
    for path in images:
        age(path)
    cache = ImageCache(tmp_path / "cache", 4 * (HEADER_BYTES + 600))
    for path in images[:3]:
        cache.scaled(path, 30, 20)
        for entry in entries(tmp_path / "cache"):
            age(entry)
    cache.scaled(images[0], 30, 20)
    cache.scaled(images[3], 30, 20)
    decoded.clear()
    cache.scaled(images[0], 30, 20)
    assert decoded == []
    cache.scaled(images[1], 30, 20)
    assert decoded == ["1.tif"]


def test_a_long_pass_may_leave_the_first_images_in_place(tmp_path, decoded):
    images = [write(tmp_path / f"{i}.tif", i) for i in range(12)]
    for path in images:
        age(path)
    cache = ImageCache(tmp_path / "cache", 8 * (HEADER_BYTES + 600))
    for _ in range(2):
        decoded.clear()
        for path in images:
            cache.scaled(path, 30, 20, make_room=False)
    assert 1 <= len(decoded) <= 6
    assert "0.tif" not in decoded


def test_leftovers_of_a_killed_process_are_cleared_away(tmp_path, image):
    cache = ImageCache(tmp_path / "cache", 4 * (HEADER_BYTES + 600))
    (tmp_path / "cache" / "images").mkdir(parents=True)
    leftover = tmp_path / "cache" / "images" / ".half.pixels.x1"
    leftover.write_bytes(bytes(3 * (HEADER_BYTES + 600)))
    age(leftover)
    cache.scaled(image, 30, 20)
    assert not leftover.exists()
    assert len(entries(tmp_path / "cache")) == 1


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path, decoded, caplog):
    (tmp_path / "cache").write_text("a file where the folder should be")
    images = [write(tmp_path / f"{i}.tif", i) for i in range(2)]
    cache = ImageCache(tmp_path / "cache", LIMIT)
    with caplog.at_level(logging.WARNING):
        for path in images * 2:
            assert np.array_equal(cache.scaled(path, 30, 20), expected(path))
    assert len(decoded) == 4
    (said,) = caplog.messages
    assert "Images are decoded anew each time" in said and "cache" in said


def test_an_unreadable_or_absent_image_is_named(tmp_path):
    (tmp_path / "bad.tif").write_bytes(b"no image")
    cache = ImageCache(tmp_path / "cache", LIMIT)
    with pytest.raises(BadData, match=r"bad\.tif"):
        cache.scaled(tmp_path / "bad.tif", 30, 20)
    with pytest.raises(BadData, match=r"absent\.tif"):
        cache.scaled(tmp_path / "absent.tif", 30, 20)


def test_a_full_disk_makes_the_cache_small(tmp_path, monkeypatch):
    usage = module.shutil.disk_usage(tmp_path)._replace(free=4000)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage)
    assert ImageCache(tmp_path / "not" / "there").limit == 1000
    (tmp_path / "cache" / "images").mkdir(parents=True)
    (tmp_path / "cache" / "images" / "kept.pixels").write_bytes(bytes(400))
    assert ImageCache(tmp_path / "cache").limit == 1100


def test_two_processes_share_a_small_cache(tmp_path):
    images = [write(tmp_path / f"{i}.tif", i) for i in range(8)]
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    orders = [[*range(8)] * 3, [*range(7, -1, -1)] * 3]
    processes = [
        context.Process(target=look_through, args=(tmp_path / "cache", images, order, answers))
        for order in orders
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE)
    assert [answers.get(timeout=PATIENCE) for _ in processes] == [True, True]


def test_threads_share_a_cache(tmp_path):
    images = [write(tmp_path / f"{i}.tif", i) for i in range(6)]
    cache = ImageCache(tmp_path / "cache", 4 * (HEADER_BYTES + 600))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda path: cache.scaled(path, 30, 20), images * 4))
    assert all(np.array_equal(a, expected(b)) for a, b in zip(found, images * 4, strict=True))
    assert total(tmp_path / "cache") <= cache.limit


def test_training_sees_the_same_with_a_cache_and_without(tmp_path):
    images = make_images(tmp_path / "images", 3)
    plan = make_plan(
        DetectorSettings(input_size=72), [(96, 64)] * 3, [image.boxes for image in images]
    )
    cache = ImageCache(tmp_path / "cache", LIMIT)
    kinds = [
        Batches(images, {7: 1}, plan, compact_augmentation(plan.window), 2, 0, cache=kept)
        for kept in (None, cache, cache)
    ]
    for number in range(3):
        plain, *others = (batches.batch(number) for batches in kinds)
        for other in others:
            assert all(torch.equal(a, b) for a, b in zip(plain[0], other[0], strict=True))
            assert all(
                torch.equal(a["boxes"], b["boxes"]) for a, b in zip(plain[1], other[1], strict=True)
            )
    assert len(entries(tmp_path / "cache")) == 3
    assert kinds[1].scaled.held == 0
