"""Thumbnails made beside the window."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QObject

from napari_alc.formats.images import write_tiff
from napari_alc.plugin.iterate import ranking_table
from napari_alc.plugin.iterate.ranking_table import SIDE, Thumbnails, thumbnail


@pytest.fixture
def owner(qapp):  # noqa: ARG001
    owner = QObject()
    yield owner
    owner.deleteLater()


def halves(shape, low, high, kind):
    """The upper half dark, the lower half bright."""
    pixels = np.full(shape, low, dtype=kind)
    pixels[shape[0] // 2 :] = high
    return pixels


@pytest.mark.parametrize(
    ("shape", "low", "high", "kind"),
    [
        ((100, 50), 0, 255, np.uint8),
        ((1000, 500), 300, 4000, np.uint16),
        ((40, 20), -1.0, 2.5, np.float32),
        ((100, 50, 3), 0, 255, np.uint8),
        ((7, 3), 0, 255, np.uint8),
    ],
)
def test_a_thumbnail_shows_any_image_in_its_shape(tmp_path, shape, low, high, kind):
    write_tiff(tmp_path / "a.tif", halves(shape, low, high, kind))
    small = thumbnail(tmp_path / "a.tif")
    assert small.height() == SIDE
    assert small.width() == pytest.approx(SIDE * shape[1] / shape[0], abs=3)
    middle = small.width() // 2
    assert small.pixelColor(middle, 2).lightness() < 30
    assert small.pixelColor(middle, SIDE - 3).lightness() > 225


def test_a_thumbnail_is_made_beside_the_window_and_kept(tmp_path, owner, qtbot):
    path = tmp_path / "a.tif"
    write_tiff(path, halves((90, 90), 0, 255, np.uint8))
    made = Thumbnails(owner)
    with qtbot.waitSignal(made.ready) as told:
        assert made.picture(path) is None
    assert told.args == [path]
    path.unlink()
    picture = made.picture(path)
    assert picture.width() == SIDE


def test_an_image_that_cannot_be_read_is_not_tried_again_and_again(tmp_path, owner, qtbot):
    path = tmp_path / "a.tif"
    path.write_bytes(b"no image")
    made = Thumbnails(owner)
    with qtbot.waitSignal(made.ready):
        made.picture(path)
    assert made.picture(path).isNull()
    assert len(made._waiting) == 0
    made.forget()
    assert made.picture(path) is None


def test_memory_is_bounded_however_far_one_scrolls(tmp_path, owner, qtbot, monkeypatch):
    monkeypatch.setattr(ranking_table, "KEPT", 3)
    monkeypatch.setattr(ranking_table, "MOST_WAITING", 5)
    paths = [tmp_path / f"{number}.tif" for number in range(20)]
    for path in paths:
        write_tiff(path, halves((50, 50), 0, 255, np.uint8))
    made = Thumbnails(owner)
    for path in paths:
        assert made.picture(path) is None
        assert len(made._waiting) <= 5
    qtbot.waitUntil(lambda: len(made._waiting) == 0)
    assert len(made._kept) == 3
    assert made.picture(paths[-1]) is not None


def test_what_was_asked_for_before_is_dropped_with_the_rest(tmp_path, owner, qtbot):
    path = tmp_path / "a.tif"
    write_tiff(path, halves((50, 50), 0, 255, np.uint8))
    made = Thumbnails(owner)
    made.picture(path)
    made.forget()
    with qtbot.waitSignal(made.ready):
        assert made.picture(path) is None
    assert len(made._kept) == 1
