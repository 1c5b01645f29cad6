from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QObject

from napari_alc.formats.images import write_tiff
from napari_alc.plugin.read_ahead import KEPT, ReadAhead, ReadImage, Unreadable, load


@pytest.fixture
def reader(qapp):  # noqa: ARG001
    owner = QObject()
    yield ReadAhead(owner)
    owner.deleteLater()


def write(path, value=7):
    write_tiff(path, np.full((16, 16), value, dtype=np.uint16))
    return path


def test_an_image_is_read_beside_the_window(reader, qtbot, tmp_path):
    path = write(tmp_path / "a.tif")
    with qtbot.waitSignal(reader.ready) as told:
        reader.ask(path)
    assert told.args == [path]
    assert (reader.take(path).pixels == 7).all()


def test_what_nobody_asked_for_is_not_there(reader, tmp_path):
    assert reader.take(tmp_path / "a.tif") is None


def test_only_the_last_few_images_are_kept(reader, qtbot, tmp_path):
    paths = [write(tmp_path / f"{i}.tif", i) for i in range(KEPT + 1)]
    for path in paths:
        with qtbot.waitSignal(reader.ready):
            reader.ask(path)
    assert reader.take(paths[0]) is None
    assert all(isinstance(reader.take(path), ReadImage) for path in paths[1:])
    reader.forget()
    assert reader.take(paths[-1]) is None


def test_a_failure_is_told_in_words_and_tried_again(reader, qtbot, tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"nothing")
    with qtbot.waitSignal(reader.ready):
        reader.ask(path)
    failure = reader.take(path)
    assert isinstance(failure, Unreadable)
    assert "a.tif" in failure.reason
    write(path)
    with qtbot.waitSignal(reader.ready):
        reader.ask(path)
    assert isinstance(reader.take(path), ReadImage)


def test_contrast_leaves_out_the_extremes(tmp_path):
    pixels = np.tile(np.arange(1000, 2024, dtype=np.uint16), (512, 1))
    pixels[:8, :8] = 65_535
    write_tiff(tmp_path / "a.tif", pixels)
    image = load(tmp_path / "a.tif")
    assert image.full == (1000, 65_535)
    low, high = image.stretched
    assert 1000 <= low < 1020
    assert 2000 < high <= 2024


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_an_even_or_empty_image_has_limits_too(tmp_path, value):
    write_tiff(tmp_path / "a.tif", np.full((16, 16), value, dtype=np.float32))
    image = load(tmp_path / "a.tif")
    for low, high in (image.stretched, image.full):
        assert low < high
