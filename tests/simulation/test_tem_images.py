"""Synthetic TEM images: files, boxes that lie on something dark, seeds, and cancelling."""

import numpy as np
import pytest
import tifffile

from napari_alc.errors import Cancelled
from napari_alc.formats.images import pixel_size_nm
from napari_alc.simulation.fields import smooth_noise
from napari_alc.simulation.tem import make_tem_images, tem_image


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with six images, and their labels."""
    folder = tmp_path_factory.mktemp("tem")
    return folder, make_tem_images(folder, 6, size=512, seed=3)


def test_images_are_16_bit_deflate_tiffs_with_a_pixel_size(made):
    folder, truth = made
    for image in truth.images:
        with tifffile.TiffFile(folder / image.file_name) as tiff:
            page = tiff.pages[0]
            assert (page.shape, page.dtype) == ((512, 512), np.uint16)
            assert page.compression == tifffile.COMPRESSION.ADOBE_DEFLATE
        assert pixel_size_nm(folder / image.file_name) == pytest.approx(8)


def test_every_image_has_a_few_deposits_inside_it(made):
    _, truth = made
    assert [category.name for category in truth.categories] == ["electron dense deposit"]
    counts = [len(truth.labels.of_images([image.id])) for image in truth.images]
    assert all(1 <= count <= 14 for count in counts)
    boxes = truth.labels.boxes
    assert (boxes >= 0).all()
    assert (boxes <= 512).all()
    sides = boxes[:, 2:] - boxes[:, :2]
    assert (sides >= 8).all()
    assert (sides <= 90).all()


def test_deposits_are_darker_than_what_is_around_them(made):
    folder, truth = made
    darker = []
    for image in truth.images:
        pixels = tifffile.imread(folder / image.file_name).astype(float)
        for box in truth.labels.of_images([image.id]).boxes:
            x1, y1, x2, y2 = box.astype(int)
            inner = pixels[(3 * y1 + y2) // 4 : (y1 + 3 * y2) // 4, (3 * x1 + x2) // 4 : x2]
            outer = pixels[max(y1 - 20, 0) : y2 + 20, max(x1 - 20, 0) : x2 + 20]
            darker.append(np.median(inner) < np.median(outer))
    assert np.mean(darker) > 0.9


def test_an_image_depends_on_its_number_and_the_seed_only(made, tmp_path):
    folder, truth = made
    later = make_tem_images(tmp_path, 1, size=512, seed=3, start=4)
    name = later.images[0].file_name
    assert later.images[0] == truth.images[4]
    assert np.array_equal(later.labels.boxes, truth.labels.of_images([5]).boxes)
    assert np.array_equal(tifffile.imread(tmp_path / name), tifffile.imread(folder / name))


def test_seeds_make_different_images(made, tmp_path):
    folder, _ = made
    other = make_tem_images(tmp_path, 1, seed=4).images[0].file_name
    assert not np.array_equal(tifffile.imread(tmp_path / other), tifffile.imread(folder / other))


def test_large_images_have_more_and_larger_deposits():
    small = [tem_image(512, np.random.default_rng(i))[1] for i in range(4)]
    pixels, large = tem_image(2048, np.random.default_rng(0))
    assert pixels.shape == (2048, 2048)
    assert len(large) > np.mean([len(boxes) for boxes in small])
    area = np.median(np.prod(np.concatenate(small)[:, 2:] - np.concatenate(small)[:, :2], axis=1))
    assert np.median(np.prod(large[:, 2:] - large[:, :2], axis=1)) > 2 * area


@pytest.mark.parametrize("size", [64, 100, 333])
def test_any_size_can_be_drawn(size):
    pixels, boxes = tem_image(size, np.random.default_rng(1))
    assert pixels.shape == (size, size)
    assert (boxes <= size).all()


def test_progress_is_told_after_every_image(tmp_path):
    told = []
    make_tem_images(tmp_path, 3, size=64, report=told.append, start=5)
    assert [(step.done, step.total) for step in told] == [(1, 3), (2, 3), (3, 3)]


def test_no_images_are_an_empty_label_set(tmp_path):
    truth = make_tem_images(tmp_path, 0)
    assert (truth.images, len(truth.labels)) == ((), 0)


def test_cancelling_keeps_the_images_written_before(tmp_path):
    told = []
    with pytest.raises(Cancelled):
        make_tem_images(
            tmp_path, 5, size=64, report=told.append, should_stop=lambda: len(told) == 2
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tem_0000.tif", "tem_0001.tif"]


def test_smooth_noise_is_smooth_and_of_unit_deviation():
    field = smooth_noise(400, 40, np.random.default_rng(0))
    assert field.mean() == pytest.approx(0, abs=0.2)
    assert field.std() == pytest.approx(1, abs=0.15)
    assert np.abs(np.diff(field, axis=0)).max() < 0.5
