"""Overview, scale bar, crosshair and smooth pixels: where one is, and nothing in the way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qtpy.QtCore import QPoint, QRectF, Qt
from qtpy.QtTest import QTest
from review_driver import make_project, middle

from napari_alc.boxes import as_boxes
from napari_alc.plugin import preferences
from napari_alc.plugin.review import messages
from napari_alc.plugin.review.canvas.overview import LONGEST, thumbnail
from napari_alc.plugin.review.image_loader import ReadImage

KEY = Qt.Key


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path, images=2, size=256)
    yield project
    project.close()


@pytest.fixture
def close(at):
    """A part of the image in view."""
    at.viewer.scene.camera.zoom *= 4
    at.viewer.scene.camera.center = (64, 64)
    at.settle()
    return at


def test_the_overview_is_shown_while_a_part_is_in_view(close):
    overview = close.canvas.image.overview
    assert overview.isVisible()
    assert max(overview.width(), overview.height()) <= LONGEST
    close.key(KEY.Key_G)
    assert not overview.isVisible()


def test_a_click_on_the_overview_brings_one_there(close):
    overview = close.canvas.image.overview
    place = QPoint(overview.width() * 3 // 4, overview.height() // 4)
    QTest.mouseClick(overview, Qt.MouseButton.LeftButton, pos=place)
    y, x = close.viewer.scene.camera.center[-2:]
    assert (x, y) == pytest.approx((192, 64), abs=3)
    assert close.document.boxes == close.stored()


def colour_at(overview, x, y):
    scale = overview.width() / 256
    return overview.grab().toImage().pixelColor(round(x * scale), round(y * scale)).name()


def test_open_boxes_are_amber_in_the_overview_and_decided_ones_are_not(close):
    overview = close.canvas.image.overview
    box = close.document.open_boxes[-1]
    close.selection.select([])
    close.settle()
    assert colour_at(overview, *middle(box)) == "#ffbf00"
    close.page.controller.boxes.execute(lambda doc, ids: doc.keep(ids), [box.id])
    if close.document.boxes[box.id].state == "open":  # it had to be brought into sight first
        close.settle()
        close.page.controller.boxes.execute(lambda doc, ids: doc.keep(ids), [box.id])
    close.viewer.scene.camera.center = (10, 10)
    close.settle()
    assert colour_at(overview, *middle(box)) != "#ffbf00"


@given(st.sampled_from([np.uint8, np.uint16, np.float32]), st.integers(1, 400), st.integers(1, 400))
def test_a_thumbnail_is_small_and_of_the_same_shape(kind, rows, columns):
    pixels = np.arange(rows * columns).reshape(rows, columns).astype(kind)
    small = thumbnail(ReadImage(pixels, (0, 255), (0, 255)))
    assert max(small.shape) <= LONGEST
    assert small.dtype == np.uint8
    height, width = pixels.shape
    step = -(-max(height, width) // LONGEST)
    assert small.shape == (-(-height // step), -(-width // step))


def test_the_scale_bar_stands_where_it_covers_no_box(at):
    bar = at.canvas.image.scale_bar
    bar.set_pixel_size(2.0)
    canvas = bar.parentWidget()
    bar.keep_clear_of(as_boxes([]))
    usual = bar.pos()
    assert usual.x() > canvas.width() / 2
    end = usual.x() + bar.width(), usual.y() + bar.height()
    bar.keep_clear_of(as_boxes([usual.x(), usual.y(), *end]))
    assert bar.pos() != usual
    assert not bar.geometry().intersects(bar.rect().translated(usual))
    bar.keep_clear_of(as_boxes([0, 0, canvas.width(), canvas.height()]))
    assert bar.isVisible()
    assert canvas.rect().contains(bar.geometry())
    rows = [(0, y, canvas.width(), y + 40) for y in range(0, canvas.height(), 40)]
    bar.keep_clear_of(as_boxes(rows))
    assert not bar.isVisible()
    bar.keep_clear_of(as_boxes([]))
    assert bar.isVisible()


def test_the_scale_bar_makes_way_for_boxes_on_the_canvas(at):
    bar = at.canvas.image.scale_bar
    bar.set_pixel_size(2.0)
    for box in at.document.open_boxes:
        at.canvas.image.look_at(box)
        at.viewer.scene.camera.zoom *= 2
        at.settle()
        for corners in (each.corners for each in at.document.shown):
            place = QRectF(at.on_screen(*corners[:2]), at.on_screen(*corners[2:]))
            place = place.adjusted(1, 1, -1, -1)  # of whole pixels
            is_large = place.width() > 2 * bar.width() and place.height() > 2 * bar.height()
            assert is_large or not bar.isVisible() or not place.intersects(QRectF(bar.geometry()))


def test_a_crosshair_follows_the_mouse_while_a_box_is_drawn(at):
    at.key(KEY.Key_G)
    at.key(KEY.Key_W)
    at._move(100, 120, Qt.MouseButton.NoButton)
    cross = at.canvas.lines._cross
    across, down = (cross.of(line)["place"] for line in (0, 1))
    assert across[:, 1] == pytest.approx(120, abs=1)
    assert down[:, 0] == pytest.approx(100, abs=1)
    at.key(KEY.Key_Escape)
    assert not at.canvas.lines.has_cross
    at._move(90, 90, Qt.MouseButton.NoButton)
    assert not at.canvas.lines.has_cross


def test_pixels_are_smoothed_on_screen_and_that_is_remembered(at):
    layer = at.canvas.image.layer
    assert layer.interpolation2d == "nearest"
    before = layer.data.copy()
    at.key(KEY.Key_F7)
    assert layer.interpolation2d == "linear"
    assert at.message == messages.SMOOTH[True]
    assert preferences.is_smooth()
    assert np.array_equal(layer.data, before)
    at.key(KEY.Key_F7)
    assert layer.interpolation2d == "nearest"
