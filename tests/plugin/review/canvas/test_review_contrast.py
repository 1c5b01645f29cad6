"""Contrast and scale bar of the image under review, in a real viewer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from qtpy.QtCore import QObject
from review_driver import shared_viewer

from napari_alc.formats.images import write_tiff
from napari_alc.plugin.review.canvas import image_layer
from napari_alc.plugin.review.canvas.image_layer import (
    MOST_STEPS,
    Contrast,
    ReviewImage,
    with_local_contrast,
)
from napari_alc.plugin.review.canvas.scale_bar import LONGEST_BAR
from napari_alc.plugin.review.image_loader import ReadImage, limits_of, load
from napari_alc.plugin.review.messages import (
    BRIGHTEST,
    COLOURS_AS_THEY_ARE,
    COMPUTING,
    DARKEST,
    NO_MEMORY,
)
from napari_alc.project.storage.records import ReviewBox
from napari_alc.wording import length_words, round_length

RANDOM = np.random.default_rng(0)
NM = {"nm": 1, "µm": 1e3, "mm": 1e6}


def read(pixels, nm_per_pixel=None):
    return ReadImage(pixels, *limits_of(pixels), nm_per_pixel)


def gray(top=4000, size=256):
    return read(RANDOM.integers(1000, top, (size, size), dtype=np.uint16))


@pytest.fixture(scope="module")
def viewer(qapp, tmp_path_factory):  # noqa: ARG001
    with shared_viewer(tmp_path_factory.mktemp("settings")) as viewer:
        yield viewer


@pytest.fixture
def view(viewer, qtbot):
    owner = QObject()
    image = ReviewImage(viewer, owner)
    bar = image.scale_bar
    image.words = []
    image.notified.connect(image.words.append)
    viewer.layers.extend(image.layers.values())
    yield image
    viewer.layers.clear()
    with qtbot.waitSignal(bar.destroyed):
        owner.deleteLater()


def wait_for_local(view, qtbot):
    qtbot.waitUntil(lambda: view.layer.data.dtype == np.uint8)


def test_the_image_is_stretched_or_as_stored_and_never_changed(view):
    image = gray()
    before = image.pixels.copy()
    view.show(image)
    assert tuple(view.layer.contrast_limits) == image.stretched
    view.toggle_stretch()
    assert tuple(view.layer.contrast_limits) == image.full
    assert view.contrast_words() == "as stored"
    view.toggle_stretch()
    assert tuple(view.layer.contrast_limits) == image.stretched
    assert view.contrast_words() == "stretched"
    assert view.layer.data is image.pixels
    np.testing.assert_array_equal(image.pixels, before)


def test_brighter_and_darker_go_in_steps_with_the_value_told(view):
    view.show(gray())
    view.brighter()
    assert view.layer.gamma == view.contrast.gamma == pytest.approx(0.8)
    assert view.contrast_words() == "stretched, brightness 1.2"
    view.darker()
    assert view.layer.gamma == 1
    assert view.contrast_words() == "stretched"
    view.darker()
    assert view.contrast_words() == "stretched, brightness 0.8"


@pytest.mark.parametrize(("way", "word"), [("brighter", BRIGHTEST), ("darker", DARKEST)])
def test_brightness_ends_somewhere_and_says_so(view, way, word):
    view.show(gray())
    for _ in range(MOST_STEPS):
        getattr(view, way)()
    assert view.words == []
    last = view.layer.gamma
    getattr(view, way)()
    assert view.words == [word]
    assert view.layer.gamma == last


def test_the_setting_stays_from_image_to_image(view, qtbot):
    view.show(gray())
    view.toggle_stretch()
    view.brighter()
    view.toggle_local()
    wait_for_local(view, qtbot)
    view.hide()
    other = gray(9000)
    view.show(other)
    assert view.contrast_words() == "as stored, brightness 1.2, local"
    wait_for_local(view, qtbot)
    view.toggle_local()
    assert tuple(view.layer.contrast_limits) == other.full
    assert view.layer.gamma == pytest.approx(0.8)


@given(st.builds(Contrast, st.booleans(), st.integers(-MOST_STEPS, MOST_STEPS), st.booleans()))
def test_a_contrast_is_read_as_it_is_kept(contrast):
    assert Contrast.read(contrast.text) == contrast


@pytest.mark.parametrize(
    "text", ["", "stretched", "stretched +9 local", "stored 0.8 global", "1 2"]
)
def test_a_text_that_is_no_contrast_stands_for_the_usual_one(text):
    assert Contrast.read(text) == Contrast()


def test_local_contrast_is_computed_beside_the_view_and_shown_when_it_is_there(view, qtbot):
    image = gray()
    before = image.pixels.copy()
    view.show(image)
    view.toggle_local()
    assert view.layer.data is image.pixels
    assert view.words == [COMPUTING]
    wait_for_local(view, qtbot)
    assert view.words == [COMPUTING, ""]
    assert view.contrast_words() == "stretched, local"
    assert view.layer.data.shape == image.pixels.shape
    low, high = view.layer.contrast_limits
    assert 0 <= low < high <= 255
    view.toggle_local()
    assert view.layer.data is image.pixels
    np.testing.assert_array_equal(image.pixels, before)


def test_local_contrast_is_kept_as_long_as_its_image(view, qtbot):
    image = gray()
    view.show(image)
    view.toggle_local()
    wait_for_local(view, qtbot)
    copy = view.layer.data
    view.toggle_local()
    view.show(gray())
    view.toggle_local()
    wait_for_local(view, qtbot)
    view.show(image)
    assert view.layer.data is copy


def test_an_image_made_ready_ahead_is_shown_with_local_contrast_at_once(view, qtbot):
    view.show(gray())
    view.toggle_local()
    wait_for_local(view, qtbot)
    following = gray(9000)
    with qtbot.waitSignal(view._copies.ready):
        view.prepare(following)
    view.words.clear()
    view.show(following)
    assert view.layer.data.dtype == np.uint8
    assert COMPUTING not in view.words


def test_nothing_is_made_ready_while_local_contrast_is_off(view, monkeypatch):
    monkeypatch.setattr(view._copies, "prepare", pytest.fail)
    view.show(gray())
    view.prepare(gray())


def test_the_copy_of_an_image_left_meanwhile_is_not_put_over_the_next(view, qtbot):
    first, second = gray(size=512), gray(9000)
    view.show(first)
    view.toggle_local()
    view.show(second)
    assert view.layer.data is second.pixels
    wait_for_local(view, qtbot)
    assert view.layer.data.shape == second.pixels.shape


def test_switching_off_while_it_is_computed_keeps_the_image(view, qtbot):
    image = gray()
    view.show(image)
    with qtbot.waitSignal(view._copies.ready):
        view.toggle_local()
        view.toggle_local()
    assert view.layer.data is image.pixels
    assert view.words == [COMPUTING, ""]


def at_corners(x, y, width, height):
    return ReviewBox(1, 1, (x, y, x + width, y + height), "crowd")


def test_stepping_keeps_the_scale_and_the_place_where_a_box_can_be_seen(view, viewer):
    view.show(gray())
    camera = viewer.scene.camera
    view.look_at(at_corners(100, 100, 6, 4))
    before = camera.center, camera.zoom
    view.look_at(at_corners(102, 101, 5, 5))
    assert (camera.center, camera.zoom) == before
    view.look_at(at_corners(160, 150, 6, 4))
    assert camera.zoom == before[1]
    assert camera.center[-2:] == (152, 163)


@pytest.mark.parametrize("side", [1, 5, 30, 60])
def test_a_box_is_never_brought_so_close_that_its_surroundings_are_gone(view, viewer, side):
    image = gray()
    view.show(image)
    viewer.scene.camera.zoom = 50
    view.look_at(at_corners(1, 1, side, side))
    seen = min(viewer.canvas.size) / viewer.scene.camera.zoom
    assert seen >= 0.25 * min(image.pixels.shape) - 1e-6
    assert side <= 0.6 * seen + 1e-6


def test_the_camera_stays_when_the_copy_comes_and_goes(view, viewer, qtbot):
    view.show(gray())
    camera = viewer.scene.camera
    view.look_at(ReviewBox(1, 1, (10, 20, 40, 60), "crowd"))
    before = camera.center, camera.zoom
    view.toggle_local()
    wait_for_local(view, qtbot)
    assert (camera.center, camera.zoom) == before
    view.toggle_local()
    assert (camera.center, camera.zoom) == before


def test_the_whole_image_stays_whole_in_a_resized_window(view, viewer, qtbot):
    view.show(gray())
    view.look_at_whole()
    camera = viewer.scene.camera
    for size in ((700, 600), (1000, 800)):
        before = viewer.canvas.size
        viewer.window.resize(*size)
        qtbot.waitUntil(lambda before=before: viewer.canvas.size != before)
        assert 256 * camera.zoom == pytest.approx(0.97 * min(viewer.canvas.size))
    camera.zoom = 3.0
    before = viewer.canvas.size
    viewer.window.resize(900, 700)
    qtbot.waitUntil(lambda: viewer.canvas.size != before)
    assert camera.zoom == 3.0


def test_too_little_memory_is_said_and_the_image_stays(view, qtbot, monkeypatch):
    def refuse(_image):
        raise MemoryError

    monkeypatch.setattr(image_layer, "with_local_contrast", refuse)
    image = gray()
    view.show(image)
    view.toggle_local()
    qtbot.waitUntil(lambda: view.words == [COMPUTING, "", NO_MEMORY])
    assert view.layer.data is image.pixels


@pytest.mark.parametrize("command", ["toggle_stretch", "brighter", "darker", "toggle_local"])
def test_colour_images_refuse_contrast_in_words(view, command):
    image = read(RANDOM.integers(0, 256, (32, 32, 3), dtype=np.uint8))
    view.show(image)
    getattr(view, command)()
    assert view.words == [COLOURS_AS_THEY_ARE]
    assert view.contrast_words() == "colours as they are"
    assert view.layer.data is image.pixels
    assert view.contrast == Contrast()


def test_colour_images_between_gray_ones_leave_the_setting_alone(view, qtbot):
    view.show(gray())
    view.toggle_local()
    wait_for_local(view, qtbot)
    view.show(read(RANDOM.integers(0, 256, (32, 32, 3), dtype=np.uint8)))
    assert [layer.visible for layer in view.layers.values()] == [False, True]
    view.show(gray())
    assert [layer.visible for layer in view.layers.values()] == [True, False]
    assert view.contrast.local


SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(
    st.sampled_from([np.uint8, np.uint16, np.int16, np.float32, np.float64]).flatmap(
        lambda kind: arrays.arrays(kind, SHAPES)
    )
)
def test_local_contrast_of_any_gray_image_is_an_image_of_the_same_size(pixels):
    before = pixels.copy()
    copy = with_local_contrast(read(pixels, 2.0))
    assert copy.pixels.dtype == np.uint8
    assert copy.pixels.shape == pixels.shape
    assert copy.nm_per_pixel == 2.0
    np.testing.assert_array_equal(pixels, before)


@pytest.mark.parametrize("value", [0, 7, 255])
def test_local_contrast_makes_nothing_out_of_an_even_image(value):
    copy = with_local_contrast(read(np.full((64, 64), value, dtype=np.uint8)))
    assert np.unique(copy.pixels).size == 1


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_local_contrast_brings_out_what_is_faint(kind):
    rows, columns = np.mgrid[:256, :256]
    pixels = 60.0 + columns / 2
    faint = np.hypot(rows - 128, columns - 128) < 8
    pixels[faint] += 6
    if kind is np.float32:
        pixels[0, :2] = np.nan, np.inf
    around = (np.hypot(rows - 128, columns - 128) < 14) & ~faint
    image = read(pixels.astype(kind))
    copy = with_local_contrast(image).pixels.astype(float)
    low, high = image.stretched
    before = (image.pixels[faint].mean() - image.pixels[around].mean()) / (high - low)
    after = (copy[faint].mean() - copy[around].mean()) / 255
    assert after > 1.3 * before > 0


def told(bar):
    value, unit = bar.words.split()
    return float(value) * NM[unit]


@pytest.mark.parametrize(
    ("zoom", "words", "length"), [(1.0, "200 nm", 100), (4.0, "50 nm", 100), (0.1, "2 µm", 100)]
)
def test_the_scale_bar_is_right_at_every_zoom(view, viewer, zoom, words, length):
    view.show(read(gray().pixels, nm_per_pixel=2.0))
    viewer.scene.camera.zoom = zoom
    assert view.scale_bar.words == words
    assert view.scale_bar.length == pytest.approx(length)
    assert all(layer.scale.tolist() == [1, 1] for layer in view.layers.values())


def test_the_scale_bar_is_as_long_as_it_says_on_screen(view, viewer):
    view.show(read(gray().pixels, nm_per_pixel=1.3))
    view.look_at_whole()
    bar = view.scale_bar
    line = bar.grab().toImage()
    row = line.height() - 1 - round(10 * line.devicePixelRatio())
    white = [x for x in range(line.width()) if line.pixelColor(x, row).lightness() > 250]
    shown = len(white) / line.devicePixelRatio()
    assert shown == pytest.approx(told(bar) / 1.3 * viewer.scene.camera.zoom, abs=2)


@given(st.floats(1e-3, 1e6), st.floats(1e-3, 1e2))
def test_a_scale_bar_is_a_round_number_and_never_short_or_long(nanometres, zoom):
    longest = LONGEST_BAR * nanometres / zoom
    length = round_length(longest)
    assert 0.39 * longest <= length <= longest * (1 + 1e-9)
    value, unit = length_words(length).split()
    assert float(value) * NM[unit] == pytest.approx(length)
    assert value.strip("0.")[0] in "125"


def test_the_scale_bar_is_hidden_where_no_pixel_size_is_stated(view, tmp_path):
    write_tiff(tmp_path / "with.tif", gray().pixels, pixel_size_nm=2.0)
    write_tiff(tmp_path / "without.tif", gray().pixels)
    view.show(load(tmp_path / "with.tif"))
    assert view.scale_bar.isVisible()
    view.show(load(tmp_path / "without.tif"))
    assert not view.scale_bar.isVisible()
    view.show(load(tmp_path / "with.tif"))
    view.hide()
    assert not view.scale_bar.isVisible()


def test_the_scale_bar_stays_in_the_corner_of_a_resized_window(view, viewer, qtbot):
    view.show(read(gray().pixels, nm_per_pixel=2.0))
    bar, canvas = view.scale_bar, view.scale_bar.parentWidget()

    def gap():
        return canvas.rect().bottomRight() - bar.geometry().bottomRight()

    before, width = gap(), canvas.width()
    viewer.window.resize(1000, 700)
    qtbot.waitUntil(lambda: canvas.width() != width)
    assert gap() == before
